/* bind_limit.c: gifd.limit: limiters for host Lua and plugins, and how the routes' limits stand. */
#include "base/clock.h"
#include "script/border.h"
#include "script/host_int.h"
#include "script/visit.h"

#include <stdio.h>
#include <string.h>

#define KIND "gifd.limiter"
#define COST_MAX ((int64_t)LIMIT_UNITS_MAX)

struct limiter {
    struct limit_policy policy;
};

static const struct limit_table *table_here(lua_State *L)
{
    struct host *h = gen_of(L)->host;
    return h->s.segment ? &h->limits : NULL;
}

static int no_table(lua_State *L)
{
    return push_fault(L, GIFD_ECLOSED, "there is no shared memory");
}

static int nothing_to_free(lua_State *L)
{
    (void)L;
    return 0;
}

/* The methods are the rows below, so that they too know where they may be called. */
static void give_methods(lua_State *L)
{
    static const char *const methods[] = {"check", "peek", "reset"};
    lua_getmetatable(L, -1);
    lua_getfield(L, -1, "__index");
    lua_getfield(L, -1, methods[0]);
    if (lua_isnil(L, -1)) {
        lua_getglobal(L, "gifd");
        lua_getfield(L, -1, "limit");
        for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
            lua_getfield(L, -1, methods[i]);
            lua_setfield(L, -5, methods[i]);
        }
        lua_pop(L, 2);
    }
    lua_pop(L, 3);
}

static int l_limiter(lua_State *L)
{
    struct err e = {0};
    border_table(L, 1, "options");
    struct slice name = border_field_string(L, 1, "name");
    struct slice space = lua_isnoneornil(L, 2) ? SLICE("host") : border_string(L, 2, "space");
    const struct limit_table *t = table_here(L);
    struct limiter *own = border_udata_new(L, sizeof *own, KIND, nothing_to_free, NULL);
    give_methods(L);
    if (name.n > LIMIT_NAME_MAX) border_argument(L, 1, "name", "has more than %d characters", LIMIT_NAME_MAX);
    snprintf(own->policy.name, sizeof own->policy.name, "%s", name.n ? name.p : "limiter");
    own->policy.scope = t ? limit_key_text(t, "space", space).h[0] : 0;
    if (limits_policy(L, 1, &own->policy, &e) < 0) border_argument(L, 1, "options", "%s", e.text);
    return 1;
}

/* ---- what a key may have ---- */

static void set_seconds(lua_State *L, const char *field, uint64_t ns)
{
    lua_pushnumber(L, (lua_Number)ns / 1e9);
    lua_setfield(L, -2, field);
}

/* A table: remaining, reset_after, and retry_after unless no waiting helps. */
static void push_standing(lua_State *L, const struct limit_standing *s)
{
    lua_createtable(L, 0, 8);
    lua_pushnumber(L, (lua_Number)s->remaining);
    lua_setfield(L, -2, "remaining");
    set_seconds(L, "reset_after", s->reset_ns);
    if (s->retry_ns != LIMIT_NEVER) set_seconds(L, "retry_after", s->retry_ns);
}

static int push_answer(lua_State *L, int rc, const struct limit_answer *a)
{
    if (rc < 0) return push_fault(L, GIFD_EBUSY, "the key is locked by another process");
    lua_pushboolean(L, a->allowed);
    push_standing(L, &a->of[0]);
    return 2;
}

static struct limit_key key_arg(lua_State *L, const struct limit_table *t, int arg)
{
    return limit_key_text(t, "limiter", border_string(L, arg, "key"));
}

static int decide(lua_State *L, bool charges)
{
    struct limiter *own = border_udata(L, 1, "limiter", KIND);
    uint64_t cost = lua_isnoneornil(L, 3) ? 1 : (uint64_t)border_integer(L, 3, "cost", 0, COST_MAX);
    const struct limit_table *t = table_here(L);
    struct limit_answer a;
    border_string(L, 2, "key");
    if (!t) return no_table(L);
    struct limit_ask ask = {&own->policy, key_arg(L, t, 2), cost};
    int rc = charges ? limit_check(t, clock_mono_ns(), &ask, 1, &a)
                     : limit_peek(t, clock_mono_ns(), ask.policy, ask.key, cost, &a);
    return push_answer(L, rc, &a);
}

static int l_check(lua_State *L)
{
    return decide(L, true);
}

static int l_peek(lua_State *L)
{
    return decide(L, false);
}

static int l_reset(lua_State *L)
{
    struct limiter *own = border_udata(L, 1, "limiter", KIND);
    const struct limit_table *t = table_here(L);
    border_string(L, 2, "key");
    if (!t) return no_table(L);
    if (limit_reset(t, clock_mono_ns(), &own->policy, key_arg(L, t, 2)) < 0) return push_answer(L, GIFD_EBUSY, NULL);
    return push_true(L, NULL);
}

/* ---- routes ---- */

static struct slice text_arg(lua_State *L, int arg, const char *name)
{
    return lua_isnoneornil(L, arg) ? SLICE("") : border_string(L, arg, name);
}

static int l_charge(lua_State *L)
{
    struct err e = {0};
    struct slice user = text_arg(L, 1, "user"), token = text_arg(L, 2, "token");
    struct task *t = gen_of(L)->running;
    struct visit *v = t && t->request ? t->request->user : NULL;
    if (v && limits_charge(v, user, token, &e) < 0) return push_err(L, &e);
    return push_true(L, NULL);
}

struct looking {
    const struct limit_table *table;
    enum limits_kind kind;
    struct slice value;
    struct limit_key key;
};

static int looking_at(lua_State *L, struct looking *at, struct err *e)
{
    int kind = limits_kind_of(border_string(L, 1, "kind"));
    if (kind < 0) border_argument(L, 1, "kind", "must be ip, user, token or route");
    at->kind = (enum limits_kind)kind;
    at->value = border_string(L, 2, "value");
    at->table = table_here(L);
    if (!at->table) return err_set(e, GIFD_ECLOSED, "there is no shared memory");
    return limits_key(at->table, at->kind, at->value, &at->key, e);
}

/* An address may stand in for a user or a token. */
static bool concerns(const struct looking *at, const struct limits *l, size_t i)
{
    enum limits_kind by = l->by[i];
    if (at->kind == LIMITS_ROUTE) return by == LIMITS_ROUTE && slice_is(at->value, l->route);
    return by == at->kind || (at->kind == LIMITS_IP && by != LIMITS_ROUTE);
}

static void push_stand(lua_State *L, const struct limits *l, size_t i, const struct limit_answer *a)
{
    const struct limit_policy *p = &l->policy[i];
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"rate", (double)p->rate},
                   {"per", (double)p->per_ns / 1e9},
                   {"capacity", (double)p->capacity},
                   {"cost", (double)l->cost[i]}};
    if (a)
        push_standing(L, &a->of[0]);
    else
        lua_createtable(L, 0, 8);
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
        lua_pushnumber(L, numbers[k].value);
        lua_setfield(L, -2, numbers[k].name);
    }
    lua_pushstring(L, l->route);
    lua_setfield(L, -2, "route");
    lua_pushstring(L, limits_kind_name(l->by[i]));
    lua_setfield(L, -2, "by");
    lua_pushstring(L, p->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, limit_strategy_name(p->strategy));
    lua_setfield(L, -2, "strategy");
}

static int l_routes(lua_State *L)
{
    const struct gen *g = gen_of(L);
    int n = 0;
    lua_newtable(L);
    for (size_t id = 0; id < g->route_count; id++)
        for (size_t i = 0; g->limits[id] && i < g->limits[id]->count; i++) {
            push_stand(L, g->limits[id], i, NULL);
            lua_rawseti(L, -2, ++n);
        }
    return 1;
}

static int l_look(lua_State *L)
{
    struct err e = {0};
    struct looking at;
    const struct gen *g = gen_of(L);
    int n = 0;
    if (looking_at(L, &at, &e) < 0) return push_err(L, &e);
    lua_newtable(L);
    for (size_t id = 0; id < g->route_count; id++)
        for (size_t i = 0; g->limits[id] && i < g->limits[id]->count; i++) {
            struct limit_answer a;
            const struct limits *l = g->limits[id];
            if (!concerns(&at, l, i)) continue;
            int rc = limit_peek(at.table, clock_mono_ns(), &l->policy[i], at.key, l->cost[i], &a);
            if (rc < 0) return push_answer(L, rc, NULL);
            push_stand(L, l, i, &a);
            lua_rawseti(L, -2, ++n);
        }
    return 1;
}

static int l_forget(lua_State *L)
{
    struct err e = {0};
    struct looking at;
    const struct gen *g = gen_of(L);
    int n = 0;
    if (looking_at(L, &at, &e) < 0) return push_err(L, &e);
    for (size_t id = 0; id < g->route_count; id++)
        for (size_t i = 0; g->limits[id] && i < g->limits[id]->count; i++) {
            const struct limits *l = g->limits[id];
            if (!concerns(&at, l, i)) continue;
            int rc = limit_reset(at.table, clock_mono_ns(), &l->policy[i], at.key);
            if (rc < 0) return push_answer(L, rc, NULL);
            n++;
        }
    lua_pushinteger(L, n);
    return 1;
}

static int l_clear(lua_State *L)
{
    const struct limit_table *t = table_here(L);
    if (!t) return no_table(L);
    if (limit_clear(t) < 0) return push_answer(L, GIFD_EBUSY, NULL);
    return push_true(L, NULL);
}

static int l_stats(lua_State *L)
{
    const struct limit_table *t = table_here(L);
    struct limit_stats s;
    if (!t) return no_table(L);
    limit_stats(t, clock_mono_ns(), &s);
    const struct {
        const char *name;
        uint64_t value;
    } fields[] = {{"slots", s.slots},     {"taken", s.taken},   {"active", s.active},
                  {"evicted", s.evicted}, {"stolen", s.stolen}, {"busy", s.busy}};
    lua_createtable(L, 0, 6);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        lua_pushnumber(L, (lua_Number)fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
    return 1;
}

const struct binding bind_limit[] = {
    {"gifd.limit.limiter", l_limiter, CTX_HOST,
     "limiter(options: {strategy: \"token_bucket\"|\"fixed_window\"|\"sliding_window\", rate: integer, per: "
     "number|string, burst?: integer, resolution?: integer, name?: string}, space?: string) -> gifd.Limiter -- "
     "counts across all processes"},
    {"gifd.limit.check", l_check, CTX_TASK,
     "limiter:check(key: string, cost?: integer) -> allowed: boolean, standing: {remaining: integer, reset_after: "
     "number, retry_after?: number} | nil, err -- charges when it allows; without retry_after it never will"},
    {"gifd.limit.peek", l_peek, CTX_TASK,
     "limiter:peek(key: string, cost?: integer) -> allowed: boolean, standing: {remaining: integer, reset_after: "
     "number, retry_after?: number} | nil, err -- the same without charging"},
    {"gifd.limit.reset", l_reset, CTX_TASK,
     "limiter:reset(key: string) -> true | nil, err -- as if the key had never been seen"},
    {"gifd.limit.charge", l_charge, CTX_ROUTE,
     "charge(user?: string, token?: string) -> true | nil, err -- all keys of this request's route in one step, "
     "unless done already"},
    {"gifd.limit.routes", l_routes, CTX_TASK,
     "routes() -> policies: table[] -- {route, by, name, strategy, rate, per, capacity, cost} of each"},
    {"gifd.limit.look", l_look, CTX_TASK,
     "look(kind: \"ip\"|\"user\"|\"token\"|\"route\", value: string) -> standings: table[] | nil, err -- as routes, "
     "with remaining and reset_after"},
    {"gifd.limit.forget", l_forget, CTX_TASK,
     "forget(kind: \"ip\"|\"user\"|\"token\"|\"route\", value: string) -> reset: integer | nil, err -- how many "
     "were reset"},
    {"gifd.limit.clear", l_clear, CTX_TASK, "clear() -> true | nil, err -- everybody is forgotten"},
    {"gifd.limit.stats", l_stats, CTX_TASK,
     "stats() -> {slots: integer, taken: integer, active: integer, evicted: integer, stolen: integer, busy: "
     "integer} | nil, err -- of the table that all processes share"},
    {NULL, NULL, 0, NULL},
};
