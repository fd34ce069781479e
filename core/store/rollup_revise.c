/* rollup_revise.c: rows that turn out to be of another kind, and sums that follow. See rollup.h. */
#include "store/rollup_int.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 5000 /* rows that change in one transaction: others wait for the same lock */

/* ---- which kinds there are ---- */

static int kinds_of(struct rollup *r, uint32_t file, int64_t from, struct rollup__cells *t, struct err *e)
{
    char sql[128];
    struct err why = {0};
    sqlite3 *db = rollup__source(r, file, &why);
    if (!db) return GIFD_OK;
    snprintf(sql, sizeof sql, "SELECT kind, sum(n) FROM %s WHERE at >= ?1 AND n > 0 GROUP BY 1",
             rollup__table(r, file));
    sqlite3_stmt *s = rollup__prepare(db, sql, &why);
    if (!s) return GIFD_OK;
    sqlite3_bind_int64(s, 1, from);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct rollup__cell c = {.kind = sqlite3_column_int64(s, 0), .n = sqlite3_column_int64(s, 1)};
        if (t->count >= ROLLUP_ROWS_MAX || rollup__cell_add(t, &c) < 0) {
            sqlite3_finalize(s);
            return err_set(e, GIFD_ETOOBIG, "more than %d kinds", ROLLUP_ROWS_MAX);
        }
    }
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? GIFD_OK : rollup__fail(e, db, rc, "kinds");
}

int rollup_kinds(struct rollup *r, int64_t from, struct rollup_answer *out, struct err *e)
{
    uint32_t *files = NULL;
    size_t count;
    struct rollup__cells t = {0};
    *out = (struct rollup_answer){0};
    int rc = rollup__files(r, &files, &count, e);
    for (size_t i = 0; rc == GIFD_OK && i < count; i++) rc = kinds_of(r, files[i], from, &t, e);
    free(files);
    rollup__cells_sort(&t);
    if (rc == GIFD_OK && !(out->rows = malloc((t.count + 1) * sizeof *out->rows)))
        rc = err_set(e, GIFD_ENOMEM, "rollup");
    for (size_t i = 0; rc == GIFD_OK && i < t.count; i++)
        out->rows[out->count++] = (struct rollup_row){.kind = t.cells[i].kind, .n = t.cells[i].n};
    free(t.cells);
    return rc;
}

/* ---- rows that change ---- */

static int by_old(const void *a, const void *b)
{
    const struct rollup_change *x = a, *y = b;
    if (x->part != y->part) return x->part < y->part ? -1 : 1;
    return x->kind < y->kind ? -1 : x->kind > y->kind;
}

struct revising {
    struct rollup *r;
    const struct rollup_change *changes; /* sorted */
    size_t count;
    int64_t from, oldest_minute;
    uint32_t counted;
    int64_t rows; /* changed */
};

static bool becomes(const struct revising *v, const struct rollup__raw *w, int64_t *out)
{
    for (int any = 0; any < 2; any++) {
        struct rollup_change want = {.part = any ? 0 : w->part, .kind = w->kind};
        const struct rollup_change *c = bsearch(&want, v->changes, v->count, sizeof *v->changes, by_old);
        if (!c || w->at < c->since) continue;
        *out = c->becomes;
        return *out != w->kind;
    }
    return false;
}

struct changed {
    int64_t id, kind;
};

/* Rows behind *id that change -> how many, at most CHUNK; *id: the last one looked at. */
static int find_changed(struct revising *v, sqlite3 *db, const char *table, int64_t mark, int64_t *id,
                        struct changed *out, struct rollup__cells *units, struct err *e)
{
    char sql[192];
    int n = 0, rc = SQLITE_ROW;
    snprintf(sql, sizeof sql,
             "SELECT id, at, subject, part, kind, n FROM %s WHERE id > ?1 AND at >= ?2 AND n > 0 ORDER BY id", table);
    sqlite3_stmt *s = rollup__prepare(db, sql, e);
    if (!s) return e->code;
    sqlite3_bind_int64(s, 1, *id);
    sqlite3_bind_int64(s, 2, v->from);
    while (n < CHUNK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct rollup__raw w = {.at = sqlite3_column_int64(s, 1),
                                .subject = sqlite3_column_int64(s, 2),
                                .part = sqlite3_column_int64(s, 3),
                                .kind = sqlite3_column_int64(s, 4),
                                .n = sqlite3_column_int64(s, 5)};
        int64_t kind;
        *id = sqlite3_column_int64(s, 0);
        if (!becomes(v, &w, &kind)) continue;
        out[n++] = (struct changed){*id, kind};
        if (*id > mark) continue; /* it is in no sum yet */
        struct rollup__raw gone = w;
        gone.n = -w.n;
        w.kind = kind;
        if (rollup__row_add(units, &gone) < 0 || rollup__row_add(units, &w) < 0) {
            rc = SQLITE_NOMEM;
            break;
        }
    }
    sqlite3_finalize(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? n : rollup__fail(e, db, rc, "rows");
}

static int write_changed(sqlite3 *db, const char *table, const struct changed *list, int n, struct err *e)
{
    char sql[96];
    snprintf(sql, sizeof sql, "UPDATE %s SET kind = ?1 WHERE id = ?2", table);
    if (rollup__run(db, "BEGIN IMMEDIATE", e) < 0) return e->code;
    sqlite3_stmt *s = rollup__prepare(db, sql, e);
    int rc = s ? SQLITE_DONE : SQLITE_ERROR;
    for (int i = 0; i < n && rc == SQLITE_DONE; i++) {
        sqlite3_bind_int64(s, 1, list[i].kind);
        sqlite3_bind_int64(s, 2, list[i].id);
        rc = sqlite3_step(s);
        sqlite3_reset(s);
    }
    if (rc != SQLITE_DONE && s) rollup__fail(e, db, rc, "kinds");
    sqlite3_finalize(s);
    if (rc == SQLITE_DONE && rollup__run(db, "COMMIT", e) == GIFD_OK) return GIFD_OK;
    if (!sqlite3_get_autocommit(db)) rollup__run(db, "ROLLBACK", NULL);
    return e->code;
}

/* Sums that came to nothing. */
static int remove_empty(struct rollup *r, const struct rollup__cells *t, struct err *e)
{
    sqlite3_stmt *total =
        rollup__prepare(r->db, "DELETE FROM total WHERE axis = ?1 AND key = ?2 AND kind = ?3 AND n = 0", e);
    sqlite3_stmt *step = rollup__prepare(
        r->db, "DELETE FROM step WHERE size = ?4 AND axis = ?1 AND key = ?2 AND at = ?5 AND kind = ?3 AND n = 0", e);
    int rc = total && step ? SQLITE_DONE : SQLITE_ERROR;
    for (size_t i = 0; i < t->count && rc == SQLITE_DONE; i++) {
        const struct rollup__cell *c = &t->cells[i];
        bool is_step = c->size <= ROLLUP_DAY;
        sqlite3_stmt *s = is_step ? step : total;
        if (c->n > 0) continue;
        sqlite3_bind_int(s, 1, c->axis);
        sqlite3_bind_int64(s, 2, c->key);
        sqlite3_bind_int64(s, 3, c->kind);
        if (is_step) sqlite3_bind_int(s, 4, c->size), sqlite3_bind_int64(s, 5, c->at);
        rc = sqlite3_step(s);
        sqlite3_reset(s);
    }
    if (rc != SQLITE_DONE && total && step) rollup__fail(e, r->db, rc, "sums");
    sqlite3_finalize(total);
    sqlite3_finalize(step);
    return rc == SQLITE_DONE ? GIFD_OK : e->code;
}

/* What is added to the sums of tables; sums that wait beside these go there first, so that none is less than nothing.
 */
static int put_units(struct revising *v, struct rollup__cells *units, struct err *e)
{
    struct rollup__cells t = {0};
    int rc = GIFD_OK;
    rollup__cells_sort(units);
    for (size_t i = 0; i < units->count && rc == GIFD_OK; i++) {
        const struct rollup__cell *c = &units->cells[i];
        if (c->axis != ROLLUP_ALL) rc = rollup__delta_settle(v->r, c->key, v->oldest_minute, e);
        if (rc == GIFD_OK && rollup__expand(&t, c, v->oldest_minute) < 0) rc = err_set(e, GIFD_ENOMEM, "rollup");
    }
    if (rc == GIFD_OK) rc = rollup__sums_write(v->r, units, v->counted, e);
    if (rc == GIFD_OK) rc = rollup__cells_write(v->r, &t, e);
    if (rc == GIFD_OK) rc = remove_empty(v->r, &t, e);
    free(t.cells);
    return rc;
}

/* Rows first: whoever dies between the two leaves sums that rollup_verify finds. */
static int revise_chunk(struct revising *v, sqlite3 *db, uint32_t file, int64_t mark, int64_t *id, struct changed *list,
                        struct err *e)
{
    struct rollup__cells units = {0};
    int n = find_changed(v, db, rollup__table(v->r, file), mark, id, list, &units, e), rc = n;
    if (n > 0) rc = write_changed(db, rollup__table(v->r, file), list, n, e);
    if (n > 0 && rc == GIFD_OK) rc = put_units(v, &units, e);
    free(units.cells);
    if (rc < 0) return rc;
    v->rows += n;
    return n;
}

/* The fold waits while one chunk changes. */
static int revise_file(struct revising *v, uint32_t file, struct changed *list, struct err *e)
{
    char sql[128];
    struct err why = {0};
    sqlite3 *db = rollup__source(v->r, file, &why);
    if (!db) return GIFD_OK;
    snprintf(sql, sizeof sql, "SELECT id FROM %s WHERE at < %lld ORDER BY id DESC LIMIT 1", rollup__table(v->r, file),
             (long long)v->from);
    int64_t id = file ? 0 : rollup__number(db, sql), mark; /* the further table is in order of time */
    bool done;
    if (id < 0) id = 0;
    int n = CHUNK;
    while (n == CHUNK) {
        if (rollup__run(v->r->db, "BEGIN IMMEDIATE", e) < 0) return e->code;
        n = rollup__mark(v->r, file, &mark, &done, e);
        if (n == GIFD_OK) n = revise_chunk(v, db, file, mark, &id, list, e);
        if (n >= 0 && rollup__run(v->r->db, "COMMIT", e) < 0) n = e->code;
        if (!sqlite3_get_autocommit(v->r->db)) rollup__run(v->r->db, "ROLLBACK", NULL);
    }
    return n < 0 ? n : GIFD_OK;
}

int64_t rollup_revise(struct rollup *r, int64_t from, struct rollup_change *changes, size_t n, bool also_only,
                      uint32_t counted, struct err *e)
{
    uint32_t *files = NULL;
    size_t count;
    struct revising v = {.r = r, .changes = changes, .count = n, .from = from, .counted = counted};
    v.oldest_minute = clock_wall_us() / 60000000 - ROLLUP_MINUTES;
    qsort(changes, n, sizeof *changes, by_old);
    struct changed *list = malloc(CHUNK * sizeof *list);
    if (!list) return err_set(e, GIFD_ENOMEM, "rollup");
    int rc = rollup__files(r, &files, &count, e);
    for (size_t i = 0; rc == GIFD_OK && i < count; i++)
        if (!files[i] || !also_only) rc = revise_file(&v, files[i], list, e);
    free(files);
    free(list);
    return rc < 0 ? rc : v.rows;
}
