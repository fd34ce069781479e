/* visit.c: see visit.h. */
#include "script/visit.h"
#include "base/log.h"
#include "base/tally.h"
#include "script/caller.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct slice key_of(const struct visit *v, char *out)
{
    return slice_of(out, cache_key(v->r, v->client_class, out, VISIT_KEY_MAX));
}

/* Clients that ask for less get replies of their own: this bit beside the class. */
#define CLASS_CALM 0x80

static uint8_t calm_of(const struct request *r)
{
    struct slice save = request_header(r, "Save-Data"), motion = request_header(r, "Sec-CH-Prefers-Reduced-Motion");
    bool calm =
        slice_ieq(save, SLICE("on")) || slice_ieq(motion, SLICE("reduce")) || slice_ieq(motion, SLICE("\"reduce\""));
    return calm ? CLASS_CALM : 0;
}

/* Whose the reply will be when it is counted; g is there until then. */
static void answer_as(const struct visit *v, const struct gen *g, enum meter_cache cache)
{
    bool known = v->route > 0 && (size_t)v->route < g->route_count;
    v->r->account = known ? &g->meters[v->route] : NULL;
    v->r->outcome = cache;
}

void host_on_reply(void *to, const struct request *r, int status)
{
    struct host *h = to;
    struct meter *m = r->account ? r->account : &h->stray;
    meter_count(m, h->metrics, r, status, (enum meter_cache)r->outcome);
}

/* ---- kept replies ---- */

uint32_t visit_asker(const struct visit *v)
{
    struct segment *segment = v->host->s.segment;
    struct gen *g = v->host->live;
    if (!segment) return v->client;
    uint32_t number =
        caller_number(&v->host->callers, segment_askers(segment), segment_epoch(segment), v->r, slice_str(g->pages));
    return number ? number : v->client;
}

static bool count_one(const struct visit *v, struct tally *t, uint64_t key, uint64_t asker)
{
    bool room = asker >= ASKERS_OWN && tally_add_few(t, key | asker << VISIT_ASKER_SHIFT);
    return room || tally_add(t, key | (uint64_t)v->client << VISIT_ASKER_SHIFT, 1, NULL) == GIFD_OK;
}

static bool count_hit(struct visit *v, const struct cache_entry *entry)
{
    size_t n;
    const uint64_t *keys = cache_counts(entry, v->r, &n);
    if (v->counted >= n) return true;
    struct tally *t = segment_tally(v->host->s.segment);
    uint64_t asker = visit_asker(v);
    if (v->r->method == HTTP_HEAD) {
        for (size_t i = 0; i < n; i++)
            if (keys[i] >> VISIT_EVENT_SHIFT == 0) count_one(v, t, keys[i] | VISIT_HEAD, asker);
        return true;
    }
    for (; v->counted < n; v->counted++)
        if (!count_one(v, t, keys[v->counted], asker)) return false;
    return true;
}

/* NULL, as for nearly all: nothing is recorded. */
static struct spans *begin_spans(struct visit *v)
{
    struct host *h = v->host;
    if (!spans_wanted(h)) return NULL;
    trace_parse(request_header(v->r, "traceparent"), &v->r->trace);
    enum spans_dice dice = spans_dice(h, v->r->trace.on && v->r->trace.sampled);
    if (dice == SPANS_NOT) return NULL;
    struct spans *s = route_spans(h->live, v);
    if (dice == SPANS_KEPT) spans_keep(s);
    spans_note(s, 0, "gifd.cache", SLICE("hit"));
    return s;
}

/* False: there is none that this request may have, or it could not be counted. */
static bool serve_kept(struct visit *v, struct slice key)
{
    struct host *h = v->host;
    struct cache_entry *entry = cache_find(h->cache, key, loop_now_ms(h->s.loop));
    if (!entry || (v->credentials && !cache_for_anyone(entry)) || !count_hit(v, entry)) return false;
    v->r->user = NULL;
    struct spans *spans = begin_spans(v);
    answer_as(v, h->live, METER_HIT);
    cache_reply(h->cache, entry, v->r);
    spans_unref(spans);
    return true;
}

/* ---- making replies ---- */

static void refuse_match(const struct gen *g, struct request *r, const struct route_match *match)
{
    char allow[64];
    if (match->id == ROUTE_NOT_FOUND || r->method != HTTP_OPTIONS) refusal_mark(&g->refusals, r, ROUTE_CROSS);
    if (match->id == ROUTE_NOT_FOUND) {
        reply_problem(r, 404, "not_found", "There is nothing at this address.");
        return;
    }
    router_allow(match->methods, allow);
    struct http_header header = {SLICE("Allow"), slice_str(allow)};
    struct reply p = {.status = 204, .headers = &header, .header_count = 1, .fd = -1};
    if (r->method == HTTP_OPTIONS)
        reply_send(r, &p);
    else
        reply_problem_with(r, 405, "method_not_allowed", &header, 1, "%s is not allowed here, only %s.",
                           http_method_name(r->method), allow);
}

static void make_reply(struct visit *v, const struct route_match *match)
{
    struct request *r = v->r;
    struct err e = {0};
    answer_as(v, v->host->live, v->cacheable ? METER_MISS : METER_NONE);
    if ((v->flags & ROUTE_INTAKE) && v->host->live->intake.on && !v->host->live->intake.guarded && !v->owed) {
        intake_start(v);
        return;
    }
    if (v->cacheable) v->began = epochs_now(segment_epochs(v->host->s.segment));
    v->task = route_start(v->host, v, match, &e);
    if (v->task) {
        r->user = v;
        return;
    }
    r->user = NULL;
    struct visit left = *v; /* the reply ends the request and its arena */
    refusal_mark(&v->host->live->refusals, r, v->flags);
    if (e.code == GIFD_EINVALID) {
        reply_problem(r, 400, err_name(e.code), "%s", e.text);
    } else {
        log_error("route.failed", LS("request_id", r->id), LS("error", e.text));
        reply_problem(r, 503, "busy", "The server has no room for this request now.");
    }
    visit_failed(&left);
}

static struct fill *find_fill(struct host *h, struct slice key)
{
    LIST_EACH(n, &h->fills)
    {
        struct fill *f = LIST_OF(n, struct fill, node);
        if (slice_eq(slice_of(f->key, f->key_n), key)) return f;
    }
    return NULL;
}

static void begin_fill(struct visit *v, struct slice key)
{
    struct host *h = v->host;
    struct fill *f = h->fill_count < FILLS_MAX ? malloc(sizeof *f) : NULL;
    if (!f) return;
    memcpy(f->key, key.p, key.n);
    f->key_n = key.n;
    list_init(&f->waiters);
    list_push(&h->fills, &f->node);
    h->fill_count++;
    v->fill = f;
    v->fills = true;
}

static void match_again(struct visit *v)
{
    struct route_match match;
    router_match(v->host->live->router, v->r->method, v->r->path, &match);
    if (match.id < 0) {
        v->r->user = v->r->account = NULL;
        refuse_match(v->host->live, v->r, &match);
    } else {
        v->route = match.id;
        make_reply(v, &match);
    }
}

static void end_fill(struct host *h, struct fill *f, bool kept)
{
    list_remove(&f->node);
    h->fill_count--;
    for (struct list *n; (n = list_shift(&f->waiters));) {
        struct visit *v = LIST_OF(n, struct visit, node);
        v->fill = NULL;
        if (!kept || !serve_kept(v, slice_of(f->key, f->key_n))) match_again(v);
    }
    free(f);
}

void visit_failed(struct visit *v)
{
    struct fill *f = v->fills ? v->fill : NULL;
    v->fill = NULL;
    v->fills = false;
    if (f) end_fill(v->host, f, false);
}

void visit_reply(struct visit *v, const struct task *t, const struct reply *p, const struct cache_rules *rules)
{
    struct host *h = v->host;
    struct fill *f = v->fills ? v->fill : NULL;
    char own[VISIT_KEY_MAX];
    bool kept = false;
    if (rules && v->cacheable && t->gen == h->live && (!v->credentials || rules->anyone)) {
        struct cache_rules full = *rules;
        full.began = v->began;
        struct slice key = f ? slice_of(f->key, f->key_n) : key_of(v, own);
        kept = cache_put(h->cache, key, p, &full, loop_now_ms(h->s.loop)) != NULL;
    }
    v->r->user = NULL;
    answer_as(v, t->gen, v->cacheable ? METER_MISS : METER_NONE);
    reply_send(v->r, p); /* v is gone */
    if (f) end_fill(h, f, kept);
}

/* ---- the server's side ---- */

static void enter(struct host *h, struct visit *v, const struct route_match *match)
{
    struct request *r = v->r;
    bool known = (size_t)match->id < h->live->route_count;
    v->route = match->id;
    v->flags = known ? h->live->route_flags[match->id] : 0;
    answer_as(v, h->live, METER_NONE);
    uint8_t flags = h->cache ? v->flags : 0;
    const struct limits *limits = h->s.segment && known ? h->live->limits[match->id] : NULL;
    v->cacheable = (flags & ROUTE_CACHE) && (r->method == HTTP_GET || r->method == HTTP_HEAD) && !r->has_body;
    struct limit_ask asks[LIMIT_ASKS_MAX];
    char own[VISIT_KEY_MAX];
    struct slice key = {NULL, 0};
    if (v->cacheable || limits) v->credentials = request_header(r, "Authorization").p || request_header(r, "Cookie").p;
    if (limits) limits_expect(v, limits, asks);
    if (v->cacheable) {
        v->client = classes_client(&h->live->clients, request_header(r, "User-Agent"));
        v->client_class = flags & ROUTE_CLASSES ? v->client | calm_of(r) : 0;
        key = key_of(v, own);
        v->cacheable = key.n > 0;
    }
    if (limits && !limits_enter(v, limits, asks)) return;
    if (v->cacheable) {
        if (!v->owed && serve_kept(v, key)) return; /* what is owed is charged in Lua */
        bool shares = !v->credentials && !(flags & ROUTE_SELDOM);
        struct fill *f = shares ? find_fill(h, key) : NULL;
        if (f) {
            v->fill = f;
            r->user = v;
            list_push(&f->waiters, &v->node);
            return;
        }
        if (shares) begin_fill(v, key);
    }
    make_reply(v, match);
}

void host_on_request(void *to, struct request *r)
{
    struct host *h = to;
    struct route_match match;
    r->user = NULL;
    if (!h->live) {
        reply_problem(r, 503, "busy", "The server is starting.");
        return;
    }
    router_match(h->live->router, r->method, r->path, &match);
    if (match.id < 0) {
        refuse_match(h->live, r, &match);
        return;
    }
    struct visit *v = arena_zalloc(&r->arena, sizeof *v);
    if (!v) {
        refusal_mark(&h->live->refusals, r, 0);
        reply_problem(r, 503, "busy", "The server has no memory for this request now.");
        return;
    }
    v->host = h;
    v->r = r;
    enter(h, v, &match);
    host_settle(h);
}

void host_on_gone(void *to, struct request *r)
{
    struct host *h = to;
    struct visit *v = r->user;
    if (!v) return;
    r->user = NULL;
    struct task *t = v->task;
    if (v->incoming) {
        intake_gone(v);
    } else if (t) {
        task_cancel(t);
        t->request = NULL;
        t->body = NULL;
        visit_failed(v);
    } else if (v->fill) {
        list_remove(&v->node);
    }
    host_settle(h);
}
