/* client_int.h: one fetch under way. Private to core/fetch.
 *
 * client.c has the loop, the queue and who runs when; leg.c one libcurl transfer; rules.c what follows from its end. */
#ifndef GIFD_FETCH_CLIENT_INT_H
#define GIFD_FETCH_CLIENT_INT_H

#include "base/arena.h"
#include "base/buf.h"
#include "fetch/client.h"
#include "fetch/curl_int.h"
#include "fetch/url.h"

#define FETCH_SENT_MAX 65536 /* bytes of one field that is sent, and of all */

struct origin {
    struct list node; /* in client->origins while anybody is there */
    bool tls;
    uint16_t port;
    unsigned users, running; /* fetches that run or wait; that run */
    char host[URL_HOST_MAX + 1];
};

struct fetch_client {
    const struct curl_library *lib;
    struct loop *loop;
    struct fetch_settings s;
    CURLM *multi;
    uv_timer_t alarm, clock; /* libcurl's; ours: deadlines of who waits, ends of rests */
    unsigned handles;        /* of the two that are not closed */
    struct list running, waiting, resting, origins, sockets;
    size_t running_count, idle_count; /* idle: waiting and resting */
    bool busy, freed;                 /* in a callback from the loop; freed meanwhile */
    const char *pin;                  /* tests: "NAME:PORT:ADDRESS" instead of what the resolver says, or NULL */
};

/* What came of a leg. */
struct leg {
    CURL *easy;
    struct curl_slist *headers, *pins;
    struct buf head, body;
    size_t head_bytes;
    bool in_head, final; /* final: the head that is no 1xx has ended */
    bool skip, sunk;     /* skip: a redirect, whose body nobody wants */
    unsigned status;
    uint64_t bytes, limit;
    struct err e;       /* of a callback of ours */
    struct err refused; /* the guard's last refusal */
    bool dialled;       /* an address that it let pass */
};

struct fetch {
    struct list node; /* in client->running, waiting or resting */
    struct fetch_client *c;
    struct arena arena;
    fetch_done_fn done;
    void *arg;
    struct fetch_request asked; /* in the arena */
    uint64_t deadline_ms, wake_ms;
    unsigned redirects, attempts;
    /* of the hop: */
    struct url url;
    struct origin *origin; /* NULL: none */
    bool runs;
    const char *method;
    struct slice body;
    const char *version;
    bool foreign; /* came to another origin: what may be secret is not sent any more */
    struct leg leg;
};

/* leg.c */
int leg__begin(struct fetch *f, struct err *e); /* adds a transfer to client->multi */
void leg__end(struct fetch *f);                 /* takes it out; also when there is none */
int leg__outcome(struct fetch *f, CURLcode code, struct err *e);
struct slice leg__header(const struct leg *l, const char *name); /* the first, p == NULL: none */
/* Into at most FETCH_HEADERS_MAX; slices point into leg->head. */
size_t leg__headers(const struct leg *l, struct fetch_header *out);

/* rules.c */
int rules__begin(struct fetch *f, struct err *e);                      /* the first hop of an attempt */
bool rules__redirects(const struct fetch *f);                          /* by status, fields and what was asked */
int rules__hop(struct fetch *f, struct slice resolved, struct err *e); /* resolved: what libcurl made of Location */
bool rules__sends(const struct fetch *f, const struct fetch_header *h);
/* Milliseconds until another try of what ended so, or -1 when there shall be none. */
int64_t rules__rest(const struct fetch *f, int rc, uint64_t now_ms);

#endif
