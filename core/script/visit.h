/* visit.h: one request on its way through the host, and replies that need no Lua. Private to core/script.
 *
 *   request -> route -> may it? (limits.h) --no--> refused; no Lua, no SQL
 *                            |yes
 *                       kept reply? --yes--> counted and sent; no Lua, no SQL
 *                            |no, and nobody makes it: a task makes it (the filler)
 *                            |no, and somebody makes it: waits
 *   the filler's reply: kept if it says so -> sent -> those who waited get it too, or make their own
 *
 * A visit lies in its request's arena and is r->user. Requests that carry credentials (Authorization, Cookie) get only
 * kept replies that are for anyone, and never fill for others. Loop thread only. */
#ifndef GIFD_SCRIPT_VISIT_H
#define GIFD_SCRIPT_VISIT_H

#include "http/cache.h"
#include "http/router.h"
#include "script/host_int.h"

#define FILLS_MAX 256
#define VISIT_KEY_MAX 2048

/* A key of the tally, 53 bits, which Lua's numbers hold:
 *
 *   | 51..52 the app's: which event | 40..50 asker (base/asker.h; below ASKERS_OWN: the class of client) | 0..39 id |
 *
 * The app gives its own bits (model/count), the host adds who asks. What a GET counts as event 0, a HEAD counts as
 * VISIT_HEAD, if there is room for it; it counts nothing else. */
#define VISIT_ASKER_SHIFT 40 /* TALLY_ID_MASK is below */
#define VISIT_EVENT_SHIFT 51
#define VISIT_HEAD (2ull << VISIT_EVENT_SHIFT)

struct fill {
    struct list node;    /* in host->fills */
    struct list waiters; /* struct visit, first come first served */
    size_t key_n;
    char key[VISIT_KEY_MAX];
};

struct incoming;

struct visit {
    struct list node; /* in fill->waiters */
    struct host *host;
    struct request *r;
    struct task *task; /* NULL while it waits for another's reply */
    struct fill *fill;
    bool fills, cacheable, credentials;
    const struct limits *owed; /* of its route, while nobody has charged them */
    int route;                 /* its id */
    uint8_t flags;             /* of its route */
    uint8_t client;            /* class of client */
    uint8_t client_class;      /* of the key: the same where replies differ by it */
    uint8_t counted;           /* how many keys of its reply were counted; the rest found no room, and is Lua's */
    struct incoming *incoming; /* intake_visit.c: the body that it told; or NULL */
    uint64_t began;            /* the epoch before its task was started */
};

/* Ends the visit with what its task made: keeps the reply if rules (or NULL) say so, sends it, serves who waited. */
void visit_reply(struct visit *v, const struct task *t, const struct reply *p, const struct cache_rules *rules);
/* A reply was sent or will not be: who waited makes their own. */
void visit_failed(struct visit *v);
uint32_t visit_asker(const struct visit *v); /* who asks: number of an asker, or a class */
/* intake_visit.c: a route that is read without Lua. */
void intake_start(struct visit *v);
void intake_gone(struct visit *v); /* its client left before the reply */
/* route.c: the trace of a request begins: r->trace, the caller's until now or off, becomes its own. */
struct spans *route_spans(struct gen *g, struct visit *v);
/* route.c: starts the task of a request. */
struct task *route_start(struct host *h, struct visit *v, const struct route_match *match, struct err *e);

#endif
