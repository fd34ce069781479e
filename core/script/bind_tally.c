/* bind_tally.c: gifd.tally, exact counts in the memory that all processes share, and who asked. Slots are counted from
 * 0. */
#include "base/tally.h"
#include "base/asker.h"
#include "script/border.h"
#include "script/host_int.h"
#include "script/visit.h"

#include <stdio.h>

#define KEY_MAX INT64_C(9007199254740991)

static struct tally *tally_here(lua_State *L)
{
    struct segment *s = gen_of(L)->host->s.segment;
    return s ? segment_tally(s) : NULL;
}

static int l_add(lua_State *L)
{
    struct err e = {0};
    uint64_t key = (uint64_t)border_integer(L, 1, "key", 1, KEY_MAX);
    uint64_t n = (uint64_t)border_integer(L, 2, "n", 1, UINT32_MAX);
    struct tally *t = tally_here(L);
    if (!t) return push_fault(L, GIFD_ECLOSED, "there is no shared memory");
    if (tally_add(t, key, n, &e) < 0) return push_err(L, &e);
    return push_true(L, NULL);
}

static int l_peek(lua_State *L)
{
    uint64_t id = (uint64_t)border_integer(L, 1, "id", 1, (int64_t)TALLY_ID_MASK);
    struct tally *t = tally_here(L);
    struct tally_slot slots[TALLY_PROBE];
    size_t n = t ? tally_peek(t, id, slots) : 0;
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_createtable(L, 0, 2);
        lua_pushnumber(L, (lua_Number)slots[i].key);
        lua_setfield(L, -2, "key");
        lua_pushnumber(L, (lua_Number)slots[i].count);
        lua_setfield(L, -2, "count");
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int l_asker(lua_State *L)
{
    char text[ASKER_TEXT_MAX];
    uint32_t number = (uint32_t)border_integer(L, 1, "number", 0, ASKERS - 1);
    struct segment *s = gen_of(L)->host->s.segment;
    size_t n = s ? askers_text(segment_askers(s), number, text) : 0;
    if (n)
        lua_pushlstring(L, text, n);
    else
        lua_pushnil(L);
    return 1;
}

struct listing {
    lua_State *L;
    int n;
    uint64_t askers[ASKERS / 64]; /* that stand in keys */
};

static bool add_slot(void *arg, const struct tally_slot *s)
{
    struct listing *l = arg;
    lua_State *L = l->L;
    uint32_t asker = (uint32_t)(s->key >> VISIT_ASKER_SHIFT) % ASKERS;
    l->askers[asker / 64] |= 1ull << asker % 64;
    lua_createtable(L, 0, 4);
    lua_pushnumber(L, s->slot);
    lua_setfield(L, -2, "slot");
    lua_pushnumber(L, (lua_Number)s->key);
    lua_setfield(L, -2, "key");
    lua_pushnumber(L, (lua_Number)s->count);
    lua_setfield(L, -2, "count");
    lua_pushboolean(L, s->frozen);
    lua_setfield(L, -2, "frozen");
    lua_rawseti(L, -2, ++l->n);
    return true;
}

static int l_list(lua_State *L)
{
    char epoch[24];
    struct segment *s = gen_of(L)->host->s.segment;
    snprintf(epoch, sizeof epoch, "%016llx", s ? (unsigned long long)segment_epoch(s) : 0ull);
    lua_createtable(L, 0, 2);
    lua_pushstring(L, epoch);
    lua_setfield(L, -2, "epoch");
    lua_newtable(L);
    struct listing l = {.L = L};
    if (s) {
        tally_each(segment_tally(s), add_slot, &l);
        askers_sweep(segment_askers(s), l.askers);
    }
    lua_setfield(L, -2, "slots");
    return 1;
}

static int l_freeze(lua_State *L)
{
    uint32_t slot = (uint32_t)border_integer(L, 1, "slot", 0, TALLY_SLOTS - 1);
    uint64_t count = (uint64_t)border_integer(L, 2, "count", 0, KEY_MAX);
    struct tally *t = tally_here(L);
    lua_pushboolean(L, t && tally_freeze(t, slot, count));
    return 1;
}

static int l_free(lua_State *L)
{
    uint32_t slot = (uint32_t)border_integer(L, 1, "slot", 0, TALLY_SLOTS - 1);
    struct tally *t = tally_here(L);
    if (t) tally_free(t, slot);
    return 0;
}

const struct binding bind_tally[] = {
    {"gifd.tally.add", l_add, CTX_TASK,
     "add(key: integer, n: integer) -> true | nil, err -- counts exactly, in the memory that all processes share"},
    {"gifd.tally.peek", l_peek, CTX_TASK,
     "peek(id: integer) -> {key: integer, count: integer}[] -- all keys with these low 40 bits"},
    {"gifd.tally.asker", l_asker, CTX_TASK,
     "asker(number: integer) -> string | nil -- who asked, as a key holds the number: flags, origin and User-Agent, "
     "each "
     "on a line; nil below 32 (classes), and once nothing is counted by it any more"},
    {"gifd.tally.list", l_list, CTX_JOB | CTX_COMMAND,
     "list() -> {epoch: string, slots: {slot: integer, key: integer, count: integer, frozen: boolean}[]} -- what is "
     "counted and not yet folded; each call is a round after which askers may go that nothing is counted by"},
    {"gifd.tally.freeze", l_freeze, CTX_JOB,
     "freeze(slot: integer, count: integer) -> boolean -- is the count still this? then nothing is added to it any "
     "more"},
    {"gifd.tally.free", l_free, CTX_JOB, "free(slot: integer) -- its count is folded"},
    {NULL, NULL, 0, NULL},
};
