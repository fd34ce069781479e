/* bind_rollup.c: gifd.rollup, what events add up to (store/rollup.h). Each question runs on the thread pool with a
 * connection that is kept for the next one; at most OUT_MAX at a time in a process. */
#include "base/clock.h"
#include "script/border.h"
#include "script/host_int.h"
#include "store/rollup.h"
#include "store/trail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX 32
#define KEPT_MAX 4
#define NUMBER_MAX INT64_C(9007199254740991)
#define RAW_MAX 1000

enum op { TOTALS, KINDS, SUMS, SERIES, BOARD, RAW, FOLD, VERIFY, REVISE, CLEAR, EXPIRE, SEAL, INDEX };

struct rollup_room {
    struct rollup *kept[KEPT_MAX];
    size_t kept_count, out;
    bool leaving;
};

struct question {
    struct work work;
    struct wait wait;
    struct host *host;
    enum op op;
    char path[4096], folder[4096], also[4096], also_table[32];
    struct rollup *rollup;
    /* in */
    int64_t key, from, to, id;
    int axis, size, board;
    uint32_t file, counted, classes;
    int64_t mask;
    size_t max;
    bool flag;
    /* out */
    int64_t result;
    struct err e;
    struct rollup_answer answer;
    struct rollup_leader *leaders;
    struct rollup_raw *raw;
    struct rollup_sum *sums;
    struct rollup_change *changes;
    struct rollup_fold fold;
    uint64_t rows;
    size_t count;
};

static int answer(struct question *q)
{
    struct rollup *r = q->rollup;
    switch (q->op) {
    case TOTALS: return rollup_totals(r, (enum rollup_axis)q->axis, q->key, &q->answer, &q->e);
    case KINDS: return rollup_kinds(r, q->from, &q->answer, &q->e);
    case REVISE:
        q->result = rollup_revise(r, q->from, q->changes, q->count, q->flag, q->counted, &q->e);
        return q->result < 0 ? (int)q->result : GIFD_OK;
    case SUMS: return rollup_sums(r, (enum rollup_axis)q->axis, q->sums, q->count, q->counted, &q->e);
    case SERIES:
        return rollup_series(r, (enum rollup_axis)q->axis, q->key, (enum rollup_size)q->size, q->from, q->to, q->mask,
                             q->classes, &q->answer, &q->e);
    case BOARD:
        q->leaders = calloc(q->max, sizeof *q->leaders);
        if (!q->leaders) return err_set(&q->e, GIFD_ENOMEM, "rollup");
        int n = rollup_board(r, rollup_boards[q->board], q->leaders, q->max, &q->id, &q->e);
        q->count = n > 0 ? (size_t)n : 0;
        return n < 0 ? n : GIFD_OK;
    case RAW:
        q->raw = calloc(q->max, sizeof *q->raw);
        if (!q->raw) return err_set(&q->e, GIFD_ENOMEM, "rollup");
        return rollup_raw(r, (enum rollup_axis)q->axis, q->key, q->from, q->to, q->file, q->id, q->raw, q->max,
                          &q->count, &q->e);
    case FOLD: return rollup_fold(r, &q->fold, &q->e);
    case VERIFY:
        q->result = rollup_verify(r, q->counted, q->flag, &q->rows, &q->e);
        return q->result < 0 ? (int)q->result : GIFD_OK;
    case CLEAR: /* what is not folded yet is to go, too */
        do {
            if (rollup_fold(r, &q->fold, &q->e) < 0) return q->e.code;
        } while (q->fold.more);
        return rollup_clear(r, (enum rollup_axis)q->axis, q->key, &q->e);
    case EXPIRE: q->result = rollup_expire(r, q->from, &q->e); return q->result < 0 ? (int)q->result : GIFD_OK;
    case INDEX: q->result = rollup_index(r, &q->e); return q->result < 0 ? (int)q->result : GIFD_OK;
    case SEAL: q->result = trail_seal_orphans(q->folder, &q->e); return q->result < 0 ? (int)q->result : GIFD_OK;
    }
    return err_set(&q->e, GIFD_EINTERNAL, "rollup");
}

static void run(struct work *w)
{
    struct question *q = LIST_OF(w, struct question, work);
    struct rollup_options o = {.path = q->path, .folder = q->folder, .also = q->also, .also_table = q->also_table};
    if (q->op != SEAL && !q->rollup && !(q->rollup = rollup_open(&o, &q->e))) return;
    if (answer(q) < 0 && !q->e.code) err_set(&q->e, GIFD_EINTERNAL, "rollup");
}

/* One list of at, kind, n, at, kind, n ...: there may be tens of thousands. */
static void push_steps(lua_State *L, const struct question *q)
{
    int n = 0;
    lua_createtable(L, (int)q->answer.count * 3, 0);
    for (size_t i = 0; i < q->answer.count; i++) {
        const struct rollup_row *w = &q->answer.rows[i];
        const int64_t three[] = {w->at, w->kind, w->n};
        for (int k = 0; k < 3; k++) {
            lua_pushnumber(L, (lua_Number)three[k]);
            lua_rawseti(L, -2, ++n);
        }
    }
    lua_setfield(L, -2, "steps");
    lua_pushboolean(L, q->answer.behind);
    lua_setfield(L, -2, "behind");
}

static void push_rows(lua_State *L, const struct question *q)
{
    lua_createtable(L, (int)q->answer.count, 0);
    for (size_t i = 0; i < q->answer.count; i++) {
        lua_createtable(L, 0, 3);
        lua_pushnumber(L, (lua_Number)q->answer.rows[i].at);
        lua_setfield(L, -2, "at");
        lua_pushnumber(L, (lua_Number)q->answer.rows[i].kind);
        lua_setfield(L, -2, "kind");
        lua_pushnumber(L, (lua_Number)q->answer.rows[i].n);
        lua_setfield(L, -2, "n");
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "rows");
    lua_pushboolean(L, q->answer.behind);
    lua_setfield(L, -2, "behind");
}

static void push_leaders(lua_State *L, const struct question *q)
{
    lua_createtable(L, (int)q->count, 0);
    for (size_t i = 0; i < q->count; i++) {
        lua_createtable(L, 3, 1);
        lua_pushnumber(L, (lua_Number)q->leaders[i].key);
        lua_setfield(L, -2, "key");
        for (int k = 0; k < 3; k++) {
            lua_pushnumber(L, (lua_Number)q->leaders[i].t[k]);
            lua_rawseti(L, -2, k + 1);
        }
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "leaders");
    lua_pushnumber(L, (lua_Number)q->id);
    lua_setfield(L, -2, "as_of");
}

static void push_raw(lua_State *L, const struct question *q)
{
    lua_createtable(L, (int)q->count, 0);
    for (size_t i = 0; i < q->count; i++) {
        const struct rollup_raw *w = &q->raw[i];
        const struct {
            const char *name;
            int64_t value;
        } fields[] = {{"file", w->file}, {"id", w->id},     {"at", w->at}, {"subject", w->subject},
                      {"part", w->part}, {"kind", w->kind}, {"n", w->n}};
        lua_createtable(L, 0, 8);
        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++) {
            lua_pushnumber(L, (lua_Number)fields[k].value);
            lua_setfield(L, -2, fields[k].name);
        }
        if (w->extra) {
            lua_pushstring(L, w->extra);
            lua_setfield(L, -2, "extra");
        }
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "rows");
}

static void push_sums(lua_State *L, const struct question *q)
{
    lua_createtable(L, (int)q->count, 0);
    for (size_t i = 0; i < q->count; i++) {
        lua_createtable(L, 3, 0);
        for (int k = 0; k < 3; k++) {
            lua_pushnumber(L, (lua_Number)q->sums[i].t[k]);
            lua_rawseti(L, -2, k + 1);
        }
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "sums");
}

static int push_answer(lua_State *L, void *arg)
{
    const struct question *q = arg;
    lua_createtable(L, 0, 4);
    if (q->op == TOTALS || q->op == KINDS) push_rows(L, q);
    if (q->op == SERIES) push_steps(L, q);
    if (q->op == SUMS) push_sums(L, q);
    if (q->op == BOARD) push_leaders(L, q);
    if (q->op == RAW) push_raw(L, q);
    if (q->op == FOLD) {
        lua_pushnumber(L, (lua_Number)q->fold.rows);
        lua_setfield(L, -2, "rows");
        lua_pushboolean(L, q->fold.more);
        lua_setfield(L, -2, "more");
    }
    if (q->op == VERIFY) {
        lua_pushnumber(L, (lua_Number)q->rows);
        lua_setfield(L, -2, "rows");
    }
    if (q->op >= VERIFY) {
        lua_pushnumber(L, (lua_Number)q->result);
        lua_setfield(L, -2, "result");
    }
    return 1;
}

static void done(struct work *w)
{
    struct question *q = LIST_OF(w, struct question, work);
    struct rollup_room *room = q->host ? q->host->rollups : NULL;
    if (q->e.code)
        wait_fail(&q->wait, &q->e);
    else
        wait_done(&q->wait, push_answer, q);
    if (room) room->out--;
    if (room && q->rollup && !q->e.code && room->kept_count < KEPT_MAX)
        room->kept[room->kept_count++] = q->rollup;
    else
        rollup_close(q->rollup);
    rollup_answer_free(&q->answer);
    free(q->leaders);
    if (q->raw) rollup_raw_free(q->raw, q->count);
    free(q->raw);
    free(q->sums);
    free(q->changes);
    free(q);
}

static void undo(struct wait *w)
{
    (void)w; /* done frees it */
}

void rollups_stop(struct host *h)
{
    struct rollup_room *room = h->rollups;
    if (!room) return;
    while (room->out) uv_run(&h->s.loop->uv, UV_RUN_ONCE);
    for (size_t i = 0; i < room->kept_count; i++) rollup_close(room->kept[i]);
    free(room);
    h->rollups = NULL;
}

static struct question *question(lua_State *L, enum op op, struct err *e)
{
    struct gen *g = gen_of(L);
    struct host *h = g->host;
    const struct intake_rules *rules = &g->intake;
    if (!rules->on || !rules->rollup.p) {
        err_set(e, GIFD_ECLOSED, "nothing is added up here");
        return NULL;
    }
    if (!h->rollups && !(h->rollups = calloc(1, sizeof *h->rollups))) {
        err_set(e, GIFD_ENOMEM, "rollup");
        return NULL;
    }
    if (h->rollups->out >= OUT_MAX) {
        err_set(e, GIFD_EBUSY, "too many questions at a time");
        return NULL;
    }
    struct question *q = calloc(1, sizeof *q);
    if (!q) {
        err_set(e, GIFD_ENOMEM, "rollup");
        return NULL;
    }
    *q = (struct question){.op = op, .host = h, .work = {.run = run, .done = done}};
    snprintf(q->path, sizeof q->path, "%.*s", (int)rules->rollup.n, rules->rollup.p);
    snprintf(q->folder, sizeof q->folder, "%.*s", (int)rules->folder.n, rules->folder.p);
    snprintf(q->also, sizeof q->also, "%.*s", (int)rules->also.n, rules->also.p);
    snprintf(q->also_table, sizeof q->also_table, "%.*s", (int)rules->also_table.n, rules->also_table.p);
    return q;
}

static int start(lua_State *L, struct question *q, struct err *e)
{
    struct task *t = task_here(L);
    if (!q) return push_err(L, e);
    int refused = task_refuses(L, t);
    struct rollup_room *room = q->host->rollups;
    if (!refused && q->op != SEAL && room->kept_count) q->rollup = room->kept[--room->kept_count];
    if (refused || work_submit(q->host->s.loop, &q->work, e) < 0) {
        rollup_close(q->rollup);
        free(q->sums);
        free(q->changes);
        free(q);
        return refused ? refused : push_err(L, e);
    }
    room->out++;
    wait_begin(&q->wait, t, border_name(L), undo);
    return wait_yield(L);
}

static int l_totals(lua_State *L)
{
    struct err e = {0};
    int axis = (int)border_integer(L, 1, "axis", 0, 2);
    int64_t key = border_integer(L, 2, "key", 0, NUMBER_MAX);
    struct question *q = question(L, TOTALS, &e);
    if (q) q->axis = axis, q->key = key;
    return start(L, q, &e);
}

static int l_sums(lua_State *L)
{
    struct err e = {0};
    int axis = (int)border_integer(L, 1, "axis", 1, 2);
    border_table(L, 2, "keys");
    size_t n = lua_objlen(L, 2);
    uint32_t counted = (uint32_t)border_integer(L, 3, "counted", 0, 65535);
    if (n > RAW_MAX) border_argument(L, 2, "keys", "are more than %d", RAW_MAX);
    struct question *q = question(L, SUMS, &e);
    if (q) q->axis = axis, q->counted = counted, q->count = n, q->sums = calloc(n + 1, sizeof *q->sums);
    if (q && !q->sums) {
        free(q);
        return push_fault(L, GIFD_ENOMEM, "rollup");
    }
    for (size_t i = 0; q && i < n; i++) {
        lua_rawgeti(L, 2, (int)i + 1);
        q->sums[i].key = (int64_t)lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    return start(L, q, &e);
}

static int l_series(lua_State *L)
{
    struct err e = {0};
    int axis = (int)border_integer(L, 1, "axis", 0, 2);
    int64_t key = border_integer(L, 2, "key", 0, NUMBER_MAX);
    int size = (int)border_integer(L, 3, "size", 0, 2);
    int64_t from = border_integer(L, 4, "from", 0, NUMBER_MAX), to = border_integer(L, 5, "to", 0, NUMBER_MAX);
    int64_t mask = lua_isnoneornil(L, 6) ? 0xffff : border_integer(L, 6, "mask", 0, 0xffff);
    uint32_t classes = lua_isnoneornil(L, 7) ? 0xffff : (uint32_t)border_integer(L, 7, "classes", 0, 0xffff);
    struct question *q = question(L, SERIES, &e);
    if (q) q->axis = axis, q->key = key, q->size = size, q->from = from, q->to = to;
    if (q) q->mask = mask, q->classes = classes;
    return start(L, q, &e);
}

static int l_board(lua_State *L)
{
    struct err e = {0};
    struct slice name = border_string(L, 1, "name");
    size_t max = (size_t)border_integer(L, 2, "max", 1, ROLLUP_BOARD_MAX);
    int which = 0;
    while (rollup_boards[which] && !slice_is(name, rollup_boards[which])) which++;
    if (!rollup_boards[which]) border_argument(L, 1, "name", "is none of 1, 2, 3, 3/1, 2/1");
    struct question *q = question(L, BOARD, &e);
    if (q) q->board = which, q->max = max;
    return start(L, q, &e);
}

static int l_raw(lua_State *L)
{
    struct err e = {0};
    int axis = (int)border_integer(L, 1, "axis", 0, 2);
    int64_t key = border_integer(L, 2, "key", 0, NUMBER_MAX);
    int64_t from = border_integer(L, 3, "from", 0, NUMBER_MAX), to = border_integer(L, 4, "to", 0, NUMBER_MAX);
    uint32_t file = (uint32_t)border_integer(L, 5, "file", 0, UINT32_MAX);
    int64_t id = border_integer(L, 6, "id", 0, NUMBER_MAX);
    size_t max = (size_t)border_integer(L, 7, "max", 1, RAW_MAX);
    struct question *q = question(L, RAW, &e);
    if (q) q->axis = axis, q->key = key, q->from = from, q->to = to, q->file = file, q->id = id, q->max = max;
    return start(L, q, &e);
}

static int l_fold(lua_State *L)
{
    struct err e = {0};
    uint32_t counted = (uint32_t)border_integer(L, 1, "counted", 0, 65535);
    bool boards = lua_toboolean(L, 2);
    struct question *q = question(L, FOLD, &e);
    if (q) q->fold = (struct rollup_fold){.now = clock_wall_us(), .counted = counted, .boards = boards};
    return start(L, q, &e);
}

static int l_verify(lua_State *L)
{
    struct err e = {0};
    uint32_t counted = (uint32_t)border_integer(L, 1, "counted", 0, 65535);
    bool mend = lua_toboolean(L, 2);
    struct question *q = question(L, VERIFY, &e);
    if (q) q->counted = counted, q->flag = mend;
    return start(L, q, &e);
}

static int l_kinds(lua_State *L)
{
    struct err e = {0};
    int64_t from = border_integer(L, 1, "from", 0, NUMBER_MAX);
    struct question *q = question(L, KINDS, &e);
    if (q) q->from = from;
    return start(L, q, &e);
}

static int64_t number_at(lua_State *L, int i)
{
    lua_rawgeti(L, -1, i);
    int64_t n = (int64_t)lua_tonumber(L, -1);
    lua_pop(L, 1);
    return n;
}

static int l_revise(lua_State *L)
{
    struct err e = {0};
    int64_t from = border_integer(L, 1, "from", 0, NUMBER_MAX);
    border_table(L, 2, "changes");
    size_t n = lua_objlen(L, 2);
    uint32_t counted = (uint32_t)border_integer(L, 3, "counted", 0, 65535);
    bool also_only = lua_toboolean(L, 4);
    if (n > ROLLUP_ROWS_MAX) border_argument(L, 2, "changes", "are more than %d", ROLLUP_ROWS_MAX);
    struct question *q = question(L, REVISE, &e);
    if (q) q->from = from, q->counted = counted, q->flag = also_only, q->count = n;
    if (q && !(q->changes = calloc(n + 1, sizeof *q->changes))) {
        free(q);
        return push_fault(L, GIFD_ENOMEM, "rollup");
    }
    for (size_t i = 0; q && i < n; i++) {
        lua_rawgeti(L, 2, (int)i + 1);
        if (lua_istable(L, -1))
            q->changes[i] = (struct rollup_change){number_at(L, 1), number_at(L, 2), number_at(L, 3), number_at(L, 4)};
        lua_pop(L, 1);
    }
    return start(L, q, &e);
}

static int l_clear(lua_State *L)
{
    struct err e = {0};
    int axis = (int)border_integer(L, 1, "axis", 0, 1);
    int64_t key = border_integer(L, 2, "key", 0, NUMBER_MAX);
    struct question *q = question(L, CLEAR, &e);
    if (q) q->axis = axis, q->key = key;
    return start(L, q, &e);
}

static int l_expire(lua_State *L)
{
    struct err e = {0};
    int64_t at = border_integer(L, 1, "at", 0, NUMBER_MAX);
    struct question *q = question(L, EXPIRE, &e);
    if (q) q->from = at;
    return start(L, q, &e);
}

static int l_seal(lua_State *L)
{
    struct err e = {0};
    return start(L, question(L, SEAL, &e), &e);
}

static int l_index(lua_State *L)
{
    struct err e = {0};
    return start(L, question(L, INDEX, &e), &e);
}

const struct binding bind_rollup[] = {
    {"gifd.rollup.totals", l_totals, CTX_TASK,
     "totals(axis: integer, key: integer) -> {rows: {at: integer, kind: integer, n: integer}[], behind: boolean} | "
     "nil, err "
     "-- waits; sums by kind; axis 0: all, 1: a subject, 2: a part"},
    {"gifd.rollup.sums", l_sums, CTX_TASK,
     "sums(axis: integer, keys: integer[], counted: integer) -> {sums: integer[][]} | nil, err -- waits; what counts "
     "of "
     "each key, by type; axis 1: subjects, 2: parts; counted: a bit for each class that counts"},
    {"gifd.rollup.series", l_series, CTX_TASK,
     "series(axis: integer, key: integer, size: integer, from: integer, to: integer, mask?: integer, classes?: "
     "integer) "
     "-> {steps: integer[], behind: boolean} | nil, err -- waits; at, kind, n by step since 1970, one after another; "
     "size "
     "0: minutes, 1: hours, 2: days; mask: of kinds, classes: bits of those that are wanted"},
    {"gifd.rollup.board", l_board, CTX_TASK,
     "board(name: string, max: integer) -> {leaders: table[], as_of: integer} | nil, err -- waits; what leads by 1, 2, "
     "3, 3/1 or 2/1: {key, [1], [2], [3]}"},
    {"gifd.rollup.raw", l_raw, CTX_TASK,
     "raw(axis: integer, key: integer, from: integer, to: integer, file: integer, id: integer, max: integer) -> {rows: "
     "table[]} | nil, err -- waits; rows behind (file, id)"},
    {"gifd.rollup.fold", l_fold, CTX_JOB | CTX_COMMAND,
     "fold(counted: integer, boards: boolean) -> {rows: integer, more: boolean} | nil, err -- waits; counted: a bit "
     "for "
     "each class that counts for what leads"},
    {"gifd.rollup.verify", l_verify, CTX_TASK,
     "verify(counted: integer, mend: boolean) -> {result: integer, rows: integer} | nil, err -- waits; how many sums "
     "are wrong"},
    {"gifd.rollup.kinds", l_kinds, CTX_TASK,
     "kinds(from: integer) -> {rows: {at: integer, kind: integer, n: integer}[]} | nil, err -- waits; of rows since "
     "then"},
    {"gifd.rollup.revise", l_revise, CTX_TASK,
     "revise(from: integer, changes: integer[][], counted: integer, hits_only: boolean) -> {result: integer} | nil, "
     "err "
     "-- waits; changes: {part or 0, kind, becomes, since?}; sums follow; how many rows changed"},
    {"gifd.rollup.clear", l_clear, CTX_TASK,
     "clear(axis: integer, key: integer) -> {result: integer} | nil, err -- waits; forgets a subject, or all"},
    {"gifd.rollup.expire", l_expire, CTX_TASK,
     "expire(at: integer) -> {result: integer} | nil, err -- waits; files of rows before that time, removed"},
    {"gifd.rollup.seal", l_seal, CTX_TASK,
     "seal() -> {result: integer} | nil, err -- waits; files whose owners are gone, closed"},
    {"gifd.rollup.index", l_index, CTX_JOB | CTX_COMMAND,
     "index() -> {result: integer} | nil, err -- waits; 1: a file that is closed and added up has its index now; 0: "
     "all "
     "have"},
    {0},
};
