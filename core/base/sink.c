/* sink.c: see sink.h. */
#include "base/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    bool open, socket;
    int fd; /* ours; -1: stderr is written to as it is */
    char path[1024];
    uint64_t dropped;
    size_t from, n; /* of what waits */
    char queue[SINK_QUEUE];
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static void take(int fd, bool is_socket, const char *path)
{
    pthread_mutex_lock(&sink.lock);
    if (sink.fd >= 0) close(sink.fd);
    sink.fd = fd;
    sink.open = true;
    sink.socket = is_socket;
    snprintf(sink.path, sizeof sink.path, "%s", path ? path : "");
    pthread_mutex_unlock(&sink.lock);
}

static void open_stderr(void)
{
    struct stat st;
    int fd = -1;
    bool known = fstat(STDERR_FILENO, &st) == 0;
    if (known && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
        fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_APPEND | O_NOCTTY | O_CLOEXEC);
    take(fd, known && S_ISSOCK(st.st_mode), NULL);
}

int sink_open(const char *path, struct err *e)
{
    if (!path || !*path) {
        open_stderr();
        return GIFD_OK;
    }
    if (strlen(path) >= sizeof sink.path) return err_set(e, GIFD_ETOOBIG, "%.80s...: too long", path);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
    if (fd < 0) return err_sys(e, errno, "%s", path);
    take(fd, false, path);
    return GIFD_OK;
}

int sink_reopen(struct err *e)
{
    char path[sizeof sink.path];
    memcpy(path, sink.path, sizeof path);
    return *path ? sink_open(path, e) : GIFD_OK;
}

int sink_fd(void)
{
    return sink.fd;
}

void sink_forked(void)
{
    pthread_mutex_init(&sink.lock, NULL);
    sink.from = sink.n = sink.dropped = 0;
}

bool sink_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;
    return stream && !*sink.path && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 &&
           st.st_dev == dev && st.st_ino == ino;
}

/* What was taken of it: less than n when nobody reads; n too when it can never be written. */
static size_t put(const char *p, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t wrote = sink.socket ? send(STDERR_FILENO, p + done, n - done, MSG_DONTWAIT | MSG_NOSIGNAL)
                                    : write(sink.fd >= 0 ? sink.fd : STDERR_FILENO, p + done, n - done);
        if (wrote > 0)
            done += (size_t)wrote;
        else if (wrote < 0 && errno == EINTR)
            continue;
        else
            break;
    }
    return done;
}

/* Whole lines, as many at a time as a pipe takes whole. */
static void flush(void)
{
    while (sink.n) {
        const char *p = sink.queue + sink.from;
        size_t n = sink.n < SINK_LINE_MAX ? sink.n : SINK_LINE_MAX;
        const char *end = memrchr(p, '\n', n);
        if (end) n = (size_t)(end - p) + 1;
        size_t done = put(p, n);
        sink.from += done;
        sink.n -= done;
        if (done < n) return;
    }
    sink.from = 0;
}

static bool keep(const char *p, size_t n)
{
    if (sink.from + sink.n + n > SINK_QUEUE && sink.from) {
        memmove(sink.queue, sink.queue + sink.from, sink.n);
        sink.from = 0;
    }
    if (sink.n + n > SINK_QUEUE) return false;
    memcpy(sink.queue + sink.from + sink.n, p, n);
    sink.n += n;
    return true;
}

bool sink_write(const char *p, size_t n)
{
    pthread_mutex_lock(&sink.lock);
    flush();
    size_t done = sink.n ? 0 : put(p, n);
    bool taken = done == n || keep(p + done, n - done);
    sink.dropped += !taken;
    pthread_mutex_unlock(&sink.lock);
    return taken;
}

void sink_flush(void)
{
    pthread_mutex_lock(&sink.lock);
    flush();
    pthread_mutex_unlock(&sink.lock);
}

uint64_t sink_take_dropped(void)
{
    pthread_mutex_lock(&sink.lock);
    uint64_t n = sink.n ? 0 : sink.dropped;
    if (n) sink.dropped = 0;
    pthread_mutex_unlock(&sink.lock);
    return n;
}
