/* client.h: HTTP requests to other servers, on the loop.
 *
 *   fetch_start --> waiting --room--> running: one leg, a libcurl transfer --> done
 *                      ^                 |  |
 *                      +----redirect-----+  +--worth another try--> resting (back-off) --> waiting
 *
 * HTTP/1.1 and, over TLS, HTTP/2; connections are kept and used again. Each leg's URL is parsed by url.h, each socket's
 * address checked by guard.h; redirects are followed here and not by libcurl. At most `concurrent` legs run, `per_host`
 * to one origin; `queue` more wait, first come first served among those whose origin has room. Names are resolved by
 * libcurl's threads, and nothing here blocks. All is for the loop's thread. */
#ifndef GIFD_FETCH_CLIENT_H
#define GIFD_FETCH_CLIENT_H

#include "base/slice.h"
#include "fetch/guard.h"
#include "loop/loop.h"

#define FETCH_HEADERS_MAX 128
#define FETCH_HOSTS_MAX 64
#define FETCH_REDIRECTS_MAX 10
#define FETCH_RETRIES_MAX 10
#define FETCH_TIMEOUT_MAX_MS 600000
#define FETCH_ASIDE_MAX ((uint64_t)1 << 20) /* bytes of a body that was not wanted in the sink */

struct fetch_settings {
    struct guard guard;
    uint32_t timeout_ms, connect_ms; /* of a whole fetch, when it says nothing; of one connection */
    uint32_t slow_ms, slow_rate;     /* ended when it stays below so many bytes a second for so long */
    uint64_t body_bytes, blob_bytes; /* what a fetch may ask for at most, into memory and into a sink */
    uint32_t head_bytes;             /* of all heads of one leg */
    uint32_t concurrent, per_host, queue;
    uint32_t redirects; /* when a fetch says nothing */
    uint32_t retry_after_ms;
    char ca_file[512]; /* "": the system's */
};
extern const struct fetch_settings fetch_settings_default;

struct fetch_client;
/* Loads libcurl when nobody has yet: GIFD_ENOTFOUND without it. */
struct fetch_client *fetch_client_new(struct loop *l, const struct fetch_settings *s, struct err *e);
void fetch_client_free(struct fetch_client *c); /* ends what is left without telling; from a done() too; NULL is fine */

struct fetch_header {
    struct slice name, value;
};

/* Where the body of a 2xx goes, other than memory. begin: forget what came, a body begins; on retries more than once.
 */
struct fetch_sink {
    int (*begin)(void *to, struct err *e);
    int (*write)(void *to, const void *p, size_t n, struct err *e);
};

struct fetch_request {
    struct slice url, method; /* method: GET HEAD POST PUT PATCH DELETE OPTIONS; "": GET, or POST with a body */
    const struct fetch_header *headers;
    size_t header_count;
    struct slice body;             /* p == NULL: none */
    uint32_t timeout_ms;           /* from now to the end, whatever happens on the way; 0: as set */
    uint64_t max_bytes;            /* of the body as it is after decompression; 0: as set */
    int redirects;                 /* 0: a redirect is the answer; -1: as set */
    unsigned retries;              /* further tries, at failures and statuses that are worth it */
    const struct slice *hosts;     /* url_matches() patterns, one of which must fit at every hop */
    size_t host_count;             /* 0: any host */
    const struct fetch_sink *sink; /* NULL: memory */
    void *to;                      /* the sink's */
};

struct fetch_answer {
    unsigned status;
    const char *version; /* "1.1", "2" */
    struct slice url;    /* of the last hop */
    const struct fetch_header *headers;
    size_t header_count;
    struct slice body; /* what did not go to the sink */
    bool sunk;         /* the body went to the sink */
    uint64_t bytes;    /* of the body */
    unsigned redirects, attempts;
};

/* answer is NULL when rc < 0: GIFD_EADDRESS (the guard), GIFD_EDENIED (no such host in hosts), GIFD_EINVALID (a
 * redirect to a malformed URL), GIFD_ENOTFOUND (no such name), GIFD_EREFUSED, GIFD_ETIMEOUT, GIFD_ETLS, GIFD_EPROTOCOL,
 * GIFD_ETOOBIG (head, body, redirects), or the sink's own. Everything lives until it returns. */
typedef void (*fetch_done_fn)(void *arg, int rc, const struct fetch_answer *answer, const struct err *e);

/* Copies all of the request. NULL: GIFD_EINVALID, GIFD_EDENIED, GIFD_ETOOBIG, GIFD_EBUSY (the queue is full),
 * GIFD_ENOMEM. Else done(arg) once, later. */
struct fetch;
struct fetch *fetch_start(struct fetch_client *c, const struct fetch_request *r, fetch_done_fn done, void *arg,
                          struct err *e);
void fetch_cancel(struct fetch *f); /* ends it at once; done is not called */

#endif
