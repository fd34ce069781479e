/* rollup_int.h: what rollup.c and rollup_ask.c share. */
#ifndef GIFD_STORE_ROLLUP_INT_H
#define GIFD_STORE_ROLLUP_INT_H

#include "store/rollup.h"

#include <limits.h>
#include <sqlite3.h>

#define SOURCES_MAX 16
#define TOTAL 3  /* beside the sizes of steps, */
#define UNIT 4   /* and what all others are made of: a minute, with the whole kind */
#define COARSE 3 /* a further axis of steps: everything, by type and class alone */
#define COARSE_MASK 0xf00f
#define BUCKETS 256 /* groups of keys */

enum rollup_statement {
    MARK_GET,
    MARK_PUT,
    TOTAL_ADD,
    TOTAL_MANY,
    STEP_MANY,
    STEP_ADD,
    SUM_ADD,
    TOTAL_GET,
    STEP_GET,
    BOARD_GET,
    SUM_MANY,
    DELTA_PUT,
    DELTA_GET,
    DELTA_DROP,
    STATEMENTS
};

struct source {
    uint32_t file;
    sqlite3 *db;
};

struct rollup {
    sqlite3 *db;
    char folder[PATH_MAX - 16], also[PATH_MAX], also_table[32];
    sqlite3_stmt *statement[STATEMENTS];
    struct source source[SOURCES_MAX];
    size_t source_count;
};

struct rollup__raw {
    int64_t at, subject, part, kind, n;
};

struct rollup__cell {
    int64_t key, at, kind, n; /* n 0: empty */
    uint8_t size, axis;
};

struct rollup__cells {
    struct rollup__cell *cells;
    size_t room, count;
};

int rollup__fail(struct err *e, sqlite3 *db, int rc, const char *what);
int rollup__run(sqlite3 *db, const char *sql, struct err *e);
sqlite3_stmt *rollup__prepare(sqlite3 *db, const char *sql, struct err *e);
sqlite3_stmt *rollup__statement(struct rollup *r, enum rollup_statement which, const char *sql, struct err *e);
sqlite3 *rollup__database(const char *path, bool write, struct err *e);
int rollup__files(struct rollup *r, uint32_t **out, size_t *count, struct err *e);
void rollup__path(const struct rollup *r, uint32_t file, char out[PATH_MAX]);
sqlite3 *rollup__source(struct rollup *r, uint32_t file, struct err *e);
void rollup__forget_source(struct rollup *r, uint32_t file);
const char *rollup__table(const struct rollup *r, uint32_t file);
int64_t rollup__number(sqlite3 *db, const char *sql);
int rollup__mark(struct rollup *r, uint32_t file, int64_t *id, bool *done, struct err *e);

int rollup__cell_add(struct rollup__cells *t, const struct rollup__cell *c);
int rollup__row_add(struct rollup__cells *t, const struct rollup__raw *w); /* as units */
/* The total and the steps of a unit; oldest: minutes before it add to no step of a minute. */
int rollup__expand(struct rollup__cells *t, const struct rollup__cell *unit, int64_t oldest);
void rollup__cells_sort(struct rollup__cells *t);
int rollup__cells_write(struct rollup *r, struct rollup__cells *t, struct err *e);
int rollup__sums_write(struct rollup *r, const struct rollup__cells *units, uint32_t counted, struct err *e);

/* rollup_delta.c; each() -1: no memory. In the caller's transaction. */
typedef int (*rollup__unit_fn)(void *arg, const struct rollup__cell *unit);
int rollup__delta_put(struct rollup *r, const struct rollup__cell *units, size_t count, struct err *e);
int rollup__delta_of(struct rollup *r, enum rollup_axis axis, int64_t key, rollup__unit_fn each, void *arg,
                     struct err *e);
int rollup__delta_all(struct rollup *r, rollup__unit_fn each, void *arg, struct err *e);
/* Adds the groups whose turn it is to t. came: cells that this fold has put there. */
int rollup__delta_due(struct rollup *r, int64_t now, size_t came, struct rollup__cells *t, int64_t oldest,
                      struct err *e);
/* Puts the group of a key into the tables. */
int rollup__delta_settle(struct rollup *r, int64_t key, int64_t oldest, struct err *e);

#endif
