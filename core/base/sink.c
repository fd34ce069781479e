/* sink.c: see sink.h. */
#include "base/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work, idle; /* of the file's thread: there is some; there is none */
    bool open, socket, file;
    int fd; /* ours; -1: stderr is written to as it is */
    char path[1024];
    uint64_t dropped;
    bool threaded, writing; /* the thread is there; it is in write(2), without the lock */
    bool reopen;            /* wanted */
    int left;               /* what it is writing to, and somebody has put another in place of; or -1 */
    struct err fault;
    size_t from, n; /* of what waits */
    char queue[SINK_QUEUE];
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .left = -1};

static void take(int fd, bool is_socket, const char *path)
{
    pthread_mutex_lock(&sink.lock);
    if (sink.writing && sink.left < 0)
        sink.left = sink.fd;
    else if (sink.fd >= 0)
        close(sink.fd);
    sink.fd = fd;
    sink.open = true;
    sink.socket = is_socket;
    struct stat st;
    sink.file = path && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
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

static void open_anew(void)
{
    struct err e = {0};
    char path[sizeof sink.path];
    memcpy(path, sink.path, sizeof path);
    if (sink_open(path, &e) == GIFD_OK) return;
    pthread_mutex_lock(&sink.lock);
    sink.fault = e;
    pthread_mutex_unlock(&sink.lock);
}

bool sink_take_fault(struct err *e)
{
    pthread_mutex_lock(&sink.lock);
    bool some = sink.fault.code;
    *e = sink.fault;
    sink.fault.code = GIFD_OK;
    pthread_mutex_unlock(&sink.lock);
    return some;
}

int sink_fd(void)
{
    return sink.fd;
}

/* The parent's thread is not here, and the parent writes what waits. */
void sink_forked(void)
{
    pthread_mutex_init(&sink.lock, NULL);
    pthread_cond_init(&sink.work, NULL);
    pthread_cond_init(&sink.idle, NULL);
    if (sink.left >= 0) close(sink.left);
    sink.left = -1;
    sink.threaded = sink.writing = sink.reopen = false;
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

/* Whole lines that wait, as many as a pipe takes whole. */
static size_t next_lines(void)
{
    size_t n = sink.n < SINK_LINE_MAX ? sink.n : SINK_LINE_MAX;
    const char *end = memrchr(sink.queue + sink.from, '\n', n);
    return end ? (size_t)(end - (sink.queue + sink.from)) + 1 : n;
}

static void written(size_t n)
{
    sink.n -= n;
    sink.from = sink.n ? sink.from + n : 0;
}

static void flush(void)
{
    while (sink.n && !sink.writing) {
        size_t n = next_lines(), done = put(sink.queue + sink.from, n);
        written(done);
        if (done < n) return;
    }
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

/* ---- the file's thread ---- */

/* Copied, since the queue moves while the disk takes its time. True: all of it went, else the disk is full, mostly. */
static bool write_some(void)
{
    char lines[SINK_LINE_MAX];
    size_t n = next_lines();
    int fd = sink.fd;
    memcpy(lines, sink.queue + sink.from, n);
    sink.writing = true;
    pthread_mutex_unlock(&sink.lock);
    size_t done = 0;
    for (ssize_t wrote; done < n; done += (size_t)wrote) {
        do wrote = write(fd, lines + done, n - done);
        while (wrote < 0 && errno == EINTR);
        if (wrote <= 0) break;
    }
    pthread_mutex_lock(&sink.lock);
    sink.writing = false;
    if (sink.left >= 0) close(sink.left);
    sink.left = -1;
    written(done);
    return done == n;
}

static void *write_on(void *arg)
{
    pthread_mutex_lock(&sink.lock);
    for (bool went = true;;) {
        if (sink.reopen) {
            sink.reopen = false;
            pthread_mutex_unlock(&sink.lock);
            open_anew();
            pthread_mutex_lock(&sink.lock);
        } else if (sink.n && sink.file && went) {
            went = write_some();
        } else {
            pthread_cond_broadcast(&sink.idle);
            pthread_cond_wait(&sink.work, &sink.lock);
            went = true;
        }
    }
    return arg;
}

#define STACK ((size_t)256 * 1024)

static void hold(void)
{
    pthread_mutex_lock(&sink.lock);
}

static void let_go(void)
{
    pthread_mutex_unlock(&sink.lock);
}

/* With the lock. Signals are for the others; a child has the lock as it should be, and no thread. */
static bool have_thread(void)
{
    static bool told;
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, before;
    if (sink.threaded) return true;
    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, STACK);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    sink.threaded = pthread_create(&thread, &attr, write_on, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (sink.threaded && !told) told = atexit(sink_drain) == 0 && pthread_atfork(hold, let_go, sink_forked) == 0;
    return sink.threaded;
}

void sink_drain(void)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += SINK_LAST_MS / 1000;
    pthread_mutex_lock(&sink.lock);
    while (sink.threaded && sink.file && sink.n) {
        pthread_cond_signal(&sink.work);
        if (pthread_cond_clockwait(&sink.idle, &sink.lock, CLOCK_MONOTONIC, &until)) break;
    }
    pthread_mutex_unlock(&sink.lock);
}

void sink_reopen(void)
{
    pthread_mutex_lock(&sink.lock);
    bool file = sink.file && have_thread();
    if (file) {
        sink.reopen = true;
        pthread_cond_signal(&sink.work);
    }
    pthread_mutex_unlock(&sink.lock);
    if (!file && *sink.path) open_anew();
}

/* ---- lines ---- */

bool sink_write(const char *p, size_t n)
{
    pthread_mutex_lock(&sink.lock);
    bool taken;
    if (sink.file && have_thread()) {
        taken = keep(p, n);
        pthread_cond_signal(&sink.work);
    } else {
        flush();
        size_t done = sink.n ? 0 : put(p, n);
        taken = done == n || keep(p + done, n - done);
    }
    sink.dropped += !taken;
    pthread_mutex_unlock(&sink.lock);
    return taken;
}

void sink_flush(void)
{
    pthread_mutex_lock(&sink.lock);
    if (sink.threaded && sink.file)
        pthread_cond_signal(&sink.work);
    else
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
