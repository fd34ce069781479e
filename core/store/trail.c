/* trail.c: see trail.h.
 *
 *   CREATE TABLE row (id INTEGER PRIMARY KEY, at, subject, part, kind, n, extra)
 *   PRAGMA user_version: 0 added to, 1 sealed (whoever reads them may then raise it further)
 */
#include "store/trail.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "loop/loop.h"
#include "store/trail_keep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINGER_NS 1000000      /* for more rows to come, so that they share a commit, */
#define LINGER_ROWS 32         /* unless so many are there, */
#define LINGER_QUIET 4000000   /* or the last commit is so long ago */
#define GROUP_ROWS 65536       /* in one transaction */
#define CHECKPOINT_ROWS 131072 /* between two of them: some 26 MB of the log */
#define MANY 16                /* rows in one statement: half the cost of one by one */
#define SEAL_ROWS 4000000
#define SEAL_AFTER 3600

static const char schema[] = "CREATE TABLE row (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, subject INTEGER NOT NULL, "
                             "part INTEGER NOT NULL, kind INTEGER NOT NULL, n INTEGER NOT NULL, extra TEXT) STRICT";

struct chunk {
    struct list node;
    trail_done_fn done;
    void *arg;
    size_t bytes, count;
    int rc;
    struct trail_row rows[];
};

struct trail {
    struct loop *loop;
    uv_async_t news;
    uv_check_t after; /* the turn's sockets were read: what was told goes to the writer at once */
    uv_idle_t hurry;  /* there is something to hand over: the loop does not wait before it does */
    unsigned handles; /* open */
    struct list told; /* chunks of this turn; the loop's */
    size_t told_rows;
    char folder[PATH_MAX - 32];
    uint64_t seal_rows, seal_ns;
    pthread_t thread;
    bool threaded;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list waiting, over;    /* chunks; under the lock */
    _Atomic size_t waiting_bytes; /* of told, too */
    size_t waiting_rows;
    size_t asked;       /* calls without an answer, which keep the loop alive; the loop's */
    struct err failed;  /* the last failure; under the lock */
    bool idle, leaving; /* the writer waits for a signal; it is to end */
    _Atomic bool durable;
    bool is_durable; /* the writer's from here on */
    struct trail_keeper *keeper;
    sqlite3 *db;
    sqlite3_stmt *one, *many; /* INSERT of 1 and of MANY rows */
    sqlite3_stmt *begin, *commit;
    int own_fd;
    char path[PATH_MAX];
    uint64_t rows, opened_ns, wrote_ns;
};

static int fail(struct err *e, sqlite3 *db, int rc, const char *what)
{
    int code = (rc & 0xff) == SQLITE_FULL    ? GIFD_ENOSPACE
               : (rc & 0xff) == SQLITE_IOERR ? GIFD_EIO
               : (rc & 0xff) == SQLITE_NOMEM ? GIFD_ENOMEM
                                             : GIFD_EIO;
    return err_set(e, code, "%s: %s", what, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

static int run(sqlite3 *db, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? GIFD_OK : fail(e, db, rc, sql);
}

/* ---- files ---- */

static void name_of(char out[PATH_MAX], const char *folder, unsigned number, const char *end)
{
    snprintf(out, PATH_MAX, "%s/%08u.%s", folder, number, end);
}

static unsigned number_of(const char *name, const char *end)
{
    unsigned number = 0;
    char tail[8] = "";
    if (strlen(name) < 9 || sscanf(name, "%8u.%7s", &number, tail) != 2 || strcmp(tail, end) != 0) return 0;
    return number;
}

static int last_number(const char *folder, unsigned *out, struct err *e)
{
    DIR *d = opendir(folder);
    if (!d) return err_sys(e, errno, "%s", folder);
    *out = 0;
    for (struct dirent *x; (x = readdir(d));) {
        unsigned n = number_of(x->d_name, "db"), own = number_of(x->d_name, "own");
        if (own > n) n = own;
        if (n > *out) *out = n;
    }
    closedir(d);
    return GIFD_OK;
}

/* The lock file of a number that nobody else has. */
static int claim(struct trail *t, unsigned *number, struct err *e)
{
    char path[PATH_MAX];
    if (last_number(t->folder, number, e) < 0) return e->code;
    for (int tries = 0; tries < 1000; tries++) {
        name_of(path, t->folder, ++*number, "own");
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno == EEXIST) continue;
        if (fd < 0) return err_sys(e, errno, "%s", path);
        struct stat st;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink) {
            t->own_fd = fd;
            return GIFD_OK;
        }
        close(fd); /* taken for an orphan between the two calls */
    }
    return err_set(e, GIFD_EBUSY, "%s: no number is free", t->folder);
}

static int prepare(struct trail *t, const char *path, struct err *e)
{
    int rc = sqlite3_open_v2(
        path, &t->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
        NULL);
    if (rc != SQLITE_OK) return fail(e, t->db, rc, path);
    sqlite3_busy_timeout(t->db, 10000);
    t->is_durable = atomic_load(&t->durable);
    if (run(t->db, "PRAGMA page_size=8192", e) < 0 || run(t->db, "PRAGMA journal_mode=WAL", e) < 0 ||
        run(t->db, "PRAGMA wal_autocheckpoint=0", e) < 0 ||
        run(t->db, t->is_durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", e) < 0 ||
        run(t->db, schema, e) < 0)
        return e->code;
    char sql[64 + MANY * 24] = "INSERT INTO row VALUES ";
    for (int i = 0; i < MANY; i++) {
        strcat(sql, i ? ",(NULL,?,?,?,?,?,?)" : "(NULL,?,?,?,?,?,?)");
        sqlite3_stmt **s = i == 0 ? &t->one : i == MANY - 1 ? &t->many : NULL;
        rc = s ? sqlite3_prepare_v3(t->db, sql, -1, SQLITE_PREPARE_PERSISTENT, s, NULL) : SQLITE_OK;
        if (rc != SQLITE_OK) return fail(e, t->db, rc, "INSERT");
    }
    rc = sqlite3_prepare_v3(t->db, "BEGIN IMMEDIATE", -1, SQLITE_PREPARE_PERSISTENT, &t->begin, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_prepare_v3(t->db, "COMMIT", -1, SQLITE_PREPARE_PERSISTENT, &t->commit, NULL);
    return rc == SQLITE_OK ? GIFD_OK : fail(e, t->db, rc, "COMMIT");
}

static void end_statements(struct trail *t)
{
    sqlite3_stmt **const all[] = {&t->one, &t->many, &t->begin, &t->commit};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        sqlite3_finalize(*all[i]);
        *all[i] = NULL;
    }
}

static void let_go(struct trail *t)
{
    end_statements(t);
    sqlite3_close(t->db);
    if (t->own_fd >= 0) close(t->own_fd);
    t->db = NULL;
    t->own_fd = -1;
}

static int begin_file(struct trail *t, struct err *e)
{
    unsigned number = 0;
    if (mkdir(t->folder, 0700) < 0 && errno != EEXIST) return err_sys(e, errno, "%s", t->folder);
    if (claim(t, &number, e) < 0) return e->code;
    name_of(t->path, t->folder, number, "db");
    t->rows = 0;
    t->opened_ns = clock_mono_ns();
    if (prepare(t, t->path, e) == GIFD_OK) return GIFD_OK;
    let_go(t);
    unlink(t->path);
    name_of(t->path, t->folder, number, "own");
    unlink(t->path);
    return e->code;
}

/* It is sealed beside the writer, who goes on with the next one. */
static void end_file(struct trail *t)
{
    if (!t->db) return;
    end_statements(t);
    trail_keeper_seal(t->keeper, t->db, t->own_fd, t->path);
    t->db = NULL;
    t->own_fd = -1;
}

/* ---- the writer ---- */

static void give(sqlite3_stmt *s, int at, const struct trail_row *r)
{
    sqlite3_bind_int64(s, at + 1, r->at);
    sqlite3_bind_int64(s, at + 2, r->subject);
    sqlite3_bind_int64(s, at + 3, r->part);
    sqlite3_bind_int64(s, at + 4, r->kind);
    sqlite3_bind_int64(s, at + 5, r->n);
    if (r->extra.p)
        sqlite3_bind_text(s, at + 6, r->extra.p, (int)r->extra.n, SQLITE_STATIC);
    else
        sqlite3_bind_null(s, at + 6);
}

static int step(struct trail *t, sqlite3_stmt *s, struct err *e)
{
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? GIFD_OK : fail(e, t->db, rc, sqlite3_sql(s));
}

/* Rows by the MANY, across chunks; the rest one by one. */
static int insert_all(struct trail *t, struct list *chunks, uint64_t *rows, struct err *e)
{
    const struct trail_row *held[MANY];
    int n = 0;
    LIST_EACH(node, chunks)
    {
        struct chunk *c = LIST_OF(node, struct chunk, node);
        for (size_t i = 0; i < c->count; i++) {
            held[n] = &c->rows[i];
            give(t->many, n * 6, held[n]);
            if (++n < MANY) continue;
            n = 0;
            if (step(t, t->many, e) < 0) return e->code;
        }
        *rows += c->count;
    }
    for (int i = 0; i < n; i++) {
        give(t->one, 0, held[i]);
        if (step(t, t->one, e) < 0) return e->code;
    }
    return GIFD_OK;
}

static int write_all(struct trail *t, struct list *chunks, struct err *e)
{
    if (!t->db && begin_file(t, e) < 0) return e->code;
    bool durable = atomic_load(&t->durable);
    if (durable != t->is_durable) {
        if (run(t->db, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", e) < 0) return e->code;
        t->is_durable = durable;
    }
    uint64_t rows = 0;
    if (step(t, t->begin, e) < 0) return e->code;
    if (insert_all(t, chunks, &rows, e) < 0 || step(t, t->commit, e) < 0) {
        if (!sqlite3_get_autocommit(t->db)) run(t->db, "ROLLBACK", NULL);
        return e->code;
    }
    t->rows += rows;
    return GIFD_OK;
}

/* After the answers were given. since: rows since the last checkpoint. */
static void tidy(struct trail *t, uint64_t *since)
{
    if (!t->db) return;
    if (t->rows >= t->seal_rows || clock_mono_ns() - t->opened_ns >= t->seal_ns) {
        end_file(t);
        *since = 0;
    } else if (*since >= CHECKPOINT_ROWS) {
        if (trail_keeper_is_behind(t->keeper))
            sqlite3_wal_checkpoint_v2(t->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        trail_keeper_checkpoint(t->keeper, t->path);
        *since = 0;
    }
}

static size_t take(struct trail *t, struct list *out, bool *more)
{
    size_t rows = 0;
    list_init(out);
    while (rows < GROUP_ROWS) {
        struct list *n = list_shift(&t->waiting);
        if (!n) break;
        struct chunk *c = LIST_OF(n, struct chunk, node);
        rows += c->count;
        atomic_fetch_sub(&t->waiting_bytes, c->bytes);
        t->waiting_rows -= c->count;
        list_push(out, n);
    }
    *more = !list_empty(&t->waiting);
    return rows;
}

static void linger(struct trail *t)
{
    if (t->waiting_rows >= LINGER_ROWS || t->leaving || clock_mono_ns() - t->wrote_ns > LINGER_QUIET) return;
    pthread_mutex_unlock(&t->lock);
    struct timespec pause = {0, LINGER_NS};
    nanosleep(&pause, NULL);
    pthread_mutex_lock(&t->lock);
}

static void *writer(void *arg)
{
    struct trail *t = arg;
    uint64_t since = 0; /* rows since the last checkpoint */
    pthread_mutex_lock(&t->lock);
    for (;;) {
        while (list_empty(&t->waiting) && !t->leaving) {
            t->idle = true;
            struct timespec at;
            clock_gettime(CLOCK_MONOTONIC, &at);
            at.tv_sec += 60;
            pthread_cond_timedwait(&t->wake, &t->lock, &at);
            t->idle = false;
            if (t->db && clock_mono_ns() - t->opened_ns >= t->seal_ns) {
                pthread_mutex_unlock(&t->lock);
                tidy(t, &since);
                pthread_mutex_lock(&t->lock);
            }
        }
        if (list_empty(&t->waiting)) break;
        linger(t);
        struct list chunks;
        bool more;
        since += take(t, &chunks, &more);
        pthread_mutex_unlock(&t->lock);
        struct err e = {0};
        int rc = write_all(t, &chunks, &e);
        t->wrote_ns = clock_mono_ns();
        if (rc < 0) log_error("trail.write", LS("folder", t->folder), LS("error", e.text));
        LIST_EACH(n, &chunks)
        {
            struct chunk *c = LIST_OF(n, struct chunk, node);
            c->rc = rc;
        }
        pthread_mutex_lock(&t->lock);
        if (rc < 0) t->failed = e;
        for (struct list *n; (n = list_shift(&chunks));) list_push(&t->over, n);
        uv_async_send(&t->news);
        if (since >= CHECKPOINT_ROWS || (t->db && t->rows >= t->seal_rows)) {
            pthread_mutex_unlock(&t->lock);
            tidy(t, &since);
            pthread_mutex_lock(&t->lock);
        }
    }
    pthread_mutex_unlock(&t->lock);
    end_file(t);
    return NULL;
}

/* ---- the loop's side ---- */

static void answer(struct trail *t)
{
    struct list over;
    struct err failed;
    list_init(&over);
    pthread_mutex_lock(&t->lock);
    failed = t->failed;
    for (struct list *n; (n = list_shift(&t->over));) list_push(&over, n);
    pthread_mutex_unlock(&t->lock);
    for (struct list *n; (n = list_shift(&over));) {
        struct chunk *c = LIST_OF(n, struct chunk, node);
        if (--t->asked == 0) uv_unref((uv_handle_t *)&t->news);
        c->done(c->arg, c->rc, &failed);
        free(c);
    }
}

static void on_news(uv_async_t *news)
{
    answer(news->data);
}

static void hand_over(struct trail *t)
{
    uv_check_stop(&t->after);
    uv_idle_stop(&t->hurry);
    if (list_empty(&t->told)) return;
    pthread_mutex_lock(&t->lock);
    for (struct list *n; (n = list_shift(&t->told));) list_push(&t->waiting, n);
    t->waiting_rows += t->told_rows;
    t->told_rows = 0;
    if (t->idle) pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

static void on_after(uv_check_t *after)
{
    hand_over(after->data);
}

static void on_hurry(uv_idle_t *hurry)
{
    (void)hurry;
}

struct trail *trail_new(struct loop *l, const struct trail_options *o, struct err *e)
{
    struct trail *t = calloc(1, sizeof *t);
    if (!t) {
        err_set(e, GIFD_ENOMEM, "trail");
        return NULL;
    }
    if (strlen(o->folder) >= sizeof t->folder) {
        err_set(e, GIFD_EINVALID, "%.64s...: too long", o->folder);
        free(t);
        return NULL;
    }
    strcpy(t->folder, o->folder);
    t->loop = l;
    t->own_fd = -1;
    t->seal_rows = o->seal_rows ? o->seal_rows : SEAL_ROWS;
    t->seal_ns = (o->seal_after ? o->seal_after : SEAL_AFTER) * UINT64_C(1000000000);
    atomic_store(&t->durable, o->durable);
    list_init(&t->waiting);
    list_init(&t->over);
    list_init(&t->told);
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&t->wake, &a);
    pthread_condattr_destroy(&a);
    pthread_mutex_init(&t->lock, NULL);
    t->news.data = t;
    int rc = uv_async_init(&l->uv, &t->news, on_news);
    if (rc < 0) {
        err_uv(e, rc, "trail");
        pthread_cond_destroy(&t->wake);
        pthread_mutex_destroy(&t->lock);
        free(t);
        return NULL;
    }
    uv_unref((uv_handle_t *)&t->news);
    uv_check_init(&l->uv, &t->after);
    uv_idle_init(&l->uv, &t->hurry);
    t->after.data = t->hurry.data = t;
    t->handles = 3;
    return t;
}

void trail_durable(struct trail *t, bool durable)
{
    atomic_store(&t->durable, durable);
}

static void on_closed(uv_handle_t *h)
{
    struct trail *t = h->data;
    if (--t->handles) return;
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

void trail_free(struct trail *t)
{
    if (!t) return;
    if (t->threaded) {
        hand_over(t);
        pthread_mutex_lock(&t->lock);
        t->leaving = true;
        pthread_cond_signal(&t->wake);
        pthread_mutex_unlock(&t->lock);
        pthread_join(t->thread, NULL);
        trail_keeper_free(t->keeper);
        answer(t);
    }
    uv_close((uv_handle_t *)&t->news, on_closed);
    uv_close((uv_handle_t *)&t->after, on_closed);
    uv_close((uv_handle_t *)&t->hurry, on_closed);
}

static struct chunk *copied(const struct trail_row *rows, size_t count, struct err *e)
{
    size_t bytes = sizeof(struct chunk) + count * sizeof *rows;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].extra.n > TRAIL_EXTRA_MAX) {
            err_set(e, GIFD_EINVALID, "more than %d bytes in one row", TRAIL_EXTRA_MAX);
            return NULL;
        }
        bytes += rows[i].extra.n;
    }
    struct chunk *c = malloc(bytes);
    if (!c) {
        err_set(e, GIFD_ENOMEM, "trail");
        return NULL;
    }
    char *text = (char *)&c->rows[count];
    memcpy(c->rows, rows, count * sizeof *rows);
    for (size_t i = 0; i < count; i++) {
        struct slice *s = &c->rows[i].extra;
        if (!s->p) continue;
        memcpy(text, s->p, s->n);
        s->p = text;
        text += s->n;
    }
    c->bytes = bytes;
    c->count = count;
    return c;
}

static int begin_thread(struct trail *t, struct err *e)
{
    if (t->threaded) return GIFD_OK;
    if (!t->keeper && !(t->keeper = trail_keeper_new(e))) return e->code;
    int rc = pthread_create(&t->thread, NULL, writer, t);
    if (rc) return err_sys(e, rc, "trail");
    t->threaded = true;
    return GIFD_OK;
}

int trail_append(struct trail *t, const struct trail_row *rows, size_t count, trail_done_fn done, void *arg,
                 struct err *e)
{
    if (count == 0 || count > TRAIL_APPEND_MAX)
        return err_set(e, GIFD_EINVALID, "1 to %d rows at a time", TRAIL_APPEND_MAX);
    struct chunk *c = copied(rows, count, e);
    if (!c) return e->code;
    c->done = done;
    c->arg = arg;
    int rc = atomic_load(&t->waiting_bytes) + c->bytes > TRAIL_WAITING_MAX
                 ? err_set(e, GIFD_EBUSY, "too many rows wait to be written")
                 : begin_thread(t, e);
    if (rc < 0) {
        free(c);
        return rc;
    }
    if (list_empty(&t->told)) {
        uv_check_start(&t->after, on_after);
        uv_idle_start(&t->hurry, on_hurry);
    }
    list_push(&t->told, &c->node);
    t->told_rows += count;
    atomic_fetch_add(&t->waiting_bytes, c->bytes);
    if (t->asked++ == 0) uv_ref((uv_handle_t *)&t->news);
    return GIFD_OK;
}

/* ---- orphans ---- */

static int seal_orphan(const char *folder, unsigned number, struct err *e)
{
    char own[PATH_MAX], path[PATH_MAX];
    name_of(own, folder, number, "own");
    name_of(path, folder, number, "db");
    int fd = open(own, O_RDWR | O_CLOEXEC);
    if (fd < 0) return 0;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) { /* somebody adds to it */
        close(fd);
        return 0;
    }
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    int sealed = 0;
    if (rc == SQLITE_OK) {
        sqlite3_busy_timeout(db, 10000);
        sealed = trail__seal(db, e) == GIFD_OK ? 1 : e->code;
    } else if (access(path, F_OK) == 0) {
        sealed = fail(e, db, rc, path);
    }
    sqlite3_close(db);
    if (sealed >= 0) unlink(own);
    close(fd);
    return sealed;
}

int trail_seal_orphans(const char *folder, struct err *e)
{
    DIR *d = opendir(folder);
    int sealed = 0;
    if (!d) return errno == ENOENT ? 0 : err_sys(e, errno, "%s", folder);
    for (struct dirent *x; (x = readdir(d));) {
        unsigned number = number_of(x->d_name, "own");
        int rc = number ? seal_orphan(folder, number, e) : 0;
        if (rc < 0) {
            closedir(d);
            return rc;
        }
        sealed += rc;
    }
    closedir(d);
    return sealed;
}
