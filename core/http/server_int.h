/* server_int.h: what listener.c, conn.c, h1.c and reply.c share of a server. Loop thread only.
 *
 * Time-outs cost no timer per connection: a connection waits in at most one list, each list has one duration, so each
 * is in order of its deadlines by itself, and a tick looks at the front. */
#ifndef GIFD_HTTP_SERVER_INT_H
#define GIFD_HTTP_SERVER_INT_H

#include "http/server.h"

enum wait_kind { WAIT_NONE, WAIT_SHAKE, WAIT_IDLE, WAIT_HEAD, WAIT_BODY, WAIT_SEND, WAIT_LINGER, WAIT_KINDS };

#define READ_SIZE 65536       /* of the server's one receive buffer */
#define MORE_SIZE 4096        /* read behind less than so much that is left over */
#define OUT_SIZE (128 * 1024) /* replies of one turn, of a connection that has something to say */
#define SMALL_BODY 32768      /* copied behind its head up to this, and sent with it; sendfile is cheaper beyond */
#define REPLY_HEAD_MAX 16384
#define OUT_ROOM (SMALL_BODY + REPLY_HEAD_MAX + 256) /* what must be free before a request is handed to the app */
#define TURN_BYTES (1536 * 1024)                     /* a connection yields to the others after sending so much, */
#define TURN_BYTES_BUSY (256 * 1024)                 /* or so much, once all of them together have sent */
#define BUSY_BYTES (32 << 20)     /* this many in one turn of the loop: what newcomers wait for stays short */
#define CROWD 128                 /* connections from which on a new one gets a short send queue, */
#define CROWD_UNSENT (256 * 1024) /* of this */
#define TLS_BATCH (128 * 1024)    /* sealed before it is sent */
#define TLS_RECORD 16384          /* plain bytes of a whole one */
#define H2_SIZES 32
#define SHAKE_MS 10000
#define LINGER_MS 5000
#define LINGER_TOTAL_MS 30000
#define DRAIN_BODY 65536 /* an unwanted body up to this is read and dropped, else the connection is closed */
#define REQUEST_MEMORY ((size_t)4 << 20)

struct out {
    struct out *next; /* in the pool */
    size_t n;
    char bytes[OUT_SIZE];
};

struct pooled {
    struct pooled *next;
};

/* A request keeps its arena's first chunk while it lies in the pool, so the link needs a place of its own. */
struct request_slot {
    struct pooled link;
    struct request r;
    struct err body_err;
};

struct pool {
    struct pooled *first;
    size_t count, max;
};

struct date_text {
    int64_t second;
    char text[30];
};

/* How the connections of one listening socket begin. The server keeps it as long as it lives. */
struct door {
    struct list node;
    struct tls_door *tls; /* NULL: plain */
    bool proxied, to_https;
    char hsts[96]; /* header line as in request.fields, or "" */
};

struct http_server {
    struct loop *loop;
    struct http_limits limits;
    struct http_app app;
    struct http_share share;
    bool shared, draining, freed;
    bool patient; /* draining, and idle connections may ask once more */
    struct list listeners, doors;
    struct list conns;
    size_t conn_count;
    struct list waits[WAIT_KINDS];
    struct cidr_list trusted;
    struct holder **holders; /* holder_int.h */
    uint64_t holder_seed;
    size_t holder_mask;
    struct list crowded;
    struct pool holder_pool;
    uint64_t yielded;  /* connections that gave way since the last tick */
    struct list ready; /* connections that something happened to outside of their own turn */
    uv_prepare_t prepare;
    uv_idle_t again; /* some are ready still */
    uv_timer_t drain_timer;
    size_t handles; /* open libuv handles: the memory lives as long as they do */
    struct tick tick;
    void (*drained)(void *);
    void *drained_arg;
    uint32_t retire_left_ms; /* after the patience */
    uint64_t tell_ms;        /* loop time, when busy clients of HTTP/2 are told too */
    bool telling;
    struct pool conn_pool, stream_pool, request_pool, out_pool;
    struct pool h2_pools[H2_SIZES]; /* h2_memory.c */
    uint64_t random;
    size_t sent; /* bytes in this turn of the loop */
    struct http_traffic traffic;
    struct date_text dates[16]; /* Last-Modified as text */
    char *scratch;              /* READ_SIZE bytes, in use by one turn at a time */
    char *sealed, *plain;       /* with TLS: records before they are sent, bytes of a file before they are sealed */
    size_t sealed_n;
};

void server__handle_closed(struct http_server *s); /* one libuv handle less */
void server__conn_gone(struct http_server *s);     /* a connection less: listeners may go on, a drain may be over */
const char *server__date(struct http_server *s, int64_t second);
void server__random_id(struct http_server *s, char out[REQUEST_ID_LEN + 1]);

void *pool__take(struct pool *p, size_t size); /* not zeroed; NULL without memory */
void pool__put(struct pool *p, void *memory);
void pool__free(struct pool *p);

/* listener.c */
int listener__open(struct http_server *s, int fd, const struct http_listening *how, struct err *e);
void listener__close_all(struct http_server *s);
void listener__resume_all(struct http_server *s);
void listener__doors_look(struct http_server *s); /* do their certificates still stand? */
void listener__doors_free(struct http_server *s);

/* conn.c */
int conn__open(struct http_server *s, int fd, const struct ip *peer,
               const struct door *door); /* takes fd, also on failure */
void conn__turn(struct conn *c, bool readable);
void conn__expire(struct conn *c); /* its time is over */
void conn__check_rate(struct conn *c);
void conn__close(struct conn *c);
void conn__abort(
    struct conn *c); /* the same, and what the kernel still has of it for a reader who does not read goes too */
bool conn__idle(const struct conn *c); /* between requests, nothing to send */
struct conn *conn__of_node(struct list *node);
struct conn *conn__of_wait(struct list *node);
struct conn *conn__of_ready(struct list *node);
uint64_t conn__since(const struct conn *c);

#endif
