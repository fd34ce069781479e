/* rollup.c: folding. See rollup.h; questions are rollup_ask.c. */
#include "store/rollup_int.h"
#include "base/clock.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS mark (file INTEGER PRIMARY KEY, id INTEGER NOT NULL, done INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS total (axis INTEGER, key INTEGER, kind INTEGER, n INTEGER NOT NULL,"
    " PRIMARY KEY (axis, key, kind)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS step (size INTEGER, axis INTEGER, key INTEGER, at INTEGER, kind INTEGER,"
    " n INTEGER NOT NULL, PRIMARY KEY (size, axis, key, at, kind)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS sum (key INTEGER PRIMARY KEY, t1 INTEGER NOT NULL, t2 INTEGER NOT NULL,"
    " t3 INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS board (name TEXT, rank INTEGER, key INTEGER NOT NULL, t1 INTEGER NOT NULL,"
    " t2 INTEGER NOT NULL, t3 INTEGER NOT NULL, PRIMARY KEY (name, rank)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS delta (bucket INTEGER, id INTEGER, cells BLOB NOT NULL, PRIMARY KEY (bucket, id)) "
    "STRICT,"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS told (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;";

int rollup__fail(struct err *e, sqlite3 *db, int rc, const char *what)
{
    int code = (rc & 0xff) == SQLITE_FULL                                      ? GIFD_ENOSPACE
               : (rc & 0xff) == SQLITE_BUSY                                    ? GIFD_EBUSY
               : (rc & 0xff) == SQLITE_NOMEM                                   ? GIFD_ENOMEM
               : (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB ? GIFD_ECORRUPT
                                                                               : GIFD_EIO;
    return err_set(e, code, "%.80s: %s", what, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

int rollup__run(sqlite3 *db, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? GIFD_OK : rollup__fail(e, db, rc, sql);
}

sqlite3_stmt *rollup__prepare(sqlite3 *db, const char *sql, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL);
    if (rc != SQLITE_OK) rollup__fail(e, db, rc, sql);
    return s;
}

sqlite3 *rollup__database(const char *path, bool write, struct err *e)
{
    sqlite3 *db = NULL;
    int rc =
        sqlite3_open_v2(path, &db, (write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(db, 10000);
        return db;
    }
    rollup__fail(e, db, rc, path);
    sqlite3_close(db);
    return NULL;
}

struct rollup *rollup_open(const struct rollup_options *o, struct err *e)
{
    struct rollup *r = calloc(1, sizeof *r);
    if (!r) {
        err_set(e, GIFD_ENOMEM, "rollup");
        return NULL;
    }
    snprintf(r->folder, sizeof r->folder, "%s", o->folder);
    snprintf(r->also, sizeof r->also, "%s", o->also ? o->also : "");
    snprintf(r->also_table, sizeof r->also_table, "%s", o->also_table ? o->also_table : "");
    int rc = sqlite3_open_v2(o->path, &r->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) {
        rollup__fail(e, r->db, rc, o->path);
    } else {
        sqlite3_busy_timeout(r->db, 10000);
        sqlite3_stmt *known = NULL; /* made already: nothing is written */
        bool there = sqlite3_prepare_v2(r->db, "SELECT 1 FROM delta", -1, &known, NULL) == SQLITE_OK;
        sqlite3_finalize(known);
        if ((there || (rollup__run(r->db, "PRAGMA journal_mode=WAL", e) == GIFD_OK &&
                       rollup__run(r->db, "BEGIN IMMEDIATE", e) == GIFD_OK &&
                       rollup__run(r->db, schema, e) == GIFD_OK && rollup__run(r->db, "COMMIT", e) == GIFD_OK)) &&
            rollup__run(r->db, "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32768", e) == GIFD_OK)
            return r;
    }
    rollup_close(r);
    return NULL;
}

void rollup_close(struct rollup *r)
{
    if (!r) return;
    for (size_t i = 0; i < STATEMENTS; i++) sqlite3_finalize(r->statement[i]);
    for (size_t i = 0; i < r->source_count; i++) sqlite3_close(r->source[i].db);
    sqlite3_close(r->db);
    free(r);
}

sqlite3_stmt *rollup__statement(struct rollup *r, enum rollup_statement which, const char *sql, struct err *e)
{
    if (!r->statement[which]) r->statement[which] = rollup__prepare(r->db, sql, e);
    return r->statement[which];
}

/* ---- sources: the files with rows ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int rollup__files(struct rollup *r, uint32_t **out, size_t *count, struct err *e)
{
    size_t room = 64;
    uint32_t *list = malloc(room * sizeof *list);
    *count = 0;
    if (!list) return err_set(e, GIFD_ENOMEM, "rollup");
    if (r->also[0]) list[(*count)++] = 0;
    DIR *d = opendir(r->folder);
    for (struct dirent *x; d && (x = readdir(d));) {
        unsigned n;
        char end[4] = "";
        if (sscanf(x->d_name, "%8u.%3s", &n, end) != 2 || strcmp(end, "db") != 0 || strlen(x->d_name) != 11) continue;
        if (*count == room) {
            uint32_t *more = realloc(list, (room *= 2) * sizeof *list);
            if (!more) {
                free(list);
                closedir(d);
                return err_set(e, GIFD_ENOMEM, "rollup");
            }
            list = more;
        }
        list[(*count)++] = n;
    }
    if (d) closedir(d);
    qsort(list, *count, sizeof *list, by_number);
    *out = list;
    return GIFD_OK;
}

void rollup__path(const struct rollup *r, uint32_t file, char out[PATH_MAX])
{
    if (file)
        snprintf(out, PATH_MAX, "%s/%08u.db", r->folder, file);
    else
        snprintf(out, PATH_MAX, "%s", r->also);
}

/* A connection to a file's rows, kept while there is room for it; NULL with e.code 0: it is gone. */
sqlite3 *rollup__source(struct rollup *r, uint32_t file, struct err *e)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < r->source_count; i++)
        if (r->source[i].file == file) return r->source[i].db;
    rollup__path(r, file, path);
    if (access(path, F_OK) < 0) return NULL;
    sqlite3 *db = rollup__database(path, true, e);
    if (!db) return NULL;
    if (r->source_count == SOURCES_MAX) {
        sqlite3_close(r->source[0].db);
        memmove(r->source, r->source + 1, (--r->source_count) * sizeof *r->source);
    }
    r->source[r->source_count++] = (struct source){file, db};
    return db;
}

void rollup__forget_source(struct rollup *r, uint32_t file)
{
    for (size_t i = 0; i < r->source_count; i++) {
        if (r->source[i].file != file) continue;
        sqlite3_close(r->source[i].db);
        r->source_count--;
        memmove(r->source + i, r->source + i + 1, (r->source_count - i) * sizeof *r->source);
        return;
    }
}

const char *rollup__table(const struct rollup *r, uint32_t file)
{
    return file ? "row" : r->also_table;
}

/* A number that a file's pragma or statement gives; -1 on failure (the file may be half made). */
int64_t rollup__number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t n = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return n;
}

int rollup__mark(struct rollup *r, uint32_t file, int64_t *id, bool *done, struct err *e)
{
    sqlite3_stmt *s = rollup__statement(r, MARK_GET, "SELECT id, done FROM mark WHERE file = ?1", e);
    if (!s) return e->code;
    sqlite3_bind_int64(s, 1, file);
    int rc = sqlite3_step(s);
    *id = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    *done = rc == SQLITE_ROW && sqlite3_column_int(s, 1);
    sqlite3_reset(s);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? GIFD_OK : rollup__fail(e, r->db, rc, "mark");
}

/* ---- sums in memory: an open-addressing table that is sorted before it is written ---- */

static uint64_t mix(const struct rollup__cell *c)
{
    uint64_t h = (uint64_t)c->key * 0x9e3779b97f4a7c15u ^ (uint64_t)c->at * 0xff51afd7ed558ccdu ^
                 (uint64_t)c->kind * 0xc4ceb9fe1a85ec53u ^ ((uint64_t)c->size << 8 | c->axis);
    h ^= h >> 29;
    h *= 0xbf58476d1ce4e5b9u;
    return h ^ h >> 32;
}

static bool same(const struct rollup__cell *a, const struct rollup__cell *b)
{
    return a->key == b->key && a->at == b->at && a->kind == b->kind && a->size == b->size && a->axis == b->axis;
}

static int grow(struct rollup__cells *t)
{
    size_t room = !t->room ? 4096 : t->room < 65536 ? t->room * 8 : t->room * 2;
    struct rollup__cell *cells = calloc(room, sizeof *cells);
    if (!cells) return -1;
    for (size_t i = 0; i < t->room; i++) {
        if (!t->cells[i].n) continue;
        size_t at = mix(&t->cells[i]) & (room - 1);
        while (cells[at].n) at = (at + 1) & (room - 1);
        cells[at] = t->cells[i];
    }
    free(t->cells);
    t->cells = cells;
    t->room = room;
    return 0;
}

int rollup__cell_add(struct rollup__cells *t, const struct rollup__cell *c)
{
    if (t->count * 3 >= t->room * 2 && grow(t) < 0) return -1;
    size_t at = mix(c) & (t->room - 1);
    while (t->cells[at].n && !same(&t->cells[at], c)) at = (at + 1) & (t->room - 1);
    if (!t->cells[at].n) {
        t->cells[at] = *c;
        t->count++;
    } else {
        t->cells[at].n += c->n;
    }
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct rollup__cell *x = a, *y = b;
    if (x->size != y->size) return x->size < y->size ? -1 : 1;
    if (x->axis != y->axis) return x->axis < y->axis ? -1 : 1;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->kind < y->kind ? -1 : x->kind > y->kind;
}

/* The cells in order, at the table's begin. */
void rollup__cells_sort(struct rollup__cells *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->room; i++)
        if (t->cells[i].n) t->cells[n++] = t->cells[i];
    if (n) qsort(t->cells, n, sizeof *t->cells, by_key);
    t->count = n; /* what came to nothing is none */
}

int rollup__row_add(struct rollup__cells *t, const struct rollup__raw *w)
{
    struct rollup__cell c = {.size = UNIT, .at = w->at / 60000000, .kind = w->kind & 0xffffffff, .n = w->n};
    const int64_t keys[] = {0, w->subject, w->part};
    for (int axis = w->subject ? 0 : 2; axis <= 2; axis++) {
        if (axis && !keys[axis]) continue;
        c.axis = (uint8_t)axis;
        c.key = keys[axis];
        if (rollup__cell_add(t, &c) < 0) return -1;
    }
    return 0;
}

int rollup__expand(struct rollup__cells *t, const struct rollup__cell *unit, int64_t oldest)
{
    static const int64_t minutes[] = {1, 60, 1440};
    struct rollup__cell c = *unit;
    c.size = TOTAL;
    c.at = 0;
    if (rollup__cell_add(t, &c) < 0) return -1;
    c.kind = unit->kind & 0xffff;
    for (c.size = unit->at < oldest; c.size < TOTAL; c.size++) {
        c.at = unit->at / minutes[c.size];
        if (rollup__cell_add(t, &c) < 0) return -1;
    }
    if (unit->axis != ROLLUP_ALL) return 0;
    c.axis = COARSE;
    c.kind &= COARSE_MASK;
    for (c.size = unit->at < oldest; c.size < TOTAL; c.size++) {
        c.at = unit->at / minutes[c.size];
        if (rollup__cell_add(t, &c) < 0) return -1;
    }
    return 0;
}

/* ---- one fold ---- */

static int read_file(struct rollup *r, uint32_t file, int64_t *mark, bool *done, struct rollup__cells *t,
                     uint64_t *rows, struct err *e)
{
    char sql[160];
    struct err why = {0};
    sqlite3 *db = rollup__source(r, file, &why);
    if (!db) {
        if (why.code) log_warn("rollup.source", LI("file", file), LS("error", why.text));
        return GIFD_OK;
    }
    /* Sealed before the rows were read: what is read then is all. */
    bool sealed = file && rollup__number(db, "PRAGMA user_version") >= 1;
    snprintf(sql, sizeof sql, "SELECT id, at, subject, part, kind, n FROM %s WHERE id > ?1 ORDER BY id LIMIT ?2",
             rollup__table(r, file));
    sqlite3_stmt *s = rollup__prepare(db, sql, &why);
    if (!s) return GIFD_OK; /* its table is not there yet */
    int64_t most = (int64_t)(ROLLUP_FOLD_MAX - *rows), got = 0;
    sqlite3_bind_int64(s, 1, *mark);
    sqlite3_bind_int64(s, 2, most);
    int rc;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct rollup__raw w = {.at = sqlite3_column_int64(s, 1),
                                .subject = sqlite3_column_int64(s, 2),
                                .part = sqlite3_column_int64(s, 3),
                                .kind = sqlite3_column_int64(s, 4),
                                .n = sqlite3_column_int64(s, 5)};
        *mark = sqlite3_column_int64(s, 0);
        got++;
        if (w.n > 0 && rollup__row_add(t, &w) < 0) {
            rc = SQLITE_NOMEM;
            break;
        }
    }
    if (rc != SQLITE_DONE) rollup__fail(e, db, rc, "rows");
    sqlite3_finalize(s);
    if (rc != SQLITE_DONE) return e->code;
    *rows += (uint64_t)got;
    *done = sealed && got < most;
    if (*done) rollup__forget_source(r, file);
    return GIFD_OK;
}

static int put_mark(struct rollup *r, uint32_t file, int64_t id, bool done, struct err *e)
{
    sqlite3_stmt *s = rollup__statement(
        r, MARK_PUT, "INSERT INTO mark VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET id = ?2, done = ?3", e);
    if (!s) return e->code;
    sqlite3_bind_int64(s, 1, file);
    sqlite3_bind_int64(s, 2, id);
    sqlite3_bind_int(s, 3, done);
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? GIFD_OK : rollup__fail(e, r->db, rc, "mark");
}

#define DIRECT_MAX 4096 /* cells of a fold that are put into the tables at once */
#define MANY 16         /* cells in one statement: two thirds of the cost of one by one */

/* "HEAD (?,?),(?,?) TAIL", of `rows` rows of `columns` values */
static sqlite3_stmt *adding(struct rollup *r, enum rollup_statement which, const char *head, int columns, int rows,
                            const char *tail, struct err *e)
{
    char sql[1024];
    int n = snprintf(sql, sizeof sql, "%s", head);
    if (r->statement[which]) return r->statement[which];
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < columns; k++)
            n += snprintf(sql + n, sizeof sql - (size_t)n, "%s?%s",
                          k   ? ","
                          : i ? ",("
                              : "(",
                          k == columns - 1 ? ")" : "");
    snprintf(sql + n, sizeof sql - (size_t)n, " %s", tail);
    return rollup__statement(r, which, sql, e);
}

static int put_cells(struct rollup *r, const struct rollup__cell *c, int count, struct err *e)
{
    bool total = c->size == TOTAL, many = count == MANY;
    int at = 0;
    sqlite3_stmt *s = total ? adding(r, many ? TOTAL_MANY : TOTAL_ADD, "INSERT INTO total VALUES ", 4, count,
                                     "ON CONFLICT DO UPDATE SET n = n + excluded.n", e)
                            : adding(r, many ? STEP_MANY : STEP_ADD, "INSERT INTO step VALUES ", 6, count,
                                     "ON CONFLICT DO UPDATE SET n = n + excluded.n", e);
    if (!s) return e->code;
    for (int i = 0; i < count; i++, c++) {
        if (!total) sqlite3_bind_int(s, ++at, c->size);
        sqlite3_bind_int(s, ++at, c->axis);
        sqlite3_bind_int64(s, ++at, c->key);
        if (!total) sqlite3_bind_int64(s, ++at, c->at);
        sqlite3_bind_int64(s, ++at, c->kind);
        sqlite3_bind_int64(s, ++at, c->n);
    }
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? GIFD_OK : rollup__fail(e, r->db, rc, "sums");
}

struct subject_sum {
    int64_t key, t[3];
};

static int put_sums(struct rollup *r, const struct subject_sum *sum, int count, struct err *e)
{
    sqlite3_stmt *s = adding(r, count == MANY ? SUM_MANY : SUM_ADD, "INSERT INTO sum VALUES ", 4, count,
                             "ON CONFLICT DO UPDATE SET t1 = t1 + excluded.t1, t2 = t2 + excluded.t2, t3 = t3 + "
                             "excluded.t3",
                             e);
    int at = 0;
    if (!s) return e->code;
    for (int i = 0; i < count; i++, sum++) {
        sqlite3_bind_int64(s, ++at, sum->key);
        for (int k = 0; k < 3; k++) sqlite3_bind_int64(s, ++at, sum->t[k]);
    }
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? GIFD_OK : rollup__fail(e, r->db, rc, "sum");
}

/* One sum for each subject, whose units lie together. */
int rollup__sums_write(struct rollup *r, const struct rollup__cells *units, uint32_t counted, struct err *e)
{
    struct subject_sum sums[MANY], now = {0};
    int n = 0;
    for (size_t i = 0; i <= units->count; i++) {
        const struct rollup__cell *c = &units->cells[i];
        bool more = i < units->count;
        if (more && c->axis != ROLLUP_SUBJECT) continue;
        if (!more || c->key != now.key) {
            if (now.t[0] | now.t[1] | now.t[2]) sums[n++] = now;
            if (n == MANY && put_sums(r, sums, n, e) < 0) return e->code;
            n %= MANY;
            if (!more) break;
            now = (struct subject_sum){.key = c->key};
        }
        int64_t type = c->kind & 15;
        if (type >= 1 && type <= 3 && counted >> (c->kind >> 12 & 15) & 1) now.t[type - 1] += c->n;
    }
    for (int i = 0; i < n; i++)
        if (put_sums(r, &sums[i], 1, e) < 0) return e->code;
    return GIFD_OK;
}

int rollup__cells_write(struct rollup *r, struct rollup__cells *t, struct err *e)
{
    rollup__cells_sort(t);
    for (size_t i = 0; i < t->count;) {
        bool total = t->cells[i].size == TOTAL;
        int n = 1;
        while (n < MANY && i + (size_t)n < t->count && (t->cells[i + (size_t)n].size == TOTAL) == total) n++;
        if (n < MANY) n = 1;
        if (put_cells(r, &t->cells[i], n, e) < 0) return e->code;
        i += (size_t)n;
    }
    return GIFD_OK;
}

const char *const rollup_boards[] = {"1", "2", "3", "3/1", "2/1", NULL};

static int refresh_board(struct rollup *r, const char *name, struct err *e)
{
    char sql[320], order[64];
    if (name[1])
        snprintf(order, sizeof order, "t%c * 1.0 / t%c DESC, t%c", name[0], name[2], name[0]);
    else
        snprintf(order, sizeof order, "t%c", name[0]);
    snprintf(
        sql, sizeof sql,
        "DELETE FROM board WHERE name = '%s'; INSERT INTO board SELECT '%s', row_number() OVER (), key, t1, t2, t3 "
        "FROM (SELECT * FROM sum WHERE t%c > 0 ORDER BY %s DESC, key LIMIT %d)",
        name, name, name[1] ? name[2] : name[0], order, ROLLUP_BOARD_MAX);
    return rollup__run(r->db, sql, e);
}

static int refresh_boards(struct rollup *r, int64_t now, struct err *e)
{
    char sql[256];
    for (size_t i = 0; rollup_boards[i]; i++)
        if (refresh_board(r, rollup_boards[i], e) < 0) return e->code;
    snprintf(sql, sizeof sql,
             "INSERT OR REPLACE INTO told VALUES ('boards', %lld); DELETE FROM step WHERE size = 0 AND axis IN (0, 3) "
             "AND at < "
             "%lld",
             (long long)now, (long long)(now / 60000000 - ROLLUP_MINUTES));
    return rollup__run(r->db, sql, e);
}

/* Minutes that are too old, some subjects at a time: the whole table is gone through once in a while. */
static int forget_minutes(struct rollup *r, int64_t now, struct err *e)
{
    char sql[400];
    int64_t from = rollup__number(r->db, "SELECT value FROM told WHERE name = 'swept'");
    if (from < 0) from = 0;
    int axis = from >> 56 & 1 ? 2 : 1;
    int64_t key = from & ((INT64_C(1) << 56) - 1);
    snprintf(sql, sizeof sql,
             "SELECT max(key) FROM (SELECT DISTINCT key FROM step WHERE size = 0 AND axis = %d AND key > "
             "%lld LIMIT 2000)",
             axis, (long long)key);
    int64_t last = rollup__number(r->db, sql);
    if (last > key) {
        snprintf(sql, sizeof sql,
                 "DELETE FROM step WHERE size = 0 AND axis = %d AND key > %lld AND key <= %lld AND at < %lld", axis,
                 (long long)key, (long long)last, (long long)(now / 60000000 - ROLLUP_MINUTES));
        if (rollup__run(r->db, sql, e) < 0) return e->code;
    } else {
        last = 0;
        axis = axis == 1 ? 2 : 1;
    }
    snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO told VALUES ('swept', %lld)",
             (long long)(last | (axis == 2 ? INT64_C(1) << 56 : 0)));
    return rollup__run(r->db, sql, e);
}

/* What is of everything, and what is little, goes into the tables; the rest waits (rollup_delta.c). */
static int keep(struct rollup *r, const struct rollup_fold *f, struct rollup__cells *units, struct rollup__cells *t,
                struct err *e)
{
    int64_t oldest = f->now / 60000000 - ROLLUP_MINUTES;
    size_t all = 0;
    rollup__cells_sort(units);
    while (all < units->count && units->cells[all].axis == ROLLUP_ALL) all++;
    bool little = units->count - all <= DIRECT_MAX;
    for (size_t i = 0; i < (little ? units->count : all); i++)
        if (rollup__expand(t, &units->cells[i], oldest) < 0) return err_set(e, GIFD_ENOMEM, "rollup");
    if (rollup__sums_write(r, units, f->counted, e) < 0) return e->code;
    if (!little && rollup__delta_put(r, units->cells + all, units->count - all, e) < 0) return e->code;
    if (rollup__delta_due(r, f->now, little ? 0 : units->count - all, t, oldest, e) < 0) return e->code;
    return rollup__cells_write(r, t, e);
}

/* Steps of everything without what is not asked for mostly: once, of those that were there before there were such. */
static int make_coarse(struct rollup *r, struct err *e)
{
    if (rollup__number(r->db, "SELECT value FROM told WHERE name = 'coarse'") >= 0) return GIFD_OK;
    return rollup__run(r->db,
                       "INSERT OR REPLACE INTO step SELECT size, 3, 0, at, kind & 61455 AS k, sum(n) FROM step WHERE "
                       "size IN (0, 1, 2) AND axis = 0 AND key = 0 GROUP BY size, at, k;"
                       "INSERT INTO told VALUES ('coarse', 1)",
                       e);
}

static int fold_all(struct rollup *r, struct rollup_fold *f, const uint32_t *files, size_t count,
                    struct rollup__cells *units, struct rollup__cells *t, struct err *e)
{
    for (size_t i = 0; i < count && f->rows < ROLLUP_FOLD_MAX; i++) {
        int64_t mark, was;
        bool done;
        if (rollup__mark(r, files[i], &mark, &done, e) < 0) return e->code;
        if (done) continue;
        was = mark;
        if (read_file(r, files[i], &mark, &done, units, &f->rows, e) < 0) return e->code;
        if ((mark > was || done) && put_mark(r, files[i], mark, done, e) < 0) return e->code;
    }
    f->more = f->rows >= ROLLUP_FOLD_MAX;
    if (make_coarse(r, e) < 0) return e->code;
    if (keep(r, f, units, t, e) < 0) return e->code;
    if (f->boards && (refresh_boards(r, f->now, e) < 0 || forget_minutes(r, f->now, e) < 0)) return e->code;
    return GIFD_OK;
}

int rollup_fold(struct rollup *r, struct rollup_fold *f, struct err *e)
{
    uint32_t *files = NULL;
    size_t count;
    struct rollup__cells units = {0}, t = {0};
    f->rows = 0;
    f->more = false;
    if (rollup__files(r, &files, &count, e) < 0) return e->code;
    int rc = rollup__run(r->db, "BEGIN IMMEDIATE", e);
    if (rc == GIFD_OK) {
        rc = fold_all(r, f, files, count, &units, &t, e);
        if (rc == GIFD_OK) rc = rollup__run(r->db, "COMMIT", e);
        if (rc < 0 && !sqlite3_get_autocommit(r->db)) rollup__run(r->db, "ROLLBACK", NULL);
    }
    free(files);
    free(units.cells);
    free(t.cells);
    return rc;
}

/* Marks of files that are done: 1, and 2 when they have their index, too. */
int rollup_index(struct rollup *r, struct err *e)
{
    char path[PATH_MAX];
    int64_t file = rollup__number(r->db, "SELECT min(file) FROM mark WHERE done = 1 AND file > 0");
    if (file <= 0) return 0;
    rollup__path(r, (uint32_t)file, path);
    sqlite3 *db = access(path, F_OK) == 0 ? rollup__database(path, true, e) : NULL;
    if (!db && e->code) return e->code;
    int rc = !db ? GIFD_OK
                 : rollup__run(db,
                               "CREATE INDEX IF NOT EXISTS row_of_subject ON row (subject, at);"
                               "CREATE INDEX IF NOT EXISTS row_of_part ON row (part, at) WHERE part > 0;"
                               "PRAGMA user_version=2;PRAGMA wal_checkpoint(TRUNCATE)",
                               e);
    sqlite3_close(db);
    if (rc < 0) return rc;
    snprintf(path, sizeof path, "UPDATE mark SET done = 2 WHERE file = %lld AND done = 1", (long long)file);
    return rollup__run(r->db, path, e) < 0 ? e->code : 1;
}
