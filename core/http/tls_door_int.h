/* tls_door_int.h: what tls_door.c and tls.c share; the only files of this folder that see OpenSSL. */
#ifndef GIFD_HTTP_TLS_DOOR_INT_H
#define GIFD_HTTP_TLS_DOOR_INT_H

#include "base/metric.h"
#include "http/tls_int.h"

#include <openssl/ssl.h>

struct staple {
    unsigned char *p;
    size_t n;
};

struct stamp {
    uint64_t inode, size;
    int64_t s, ns;
};

struct loaded {
    struct tls_pair pair;
    struct stamp stamp[3]; /* of its files, when they were last looked at */
    SSL_CTX *ctx;
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
