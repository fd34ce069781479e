/* bind_json.c: gifd.json. */
#include "script/gen.h"
#include "script/value.h"

#define KEEP_MAX ((size_t)1 << 20) /* a larger text buffer is given back */

static int l_encode(lua_State *L)
{
    struct err e = {0};
    struct gen *g = gen_of(L);
    luaL_checkany(L, 1);
    buf_reset(&g->out);
    if (value_encode(L, 1, &g->out, &e) < 0) border_argument(L, 1, "value", "%s", e.text);
    push_slice(L, buf_slice(&g->out));
    if (g->out.cap > KEEP_MAX) buf_free(&g->out);
    return 1;
}

static int l_decode(lua_State *L)
{
    struct err e = {0};
    struct slice text = border_string(L, 1, "text");
    size_t max = (size_t)border_field_number(L, 2, "max", 1, (lua_Number)VALUE_TEXT_MAX, (lua_Number)VALUE_TEXT_MAX);
    if (value_decode(L, text, max, &e) < 0) return push_err(L, &e);
    return 1;
}

static int l_array(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    border_table(L, 1, "list");
    lua_settop(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, gen_of(L)->array_mt);
    lua_setmetatable(L, 1);
    return 1;
}

static int l_is_array(lua_State *L)
{
    bool yes = false;
    if (lua_istable(L, 1) && lua_getmetatable(L, 1)) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, gen_of(L)->array_mt);
        yes = lua_rawequal(L, -1, -2);
    }
    lua_pushboolean(L, yes);
    return 1;
}

const struct binding bind_json[] = {
    {"gifd.json.encode", l_encode, CTX_ANY, "encode(value: any) -> text: string -- throws for what is no plain data"},
    {"gifd.json.decode", l_decode, CTX_ANY,
     "decode(text: string, options?: {max?: integer}) -> value: any | nil, err -- null is gifd.null; max is in bytes"},
    {"gifd.json.array", l_array, CTX_ANY,
     "array(list?: table) -> list: table -- marked as an array, so that an empty one is []"},
    {"gifd.json.is_array", l_is_array, CTX_ANY,
     "is_array(value: any) -> boolean -- an array's mark, or entries from 1 on"},
    {NULL, NULL, 0, NULL},
};
