/* bind_bundle.c: gifd.bundle, what host Lua may read of the snapshot that it came from. */
#include "script/border.h"
#include "script/excerpt.h"
#include "script/gen.h"

#include <stdio.h>

static struct bundle *bundle_here(lua_State *L)
{
    return gen_of(L)->bundle;
}

static int l_read(lua_State *L)
{
    struct slice bytes, name = border_string(L, 1, "name");
    if (bundle_here(L) && bundle_find(bundle_here(L), name.p, &bytes))
        push_slice(L, bytes);
    else
        lua_pushnil(L);
    return 1;
}

static int add_name(void *arg, const char *name, struct slice bytes)
{
    lua_State *L = arg;
    (void)bytes;
    lua_pushstring(L, name);
    lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
    return 0;
}

static int l_list(lua_State *L)
{
    struct slice prefix = border_string(L, 1, "prefix");
    lua_newtable(L);
    if (bundle_here(L)) bundle_each(bundle_here(L), prefix.p, add_name, L);
    return 1;
}

static int l_load(lua_State *L)
{
    struct slice bytes, name = border_string(L, 1, "name");
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) border_table(L, 2, "env");
    if (!bundle_here(L) || !bundle_find(bundle_here(L), name.p, &bytes))
        return push_fault(L, GIFD_ENOTFOUND, "there is no %s", name.p);
    lua_pushfstring(L, "@%s", name.p);
    if (luaL_loadbufferx(L, bytes.p, bytes.n, lua_tostring(L, -1), "b")) {
        struct err e = {0};
        err_set(&e, GIFD_ECORRUPT, "%s", lua_tostring(L, -1));
        return push_err(L, &e);
    }
    if (lua_istable(L, 2)) {
        lua_pushvalue(L, 2);
        lua_setfenv(L, -2);
    }
    return 1;
}

static int l_where(lua_State *L)
{
    lua_Debug d;
    border_function(L, 1, "fn");
    lua_pushvalue(L, 1);
    if (!lua_getinfo(L, ">S", &d) || d.linedefined <= 0) return 0;
    lua_pushfstring(L, "%s:%d", *d.source == '@' ? d.source + 1 : d.source, d.linedefined);
    return 1;
}

/* Sources are in a bundle for development only. */
size_t bundle_excerpt(const struct bundle *b, struct slice message, char out[EXCERPT_MAX], struct slice *path,
                      unsigned *line)
{
    char name[512];
    struct slice text;
    if (!b || !excerpt_place(message, path, line)) return 0;
    snprintf(name, sizeof name, "source/%.*s", (int)path->n, path->p);
    return bundle_find(b, name, &text) ? excerpt_write(text, *line, out) : 0;
}

static int l_excerpt(lua_State *L)
{
    char out[EXCERPT_MAX];
    struct slice path;
    unsigned line;
    size_t n = bundle_excerpt(bundle_here(L), border_string(L, 1, "message"), out, &path, &line);
    if (!n) return 0;
    lua_pushlstring(L, out, n);
    push_slice(L, path);
    lua_pushinteger(L, line);
    return 3;
}

const struct binding bind_bundle[] = {
    {"gifd.bundle.read", l_read, CTX_HOST,
     "read(name: string) -> bytes?: string -- an entry of the generation's bundle"},
    {"gifd.bundle.list", l_list, CTX_HOST, "list(prefix: string) -> names: string[] -- entries of the bundle"},
    {"gifd.bundle.load", l_load, CTX_LOAD,
     "load(name: string, env?: table) -> chunk: function | nil, err -- an entry that is bytecode"},
    {"gifd.bundle.where", l_where, CTX_HOST,
     "where(fn: function) -> place?: string -- \"path:line\" at which a function was written"},
    {"gifd.bundle.excerpt", l_excerpt, CTX_HOST,
     "excerpt(message: string) -> lines?: string, path?: string, line?: integer -- the source of the place that a "
     "message "
     "names, while there is development"},
    {NULL, NULL, 0, NULL},
};
