/* request.h: one HTTP request, from its head to the end of its reply.
 *
 *   head parsed -> app.on_request(r) -> [request_body(r, sink) -> sink.end] -> reply_send(r) -> gone
 *                                   \-> app.on_gone(r) when the client went away or ran out of time first
 *
 * The connection owns the request and its arena; both live until the reply was sent or on_gone returned. After
 * reply_send the caller must not touch r again. Exactly one of reply_send and on_gone ends a request. A body that
 * nobody asked for is read and dropped when small, else the connection is closed after the reply. Loop thread only. */
#ifndef GIFD_HTTP_REQUEST_H
#define GIFD_HTTP_REQUEST_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/ip.h"
#include "base/trace.h"

#include <stdbool.h>
#include <stdint.h>

enum http_method { HTTP_GET = 1, HTTP_HEAD, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS };
const char *http_method_name(enum http_method m);

struct http_header {
    struct slice name;  /* as sent */
    struct slice value; /* trimmed */
};

#define REQUEST_ID_LEN 26

struct conn;

struct request {
    struct arena arena; /* for whoever works on the request; freed with it */
    struct conn *conn;
    enum http_method method;
    struct slice target; /* as sent */
    struct slice path; /* decoded once, dot segments resolved or refused, always starts with '/', valid UTF-8, no NUL */
    struct slice query; /* raw, without '?' */
    struct slice host;  /* of the target when absolute, else of Host; "" in HTTP/1.0 without one. Or what a trusted
                         * proxy says that its client asked for: then host_told */
    bool host_told;
    bool here;          /* its connection comes from this machine: loopback, and no PROXY header names somebody else */
    const char *scheme; /* "https" when a trusted proxy says that its client came over TLS, else "http" */
    const struct http_header *headers;
    size_t header_count;
    int64_t content_length;      /* -1: none given */
    bool has_body;               /* chunked or content_length > 0 */
    bool minor_zero;             /* HTTP/1.0 */
    char id[REQUEST_ID_LEN + 1]; /* the client's Request-Id when it is a sane token, else random; echoed in the reply */
    char client_ip[IP_TEXT_MAX]; /* text of client */
    struct ip client;            /* the connection's peer, or whom trusted proxies name: server.h */
    struct trace trace;          /* the app's: which one it belongs to; off until it says so */
    uint64_t started_ns;         /* clock_mono_ns when the head was complete */
    void *user;                  /* the app's */
    void *account;               /* the app's, for on_reply: whose reply it is */
    unsigned outcome;            /* the same: how it came about */
    struct slice fields;         /* the app's: header lines of whatever reply it ends with, each "\r\nName: value" */
};

/* The first header of that name (ASCII case ignored), or an empty slice with p == NULL. */
struct slice request_header(const struct request *r, const char *name);

/* Where a body goes. Declared here because http may not know what stores it. */
struct body_sink {
    void *to;
    uint64_t max; /* bytes; more is GIFD_ETOOBIG to end(), and no byte beyond max reaches data() */
    /* 0: go on. BODY_PAUSE: taken, but send no more until request_body_resume (back-pressure). Negative: stop; the
     * same code and e reach end(). Bytes are valid during the call. */
    int (*data)(void *to, const uint8_t *bytes, size_t n, struct err *e);
    /* Exactly once unless on_gone came first: rc 0 when the body is complete. After a failure (GIFD_ETOOBIG,
     * GIFD_ETIMEOUT too slow, GIFD_EPROTOCOL bad chunk, or data()'s own) the caller still answers with reply_send, and
     * the connection closes after it. */
    void (*end)(void *to, int rc, const struct err *e);
};
#define BODY_PAUSE 1

/* Starts reading the body; sends 100 Continue if the client waits for it. A request without a body ends at once (end is
 * called before this returns). At most once per request. */
void request_body(struct request *r, const struct body_sink *sink);
void request_body_resume(struct request *r);

#endif
