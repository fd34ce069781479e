/* host.c: see host.h. Generations come and go here; requests are route.c, tasks are task.c. */
#include "base/broadcast.h"
#include "base/log.h"
#include "base/metric.h"
#include "crypto/sign.h"
#include "script/border.h"
#include "script/budget.h"
#include "script/events.h"
#include "script/host_int.h"
#include "script/hub.h"
#include "script/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROLE_RESTART_MS 1000
#define DRAIN_LAST_MS 1000

const struct binding *const host_bindings[] = {
    bind_admin, bind_blob,  bind_bundle, bind_bus,    bind_cache,    bind_console,   bind_crypto,  bind_db,
    bind_err,   bind_fetch, bind_health, bind_intake, bind_jobs,     bind_json,      bind_jwt,     bind_limit,
    bind_log,   bind_media, bind_metric, bind_near,   bind_password, bind_plugin,    bind_request, bind_rollup,
    bind_tally, bind_task,  bind_text,   bind_time,   bind_trace,    bind_workbench, NULL};

/* What processes count and say, in the memory that they share; alone, in memory of our own. */
static int share(struct host *h, struct err *e)
{
    size_t metrics = (metrics_bytes() + 63) & ~(size_t)63;
    if (h->s.segment) {
        h->metrics = segment_metrics(h->s.segment);
        h->broadcast = segment_broadcast(h->s.segment);
        return GIFD_OK;
    }
    h->own = mmap(NULL, metrics + broadcast_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (h->own == MAP_FAILED) return h->own = NULL, err_set(e, GIFD_ENOMEM, "metrics");
    h->metrics = h->own;
    h->broadcast = (struct broadcast *)(void *)((char *)h->own + metrics);
    metrics_init(h->metrics);
    broadcast_init(h->broadcast);
    return GIFD_OK;
}

static void give_back(struct host *h)
{
    if (h->own) munmap(h->own, ((metrics_bytes() + 63) & ~(size_t)63) + broadcast_bytes());
}

struct host *host_new(const struct host_services *services, struct err *e)
{
    struct host *h = calloc(1, sizeof *h);
    if (!h) {
        err_set(e, GIFD_ENOMEM, "host");
        return NULL;
    }
    h->s = *services;
    log_scope_set(task_scope);
    list_init(&h->draining);
    list_init(&h->ready);
    list_init(&h->wakers);
    list_init(&h->fills);
    list_init(&h->streams);
    list_init(&h->passwords);
    if (share(h, e) < 0 || (h->s.segment && limits_attach(&h->limits, h->s.segment, e) < 0)) {
        give_back(h);
        free(h);
        return NULL;
    }
    if (h->s.segment && h->s.role && !strcmp(h->s.role, "worker")) {
        h->cache = cache_new(segment_epochs(h->s.segment), NULL);
        if (!h->cache) {
            err_set(e, GIFD_ENOMEM, "reply cache");
            free(h);
            return NULL;
        }
    }
    return h;
}

/* ---- gifd.server ---- */

struct birth {
    struct host *h;
    const char *without;
};

static int push_server(lua_State *L, void *arg)
{
    const struct birth *b = arg;
    struct host *h = b->h;
    lua_getglobal(L, "gifd");
    lua_createtable(L, 0, 8);
    lua_pushboolean(L, h->s.dev);
    lua_setfield(L, -2, "dev");
    lua_pushstring(L, h->s.role ? h->s.role : "");
    lua_setfield(L, -2, "role");
    lua_pushinteger(L, getpid());
    lua_setfield(L, -2, "pid");
    lua_pushinteger(L, (lua_Integer)uv_available_parallelism());
    lua_setfield(L, -2, "cores");
    lua_pushstring(L, h->s.version ? h->s.version : "");
    lua_setfield(L, -2, "version");
    lua_pushstring(L, h->s.data_dir ? h->s.data_dir : "");
    lua_setfield(L, -2, "data_dir");
    lua_newtable(L);
    for (int i = 0; h->s.urls && h->s.urls[i]; i++) {
        lua_pushstring(L, h->s.urls[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "urls");
    lua_newtable(L);
    for (const char *name = b->without; *name;) {
        size_t n = strcspn(name, "\n");
        lua_pushlstring(L, name, n);
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
        name += n + (name[n] == '\n');
    }
    lua_setfield(L, -2, "without");
    lua_setfield(L, -2, "server");
    return 0;
}

/* ---- generations ---- */

int host_prepare(struct host *h, const char *bundle_path, uint64_t number, const char *without, struct err *e)
{
    struct birth b = {h, without ? without : ""};
    host_abandon(h);
    struct gen *g = gen_new(h, host_bindings, CTX_LOAD, h->s.memory_max, e);
    if (!g) return e->code;
    g->number = number ? number : h->numbers + 1;
    int rc = gen_protect(g, push_server, &b, e);
    if (rc == GIFD_OK) rc = gen_load(g, bundle_path, e);
    if (rc < 0) {
        gen_close(g);
        return rc;
    }
    h->prepared = g;
    return GIFD_OK;
}

void host_abandon(struct host *h)
{
    if (h->prepared) gen_close(h->prepared);
    h->prepared = NULL;
}

static void role_start(struct gen *g);

struct role_restart {
    uv_timer_t timer;
    struct gen *gen;
};

static void free_restart(uv_handle_t *timer)
{
    free(LIST_OF(timer, struct role_restart, timer));
}

static void on_restart(uv_timer_t *timer)
{
    struct role_restart *r = LIST_OF(timer, struct role_restart, timer);
    struct gen *g = r->gen;
    struct host *h = g->host;
    uv_close((uv_handle_t *)timer, free_restart);
    if (g->state == GEN_LIVE && !h->drain.done) role_start(g);
    gen_unref(g);
    host_settle(h);
}

static void on_role_end(struct task *t, enum task_outcome outcome, int results, const char *text)
{
    (void)results;
    struct gen *g = t->gen;
    if (outcome == TASK_RETURNED) return;
    log_error("role.failed", LS("role", g->host->s.role), LI("generation", g->number), LS("error", text));
    if (t->cancelled || g->state != GEN_LIVE) return;
    struct role_restart *r = calloc(1, sizeof *r);
    if (!r) return;
    r->gen = gen_ref(g);
    uv_timer_init(&g->host->s.loop->uv, &r->timer);
    uv_timer_start(&r->timer, on_restart, ROLE_RESTART_MS, 0);
}

static int push_role(lua_State *L, void *arg)
{
    struct gen *g = arg;
    lua_rawgeti(L, LUA_REGISTRYINDEX, g->app_ref);
    lua_getfield(L, -1, "roles");
    if (lua_istable(L, -1)) {
        lua_getfield(L, -1, g->host->s.role ? g->host->s.role : "");
        if (lua_isfunction(L, -1)) return 1;
    }
    return luaL_error(L, "none");
}

static int has_role(lua_State *L, void *arg)
{
    push_role(L, arg);
    return 0;
}

static void role_start(struct gen *g)
{
    struct err e = {0};
    if (gen_protect(g, has_role, g, NULL) < 0) return;
    struct task *t = task_start(g, CTX_JOB, "role", push_role, g, &e);
    if (t)
        t->end = on_role_end;
    else
        log_error("role.failed", LS("role", g->host->s.role), LS("error", e.text));
}

/* Background: what the role started, its own task and all that it spawned. */
void host_cancel(struct gen *g, bool background_only)
{
    LIST_EACH(n, &g->tasks)
    {
        struct task *t = LIST_OF(n, struct task, node);
        if (!background_only || t->context == CTX_JOB) task_cancel(t);
    }
}

void host_commit(struct host *h)
{
    struct gen *old = h->live;
    if (!h->prepared) return;
    h->live = h->prepared;
    h->prepared = NULL;
    h->live->state = GEN_LIVE;
    h->numbers = h->live->number;
    log_at(h->s.dev ? LOG_DEBUG : LOG_INFO, "generation.live", LI("generation", h->live->number),
           LS("digest", h->live->digest));
    if (h->cache) cache_clear(h->cache); /* made by other code */
    if (old) {
        draining_begin(old);
        gen_unref(old);
    }
    role_start(h->live);
    host_settle(h);
}

/* ---- the end of a process ---- */

static void free_timer(uv_handle_t *timer)
{
    free(timer);
}

static void drained(struct host *h)
{
    struct drain d = h->drain;
    h->drain.done = NULL;
    if (d.timer) uv_close((uv_handle_t *)d.timer, free_timer);
    h->drain.timer = NULL;
    d.done(d.arg);
}

void host_task_ended(struct host *h)
{
    if (h->drain.done && h->tasks == 0) drained(h);
}

static void cancel_all(struct host *h, bool background_only)
{
    if (h->live) host_cancel(h->live, background_only);
    LIST_EACH(n, &h->draining)
    {
        host_cancel(LIST_OF(n, struct gen, node), background_only);
    }
    host_settle(h);
}

static void on_drain_time(uv_timer_t *timer)
{
    struct host *h = timer->data;
    if (h->drain.last) {
        log_warn("host.drain", LI("tasks_left", h->tasks));
        drained(h);
        return;
    }
    h->drain.last = true;
    uv_timer_start(timer, on_drain_time, DRAIN_LAST_MS, 0);
    cancel_all(h, false);
}

void host_drain(struct host *h, uint32_t drain_ms, void (*done)(void *), void *arg)
{
    h->drain = (struct drain){.done = done, .arg = arg, .timer = calloc(1, sizeof *h->drain.timer)};
    if (h->drain.timer) {
        uv_timer_init(&h->s.loop->uv, h->drain.timer);
        h->drain.timer->data = h;
        uv_update_time(&h->s.loop->uv);
        uv_timer_start(h->drain.timer, on_drain_time, drain_ms, 0);
    }
    cancel_all(h, true);
    host_task_ended(h);
}

/* Tasks that are left are taken back one by one, so that no completion finds its asker gone. */
static void abandon_tasks(struct gen *g)
{
    for (struct list *n; (n = g->tasks.next) != &g->tasks;) {
        struct task *t = LIST_OF(n, struct task, node);
        struct wait *w = t->wait;
        list_remove(&t->node);
        list_remove(&t->ready);
        call_unref(t->call);
        t->call = NULL;
        journal_unref(t->journal);
        t->journal = NULL;
        t->state = TASK_CANCELLED;
        t->wait = NULL;
        if (t->request) t->request->user = NULL;
        if (w) {
            w->task = NULL;
            w->undo(w);
        }
        task_unref(t);
    }
    host_gen_drained(g);
    gen_close(g);
}

void host_free(struct host *h)
{
    if (!h) return;
    h->drain.done = NULL;
    if (h->drain.timer) uv_close((uv_handle_t *)h->drain.timer, free_timer);
    host_abandon(h);
    cancel_all(h, false);
    while (!list_empty(&h->draining)) abandon_tasks(LIST_OF(h->draining.next, struct gen, node));
    if (h->live) abandon_tasks(h->live);
    jobs_stop(h);
    intake_stop(h);
    rollups_stop(h);
    spans_stop(h);
    sign_keys_free(h->keys);
    cache_free(h->cache);
    passwords_stop(h);
    events_stop(h);
    hub_free(h);
    give_back(h);
    free(h);
}

void host_status(const struct host *h, struct host_status *out)
{
    *out = (struct host_status){
        .draining = (unsigned)h->draining_count, .tasks = h->tasks, .traces = spans_counts(h).active};
    if (!h->live) return;
    out->live = h->live->number;
    out->memory = h->live->memory;
    memcpy(out->digest, h->live->digest, sizeof out->digest);
}

/* ---- commands ---- */

struct command {
    const char *name;
    int argc;
    char **argv;
    void (*done)(void *, int);
    void *arg;
    int code;
};

static int push_command(lua_State *L, void *arg)
{
    struct command *c = arg;
    struct gen *g = gen_of(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, g->app_ref);
    lua_getfield(L, -1, "commands");
    if (!lua_istable(L, -1)) luaL_error(L, "there is no command %s", c->name);
    lua_getfield(L, -1, c->name);
    if (!lua_isfunction(L, -1)) luaL_error(L, "there is no command %s", c->name);
    lua_createtable(L, c->argc, 0);
    for (int i = 0; i < c->argc; i++) {
        lua_pushstring(L, c->argv[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 2;
}

static void on_command_end(struct task *t, enum task_outcome outcome, int results, const char *text)
{
    struct command *c = t->end_arg;
    int code = 1;
    if (outcome == TASK_RETURNED)
        code = results > 0 && lua_type(t->co, 1) == LUA_TNUMBER ? (int)lua_tointeger(t->co, 1) : 0;
    else
        log_error("command.failed", LS("command", t->name), LS("error", text));
    c->done(c->arg, code);
    free(c);
}

int host_command(struct host *h, const char *name, int argc, char **argv, void (*done)(void *, int), void *arg,
                 struct err *e)
{
    if (!h->live) return err_set(e, GIFD_ECLOSED, "no live generation");
    struct command *c = malloc(sizeof *c);
    if (!c) return err_set(e, GIFD_ENOMEM, "command");
    *c = (struct command){name, argc, argv, done, arg, 0};
    struct task *t =
        task_start(h->live, strcmp(name, "check") ? CTX_COMMAND : CTX_CHECK, "command", push_command, c, e);
    if (!t) {
        free(c);
        return e ? e->code : GIFD_ESCRIPT;
    }
    t->end = on_command_end;
    t->end_arg = c;
    host_settle(h);
    return GIFD_OK;
}

struct http_app host_app(struct host *h)
{
    return (struct http_app){
        .to = h, .on_request = host_on_request, .on_gone = host_on_gone, .on_reply = host_on_reply};
}
