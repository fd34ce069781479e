/* bind_health.c: gifd.health, what a readiness check wants to know. */
#include "script/border.h"
#include "script/host_int.h"

#include <string.h>

static int workers(struct segment *s)
{
    struct segment_slot_view view;
    int n = 0;
    for (uint32_t i = 0; s && i < SEGMENT_SLOTS; i++) {
        segment_slot_view(s, i, &view);
        n += view.pid != 0 && strncmp(view.name, "worker", 6) == 0;
    }
    return n;
}

static int l_facts(lua_State *L)
{
    struct gen *g = gen_of(L);
    const struct host_services *s = &g->host->s;
    lua_createtable(L, 0, 5);
    lua_pushstring(L, g->digest);
    lua_setfield(L, -2, "digest");
    lua_pushnumber(L, s->data_dir ? (lua_Number)blobs_free_bytes(s->data_dir) : 0);
    lua_setfield(L, -2, "disk_free");
    lua_pushinteger(L, (lua_Integer)g->number);
    lua_setfield(L, -2, "generation");
    lua_pushinteger(L, workers(s->segment));
    lua_setfield(L, -2, "workers");
    lua_pushboolean(L, s->media != NULL);
    lua_setfield(L, -2, "media");
    return 1;
}

const struct binding bind_health[] = {
    {"gifd.health.facts", l_facts, CTX_HOST,
     "facts() -> {disk_free: integer, generation: integer, digest: string, workers: integer, media: boolean} -- what a "
     "readiness "
     "check wants to know"},
    {NULL, NULL, 0, NULL},
};
