/* bind_plugin.c: gifd.plugin, by which host Lua lets plugins in. It is never given to a plugin.
 *
 * gifd.plugin.call is the door (its Lua half is the glue in gen.c, for calls may be yielded across):
 *
 *   leave(pcall(fn, enter(plugin, what, ...)))
 *
 * enter begins the call (budget.h) and gives the plugin copies of the tables it is handed, but for the first argument,
 * its context, which is made anew for each call. leave ends the call and lets through at most two plain values. */
#include "base/redact.h"
#include "script/border.h"
#include "script/budget.h"
#include "script/plain.h"
#include "script/task.h"

#include <luajit.h>
#include <stdio.h>
#include <string.h>

static int l_register(lua_State *L)
{
    struct err e = {0};
    struct plugin p = {0};
    snprintf(p.name, sizeof p.name, "%s", border_string(L, 1, "name").p);
    border_table(L, 2, "budget");
    p.slice_ms = (unsigned)(1000 * border_field_number(L, 2, "slice", 0.01, 60, 0.05));
    p.call_ms = (unsigned)(1000 * border_field_number(L, 2, "call", 0.01, 3600, 2));
    p.memory_max = (size_t)border_field_number(L, 2, "memory", 1 << 20, (lua_Number)GEN_MEMORY_MAX / 4, 64 << 20);
    int number = budget_plugin(gen_of(L), &p, &e);
    if (number < 0) border_throw(L, "%s", e.text);
    lua_pushinteger(L, number);
    return 1;
}

static int l_redact(lua_State *L)
{
    struct buf *out = &gen_of(L)->out;
    struct err e = {0};
    buf_reset(out);
    if (redact_text(border_string(L, 1, "text"), out, &e) < 0) border_throw(L, "%s", e.text);
    push_slice(L, buf_slice(out));
    return 1;
}

/* ---- its part of the trace ---- */

static void begin_span(struct task *t, struct call *c, struct slice what)
{
    c->span = -1;
    if (!t || !t->spans) return;
    memcpy(c->before, t->trace.span, sizeof c->before);
    c->span = spans_start(t->spans, &t->trace, SPAN_INTERNAL, what);
    spans_note(t->spans, c->span, "gifd.plugin", slice_str(c->plugin->name));
}

/* The results are the last two values. What nobody did wrong is no failure of the server. */
static void end_span(lua_State *L, struct task *t, const struct call *c)
{
    static const char *const harmless[] = {"not_found", "invalid", "denied", "conflict", "limit", "cancelled", NULL};
    const char *error = NULL;
    if (!t || c->span < 0) return;
    memcpy(t->trace.span, c->before, sizeof c->before);
    if (lua_isnil(L, -2) && lua_istable(L, -1)) {
        lua_pushliteral(L, "code");
        lua_rawget(L, -2);
        const char *code = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "script";
        lua_pushliteral(L, "message");
        lua_rawget(L, -3);
        error = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        for (size_t i = 0; harmless[i]; i++)
            if (!strcmp(harmless[i], code)) error = NULL;
        spans_end(t->spans, c->span, error);
        lua_pop(L, 2);
    } else {
        spans_end(t->spans, c->span, NULL);
    }
}

static int l_enter(lua_State *L)
{
    struct gen *g = gen_of(L);
    size_t plugin = (size_t)border_integer(L, 1, "plugin", 0, (int64_t)g->plugin_count - 1);
    struct slice what = border_string(L, 2, "what");
    int top = lua_gettop(L);
    for (int i = 4; i <= top; i++) {
        if (!lua_istable(L, i)) continue;
        const char *fault = plain_copy(L, i);
        if (fault) border_throw(L, "argument %d %s", i - 2, fault);
        lua_replace(L, i);
    }
    struct call *c = budget_enter(g, plugin, what.p);
    if (!c) border_throw(L, "not enough memory");
    begin_span(g->running, c, what);
    return top - 2;
}

static int push_over(lua_State *L, const struct call *c)
{
    unsigned ms = c->over == OVER_CALL ? c->plugin->call_ms : c->slice_ms;
    char limit[32];
    if (ms % 1000)
        snprintf(limit, sizeof limit, "%u ms", ms);
    else
        snprintf(limit, sizeof limit, "%u s", ms / 1000);
    return push_fault(L, GIFD_EBUDGET, "plugin %.64s: %s ran for more than %s %s (at %s)", c->plugin->name,
                      strchr(c->what, '/') + 1, limit, c->over == OVER_CALL ? "in all" : "without a pause",
                      c->where[0] ? c->where : "a call into C");
}

static bool is_want_of_memory(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TSTRING && strcmp(lua_tostring(L, index), "not enough memory") == 0;
}

static int push_outcome(lua_State *L, const struct call *c)
{
    const char *fault = NULL;
    if (c->over) return push_over(L, c);
    const char *what = strchr(c->what, '/') + 1;
    if (!lua_toboolean(L, 1)) {
        if (is_want_of_memory(L, 2))
            return push_fault(L, GIFD_EBUDGET, "plugin %.64s: %s took more than %d MiB", c->plugin->name, what,
                              (int)(c->plugin->memory_max >> 20));
        lua_pushnil(L);
        plain_err(L, 2);
        return 2;
    }
    if (lua_isnil(L, 2) && !lua_isnil(L, 3)) {
        lua_pushnil(L);
        plain_err(L, 3);
        return 2;
    }
    if ((fault = plain_copy(L, 2)) || (fault = plain_copy(L, 3)))
        return push_fault(L, GIFD_ESCRIPT, "plugin %.64s: what %s returned %s", c->plugin->name, what, fault);
    return 2;
}

/* leave(ok, a, b) */
static int l_leave(lua_State *L)
{
    struct call c;
    budget_leave(gen_of(L), &c);
    lua_settop(L, 3);
    int n = push_outcome(L, &c);
    end_span(L, gen_of(L)->running, &c);
    return n;
}

static int l_interpret(lua_State *L)
{
    border_function(L, 1, "fn");
    lua_settop(L, 1);
    luaJIT_setmode(L, 1, LUAJIT_MODE_ALLFUNC | LUAJIT_MODE_OFF);
    return 1;
}

const struct binding bind_plugin[] = {
    {"gifd.plugin.register", l_register, CTX_LOAD | CTX_COMMAND,
     "register(name: string, budget: {slice?: number, call?: number, memory?: integer}) -> number: integer -- the "
     "number by which C knows the plugin"},
    {"gifd.plugin.redact", l_redact, CTX_ANY, "redact(text: string) -> text: string -- with *** in place of secrets"},
    {"gifd.plugin.interpret", l_interpret, CTX_LOAD | CTX_COMMAND,
     "interpret(fn: function) -> fn: function -- it and the functions written in it are never compiled"},
    {"gifd.inner.enter", l_enter, CTX_HOST,
     "enter(plugin: integer, what: string, ctx: any, ...: any) -> ctx: any, ...: any -- the beginning of "
     "gifd.plugin.call"},
    {"gifd.inner.leave", l_leave, CTX_HOST,
     "gifd.plugin.call(plugin: integer, what: string, fn: function, ctx: any, ...: any) -> value: any, more: any | "
     "nil, err -- enters a plugin's code, under its budget"},
    {"gifd.plugin.give", NULL, CTX_HOST,
     "give(plugin: integer, what: string, fn: function, ctx: any, value: table) -> value: any, more: any | nil, err -- "
     "the same, without a copy of value: nobody else may look at it, or at tables in it, ever again"},
    {NULL, NULL, 0, NULL},
};
