/* value.c: see value.h. */
#include "script/value.h"
#include "base/json.h"
#include "script/budget.h"
#include "script/gen.h"

#include <math.h>
#include <stdlib.h>

static void push_node(lua_State *L, const struct json *v)
{
    int i = 0;
    luaL_checkstack(L, 4, "JSON");
    switch (v->type) {
    case JSON_NULL: lua_pushlightuserdata(L, NULL); break;
    case JSON_BOOL: lua_pushboolean(L, v->b); break;
    case JSON_INT: lua_pushnumber(L, (lua_Number)v->i); break;
    case JSON_REAL: lua_pushnumber(L, v->d); break;
    case JSON_STRING: push_slice(L, v->s); break;
    case JSON_ARRAY:
        lua_createtable(L, (int)v->count, 0);
        for (const struct json *c = v->child; c; c = c->next) {
            push_node(L, c);
            lua_rawseti(L, -2, ++i);
        }
        lua_rawgeti(L, LUA_REGISTRYINDEX, gen_of(L)->array_mt);
        lua_setmetatable(L, -2);
        break;
    case JSON_OBJECT:
        lua_createtable(L, 0, (int)v->count);
        for (const struct json *c = v->child; c; c = c->next) {
            push_slice(L, c->key);
            push_node(L, c);
            lua_rawset(L, -3);
        }
    }
}

int value_decode(lua_State *L, struct slice text, size_t max, struct err *e)
{
    struct gen *g = gen_of(L);
    struct json *root = NULL;
    struct json_limits limits = {.depth = VALUE_DEPTH_MAX, .bytes = max};
    arena_reset(&g->scratch);
    int rc = json_parse(&g->scratch, text, &limits, &root, e);
    if (rc == GIFD_OK) push_node(L, root);
    arena_reset(&g->scratch);
    return rc;
}

/* ---- out ---- */

struct encoding {
    struct json_writer w;
    struct gen *g;
    struct err *e;
    int depth;
};

static int encode(lua_State *L, int index, struct encoding *x);

static int by_bytes(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    size_t n = x->n < y->n ? x->n : y->n;
    int d = n ? memcmp(x->p, y->p, n) : 0;
    return d ? d : (x->n > y->n) - (x->n < y->n);
}

static int encode_array(lua_State *L, int index, size_t n, struct encoding *x)
{
    json_write_array(&x->w);
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, index, (int)i);
        int rc = encode(L, lua_gettop(L), x);
        lua_pop(L, 1);
        if (rc < 0) return rc;
    }
    json_write_array_end(&x->w);
    return GIFD_OK;
}

static int encode_object(lua_State *L, int index, size_t n, struct encoding *x)
{
    struct slice *keys = arena_alloc(&x->g->scratch, (n ? n : 1) * sizeof *keys);
    size_t i = 0;
    if (!keys) return err_set(x->e, GIFD_ENOMEM, "no memory for %zu keys", n);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) return err_set(x->e, GIFD_EINVALID, "a table mixes names and other keys");
        keys[i].p = lua_tolstring(L, -2, &keys[i].n);
        i++;
    }
    qsort(keys, i, sizeof *keys, by_bytes);
    json_write_object(&x->w);
    for (size_t k = 0; k < i; k++) {
        json_write_key(&x->w, keys[k]);
        push_slice(L, keys[k]);
        lua_rawget(L, index);
        int rc = encode(L, lua_gettop(L), x);
        lua_pop(L, 1);
        if (rc < 0) return rc;
    }
    json_write_object_end(&x->w);
    return GIFD_OK;
}

static int encode_table(lua_State *L, int index, struct encoding *x)
{
    size_t keys = 0, length = lua_objlen(L, index);
    bool array = false;
    if (++x->depth > VALUE_DEPTH_MAX)
        return err_set(x->e, GIFD_EINVALID, "a cycle, or more than %d tables within each other", VALUE_DEPTH_MAX);
    luaL_checkstack(L, 8, "JSON");
    if (budget_over) budget_spent(L); /* a table may be in another many times, and that in a third */
    if (lua_getmetatable(L, index)) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, x->g->array_mt);
        array = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) keys++;
    if (length > 0 || array) {
        if (keys != length) return err_set(x->e, GIFD_EINVALID, "an array has holes or names");
        array = true;
    }
    int rc = array ? encode_array(L, index, length, x) : encode_object(L, index, keys, x);
    x->depth--;
    return rc;
}

static int encode(lua_State *L, int index, struct encoding *x)
{
    lua_Number d;
    struct slice s;
    switch (lua_type(L, index)) {
    case LUA_TNIL: json_write_null(&x->w); break;
    case LUA_TBOOLEAN: json_write_bool(&x->w, lua_toboolean(L, index)); break;
    case LUA_TNUMBER:
        d = lua_tonumber(L, index);
        if (!isfinite(d)) return err_set(x->e, GIFD_EINVALID, "a number is not finite");
        if (d == floor(d) && fabs(d) < 9007199254740992.0)
            json_write_int(&x->w, (int64_t)d);
        else
            json_write_real(&x->w, d);
        break;
    case LUA_TSTRING:
        s.p = lua_tolstring(L, index, &s.n);
        json_write_string(&x->w, s);
        break;
    case LUA_TTABLE: return encode_table(L, index, x);
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(L, index)) {
            json_write_null(&x->w);
            break;
        }
        /* fall through */
    default: return err_set(x->e, GIFD_EINVALID, "a %s has no form in JSON", lua_typename(L, lua_type(L, index)));
    }
    return GIFD_OK;
}

int value_encode(lua_State *L, int index, struct buf *out, struct err *e)
{
    struct encoding x = {.g = gen_of(L), .e = e};
    int top = lua_gettop(L);
    if (index < 0) index = top + 1 + index;
    arena_reset(&x.g->scratch);
    json_write_begin(&x.w, out, e);
    int rc = encode(L, index, &x);
    lua_settop(L, top);
    if (rc < 0) return rc;
    return json_write_end(&x.w);
}
