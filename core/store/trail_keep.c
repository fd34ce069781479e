/* trail_keep.c: see trail_keep.h. */
#include "store/trail_keep.h"
#include "base/log.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEALS_MAX 2         /* wait at most; more, and the writer waits for them */
#define LOG_PAGES_MAX 32768 /* 256 MiB */

struct full_file {
    sqlite3 *db;
    int own_fd;
    char path[PATH_MAX];
};

struct trail_keeper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake, room;
    bool leaving, asked, behind; /* under the lock, as all below */
    char path[PATH_MAX];         /* of the file that a checkpoint is asked for */
    struct full_file *full[SEALS_MAX];
    size_t full_count;
};

int trail__seal(sqlite3 *db, struct err *e)
{
    const char *const steps[] = {"PRAGMA user_version=1", "PRAGMA wal_checkpoint(TRUNCATE)"};
    for (size_t i = 0; i < 2; i++) {
        int rc = sqlite3_exec(db, steps[i], NULL, NULL, NULL);
        if (rc != SQLITE_OK)
            return err_set(e, (rc & 0xff) == SQLITE_FULL ? GIFD_ENOSPACE : GIFD_EIO, "%s: %s", steps[i],
                           sqlite3_errmsg(db));
    }
    return GIFD_OK;
}

static void seal(struct full_file *f)
{
    struct err e = {0};
    char own[PATH_MAX];
    bool sealed = trail__seal(f->db, &e) == GIFD_OK;
    if (!sealed) log_warn("trail.seal", LS("file", f->path), LS("error", e.text)); /* an orphan from now on */
    snprintf(own, sizeof own, "%.*s.own", (int)(strlen(f->path) - 3), f->path);
    if (sealed) unlink(own);
    sqlite3_close(f->db);
    if (f->own_fd >= 0) close(f->own_fd);
    free(f);
}

/* -> the log has more pages than it should */
static bool checkpoint(const char *path)
{
    sqlite3 *db = NULL;
    int pages = 0, done = 0;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
        sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &done);
    sqlite3_close(db);
    return pages > LOG_PAGES_MAX;
}

static void *keep(void *arg)
{
    struct trail_keeper *k = arg;
    char path[PATH_MAX];
    pthread_mutex_lock(&k->lock);
    for (;;) {
        while (!k->full_count && !k->asked && !k->leaving) pthread_cond_wait(&k->wake, &k->lock);
        if (k->full_count) {
            struct full_file *f = k->full[0];
            pthread_mutex_unlock(&k->lock);
            seal(f);
            pthread_mutex_lock(&k->lock);
            memmove(k->full, k->full + 1, --k->full_count * sizeof *k->full);
            pthread_cond_signal(&k->room);
        } else if (k->leaving) {
            break;
        } else {
            memcpy(path, k->path, sizeof path);
            pthread_mutex_unlock(&k->lock);
            bool behind = checkpoint(path);
            pthread_mutex_lock(&k->lock);
            k->asked = false;
            k->behind = behind;
        }
    }
    pthread_mutex_unlock(&k->lock);
    return NULL;
}

struct trail_keeper *trail_keeper_new(struct err *e)
{
    struct trail_keeper *k = calloc(1, sizeof *k);
    if (!k) {
        err_set(e, GIFD_ENOMEM, "trail");
        return NULL;
    }
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->wake, NULL);
    pthread_cond_init(&k->room, NULL);
    int rc = pthread_create(&k->thread, NULL, keep, k);
    if (rc == 0) return k;
    err_sys(e, rc, "trail");
    pthread_cond_destroy(&k->wake);
    pthread_cond_destroy(&k->room);
    pthread_mutex_destroy(&k->lock);
    free(k);
    return NULL;
}

void trail_keeper_free(struct trail_keeper *k)
{
    if (!k) return;
    pthread_mutex_lock(&k->lock);
    k->leaving = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->wake);
    pthread_cond_destroy(&k->room);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

void trail_keeper_checkpoint(struct trail_keeper *k, const char *path)
{
    pthread_mutex_lock(&k->lock);
    if (!k->asked) {
        k->asked = true;
        snprintf(k->path, sizeof k->path, "%s", path);
        pthread_cond_signal(&k->wake);
    }
    pthread_mutex_unlock(&k->lock);
}

bool trail_keeper_is_behind(struct trail_keeper *k)
{
    pthread_mutex_lock(&k->lock);
    bool behind = k->behind;
    k->behind = false;
    pthread_mutex_unlock(&k->lock);
    return behind;
}

void trail_keeper_seal(struct trail_keeper *k, sqlite3 *db, int own_fd, const char *path)
{
    struct full_file *f = malloc(sizeof *f);
    if (!f) { /* an orphan, for others to seal */
        sqlite3_close(db);
        if (own_fd >= 0) close(own_fd);
        return;
    }
    f->db = db;
    f->own_fd = own_fd;
    snprintf(f->path, sizeof f->path, "%s", path);
    pthread_mutex_lock(&k->lock);
    while (k->full_count == SEALS_MAX) pthread_cond_wait(&k->room, &k->lock);
    k->full[k->full_count++] = f;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
}
