/* rollup_ask.c: questions to a rollup, and what is done to it beside folding. See rollup.h. */
#include "store/rollup_int.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const column_of[] = {"", "subject", "part"};

/* ---- sums ---- */

struct answer {
    struct rollup__cells cells; /* size and axis 0: (at, kind) */
    uint64_t tail;
};

static int add(struct answer *a, int64_t at, int64_t kind, int64_t n, struct err *e)
{
    struct rollup__cell c = {.at = at, .kind = kind, .n = n};
    if (n > 0 && rollup__cell_add(&a->cells, &c) < 0) return err_set(e, GIFD_ENOMEM, "rollup");
    if (a->cells.count > ROLLUP_ROWS_MAX)
        return err_set(e, GIFD_ETOOBIG, "more than %d steps: ask for a shorter time or a longer step", ROLLUP_ROWS_MAX);
    return GIFD_OK;
}

struct asked {
    enum rollup_axis axis;
    int64_t key, from, to;
    int64_t mask;     /* of kinds */
    uint32_t classes; /* a bit for each that is wanted; others are left out */
    int64_t minutes;  /* of a step; 0: totals */
};

/* n of a kind as a table or a row has it. */
static int add_kind(struct answer *a, const struct asked *q, int64_t at, int64_t kind, int64_t n, struct err *e)
{
    if (!(q->classes >> (kind >> 12 & 15) & 1)) return GIFD_OK;
    if (q->minutes && (at < q->from || at > q->to)) return GIFD_OK;
    return add(a, q->minutes ? at : 0, kind & q->mask, n, e);
}

struct unit_to {
    struct answer *a;
    const struct asked *q;
    struct err *e;
};

static int add_unit(void *arg, const struct rollup__cell *c)
{
    const struct unit_to *to = arg;
    int64_t at = to->q->minutes ? c->at / to->q->minutes : 0;
    return add_kind(to->a, to->q, at, c->kind, c->n, to->e) < 0 ? -1 : 0;
}

static int add_rows(sqlite3 *db, sqlite3_stmt *s, const struct asked *q, struct answer *a, struct err *e)
{
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW)
        if (add_kind(a, q, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2), e) < 0)
            break;
    bool over = rc == SQLITE_ROW;
    if (rc != SQLITE_DONE && !over) rollup__fail(e, db, rc, "rollup");
    return rc == SQLITE_DONE ? GIFD_OK : e->code;
}

static int tail_of(struct rollup *r, sqlite3 *db, uint32_t file, int64_t from, int64_t to, const struct asked *q,
                   struct answer *a, struct err *e)
{
    char sql[200], which[48];
    struct err why = {0};
    if (q->axis == ROLLUP_ALL)
        snprintf(which, sizeof which, "subject > 0");
    else
        snprintf(which, sizeof which, "%s = ?3", column_of[q->axis]);
    snprintf(sql, sizeof sql, "SELECT at, kind, n FROM %s WHERE id > ?1 AND id <= ?2 AND +%s", rollup__table(r, file),
             which);
    sqlite3_stmt *s = rollup__prepare(db, sql, &why);
    if (!s) return GIFD_OK;
    sqlite3_bind_int64(s, 1, from);
    sqlite3_bind_int64(s, 2, to);
    if (q->axis != ROLLUP_ALL) sqlite3_bind_int64(s, 3, q->key);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        int64_t at = q->minutes ? sqlite3_column_int64(s, 0) / (q->minutes * 60000000) : 0;
        if (add_kind(a, q, at, sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2), e) < 0) break;
    }
    bool over = rc == SQLITE_ROW;
    if (rc != SQLITE_DONE && !over) rollup__fail(e, db, rc, "rows");
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? GIFD_OK : e->code;
}

/* How many of a file's rows beyond its mark are read: *mark to the number returned. *left: of ROLLUP_TAIL_MAX, for all
 * files; what is more is *behind. */
static int64_t tail_end(struct rollup *r, sqlite3 *db, uint32_t file, int64_t mark, int64_t *left, bool *behind)
{
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT max(id) FROM %s", rollup__table(r, file));
    int64_t last = rollup__number(db, sql);
    if (last - mark > *left) {
        *behind = true;
        last = mark + *left;
    }
    if (last > mark) *left -= last - mark;
    return last;
}

/* The rows beyond the marks, in the snapshot of the open transaction. */
static int tails(struct rollup *r, const struct asked *q, struct answer *a, bool *behind, struct err *e)
{
    uint32_t *files = NULL;
    size_t count;
    int64_t left = ROLLUP_TAIL_MAX;
    if (rollup__files(r, &files, &count, e) < 0) return e->code;
    int rc = GIFD_OK;
    for (size_t i = 0; i < count && rc == GIFD_OK; i++) {
        int64_t mark;
        bool done;
        struct err why = {0};
        rc = rollup__mark(r, files[i], &mark, &done, e);
        sqlite3 *db = rc < 0 || done ? NULL : rollup__source(r, files[i], &why);
        if (!db) continue;
        int64_t last = tail_end(r, db, files[i], mark, &left, behind);
        if (last > mark) rc = tail_of(r, db, files[i], mark, last, q, a, e);
    }
    free(files);
    return rc;
}

static int answered(struct answer *a, int rc, struct rollup_answer *out, struct err *e)
{
    if (rc == GIFD_OK) {
        rollup__cells_sort(&a->cells);
        out->rows = malloc((a->cells.count + 1) * sizeof *out->rows);
        if (!out->rows) rc = err_set(e, GIFD_ENOMEM, "rollup");
    }
    for (size_t i = 0; rc == GIFD_OK && i < a->cells.count; i++)
        out->rows[out->count++] =
            (struct rollup_row){a->cells.cells[i].at, a->cells.cells[i].kind, a->cells.cells[i].n};
    free(a->cells.cells);
    return rc;
}

static int ask(struct rollup *r, sqlite3_stmt *s, const struct asked *q, struct rollup_answer *out, struct err *e)
{
    struct answer a = {0};
    *out = (struct rollup_answer){0};
    int rc = rollup__run(r->db, "BEGIN", e);
    if (rc == GIFD_OK) rc = add_rows(r->db, s, q, &a, e);
    sqlite3_reset(s);
    struct unit_to to = {&a, q, e};
    if (rc == GIFD_OK) rc = rollup__delta_of(r, q->axis, q->key, add_unit, &to, e);
    if (rc == GIFD_OK) rc = tails(r, q, &a, &out->behind, e);
    if (!sqlite3_get_autocommit(r->db)) rollup__run(r->db, "COMMIT", NULL);
    return answered(&a, rc, out, e);
}

void rollup_answer_free(struct rollup_answer *a)
{
    free(a->rows);
    *a = (struct rollup_answer){0};
}

int rollup_totals(struct rollup *r, enum rollup_axis axis, int64_t key, struct rollup_answer *out, struct err *e)
{
    *out = (struct rollup_answer){0};
    sqlite3_stmt *s = rollup__statement(r, TOTAL_GET, "SELECT 0, kind, n FROM total WHERE axis = ?1 AND key = ?2", e);
    if (!s) return e->code;
    sqlite3_bind_int(s, 1, (int)axis);
    sqlite3_bind_int64(s, 2, key);
    return ask(r, s, &(struct asked){.axis = axis, .key = key, .mask = 0xffffffff, .classes = UINT32_MAX}, out, e);
}

int rollup_series(struct rollup *r, enum rollup_axis axis, int64_t key, enum rollup_size size, int64_t from, int64_t to,
                  int64_t mask, uint32_t classes, struct rollup_answer *out, struct err *e)
{
    static const int64_t minutes[] = {1, 60, 1440};
    *out = (struct rollup_answer){0};
    sqlite3_stmt *s = rollup__statement(r, STEP_GET,
                                        "SELECT at, kind, n FROM step WHERE size = ?1 AND axis = ?2 AND key = ?3 "
                                        "AND at BETWEEN ?4 AND ?5",
                                        e);
    if (!s) return e->code;
    sqlite3_bind_int(s, 1, (int)size);
    sqlite3_bind_int(s, 2, axis == ROLLUP_ALL && !(mask & 0xffff & ~COARSE_MASK) ? COARSE : (int)axis);
    sqlite3_bind_int64(s, 3, key);
    sqlite3_bind_int64(s, 4, from);
    sqlite3_bind_int64(s, 5, to);
    struct asked q = {.axis = axis,
                      .key = key,
                      .from = from,
                      .to = to,
                      .mask = mask & 0xffff,
                      .classes = classes,
                      .minutes = minutes[size]};
    return ask(r, s, &q, out, e);
}

/* ---- many keys at a time ---- */

static int by_sum_key(const void *a, const void *b)
{
    int64_t x = (*(struct rollup_sum *const *)a)->key, y = (*(struct rollup_sum *const *)b)->key;
    return x < y ? -1 : x > y;
}

struct summing {
    struct rollup_sum **sorted;
    size_t count;
    uint32_t counted;
};

static void add_to_sum(const struct summing *s, int64_t key, int64_t kind, int64_t n)
{
    struct rollup_sum wanted = {.key = key}, *want = &wanted;
    int64_t type = kind & 15;
    if (type < 1 || type > 3 || !(s->counted >> (kind >> 12 & 15) & 1)) return;
    struct rollup_sum **found = bsearch(&want, s->sorted, s->count, sizeof *s->sorted, by_sum_key);
    if (!found) return;
    while (found > s->sorted && found[-1]->key == key) found--; /* asked for twice: told twice */
    for (; found < s->sorted + s->count && (*found)->key == key; found++) (*found)->t[type - 1] += n;
}

static int sum_tail(struct rollup *r, uint32_t file, enum rollup_axis axis, const struct summing *sums, int64_t *left,
                    struct err *e)
{
    char sql[160];
    int64_t mark;
    bool done, behind;
    struct err why = {0};
    if (rollup__mark(r, file, &mark, &done, e) < 0) return e->code;
    sqlite3 *db = done ? NULL : rollup__source(r, file, &why);
    int64_t last = db ? tail_end(r, db, file, mark, left, &behind) : mark;
    if (last <= mark) return GIFD_OK;
    snprintf(sql, sizeof sql, "SELECT %s, kind, n FROM %s WHERE id > ?1 AND id <= ?2", column_of[axis],
             rollup__table(r, file));
    sqlite3_stmt *s = rollup__prepare(db, sql, &why);
    if (!s) return GIFD_OK;
    sqlite3_bind_int64(s, 1, mark);
    sqlite3_bind_int64(s, 2, last);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW)
        add_to_sum(sums, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2));
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? GIFD_OK : rollup__fail(e, db, rc, "rows");
}

static int add_unit_to_sum(void *arg, const struct rollup__cell *c)
{
    add_to_sum(arg, c->key, c->kind, c->n);
    return 0;
}

static int sum_all(struct rollup *r, enum rollup_axis axis, const struct summing *sums, struct err *e)
{
    uint32_t *files = NULL;
    size_t count;
    sqlite3_stmt *s = rollup__statement(r, TOTAL_GET, "SELECT 0, kind, n FROM total WHERE axis = ?1 AND key = ?2", e);
    if (!s) return e->code;
    for (size_t i = 0; i < sums->count; i++) {
        if (i && sums->sorted[i]->key == sums->sorted[i - 1]->key) continue;
        sqlite3_bind_int(s, 1, (int)axis);
        sqlite3_bind_int64(s, 2, sums->sorted[i]->key);
        while (sqlite3_step(s) == SQLITE_ROW)
            add_to_sum(sums, sums->sorted[i]->key, sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2));
        int rc = sqlite3_reset(s);
        if (rc != SQLITE_OK) return rollup__fail(e, r->db, rc, "total");
        if (rollup__delta_of(r, axis, sums->sorted[i]->key, add_unit_to_sum, (void *)(uintptr_t)sums, e) < 0)
            return e->code;
    }
    if (rollup__files(r, &files, &count, e) < 0) return e->code;
    int rc = GIFD_OK;
    int64_t left = ROLLUP_TAIL_MAX;
    for (size_t i = 0; i < count && rc == GIFD_OK; i++) rc = sum_tail(r, files[i], axis, sums, &left, e);
    free(files);
    return rc;
}

int rollup_sums(struct rollup *r, enum rollup_axis axis, struct rollup_sum *out, size_t n, uint32_t counted,
                struct err *e)
{
    struct summing sums = {.sorted = malloc((n + 1) * sizeof *sums.sorted), .count = n, .counted = counted};
    if (!sums.sorted) return err_set(e, GIFD_ENOMEM, "rollup");
    for (size_t i = 0; i < n; i++) {
        memset(out[i].t, 0, sizeof out[i].t);
        sums.sorted[i] = &out[i];
    }
    qsort(sums.sorted, n, sizeof *sums.sorted, by_sum_key);
    int rc = rollup__run(r->db, "BEGIN", e);
    if (rc == GIFD_OK) rc = sum_all(r, axis, &sums, e);
    if (!sqlite3_get_autocommit(r->db)) rollup__run(r->db, "COMMIT", NULL);
    free(sums.sorted);
    return rc;
}

int rollup_board(struct rollup *r, const char *name, struct rollup_leader *out, size_t max, int64_t *as_of,
                 struct err *e)
{
    int n = 0, rc;
    sqlite3_stmt *s =
        rollup__statement(r, BOARD_GET, "SELECT key, t1, t2, t3 FROM board WHERE name = ?1 ORDER BY rank LIMIT ?2", e);
    if (!s) return e->code;
    *as_of = rollup__number(r->db, "SELECT value FROM told WHERE name = 'boards'");
    if (*as_of < 0) *as_of = 0;
    sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, (int64_t)max);
    while ((rc = sqlite3_step(s)) == SQLITE_ROW && (size_t)n < max) {
        out[n].key = sqlite3_column_int64(s, 0);
        for (int i = 0; i < 3; i++) out[n].t[i] = sqlite3_column_int64(s, i + 1);
        n++;
    }
    sqlite3_reset(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? n : rollup__fail(e, r->db, rc, "board");
}

/* ---- raw rows ---- */

static int raw_of(struct rollup *r, sqlite3 *db, uint32_t file, sqlite3_stmt *s, struct rollup_raw *out, size_t max,
                  size_t *count, struct err *e)
{
    int rc;
    (void)r;
    while ((rc = *count < max ? sqlite3_step(s) : SQLITE_DONE) == SQLITE_ROW) {
        const char *extra = (const char *)sqlite3_column_text(s, 6);
        out[(*count)++] = (struct rollup_raw){.file = file,
                                              .id = sqlite3_column_int64(s, 0),
                                              .at = sqlite3_column_int64(s, 1),
                                              .subject = sqlite3_column_int64(s, 2),
                                              .part = sqlite3_column_int64(s, 3),
                                              .kind = sqlite3_column_int64(s, 4),
                                              .n = sqlite3_column_int64(s, 5),
                                              .extra = extra ? strdup(extra) : NULL};
    }
    return rc == SQLITE_DONE ? GIFD_OK : rollup__fail(e, db, rc, "rows");
}

int rollup_raw(struct rollup *r, enum rollup_axis axis, int64_t key, int64_t from, int64_t to, uint32_t file,
               int64_t id, struct rollup_raw *out, size_t max, size_t *count, struct err *e)
{
    char sql[320];
    uint32_t *files = NULL;
    size_t n;
    *count = 0;
    if (rollup__files(r, &files, &n, e) < 0) return e->code;
    int rc = GIFD_OK;
    for (size_t i = 0; i < n && *count < max && rc == GIFD_OK; i++) {
        if (files[i] < file) continue;
        struct err why = {0};
        sqlite3 *db = rollup__source(r, files[i], &why);
        if (!db) continue;
        snprintf(sql, sizeof sql,
                 "SELECT id, at, subject, part, kind, n, extra FROM %s WHERE id > ?1 AND n > 0 AND at BETWEEN ?2 AND "
                 "?3 AND %s%s "
                 "ORDER BY id LIMIT ?5",
                 rollup__table(r, files[i]), axis == ROLLUP_ALL ? "1" : column_of[axis],
                 axis == ROLLUP_ALL ? "" : " = ?4");
        sqlite3_stmt *s = rollup__prepare(db, sql, &why);
        if (!s) continue;
        sqlite3_bind_int64(s, 1, files[i] == file ? id : 0);
        sqlite3_bind_int64(s, 2, from);
        sqlite3_bind_int64(s, 3, to);
        if (axis != ROLLUP_ALL) sqlite3_bind_int64(s, 4, key);
        sqlite3_bind_int64(s, 5, (int64_t)(max - *count));
        rc = raw_of(r, db, files[i], s, out, max, count, e);
        sqlite3_finalize(s);
    }
    free(files);
    return rc;
}

void rollup_raw_free(struct rollup_raw *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) free(rows[i].extra);
}

/* ---- adding up again ---- */

static int64_t oldest_minute(void)
{
    return clock_wall_us() / 60000000 - ROLLUP_MINUTES;
}

#define MEND_UNITS 1000000 /* in memory, then they go into the tables */

struct again {
    struct rollup__cells totals; /* of rows; or, to mend, units */
    uint64_t rows;
    bool mend;
    uint32_t counted;
    int64_t oldest;
};

static int row_total(struct rollup__cells *t, const struct rollup__raw *w)
{
    struct rollup__cell c = {.size = TOTAL, .kind = w->kind & 0xffffffff, .n = w->n};
    const int64_t keys[] = {0, w->subject, w->part};
    for (int axis = w->subject ? 0 : 2; axis <= 2; axis++) {
        if (axis && !keys[axis]) continue;
        c.axis = (uint8_t)axis;
        c.key = keys[axis];
        if (rollup__cell_add(t, &c) < 0) return -1;
    }
    return 0;
}

static int put_units(struct rollup *r, struct again *a, struct err *e)
{
    struct rollup__cells t = {0};
    int rc = GIFD_OK;
    rollup__cells_sort(&a->totals);
    for (size_t i = 0; i < a->totals.count && rc == GIFD_OK; i++)
        if (rollup__expand(&t, &a->totals.cells[i], a->oldest) < 0) rc = err_set(e, GIFD_ENOMEM, "rollup");
    if (rc == GIFD_OK) rc = rollup__sums_write(r, &a->totals, a->counted, e);
    if (rc == GIFD_OK) rc = rollup__cells_write(r, &t, e);
    free(t.cells);
    free(a->totals.cells);
    a->totals = (struct rollup__cells){0};
    return rc;
}

static int read_again(struct rollup *r, uint32_t file, struct again *a, struct err *e)
{
    char sql[160];
    int64_t mark;
    bool done;
    struct err why = {0};
    if (rollup__mark(r, file, &mark, &done, e) < 0) return e->code;
    sqlite3 *db = rollup__source(r, file, &why);
    if (!db) return GIFD_OK;
    snprintf(sql, sizeof sql, "SELECT at, subject, part, kind, n FROM %s WHERE id <= ?1", rollup__table(r, file));
    sqlite3_stmt *s = rollup__prepare(db, sql, &why);
    if (!s) return GIFD_OK;
    sqlite3_bind_int64(s, 1, mark);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct rollup__raw w = {.at = sqlite3_column_int64(s, 0),
                                .subject = sqlite3_column_int64(s, 1),
                                .part = sqlite3_column_int64(s, 2),
                                .kind = sqlite3_column_int64(s, 3),
                                .n = sqlite3_column_int64(s, 4)};
        a->rows++;
        if (w.n > 0 && (a->mend ? rollup__row_add(&a->totals, &w) : row_total(&a->totals, &w)) < 0) {
            rc = SQLITE_NOMEM;
            break;
        }
        if (a->mend && a->totals.count > MEND_UNITS && put_units(r, a, e) < 0) break;
    }
    if (rc != SQLITE_DONE && !e->code) rollup__fail(e, db, rc, "rows");
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? GIFD_OK : e->code;
}

static int add_total(void *arg, const struct rollup__cell *unit)
{
    struct rollup__cell c = *unit;
    c.size = TOTAL;
    c.at = 0;
    return rollup__cell_add(arg, &c);
}

/* The totals that answers are made of. */
static int read_totals(struct rollup *r, struct rollup__cells *t, struct err *e)
{
    sqlite3_stmt *s = rollup__prepare(r->db, "SELECT axis, key, kind, n FROM total", e);
    if (!s) return e->code;
    int rc, full = 0;
    while (!full && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct rollup__cell c = {.size = TOTAL,
                                 .axis = (uint8_t)sqlite3_column_int(s, 0),
                                 .key = sqlite3_column_int64(s, 1),
                                 .kind = sqlite3_column_int64(s, 2),
                                 .n = sqlite3_column_int64(s, 3)};
        full = c.n ? rollup__cell_add(t, &c) : 0;
    }
    sqlite3_finalize(s);
    if (full) return err_set(e, GIFD_ENOMEM, "rollup");
    if (rc != SQLITE_DONE) return rollup__fail(e, r->db, rc, "total");
    return rollup__delta_all(r, add_total, t, e);
}

/* How many cells are in one and not in the other, or with another n. */
static int64_t differences(struct rollup__cells *a, struct rollup__cells *b)
{
    int64_t wrong = 0;
    size_t i = 0, k = 0;
    rollup__cells_sort(a);
    rollup__cells_sort(b);
    while (i < a->count && k < b->count) {
        const struct rollup__cell *x = &a->cells[i], *y = &b->cells[k];
        int order = x->axis != y->axis ? (x->axis < y->axis ? -1 : 1)
                    : x->key != y->key ? (x->key < y->key ? -1 : 1)
                                       : (x->kind > y->kind) - (x->kind < y->kind);
        wrong += order ? 1 : x->n != y->n;
        i += order <= 0;
        k += order >= 0;
    }
    return wrong + (int64_t)(a->count - i) + (int64_t)(b->count - k);
}

static int64_t verify(struct rollup *r, struct again *a, bool mend, const uint32_t *files, size_t count, struct err *e)
{
    struct rollup__cells have = {0};
    for (size_t i = 0; i < count; i++)
        if (read_again(r, files[i], a, e) < 0) return e->code;
    int64_t wrong = read_totals(r, &have, e) < 0 ? e->code : differences(&a->totals, &have);
    free(have.cells);
    if (wrong <= 0 || !mend) return wrong;
    free(a->totals.cells);
    *a = (struct again){.mend = true, .counted = a->counted, .rows = a->rows, .oldest = oldest_minute()};
    uint64_t rows = a->rows;
    if (rollup__run(r->db,
                    "DELETE FROM total; DELETE FROM step; DELETE FROM sum; DELETE FROM delta; DELETE FROM told WHERE "
                    "name = 'pending'",
                    e) < 0)
        return e->code;
    for (size_t i = 0; i < count; i++)
        if (read_again(r, files[i], a, e) < 0) return e->code;
    a->rows = rows;
    return put_units(r, a, e) < 0 ? e->code : wrong;
}

int64_t rollup_verify(struct rollup *r, uint32_t counted, bool mend, uint64_t *rows, struct err *e)
{
    uint32_t *files = NULL;
    size_t count;
    struct again a = {.counted = counted};
    if (mend && rollup__number(r->db, "SELECT value FROM told WHERE name = 'expired'") >= 0)
        return err_set(e, GIFD_EINVALID, "rows have expired, so their sums cannot be made again");
    if (rollup__files(r, &files, &count, e) < 0) return e->code;
    int64_t rc = rollup__run(r->db, mend ? "BEGIN IMMEDIATE" : "BEGIN", e);
    if (rc == GIFD_OK) rc = verify(r, &a, mend, files, count, e);
    if (rc >= 0 && rollup__run(r->db, "COMMIT", e) < 0) rc = e->code;
    if (!sqlite3_get_autocommit(r->db)) rollup__run(r->db, "ROLLBACK", NULL);
    *rows = a.rows;
    free(files);
    free(a.totals.cells);
    return rc;
}

/* ---- forgetting ---- */

static int run_with(sqlite3 *db, const char *sql, int64_t a, int64_t b, struct err *e)
{
    sqlite3_stmt *s = rollup__prepare(db, sql, e);
    if (!s) return e->code;
    sqlite3_bind_int64(s, 1, a);
    if (sqlite3_bind_parameter_count(s) > 1) sqlite3_bind_int64(s, 2, b);
    int rc = sqlite3_step(s);
    sqlite3_finalize(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? GIFD_OK : rollup__fail(e, db, rc, sql);
}

static int forget_part(struct rollup *r, int64_t part, struct err *e)
{
    if (rollup__delta_settle(r, part, oldest_minute(), e) < 0) return e->code;
    if (run_with(r->db, "DELETE FROM total WHERE axis = 2 AND key = ?1", part, 0, e) < 0) return e->code;
    return run_with(r->db, "DELETE FROM step WHERE size IN (0, 1, 2) AND axis = 2 AND key = ?1", part, 0, e);
}

/* The parts of a subject, then its raw rows, of one file. */
static int clear_file(struct rollup *r, uint32_t file, enum rollup_axis axis, int64_t key, struct err *e)
{
    char sql[160];
    int64_t mark;
    bool done;
    struct err why = {0};
    if (rollup__mark(r, file, &mark, &done, e) < 0) return e->code;
    sqlite3 *db = rollup__source(r, file, &why);
    if (!db) return GIFD_OK;
    const char *table = rollup__table(r, file);
    int rc = GIFD_OK;
    if (axis == ROLLUP_SUBJECT) {
        snprintf(sql, sizeof sql, "SELECT DISTINCT part FROM %s WHERE subject = ?1 AND part > 0 AND id <= ?2", table);
        sqlite3_stmt *s = rollup__prepare(db, sql, e);
        if (!s) return GIFD_OK;
        sqlite3_bind_int64(s, 1, key);
        sqlite3_bind_int64(s, 2, mark);
        while (rc == GIFD_OK && sqlite3_step(s) == SQLITE_ROW) rc = forget_part(r, sqlite3_column_int64(s, 0), e);
        sqlite3_finalize(s);
    }
    /* The last row stays, as nothing: the next one would get its number. */
    const char *which = axis == ROLLUP_SUBJECT ? "subject = ?1" : "?1 = 0";
    int64_t arg = axis == ROLLUP_SUBJECT ? key : 0;
    snprintf(sql, sizeof sql, "UPDATE %s SET n = 0, extra = NULL WHERE %s AND id = ?2", table, which);
    if (rc == GIFD_OK) rc = run_with(db, sql, arg, mark, e);
    snprintf(sql, sizeof sql, "DELETE FROM %s WHERE %s AND id < ?2", table, which);
    return rc < 0 ? rc : run_with(db, sql, arg, mark, e);
}

static int clear(struct rollup *r, enum rollup_axis axis, int64_t key, const uint32_t *files, size_t count,
                 struct err *e)
{
    for (size_t i = 0; i < count; i++)
        if (clear_file(r, files[i], axis, key, e) < 0) return e->code;
    if (axis == ROLLUP_ALL)
        return rollup__run(r->db,
                           "DELETE FROM total; DELETE FROM step; DELETE FROM sum; DELETE FROM board; DELETE FROM "
                           "delta; DELETE FROM told WHERE name = 'pending'",
                           e);
    if (rollup__delta_settle(r, key, oldest_minute(), e) < 0) return e->code;
    if (run_with(r->db,
                 "UPDATE total SET n = total.n - s.n FROM (SELECT kind, n FROM total WHERE axis = 1 AND key = ?1) s "
                 "WHERE axis = 0 AND key = 0 AND total.kind = s.kind",
                 key, 0, e) < 0 ||
        run_with(
            r->db,
            "UPDATE step SET n = step.n - s.n FROM (SELECT size, 0 AS axis, at, kind, n FROM step WHERE size IN (0, 1, "
            "2) "
            "AND axis = 1 AND key = ?1 UNION ALL SELECT size, 3, at, kind & 61455 AS k, sum(n) FROM step WHERE size IN "
            "(0, 1, 2) AND axis = 1 AND key = ?1 GROUP BY size, at, k) s WHERE step.size = s.size AND step.axis = "
            "s.axis "
            "AND key = 0 AND step.at = s.at AND step.kind = s.kind",
            key, 0, e) < 0 ||
        rollup__run(r->db,
                    "DELETE FROM total WHERE axis = 0 AND n <= 0; DELETE FROM step WHERE axis IN (0, 3) AND n <= 0 AND "
                    "size IN (0, 1, 2)",
                    e) < 0 ||
        run_with(r->db, "DELETE FROM total WHERE axis = 1 AND key = ?1", key, 0, e) < 0 ||
        run_with(r->db, "DELETE FROM step WHERE size IN (0, 1, 2) AND axis = 1 AND key = ?1", key, 0, e) < 0 ||
        run_with(r->db, "DELETE FROM sum WHERE key = ?1", key, 0, e) < 0)
        return e->code;
    return run_with(r->db, "DELETE FROM board WHERE key = ?1", key, 0, e);
}

int rollup_clear(struct rollup *r, enum rollup_axis axis, int64_t key, struct err *e)
{
    uint32_t *files = NULL;
    size_t count;
    if (rollup__files(r, &files, &count, e) < 0) return e->code;
    int rc = rollup__run(r->db, "BEGIN IMMEDIATE", e);
    if (rc == GIFD_OK) rc = clear(r, axis, key, files, count, e);
    if (rc == GIFD_OK) rc = rollup__run(r->db, "COMMIT", e);
    if (!sqlite3_get_autocommit(r->db)) rollup__run(r->db, "ROLLBACK", NULL);
    free(files);
    return rc;
}

static int remove_file(struct rollup *r, uint32_t file, struct err *e)
{
    char path[PATH_MAX], beside[PATH_MAX + 8];
    rollup__path(r, file, path);
    rollup__forget_source(r, file);
    if (unlink(path) < 0) return err_sys(e, errno, "%s", path);
    snprintf(beside, sizeof beside, "%s-wal", path);
    unlink(beside);
    snprintf(beside, sizeof beside, "%s-shm", path);
    unlink(beside);
    return 1;
}

/* -> 1 when the whole file is gone */
static int expire_file(struct rollup *r, uint32_t file, int64_t at, struct err *e)
{
    char sql[128];
    int64_t mark;
    bool done;
    struct err why = {0};
    if (rollup__mark(r, file, &mark, &done, e) < 0) return e->code;
    sqlite3 *db = (done || !file) && mark ? rollup__source(r, file, &why) : NULL;
    if (!db) return 0;
    const char *table = rollup__table(r, file);
    if (!file) {
        snprintf(sql, sizeof sql, "DELETE FROM %s WHERE at < ?1 AND id <= ?2", table);
        return run_with(db, sql, at, mark, e) < 0 ? e->code : sqlite3_changes(db) > 0;
    }
    int64_t newest = rollup__number(db, "SELECT max(at) FROM row");
    return newest < at ? remove_file(r, file, e) : 0;
}

int rollup_expire(struct rollup *r, int64_t at, struct err *e)
{
    uint32_t *files = NULL;
    size_t count;
    int gone = 0, rc = GIFD_OK;
    if (rollup__files(r, &files, &count, e) < 0) return e->code;
    for (size_t i = 0; i < count && rc >= 0; i++) {
        rc = expire_file(r, files[i], at, e);
        gone += rc > 0;
    }
    free(files);
    if (rc >= 0 && gone) rc = run_with(r->db, "INSERT OR REPLACE INTO told VALUES ('expired', ?1)", at, 0, e);
    return rc < 0 ? rc : gone;
}
