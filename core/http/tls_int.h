/* tls_int.h: TLS between a connection and its socket.
 *
 *   socket --recv, by OpenSSL through our BIO--> records --tls__read--> plain bytes --> conn.c as if from a socket
 *   plain bytes --tls__seal, a batch of records--> the server's sealing place --tls__push, one send--> socket
 *                                                                      '--> `left`: what the socket did not take
 *
 * The sealing place is shared by all connections of a server, and empty between two calls into a connection; so an
 * idle connection holds no buffer at all. Nothing is sealed while something is left. Loop thread only. */
#ifndef GIFD_HTTP_TLS_INT_H
#define GIFD_HTTP_TLS_INT_H

#include "http/conn_int.h"

struct tls_door;
struct tls;

/* The loaded pairs of one listening socket. */
struct tls_door *tls__door(const struct http_listening *how, struct err *e);
void tls__door_free(struct tls_door *d);
void tls__door_look(struct tls_door *d); /* have files changed? */

int tls__begin(struct conn *c, struct tls_door *d); /* c->tls */
void tls__end(struct conn *c);
void tls__say_goodbye(struct conn *c); /* close_notify is sealed, as far as there is room for it */
/* Bytes that a PROXY header was read with. */
int tls__early(struct conn *c, const char *p, size_t n);

enum tls_step { TLS_FAILED = -1, TLS_MORE, TLS_DONE, TLS_PLAIN_HTTP };
enum tls_step tls__shake(struct conn *c); /* when done, a ticket may be left to push */
bool tls__chose_h2(const struct conn *c);

/* As recv: 0 at the end, -1 with errno (EAGAIN: no more now). */
ssize_t tls__read(struct conn *c, char *to, size_t room);
bool tls__holds(const struct conn *c); /* read from the socket, not yet by us */

/* How much of n bytes was sealed: 0 when the place is full or something is left, -1 when the connection is broken. */
ssize_t tls__seal(struct conn *c, const char *p, size_t n);
/* 1: all of it is with the kernel; 0: the socket is full; -1: it is broken. */
int tls__push(struct conn *c);
bool tls__left(const struct conn *c);

#endif
