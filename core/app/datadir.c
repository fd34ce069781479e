/* datadir.c: one data directory, one owner.
 *
 *   DATA/lock               flock'ed by the running server; holds its pid, then the addresses it listens on
 *   DATA/generations/ID.gen bundles; `live` names the one that serves and those before (history.h)
 *   DATA/catalogue.db, DATA/blobs/, DATA/segment, DATA/near, DATA/media.sock   by core/store, core/base,
 *                                                                     core/media
 *   DATA/seal.key, DATA/NAME.head           of tables that are chains, by core/store (chain_int.h)
 *   DATA/control.sock       asks the supervisor (admin.h) */
#include "app/app.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define LOCK_WAIT_MS 5000
#define LOCK_STEP_MS 10

void datadir_join(const struct datadir *d, const char *name, char out[PATH_LEN])
{
    int n = snprintf(out, PATH_LEN, "%s/%s", d->path, name);
    if (n >= PATH_LEN) out[0] = 0; /* datadir_open leaves room, so this cannot happen with our own names */
}

int datadir_open(struct datadir *d, const char *path, struct err *e)
{
    *d = (struct datadir){.lock_fd = -1};
    if (strlen(path) > PATH_LEN - 200)
        return err_set(e, GIFD_EINVALID, "data directory: the path is longer than %d bytes", PATH_LEN - 200);
    char whole[PATH_LEN];
    snprintf(whole, sizeof whole, "%s", path);
    for (char *p = whole + 1; *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        if (mkdir(whole, 0755) < 0 && errno != EEXIST) return err_sys(e, errno, "data directory %s", whole);
        *p = '/';
    }
    if (mkdir(whole, 0700) < 0 && errno != EEXIST) return err_sys(e, errno, "data directory %s", whole);
    char *real = realpath(whole, NULL);
    if (!real) return err_sys(e, errno, "data directory %s", whole);
    snprintf(d->path, sizeof d->path, "%s", real);
    free(real);
    if (access(d->path, R_OK | W_OK | X_OK) < 0) return err_sys(e, errno, "data directory %s", d->path);
    char generations[PATH_LEN];
    datadir_join(d, "generations", generations);
    if (mkdir(generations, 0700) < 0 && errno != EEXIST) return err_sys(e, errno, "%s", generations);
    return GIFD_OK;
}

/* A supervisor that was killed leaves children behind that hold the lock until they notice, a moment later: only then
 * is nobody writing any more. So a lock whose holder is gone is waited for. */
static bool take_lock(int fd, char holder[32])
{
    for (int waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited_ms += LOCK_STEP_MS) {
        ssize_t n = pread(fd, holder, 31, 0);
        holder[n > 0 ? n : 0] = 0;
        holder[strcspn(holder, "\n")] = 0;
        int pid = atoi(holder);
        if (waited_ms >= LOCK_WAIT_MS || pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH) return false;
        nanosleep(&(struct timespec){.tv_nsec = LOCK_STEP_MS * 1000000l}, NULL);
    }
    return true;
}

int datadir_lock(struct datadir *d, struct err *e)
{
    char path[PATH_LEN];
    datadir_join(d, "lock", path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return err_sys(e, errno, "%s", path);
    char holder[32] = "";
    if (!take_lock(fd, holder)) {
        close(fd);
        return err_set(e, GIFD_EBUSY, "data directory %s is in use by a running gifd (pid %s)", d->path,
                       holder[0] ? holder : "unknown");
    }
    char pid[32];
    int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n) {
        int why = errno;
        close(fd);
        return err_sys(e, why, "%s", path);
    }
    d->lock_fd = fd;
    return GIFD_OK;
}

int datadir_publish(struct datadir *d, const char *const *urls, size_t count, struct err *e)
{
    struct buf b;
    buf_init(&b, 8192);
    int rc = buf_printf(&b, e, "%d\n", (int)getpid());
    for (size_t i = 0; i < count && rc == 0; i++) rc = buf_printf(&b, e, "%s\n", urls[i]);
    if (rc == 0 && pwrite(d->lock_fd, b.p, b.n, 0) != (ssize_t)b.n) rc = err_sys(e, errno, "%s/lock", d->path);
    buf_free(&b);
    return rc;
}

size_t datadir_urls(const struct datadir *d, char urls[][160], size_t max)
{
    char path[PATH_LEN];
    datadir_join(d, "lock", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    size_t count = 0;
    bool runs = flock(fd, LOCK_SH | LOCK_NB) < 0;
    FILE *f = fdopen(fd, "r");
    if (!f) {
        close(fd);
        return 0;
    }
    char line[160];
    bool first = true;
    while (runs && count < max && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (!first) memcpy(urls[count++], line, sizeof line);
        first = false;
    }
    fclose(f);
    return count;
}

/* The name moves to the new socket in one step, so that there always is one to ask. Whoever listened under that name
 * before still answers what has reached it. */
int datadir_socket(const struct datadir *d, const char *name, int type, int *out, struct err *e)
{
    char draft[32];
    snprintf(draft, sizeof draft, "%s.new", name);
    int dir = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return err_sys(e, errno, "%s", d->path);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    /* The data directory's path may be longer than a socket's may: go by its descriptor. */
    snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", dir, draft);
    unlinkat(dir, draft, 0);
    int rc = GIFD_OK, fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 256) < 0 ||
        renameat(dir, draft, dir, name) < 0)
        rc = err_sys(e, errno, "%s/%s", d->path, name);
    umask(mask);
    close(dir);
    if (rc == GIFD_OK) *out = fd;
    if (rc != GIFD_OK && fd >= 0) close(fd);
    return rc;
}
