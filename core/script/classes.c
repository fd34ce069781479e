/* classes.c: see classes.h. */
#include "script/classes.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static void read_class(lua_State *L, const char *name, struct classes *c)
{
    if (c->count == CLASSES_MAX - 1) luaL_error(L, "boot: %s: more than %d classes", name, CLASSES_MAX - 1);
    size_t at = ++c->count; /* class 0 has no texts */
    for (int i = 1; i <= CLASS_TEXTS_MAX; i++) {
        lua_rawgeti(L, -1, i);
        const char *text = lua_tostring(L, -1);
        char *own = text ? strdup(text) : NULL;
        if (text && !own) luaL_error(L, "not enough memory");
        if (text) c->of[at].text[c->of[at].n++] = slice_str(own);
        lua_pop(L, 1);
    }
    if (c->of[at].n == 0) luaL_error(L, "boot: %s[%d] has no text", name, (int)at);
}

void classes_read(lua_State *L, const char *name, struct classes *c)
{
    lua_getfield(L, -1, name);
    for (int i = 1; lua_istable(L, -1); i++) {
        lua_rawgeti(L, -1, i);
        bool there = lua_istable(L, -1);
        if (there) read_class(L, name, c);
        lua_pop(L, 1);
        if (!there) break;
    }
    lua_pop(L, 1);
}

void classes_free(struct classes *c)
{
    for (size_t i = 0; i < CLASSES_MAX; i++)
        for (size_t k = 0; k < c->of[i].n; k++) free((char *)(uintptr_t)c->of[i].text[k].p);
    memset(c, 0, sizeof *c);
}

static uint8_t find_client(const struct classes *c, struct slice agent)
{
    for (size_t i = 1; i <= c->count && agent.n; i++) {
        size_t k = 0;
        while (k < c->of[i].n && memmem(agent.p, agent.n, c->of[i].text[k].p, c->of[i].text[k].n)) k++;
        if (k == c->of[i].n) return (uint8_t)i;
    }
    return 0;
}

/* Browsers differ at their ends. */
static size_t place_of(struct slice agent)
{
    uint64_t first, middle, last;
    memcpy(&first, agent.p, 8);
    memcpy(&middle, agent.p + agent.n / 2 - 4, 8);
    memcpy(&last, agent.p + agent.n - 8, 8);
    uint64_t mixed = (first ^ middle << 7 ^ last ^ agent.n) * 0x9e3779b97f4a7c15u;
    return (size_t)(mixed >> 58) & (CLASSES_KNOWN - 1);
}

uint8_t classes_client(struct classes *c, struct slice agent)
{
    if (agent.n < 16 || agent.n > CLASSES_AGENT_MAX) return find_client(c, agent);
    struct known_agent *known = &c->known[place_of(agent)];
    if (known->n == agent.n && memcmp(known->text, agent.p, agent.n) == 0) return known->class;
    known->class = find_client(c, agent);
    known->n = (uint16_t)agent.n;
    memcpy(known->text, agent.p, agent.n);
    return known->class;
}
