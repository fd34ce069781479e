/* tls_door_int.h: what the files of TLS share; the only ones of this folder that see OpenSSL.
 *
 *   tls_door.c    the certificates of one listening socket: which of them a client gets, when they are swapped
 *    |- tls_pair.c    one of them, and what it says
 *    |- tls_staple.c  its OCSP response
 *    '- tls_ticket.c  keys of tickets
 *   tls.c         a connection's bytes */
#ifndef GIFD_HTTP_TLS_DOOR_INT_H
#define GIFD_HTTP_TLS_DOOR_INT_H

#include "base/metric.h"
#include "http/tls_int.h"

#include <openssl/ssl.h>

#define TICKET_LIFE_S 86400

/* tls_pair.c */
int tls__load(SSL_CTX *ctx, const struct tls_pair *p, struct err *e);
void tls__facts(SSL_CTX *ctx, struct tls_facts *f);
int64_t tls__seconds(const ASN1_TIME *t);
int tls__fault(struct err *e, const char *path, const char *what); /* GIFD_ETLS, with OpenSSL's reason */

/* tls_staple.c */
struct staple {
    unsigned char *p;
    size_t n;      /* 0: none */
    int64_t until; /* seconds of the epoch */
};
int tls__staple_load(const char *path, SSL_CTX *ctx, struct staple *out, struct err *e); /* of the pair in ctx */
void tls__staple_drop(struct staple *s);

/* tls_ticket.c; for SSL_CTX_set_tlsext_ticket_key_evp_cb, of contexts whose app data is their door */
int tls__on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                   int sealing);

struct stamp {
    uint64_t inode, size;
    int64_t s, ns;
};

struct loaded {
    struct tls_pair pair;           /* its staple: the file looked at, beside the certificate when none was named */
    bool staple_named;              /* else it may be missing */
    struct stamp stamp[2], stapled; /* of its files, when they were last looked at */
    SSL_CTX *ctx;
    struct staple staple;
    struct tls_facts facts;
    uint64_t warned_ns;
    struct metric_cell *expiry; /* or NULL */
};

/* handshakes by outcome, in memory that processes share; NULL without metrics */
enum tls_count { TLS_COUNT_12, TLS_COUNT_13, TLS_COUNT_RESUMED_12, TLS_COUNT_RESUMED_13, TLS_COUNT_FAILED, TLS_COUNTS };

struct tls_door {
    struct tls_tickets *tickets; /* NULL: keys of its own */
    uint64_t looked_ns;
    struct metric_cell *counts[TLS_COUNTS];
    size_t count;
    struct loaded loaded[];
};

void tls__count_into(struct tls_door *d, struct metrics *m);

#endif
