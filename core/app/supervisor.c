/* supervisor.c: from a command line to a serving tree of processes, and back. See supervisor.h. */
#include "app/logging.h"
#include "app/supervisor.h"
#include "app/systemd.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/sink.h"
#include "script/limits.h"
#include "store/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TURN_MS 200
#define DRAIN_GRACE_NS 1500000000ull

int supervisor_signals(struct supervisor *s, struct err *e)
{
    static const int taken[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) sigaddset(&set, taken[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return s->signal_fd < 0 ? err_sys(e, errno, "signals") : GIFD_OK;
}

static void listen_to_nobody(struct flat_settings *f)
{
    memset(f->listen, 0, sizeof f->listen);
    memset(f->how, 0, sizeof f->how);
    memset(f->pairs, 0, sizeof f->pairs);
    f->listen_count = f->pair_count = 0;
}

/* http_listen_socket says http: an address with certificates is reached by another scheme. */
void supervisor_name_url(const struct flat_settings *f, uint32_t i, char url[160])
{
    bool is_tls = !strncmp(url, "https", 5);
    if (!!f->how[i].tls_count == is_tls) return;
    char rest[160];
    snprintf(rest, sizeof rest, "%s", url + (is_tls ? 5 : 4));
    snprintf(url, 160, "http%s%.150s", is_tls ? "" : "s", rest);
}

void supervisor_override(const struct supervisor *s, struct flat_settings *f)
{
    const struct serve_options *o = s->options;
    for (uint32_t i = 0; o->listen[i]; i++) {
        if (i == 0) listen_to_nobody(f);
        f->listen_count = i + 1;
        snprintf(f->listen[i], sizeof f->listen[i], "%s", o->listen[i]);
    }
    for (uint32_t i = 0; o->tls_listen[i] && f->listen_count < LISTEN_MAX; i++) {
        if (i == 0 && !o->listen[0]) listen_to_nobody(f);
        uint32_t at = f->listen_count++;
        snprintf(f->listen[at], sizeof f->listen[at], "%s", o->tls_listen[i]);
        f->how[at].tls_first = f->pair_count;
        for (size_t k = 0; k < o->pair_count && f->pair_count < PAIRS_MAX; k++) {
            if (o->pairs[k].listen != i) continue;
            struct tls_pair *pair = &f->pairs[f->pair_count++];
            snprintf(pair->cert, sizeof pair->cert, "%s", o->pairs[k].cert);
            snprintf(pair->key, sizeof pair->key, "%s", o->pairs[k].key);
            f->how[at].tls_count++;
        }
    }
    if (o->workers) f->workers = o->workers;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (!f->workers) f->workers = cores > 0 ? (uint32_t)cores : 1;
    if (f->workers > WORKERS_MAX) f->workers = WORKERS_MAX;
}

static int listen_all(struct supervisor *s, struct err *e)
{
    for (uint32_t i = 0; i < s->settings.listen_count; i++) {
        const char *address = s->settings.listen[i];
        int fd = systemd_socket(address, s->urls[i], sizeof s->urls[i]);
        if (fd < 0) fd = http_listen_socket(address, s->urls[i], sizeof s->urls[i], e);
        if (fd < 0) return err_wrap(e, "listen %s", s->settings.listen[i]);
        s->listen_fds[s->listen_count++] = fd;
        supervisor_name_url(&s->settings, i, s->urls[i]);
        s->url_list[i] = s->urls[i];
    }
    systemd_close_rest();
    return s->listen_count ? GIFD_OK : err_set(e, GIFD_EINVALID, "listen: no address");
}

/* What served last, when its files are still the same, goes on under its number and without what was switched off. */
static int go_live(struct supervisor *s, struct err *e)
{
    char last[PATH_LEN] = "";
    if (s->history.count) history_path(&s->dir, &s->history.entry[0], last);
    bool same = !strcmp(last, s->settings.bundle) && !strcmp(s->history.entry[0].version, GIFD_VERSION);
    int rc = same ? GIFD_OK : history_push(&s->dir, &s->history, s->settings.bundle, history_next(&s->history), e);
    if (rc < 0) return rc;
    if (same) disabled_load(&s->dir, &s->disabled);
    disabled_save(&s->dir, &s->disabled);
    s->generation = s->history.entry[0].number;
    history_prune(&s->dir, &s->history, NULL);
    return GIFD_OK;
}

/* The first generation: the same builder, the same checks, nobody to prepare. Returns an exit code. */
static int first_generation(struct supervisor *s, struct err *e)
{
    if (history_read(&s->dir, &s->history, e) < 0) return EXIT_FAILED;
    if (builder_start(&s->builder, &s->dir, s->options, NULL, NULL, e) < 0) return EXIT_FAILED;
    for (int step = 0; step < 2; step++) {
        struct pollfd p = {.fd = s->builder.fd, .events = POLLIN};
        int got = 0;
        do {
            if (poll(&p, 1, 120000) == 0) return err_set(e, GIFD_ETIMEOUT, "building took too long"), EXIT_FAILED;
            got = builder_poll(&s->builder, &s->report);
        } while (got == 0);
        if (got < 0) return err_set(e, GIFD_EINTERNAL, "the builder ended without an answer"), EXIT_FAILED;
        if (s->report.rc == GIFD_EINVALID) {
            if (s->options->dev)
                reload_print_faults(stderr, s->report.text);
            else
                fprintf(stderr, "%s", s->report.text);
            return EXIT_CONFIG;
        }
        if (s->report.rc != GIFD_OK) return err_set(e, s->report.rc, "%s", s->report.text), EXIT_FAILED;
        if (step == 0 && builder_migrate(&s->builder) < 0)
            return err_set(e, GIFD_EINTERNAL, "the builder ended early"), EXIT_FAILED;
    }
    builder_end(&s->builder);
    s->settings = s->report.settings;
    if (go_live(s, e) < 0) return EXIT_FAILED;
    supervisor_override(s, &s->settings);
    return EXIT_OK;
}

static int prepare(struct supervisor *s, struct err *e)
{
    if (datadir_open(&s->dir, s->options->data, e) < 0) return EXIT_FAILED;
    if (datadir_lock(&s->dir, e) < 0) return EXIT_FAILED;
    int code = first_generation(s, e);
    if (code != EXIT_OK) return code;
    char path[PATH_LEN];
    datadir_join(&s->dir, "segment", path);
    s->segment = segment_open(path, true, e);
    if (!s->segment || limits_open(s->segment, e) < 0) return EXIT_FAILED;
    metrics_forget(segment_metrics(s->segment), NULL, NULL); /* of processes that are gone */
    metric_take(segment_metrics(s->segment), METRIC_GAUGE, "gifd_generation_refused", NULL, NULL);
    logging_begin(s);
    datadir_join(&s->dir, "blobs", path);
    int swept = blobs_sweep(path, e);
    if (swept < 0 && e->code != GIFD_ENOTFOUND) return EXIT_FAILED;
    if (swept > 0) log_info("blobs.swept", LI("drafts", swept));
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->wake_fd < 0) return err_sys(e, errno, "eventfd"), EXIT_FAILED;
    if (!(s->tickets = tls_tickets_open(&s->tickets_fd, e))) return EXIT_FAILED;
    if (datadir_socket(&s->dir, "media.sock", SOCK_SEQPACKET, &s->media_fd, e) < 0 || listen_all(s, e) < 0 ||
        supervisor_signals(s, e) < 0)
        return EXIT_FAILED;
    if (datadir_publish(&s->dir, s->url_list, s->listen_count, e) < 0) return EXIT_FAILED;
    if (admin_open(s, e) < 0) return EXIT_FAILED;
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
    systemd_stopping();
    replace_abort(s);
    children_drain(s);
}

static void on_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            children_reap(s);
        else if (info.ssi_signo == SIGHUP)
            logging_reopen(s), reload_wish(s, RELOAD_FILES, true);
        else if (info.ssi_signo == SIGUSR2)
            replace_begin(s);
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
        else if (m.type == CONTROL_STATUS)
            status_on_text(s, c, m.text);
        else if (m.type == CONTROL_FAILED)
            on_failed(s, c, m.text);
    }
}

static void announce(struct supervisor *s)
{
    s->announced = true;
    for (size_t i = 0; i < s->listen_count; i++) printf("ready %s\n", s->urls[i]);
    fflush(stdout);
    systemd_ready();
}

static void turn(struct supervisor *s)
{
    struct pollfd p[CHILDREN_MAX + 4 + ADMIN_MAX + 1]; /* a negative descriptor is passed over */
    struct child *whose[CHILDREN_MAX + 4];
    nfds_t n = 0;
    p[n++] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = s->builder.fd, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = s->replace.fd, .events = POLLIN};
    p[n++] = (struct pollfd){.fd = s->watch.fd, .events = POLLIN};
    nfds_t first = n;
    for (size_t i = 0; i < s->child_count; i++) {
        if (s->children[i].control_fd < 0) continue;
        whose[n] = &s->children[i];
        p[n++] = (struct pollfd){.fd = s->children[i].control_fd, .events = POLLIN};
    }
    nfds_t last = n;
    n += admin_poll(s, p + n);
    tls_tickets_turn(s->tickets);
    systemd_alive();
    log_tick();
    if (poll(p, n, watch_timeout(s, TURN_MS)) < 0) return;
    for (nfds_t i = first; i < last; i++)
        if (p[i].revents) on_message(s, whose[i]);
    if (p[1].revents && s->builder.fd >= 0) reload_on_builder(s);
    if (p[2].revents && s->replace.fd >= 0) replace_on_trial(s);
    if (p[0].revents) on_signals(s);
    if (p[3].revents && s->watch.fd >= 0) watch_on_events(s);
    admin_on_poll(s, p + last);
    admin_on_time(s);
    status_on_time(s);
    watch_on_time(s);
    renew_on_time(s);
    reload_on_time(s);
    replace_on_time(s);
    takeover_on_time(s);
    children_watch(s);
    children_start_due(s);
    if (!s->announced && children_ready(s)) announce(s);
}

/* Absolute and with its symbolic links, so that a link that is moved to a newer program leads to that. */
static void remember_program(char program[PATH_LEN])
{
    const char *as_started = (const char *)getauxval(AT_EXECFN); /* NOLINT: the kernel hands pointers as numbers */
    char dir[PATH_LEN] = "";
    program[0] = 0;
    if (!as_started) return;
    if (*as_started != '/' && !getcwd(dir, sizeof dir)) return;
    if (snprintf(program, PATH_LEN, "%s%s%s", dir, *dir ? "/" : "", as_started) >= PATH_LEN) program[0] = 0;
}

int supervisor_run(const struct serve_options *o)
{
    static struct supervisor s; /* large */
    static struct serve_options own;
    own = *o;
    s = (struct supervisor){
        .options = &own, .signal_fd = -1, .wake_fd = -1, .media_fd = -1, .tickets_fd = -1, .builder = {-1, -1, 0}};
    s.reload.wished_options = own;
    s.watch = (struct watch){.fd = -1, .config = -1};
    s.started_ns = clock_mono_ns();
    s.replace = (struct replacement){.pid = -1, .fd = -1, .settings_fd = -1};
    struct err e = {0};
    log_role_set("supervisor");
    sink_open(NULL, &e);
    remember_program(s.program);
    systemd_begin();
    const char *handover = takeover_asked();
    int code = !handover ? prepare(&s, &e) : takeover(&s, handover, &e) < 0 ? EXIT_FAILED : EXIT_OK;
    if (code != EXIT_OK) {
        if (e.text[0]) fprintf(stderr, "gifd: %s\n", e.text);
        builder_end(&s.builder);
        return code;
    }
    children_reap(&s); /* who ended while one program gave way to the other */
    children_start_due(&s);
    while (!s.stopping || (children_running(&s) && clock_mono_ns() < s.stop_deadline_ns)) turn(&s);
    if (children_running(&s)) log_warn("server.killed", LI("processes", children_running(&s)));
    children_kill(&s);
    log_info("server.stopped");
    return EXIT_OK;
}
