/* trail.h: rows that are only ever added, in files that only one process adds to.
 *
 *   FOLDER/00000007.db    rows (SQLite, WAL); no index but the rowid while it is added to
 *   FOLDER/00000007.own   locked (flock) by whoever adds; gone once the file is sealed
 *
 *   loop thread                       writer thread (one per trail)
 *   trail_append(rows) --each turn--> BEGIN, all that wait, COMMIT; few that come often wait a moment for more
 *   done(rc) <----------------------- after the commit (durable: after the fsync of the log)
 *                                     keeper thread (trail_keep.h): checkpoints, full files are sealed
 *
 * No two processes write to one file, so nobody waits for anybody's lock. A file is sealed, and the next one begun,
 * when it is large or old enough; that of a process which died is sealed by whoever calls trail_seal_orphans. A
 * transaction that was committed survives the death of the process in any case, and with `durable` that of the machine.
 * Loop thread only. */
#ifndef GIFD_STORE_TRAIL_H
#define GIFD_STORE_TRAIL_H

#include "base/err.h"
#include "base/slice.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

#define TRAIL_APPEND_MAX 10000           /* rows in one call */
#define TRAIL_WAITING_MAX (64 * 1048576) /* bytes of rows that wait, then GIFD_EBUSY */
#define TRAIL_EXTRA_MAX 65536            /* bytes of one extra */

struct trail_row {
    int64_t at;      /* microseconds since 1970 */
    int64_t subject; /* the app's numbers */
    int64_t part;
    int64_t kind;
    uint32_t n;         /* how often */
    struct slice extra; /* text; NULL column when p is NULL */
};

struct trail_options {
    const char *folder;  /* is made when it is not there */
    bool durable;        /* a commit is on disk before done() is called */
    uint64_t seal_rows;  /* 0: 4 million */
    uint32_t seal_after; /* seconds; 0: one hour */
};

struct trail;
struct trail *trail_new(struct loop *l, const struct trail_options *o, struct err *e);
/* Finishes what waits, calls each done(), seals the file. */
void trail_free(struct trail *t);
void trail_durable(struct trail *t, bool durable); /* from the next commit on */

/* Everything is copied. done(arg, rc, e) once, not before this returns; rc GIFD_ENOSPACE, GIFD_EIO: none of the rows
 * was kept. GIFD_EBUSY when too much waits, GIFD_EINVALID for too many rows. */
typedef void (*trail_done_fn)(void *arg, int rc, const struct err *e);
int trail_append(struct trail *t, const struct trail_row *rows, size_t count, trail_done_fn done, void *arg,
                 struct err *e);

/* Seals the files in a folder whose owners are gone -> how many. Blocks; any thread. */
int trail_seal_orphans(const char *folder, struct err *e);

#endif
