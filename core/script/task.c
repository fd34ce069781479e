/* task.c: see task.h. The only place that calls lua_resume. */
#include "script/task.h"
#include "base/clock.h"
#include "base/log.h"
#include "script/border.h"
#include "script/budget.h"
#include "script/host_int.h"
#include "script/journal.h"

#include <stdlib.h>

/* ---- making ---- */

void task_room(lua_State *L, size_t n)
{
    struct gen *g = gen_of(L);
    if (g->task_count + n > TASKS_MAX) luaL_error(L, "more than %d tasks", TASKS_MAX);
    if (g->call && g->call->plugin->tasks + n > PLUGIN_TASKS_MAX)
        luaL_error(L, "more than %d tasks of a plugin", PLUGIN_TASKS_MAX);
}

/* A task with a coroutine, READY, with nothing on its stack. May throw; L is where Lua stands now. */
static struct task *take(lua_State *L, struct gen *g, enum context context, const char *name)
{
    struct task *t;
    struct plugin *payer = g->call ? g->call->plugin : NULL;
    task_room(L, 1);
    struct list *idle = list_shift(&g->idle);
    if (idle) {
        t = LIST_OF(idle, struct task, node);
        g->idle_count--;
        *t = (struct task){.co = t->co, .co_ref = t->co_ref};
    } else {
        lua_State *co = lua_newthread(L);
        int ref = luaL_ref(L, LUA_REGISTRYINDEX);
        t = calloc(1, sizeof *t);
        if (!t) {
            luaL_unref(L, LUA_REGISTRYINDEX, ref);
            luaL_error(L, "not enough memory");
        }
        t->co = co;
        t->co_ref = ref;
    }
    t->gen = gen_ref(g);
    t->refs = 1;
    t->state = TASK_READY;
    t->context = context;
    t->name = name;
    t->call = call_ref(g->call);
    t->payer = payer;
    if (payer) payer->tasks++;
    if (g->running) {
        t->trace = g->running->trace;
        t->spans = spans_ref(g->running->spans);
        t->journal = journal_ref(g->running->journal);
    }
    t->results_ref = LUA_NOREF;
    list_init(&t->node);
    list_init(&t->ready);
    list_init(&t->joiners);
    list_push(&g->tasks, &t->node);
    list_push(&g->host->ready, &t->ready);
    g->task_count++;
    g->host->tasks++;
    return t;
}

struct starting {
    struct gen *g;
    enum context context;
    const char *name;
    wait_push_fn push;
    void *arg;
    struct task *t;
};

static int start_pushed(lua_State *L, void *arg)
{
    struct starting *s = arg;
    int n = s->push(L, s->arg);
    s->t = take(L, s->g, s->context, s->name);
    luaL_checkstack(s->t->co, n, "task");
    lua_xmove(L, s->t->co, n);
    return 0;
}

struct task *task_start(struct gen *g, enum context context, const char *name, wait_push_fn push, void *arg,
                        struct err *e)
{
    struct starting s = {g, context, name, push, arg, NULL};
    int rc = gen_protect(g, start_pushed, &s, e);
    if (rc == GIFD_ENOMEM) gen_collect(g);
    return rc < 0 ? NULL : s.t;
}

struct task *task_spawn(lua_State *L, int fn, enum context context, const char *name)
{
    struct gen *g = gen_of(L);
    lua_pushvalue(L, fn);
    struct task *t = take(L, g, context, name);
    lua_xmove(L, t->co, 1);
    return t;
}

void task_ref(struct task *t)
{
    t->refs++;
}

void task_unref(struct task *t)
{
    if (--t->refs) return;
    if (t->results_ref != LUA_NOREF) luaL_unref(t->gen->L, LUA_REGISTRYINDEX, t->results_ref);
    free(t);
}

/* ---- ending ---- */

/* The task is over: the coroutine goes back to the idle ones when it may be used again. */
static void retire(struct task *t, bool reusable)
{
    struct gen *g = t->gen;
    struct host *h = g->host;
    list_remove(&t->node);
    list_remove(&t->ready);
    call_unref(t->call);
    t->call = NULL;
    if (t->payer) t->payer->tasks--;
    journal_unref(t->journal);
    t->journal = NULL;
    spans_unref(t->spans);
    t->spans = NULL;
    g->task_count--;
    h->tasks--;
    if (reusable && t->refs == 1 && g->idle_count < TASK_IDLE_MAX) {
        lua_settop(t->co, 0);
        g->idle_count++;
        list_push(&g->idle, &t->node);
    } else {
        luaL_unref(g->L, LUA_REGISTRYINDEX, t->co_ref);
        t->co = NULL;
        task_unref(t);
    }
    gen_unref(g);
    host_task_ended(h);
}

struct failing {
    lua_State *co;
    char *text;
    size_t cap;
};

static int describe(lua_State *L, void *arg)
{
    struct failing *f = arg;
    char message[ERR_TEXT_MAX];
    if (lua_gettop(f->co) < 1) lua_pushnil(f->co);
    lua_xmove(f->co, L, 1);
    border_text(L, -1, message, sizeof message);
    snprintf(f->text, f->cap, "%s", message);
    luaL_traceback(L, f->co, message, 0);
    snprintf(f->text, f->cap, "%s", lua_tostring(L, -1));
    return 0;
}

static void finish(struct task *t, enum task_outcome outcome, int results, const char *text)
{
    t->state = outcome == TASK_DROPPED ? TASK_CANCELLED : TASK_DONE;
    t->wait = NULL;
    if (t->end) t->end(t, outcome, results, text);
    retire(t, outcome == TASK_RETURNED);
}

static void fail(struct task *t, int status)
{
    char text[2048] = "error";
    struct failing f = {t->co, text, sizeof text};
    struct gen *g = gen_ref(t->gen);
    gen_protect(g, describe, &f, NULL);
    finish(t, TASK_FAILED, 0, text);
    if (status == LUA_ERRMEM) gen_collect(g);
    gen_unref(g);
}

/* ---- whose line of the log it is ---- */

static _Thread_local struct task *here;

void task_scope(struct log_scope *out)
{
    struct task *t = here;
    if (!t) return;
    struct call *c = t->gen->call;
    out->generation = t->gen->number;
    out->request_id = t->request ? t->request->id : NULL;
    out->plugin = c ? c->plugin->name : NULL;
    if (t->trace.on) trace_id_text(&t->trace, out->trace_id);
}

/* ---- running ---- */

static void cancel_wait(struct task *t)
{
    struct wait *w = t->wait;
    spans_end(t->spans, w->span, NULL);
    t->wait = NULL;
    w->task = NULL;
    t->push = push_cancelled;
    t->push_arg = NULL;
    t->state = TASK_READY;
    list_push(&t->gen->host->ready, &t->ready);
    w->undo(w);
}

static void run(struct task *t, int args)
{
    t->state = TASK_RUNNING;
    t->gen->running = here = t;
    budget_resume(t->gen, t->call);
    int status = lua_resume(t->co, args);
    t->call = budget_pause(t->gen);
    t->gen->running = here = NULL;
    if (status == LUA_YIELD) {
        if (!t->wait && t->state == TASK_RUNNING) {
            log_warn("task.dropped", LS("task", t->name), LI("generation", t->gen->number));
            finish(t, TASK_DROPPED, 0, "went on waiting after it was cancelled");
        } else if (t->wait) {
            t->state = TASK_WAITING;
            if (t->cancelled && t->refused == 0) cancel_wait(t);
        }
    } else if (status == 0) {
        finish(t, TASK_RETURNED, lua_gettop(t->co), NULL);
    } else {
        fail(t, status);
    }
}

struct pushing {
    lua_State *co;
    wait_push_fn push;
    void *arg;
    int n;
};

static int push_over(lua_State *L, void *arg)
{
    struct pushing *p = arg;
    p->n = p->push(L, p->arg);
    lua_xmove(L, p->co, p->n);
    return 0;
}

static void resume_with(struct task *t, wait_push_fn push, void *arg)
{
    struct pushing p = {t->co, push, arg, 0};
    struct err e = {0};
    struct gen *g = gen_ref(t->gen);
    int rc = push ? gen_protect(g, push_over, &p, &e) : GIFD_OK;
    if (rc == GIFD_OK) {
        run(t, push ? p.n : lua_gettop(t->co) - 1);
        budget_settle(g);
    } else {
        if (rc == GIFD_ENOMEM) gen_collect(g);
        finish(t, TASK_FAILED, 0, e.text);
    }
    gen_unref(g);
}

void host_settle(struct host *h)
{
    if (h->settling) return;
    h->settling = true;
    for (struct list *n; (n = list_shift(&h->ready));) {
        struct task *t = LIST_OF(n, struct task, ready);
        resume_with(t, t->push, t->push_arg);
    }
    h->settling = false;
}

void task_cancel(struct task *t)
{
    if (t->cancelled || t->state == TASK_DONE || t->state == TASK_CANCELLED) return;
    t->cancelled = true;
    if (t->state == TASK_WAITING) cancel_wait(t);
}

/* ---- waiting ---- */

int push_cancelled(lua_State *L, void *unused)
{
    (void)unused;
    return push_fault(L, GIFD_ECANCELLED, "the task was cancelled");
}

struct task *task_here(lua_State *L)
{
    struct task *t = gen_of(L)->running;
    if (!t || t->co != L || !lua_isyieldable(L)) border_throw(L, "may not wait inside a C call (sort, gsub, require)");
    return t;
}

int task_refuses(lua_State *L, struct task *t)
{
    if (!t->cancelled) return 0;
    if (++t->refused > TASK_STUBBORN) return lua_yield(L, 0);
    return push_cancelled(L, NULL);
}

void wait_begin(struct wait *w, struct task *t, const char *what, void (*undo)(struct wait *))
{
    *w =
        (struct wait){.task = t, .undo = undo, .what = what, .since_ms = loop_now_ms(t->gen->host->s.loop), .span = -1};
    t->wait = w;
}

int wait_yield(lua_State *L)
{
    return lua_yield(L, 0);
}

static struct task *answered(struct wait *w)
{
    struct task *t = w->task;
    if (!t || t->wait != w) {
        log_debug("task.late", LS("wait", w->what));
        return NULL;
    }
    spans_end(t->spans, w->span, NULL);
    w->task = NULL;
    t->wait = NULL;
    return t;
}

bool wait_done(struct wait *w, wait_push_fn push, void *arg)
{
    struct task *t = answered(w);
    if (!t) return false;
    struct host *h = t->gen->host;
    resume_with(t, push, arg);
    host_settle(h);
    return true;
}

bool wait_fail(struct wait *w, const struct err *e)
{
    if (w->task) spans_end(w->task->spans, w->span, e->code == GIFD_ECONFLICT ? NULL : e->text);
    return wait_done(w, push_fail, (void *)e);
}

bool wait_later(struct wait *w, wait_push_fn push, void *arg)
{
    struct task *t = answered(w);
    if (!t) return false;
    t->push = push;
    t->push_arg = arg;
    t->state = TASK_READY;
    list_push(&t->gen->host->ready, &t->ready);
    return true;
}
