/* border.c: see border.h and binding.h. */
#include "script/border.h"
#include "script/gen.h"
#include "script/signature.h"
#include "script/task.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    enum context context;
    const char *name;
} context_names[] = {{CTX_LOAD, "load"},   {CTX_ROUTE, "route"}, {CTX_JOB, "job"},    {CTX_COMMAND, "command"},
                     {CTX_CHECK, "check"}, {CTX_HOOK, "hook"},   {CTX_BUILD, "build"}};

const char *border_name(lua_State *L)
{
    const struct binding *b = lua_touserdata(L, lua_upvalueindex(1));
    return b ? b->name : "gifd";
}

/* Pushes "FILE:LINE: " of the innermost Lua function that is not the host's own glue. */
static void push_place(lua_State *L)
{
    lua_Debug at;
    for (int level = 1; lua_getstack(L, level, &at); level++) {
        lua_getinfo(L, "Sl", &at);
        if (at.currentline > 0 && strcmp(at.source, "=gifd") != 0) {
            lua_pushfstring(L, "%s:%d: ", at.short_src, at.currentline);
            return;
        }
    }
    lua_pushliteral(L, "");
}

int border_throw(lua_State *L, const char *fmt, ...)
{
    va_list args;
    push_place(L);
    lua_pushfstring(L, "%s: ", border_name(L));
    va_start(args, fmt);
    lua_pushvfstring(L, fmt, args);
    va_end(args);
    lua_concat(L, 3);
    lua_error(L);
    __builtin_unreachable();
}

int border_argument(lua_State *L, int arg, const char *name, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    border_throw(L, "argument %d (%s): %s", arg, name, text);
}

struct slice border_string(lua_State *L, int arg, const char *name)
{
    struct slice s;
    if (lua_type(L, arg) != LUA_TSTRING)
        border_argument(L, arg, name, "must be a string, not a %s", lua_typename(L, lua_type(L, arg)));
    s.p = lua_tolstring(L, arg, &s.n);
    return s;
}

lua_Number border_number(lua_State *L, int arg, const char *name, lua_Number min, lua_Number max)
{
    if (lua_type(L, arg) != LUA_TNUMBER)
        border_argument(L, arg, name, "must be a number, not a %s", lua_typename(L, lua_type(L, arg)));
    lua_Number v = lua_tonumber(L, arg);
    if (!(v >= min && v <= max)) border_argument(L, arg, name, "must be from %.14g to %.14g", min, max);
    return v;
}

int64_t border_integer(lua_State *L, int arg, const char *name, int64_t min, int64_t max)
{
    lua_Number v = border_number(L, arg, name, (lua_Number)min, (lua_Number)max);
    if (v != floor(v)) border_argument(L, arg, name, "must be an integer");
    return (int64_t)v;
}

void border_table(lua_State *L, int arg, const char *name)
{
    if (lua_type(L, arg) != LUA_TTABLE)
        border_argument(L, arg, name, "must be a table, not a %s", lua_typename(L, lua_type(L, arg)));
}

void border_function(lua_State *L, int arg, const char *name)
{
    if (lua_type(L, arg) != LUA_TFUNCTION)
        border_argument(L, arg, name, "must be a function, not a %s", lua_typename(L, lua_type(L, arg)));
}

lua_Number border_field_number(lua_State *L, int arg, const char *field, lua_Number min, lua_Number max,
                               lua_Number fallback)
{
    if (lua_type(L, arg) != LUA_TTABLE) return fallback;
    lua_getfield(L, arg, field);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return fallback;
    }
    if (lua_type(L, -1) != LUA_TNUMBER) border_argument(L, arg, field, "must be a number");
    lua_Number v = lua_tonumber(L, -1);
    if (!(v >= min && v <= max)) border_argument(L, arg, field, "must be from %.14g to %.14g", min, max);
    lua_pop(L, 1);
    return v;
}

struct slice border_field_string(lua_State *L, int arg, const char *field)
{
    struct slice s = {NULL, 0};
    lua_getfield(L, arg, field);
    if (lua_type(L, -1) == LUA_TSTRING)
        s.p = lua_tolstring(L, -1, &s.n);
    else if (!lua_isnil(L, -1))
        border_argument(L, arg, field, "must be a string");
    lua_pop(L, 1);
    return s;
}

void push_err_table(lua_State *L, int code, const char *message)
{
    lua_createtable(L, 0, 3);
    lua_pushstring(L, err_name(code));
    lua_setfield(L, -2, "code");
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
    lua_pushboolean(L, err_retryable(code));
    lua_setfield(L, -2, "retryable");
    lua_rawgeti(L, LUA_REGISTRYINDEX, gen_of(L)->err_mt);
    lua_setmetatable(L, -2);
}

int push_err(lua_State *L, const struct err *e)
{
    lua_pushnil(L);
    push_err_table(L, e->code, e->text);
    return 2;
}

int push_fault(lua_State *L, int code, const char *fmt, ...)
{
    struct err e = {.code = code};
    va_list args;
    va_start(args, fmt);
    vsnprintf(e.text, sizeof e.text, fmt, args);
    va_end(args);
    return push_err(L, &e);
}

int push_fail(lua_State *L, void *e)
{
    return push_err(L, e);
}

int push_true(lua_State *L, void *unused)
{
    (void)unused;
    lua_pushboolean(L, 1);
    return 1;
}

void border_text(lua_State *L, int index, char *out, size_t cap)
{
    const char *code = NULL, *message = NULL;
    int top = lua_gettop(L);
    if (index < 0) index = top + 1 + index;
    if (lua_type(L, index) == LUA_TTABLE) {
        lua_pushliteral(L, "code");
        lua_rawget(L, index);
        lua_pushliteral(L, "message");
        lua_rawget(L, index);
        code = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        snprintf(out, cap, "%s: %s", code ? code : "error", message ? message : "a table without a message");
    } else if (lua_type(L, index) == LUA_TSTRING) {
        snprintf(out, cap, "%s", lua_tostring(L, index));
    } else {
        snprintf(out, cap, "an error that is a %s", lua_typename(L, lua_type(L, index)));
    }
    lua_settop(L, top);
}

void *border_udata_new(lua_State *L, size_t n, const char *kind, lua_CFunction gc, const luaL_Reg *methods)
{
    void *p = lua_newuserdata(L, n);
    memset(p, 0, n);
    if (luaL_newmetatable(L, kind)) {
        lua_pushcfunction(L, gc);
        lua_setfield(L, -2, "__gc");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_newtable(L);
        if (methods) luaL_setfuncs(L, methods, 0);
        lua_setfield(L, -2, "__index");
    }
    lua_setmetatable(L, -2);
    return p;
}

void *border_udata_try(lua_State *L, int arg, const char *kind)
{
    return luaL_testudata(L, arg, kind);
}

void *border_udata(lua_State *L, int arg, const char *name, const char *kind)
{
    void *p = luaL_testudata(L, arg, kind);
    if (!p) border_argument(L, arg, name, "must be a %s, not a %s", strchr(kind, '.') + 1, luaL_typename(L, arg));
    return p;
}

/* ---- contexts ---- */

void binding_contexts(unsigned contexts, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = 0;
    for (size_t i = 0; i < sizeof context_names / sizeof *context_names; i++)
        if (contexts & context_names[i].context)
            n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? ", " : "", context_names[i].name);
}

static int binding_call(lua_State *L)
{
    const struct binding *b = lua_touserdata(L, lua_upvalueindex(1));
    struct gen *g = gen_of(L);
    unsigned here = g->running ? g->running->context : g->context;
    if (!(b->contexts & here)) {
        char now[16], allowed[96];
        binding_contexts(here, now, sizeof now);
        binding_contexts(b->contexts, allowed, sizeof allowed);
        border_throw(L, "not allowed in context %s (allowed: %s)", now, allowed);
    }
    signature_check(L, lua_touserdata(L, lua_upvalueindex(2)));
    return b->fn(L);
}

void binding_install(lua_State *L, int gifd, const struct binding *rows)
{
    for (const struct binding *b = rows; b->name; b++) {
        if (!b->fn) continue;
        const char *name = b->name + strlen("gifd."), *dot = strchr(name, '.');
        lua_pushvalue(L, gifd);
        if (dot) {
            lua_pushlstring(L, name, (size_t)(dot - name));
            lua_rawget(L, -2);
            if (lua_isnil(L, -1)) {
                lua_pop(L, 1);
                lua_newtable(L);
                lua_pushlstring(L, name, (size_t)(dot - name));
                lua_pushvalue(L, -2);
                lua_rawset(L, -4);
            }
            lua_remove(L, -2);
            name = dot + 1;
        }
        lua_pushstring(L, name);
        lua_pushlightuserdata(L, (void *)b);
        bool inner = strncmp(b->name, "gifd.inner.", 11) == 0; /* its signature is that of what stands before it */
        signature_read(lua_newuserdata(L, sizeof(struct signature)), inner ? "" : b->signature);
        lua_pushcclosure(L, binding_call, 2);
        lua_rawset(L, -3);
        lua_pop(L, 1);
    }
}
