/* bind_near.c: gifd.near, the indexes of hashes (core/store/near.h): of what is stored, of what is listed. */
#include "script/border.h"
#include "script/host_int.h"

#include <stdlib.h>
#include <string.h>

#define MARK_MAX (INT64_C(1) << 53)

/* The first argument says which. */
static struct near *near_here(lua_State *L)
{
    struct slice s = border_string(L, 1, "index");
    bool listed = slice_is(s, "listed");
    if (!listed && !slice_is(s, "stored")) border_argument(L, 1, "index", "must be \"stored\" or \"listed\"");
    return gen_of(L)->host->s.near[listed];
}

static int closed(lua_State *L)
{
    return push_fault(L, GIFD_ECLOSED, "there is no index of hashes");
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hash(struct slice s, uint8_t out[NEAR_BYTES])
{
    if (s.n != NEAR_BYTES * 2) return false;
    for (size_t i = 0; i < NEAR_BYTES; i++) {
        int high = nibble(s.p[2 * i]), low = nibble(s.p[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* ---- search ---- */

struct near_wait {
    struct wait wait;
    struct near_search *search;
    const struct near_found *found;
    size_t count;
};

static void undo_search(struct wait *w)
{
    struct near_wait *n = LIST_OF(w, struct near_wait, wait);
    near_forget(n->search);
    free(n);
}

static int push_found(lua_State *L, void *arg)
{
    const struct near_wait *n = arg;
    lua_createtable(L, (int)n->count, 0);
    for (size_t i = 0; i < n->count; i++) {
        lua_createtable(L, 0, 2);
        lua_pushnumber(L, (lua_Number)n->found[i].key);
        lua_setfield(L, -2, "key");
        lua_pushinteger(L, (lua_Integer)n->found[i].distance);
        lua_setfield(L, -2, "distance");
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static void on_found(void *arg, int rc, const struct near_found *found, size_t count, const struct err *e)
{
    struct near_wait *n = arg;
    n->found = found;
    n->count = count;
    if (rc < 0)
        wait_fail(&n->wait, e);
    else
        wait_done(&n->wait, push_found, n);
    free(n);
}

static int l_search(lua_State *L)
{
    uint8_t hash[NEAR_BYTES];
    struct err e = {0};
    if (!read_hash(border_string(L, 2, "hash"), hash))
        border_argument(L, 2, "hash", "must be 64 lower-case hex digits");
    uint32_t distance = (uint32_t)border_integer(L, 3, "distance", 0, 256);
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    if (!near_here(L)) return closed(L);
    struct near_wait *n = calloc(1, sizeof *n);
    if (!n) return push_fault(L, GIFD_ENOMEM, "search");
    n->search = near_search(near_here(L), hash, distance, on_found, n, &e);
    if (!n->search) {
        free(n);
        return push_err(L, &e);
    }
    wait_begin(&n->wait, t, "gifd.near.search", undo_search);
    return wait_yield(L);
}

/* ---- keeping it ---- */

static void read_row(lua_State *L, int i, struct near_row *row)
{
    lua_rawgeti(L, 3, i);
    if (!lua_istable(L, -1)) border_argument(L, 3, "rows", "row %d must be a table", i);
    int at = lua_gettop(L);
    row->key = (uint64_t)border_field_number(L, at, "key", 1, (lua_Number)MARK_MAX, 0);
    if (!row->key || !read_hash(border_field_string(L, at, "hash"), row->hash))
        border_argument(L, 3, "rows", "row %d must have a key and a hash of 64 lower-case hex digits", i);
    lua_pop(L, 1);
}

static int l_append(lua_State *L)
{
    struct err e = {0};
    uint64_t seen = (uint64_t)border_integer(L, 2, "seen", 0, MARK_MAX);
    border_table(L, 3, "rows");
    uint64_t mark = (uint64_t)border_integer(L, 4, "mark", 0, MARK_MAX);
    size_t n = lua_objlen(L, 3);
    if (n > NEAR_APPEND_MAX) border_argument(L, 3, "rows", "must be at most %d", NEAR_APPEND_MAX);
    struct near_row *rows = lua_newuserdata(L, (n + 1) * sizeof *rows);
    for (size_t i = 0; i < n; i++) read_row(L, (int)i + 1, &rows[i]);
    if (!near_here(L)) return closed(L);
    if (near_append(near_here(L), seen, rows, n, mark, &e) < 0) return push_err(L, &e);
    return push_true(L, NULL);
}

static int l_remove(lua_State *L)
{
    struct err e = {0};
    uint64_t key = (uint64_t)border_integer(L, 2, "key", 1, MARK_MAX);
    if (!near_here(L)) return closed(L);
    int gone = near_remove(near_here(L), key, &e);
    if (gone < 0) return push_err(L, &e);
    lua_pushinteger(L, gone);
    return 1;
}

static int l_ready(lua_State *L)
{
    struct err e = {0};
    uint64_t seen = (uint64_t)border_integer(L, 2, "seen", 0, MARK_MAX);
    if (!near_here(L)) return closed(L);
    return near_ready(near_here(L), seen, &e) < 0 ? push_err(L, &e) : push_true(L, NULL);
}

static int l_reset(lua_State *L)
{
    struct err e = {0};
    if (!near_here(L)) return closed(L);
    return near_reset(near_here(L), &e) < 0 ? push_err(L, &e) : push_true(L, NULL);
}

static int l_state(lua_State *L)
{
    struct near_state s;
    if (!near_here(L)) return closed(L);
    near_state(near_here(L), &s);
    lua_createtable(L, 0, 3);
    lua_pushnumber(L, (lua_Number)s.mark);
    lua_setfield(L, -2, "mark");
    lua_pushnumber(L, (lua_Number)s.rows);
    lua_setfield(L, -2, "rows");
    lua_pushboolean(L, s.ready);
    lua_setfield(L, -2, "ready");
    return 1;
}

const struct binding bind_near[] = {
    {"gifd.near.search", l_search, CTX_TASK,
     "search(index: string, hash: string, distance: integer) -> found: {key: integer, distance: integer}[] | nil, err "
     "-- the nearest "
     "first, at most 100; busy until the index is filled"},
    {"gifd.near.append", l_append, CTX_TASK,
     "append(index: string, seen: integer, rows: {key: integer, hash: string}[], mark: integer) -> true | nil, err -- "
     "at most 1000; "
     "conflict when the mark is not the seen one"},
    {"gifd.near.remove", l_remove, CTX_TASK,
     "remove(index: string, key: integer) -> gone: integer | nil, err -- forgets a key"},
    {"gifd.near.ready", l_ready, CTX_TASK,
     "ready(index: string, seen: integer) -> true | nil, err -- everything up to the mark is in it"},
    {"gifd.near.reset", l_reset, CTX_TASK, "reset(index: string) -> true | nil, err -- empties it"},
    {"gifd.near.state", l_state, CTX_TASK,
     "state(index: string) -> state: {mark: integer, rows: integer, ready: boolean} | nil, err -- how far it has come"},
    {NULL, NULL, 0, NULL},
};
