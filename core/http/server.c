/* server.c: see server.h; the drawing of a connection is in conn_int.h. */
#include "http/server_int.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/h2_int.h"
#include "http/h2_memory_int.h"
#include "http/holder_int.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>

#define TICK_EVERY_MS 250
#define DONE_SOON_MS 0
#define BUSY_MS 60000 /* that clients of HTTP/2 which are never quiet may go on with a server that retires */

const struct http_limits http_limits_default = {
    .head_bytes = 32768,
    .head_fields = 100,
    .target_bytes = 8192,
    .head_ms = 15000,
    .idle_ms = 60000,
    .body_ms = 30000,
    .body_rate = 1024,
    .send_ms = 30000,
    .connections = 8192,
    .drain_ms = 10000,
};

void *pool__take(struct pool *p, size_t size)
{
    struct pooled *m = p->first;
    if (!m) return malloc(size);
    p->first = m->next;
    p->count--;
    return m;
}

void pool__put(struct pool *p, void *memory)
{
    if (!memory) return;
    if (p->count >= p->max) {
        free(memory);
        return;
    }
    struct pooled *m = memory;
    m->next = p->first;
    p->first = m;
    p->count++;
}

void pool__free(struct pool *p)
{
    p->max = 0;
    while (p->first) {
        struct pooled *m = p->first;
        p->first = m->next;
        free(m);
    }
    p->count = 0;
}

static uint64_t next_random(struct http_server *s)
{
    uint64_t z = (s->random += 0x9e3779b97f4a7c15u); /* splitmix64: ids must differ, they need not be secret */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void server__random_id(struct http_server *s, char out[REQUEST_ID_LEN + 1])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint64_t bits = 0;
    for (int i = 0; i < REQUEST_ID_LEN; i++) {
        if (i % 12 == 0) bits = next_random(s);
        out[i] = digits[bits & 31];
        bits >>= 5;
    }
    out[REQUEST_ID_LEN] = 0;
}

const char *server__date(struct http_server *s, int64_t second)
{
    struct date_text *d = &s->dates[(uint64_t)second % (sizeof s->dates / sizeof *s->dates)];
    if (d->second != second || !d->text[0]) {
        d->second = second;
        clock_http_date(second, d->text);
    }
    return d->text;
}

static void free_requests(struct http_server *s)
{
    while (s->request_pool.first) {
        struct request_slot *slot = pool__take(&s->request_pool, sizeof *slot);
        arena_free(&slot->r.arena);
        free(slot);
    }
}

void server__handle_closed(struct http_server *s)
{
    if (--s->handles || !s->freed) return;
    free_requests(s);
    pool__free(&s->conn_pool);
    pool__free(&s->stream_pool);
    pool__free(&s->out_pool);
    h2__memory_free(s);
    holder__table_free(s);
    listener__doors_free(s);
    free(s->sealed);
    free(s->plain);
    free(s->scratch);
    free(s);
}

static void on_own_handle_closed(uv_handle_t *h)
{
    server__handle_closed(h->data);
}

static void on_again(uv_idle_t *i)
{
    (void)i; /* that it is active keeps the loop from sleeping */
}

/* Whoever writes a reply piece by piece writes the next one in the turn that has sent the last: such a connection has
 * another turn when the others have had theirs. */
static void on_prepare(uv_prepare_t *p)
{
    struct http_server *s = p->data;
    struct list now;
    s->sent = 0;
    list_init(&now);
    while (!list_empty(&s->ready)) list_push(&now, list_shift(&s->ready));
    while (!list_empty(&now)) conn__turn(conn__of_ready(list_shift(&now)), false);
    if (list_empty(&s->ready))
        uv_idle_stop(&s->again);
    else
        uv_idle_start(&s->again, on_again);
}

/* Who was busy is told once that is wanted, and goes when it is quiet: at once would cost it what it asks for. */
static void close_settled(struct http_server *s, uint64_t now)
{
    if (now >= s->tell_ms) s->telling = true;
    for (struct list *n = s->conns.next, *next; n != &s->conns; n = next) {
        struct conn *c = conn__of_node(n);
        next = n->next;
        if (c->h2 && s->telling) h2__notice(c);
        if (c->h2 && conn__idle(c) && h2__settled(c)) conn__turn(c, true);
    }
}

static void on_tick(struct tick *t)
{
    struct http_server *s = LIST_OF(t, struct http_server, tick);
    const uint64_t after[WAIT_KINDS] = {
        0, SHAKE_MS, s->limits.idle_ms, s->limits.head_ms, s->limits.body_ms, s->limits.send_ms, LINGER_MS};
    uint64_t now = loop_now_ms(s->loop);
    for (int k = WAIT_NONE + 1; k < WAIT_KINDS; k++) {
        while (!list_empty(&s->waits[k])) {
            struct conn *c = conn__of_wait(s->waits[k].next);
            if (now - conn__since(c) < after[k]) break;
            conn__expire(c);
        }
    }
    LIST_EACH(n, &s->waits[WAIT_BODY]) conn__check_rate(conn__of_wait(n));
    LIST_EACH(n, &s->waits[WAIT_SEND]) conn__check_rate(conn__of_wait(n));
    if (s->yielded) log_info("http.crowded", LI("closed", s->yielded), LI("connections", s->conn_count));
    s->yielded = 0;
    listener__doors_look(s);
    if (s->draining && !s->patient) close_settled(s, now);
    if (!s->draining) listener__resume_all(s); /* waiting for room: who was not idle long enough may be now */
}

/* A connection and the file it is sent: two descriptors. With fewer there are fewer connections, so that those that are
 * here can be served. */
#define OTHER_DESCRIPTORS 256
#define OTHER_AT_LEAST 48

static void fit_descriptors(struct http_server *s)
{
    struct rlimit r;
    rlim_t want = (rlim_t)s->limits.connections * 2 + OTHER_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0 || r.rlim_cur >= want) return;
    r.rlim_cur = r.rlim_max < want ? r.rlim_max : want;
    if (setrlimit(RLIMIT_NOFILE, &r) < 0) getrlimit(RLIMIT_NOFILE, &r);
    if (r.rlim_cur >= want) return;
    rlim_t other = r.rlim_cur / 8 > OTHER_AT_LEAST ? r.rlim_cur / 8 : OTHER_AT_LEAST;
    if (other > OTHER_DESCRIPTORS) other = OTHER_DESCRIPTORS;
    rlim_t fit = r.rlim_cur > other ? (r.rlim_cur - other) / 2 : 0;
    if (fit < 16) fit = 16;
    if (fit >= s->limits.connections) return;
    log_warn("http.few_descriptors", LI("descriptors", r.rlim_cur), LI("connections", fit));
    s->limits.connections = (uint32_t)fit;
}

struct http_server *http_server_new(struct loop *l, const struct http_limits *limits, const struct http_app *app,
                                    const struct http_share *share, struct err *e)
{
    struct http_server *s = calloc(1, sizeof *s);
    char *scratch = malloc(READ_SIZE);
    if (s) s->limits = *limits;
    if (!s || !scratch || holder__table(s) < 0) {
        free(s);
        free(scratch);
        err_set(e, GIFD_ENOMEM, "no memory for an HTTP server");
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN); /* sendfile knows no MSG_NOSIGNAL */
    s->loop = l;
    fit_descriptors(s);
    s->app = *app;
    s->scratch = scratch;
    if (share) s->share = *share, s->shared = true;
    s->conn_pool.max = 256;
    s->stream_pool.max = 128;
    s->request_pool.max = 64;
    s->out_pool.max = 64; /* as many replies that come in one turn; a new one costs a mapping */
    s->holder_pool.max = 64;
    if (getrandom(&s->holder_seed, sizeof s->holder_seed, 0) != sizeof s->holder_seed) s->holder_seed = clock_mono_ns();
    if (getrandom(&s->random, sizeof s->random, 0) != sizeof s->random) s->random = clock_mono_ns();
    list_init(&s->listeners);
    list_init(&s->doors);
    list_init(&s->conns);
    list_init(&s->ready);
    list_init(&s->crowded);
    for (int k = 0; k < WAIT_KINDS; k++) list_init(&s->waits[k]);
    uv_prepare_init(&l->uv, &s->prepare);
    s->prepare.data = s;
    uv_prepare_start(&s->prepare, on_prepare);
    uv_unref((uv_handle_t *)&s->prepare);
    uv_idle_init(&l->uv, &s->again);
    s->again.data = s;
    uv_unref((uv_handle_t *)&s->again);
    uv_timer_init(&l->uv, &s->drain_timer);
    s->drain_timer.data = s;
    s->handles = 3;
    tick_start(l, &s->tick, TICK_EVERY_MS, on_tick);
    return s;
}

void http_server_trust(struct http_server *s, const struct cidr_list *proxies)
{
    s->trusted = *proxies;
}

int http_server_listen_with(struct http_server *s, int fd, const struct http_listening *how, struct err *e)
{
    return listener__open(s, fd, how, e);
}

int http_server_listen(struct http_server *s, int fd, struct err *e)
{
    return listener__open(s, fd, &(struct http_listening){0}, e);
}

size_t http_server_connections(const struct http_server *s)
{
    return s->conn_count;
}

struct http_traffic http_server_traffic(const struct http_server *s)
{
    return s->traffic;
}

static void close_everybody(struct http_server *s)
{
    while (!list_empty(&s->conns)) conn__close(conn__of_node(s->conns.next));
}

static void on_drain_timer(uv_timer_t *t)
{
    struct http_server *s = t->data;
    void (*done)(void *) = s->drained;
    if (s->conn_count) log_info("http.drain_cut", LI("connections", s->conn_count));
    close_everybody(s);
    s->drained = NULL;
    if (done) done(s->drained_arg);
}

void server__conn_gone(struct http_server *s)
{
    s->conn_count--;
    if (s->shared) atomic_fetch_sub_explicit(&s->share.held[s->share.self], 1, memory_order_relaxed);
    if (!s->draining)
        listener__resume_all(s);
    else if (s->conn_count == 0 && s->drained && !s->freed)
        uv_timer_start(&s->drain_timer, on_drain_timer, DONE_SOON_MS, 0);
}

/* What has already arrived on an idle connection is answered; then it is closed. */
static void close_idle(struct http_server *s)
{
    s->patient = false;
    LIST_EACH(n, &s->conns)
    {
        struct conn *c = conn__of_node(n);
        if (c->h2 && s->telling) h2__notice(c);
        if (conn__idle(c)) conn__turn(c, true);
    }
}

static void begin_drain(struct http_server *s, void (*done)(void *), void *arg)
{
    s->draining = true;
    s->drained = done;
    s->drained_arg = arg;
    listener__close_all(s);
    LIST_EACH(n, &s->conns)
    {
        struct conn *c = conn__of_node(n);
        if (c->h2) h2__streams_over(c);
        conn__stream_over(c); /* else it would go on for ever; its reader asks somebody else */
    }
}

static void drain_within(struct http_server *s, uint32_t ms)
{
    uv_timer_start(&s->drain_timer, on_drain_timer, s->conn_count ? ms : DONE_SOON_MS, 0);
}

void http_server_drain(struct http_server *s, void (*done)(void *), void *arg)
{
    begin_drain(s, done, arg);
    s->telling = true;
    close_idle(s);
    drain_within(s, s->limits.drain_ms);
}

static void on_patience_over(uv_timer_t *t)
{
    struct http_server *s = t->data;
    close_idle(s);
    drain_within(s, s->retire_left_ms);
}

void http_server_retire(struct http_server *s, uint32_t idle_ms, uint32_t total_ms, void (*done)(void *), void *arg)
{
    begin_drain(s, done, arg);
    s->patient = true;
    s->tell_ms = loop_now_ms(s->loop) + (total_ms / 2 < BUSY_MS ? total_ms / 2 : BUSY_MS);
    s->retire_left_ms = total_ms > idle_ms ? total_ms - idle_ms : 0;
    if (s->conn_count)
        uv_timer_start(&s->drain_timer, on_patience_over, idle_ms, 0);
    else
        drain_within(s, 0);
}

void http_server_free(struct http_server *s)
{
    if (!s || s->freed) return;
    s->freed = true;
    s->draining = true;
    s->drained = NULL;
    listener__close_all(s);
    close_everybody(s);
    tick_stop(&s->tick);
    uv_close((uv_handle_t *)&s->prepare, on_own_handle_closed);
    uv_close((uv_handle_t *)&s->again, on_own_handle_closed);
    uv_close((uv_handle_t *)&s->drain_timer, on_own_handle_closed);
}
