/* db_int.h: jobs and the two threads that do them. Private to core/store.
 *
 *   loop: db_write, db_read --> lane.waiting --thread--> db.finished --async--> loop: done()
 *
 * A lane is a thread with its connection and its queue; both start with the first job. Lock order: there is one lock,
 * the database's, around queues and states; never held while SQLite runs or done() is called. */
#ifndef GIFD_STORE_DB_INT_H
#define GIFD_STORE_DB_INT_H

#include "base/metric.h"
#include "store/chain_int.h"
#include "store/turn_int.h"

#include <pthread.h>
#include <stdatomic.h>

#define DB__BUSY_MS 10000
#define DB__STATEMENT_MS 5000

enum db__state { DB__WAITING, DB__TAKEN, DB__FINISHED };

struct db_job {
    struct list node;
    struct db *db;
    struct db__lane *lane;
    enum db__state state; /* under the lock */
    bool forgotten;       /* loop thread only */
    struct db_call *calls;
    size_t count;
    uint64_t give_up_ns; /* for waiting for a turn */
    db_done_fn done;
    void *arg;
    struct arena arena; /* calls, then results */
    struct db_rows *results;
    int rc;
    struct err e;
};

/* What a lane's thread does now. The text is in words, so that the loop never reads a torn one further than "half of
 * the old, half of the new". */
struct db__pulse {
    _Atomic uint64_t since_ns; /* 0: nothing */
    _Atomic uint64_t text[DB_STEP_LEN / 8];
};

struct db__lane {
    struct db *db;
    const char *name;
    struct db__pulse pulse;
    void *(*run)(void *lane);
    pthread_t thread;
    pthread_cond_t wake;
    bool started;
    struct list waiting; /* struct db_job */
    size_t count;
    struct sql sql; /* the thread's; opened by its first job */
};

/* NULLs where nothing is counted. */
struct db__counts {
    struct metric_cell *writes, *failed, *commits, *busy, *seconds, *read_seconds, *wait_seconds;
};

struct db {
    struct loop *loop;
    struct db__counts counts;
    char *path;
    uint32_t busy_ms, statement_ms;
    bool guest;
    size_t queue_max;
    uv_async_t news;
    pthread_mutex_t lock;
    struct list finished; /* under the lock */
    bool closing;         /* under the lock */
    size_t pending;       /* jobs given out and not yet delivered; loop thread */
    struct db__lane writer, reader;
    struct turn turn;
    struct chain *chain; /* or NULL */
    struct sql sql;      /* the loop thread's, for db_read_now */
};

/* The next waiting job, taken; waits for one until until_ns (0: does not; UINT64_MAX: for ever). NULL: none by then, or
 * closing and none left. */
struct db_job *db__take(struct db__lane *l, uint64_t until_ns);
void db__finish(struct db *db, struct list *jobs); /* to the loop; empties the list */
void db__fail(struct db_job *j, int rc, const struct err *e);
/* By a lane's thread: a step begins (now_ns is the time), and all steps are over. */
void db__step(struct db__lane *l, struct slice text, uint64_t now_ns);
void db__rest(struct db__lane *l);
void *db__write_thread(void *lane);
void *db__read_thread(void *lane);

#endif
