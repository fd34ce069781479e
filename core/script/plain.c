/* plain.c: see plain.h. */
#include "script/plain.h"
#include "script/border.h"
#include "script/gen.h"

#include <string.h>

#define MESSAGE_MAX 1024
#define SIZED_MAX 32 /* names that a copy has room for at once */

struct copying {
    struct gen *g;
    unsigned depth, entries;
};

/* The metatable of the table at `from` is that of an error or array of ours: the table at `to` gets it too. */
static void keep_kind(lua_State *L, int from, int to)
{
    struct gen *g = gen_of(L);
    if (!lua_getmetatable(L, from)) return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, g->err_mt);
    lua_rawgeti(L, LUA_REGISTRYINDEX, g->array_mt);
    bool ours = lua_rawequal(L, -3, -1) || lua_rawequal(L, -3, -2);
    lua_pop(L, 2);
    if (ours)
        lua_setmetatable(L, to);
    else
        lua_pop(L, 1);
}

static const char *copy_table(lua_State *L, int index, struct copying *c)
{
    const char *fault = NULL;
    int index_top = lua_gettop(L);
    if (++c->depth > PLAIN_DEPTH_MAX) return "has a cycle, or too many tables within each other";
    int array = (int)lua_objlen(L, index) & 0xffff, names = -array;
    luaL_checkstack(L, 8, "copy");
    for (lua_pushnil(L); names < SIZED_MAX && lua_next(L, index); lua_pop(L, 1)) names++;
    lua_settop(L, index_top);
    lua_createtable(L, array, names > 0 ? names : 0);
    int to = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, index);) {
        int key = lua_type(L, -2);
        if (key != LUA_TSTRING && key != LUA_TNUMBER && key != LUA_TBOOLEAN)
            fault = "has a key that is neither text nor a number";
        else if (++c->entries > PLAIN_ENTRIES_MAX)
            fault = "has too many entries";
        else if (lua_type(L, -1) == LUA_TTABLE && !(fault = copy_table(L, to + 2, c)))
            lua_replace(L, to + 2);
        if (fault) {
            lua_settop(L, to - 1);
            return fault;
        }
        lua_pushvalue(L, to + 1);
        lua_insert(L, to + 2);
        lua_rawset(L, to);
    }
    keep_kind(L, index, to);
    c->depth--;
    return NULL;
}

static const char *copy(lua_State *L, int index, struct copying *c)
{
    if (lua_type(L, index) == LUA_TTABLE) return copy_table(L, index, c);
    lua_pushvalue(L, index);
    return NULL;
}

const char *plain_copy(lua_State *L, int index)
{
    struct copying c = {.g = gen_of(L)};
    return copy(L, index, &c);
}

void plain_err(lua_State *L, int index)
{
    char text[MESSAGE_MAX];
    const char *code = NULL;
    bool known = false;
    if (lua_type(L, index) == LUA_TTABLE) {
        lua_pushliteral(L, "code");
        lua_rawget(L, index);
        code = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        known = code && strcmp(err_name(err_code_of(code)), code) == 0;
        if (known && !plain_copy(L, index)) {
            lua_pushliteral(L, "message");
            lua_rawget(L, -2);
            bool told = lua_type(L, -1) == LUA_TSTRING && lua_objlen(L, -1) <= MESSAGE_MAX;
            lua_pop(L, 1);
            if (told) {
                lua_rawgeti(L, LUA_REGISTRYINDEX, gen_of(L)->err_mt);
                lua_setmetatable(L, -2);
                lua_remove(L, -2);
                return;
            }
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    border_text(L, index, text, sizeof text);
    push_err_table(L, known ? err_code_of(code) : GIFD_ESCRIPT, text);
}
