/* bind_err.c: gifd.err, gifd.try, and what gifd.catch makes of anything thrown. */
#include "script/border.h"
#include "script/gen.h"

#include <stdio.h>
#include <string.h>

static int known(const char *code)
{
    int number = err_code_of(code);
    return number != GIFD_EINTERNAL || strcmp(code, "internal") == 0 ? number : 0;
}

static int l_err(lua_State *L)
{
    struct slice code = border_string(L, 1, "code");
    int number = known(code.p);
    if (!number) border_argument(L, 1, "code", "\"%.64s\" is no error code", code.p);
    if (!lua_isnoneornil(L, 2)) border_table(L, 2, "fields");
    push_err_table(L, number, "");
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "message");
    if (lua_istable(L, 2)) {
        for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
            lua_rawset(L, -5);
        }
    }
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "code");
    return 1;
}

static int l_try(lua_State *L)
{
    if (!lua_isnil(L, 1) || lua_isnoneornil(L, 2)) return lua_gettop(L);
    lua_settop(L, 2);
    return lua_error(L);
}

static int l_normalise(lua_State *L)
{
    char text[1024];
    lua_settop(L, 1);
    if (lua_istable(L, 1)) {
        lua_pushliteral(L, "code");
        lua_rawget(L, 1); /* what was thrown may have metamethods */
        if (lua_type(L, -1) == LUA_TSTRING) {
            lua_settop(L, 1);
            return 1;
        }
    }
    border_text(L, 1, text, sizeof text);
    push_err_table(L, GIFD_ESCRIPT, text);
    return 1;
}

const struct binding bind_err[] = {
    {"gifd.err", l_err, CTX_ANY,
     "err(code: gifd.Code, fields?: {message?: string, retryable?: boolean, cause?: any}) -> gifd.Err -- a failure "
     "of the world, to be returned as `nil, err`"},
    {"gifd.try", l_try, CTX_ANY,
     "try(value: T?, err?: any, ...: any) -> T -- gives value back; throws err when value is nil"},
    {"gifd.inner.normalise", l_normalise, CTX_ANY,
     "gifd.catch(fn: function, ...: any) -> ...: any -- what fn returns; nil, err when it throws"},
    {NULL, NULL, 0, NULL},
};
