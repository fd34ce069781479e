/* bind_db.c: gifd.db, gifd.own and gifd.kv. Reads run here and now under a small budget, and on the reader thread when
 * that was not enough; writes are atomic batches that are durable when they return.
 *
 * gifd.own and gifd.kv work on the database of one plugin, whose name is their first argument: a plugin gets functions
 * that have it filled in (lua/gifd/plugin/grants.lua). Arguments are counted without it. Nothing of a plugin's runs on
 * the loop. */
#include "base/clock.h"
#include "script/border.h"
#include "script/host_int.h"
#include "script/value.h"
#include "store/kv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 99
#define READ_NOW_US 2000
#define COLUMNS_MAX 100

/* ---- Lua to SQL ---- */

static struct value value_of(lua_State *L, int index, int arg)
{
    struct value v = {.type = VALUE_NULL};
    lua_Number d;
    switch (lua_type(L, index)) {
    case LUA_TNIL: break;
    case LUA_TBOOLEAN:
        v.type = VALUE_INT;
        v.i = lua_toboolean(L, index);
        break;
    case LUA_TNUMBER:
        d = lua_tonumber(L, index);
        if (d == floor(d) && fabs(d) < 9007199254740992.0) {
            v.type = VALUE_INT;
            v.i = (int64_t)d;
        } else {
            v.type = VALUE_REAL;
            v.d = d;
        }
        break;
    case LUA_TSTRING:
        v.type = VALUE_TEXT;
        v.s.p = lua_tolstring(L, index, &v.s.n);
        break;
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(L, index)) break;
        /* fall through */
    default: border_argument(L, arg, "value", "a %s is no SQL value", lua_typename(L, lua_type(L, index)));
    }
    return v;
}

/* The call from arguments first (SQL) to the top. Slices are the stack's. */
static struct db_call call_of(lua_State *L, struct value args[ARGS_MAX])
{
    struct db_call c = {.sql = border_string(L, 1, "sql"), .args = args, .expect = -1};
    int top = lua_gettop(L);
    if (top - 1 > ARGS_MAX) border_argument(L, ARGS_MAX + 2, "value", "at most %d values", ARGS_MAX);
    for (int i = 2; i <= top; i++) args[c.arg_count++] = value_of(L, i, i);
    return c;
}

/* ---- SQL to Lua ---- */

static void push_value(lua_State *L, const struct value *v)
{
    switch (v->type) {
    case VALUE_NULL: lua_pushnil(L); break;
    case VALUE_INT: lua_pushnumber(L, (lua_Number)v->i); break;
    case VALUE_REAL: lua_pushnumber(L, v->d); break;
    case VALUE_TEXT:
    case VALUE_BLOB: push_slice(L, v->s); break;
    }
}

/* Pushes an array of at most max rows as {column = value}; a NULL is an absent field. */
static void push_rows(lua_State *L, const struct db_rows *rows, size_t max)
{
    size_t count = rows->count < max ? rows->count : max;
    int names = lua_gettop(L) + 1;
    if (rows->columns > COLUMNS_MAX) luaL_error(L, "a statement has more than %d columns", COLUMNS_MAX);
    luaL_checkstack(L, (int)rows->columns + 8, "columns");
    for (size_t c = 0; c < rows->columns; c++) lua_pushstring(L, rows->names[c]);
    lua_createtable(L, (int)count, 0);
    for (size_t r = 0; r < count; r++) {
        lua_createtable(L, 0, (int)rows->columns);
        for (size_t c = 0; c < rows->columns; c++) {
            const struct value *v = &rows->cells[r * rows->columns + c];
            if (v->type == VALUE_NULL) continue;
            lua_pushvalue(L, names + (int)c);
            push_value(L, v);
            lua_rawset(L, -3);
        }
        lua_rawseti(L, -2, (int)r + 1);
    }
    lua_insert(L, names);
    lua_settop(L, names);
}

static void push_row(lua_State *L, const struct db_rows *rows)
{
    if (rows->count == 0) {
        lua_pushboolean(L, 0);
        return;
    }
    push_rows(L, rows, 1);
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
}

static void push_change(lua_State *L, const struct db_rows *rows)
{
    lua_createtable(L, 0, 3);
    lua_pushnumber(L, (lua_Number)rows->changes);
    lua_setfield(L, -2, "changes");
    lua_pushnumber(L, (lua_Number)rows->last_id);
    lua_setfield(L, -2, "last_id");
    push_rows(L, rows, SIZE_MAX);
    lua_setfield(L, -2, "rows");
}

/* JSON of gifd.kv; false when there is no row. */
static int push_kept(lua_State *L, const struct db_rows *rows)
{
    struct err e = {0};
    if (rows->count == 0) {
        lua_pushboolean(L, 0);
        return 1;
    }
    return value_decode(L, rows->cells[0].s, KV_VALUE_MAX, &e) < 0 ? push_err(L, &e) : 1;
}

static int push_pairs(lua_State *L, const struct db_rows *rows)
{
    struct err e = {0};
    lua_createtable(L, (int)rows->count, 0);
    for (size_t i = 0; i < rows->count; i++) {
        const struct value *v = &rows->cells[i * rows->columns];
        lua_createtable(L, 0, 2);
        push_value(L, v);
        lua_setfield(L, -2, "key");
        if (value_decode(L, v[1].s, KV_VALUE_MAX, &e) < 0) return push_err(L, &e);
        lua_setfield(L, -2, "value");
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

/* ---- waiting ---- */

enum want { WANT_ROWS, WANT_ROW, WANT_VALUE, WANT_PAIRS, WANT_RUN, WANT_STORED, WANT_CHANGED, WANT_BATCH };

struct query_wait {
    struct wait wait;
    struct db_job *job;
    enum want want;
    const struct db_rows *results;
    size_t count;
};

static void undo_query(struct wait *w)
{
    struct query_wait *q = LIST_OF(w, struct query_wait, wait);
    db_forget(q->job);
    free(q);
}

static int push_results(lua_State *L, void *arg)
{
    struct query_wait *q = arg;
    switch (q->want) {
    case WANT_ROWS: push_rows(L, q->results, SIZE_MAX); break;
    case WANT_ROW: push_row(L, q->results); break;
    case WANT_VALUE: return push_kept(L, q->results);
    case WANT_PAIRS: return push_pairs(L, q->results);
    case WANT_RUN: push_change(L, q->results); break;
    case WANT_STORED: lua_pushboolean(L, 1); break;
    case WANT_CHANGED: lua_pushboolean(L, q->results[q->count - 1].changes > 0); break;
    case WANT_BATCH:
        lua_createtable(L, (int)q->count, 0);
        for (size_t i = 0; i < q->count; i++) {
            push_change(L, &q->results[i]);
            lua_rawseti(L, -2, (int)i + 1);
        }
    }
    return 1;
}

static void on_done(void *arg, int rc, const struct db_rows *results, size_t count, const struct err *e)
{
    struct query_wait *q = arg;
    q->results = results;
    q->count = count;
    struct err full = {.code = GIFD_ETOOBIG};
    snprintf(full.text, sizeof full.text, "there are %d keys already", KV_KEYS_MAX);
    if (rc < 0)
        wait_fail(&q->wait, rc == GIFD_ECONFLICT && q->want == WANT_STORED ? &full : e);
    else
        wait_done(&q->wait, push_results, q);
    free(q);
}

/* The database of a call: the host's own, or that of the plugin of this name. */
static struct db *db_of(lua_State *L, struct slice own, struct err *e)
{
    struct host *h = gen_of(L)->host;
    if (own.n && h->s.shelf) return shelf_take(h->s.shelf, own, e);
    if (!own.n && h->s.db) return h->s.db;
    err_set(e, GIFD_ECLOSED, "there is no database");
    return NULL;
}

/* The plugin's name, which is taken away from the arguments; `keep` holds it. */
static struct slice own_name(lua_State *L, char keep[SHELF_NAME_MAX + 1])
{
    struct slice s = border_string(L, 1, "plugin");
    if (s.n < 1 || s.n > SHELF_NAME_MAX) border_argument(L, 1, "plugin", "is no name of a plugin");
    memcpy(keep, s.p, s.n);
    lua_remove(L, 1);
    return slice_of(keep, s.n);
}

/* What is bound to the statement is not told. */
static int begin_span(struct task *t, const char *name, struct slice sql)
{
    struct trace own = t->trace;
    if (!t->spans) return -1;
    int span = spans_start(t->spans, &own, SPAN_CLIENT, slice_str(name));
    spans_note(t->spans, span, "db.system.name", SLICE("sqlite"));
    spans_note(t->spans, span, "db.query.text", sql);
    return span;
}

static int ask(lua_State *L, struct task *t, struct db *db, enum want want, const struct db_call *calls, size_t count)
{
    struct err e = {0};
    struct query_wait *q = calloc(1, sizeof *q);
    if (!q) return push_fault(L, GIFD_ENOMEM, "query");
    q->want = want;
    q->job = want < WANT_RUN ? db_read(db, calls, on_done, q, &e) : db_write(db, calls, count, on_done, q, &e);
    if (!q->job) {
        free(q);
        return push_err(L, &e);
    }
    wait_begin(&q->wait, t, border_name(L), undo_query);
    q->wait.span = begin_span(t, border_name(L), calls[0].sql);
    return wait_yield(L);
}

/* ---- reads ---- */

static int read_rows(lua_State *L, enum want want, struct slice own)
{
    struct value args[ARGS_MAX];
    struct err e = {0};
    struct db_rows rows;
    struct db_call call = call_of(L, args);
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    struct db *db = db_of(L, own, &e);
    if (!db) return push_err(L, &e);
    if (own.n) return ask(L, t, db, want, &call, 1);
    arena_reset(&t->gen->scratch);
    int span = begin_span(t, border_name(L), call.sql);
    int rc = db_read_now(db, &call, READ_NOW_US, &t->gen->scratch, &rows, &e);
    spans_end(t->spans, span, rc < 0 && rc != GIFD_ETIMEOUT ? e.text : NULL);
    if (rc == GIFD_ETIMEOUT) return ask(L, t, db, want, &call, 1);
    if (rc < 0) return push_err(L, &e);
    struct query_wait now = {.want = want, .results = &rows, .count = 1};
    push_results(L, &now);
    arena_reset(&t->gen->scratch);
    return 1;
}

#define NOT_OWN ((struct slice){NULL, 0})

static int l_rows(lua_State *L)
{
    return read_rows(L, WANT_ROWS, NOT_OWN);
}

static int l_row(lua_State *L)
{
    return read_rows(L, WANT_ROW, NOT_OWN);
}

static int l_own_rows(lua_State *L)
{
    char name[SHELF_NAME_MAX + 1];
    return read_rows(L, WANT_ROWS, own_name(L, name));
}

static int l_own_row(lua_State *L)
{
    char name[SHELF_NAME_MAX + 1];
    return read_rows(L, WANT_ROW, own_name(L, name));
}

/* ---- writes ---- */

/* For whoever has checked the arguments: the task may wait, the database is there, and is asked. */
static int ask_own(lua_State *L, struct slice own, enum want want, const struct db_call *calls, size_t count)
{
    struct err e = {0};
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    struct db *db = db_of(L, own, &e);
    return db ? ask(L, t, db, want, calls, count) : push_err(L, &e);
}

static int run(lua_State *L, struct slice own)
{
    struct value args[ARGS_MAX];
    struct db_call call = call_of(L, args);
    return ask_own(L, own, WANT_RUN, &call, 1);
}

static int l_run(lua_State *L)
{
    return run(L, NOT_OWN);
}

static int l_own_run(lua_State *L)
{
    char name[SHELF_NAME_MAX + 1];
    return run(L, own_name(L, name));
}

/* Statement i of the batch at index 1. Its values live as long as its table. */
static void statement(lua_State *L, int i, struct db_call *c, struct value *args, size_t room)
{
    lua_rawgeti(L, 1, i);
    if (!lua_istable(L, -1)) border_argument(L, 1, "batch", "statement %d must be a table", i);
    size_t n = lua_objlen(L, -1);
    if (n > room) border_argument(L, 1, "batch", "statement %d: more values than fit into one batch", i);
    lua_rawgeti(L, -1, 1);
    if (lua_type(L, -1) != LUA_TSTRING) border_argument(L, 1, "batch", "statement %d has no SQL", i);
    *c = (struct db_call){.args = args, .expect = -1};
    c->sql.p = lua_tolstring(L, -1, &c->sql.n);
    lua_pop(L, 1);
    for (size_t k = 2; k <= n; k++) {
        lua_rawgeti(L, -1, (int)k);
        args[c->arg_count++] = value_of(L, lua_gettop(L), 1);
        lua_pop(L, 1);
    }
    lua_getfield(L, -1, "expect");
    if (lua_type(L, -1) == LUA_TNUMBER)
        c->expect = (int64_t)lua_tonumber(L, -1);
    else if (!lua_isnil(L, -1))
        border_argument(L, 1, "batch", "statement %d: expect must be a number", i);
    lua_pop(L, 2);
}

#define BATCH_VALUES_MAX 4096

static int batch(lua_State *L, struct slice own)
{
    border_table(L, 1, "batch");
    size_t count = lua_objlen(L, 1), used = 0;
    if (count < 1 || count > DB_BATCH_MAX) border_argument(L, 1, "batch", "must have 1 to %d statements", DB_BATCH_MAX);
    struct db_call *calls = lua_newuserdata(L, count * sizeof *calls);
    size_t total = 0;
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, (int)i);
        if (lua_istable(L, -1)) total += lua_objlen(L, -1);
        lua_pop(L, 1);
    }
    if (total > BATCH_VALUES_MAX) border_argument(L, 1, "batch", "must have at most %d values", BATCH_VALUES_MAX);
    struct value *args = lua_newuserdata(L, (total + 1) * sizeof *args);
    for (size_t i = 0; i < count; i++) {
        statement(L, (int)i + 1, &calls[i], args + used, total - used);
        used += calls[i].arg_count;
    }
    return ask_own(L, own, WANT_BATCH, calls, count);
}

static int l_batch(lua_State *L)
{
    return batch(L, NOT_OWN);
}

static int l_own_batch(lua_State *L)
{
    char name[SHELF_NAME_MAX + 1];
    return batch(L, own_name(L, name));
}

/* ---- kv ---- */

#define TTL_MAX (10 * 365 * 86400.0)

static struct slice key_arg(lua_State *L, int arg, const char *what, size_t min)
{
    struct slice s = border_string(L, arg, what);
    if (s.n < min || s.n > KV_KEY_MAX) border_argument(L, arg, what, "must have %zu to %d bytes", min, KV_KEY_MAX);
    return s;
}

static double wall_now(void)
{
    return (double)clock_wall_us() / 1e6;
}

static int l_kv_get(lua_State *L)
{
    char name[SHELF_NAME_MAX + 1];
    struct kv_calls c;
    struct slice own = own_name(L, name);
    kv_get(&c, key_arg(L, 1, "key", 1), wall_now());
    return ask_own(L, own, WANT_VALUE, c.call, c.count);
}

static int l_kv_set(lua_State *L)
{
    char name[SHELF_NAME_MAX + 1];
    struct kv_calls c;
    struct err e = {0};
    struct gen *g = gen_of(L);
    struct slice own = own_name(L, name), key = key_arg(L, 1, "key", 1);
    if (lua_isnoneornil(L, 2)) border_argument(L, 2, "value", "must not be nil: delete the key instead");
    if (!lua_isnoneornil(L, 3)) border_table(L, 3, "options");
    double ttl = border_field_number(L, 3, "ttl", 0.001, TTL_MAX, 0), now = wall_now();
    buf_reset(&g->out);
    if (value_encode(L, 2, &g->out, &e) < 0) return push_err(L, &e);
    if (g->out.n > KV_VALUE_MAX)
        return push_fault(L, GIFD_ETOOBIG, "a value has at most %d bytes as JSON", KV_VALUE_MAX);
    kv_set(&c, key, buf_slice(&g->out), ttl > 0 ? now + ttl : 0, now);
    return ask_own(L, own, WANT_STORED, c.call, c.count);
}

static int l_kv_delete(lua_State *L)
{
    char name[SHELF_NAME_MAX + 1];
    struct kv_calls c;
    struct slice own = own_name(L, name);
    kv_delete(&c, key_arg(L, 1, "key", 1), wall_now());
    return ask_own(L, own, WANT_CHANGED, c.call, c.count);
}

static int l_kv_list(lua_State *L)
{
    char name[SHELF_NAME_MAX + 1];
    struct kv_calls c;
    struct slice own = own_name(L, name), prefix = {"", 0}, after = {NULL, 0};
    if (!lua_isnoneornil(L, 1)) prefix = key_arg(L, 1, "prefix", 0);
    lua_Number limit = 100;
    if (!lua_isnoneornil(L, 2)) {
        border_table(L, 2, "options");
        after = border_field_string(L, 2, "after");
        limit = border_field_number(L, 2, "limit", 1, KV_LIST_MAX, limit);
    }
    kv_list(&c, prefix, after, (size_t)limit, wall_now());
    return ask_own(L, own, WANT_PAIRS, c.call, c.count);
}

const struct binding bind_db[] = {
    {"gifd.db.rows", l_rows, CTX_TASK,
     "rows(sql: string, ...: string|number|boolean|nil) -> rows: table<string, any>[] | nil, err -- all rows of a "
     "query"},
    {"gifd.db.row", l_row, CTX_TASK,
     "row(sql: string, ...: string|number|boolean|nil) -> row: table<string, any>|false | nil, err -- the first "
     "row; false when there is none"},
    {"gifd.db.run", l_run, CTX_TASK,
     "run(sql: string, ...: string|number|boolean|nil) -> done: {changes: integer, last_id: integer, rows?: "
     "table<string, any>[]} | nil, err -- one statement, committed when it returns"},
    {"gifd.db.batch", l_batch, CTX_TASK,
     "batch(statements: table[]) -> done: {changes: integer, last_id: integer, rows?: table<string, any>[]}[] | "
     "nil, err -- statements are {sql, value, ..., expect = rows changed}: all of them or none"},
    {"gifd.own.rows", l_own_rows, CTX_TASK,
     "rows(plugin: string, sql: string, ...: string|number|boolean|nil) -> rows: table<string, any>[] | nil, err -- "
     "all rows of a query"},
    {"gifd.own.row", l_own_row, CTX_TASK,
     "row(plugin: string, sql: string, ...: string|number|boolean|nil) -> row: table<string, any>|false | nil, err "
     "-- the first row; false when there is none"},
    {"gifd.own.run", l_own_run, CTX_TASK,
     "run(plugin: string, sql: string, ...: string|number|boolean|nil) -> done: {changes: integer, last_id: "
     "integer, rows?: table<string, any>[]} | nil, err -- one statement, committed when it returns"},
    {"gifd.own.batch", l_own_batch, CTX_TASK,
     "batch(plugin: string, statements: table[]) -> done: {changes: integer, last_id: integer, rows?: table<string, "
     "any>[]}[] | nil, err -- statements are {sql, value, ..., expect = rows changed}: all of them or none"},
    {"gifd.kv.get", l_kv_get, CTX_TASK,
     "get(plugin: string, key: string) -> value: any | nil, err -- false when there is none"},
    {"gifd.kv.set", l_kv_set, CTX_TASK,
     "set(plugin: string, key: string, value: any, options?: {ttl?: number}) -> true | nil, err -- keeps plain "
     "data, at most 64 KiB as JSON; ttl is in seconds"},
    {"gifd.kv.delete", l_kv_delete, CTX_TASK,
     "delete(plugin: string, key: string) -> was_there: boolean | nil, err -- forgets a key"},
    {"gifd.kv.list", l_kv_list, CTX_TASK,
     "list(plugin: string, prefix?: string, options?: {after?: string, limit?: integer}) -> entries: {key: string, "
     "value: any}[] | nil, err -- in the order of their keys"},
    {NULL, NULL, 0, NULL},
};
