/* supervisor.c: from a command line to a serving tree of processes, and back. See supervisor.h. */
#include "app/supervisor.h"
#include "base/clock.h"
#include "base/log.h"
#include "store/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TURN_MS 200
#define DRAIN_GRACE_NS 1500000000ull

static int make_media_socket(struct supervisor *s, struct err *e)
{
    int dir = open(s->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return err_sys(e, errno, "%s", s->dir.path);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    /* The data directory's path may be longer than a socket's may: go by its descriptor. */
    snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/media.sock", dir);
    unlinkat(dir, "media.sock", 0);
    int rc = GIFD_OK;
    s->media_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177);
    if (s->media_fd < 0 || bind(s->media_fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(s->media_fd, 256) < 0)
        rc = err_sys(e, errno, "%s/media.sock", s->dir.path);
    umask(mask);
    close(dir);
    return rc;
}

static int make_signals(struct supervisor *s, struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return s->signal_fd < 0 ? err_sys(e, errno, "signals") : GIFD_OK;
}

static int listen_all(struct supervisor *s, struct err *e)
{
    for (size_t i = 0; s->options->listen[i]; i++) {
        s->settings.listen_count = (uint32_t)i + 1;
        snprintf(s->settings.listen[i], sizeof s->settings.listen[i], "%s", s->options->listen[i]);
    }
    for (uint32_t i = 0; i < s->settings.listen_count; i++) {
        int fd = http_listen_socket(s->settings.listen[i], s->urls[i], sizeof s->urls[i], e);
        if (fd < 0) return err_wrap(e, "listen %s", s->settings.listen[i]);
        s->listen_fds[s->listen_count++] = fd;
        s->url_list[i] = s->urls[i];
    }
    return s->listen_count ? GIFD_OK : err_set(e, GIFD_EINVALID, "listen: no address");
}

/* The first generation: the same builder, the same checks, nobody to prepare. Returns an exit code. */
static int first_generation(struct supervisor *s, struct err *e)
{
    if (builder_start(&s->builder, &s->dir, s->options, e) < 0) return EXIT_FAILED;
    for (int step = 0; step < 2; step++) {
        struct pollfd p = {.fd = s->builder.fd, .events = POLLIN};
        int got = 0;
        do {
            if (poll(&p, 1, 120000) == 0) return err_set(e, GIFD_ETIMEOUT, "building took too long"), EXIT_FAILED;
            got = builder_poll(&s->builder, &s->report);
        } while (got == 0);
        if (got < 0) return err_set(e, GIFD_EINTERNAL, "the builder ended without an answer"), EXIT_FAILED;
        if (s->report.rc == GIFD_EINVALID && step == 0) {
            fprintf(stderr, "%s", s->report.text);
            return EXIT_CONFIG;
        }
        if (s->report.rc != GIFD_OK) return err_set(e, s->report.rc, "%s", s->report.text), EXIT_FAILED;
        if (step == 0 && builder_migrate(&s->builder) < 0)
            return err_set(e, GIFD_EINTERNAL, "the builder ended early"), EXIT_FAILED;
    }
    builder_end(&s->builder);
    s->settings = s->report.settings;
    if (datadir_set_live(&s->dir, s->settings.bundle, e) < 0) return EXIT_FAILED;
    const char *keep[] = {s->settings.bundle};
    datadir_prune(&s->dir, keep, 1);
    if (s->options->workers) s->settings.workers = s->options->workers;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (!s->settings.workers) s->settings.workers = cores > 0 ? (uint32_t)cores : 1;
    if (s->settings.workers > WORKERS_MAX) s->settings.workers = WORKERS_MAX;
    return EXIT_OK;
}

static int prepare(struct supervisor *s, struct err *e)
{
    if (datadir_open(&s->dir, s->options->data, e) < 0) return EXIT_FAILED;
    if (datadir_lock(&s->dir, e) < 0) return EXIT_FAILED;
    int code = first_generation(s, e);
    if (code != EXIT_OK) return code;
    log_level_set((enum log_level)s->settings.log_level);
    char path[PATH_LEN];
    datadir_join(&s->dir, "segment", path);
    s->segment = segment_open(path, true, e);
    if (!s->segment) return EXIT_FAILED;
    datadir_join(&s->dir, "blobs", path);
    int swept = blobs_sweep(path, e);
    if (swept < 0 && e->code != GIFD_ENOTFOUND) return EXIT_FAILED;
    if (swept > 0) log_info("blobs.swept", LI("drafts", swept));
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->wake_fd < 0) return err_sys(e, errno, "eventfd"), EXIT_FAILED;
    if (make_media_socket(s, e) < 0 || listen_all(s, e) < 0 || make_signals(s, e) < 0) return EXIT_FAILED;
    if (datadir_publish(&s->dir, s->url_list, s->listen_count, e) < 0) return EXIT_FAILED;
    children_plan(s);
    return EXIT_OK;
}

static void stop(struct supervisor *s)
{
    if (s->stopping) { /* told twice: now */
        children_kill(s);
        _exit(EXIT_OK);
    }
    s->stopping = true;
    s->stop_deadline_ns = clock_mono_ns() + (uint64_t)s->settings.http.drain_ms * 1000000 + DRAIN_GRACE_NS;
    log_info("server.stopping", LI("drain_ms", s->settings.http.drain_ms));
    children_drain(s);
}

static void on_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            children_reap(s);
        else if (info.ssi_signo == SIGHUP)
            reload_begin(s);
        else
            stop(s);
    }
}

/* Before the first `ready` a process that cannot start is the operator's to mend; later it is started again. */
static void on_failed(struct supervisor *s, const struct child *c, const char *why)
{
    log_error("child.failed", LS("child", c->name), LS("why", why));
    if (s->announced) return;
    fprintf(stderr, "gifd: %s could not start: %s\n", c->name, why);
    children_kill(s);
    exit(EXIT_FAILED);
}

static void on_message(struct supervisor *s, struct child *c)
{
    struct control_message m;
    while (c->control_fd >= 0) {
        int got = control_receive(c->control_fd, &m);
        if (got <= 0) {
            if (got < 0) close(c->control_fd), c->control_fd = -1; /* it is about to be reaped */
            return;
        }
        if (m.type == CONTROL_READY)
            c->ready = true;
        else if (m.type == CONTROL_PREPARED)
            reload_on_prepared(s, c, &m);
        else if (m.type == CONTROL_FAILED)
            on_failed(s, c, m.text);
    }
}

static void announce(struct supervisor *s)
{
    s->announced = true;
    for (size_t i = 0; i < s->listen_count; i++) printf("ready %s\n", s->urls[i]);
    fflush(stdout);
}

static void turn(struct supervisor *s)
{
    struct pollfd p[CHILDREN_MAX + 2];
    struct child *whose[CHILDREN_MAX + 2];
    nfds_t n = 0;
    p[n++] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
    if (s->builder.fd >= 0) p[n++] = (struct pollfd){.fd = s->builder.fd, .events = POLLIN};
    nfds_t first = n;
    for (size_t i = 0; i < s->child_count; i++) {
        if (s->children[i].control_fd < 0) continue;
        whose[n] = &s->children[i];
        p[n++] = (struct pollfd){.fd = s->children[i].control_fd, .events = POLLIN};
    }
    poll(p, n, TURN_MS);
    for (nfds_t i = first; i < n; i++)
        if (p[i].revents) on_message(s, whose[i]);
    if (first == 2 && p[1].revents && s->builder.fd >= 0) reload_on_builder(s);
    if (p[0].revents) on_signals(s);
    reload_on_time(s);
    children_watch(s);
    children_start_due(s);
    if (!s->announced && children_ready(s)) announce(s);
}

int supervisor_run(const struct serve_options *o)
{
    static struct supervisor s; /* large */
    s = (struct supervisor){.options = o, .signal_fd = -1, .wake_fd = -1, .media_fd = -1, .builder = {-1, -1, 0}};
    struct err e = {0};
    log_role_set("supervisor");
    int code = prepare(&s, &e);
    if (code != EXIT_OK) {
        if (e.text[0]) fprintf(stderr, "gifd: %s\n", e.text);
        builder_end(&s.builder);
        return code;
    }
    children_start_due(&s);
    while (!s.stopping || (children_running(&s) && clock_mono_ns() < s.stop_deadline_ns)) turn(&s);
    if (children_running(&s)) log_warn("server.killed", LI("processes", children_running(&s)));
    children_kill(&s);
    log_info("server.stopped");
    return EXIT_OK;
}
