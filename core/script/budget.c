/* budget.c: see budget.h. */
#include "script/budget.h"
#include "base/log.h"
#include "script/border.h"
#include "script/host_int.h"

#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COLLECT_STEP ((ptrdiff_t)1 << 20)
#define WHAT_MAX 100
#define STACK_MAX (2 << 20) /* of the 8 MiB that a process has */

volatile sig_atomic_t budget_over;
static struct gen *volatile ticking; /* a plugin's code runs in it */
static volatile sig_atomic_t armed;
static const char *stack_base;

int budget_spent(lua_State *L)
{
    return luaL_error(L, "the time budget is used up");
}

void budget_depth(lua_State *L)
{
    if (stack_base && stack_base - (const char *)__builtin_frame_address(0) > STACK_MAX)
        luaL_error(L, "stack overflow (C calls Lua calls C ...)");
}

/* ---- the hook ---- */

static struct call *over_of(struct gen *g)
{
    for (struct call *c = g->call; c; c = c->outer)
        if (c->over) return c;
    return NULL;
}

/* Under every instruction. The host's glue is spared, so that the door's own way out always works. */
static void on_instruction(lua_State *L, lua_Debug *at)
{
    struct gen *g = gen_of(L);
    struct call *c = over_of(g);
    if (!c) {
        armed = 0;
        lua_sethook(L, NULL, 0, 0);
        c = g->call;
        if (!c || c->taken < c->collect_at) return;
        lua_gc(L, LUA_GCCOLLECT, 0);
        ptrdiff_t left = (ptrdiff_t)c->plugin->memory_max - c->taken;
        c->collect_at = c->taken + (left / 2 > COLLECT_STEP ? left / 2 : COLLECT_STEP);
        c->slice = 0; /* the garbage was not all its own */
        return;
    }
    lua_getinfo(L, "Sl", at);
    if (strcmp(at->source, "=gifd") == 0) return;
    if (!c->where[0]) snprintf(c->where, sizeof c->where, "%s:%d", at->short_src, at->currentline);
    budget_spent(L);
}

/* Also from the tick and from the allocator: lua_sethook is made to be called at any moment of its own thread. Taking
 * the hook away first makes it certain that a change which the tick interrupted does not lose it. */
static void arm(struct gen *g)
{
    armed = 1;
    lua_sethook(g->L, NULL, 0, 0);
    lua_sethook(g->L, on_instruction, LUA_MASKCOUNT, 1);
}

static void disarm(struct gen *g)
{
    budget_over = 0;
    if (!armed) return;
    armed = 0;
    lua_sethook(g->L, NULL, 0, 0);
}

/* ---- time ---- */

static bool is_over(struct call *c)
{
    if (c->over) return true;
    if (c->ticks > c->plugin->call_ms / BUDGET_TICK_MS)
        c->over = OVER_CALL;
    else if (c->slice > c->slice_ms / BUDGET_TICK_MS)
        c->over = OVER_SLICE;
    return c->over;
}

static void on_tick(int signal)
{
    (void)signal;
    struct gen *g = ticking;
    bool over = false;
    if (!g) return;
    for (struct call *c = g->call; c; c = c->outer) {
        c->slice++;
        c->ticks++;
        over |= is_over(c);
    }
    if (!over) return;
    budget_over = 1;
    arm(g);
}

void budget_start(void)
{
    static pid_t started; /* a forked process has no timers */
    timer_t timer;
    if (started == gettid()) return;
    started = gettid();
    stack_base = __builtin_frame_address(0);
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGVTALRM};
    event._sigev_un._tid = started;
    struct itimerspec every = {.it_interval.tv_nsec = BUDGET_TICK_MS * 1000000l,
                               .it_value.tv_nsec = BUDGET_TICK_MS * 1000000l};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGVTALRM, &action, NULL) < 0 || timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) < 0 ||
        timer_settime(timer, 0, &every, NULL) < 0) {
        log_at(LOG_CRITICAL, "budget.timer", LS("why", "no timer of processor time"));
        abort();
    }
}

/* ---- calls ---- */

static struct segment *segment_here(struct gen *g)
{
    return g->host ? g->host->s.segment : NULL;
}

/* What runs now is in g->call: the tick, the supervisor and the hook are told. */
static void now_runs(struct gen *g)
{
    struct segment *s = segment_here(g);
    atomic_signal_fence(memory_order_seq_cst);
    ticking = g->call ? g : NULL;
    if (s) segment_blame(s, g->call ? g->call->what : NULL);
    if (!over_of(g)) {
        disarm(g);
    } else if (!budget_over || !armed) {
        budget_over = 1;
        arm(g);
    }
}

struct call *call_ref(struct call *c)
{
    if (c) c->refs++;
    return c;
}

void call_unref(struct call *c)
{
    while (c && --c->refs == 0) {
        struct call *outer = c->outer;
        free(c);
        c = outer;
    }
}

int budget_plugin(struct gen *g, const struct plugin *p, struct err *e)
{
    if (g->plugin_count == PLUGINS_MAX) return err_set(e, GIFD_ETOOBIG, "more than %d plugins", PLUGINS_MAX);
    if (!g->plugins) g->plugins = calloc(PLUGINS_MAX, sizeof(struct plugin));
    if (!g->plugins) return err_set(e, GIFD_ENOMEM, "plugins");
    g->plugins[g->plugin_count] = *p;
    return (int)g->plugin_count++;
}

struct call *budget_enter(struct gen *g, size_t plugin, const char *what)
{
    struct call *c = malloc(sizeof *c);
    if (!c) return NULL;
    const struct plugin *p = &g->plugins[plugin];
    size_t name = strlen(p->name), n = strnlen(what, WHAT_MAX);
    memset(c, 0, offsetof(struct call, what));
    memcpy(c->what, p->name, name);
    c->what[name] = '/';
    memcpy(c->what + name + 1, what, n);
    c->what[name + 1 + n] = 0;
    c->where[0] = 0;
    c->refs = 1;
    c->outer = g->call;
    c->plugin = &g->plugins[plugin];
    c->slice_ms = strcmp(what, "load") == 0 ? LOAD_MS : c->plugin->slice_ms;
    c->collect_at = (ptrdiff_t)(c->plugin->memory_max / 2);
    atomic_signal_fence(memory_order_seq_cst);
    g->call = c;
    now_runs(g);
    return c;
}

void budget_leave(struct gen *g, struct call *out)
{
    struct call *c = g->call;
    *out = *c;
    g->call = call_ref(c->outer);
    if (c->outer) c->outer->taken += c->taken;
    now_runs(g);
    call_unref(c);
}

void budget_resume(struct gen *g, struct call *c)
{
    for (struct call *each = c; each; each = each->outer) each->slice = 0;
    g->call = c;
    if (c) now_runs(g);
}

struct call *budget_pause(struct gen *g)
{
    struct call *c = g->call;
    if (!c) return NULL;
    g->call = NULL;
    now_runs(g);
    return c;
}

/* ---- memory ---- */

static size_t soft_cap(const struct gen *g)
{
    return g->memory_max / 2;
}

bool budget_admits(struct gen *g, size_t n)
{
    struct call *c = g->call;
    ptrdiff_t after = c->taken + (ptrdiff_t)n;
    if (after > (ptrdiff_t)c->plugin->memory_max || g->memory + n > g->memory_max / 4 * 3) return false;
    if (after >= c->collect_at && !armed) arm(g);
    return true;
}

static struct plugin *holder(const struct gen *g)
{
    struct plugin *most = NULL;
    for (size_t i = 0; i < g->plugin_count; i++)
        if (!most || g->plugins[i].memory > most->memory) most = &g->plugins[i];
    return most;
}

void budget_settle(struct gen *g)
{
    if (g->memory <= soft_cap(g) || g->memory < g->settle_at) return;
    gen_collect(g);
    g->settle_at = g->memory + g->memory_max / 16;
    if (g->memory <= soft_cap(g)) return;
    struct plugin *p = holder(g);
    if (p && p->memory > (ptrdiff_t)g->memory_max / 16 && g->host && g->host->s.recycle)
        g->host->s.recycle(g->host->s.recycle_arg, p->name, g->memory);
}
