/* server.h: the listening side. One per worker process; connections, limits, time-outs and draining belong to it.
 *
 * Sockets are made by the supervisor and shared by the workers. A worker accepts one connection per wake and steps back
 * while it holds more than its fair share (the counts live in shared memory). Loop thread only. */
#ifndef GIFD_HTTP_SERVER_H
#define GIFD_HTTP_SERVER_H

#include "base/cidr.h"
#include "base/metric.h"
#include "http/request.h"
#include "http/tls.h"
#include "loop/loop.h"

#include <stdatomic.h>

struct http_limits {
    uint32_t head_bytes; /* request line and fields: 431 beyond (414 when the line alone is longer than target_bytes) */
    uint32_t head_fields;  /* 431 */
    uint32_t target_bytes; /* 414 */
    uint32_t head_ms;      /* from the first byte of a head to its end: 408 */
    uint32_t idle_ms;      /* between requests: closed */
    uint32_t body_ms;      /* no byte of a body for so long: 408 */
    uint32_t body_rate;    /* bytes per second that a body must average after its first 10 s: 408; one that we send,
                              while it waits for its reader: closed */
    uint32_t send_ms;      /* a reply of which the peer acknowledges nothing for so long: closed */
    uint32_t connections;  /* per process; beyond it idle and slow ones give way, else the listener waits. Less when the
                              process may not have descriptors for twice as many */
    uint32_t per_address; /* connections of one address (IPv6: /64), beyond which a new one costs it its own oldest idle
                             or slow one. 0: an eighth of connections, at least 64, and only once three quarters of
                             them are taken */
    uint32_t drain_ms;    /* how long http_server_drain waits */
};
extern const struct http_limits
    http_limits_default; /* 32768, 100, 8192, 15000, 60000, 30000, 1024, 30000, 8192, 0, 10000 */

struct http_app {
    void *to;
    void (*on_request)(void *to, struct request *r);
    void (*on_gone)(void *to, struct request *r); /* frees what r->user holds; no reply any more */
    /* Or NULL. The head of a reply is written, whoever makes it: the app, or this server for a head that is none. */
    void (*on_reply)(void *to, const struct request *r, int status);
};

/* Connections held by each worker, in shared memory; NULL for a single process. */
struct http_share {
    _Atomic uint32_t *held; /* held[i] of worker i */
    uint32_t workers, self;
};

struct http_server;
/* Also ignores SIGPIPE in this process, which sendfile would raise. */
struct http_server *http_server_new(struct loop *l, const struct http_limits *limits, const struct http_app *app,
                                    const struct http_share *share, struct err *e);
/* Whose word about clients counts, before the first http_server_listen. Where a connection comes from a trusted
 * address, Forwarded (RFC 7239) or X-Forwarded-For, -Proto and -Host give request.client, scheme and host; from any
 * other they change nothing. Trusted addresses may have any number of connections. */
void http_server_trust(struct http_server *s, const struct cidr_list *proxies);
/* Takes over fd, a listening socket that may be shared with other processes. */
int http_server_listen(struct http_server *s, int fd, struct err *e);
struct http_listening {
    bool proxy_protocol; /* each connection begins with a PROXY header, v1 or v2, of a trusted address (of any, when
                            none is trusted): closed when it does not within head_ms */
    bool to_https;       /* every request is answered with 308 (GET, HEAD: 301) to the same target under https */
    const struct tls_pair *pairs; /* with TLS; the first is for whom no other names */
    size_t pair_count;
    uint32_t hsts_s;             /* Strict-Transport-Security: max-age; 0: none */
    struct tls_tickets *tickets; /* shared by all who listen there; NULL: keys of its own */
    struct metrics *metrics;     /* or NULL */
};
int http_server_listen_with(struct http_server *s, int fd, const struct http_listening *how, struct err *e);
/* Stops accepting, closes idle connections, lets requests finish, closes what is left after drain_ms; then done(arg).
 */
void http_server_drain(struct http_server *s, void (*done)(void *), void *arg);
/* The same when others accept on the same sockets already, so that there is no hurry: an idle connection is closed only
 * after idle_ms, since its client may be about to ask (the reply then says that it was the last), and a request that is
 * being answered gets total_ms. A connection of HTTP/2 is closed when it has been quiet for a second, and told to go
 * elsewhere when it is still busy after a minute. http_server_drain may still be called on top. */
void http_server_retire(struct http_server *s, uint32_t idle_ms, uint32_t total_ms, void (*done)(void *), void *arg);
void http_server_free(struct http_server *s); /* closes everything at once */
size_t http_server_connections(const struct http_server *s);
/* Since it was made. */
struct http_traffic {
    uint64_t received, sent; /* bytes through its sockets, those of TLS as they are on the wire */
    uint64_t left;           /* requests whose clients left before the reply */
    uint64_t reset, ended;   /* HTTP/2: streams that we gave up by RST_STREAM; connections, for floods or faults */
};
struct http_traffic http_server_traffic(const struct http_server *s);

/* Makes a listening socket for "127.0.0.1:8080", "[::1]:0", "0.0.0.0:80": non-blocking, close-on-exec, SO_REUSEADDR,
 * backlog 4096. Returns the descriptor; `url` gets "http://127.0.0.1:34567" with the real port. */
int http_listen_socket(const char *address, char *url, size_t cap, struct err *e);

#endif
