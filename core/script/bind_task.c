/* bind_task.c: gifd.task.spawn and its handles, gifd.all, gifd.any.
 *
 * A child's results are kept as one table {n = ..., ...} in the registry while somebody holds the task (its refs are
 * more than the scheduler's own). gifd.all and gifd.any hold their children by a group:
 *
 *   group (the parent's wait) <-- end of child 1, 2, ...: the deciding one answers the parent and cancels the others
 *
 * A group lives until its last child has ended. The Lua side unpacks tables (the glue in gen.c), so that a wait's
 * result is never more than two values. */
#include "base/log.h"
#include "script/border.h"
#include "script/host_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define GROUP_MAX 64
#define DEADLINE_MAX 86400.0

/* ---- what a task returned, as a table ---- */

struct packing {
    struct task *t;
    int results;
    const char *text; /* of a failure, else NULL */
    bool failed;
    int ref;
};

/* Leaves {n = ..., ...} of results on co's stack, or {n = 2, nil, err}, as a reference. */
static int pack(lua_State *L, void *arg)
{
    struct packing *p = arg;
    luaL_checkstack(L, p->results + 8, "results");
    lua_createtable(L, p->results, 1);
    int table = lua_gettop(L);
    if (p->text) {
        push_err_table(L, p->t->cancelled ? GIFD_ECANCELLED : GIFD_ESCRIPT, p->text);
        lua_rawseti(L, table, 2);
        p->results = 2;
        p->failed = true;
    } else {
        lua_xmove(p->t->co, L, p->results);
        p->failed = p->results >= 2 && lua_isnil(L, table + 1) && !lua_isnil(L, table + 2);
        for (int i = p->results; i >= 1; i--) lua_rawseti(L, table, i);
    }
    lua_pushinteger(L, p->results);
    lua_setfield(L, table, "n");
    p->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static void pack_results(struct task *t, enum task_outcome outcome, int results, const char *text, struct packing *p)
{
    *p = (struct packing){t, results, outcome == TASK_RETURNED ? NULL : text ? text : "failed", false, LUA_NOREF};
    if (gen_protect(t->gen, pack, p, NULL) < 0) p->failed = true;
}

static int push_packed(lua_State *L, int ref)
{
    if (ref == LUA_NOREF) return push_fault(L, GIFD_ENOMEM, "the results of a task were lost");
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    return 1;
}

/* ---- handles ---- */

struct handle {
    struct task *t;
};

struct join {
    struct wait wait;
    struct list node; /* in task->joiners */
    struct task *child;
};

static int push_joined(lua_State *L, void *arg)
{
    struct join *j = arg;
    int ref = j->child->results_ref;
    return push_packed(L, ref);
}

/* Frees the join whatever happens in push: called first when the parent is resumed. */
static int push_join_once(lua_State *L, void *arg)
{
    struct join *j = arg;
    struct join copy = *j;
    free(j);
    return push_joined(L, &copy);
}

static void on_spawned_end(struct task *t, enum task_outcome outcome, int results, const char *text)
{
    if (outcome == TASK_FAILED) log_error("task.failed", LS("task", t->name), LS("error", text));
    if (t->refs > 1) {
        struct packing p;
        pack_results(t, outcome, results, text, &p);
        t->results_ref = p.ref;
    }
    for (struct list *n; (n = list_shift(&t->joiners));) {
        struct join *j = LIST_OF(n, struct join, node);
        if (!wait_later(&j->wait, push_join_once, j)) free(j);
    }
    host_settle(t->gen->host);
}

int handle_gc(lua_State *L)
{
    struct handle *h = lua_touserdata(L, 1);
    if (h->t) task_unref(h->t);
    h->t = NULL;
    return 0;
}

static int l_spawn(lua_State *L)
{
    border_function(L, 1, "fn");
    struct task *parent = task_here(L);
    struct handle *h = lua_newuserdata(L, sizeof *h);
    h->t = NULL;
    lua_rawgeti(L, LUA_REGISTRYINDEX, gen_of(L)->handle_mt);
    lua_setmetatable(L, -2);
    h->t = task_spawn(L, 1, parent->context, "spawned");
    h->t->end = on_spawned_end;
    h->t->cancelled = parent->cancelled; /* what a cancelled task begins is cancelled from birth */
    task_ref(h->t);
    return 1;
}

static struct task *handle_arg(lua_State *L)
{
    struct handle *h = NULL;
    if (lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1)) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, gen_of(L)->handle_mt);
        if (lua_rawequal(L, -1, -2)) h = lua_touserdata(L, 1);
    }
    if (!h) border_argument(L, 1, "handle", "must be what gifd.task.spawn returned");
    return h->t;
}

static void undo_join(struct wait *w)
{
    struct join *j = LIST_OF(w, struct join, wait);
    list_remove(&j->node);
    free(j);
}

static int l_wait(lua_State *L)
{
    struct task *child = handle_arg(L), *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    if (child == t) border_argument(L, 1, "handle", "a task may not wait for itself");
    if (child->state == TASK_DONE || child->state == TASK_CANCELLED) return push_packed(L, child->results_ref);
    struct join *j = calloc(1, sizeof *j);
    if (!j) return push_fault(L, GIFD_ENOMEM, "wait");
    j->child = child;
    list_push(&child->joiners, &j->node);
    wait_begin(&j->wait, t, "gifd.task.wait", undo_join);
    return wait_yield(L);
}

static int l_cancel(lua_State *L)
{
    task_cancel(handle_arg(L));
    return 0;
}

/* ---- groups ---- */

enum group_kind { GROUP_ALL, GROUP_ANY };

struct group {
    struct wait wait; /* the parent's */
    struct gen *gen;
    enum group_kind kind;
    bool decided;
    bool failed; /* what was decided */
    int count, left;
    int ref;           /* GROUP_ALL: first results; else what the deciding child returned */
    uv_timer_t *timer; /* of a deadline, until the group is decided */
    bool late;         /* decided by it */
    struct task *child[GROUP_MAX];
    int result[GROUP_MAX];
};

static void group_free(struct group *g)
{
    for (int i = 0; i < g->count; i++)
        if (g->result[i] != LUA_NOREF) luaL_unref(g->gen->L, LUA_REGISTRYINDEX, g->result[i]);
    free(g->timer); /* that was never started */
    free(g);
}

static void group_cancel(struct group *g)
{
    for (int i = 0; i < g->count; i++)
        if (g->child[i]) task_cancel(g->child[i]);
}

static void free_timer(uv_handle_t *timer)
{
    free(timer);
}

static void stop_timer(struct group *g)
{
    if (g->timer) uv_close((uv_handle_t *)g->timer, free_timer);
    g->timer = NULL;
}

static void undo_group(struct wait *w)
{
    struct group *g = LIST_OF(w, struct group, wait);
    stop_timer(g);
    g->decided = true;
    group_cancel(g);
    if (g->left == 0) group_free(g);
}

/* A failure as nil, err; success as a table. */
static int push_group(lua_State *L, void *arg)
{
    struct group *g = arg;
    if (g->late) return push_fault(L, GIFD_ETIMEOUT, "the deadline has passed");
    if (g->failed || g->kind == GROUP_ANY) {
        if (push_packed(L, g->ref) != 1) return 2;
        if (!g->failed) return 1;
        lua_rawgeti(L, -1, 2);
        lua_pushnil(L);
        lua_insert(L, -2);
        lua_remove(L, -3);
        return 2;
    }
    lua_createtable(L, g->count, 1);
    for (int i = 0; i < g->count; i++) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, g->result[i]);
        lua_rawgeti(L, -1, 1);
        lua_remove(L, -2);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushinteger(L, g->count);
    lua_setfield(L, -2, "n");
    return 1;
}

/* The push of wait_later, which runs when the parent does. By then the group may be the last to let go. */
static int push_group_once(lua_State *L, void *arg)
{
    struct group *g = arg;
    int n = push_group(L, g);
    g->decided = true;
    if (g->left == 0) group_free(g);
    return n;
}

static void on_child_end(struct task *t, enum task_outcome outcome, int results, const char *text)
{
    struct group *g = t->end_arg;
    struct packing p;
    int i = 0;
    while (g->child[i] != t) i++;
    g->child[i] = NULL;
    g->left--;
    if (!g->wait.task) {
        if (g->left == 0 && g->decided) group_free(g);
        return;
    }
    pack_results(t, outcome, results, text, &p);
    g->result[i] = p.ref;
    bool decides = g->kind == GROUP_ALL ? p.failed : !p.failed;
    if (!decides && g->left > 0) return;
    stop_timer(g);
    g->failed = p.failed;
    g->ref = p.ref;
    wait_later(&g->wait, push_group_once, g);
    group_cancel(g);
    host_settle(t->gen->host);
}

static void on_deadline(uv_timer_t *timer)
{
    struct group *g = timer->data;
    struct host *h = g->gen->host;
    stop_timer(g);
    g->late = true;
    wait_later(&g->wait, push_group_once, g);
    group_cancel(g);
    host_settle(h);
}

static void start_timer(struct group *g, lua_Number seconds)
{
    uv_timer_init(&g->gen->host->s.loop->uv, g->timer);
    g->timer->data = g;
    uv_update_time(g->timer->loop); /* this turn may have lasted a while */
    uv_timer_start(g->timer, on_deadline, (uint64_t)ceil(seconds * 1000), 0);
}

/* seconds: of a deadline; negative: none */
static int run_group(lua_State *L, enum group_kind kind, lua_Number seconds)
{
    int n = lua_gettop(L);
    if (n < 1 || n > GROUP_MAX) border_throw(L, "takes 1 to %d functions", GROUP_MAX);
    for (int i = 1; i <= n; i++) border_function(L, i, "function");
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    struct gen *gen = t->gen;
    task_room(L, (size_t)n);
    struct group *g = calloc(1, sizeof *g);
    uv_timer_t *timer = seconds < 0 ? NULL : calloc(1, sizeof *timer);
    if (!g || (seconds >= 0 && !timer)) {
        free(g);
        free(timer);
        return push_fault(L, GIFD_ENOMEM, "tasks");
    }
    g->gen = gen;
    g->kind = kind;
    g->timer = timer;
    g->ref = LUA_NOREF;
    g->decided = true; /* nobody waits yet: if a spawn throws, the last child frees the group */
    for (int i = 0; i < n; i++) {
        g->child[i] = task_spawn(L, i + 1, t->context, t->name);
        g->child[i]->end = on_child_end;
        g->child[i]->end_arg = g;
        g->child[i]->request = NULL;
        g->result[i] = LUA_NOREF;
        g->count = ++g->left;
    }
    g->decided = false;
    if (g->timer) start_timer(g, seconds);
    wait_begin(&g->wait, t, g->timer ? "gifd.time.deadline" : kind == GROUP_ALL ? "gifd.all" : "gifd.any", undo_group);
    return wait_yield(L);
}

static int l_all(lua_State *L)
{
    return run_group(L, GROUP_ALL, -1);
}

static int l_any(lua_State *L)
{
    return run_group(L, GROUP_ANY, -1);
}

static int l_deadline(lua_State *L)
{
    lua_Number seconds = border_number(L, 1, "seconds", 0, DEADLINE_MAX);
    border_function(L, 2, "fn");
    lua_settop(L, 2);
    lua_remove(L, 1);
    return run_group(L, GROUP_ANY, seconds);
}

const struct binding bind_task[] = {
    {"gifd.task.spawn", l_spawn, CTX_JOB | CTX_COMMAND,
     "spawn(fn: function) -> handle: gifd.Handle -- a task of its own"},
    {"gifd.inner.all", l_all, CTX_TASK,
     "gifd.all(fn: function, ...: function) -> ...: any -- runs them side by side: the first result of each; the "
     "first failure (nil, err) cancels the others"},
    {"gifd.inner.any", l_any, CTX_TASK,
     "gifd.any(fn: function, ...: function) -> ...: any -- what the first that succeeds returns; when none does, "
     "the last nil, err"},
    {"gifd.inner.deadline", l_deadline, CTX_TASK,
     "gifd.time.deadline(seconds: number, fn: function) -> ...: any -- what fn returns; nil, err with \"timeout\" "
     "when it takes longer, and what it does is cancelled"},
    {"gifd.inner.wait", l_wait, CTX_TASK, "handle:wait() -> ...: any -- what the task returned, or nil, err"},
    {"gifd.inner.cancel", l_cancel, CTX_TASK, "handle:cancel() -- ends the task at its next wait"},
    {NULL, NULL, 0, NULL},
};
