/* sql_int.h: a connection to SQLite with its statements. Private to core/store. A connection belongs to one thread. */
#ifndef GIFD_STORE_SQL_INT_H
#define GIFD_STORE_SQL_INT_H

#include "store/db.h"

#include <sqlite3.h>

#define SQL__CACHE_MAX 128 /* prepared statements kept, the least recently used goes */

struct sql__cached {
    uint64_t hash, used;
    sqlite3_stmt *stmt; /* its text is sqlite3_sql(stmt) */
    bool inner;         /* one of ours, which nobody outside may find by its text */
};

struct sql {
    sqlite3 *db;
    struct sql__cached cache[SQL__CACHE_MAX];
    size_t cached;
    uint64_t uses;
    uint64_t deadline_ns; /* of the statement that runs; 0: none */
    struct value *cells;  /* rows of the statement that runs */
    size_t cell_cap;
    bool guest;
    size_t rows_max, bytes_max; /* of one result */
    bool inner;                 /* the statement being prepared is our own: BEGIN, SAVEPOINT, PRAGMA are ours alone */
    int64_t wal_pages;          /* as of the last commit here */
};

struct chain;
struct sql__options {
    bool create, read_only, guest;
    uint32_t busy_ms;
    struct chain *chain; /* or NULL: no functions of chain_int.h */
};

int sql__open(struct sql *s, const char *path, const struct sql__options *o, struct err *e);
void sql__close(struct sql *s); /* the zero value is fine */

/* Runs one call; rows live in the arena. read_only: refuses statements that write. `expect` is checked here. */
int sql__run(struct sql *s, const struct db_call *call, bool read_only, struct arena *arena, struct db_rows *out,
             struct err *e);
/* Our own statement without parameters and rows; cached. */
int sql__do(struct sql *s, const char *text, struct err *e);
/* Runs every statement of a text from outside, one after the other; errors name the line that the statement begins on.
 */
int sql__script(struct sql *s, struct slice text, struct err *e);
/* The connection's last error as one of ours. */
int sql__error(struct sql *s, int rc, const char *what, struct err *e);

#endif
