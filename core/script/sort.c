/* sort.c: see sort.h. */
#include "script/sort.h"
#include "script/budget.h"

#include <lauxlib.h>

static int l_less(lua_State *L)
{
    if (budget_over) budget_spent(L);
    lua_pushboolean(L, lua_lessthan(L, 1, 2));
    return 1;
}

/* Upvalue 1: a comparison in C that a plugin chose. */
static int l_ask(lua_State *L)
{
    if (budget_over) budget_spent(L);
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 2, 1);
    return 1;
}

/* Upvalue 1: the stock one. */
static int l_sort(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    budget_depth(L);
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_pushcfunction(L, l_less);
        lua_replace(L, 2);
    } else if (lua_iscfunction(L, 2)) {
        lua_pushcclosure(L, l_ask, 1);
    } else {
        luaL_checktype(L, 2, LUA_TFUNCTION);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 2, 0);
    return 0;
}

void sort_install(lua_State *L)
{
    lua_getfield(L, -1, "sort");
    lua_pushcclosure(L, l_sort, 1);
    lua_setfield(L, -2, "sort");
}
