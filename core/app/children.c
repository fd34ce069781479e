/* children.c: who lives and dies under the supervisor. See supervisor.h.
 *
 * A process that ends unasked is started again: at once when it had been serving, but at most ten times a second when
 * it keeps dying; after 0.1, 0.2, ... 5 s when it could not even start. A worker or runner whose heartbeat stands still
 * is killed, named, and started again. */
#include "app/logging.h"
#include "app/supervisor.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
#define HEARTBEAT_NS (10 * SECOND_NS)
#define START_NS (20 * SECOND_NS)
#define LEAVE_GRACE_NS (3 * SECOND_NS)

static void plan(struct supervisor *s, enum child_kind kind, uint32_t slot, const char *name)
{
    size_t i = 0;
    while (i < s->child_count && (!s->children[i].old || s->children[i].pid > 0)) i++;
    if (i == s->child_count) s->child_count++;
    struct child *c = &s->children[i];
    free(c->told);
    *c = (struct child){.kind = kind, .pid = -1, .control_fd = -1, .slot = slot};
    snprintf(c->name, sizeof c->name, "%s", name);
}

void children_plan_workers(struct supervisor *s)
{
    char name[20];
    for (uint32_t i = 0; i < s->settings.workers; i++) {
        snprintf(name, sizeof name, "worker-%u", i + 1);
        plan(s, CHILD_WORKER, s->first_slot + i, name);
    }
}

void children_plan(struct supervisor *s)
{
    if (!children_count(s, CHILD_MEDIA, false)) plan(s, CHILD_MEDIA, 0, "media");
    children_plan_workers(s);
    plan(s, CHILD_RUNNER, s->first_slot + s->settings.workers, "runner");
    if (!s->taking_over) plan(s, CHILD_SETUP, 0, "setup");
}

size_t children_count(const struct supervisor *s, enum child_kind kind, bool old)
{
    size_t n = 0;
    for (size_t i = 0; i < s->child_count; i++) {
        const struct child *c = &s->children[i];
        n += c->pid > 0 && c->kind == kind && c->old == old;
    }
    return n;
}

int children_free_range(const struct supervisor *s)
{
    bool taken[RANGES] = {false};
    for (size_t i = 0; i < s->child_count; i++) {
        const struct child *c = &s->children[i];
        if ((c->pid > 0 || !c->old) && (c->kind == CHILD_WORKER || c->kind == CHILD_RUNNER))
            taken[c->slot / SLOT_RANGE] = true;
    }
    for (int i = 0; i < RANGES; i++)
        if (!taken[i]) return i;
    return -1;
}

/* The lock stays open in all of them: while one lives, nobody else may write to the data directory. */
static void keep_own(const struct supervisor *s, const struct child *c, int control_fd)
{
    int keep[FDS_KEEP_MAX], n = 0;
    keep[n++] = s->dir.lock_fd;
    keep[n++] = control_fd;
    if (c->kind != CHILD_SETUP) keep[n++] = s->wake_fd;
    if (c->kind == CHILD_MEDIA) keep[n++] = s->media_fd;
    for (size_t i = 0; c->kind == CHILD_WORKER && i < s->listen_count; i++) keep[n++] = s->listen_fds[i];
    fds_keep_only(keep, (size_t)n);
}

static void enter_child(struct supervisor *s, struct child *c, int control_fd, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_IGN); /* a terminal's ^C goes to the whole group; the supervisor tells us to drain */
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    keep_own(s, c, control_fd);
    char title[32];
    snprintf(title, sizeof title, "gifd-%s", c->name);
    prctl(PR_SET_NAME, title); /* ps and top show it, cut to 15 characters */
    log_role_set(c->name);
}

_Noreturn void children_exec_media(int media_fd, const struct lane_limits *limits)
{
    char self[PATH_LEN], program[PATH_LEN + 16], number[16], list[128] = "";
    char log[32], journal[64] = "JOURNAL_STREAM=";
    char *const environment[] = {log, journal, NULL};
    logging_variable(log, sizeof log);
    if (getenv("JOURNAL_STREAM")) snprintf(journal, sizeof journal, "JOURNAL_STREAM=%s", getenv("JOURNAL_STREAM"));
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    snprintf(program, sizeof program, "%s/gifd-media", dirname(self));
    snprintf(number, sizeof number, "%d", media_fd);
    fcntl(media_fd, F_SETFD, 0);
    signal(SIGPIPE, SIG_DFL); /* what is ignored stays so across exec */
    if (limits)
        snprintf(list, sizeof list, "%u,%llu,%llu,%llu", limits->most, (unsigned long long)limits->memory,
                 (unsigned long long)limits->pixels, (unsigned long long)limits->account_pixels);
    execle(program, "gifd-media", "--socket-fd", number, limits ? "--limits" : (char *)NULL, list, (char *)NULL,
           environment);
    log_error("media.exec", LS("program", program), LS("why", strerror(errno)));
    _exit(127);
}

static void start(struct supervisor *s, struct child *c)
{
    int pair[2] = {-1, -1};
    if (c->kind != CHILD_MEDIA && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        log_error("child.start", LS("child", c->name), LS("why", strerror(errno)));
        c->restart_ns = clock_mono_ns() + SECOND_NS;
        return;
    }
    pid_t parent = getpid();
    int pid = fork();
    if (pid < 0) {
        log_error("child.start", LS("child", c->name), LS("why", strerror(errno)));
        if (pair[0] >= 0) close(pair[0]), close(pair[1]);
        c->restart_ns = clock_mono_ns() + SECOND_NS;
        return;
    }
    if (pid == 0) {
        enter_child(s, c, pair[1], parent);
        if (c->kind == CHILD_MEDIA) children_exec_media(s->media_fd, &s->settings.media);
        if (c->kind == CHILD_SETUP)
            _exit(script_run(&s->dir, s->settings.bundle, s->url_list, s->segment, "setup", 0, NULL));
        char without[CONTROL_TEXT];
        disabled_text(&s->disabled, without, sizeof without);
        struct process_context context = {.dir = &s->dir,
                                          .generation = s->generation,
                                          .without = without,
                                          .settings = &s->settings,
                                          .segment = s->segment,
                                          .urls = s->url_list,
                                          .control_fd = pair[1],
                                          .wake_fd = s->wake_fd,
                                          .tickets = s->tickets,
                                          .listen_fds = s->listen_fds,
                                          .listen_count = s->listen_count,
                                          .worker_count = s->settings.workers,
                                          .slot = c->slot,
                                          .first_slot = s->first_slot,
                                          .runner = c->kind == CHILD_RUNNER,
                                          .dev = s->options->dev};
        process_main(&context);
    }
    if (pair[1] >= 0) close(pair[1]);
    c->pid = pid;
    c->control_fd = pair[0];
    c->ready = c->asked = c->prepared = c->stuck = false;
    c->started_ns = clock_mono_ns();
    c->leave_ns = 0;
    if (c->kind == CHILD_WORKER || c->kind == CHILD_RUNNER) segment_slot_begin(s->segment, c->slot, c->name, pid);
    reload_on_start(s, c);
}

/* One runner at a time: its jobs are leased by nobody else. */
static bool must_wait(const struct supervisor *s, const struct child *c)
{
    switch (c->kind) {
    case CHILD_WORKER: return s->hold;
    case CHILD_RUNNER: return s->hold || children_count(s, CHILD_RUNNER, true);
    case CHILD_SETUP: return !s->announced;
    default: return false;
    }
}

void children_start_due(struct supervisor *s)
{
    uint64_t now = clock_mono_ns();
    for (size_t i = 0; i < s->child_count && !s->stopping; i++) {
        struct child *c = &s->children[i];
        if (c->pid > 0 || c->old || c->restart_ns > now || must_wait(s, c)) continue;
        start(s, c);
    }
}

/* Somebody else's KILL or TERM says nothing about what ran; everything else that was not asked for does. */
static void blame(struct supervisor *s, const struct child *c, int status)
{
    char running[SEGMENT_BLAME_LEN], how[64] = "";
    segment_slot_blame(s->segment, c->slot, running);
    segment_slot_end(s->segment, c->slot);
    int by = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (c->stuck)
        snprintf(how, sizeof how, "it stood still and was killed");
    else if (by && by != SIGKILL && by != SIGTERM)
        snprintf(how, sizeof how, "%s", strsignal(by));
    else if (!by && WEXITSTATUS(status) != EXIT_OK && c->ready)
        snprintf(how, sizeof how, "it gave up with status %d", WEXITSTATUS(status));
    if (how[0] && !s->stopping) strikes_note(s, c->name, running, how);
}

static void on_end(struct supervisor *s, struct child *c, int status)
{
    uint64_t now = clock_mono_ns();
    c->pid = -1;
    if (c->control_fd >= 0) close(c->control_fd);
    c->control_fd = -1;
    if (c->kind == CHILD_WORKER || c->kind == CHILD_RUNNER) blame(s, c, status);
    if (s->stopping) return;
    reload_on_death(s, c);
    if (c->kind == CHILD_SETUP || c->old || c->leave_ns) {
        c->restart_ns = c->kind == CHILD_SETUP || c->old ? UINT64_MAX : now;
        if (c->kind != CHILD_SETUP) log_info("child.left", LS("child", c->name), LI("status", WEXITSTATUS(status)));
        return;
    }
    c->restarts++;
    struct metrics *m = segment_metrics(s->segment);
    metric_add(metric_take(m, METRIC_COUNTER, "gifd_process_restarts_total", "process", c->name), 1);
    metrics_forget(m, "process", c->name); /* it holds no connection, task or trace any more */
    uint64_t lived = now - c->started_ns, wait = 0;
    c->failures = c->ready || lived > 10 * SECOND_NS ? 0 : c->failures + 1;
    for (unsigned i = 1; i < c->failures && wait < 5 * SECOND_NS; i++) wait = wait ? wait * 2 : SECOND_NS / 10;
    if (wait > 5 * SECOND_NS) wait = 5 * SECOND_NS;
    if (wait == 0 && lived < SECOND_NS / 10) wait = SECOND_NS / 10 - lived;
    c->restart_ns = now + wait;
    if (WIFSIGNALED(status))
        log_warn("child.died", LS("child", c->name), LS("signal", strsignal(WTERMSIG(status))),
                 LI("again_in_ms", wait / 1000000));
    else
        log_warn("child.ended", LS("child", c->name), LI("status", WEXITSTATUS(status)),
                 LI("again_in_ms", wait / 1000000));
}

void children_reap(struct supervisor *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == s->builder.pid) {
            s->builder.pid = -1;
            continue;
        }
        if (pid == s->replace.pid) {
            s->replace.pid = -1;
            replace_on_exit(s, status);
            continue;
        }
        for (size_t i = 0; i < s->child_count; i++)
            if (s->children[i].pid == pid) on_end(s, &s->children[i], status);
    }
}

static bool is_stuck(const struct supervisor *s, const struct child *c, uint64_t now, uint64_t *silent_ns)
{
    uint64_t since = segment_slot_beat(s->segment, c->slot), most = HEARTBEAT_NS;
    if (!c->ready) since = c->started_ns, most = START_NS;
    *silent_ns = since && now > since ? now - since : 0;
    return *silent_ns > most;
}

void children_watch(struct supervisor *s)
{
    uint64_t now = clock_mono_ns(), silent;
    for (size_t i = 0; i < s->child_count; i++) {
        struct child *c = &s->children[i];
        if (c->pid < 0 || (c->kind != CHILD_WORKER && c->kind != CHILD_RUNNER)) continue;
        bool late = c->leave_ns && now > c->leave_ns;
        if (!late && !is_stuck(s, c, now, &silent)) continue;
        char blame[SEGMENT_BLAME_LEN];
        segment_slot_blame(s->segment, c->slot, blame);
        if (late)
            log_warn("child.late", LS("child", c->name), LS("running", blame));
        else
            log_error("child.stuck", LS("child", c->name), LS("running", blame), LI("silent_ms", silent / 1000000));
        kill(c->pid, SIGKILL);
        c->stuck = !late;
        c->started_ns = now;
        c->leave_ns = c->leave_ns ? now + LEAVE_GRACE_NS : 0;
    }
}

void children_retire(struct child *c, uint32_t idle_ms, uint32_t total_ms)
{
    char text[32];
    snprintf(text, sizeof text, "%u %u", (unsigned)idle_ms, (unsigned)total_ms);
    control_send(c->control_fd, CONTROL_RETIRE, 0, text);
    c->leave_ns = clock_mono_ns() + (uint64_t)total_ms * 1000000 + LEAVE_GRACE_NS;
}

void children_drain(struct supervisor *s)
{
    for (size_t i = 0; i < s->child_count; i++) {
        struct child *c = &s->children[i];
        if (c->pid < 0) continue;
        if (c->kind == CHILD_WORKER || c->kind == CHILD_RUNNER)
            control_send(c->control_fd, CONTROL_DRAIN, 0, "");
        else if (c->kind == CHILD_SETUP)
            kill(c->pid, SIGKILL);
    }
}

void children_kill(struct supervisor *s)
{
    for (size_t i = 0; i < s->child_count; i++)
        if (s->children[i].pid > 0) kill(s->children[i].pid, SIGKILL);
    for (size_t i = 0; i < s->child_count; i++)
        if (s->children[i].pid > 0) waitpid(s->children[i].pid, NULL, 0), s->children[i].pid = -1;
    builder_end(&s->builder);
}

bool children_ready(const struct supervisor *s)
{
    for (size_t i = 0; i < s->child_count; i++) {
        const struct child *c = &s->children[i];
        if ((c->kind == CHILD_WORKER || c->kind == CHILD_RUNNER) && !c->old && !c->ready) return false;
    }
    return true;
}

size_t children_running(const struct supervisor *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->child_count; i++) n += s->children[i].pid > 0 && s->children[i].kind != CHILD_MEDIA;
    return n;
}
