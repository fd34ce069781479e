/* db.h: rows in SQLite.
 *
 *   loop thread                    writer thread (one per process)              other processes
 *   db_write(batch) --queue------> takes the mutex file, BEGIN IMMEDIATE,  <--> wait for the mutex file
 *                                  each batch under a SAVEPOINT, COMMIT
 *   done(rc, results) <----------- after the commit is durable (synchronous=FULL)
 *   db_read_now(call)              runs here, under a time budget
 *   db_read(call) --queue--------> reader thread, own connection on the WAL
 *
 * A batch is atomic. Waiting batches share one commit; a batch that fails is rolled back alone. done() is called only
 * when the commit is on disk, or has failed for all in it. The mutex file lies beside the database ("PATH.turn"): a
 * robust process-shared mutex, so that a dead holder is noticed; SQLite's own locking stays underneath. Loop thread
 * only unless a function says otherwise. */
#ifndef GIFD_STORE_DB_H
#define GIFD_STORE_DB_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

enum value_type { VALUE_NULL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_BLOB };

struct metrics; /* base/metric.h */

struct value {
    enum value_type type;
    union {
        int64_t i;
        double d;
    };
    struct slice s; /* TEXT and BLOB */
};

/* Statements may not begin or end transactions, ATTACH, or set what belongs to this floor by PRAGMA: GIFD_EDENIED.
 * A uniqueness violated is GIFD_ECONFLICT and its text names table.column; any other constraint, like any wrong
 * statement, GIFD_EINVALID; a full disk GIFD_ENOSPACE; over its time GIFD_ETIMEOUT; no turn within busy_ms GIFD_EBUSY.
 */
struct db_call {
    struct slice sql;         /* one statement; parameters ?1 ?2 ... */
    const struct value *args; /* missing ones at the end are NULL, too many an error */
    size_t arg_count;
    int64_t expect; /* rows that must be changed, else GIFD_ECONFLICT and the whole batch is undone; -1: any number */
    bool ours;      /* a constant text of this floor's: nothing in it is denied */
};

struct db_rows {
    size_t columns, count;
    const char **names;  /* columns */
    struct value *cells; /* count * columns, row by row */
    int64_t changes;     /* rows changed by the statement */
    int64_t last_id;     /* rowid of the last insert on the connection */
};

#define DB_ROWS_MAX 10000               /* more rows than this is GIFD_ETOOBIG */
#define DB_BYTES_MAX (32 * 1024 * 1024) /* of one result */
#define DB_BATCH_MAX 256                /* statements in one batch */
#define DB_QUEUE_MAX 4096               /* waiting batches, then GIFD_EBUSY */

/* A guest's database is written to by statements of somebody whom we do not trust: no PRAGMA but those that describe
 * tables, no virtual tables but full text, no temporary ones, no table of ours (gifd_..., schema_migrations); every
 * maximum is smaller; nothing of it runs on the loop (db_read_now is GIFD_EINVALID). */
#define DB_GUEST_ROWS_MAX 1000
#define DB_GUEST_BYTES_MAX (4 * 1024 * 1024) /* of one result */
#define DB_GUEST_VALUE_MAX (1024 * 1024)     /* one value, row or statement */
#define DB_GUEST_QUEUE_MAX 256               /* waiting batches */
#define DB_GUEST_FILE_MAX ((int64_t)256 << 20)
#define DB_GUEST_STATEMENT_MS 2000

struct db_options {
    const char *path;
    const char *keys; /* the folder of the key and the heads of tables that are chains (chain_int.h); or NULL */
    bool create, guest;
    struct metrics *metrics; /* what writes do is counted there, or NULL */
    uint32_t busy_ms;        /* how long a write waits for its turn; 0: 10000 */
    uint32_t statement_ms;   /* budget of one statement on the writer or reader thread; 0: 5000, a guest's 2000 */
};

struct db;
/* Opens (WAL, synchronous=FULL, foreign_keys=ON). The writer and the reader thread start with their first job. */
struct db *db_open(struct loop *l, const struct db_options *o, struct err *e);
void db_close(struct db *db); /* finishes what was queued, joins the threads; done()s are called before it returns */
bool db_busy(const struct db *db); /* something was asked that has not been answered */

/* Runs here and now; GIFD_ETIMEOUT when budget_us was not enough (nothing was changed: ask db_read instead). Only
 * statements that do not write: GIFD_EINVALID otherwise. out lives in `arena`. Statements are cached. */
int db_read_now(struct db *db, const struct db_call *call, uint32_t budget_us, struct arena *arena, struct db_rows *out,
                struct err *e);

/* rows, results and e are valid during the call only. `results` has one entry per statement of the batch. */
typedef void (*db_done_fn)(void *arg, int rc, const struct db_rows *results, size_t count, const struct err *e);
struct db_job;
/* Everything is copied. NULL when the queue is full or the call invalid. */
struct db_job *db_read(struct db *db, const struct db_call *call, db_done_fn done, void *arg, struct err *e);
struct db_job *db_write(struct db *db, const struct db_call *calls, size_t count, db_done_fn done, void *arg,
                        struct err *e);
/* done() will not be called. A write that has begun is still committed or not as a whole. */
void db_forget(struct db_job *j);

/* The heartbeat of the writer and reader threads: for how long the slower of them has been at one step (a statement, a
 * COMMIT, a checkpoint) without coming back; 0: both rest, or wait for their turn, which has its own end. Statements
 * end by their budget, unless SQLite is in a single long operation; a disk that hangs ends nothing. what: "writer:
 * COMMIT", "reader: SELECT ...", cut, in one line. Loop thread. */
#define DB_STEP_LEN 64
uint64_t db_step_ns(const struct db *db, char what[DB_STEP_LEN]);

/* Forward-only migrations, each in one transaction together with its row in schema_migrations(name, digest,
 * applied_at). Applied ones must come first, unchanged and in order (GIFD_ECORRUPT otherwise, naming the file). Blocks;
 * own connection; takes the mutex file. Returns how many were applied. Any thread, no loop needed. */
struct migration {
    const char *name; /* "0001_catalogue" */
    struct slice sql;
};
int db_migrate(const char *path, const struct migration *m, size_t count, struct err *e);

/* The same in two steps, for several databases that change together or not at all: all applied in one transaction that
 * stays open, with the database locked for others who write; then ended. A guest's migrations are under a guest's
 * rules, and its database is made when it is missing, and goes again if this does not commit. Blocks. */
struct db_migration;
struct db_migration *db_migration_begin(const char *path, bool guest, const struct migration *m, size_t count,
                                        struct err *e);
int db_migration_end(struct db_migration *g, bool commit, struct err *e); /* frees g; how many were applied */
/* Removes a database and what lies beside it. GIFD_ENOTFOUND when there is none. */
int db_remove(const char *path, struct err *e);

#endif
