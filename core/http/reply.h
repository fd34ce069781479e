/* reply.h: what goes back, with conditionals and ranges decided in one place.
 *
 * reply_send writes the status line, Date, Request-Id, Content-Length, Accept-Ranges and Connection itself; a caller
 * gives the rest. With an etag or last_modified, GET and HEAD with status 200 are conditional (RFC 9110 section 13:
 * 304, 412) and rangeable (section 14: 206, 416). HEAD sends the same head and no body. Loop thread only. */
#ifndef GIFD_HTTP_REPLY_H
#define GIFD_HTTP_REPLY_H

#include "http/request.h"

/* Memory that replies are sent from without copying it: freed by its last user. */
struct kept {
    uint32_t users;
    void (*free)(struct kept *);
};

static inline void kept_leave(struct kept *k)
{
    if (k && --k->users == 0) k->free(k);
}

enum reply_body { REPLY_EMPTY, REPLY_BYTES, REPLY_FILE };

struct reply {
    int status;
    struct slice type;                 /* Content-Type; "" for none */
    struct slice etag;                 /* with its quotes, strong; "" for none */
    int64_t last_modified;             /* seconds; 0 for none */
    const struct http_header *headers; /* further ones; names and values without CR, LF, NUL (else 500 is sent) */
    size_t header_count;
    enum reply_body body;
    struct slice bytes;            /* REPLY_BYTES: copied when it cannot be sent at once */
    int fd;                        /* REPLY_FILE: a regular file; closed by the reply, also on failure */
    uint64_t size;                 /* REPLY_FILE: of the file; bytes 0 .. size are the representation */
    bool keep_fd;                  /* fd stays the caller's: what cannot be sent at once is sent from a duplicate */
    bool close;                    /* close the connection afterwards */
    struct slice ready, ready_304; /* from reply_prepare, or empty: etag, last_modified and headers as they are sent */
    const struct http_header *listed; /* what ready says, as fields of HTTP/2; or none */
    size_t listed_count;
    struct kept *kept; /* NULL, or what bytes, fd, ready and listed are part of: used instead of copied */
};

/* For a reply that is sent many times: writes its fields, checked, as they go out with `status` (200 or 304), to be
 * kept as p->ready or p->ready_304. 0: this reply cannot be prepared, or cap is too small. */
size_t reply_prepare(const struct reply *p, int status, char *out, size_t cap);

/* Is this request about to get the reply from its start: by GET, as 200, as 304, or as 206 with byte 0 in it? Not when
 * it asks for a later range, is refused (412, 416), or by HEAD. */
bool reply_from_start(const struct request *r, const struct reply *p);

/* Ends r. Everything that p points to is used or copied before this returns, or kept; fd is owned by the reply. */
void reply_send(struct request *r, const struct reply *p);

/* application/problem+json of RFC 9457: {"type":"about:blank","title","status","detail","code","request_id"}, no-store.
 * `code` is our own word ("not_found"); detail is escaped here. */
void reply_problem(struct request *r, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same with further header fields, such as Allow or Retry-After. */
void reply_problem_with(struct request *r, int status, const char *code, const struct http_header *headers,
                        size_t count, const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* The same of a field of the body, by its JSON Pointer: "errors": [{"pointer","detail"}]. */
void reply_problem_at(struct request *r, int status, const char *code, const char *pointer, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* A reply whose body is written piece by piece: chunked, to HTTP/1.0 until the connection ends. The request stays open,
 * and its client's leaving ends it. p has a status, a type and headers; conditionals and ranges do not hold.
 *
 *   reply_begin -> reply_more ... -> reply_end
 *                     | GIFD_EBUSY: the reader is behind; calls->room, once all is sent
 *                     '-> calls->gone: the client left or took nothing for send_ms, or the server drains: over
 *
 * NULL: the reply has ended already (HEAD, or it could not be built), and calls are never made. */
struct reply_calls {
    void (*room)(void *to);
    void (*gone)(void *to); /* neither reply_more nor reply_end any more */
    bool whole;             /* it has an end of its own, which a server that drains waits for */
};
struct conn *reply_begin(struct request *r, const struct reply *p, const struct reply_calls *calls, void *to);
int reply_more(struct conn *c, struct slice bytes); /* at most REPLY_PIECE_MAX; copied */
void reply_end(struct conn *c);                     /* calls->gone is not made */
void reply_cut(struct conn *c); /* the same, but the connection ends, and nobody takes the body for whole */
#define REPLY_PIECE_MAX 65536

const char *http_status_title(int status); /* "Not Found" */

#endif
