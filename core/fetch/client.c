/* client.c: see client.h. libcurl's multi interface on the loop, and who runs when.
 *
 * libcurl says which descriptors and what time it waits for (on_interest, on_alarm_wanted); the loop tells it what came
 * (act). What has ended is collected after each of these, never inside libcurl's own callbacks, so that done() may
 * start and cancel what it likes. The client may even be freed in a done(): it goes when the loop's callback ends. */
#include "fetch/client_int.h"

#include <stdlib.h>

const struct fetch_settings fetch_settings_default = {
    .guard = {.port_count = 2, .ports = {80, 443}},
    .timeout_ms = 30000,
    .connect_ms = 10000,
    .slow_ms = 20000,
    .slow_rate = 1024,
    .body_bytes = 8 << 20,
    .blob_bytes = 100 << 20,
    .head_bytes = 65536,
    .concurrent = 64,
    .per_host = 6,
    .queue = 1000,
    .redirects = 3,
    .retry_after_ms = 60000,
};

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

/* What libcurl writes itself, and what would make one request look like another. */
static const char *const own_fields[] = {
    "host",    "content-length", "transfer-encoding",   "connection",       "keep-alive",      "upgrade",       "te",
    "trailer", "expect",         "proxy-authorization", "proxy-connection", "accept-encoding", "http2-settings"};

static void pump(struct fetch_client *c);

/* ---- origins ---- */

static struct origin *origin_of(struct fetch_client *c, const struct url *u)
{
    LIST_EACH(n, &c->origins)
    {
        struct origin *o = LIST_OF(n, struct origin, node);
        if (o->tls == u->tls && o->port == u->port && !strcmp(o->host, u->host)) return o;
    }
    struct origin *o = calloc(1, sizeof *o);
    if (!o) return NULL;
    o->tls = u->tls;
    o->port = u->port;
    memcpy(o->host, u->host, sizeof o->host);
    list_push(&c->origins, &o->node);
    return o;
}

static void leave_origin(struct fetch *f)
{
    struct origin *o = f->origin;
    f->origin = NULL;
    if (!o || --o->users) return;
    list_remove(&o->node);
    free(o);
}

/* ---- one fetch from queue to end ---- */

static void stop_running(struct fetch *f)
{
    if (!f->runs) return;
    f->runs = false;
    f->origin->running--;
    f->c->running_count--;
}

static void release(struct fetch *f)
{
    struct fetch_client *c = f->c;
    leg__end(f);
    if (f->runs)
        stop_running(f);
    else
        c->idle_count--;
    list_remove(&f->node);
    leave_origin(f);
    buf_free(&f->leg.head);
    buf_free(&f->leg.body);
    arena_free(&f->arena);
    free(f);
}

static void end(struct fetch *f, int rc, const struct err *e)
{
    struct fetch_header headers[FETCH_HEADERS_MAX];
    const struct leg *l = &f->leg;
    struct fetch_answer a = {.status = l->status,
                             .version = f->version,
                             .url = slice_of(f->url.text, f->url.n),
                             .headers = headers,
                             .body = buf_slice(&l->body),
                             .sunk = l->sunk,
                             .bytes = l->bytes,
                             .redirects = f->redirects,
                             .attempts = f->attempts};
    if (rc == GIFD_OK) a.header_count = leg__headers(l, headers);
    fetch_done_fn done = f->done;
    f->done = NULL;
    done(f->arg, rc, rc < 0 ? NULL : &a, e);
    release(f);
}

/* To the waiting ones: at the end, or in front when it had its turn already. */
static int enter(struct fetch *f, bool front, struct err *e)
{
    f->origin = origin_of(f->c, &f->url);
    if (!f->origin) return err_set(e, GIFD_ENOMEM, "no memory for a fetch");
    f->origin->users++;
    list_push(front ? f->c->waiting.next : &f->c->waiting, &f->node);
    return GIFD_OK;
}

static void run(struct fetch *f)
{
    struct fetch_client *c = f->c;
    struct err e = {0};
    list_remove(&f->node);
    list_push(&c->running, &f->node);
    c->idle_count--;
    c->running_count++;
    f->origin->running++;
    f->runs = true;
    if (leg__begin(f, &e) < 0) end(f, e.code, &e);
}

/* Between legs: it neither runs nor belongs to an origin. */
static void set_aside(struct fetch *f)
{
    leg__end(f);
    stop_running(f);
    leave_origin(f);
    list_remove(&f->node);
    f->c->idle_count++;
}

static void leg_ended(struct fetch *f, CURLcode code)
{
    struct err e = {0};
    struct fetch_client *c = f->c;
    char *location = NULL;
    long version = 0;
    int rc = leg__outcome(f, code, &e);
    uint64_t now = loop_now_ms(c->loop);
    c->lib->easy_getinfo(f->leg.easy, CURLINFO_HTTP_VERSION, &version);
    f->version = version == CURL_HTTP_VERSION_2_0 ? "2" : version == CURL_HTTP_VERSION_1_0 ? "1.0" : "1.1";
    if (rc == GIFD_OK && f->leg.skip) {
        c->lib->easy_getinfo(f->leg.easy, CURLINFO_REDIRECT_URL, &location);
        rc = rules__hop(f, slice_str(location ? location : ""), &e);
        set_aside(f);
        if (rc == GIFD_OK) rc = enter(f, true, &e);
        if (rc < 0) end(f, rc, &e);
        return;
    }
    int64_t rest = rules__rest(f, rc, now);
    if (rest < 0) {
        end(f, rc, &e);
        return;
    }
    set_aside(f);
    f->wake_ms = now + (uint64_t)rest;
    list_push(&c->resting, &f->node);
}

static void wake(struct fetch *f)
{
    struct err e = {0};
    list_remove(&f->node);
    f->attempts++;
    if (rules__begin(f, &e) < 0 || enter(f, false, &e) < 0) end(f, e.code, &e);
}

/* ---- the queue and its clock ---- */

static void on_clock(uv_timer_t *timer);

static void set_clock(struct fetch_client *c)
{
    uint64_t next = UINT64_MAX, now = loop_now_ms(c->loop);
    LIST_EACH(n, &c->waiting)
    {
        struct fetch *f = LIST_OF(n, struct fetch, node);
        if (f->deadline_ms < next) next = f->deadline_ms;
    }
    LIST_EACH(n, &c->resting)
    {
        struct fetch *f = LIST_OF(n, struct fetch, node);
        if (f->wake_ms < next) next = f->wake_ms;
    }
    if (next == UINT64_MAX)
        uv_timer_stop(&c->clock);
    else
        uv_timer_start(&c->clock, on_clock, next > now ? next - now : 0, 0);
}

static struct fetch *startable(struct fetch_client *c)
{
    if (c->running_count >= c->s.concurrent) return NULL;
    LIST_EACH(n, &c->waiting)
    {
        struct fetch *f = LIST_OF(n, struct fetch, node);
        if (f->origin->running < c->s.per_host) return f;
    }
    return NULL;
}

/* Starts what may run. A done() on the way changes the lists, so that each step looks anew. */
static void pump(struct fetch_client *c)
{
    for (struct fetch *f; !c->freed && (f = startable(c));) run(f);
    if (!c->freed) set_clock(c);
}

static void collect(struct fetch_client *c)
{
    int left;
    for (CURLMsg *m; !c->freed && (m = c->lib->multi_info_read(c->multi, &left));) {
        char *f = NULL;
        if (m->msg != CURLMSG_DONE) continue;
        CURLcode code = m->data.result;
        c->lib->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &f);
        leg_ended((struct fetch *)(void *)f, code);
    }
    pump(c);
}

static void really_free(struct fetch_client *c);

static void enter_loop(struct fetch_client *c)
{
    c->busy = true;
}

static void leave_loop(struct fetch_client *c)
{
    c->busy = false;
    if (c->freed) really_free(c);
}

static struct fetch *due(struct fetch_client *c, uint64_t now)
{
    LIST_EACH(n, &c->resting)
    {
        struct fetch *f = LIST_OF(n, struct fetch, node);
        if (f->wake_ms <= now) return f;
    }
    return NULL;
}

static struct fetch *overdue(struct fetch_client *c, uint64_t now)
{
    LIST_EACH(n, &c->waiting)
    {
        struct fetch *f = LIST_OF(n, struct fetch, node);
        if (f->deadline_ms <= now) return f;
    }
    return NULL;
}

static void on_clock(uv_timer_t *timer)
{
    struct fetch_client *c = timer->data;
    struct err e = {0};
    uint64_t now = loop_now_ms(c->loop);
    enter_loop(c);
    err_set(&e, GIFD_ETIMEOUT, "no turn came in time: %zu fetches run", c->running_count);
    for (struct fetch *f; !c->freed && (f = overdue(c, now));) end(f, e.code, &e);
    for (struct fetch *f; !c->freed && (f = due(c, now));) wake(f);
    pump(c);
    leave_loop(c);
}

/* ---- libcurl and the loop ---- */

struct watch {
    struct list node; /* in client->sockets */
    uv_poll_t poll;
    struct fetch_client *c;
    curl_socket_t fd;
};

static void act(struct fetch_client *c, curl_socket_t fd, int events)
{
    int running;
    enter_loop(c);
    c->lib->multi_socket_action(c->multi, fd, events, &running);
    collect(c);
    leave_loop(c);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    int mask = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE) mask |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) mask |= CURL_CSELECT_OUT;
    act(w->c, w->fd, mask);
}

static void free_watch(uv_handle_t *poll)
{
    free(LIST_OF(poll, struct watch, poll));
}

static void close_watch(struct watch *w)
{
    list_remove(&w->node);
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, free_watch);
}

static struct watch *find_watch(struct fetch_client *c, curl_socket_t fd)
{
    LIST_EACH(n, &c->sockets)
    {
        struct watch *w = LIST_OF(n, struct watch, node);
        if (w->fd == fd) return w;
    }
    return NULL;
}

static struct watch *open_watch(struct fetch_client *c, curl_socket_t fd)
{
    struct watch *w = calloc(1, sizeof *w);
    if (!w || uv_poll_init_socket(&c->loop->uv, &w->poll, fd) < 0) {
        free(w);
        return NULL;
    }
    w->c = c;
    w->fd = fd;
    w->poll.data = w;
    list_push(&c->sockets, &w->node);
    return w;
}

static int on_interest(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    struct fetch_client *c = arg;
    struct watch *w = find_watch(c, fd);
    (void)easy, (void)unused;
    if (what == CURL_POLL_REMOVE) {
        if (w) close_watch(w);
        return 0;
    }
    if (!w) w = open_watch(c, fd);
    if (!w) return -1;
    uv_poll_start(&w->poll, (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
                  on_ready);
    return 0;
}

static void on_alarm(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_alarm_wanted(CURLM *multi, long ms, void *arg)
{
    struct fetch_client *c = arg;
    (void)multi;
    if (ms < 0)
        uv_timer_stop(&c->alarm);
    else
        uv_timer_start(&c->alarm, on_alarm, (uint64_t)ms, 0);
    return 0;
}

/* ---- asking ---- */

static int check_field(const struct fetch_header *h, struct err *e)
{
    if (h->name.n == 0) return err_set(e, GIFD_EINVALID, "a field without a name");
    for (size_t i = 0; i < h->name.n; i++) {
        unsigned char c = (unsigned char)h->name.p[i];
        if (c <= 0x20 || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return err_set(e, GIFD_EINVALID, "\"%.*s\" is no name of a field", (int)h->name.n, h->name.p);
    }
    for (size_t i = 0; i < h->value.n; i++) {
        unsigned char c = (unsigned char)h->value.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return err_set(e, GIFD_EINVALID, "field %.*s: control characters", (int)h->name.n, h->name.p);
    }
    for (size_t i = 0; i < sizeof own_fields / sizeof *own_fields; i++)
        if (slice_ieq(h->name, slice_str(own_fields[i])))
            return err_set(e, GIFD_EINVALID, "field %s is not the caller's to set", own_fields[i]);
    return GIFD_OK;
}

static int check(const struct fetch_client *c, struct fetch_request *r, struct err *e)
{
    size_t bytes = 0;
    const char *method = NULL;
    if (r->method.n == 0) r->method = r->body.p ? SLICE("POST") : SLICE("GET");
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (slice_is(r->method, methods[i])) method = methods[i];
    if (!method) return err_set(e, GIFD_EINVALID, "method \"%.*s\" is not known", (int)r->method.n, r->method.p);
    if (r->body.p && (slice_is(r->method, "GET") || slice_is(r->method, "HEAD")))
        return err_set(e, GIFD_EINVALID, "%s has no body", method);
    r->method.p = method;
    for (size_t i = 0; i < r->header_count; i++) {
        int rc = check_field(&r->headers[i], e);
        if (rc < 0) return rc;
        bytes += r->headers[i].name.n + r->headers[i].value.n + 2;
    }
    if (bytes > FETCH_SENT_MAX) return err_set(e, GIFD_ETOOBIG, "more than %d bytes of fields", FETCH_SENT_MAX);
    uint64_t most = r->sink ? c->s.blob_bytes : c->s.body_bytes;
    if (r->timeout_ms == 0) r->timeout_ms = c->s.timeout_ms;
    if (r->max_bytes == 0 || r->max_bytes > most) r->max_bytes = most;
    if (r->redirects < 0) r->redirects = (int)c->s.redirects;
    if (r->timeout_ms > FETCH_TIMEOUT_MAX_MS || r->redirects > FETCH_REDIRECTS_MAX || r->retries > FETCH_RETRIES_MAX)
        return err_set(e, GIFD_EINVALID, "timeout, redirects or retries out of bounds");
    return GIFD_OK;
}

static struct slice keep(struct fetch *f, struct slice s, bool *ok)
{
    char *p = s.p ? arena_strndup(&f->arena, s.p, s.n) : NULL;
    *ok = *ok && (p || !s.p);
    return slice_of(p, s.n);
}

static int copy(struct fetch *f, const struct fetch_request *r)
{
    bool ok = true;
    size_t hosts = r->host_count, fields = r->header_count;
    f->asked = *r;
    f->asked.url = keep(f, r->url, &ok);
    f->asked.body = keep(f, r->body, &ok);
    struct fetch_header *h = arena_alloc(&f->arena, (fields + 1) * sizeof *h);
    struct slice *names = arena_alloc(&f->arena, (hosts + 1) * sizeof *names);
    if (!h || !names) return GIFD_ENOMEM;
    for (size_t i = 0; i < fields; i++)
        h[i] = (struct fetch_header){keep(f, r->headers[i].name, &ok), keep(f, r->headers[i].value, &ok)};
    for (size_t i = 0; i < hosts; i++) names[i] = keep(f, r->hosts[i], &ok);
    f->asked.headers = h;
    f->asked.hosts = names;
    return ok ? GIFD_OK : GIFD_ENOMEM;
}

struct fetch *fetch_start(struct fetch_client *c, const struct fetch_request *r, fetch_done_fn done, void *arg,
                          struct err *e)
{
    struct fetch_request checked = *r;
    if (check(c, &checked, e) < 0) return NULL;
    if (c->idle_count >= c->s.queue) {
        err_set(e, GIFD_EBUSY, "%zu fetches wait already", c->idle_count);
        return NULL;
    }
    struct fetch *f = calloc(1, sizeof *f);
    if (!f) {
        err_set(e, GIFD_ENOMEM, "no memory for a fetch");
        return NULL;
    }
    arena_init(&f->arena, checked.url.n + checked.body.n + (1 << 20));
    list_init(&f->node);
    f->c = c;
    f->done = done;
    f->arg = arg;
    f->attempts = 1;
    f->deadline_ms = loop_now_ms(c->loop) + checked.timeout_ms;
    c->idle_count++;
    int rc = copy(f, &checked) < 0 ? err_set(e, GIFD_ENOMEM, "no memory for a fetch") : rules__begin(f, e);
    if (rc == GIFD_OK) rc = enter(f, false, e);
    if (rc < 0) {
        release(f);
        return NULL;
    }
    /* not here and now: done() is called later, whatever happens */
    if (!c->busy) uv_timer_start(&c->clock, on_clock, 0, 0);
    return f;
}

void fetch_cancel(struct fetch *f)
{
    if (!f->done) return; /* its end is being told */
    struct fetch_client *c = f->c;
    release(f);
    if (!c->busy) uv_timer_start(&c->clock, on_clock, 0, 0);
}

/* ---- birth and end ---- */

struct fetch_client *fetch_client_new(struct loop *l, const struct fetch_settings *s, struct err *e)
{
    const struct curl_library *lib = curl__load(e);
    struct fetch_client *c = lib ? calloc(1, sizeof *c) : NULL;
    CURLM *multi = c ? lib->multi_init() : NULL;
    if (!multi) {
        if (lib) err_set(e, GIFD_ENOMEM, "no memory to fetch with");
        free(c);
        return NULL;
    }
    *c = (struct fetch_client){.lib = lib, .loop = l, .s = *s, .multi = multi, .handles = 2};
    list_init(&c->running);
    list_init(&c->waiting);
    list_init(&c->resting);
    list_init(&c->origins);
    list_init(&c->sockets);
    uv_timer_init(&l->uv, &c->alarm);
    uv_timer_init(&l->uv, &c->clock);
    c->alarm.data = c->clock.data = c;
    lib->multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_interest);
    lib->multi_setopt(multi, CURLMOPT_SOCKETDATA, c);
    lib->multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_alarm_wanted);
    lib->multi_setopt(multi, CURLMOPT_TIMERDATA, c);
    lib->multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)s->concurrent);
    return c;
}

static void free_timer(uv_handle_t *timer)
{
    struct fetch_client *c = timer->data;
    if (--c->handles == 0) free(c);
}

static void really_free(struct fetch_client *c)
{
    struct list *const all[] = {&c->running, &c->waiting, &c->resting};
    for (size_t i = 0; i < 3; i++)
        while (!list_empty(all[i])) release(LIST_OF(all[i]->next, struct fetch, node));
    c->lib->multi_cleanup(c->multi);
    while (!list_empty(&c->sockets)) close_watch(LIST_OF(c->sockets.next, struct watch, node));
    uv_close((uv_handle_t *)&c->alarm, free_timer);
    uv_close((uv_handle_t *)&c->clock, free_timer);
}

void fetch_client_free(struct fetch_client *c)
{
    if (!c) return;
    c->freed = true;
    if (!c->busy) really_free(c);
}
