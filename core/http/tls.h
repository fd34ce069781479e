/* tls.h: certificates of a listening socket, and what its workers share to resume sessions (RFC 8446, RFC 5246).
 *
 *   supervisor: tls_tickets_open -> (fork) -> tls_tickets_turn now and then
 *   worker:     http_server_listen_with(... how->tls ...) loads the pairs, and swaps a pair whose files have changed
 *
 * TLS 1.2 and 1.3, suites with forward secrecy and authentication only, no compression, no renegotiation, no early
 * data; ALPN h2 and http/1.1. The pair whose certificate names the server that a client asks for serves it, one that
 * names it in full before one by a wildcard, and the first pair whoever asks for none or an unknown one. Pairs with
 * keys of different kinds for one name serve it together: the client's algorithms decide. A pair that does not fit is
 * refused when it is loaded first, and later leaves the old one in place. */
#ifndef GIFD_HTTP_TLS_H
#define GIFD_HTTP_TLS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define TLS_PATH_LEN 512
#define TLS_NAMES_LEN 512

/* Files of PEM: the certificate with its chain, and its key. staple: an OCSP response in DER; "": CERT.ocsp, when there
 * is one. A staple that does not fit is not given to anybody, and is no error. */
struct tls_pair {
    char cert[TLS_PATH_LEN], key[TLS_PATH_LEN], staple[TLS_PATH_LEN];
    bool key_in_env; /* key names a variable of the environment that holds the text */
};

/* What a certificate says; times in seconds of the epoch. */
struct tls_facts {
    char subject[256], issuer[256];
    char names[TLS_NAMES_LEN]; /* DNS names and addresses, separated by spaces; cut when longer */
    char key[64];              /* "EC prime256v1", "RSA 2048" */
    char digest[65];           /* SHA-256 of the leaf, in hex */
    int64_t not_before, not_after;
    uint32_t chain; /* certificates behind the leaf */
};

/* Reads both and holds them against each other. GIFD_ENOTFOUND, GIFD_EDENIED, GIFD_ETLS with a text that names the
 * file or variable. An expired certificate is no error here. key "": the certificate alone. */
int tls_pair_look(const struct tls_pair *p, struct tls_facts *out, struct err *e);
/* GIFD_ETLS: expired, or not valid yet. */
int tls_facts_now(const struct tls_facts *f, const char *cert, struct err *e);

/* The keys that seal session tickets. Three are good at a time, the newest seals; a client may resume for a day. */
struct tls_tickets;
/* In memory that children share, and a program that takes this one's place by exec: *fd -1 gets its descriptor (closed
 * by exec until that is changed), else it is that of an earlier program. NULL: e. Lives as long as the process. */
struct tls_tickets *tls_tickets_open(int *fd, struct err *e);
void tls_tickets_turn(struct tls_tickets *t); /* a new key when it is time: by the supervisor, often */

#endif
