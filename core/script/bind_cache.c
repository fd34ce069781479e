/* bind_cache.c: gifd.cache: taking back what was kept. A reply asks to be kept by its `cache` field (route.c). */
#include "script/border.h"
#include "script/host_int.h"

#define TAG_MAX 128

static int l_purge(lua_State *L)
{
    size_t n;
    const char *tag = luaL_checklstring(L, 1, &n);
    luaL_argcheck(L, n > 0 && n <= TAG_MAX, 1, "a tag has 1 to 128 bytes");
    struct segment *s = gen_of(L)->host->s.segment;
    if (s) epochs_raise(segment_epochs(s), slice_of(tag, n)); /* without shared memory nothing is kept anywhere */
    lua_pushboolean(L, 1);
    return 1;
}

static int l_stats(lua_State *L)
{
    struct host *h = gen_of(L)->host;
    struct cache_stats s = {0};
    if (h->cache) cache_stats(h->cache, &s);
    const struct {
        const char *name;
        double value;
    } fields[] = {{"hits", (double)s.hits},       {"misses", (double)s.misses}, {"stored", (double)s.stored},
                  {"evicted", (double)s.evicted}, {"purged", (double)s.purged}, {"entries", (double)s.entries},
                  {"bytes", (double)s.bytes}};
    lua_createtable(L, 0, 7);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        lua_pushnumber(L, fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
    return 1;
}

const struct binding bind_cache[] = {
    {"gifd.cache.purge", l_purge, CTX_TASK,
     "purge(tag: string) -> true -- takes back what has this tag, in effect in every process when it returns"},
    {"gifd.cache.stats", l_stats, CTX_TASK,
     "stats() -> {hits: integer, misses: integer, stored: integer, evicted: integer, purged: integer, entries: "
     "integer, bytes: integer} -- of this process"},
    {NULL, NULL, 0, NULL},
};
