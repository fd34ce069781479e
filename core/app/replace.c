/* replace.c: USR2 puts the program that is now at our path in our place, by exec in this process. See supervisor.h.
 *
 *   TRIAL      the new program, as our child, builds and loads a generation (trial.c)   refused: nothing has changed
 *   MIGRATING  it applies its migrations, which only add                                failed: nothing else has
 * changed CLEARING   only when it lays the segment out differently: workers, then the runner leave; connections wait in
 * the SETTLING   listening sockets; what was counted is written to rows                   failed: ours start again exec
 * the durable pointer names the new bundle; takeover.c goes on             failed: all is taken back
 *
 * Everything that can be found wrong is found before the exec: a program that cannot be started, is something else,
 * refuses the configuration or speaks another handover never gets that far. Our children stay: this process remains
 * their parent, so that their PDEATHSIG does not fire, and they serve until the new program's have begun to. */
#include "app/handover.h"
#include "app/systemd.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIAL_NS (30ull * 1000000000)
#define MIGRATE_NS (120ull * 1000000000)
#define SETTLE_NS (30ull * 1000000000)
#define CLEAR_IDLE_MS 500

static void end(struct supervisor *s)
{
    struct replacement *r = &s->replace;
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    if (r->fd >= 0) close(r->fd);
    if (r->settings_fd >= 0) close(r->settings_fd);
    *r = (struct replacement){.pid = -1, .fd = -1, .settings_fd = -1, .again = r->again};
    s->hold = false;
}

static void refuse(struct supervisor *s, const char *why)
{
    log_error("replace.refused", LS("program", s->program), LS("why", why), LS("live", s->settings.digest));
    end(s);
    systemd_ready();
}

void replace_abort(struct supervisor *s)
{
    end(s);
    s->replace.again = false;
}

/* ---- the trial ---- */

/* Our arguments, the folders of plugins that a reload added, and one more behind them for a trial. NULL without memory.
 */
static char **arguments(const struct supervisor *s, char *more)
{
    const struct serve_options *o = s->options;
    char **argv = calloc((size_t)o->argc + 2 * PLUGIN_DIRS_MAX + 4, sizeof *argv);
    if (!argv) return NULL;
    int n = 0;
    argv[n++] = (char *)s->program;
    for (int i = 0; i < o->argc; i++) argv[n++] = o->argv[i];
    for (size_t i = o->plugin_dirs_given; i < PLUGIN_DIRS_MAX && o->plugin_dirs[i]; i++)
        argv[n++] = "--plugins", argv[n++] = (char *)o->plugin_dirs[i];
    if (more) argv[n++] = "--trial";
    if (more) argv[n++] = more;
    return argv;
}

static void default_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL); /* what is ignored stays so across exec */
}

static _Noreturn void exec_trial(const struct supervisor *s, int control)
{
    char spec[48];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    default_signals();
    signal(SIGINT, SIG_IGN);
    fcntl(control, F_SETFD, 0);
    fcntl(s->replace.settings_fd, F_SETFD, 0);
    snprintf(spec, sizeof spec, "%d:%d:%d", HANDOVER_VERSION, control, s->replace.settings_fd);
    char **argv = arguments(s, spec);
    struct err e = {0};
    if (argv) execv(s->program, argv);
    err_sys(&e, errno, "it cannot be started");
    control_send(control, CONTROL_BUILT, e.code, e.text);
    _exit(127);
}

static int start_trial(struct supervisor *s, struct err *e)
{
    struct replacement *r = &s->replace;
    int pair[2];
    if (!s->program[0]) return err_set(e, GIFD_EUNSUPPORTED, "the path of this program is not known");
    if (stat(s->program, &r->program) < 0) return err_sys(e, errno, "%s", s->program);
    r->settings_fd = memfd_create("settings", MFD_CLOEXEC);
    if (r->settings_fd < 0) return err_sys(e, errno, "memory for the settings");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return err_sys(e, errno, "trial");
    int pid = fork();
    if (pid == 0) exec_trial(s, pair[1]);
    int why = errno;
    close(pair[1]);
    r->fd = pair[0];
    r->pid = pid;
    r->state = REPLACE_TRIAL;
    r->deadline_ns = clock_mono_ns() + TRIAL_NS;
    return pid < 0 ? err_sys(e, why, "trial") : GIFD_OK;
}

void replace_begin(struct supervisor *s)
{
    struct err e = {0};
    s->replace.again = false;
    if (s->reload.state != RELOAD_NONE || s->replace.state != REPLACE_NONE) {
        s->replace.again = true;
        return;
    }
    if (children_free_range(s) < 0) { /* then when the first of them have left, see replace_on_time */
        s->replace.again = true;
        log_warn("replace.waits", LI("earlier_programs_that_finish_requests", RANGES - 1));
        return;
    }
    systemd_reloading();
    if (start_trial(s, &e) < 0)
        refuse(s, e.text);
    else
        log_info("replace.trial", LS("program", s->program));
}

/* ---- exec ---- */

static bool is_as_tried(const struct supervisor *s)
{
    struct stat now;
    const struct stat *then = &s->replace.program;
    return stat(s->program, &now) == 0 && now.st_dev == then->st_dev && now.st_ino == then->st_ino &&
           now.st_size == then->st_size && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == then->st_mtim.tv_nsec;
}

static void inherit(const struct supervisor *s, bool yes)
{
    const int own[] = {s->dir.lock_fd, s->wake_fd, s->media_fd, s->tickets_fd, s->replace.settings_fd};
    int flags = yes ? 0 : FD_CLOEXEC;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) fcntl(own[i], F_SETFD, flags);
    for (size_t i = 0; i < s->listen_count; i++) fcntl(s->listen_fds[i], F_SETFD, flags);
    for (size_t i = 0; i < s->child_count; i++)
        if (s->children[i].control_fd >= 0) fcntl(s->children[i].control_fd, F_SETFD, flags);
}

/* Returns only when it failed, and then nothing has changed. */
static int exec_program(struct supervisor *s, struct err *e)
{
    struct buf text;
    struct sigaction old_pipe;
    buf_init(&text, HANDOVER_MAX);
    char **argv = arguments(s, NULL);
    int rc = argv ? handover_write(s, &text, e) : err_set(e, GIFD_ENOMEM, "arguments");
    if (rc == GIFD_OK && setenv(HANDOVER_VARIABLE, buf_str(&text), 1) < 0) rc = err_sys(e, errno, "environment");
    if (rc == GIFD_OK) {
        inherit(s, true);
        sigaction(SIGPIPE, NULL, &old_pipe);
        signal(SIGPIPE, SIG_DFL);
        sink_drain();
        execv(s->program, argv); /* the signals stay blocked: those that come now are found by the new program */
        rc = err_sys(e, errno, "exec");
        sigaction(SIGPIPE, &old_pipe, NULL);
        inherit(s, false);
        unsetenv(HANDOVER_VARIABLE);
    }
    free(argv);
    buf_free(&text);
    return rc;
}

static void go(struct supervisor *s)
{
    struct err e = {0}, back = {0};
    if (!is_as_tried(s)) {
        refuse(s, "the program was changed while it was tried");
        return;
    }
    if (history_push(&s->dir, &s->history, s->replace.bundle, history_next(&s->history), &e) == GIFD_OK) {
        history_prune(&s->dir, &s->history, NULL);
        log_info("replace.exec", LS("program", s->program));
        exec_program(s, &e);
        if (history_pop(&s->dir, &s->history, &back) < 0) log_error("replace.pointer", LS("why", back.text));
    }
    refuse(s, e.text);
}

/* ---- when the new program wants a segment of its own ---- */

static void clear(struct supervisor *s)
{
    s->hold = true;
    s->replace.state = REPLACE_CLEARING;
    for (size_t i = 0; i < s->child_count; i++) {
        struct child *c = &s->children[i];
        if (c->pid > 0 && c->kind == CHILD_WORKER) children_retire(c, CLEAR_IDLE_MS, s->settings.http.drain_ms);
    }
}

static void settle(struct supervisor *s)
{
    struct replacement *r = &s->replace;
    r->state = REPLACE_SETTLING;
    r->deadline_ns = clock_mono_ns() + SETTLE_NS;
    r->pid = fork();
    if (r->pid < 0) refuse(s, "no process to write the counts with");
    if (r->pid != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    default_signals();
    signal(SIGINT, SIG_IGN);
    fds_keep_only(&s->dir.lock_fd, 1);
    log_role_set("settle");
    _exit(script_run(&s->dir, s->settings.bundle, s->url_list, s->segment, "settle", 0, NULL));
}

static void clear_further(struct supervisor *s)
{
    if (children_count(s, CHILD_WORKER, false) || children_count(s, CHILD_WORKER, true)) return;
    bool runner = false;
    for (size_t i = 0; i < s->child_count; i++) {
        struct child *c = &s->children[i];
        if (c->pid <= 0 || c->kind != CHILD_RUNNER) continue;
        runner = true;
        if (!c->leave_ns) children_retire(c, 0, s->settings.http.drain_ms);
    }
    if (!runner) settle(s);
}

void replace_on_exit(struct supervisor *s, int status)
{
    if (s->replace.state != REPLACE_SETTLING) return; /* the trial: its socket tells */
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OK)
        go(s);
    else
        refuse(s, "what was counted could not be written to rows");
}

/* ---- news ---- */

void replace_on_trial(struct supervisor *s)
{
    struct replacement *r = &s->replace;
    struct control_message m;
    int got = control_receive(r->fd, &m);
    if (got == 0) return;
    if (got < 0) {
        refuse(s, "it ended without an answer");
    } else if (m.rc < 0) {
        refuse(s, m.text);
    } else if (r->state == REPLACE_TRIAL && m.type == CONTROL_BUILT) {
        r->other_segment = m.rc == 1;
        snprintf(r->bundle, sizeof r->bundle, "%.*s", PATH_LEN - 1, m.text);
        r->state = REPLACE_MIGRATING;
        r->deadline_ns = clock_mono_ns() + MIGRATE_NS;
        if (control_send(r->fd, CONTROL_MIGRATE, 0, "") < 0) refuse(s, "it ended before the migrations");
    } else if (r->state == REPLACE_MIGRATING && m.type == CONTROL_MIGRATED) {
        close(r->fd);
        r->fd = -1;
        if (r->other_segment)
            clear(s);
        else
            go(s);
    } else {
        refuse(s, "it does not speak as a gifd does");
    }
}

void replace_on_time(struct supervisor *s)
{
    struct replacement *r = &s->replace;
    if (r->state == REPLACE_NONE && r->again && s->reload.state == RELOAD_NONE && !s->stopping &&
        children_free_range(s) >= 0)
        replace_begin(s);
    if (r->state == REPLACE_CLEARING) clear_further(s); /* ends by the deadlines of the processes */
    if (r->state == REPLACE_NONE || r->state == REPLACE_CLEARING || clock_mono_ns() < r->deadline_ns) return;
    refuse(s, r->state == REPLACE_TRIAL       ? "it did not build and load a generation within 30 s"
              : r->state == REPLACE_MIGRATING ? "migrations took longer than 120 s"
                                              : "what was counted was not written to rows within 30 s");
}
