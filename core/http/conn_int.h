/* conn_int.h: one accepted socket.
 *
 *           head complete                 request_body              whole body
 *   HEAD ------------------> REQUEST -----------------> BODY ---------------------> REQUEST
 *     ^                         | reply_send               | reply_send before the end
 *     |<------------------------+-- body was read          v
 *     |<------------------------+------------------------ DRAIN   a small rest is dropped
 *                               |
 *                               +--> CLOSING: what is left is sent --> LINGER: the client's bytes are dropped until it
 *                                                                       has read the reply --> closed
 *
 * A turn is everything that one wake of the socket leads to: one recv, as many requests as it holds, their replies in
 * one buffer, one send. A reply given outside of a turn puts the connection on the server's ready list, whose turns run
 * before the loop sleeps; so the app is never entered from inside reply_send.
 *
 * What waits to be sent is `out` (bytes), then `pieces` (parts of a file or of long bytes). Nothing is parsed while
 * pieces wait, or while `out` has no room for another head and small body. Loop thread only. */
#ifndef GIFD_HTTP_CONN_INT_H
#define GIFD_HTTP_CONN_INT_H

#include "base/buf.h"
#include "http/chunk_int.h"
#include "http/head_int.h"
#include "http/reply.h"
#include "http/server_int.h"

enum conn_state {
    CONN_HEAD,
    CONN_PROXY,
    CONN_SHAKE,
    CONN_H2,
    CONN_REQUEST,
    CONN_BODY,
    CONN_DRAIN,
    CONN_CLOSING,
    CONN_LINGER,
    CONN_CLOSED
};

struct piece {
    const char *p; /* NULL: of the file */
    uint64_t n, at;
};

struct conn {
    struct list node, wait, ready;
    struct list own; /* in the lists of its holder */
    struct holder *holder;
    struct http_server *server;
    const struct door *door;
    struct tls *tls;      /* NULL: plain */
    struct h2 *h2;        /* speaks HTTP/2: h2_int.h */
    struct conn *carrier; /* NULL, or the connection that this is a stream of */
    bool shaking;         /* counted so by its holder */
    bool spoken;          /* a head was read: no preface of HTTP/2 comes any more */
    uv_poll_t poll;
    int fd, interest;
    enum conn_state state;
    enum wait_kind wait_kind;
    uint64_t since; /* loop time of entering that list */
    uint64_t linger_until;
    size_t turn_bytes;       /* sent in this turn */
    struct request *request; /* with the app, or kept because pieces point into its arena */
    bool with_app;           /* the app has it and has not replied */
    bool busy;               /* inside a turn */
    bool eof, progress;
    bool blocked;    /* parsing waits for room in the output */
    bool keep_alive; /* of the request, as its client wants it */
    bool linger;     /* the client may be sending what nobody will read */

    /* input */
    struct buf in;     /* what a turn could not use */
    const char *input; /* what this turn has not yet used: in `in`, or in the server's scratch */
    size_t input_n;
    bool input_own;
    struct head_scan scan;

    /* body of the request */
    struct body_sink sink;
    struct chunks chunks;
    bool body_asked, body_done, chunked, paused, expect;
    int body_rc;        /* of the failure that ended it, told to the sink by the next turn */
    uint64_t body_left; /* Content-Length less what came */
    uint64_t body_seen, body_since, body_paused_ms, paused_at;

    /* output */
    struct out *out;
    size_t out_sent;
    struct piece one, *pieces;
    size_t piece, piece_count;
    int file;
    char *big;
    struct kept *kept; /* what pieces and file are part of: not for us to free */

    const struct reply_calls *stream; /* its reply is written piece by piece: with_app until that ends */
    void *stream_to;
    bool stream_close; /* the connection ends with it */

    uint64_t sent;       /* in all */
    uint64_t send_since; /* when it began to wait for its reader */
    uint64_t send_base;  /* acknowledged then */
    uint64_t acked;      /* when it was last looked at */

    struct ip peer; /* or whom the PROXY header names */
    bool secure;    /* the same said so */
    bool here;      /* its peer is on this machine, and spoke for nobody else by a PROXY header */
    char client_ip[IP_TEXT_MAX];
};

/* Why its body failed: lies with the request, as few connections have one. NULL: nobody will ask. */
static inline struct err *conn__body_err(struct conn *c)
{
    return c->request ? &LIST_OF(c->request, struct request_slot, r)->body_err : NULL;
}

static inline bool conn__has_room(const struct conn *c)
{
    return c->piece == c->piece_count && (!c->out || OUT_SIZE - c->out->n >= OUT_ROOM);
}

char *conn__room(struct conn *c, size_t n); /* n bytes at the end of out, not yet counted; NULL without memory */
void conn__wait_in(struct conn *c, enum wait_kind kind);
void conn__drop_output(struct conn *c);
void conn__awaited(struct conn *c); /* it waits for nobody: a request is being worked on */
void conn__ready(struct conn *c);   /* a turn soon, unless in one */
void conn__seal(struct conn *c);    /* under TLS: what of `out` fills records, as far as there is room */
bool conn__flush(struct conn *c);   /* true when all is sent */
/* At once: `out`, and of a part of a file what the socket takes. True: nothing is left. An error shows again when the
 * turn ends. */
bool conn__send_file(struct conn *c, int fd, struct piece *p);
void conn__send_bytes(struct conn *c, struct piece *p); /* the same of bytes */
void conn__stream_over(struct conn *c);                 /* ends the stream, and tells its owner */
void conn__left(struct conn *c);                        /* the client did, before the app replied */
void conn__request_done(struct conn *c);                /* gives the request back */

/* h1.c. Each returns true when there is reason to go on. */
bool h1__head(struct conn *c);
bool h1__body(struct conn *c);
void h1__refuse(struct conn *c, int status, const char *code, const char *detail);
bool h1__accept(struct conn *c, struct slice text, size_t lines); /* a whole head */
void h1__deliver(struct conn *c, const char *p, size_t n);
void h1__finish_body(struct conn *c);
void h1__fail_body(struct conn *c);
bool h1__body_small(const struct conn *c); /* is the unread rest of the body worth dropping? */

#endif
