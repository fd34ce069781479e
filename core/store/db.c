/* db.c: the loop's side: jobs in, answers out, short reads here. See db.h and db_int.h. */
#include "store/db_int.h"
#include "base/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define READ_BUSY_MS 20 /* of the loop, while another process recovers the log: once per crash */
#define JOB_BYTES_MAX (2 * (size_t)DB_BYTES_MAX) /* a job's arguments and results */

/* Until somebody wakes the lane: false when it is until_ns. Under the lock. */
static bool wait_for_work(struct db__lane *l, uint64_t until_ns)
{
    if (until_ns == UINT64_MAX) return pthread_cond_wait(&l->wake, &l->db->lock) == 0;
    struct timespec at = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    return until_ns && pthread_cond_timedwait(&l->wake, &l->db->lock, &at) == 0;
}

struct db_job *db__take(struct db__lane *l, uint64_t until_ns)
{
    struct db *db = l->db;
    pthread_mutex_lock(&db->lock);
    while (list_empty(&l->waiting) && !db->closing && wait_for_work(l, until_ns)) {
    }
    struct list *n = list_shift(&l->waiting);
    struct db_job *j = n ? LIST_OF(n, struct db_job, node) : NULL;
    if (j) {
        j->state = DB__TAKEN;
        l->count--;
    }
    pthread_mutex_unlock(&db->lock);
    if (j) {
        uint64_t waited = clock_mono_ns() - (j->give_up_ns - db->busy_ms * 1000000ull);
        metric_observe(db->counts.wait_seconds, (double)waited / 1e9);
    }
    return j;
}

void db__finish(struct db *db, struct list *jobs)
{
    if (list_empty(jobs)) return;
    pthread_mutex_lock(&db->lock);
    for (struct list *n; (n = list_shift(jobs));) {
        LIST_OF(n, struct db_job, node)->state = DB__FINISHED;
        list_push(&db->finished, n);
    }
    pthread_mutex_unlock(&db->lock);
    uv_async_send(&db->news);
}

void db__fail(struct db_job *j, int rc, const struct err *e)
{
    j->rc = rc;
    if (rc < 0 && e) j->e = *e;
}

/* ---- the heartbeat ---- */

void db__step(struct db__lane *l, struct slice text, uint64_t now_ns)
{
    char line[DB_STEP_LEN] = "";
    uint64_t word;
    size_t n = 0;
    for (size_t i = 0; i < text.n && n < sizeof line - 1; i++) {
        bool space = strchr(" \t\r\n", text.p[i]) != NULL;
        if (!space)
            line[n++] = text.p[i];
        else if (n && line[n - 1] != ' ')
            line[n++] = ' ';
    }
    for (size_t i = 0; i < sizeof line / 8; i++) {
        memcpy(&word, line + 8 * i, sizeof word);
        atomic_store_explicit(&l->pulse.text[i], word, memory_order_relaxed);
    }
    atomic_store_explicit(&l->pulse.since_ns, now_ns, memory_order_release);
}

void db__rest(struct db__lane *l)
{
    atomic_store_explicit(&l->pulse.since_ns, 0, memory_order_relaxed);
}

uint64_t db_step_ns(const struct db *db, char what[DB_STEP_LEN])
{
    const struct db__lane *const lanes[] = {&db->writer, &db->reader};
    uint64_t now = clock_mono_ns(), longest = 0;
    what[0] = 0;
    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++) {
        uint64_t since = atomic_load_explicit(&lanes[i]->pulse.since_ns, memory_order_acquire), word;
        char line[DB_STEP_LEN];
        if (!since || since > now || now - since <= longest) continue;
        longest = now - since;
        for (size_t k = 0; k < sizeof line / 8; k++) {
            word = atomic_load_explicit(&lanes[i]->pulse.text[k], memory_order_relaxed);
            memcpy(line + 8 * k, &word, sizeof word);
        }
        line[sizeof line - 1] = 0;
        snprintf(what, DB_STEP_LEN, "%s: %.*s", lanes[i]->name, DB_STEP_LEN - 12, line);
    }
    return longest;
}

/* ---- jobs ---- */

static void job_free(struct db_job *j)
{
    arena_free(&j->arena);
    free(j);
}

static void settle_pending(struct db *db)
{
    if (--db->pending == 0) uv_unref((uv_handle_t *)&db->news);
}

static void deliver(struct db *db)
{
    struct list ready;
    list_init(&ready);
    pthread_mutex_lock(&db->lock);
    for (struct list *n; (n = list_shift(&db->finished));) list_push(&ready, n);
    pthread_mutex_unlock(&db->lock);
    for (struct list *n; (n = list_shift(&ready));) {
        struct db_job *j = LIST_OF(n, struct db_job, node);
        if (!j->forgotten) j->done(j->arg, j->rc, j->rc < 0 ? NULL : j->results, j->rc < 0 ? 0 : j->count, &j->e);
        job_free(j);
        settle_pending(db);
    }
}

static void on_news(uv_async_t *news)
{
    deliver(news->data);
}

static void lane_init(struct db__lane *l, struct db *db, const char *name, void *(*run)(void *))
{
    l->db = db;
    l->name = name;
    l->run = run;
    list_init(&l->waiting);
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC); /* of clock_mono_ns() */
    pthread_cond_init(&l->wake, &a);
    pthread_condattr_destroy(&a);
}

static int lane_start(struct db__lane *l, struct err *e)
{
    if (l->started) return GIFD_OK;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop thread's */
    int rc = pthread_create(&l->thread, NULL, l->run, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc) return err_sys(e, rc, "a thread for the database");
    l->started = true;
    return GIFD_OK;
}

static void on_closed(uv_handle_t *news)
{
    struct db *db = news->data;
    pthread_cond_destroy(&db->writer.wake);
    pthread_cond_destroy(&db->reader.wake);
    pthread_mutex_destroy(&db->lock);
    chain__close(db->chain);
    free(db->path);
    free(db);
}

/* All databases of plugins are one here. */
static void count_in(struct db *db, struct metrics *m)
{
    const char *of = db->guest ? "plugins" : "catalogue";
    db->counts = (struct db__counts){
        .writes = metric_take(m, METRIC_COUNTER, "gifd_db_writes_total", "database", of),
        .failed = metric_take(m, METRIC_COUNTER, "gifd_db_write_failures_total", "database", of),
        .commits = metric_take(m, METRIC_COUNTER, "gifd_db_commits_total", "database", of),
        .busy = metric_take(m, METRIC_COUNTER, "gifd_db_busy_total", "database", of),
        .seconds = metric_take(m, METRIC_HISTOGRAM, "gifd_db_transaction_seconds", "database", of),
        .read_seconds = metric_take(m, METRIC_HISTOGRAM, "gifd_db_read_seconds", "database", of),
        .wait_seconds = metric_take(m, METRIC_HISTOGRAM, "gifd_db_wait_seconds", "database", of),
    };
}

struct db *db_open(struct loop *l, const struct db_options *o, struct err *e)
{
    struct db *db = calloc(1, sizeof *db);
    char *path = strdup(o->path);
    if (!db || !path) {
        err_set(e, GIFD_ENOMEM, "no memory for a database");
        free(path);
        free(db);
        return NULL;
    }
    db->loop = l;
    db->path = path;
    db->busy_ms = o->busy_ms ? o->busy_ms : DB__BUSY_MS;
    db->guest = o->guest;
    count_in(db, o->metrics);
    db->queue_max = o->guest ? DB_GUEST_QUEUE_MAX : DB_QUEUE_MAX;
    db->statement_ms = o->statement_ms ? o->statement_ms : o->guest ? DB_GUEST_STATEMENT_MS : DB__STATEMENT_MS;
    struct sql__options options = {.create = o->create, .busy_ms = db->busy_ms, .read_only = true};
    int rc = GIFD_OK;
    if (o->keys && !(options.chain = db->chain = chain__open(o->keys, e))) rc = GIFD_EIO;
    if (rc == GIFD_OK && !o->guest) rc = sql__open(&db->sql, path, &options, e); /* no guest's runs on the loop */
    if (rc == GIFD_OK) {
        rc = uv_async_init(&l->uv, &db->news, on_news);
        if (rc < 0) err_uv(e, rc, "database");
    }
    if (rc < 0) {
        sql__close(&db->sql);
        chain__close(db->chain);
        free(path);
        free(db);
        return NULL;
    }
    if (db->sql.db) sqlite3_busy_timeout(db->sql.db, READ_BUSY_MS);
    db->news.data = db;
    uv_unref((uv_handle_t *)&db->news);
    list_init(&db->finished);
    pthread_mutex_init(&db->lock, NULL);
    lane_init(&db->writer, db, "writer", db__write_thread);
    lane_init(&db->reader, db, "reader", db__read_thread);
    turn__open(&db->turn, path);
    return db;
}

void db_close(struct db *db)
{
    if (!db) return;
    pthread_mutex_lock(&db->lock);
    db->closing = true;
    pthread_cond_signal(&db->writer.wake);
    pthread_cond_signal(&db->reader.wake);
    pthread_mutex_unlock(&db->lock);
    if (db->writer.started) pthread_join(db->writer.thread, NULL);
    if (db->reader.started) pthread_join(db->reader.thread, NULL);
    deliver(db);
    sql__close(&db->sql);
    turn__close(&db->turn);
    uv_close((uv_handle_t *)&db->news, on_closed);
}

bool db_busy(const struct db *db)
{
    return db->pending > 0;
}

int db_read_now(struct db *db, const struct db_call *call, uint32_t budget_us, struct arena *arena, struct db_rows *out,
                struct err *e)
{
    if (db->guest) return err_set(e, GIFD_EINVALID, "a guest's statement on the loop");
    uint64_t began = clock_mono_ns();
    db->sql.deadline_ns = began + budget_us * 1000ull;
    int rc = sql__run(&db->sql, call, true, arena, out, e);
    metric_observe(db->counts.read_seconds, (double)(clock_mono_ns() - began) / 1e9);
    return rc;
}

static int copy_slice(struct arena *a, struct slice *s)
{
    char *p = arena_strndup(a, s->p, s->n);
    if (!p) return -1;
    s->p = p;
    return 0;
}

static int copy_call(struct arena *a, const struct db_call *from, struct db_call *to)
{
    struct value *args = from->arg_count ? arena_alloc(a, from->arg_count * sizeof *args) : NULL;
    *to = *from;
    if ((from->arg_count && !args) || copy_slice(a, &to->sql) < 0) return -1;
    for (size_t i = 0; i < from->arg_count; i++) {
        args[i] = from->args[i];
        if ((args[i].type == VALUE_TEXT || args[i].type == VALUE_BLOB) && copy_slice(a, &args[i].s) < 0) return -1;
    }
    to->args = args;
    return 0;
}

static struct db_job *job_new(struct db *db, const struct db_call *calls, size_t count, struct err *e)
{
    struct db_job *j = calloc(1, sizeof *j);
    if (!j) {
        err_set(e, GIFD_ENOMEM, "no memory for a database job");
        return NULL;
    }
    arena_init(&j->arena, JOB_BYTES_MAX);
    j->db = db;
    j->count = count;
    j->calls = arena_alloc(&j->arena, count * sizeof *j->calls);
    j->results = arena_zalloc(&j->arena, count * sizeof *j->results);
    bool ok = j->calls && j->results;
    for (size_t i = 0; ok && i < count; i++) ok = copy_call(&j->arena, &calls[i], &j->calls[i]) == 0;
    if (ok) return j;
    err_set(e, GIFD_ETOOBIG, "statements and arguments of more than %zu bytes", JOB_BYTES_MAX);
    job_free(j);
    return NULL;
}

static struct db_job *submit(struct db__lane *l, const struct db_call *calls, size_t count, db_done_fn done, void *arg,
                             struct err *e)
{
    struct db *db = l->db;
    if (count == 0 || count > DB_BATCH_MAX) {
        err_set(e, GIFD_EINVALID, "a batch of %zu statements; 1 to %d are possible", count, DB_BATCH_MAX);
        return NULL;
    }
    if (db->closing) {
        err_set(e, GIFD_ECLOSED, "the database is closing");
        return NULL;
    }
    if (lane_start(l, e) < 0) return NULL;
    struct db_job *j = job_new(db, calls, count, e);
    if (!j) return NULL;
    j->lane = l;
    j->done = done;
    j->arg = arg;
    j->give_up_ns = clock_mono_ns() + db->busy_ms * 1000000ull;
    pthread_mutex_lock(&db->lock);
    bool full = l->count >= db->queue_max;
    if (!full) {
        list_push(&l->waiting, &j->node);
        l->count++;
        pthread_cond_signal(&l->wake);
    }
    pthread_mutex_unlock(&db->lock);
    if (full) {
        err_set(e, GIFD_EBUSY, "%zu jobs already wait for the database", db->queue_max);
        job_free(j);
        return NULL;
    }
    if (db->pending++ == 0) uv_ref((uv_handle_t *)&db->news);
    return j;
}

struct db_job *db_read(struct db *db, const struct db_call *call, db_done_fn done, void *arg, struct err *e)
{
    return submit(&db->reader, call, 1, done, arg, e);
}

struct db_job *db_write(struct db *db, const struct db_call *calls, size_t count, db_done_fn done, void *arg,
                        struct err *e)
{
    return submit(&db->writer, calls, count, done, arg, e);
}

void db_forget(struct db_job *j)
{
    struct db *db = j->db;
    j->forgotten = true;
    pthread_mutex_lock(&db->lock);
    bool waiting = j->state == DB__WAITING;
    if (waiting) {
        list_remove(&j->node);
        j->lane->count--;
    }
    pthread_mutex_unlock(&db->lock);
    if (!waiting) return;
    job_free(j);
    settle_pending(db);
}
