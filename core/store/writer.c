/* writer.c: group commit. See db.h and db_int.h.
 *
 *   take the turn
 *   BEGIN IMMEDIATE
 *     first batch                              alone in the transaction: if it fails, the transaction goes with it
 *     SAVEPOINT, batch, RELEASE or ROLLBACK TO  for each other one that waits, up to GROUP_MAX or GROUP_NS
 *   COMMIT (fsync)
 *   give the turn, tell the loop
 *
 * Some failures make SQLite undo the whole transaction (an interrupted statement, no memory, a full disk). A full or
 * failing disk is everybody's answer; otherwise only the culprit fails, and the batches before it are run again. When a
 * COMMIT is refused for a deferred constraint, each batch is tried in a transaction of its own. */
#include "store/db_int.h"
#include "base/clock.h"
#include "base/log.h"

#define GROUP_MAX 128
#define GROUP_NS 2000000
#define CHECKPOINT_BYTES (16 << 20)
#define TRUNCATE_BYTES (64 << 20)

struct group {
    struct db__lane *l;
    struct list again;  /* to be run before anything new */
    struct list inside; /* in the open transaction, succeeded so far */
    struct list over;   /* have their answer */
    size_t size;
    bool alone; /* one batch per transaction */
};

static bool of_the_disk(int rc)
{
    return rc == GIFD_ENOSPACE || rc == GIFD_EIO || rc == GIFD_ECORRUPT;
}

static void answer(struct group *g, struct db_job *j, int rc, const struct err *e)
{
    struct db__counts *n = &j->db->counts;
    metric_add(rc < 0 ? n->failed : n->writes, 1);
    if (rc == GIFD_EBUSY) metric_add(n->busy, 1);
    db__fail(j, rc, e);
    list_push(&g->over, &j->node);
}

static void answer_all(struct group *g, struct list *jobs, int rc, const struct err *e)
{
    for (struct list *n; (n = list_shift(jobs));) answer(g, LIST_OF(n, struct db_job, node), rc, e);
}

static struct db_job *next(struct group *g, uint64_t until_ns)
{
    struct list *n = list_shift(&g->again);
    return n ? LIST_OF(n, struct db_job, node) : db__take(g->l, until_ns);
}

static int run_batch(struct group *g, struct db_job *j, struct err *e)
{
    struct sql *s = &g->l->sql;
    for (size_t i = 0; i < j->count; i++) {
        uint64_t now = clock_mono_ns();
        db__step(g->l, j->calls[i].sql, now);
        s->deadline_ns = now + g->l->db->statement_ms * 1000000ull;
        int rc = sql__run(s, &j->calls[i], false, &j->arena, &j->results[i], e);
        if (rc < 0) {
            if (j->count > 1) err_wrap(e, "statement %zu of %zu", i + 1, j->count);
            return rc;
        }
    }
    return GIFD_OK;
}

/* The transaction is gone, or must go: j failed with rc. */
static void lose_transaction(struct group *g, struct db_job *j, int rc, const struct err *e)
{
    if (!sqlite3_get_autocommit(g->l->sql.db)) sql__do(&g->l->sql, "ROLLBACK", NULL);
    if (of_the_disk(rc)) {
        answer_all(g, &g->inside, rc, e);
    } else {
        for (struct list *n; (n = list_shift(&g->inside));) list_push(&g->again, n);
    }
    if (j) answer(g, j, rc, e);
}

/* Returns false when the transaction is over. */
static bool add_batch(struct group *g, struct db_job *j)
{
    struct sql *s = &g->l->sql;
    struct err e = {0};
    bool first = list_empty(&g->inside);
    int rc = first ? GIFD_OK : sql__do(s, "SAVEPOINT batch", &e);
    if (rc == GIFD_OK) {
        rc = run_batch(g, j, &e);
        if (rc < 0 && !first && !of_the_disk(rc) && !sqlite3_get_autocommit(s->db)) {
            if (sql__do(s, "ROLLBACK TO batch", NULL) == GIFD_OK && sql__do(s, "RELEASE batch", NULL) == GIFD_OK) {
                answer(g, j, rc, &e);
                return true;
            }
        } else if (rc == GIFD_OK && !first) {
            rc = sql__do(s, "RELEASE batch", &e);
        }
    }
    if (rc < 0) {
        lose_transaction(g, j, rc, &e);
        return false;
    }
    list_push(&g->inside, &j->node);
    return true;
}

static void commit(struct group *g)
{
    struct err e = {0};
    db__step(g->l, SLICE("COMMIT"), clock_mono_ns());
    int rc = sql__do(&g->l->sql, "COMMIT", &e);
    if (rc == GIFD_OK) {
        metric_add(g->l->db->counts.commits, 1);
        answer_all(g, &g->inside, GIFD_OK, NULL);
        return;
    }
    if (!sqlite3_get_autocommit(g->l->sql.db)) sql__do(&g->l->sql, "ROLLBACK", NULL);
    if (of_the_disk(rc) || g->size == 1) {
        answer_all(g, &g->inside, rc, &e);
    } else {
        for (struct list *n; (n = list_shift(&g->inside));) list_push(&g->again, n);
        g->alone = true;
    }
}

static void transaction(struct group *g, struct db_job *j)
{
    uint64_t begun = clock_mono_ns();
    bool open = true;
    for (g->size = 0; j; j = next(g, 0)) {
        g->size++;
        open = add_batch(g, j);
        if (!open || g->alone || g->size == GROUP_MAX || clock_mono_ns() - begun > GROUP_NS) break;
    }
    if (!open) return;
    if (list_empty(&g->inside))
        sql__do(&g->l->sql, "ROLLBACK", NULL);
    else
        commit(g);
}

static int open_lane(struct db__lane *l, struct err *e)
{
    if (l->sql.db) return GIFD_OK;
    struct db *db = l->db;
    struct sql__options o = {.busy_ms = db->busy_ms, .guest = db->guest, .chain = db->chain};
    return sql__open(&l->sql, db->path, &o, e);
}

/* The turn and the write lock; what cannot have them in its time is answered. */
static bool begin(struct group *g, struct db_job *j)
{
    struct db *db = g->l->db;
    struct err e = {0};
    uint64_t now = clock_mono_ns();
    uint32_t wait = now < j->give_up_ns ? (uint32_t)((j->give_up_ns - now) / 1000000) : 0;
    int rc = turn__take(&db->turn, wait, &e);
    if (rc == GIFD_OK) {
        rc = open_lane(g->l, &e);
        if (rc == GIFD_OK) {
            now = clock_mono_ns();
            wait = now < j->give_up_ns ? (uint32_t)((j->give_up_ns - now) / 1000000) : 0;
            sqlite3_busy_timeout(g->l->sql.db, (int)wait);
            rc = sql__do(&g->l->sql, "BEGIN IMMEDIATE", &e);
        }
        if (rc < 0) turn__give(&db->turn);
    }
    if (rc < 0) answer(g, j, rc, &e);
    return rc == GIFD_OK;
}

/* Moves the log into the database file, so that it does not grow without end. Readers and other writers go on. */
static void checkpoint(struct db__lane *l, int64_t *next_pages)
{
    struct sql *s = &l->sql;
    if (!s->db) return;
    int page = 4096, left = 0, done = 0;
    int64_t step = CHECKPOINT_BYTES / page;
    if (s->wal_pages < *next_pages) {
        if (s->wal_pages < step) *next_pages = step;
        return;
    }
    db__step(l, SLICE("checkpoint"), clock_mono_ns());
    bool whole = s->wal_pages * page > TRUNCATE_BYTES;
    if (whole && turn__take(&l->db->turn, 1000, NULL) < 0) whole = false;
    sqlite3_busy_timeout(s->db, 100);
    s->deadline_ns = 0;
    int rc = sqlite3_wal_checkpoint_v2(s->db, NULL, whole ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
                                       &left, &done);
    if (whole) turn__give(&l->db->turn);
    *next_pages = rc == SQLITE_OK && left == done ? step : s->wal_pages + step;
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY) log_warn("store.checkpoint", LS("error", sqlite3_errmsg(s->db)));
}

/* Until when a job may be waited for: then the head of a chain is to be written. */
static uint64_t head_due(const struct db__lane *l)
{
    return l->db->chain ? l->db->chain->due_ns : UINT64_MAX;
}

/* false: there is none to be written. */
static bool keep_head(struct db__lane *l)
{
    if (head_due(l) == UINT64_MAX) return false;
    db__step(l, SLICE("head of a chain"), clock_mono_ns());
    chain__keep(l->db->chain, &l->sql);
    db__rest(l);
    return true;
}

void *db__write_thread(void *lane)
{
    struct db__lane *l = lane;
    struct group g = {.l = l};
    int64_t next_pages = CHECKPOINT_BYTES / 4096;
    list_init(&g.again);
    list_init(&g.inside);
    list_init(&g.over);
    for (;;) {
        struct db_job *j = next(&g, head_due(l));
        if (!j && keep_head(l)) continue;
        if (!j) break;
        if (begin(&g, j)) {
            uint64_t began = clock_mono_ns();
            transaction(&g, j);
            metric_observe(l->db->counts.seconds, (double)(clock_mono_ns() - began) / 1e9);
            db__rest(l);
            turn__give(&l->db->turn);
        }
        db__finish(l->db, &g.over);
        if (list_empty(&g.again)) {
            g.alone = false;
            checkpoint(l, &next_pages);
            db__rest(l);
        }
        if (head_due(l) <= clock_mono_ns()) keep_head(l);
    }
    sql__close(&l->sql);
    return NULL;
}
