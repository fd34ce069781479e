/* takeover.c: a program that replaced another goes on with what it left. See replace.c and handover.h.
 *
 *   exec
 *    |  old workers and the old runner serve on, our children as before
 *    |  ours: media process on a socket of its own, workers on the same listening sockets
 *    |- all our workers are ready: the old ones stop accepting and finish what they have begun; the old runner ends
 *    |- the old runner has ended: ours starts, and takes its jobs over (there is never more than one)
 *    |- our runner is ready: done. Old workers may go on with long requests, up to RETIRE_MS
 *    '- no old process is left that asks: the old media process is ended
 *
 * An old process that dies meanwhile is not started again. Ours that cannot start are tried again and again, and as
 * long the old ones serve; the operator may put another program in place and send USR2 once more. */
#include "app/logging.h"
#include "app/handover.h"
#include "app/systemd.h"
#include "base/clock.h"
#include "base/log.h"
#include "script/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

const char *takeover_asked(void)
{
    static char *text;
    const char *value = getenv(HANDOVER_VARIABLE);
    free(text);
    text = value ? strdup(value) : NULL;
    unsetenv(HANDOVER_VARIABLE);
    return text;
}

static int own(int fd, struct err *e)
{
    return fd >= 3 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? GIFD_OK : err_sys(e, EBADF, "handover: descriptor %d", fd);
}

static int own_all(const struct supervisor *s, struct err *e)
{
    int rc = own(s->dir.lock_fd, e);
    if (rc == GIFD_OK) rc = own(s->wake_fd, e);
    if (rc == GIFD_OK) rc = own(s->media_fd, e);
    if (rc == GIFD_OK) rc = own(s->replace.settings_fd, e);
    if (rc == GIFD_OK && s->tickets_fd >= 0) rc = own(s->tickets_fd, e);
    for (size_t i = 0; i < s->listen_count && rc == GIFD_OK; i++) rc = own(s->listen_fds[i], e);
    for (size_t i = 0; i < s->child_count && rc == GIFD_OK; i++)
        if (s->children[i].control_fd >= 0) rc = own(s->children[i].control_fd, e);
    return rc;
}

int flat_settings_save(const struct flat_settings *f, int fd, struct err *e)
{
    bool done = pwrite(fd, f, sizeof *f, 0) == (ssize_t)sizeof *f;
    return done ? GIFD_OK : err_set(e, GIFD_EIO, "the settings could not be handed over");
}

int flat_settings_restore(int fd, struct flat_settings *out, struct err *e)
{
    struct stat st;
    bool fits = fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof *out &&
                pread(fd, out, sizeof *out, 0) == (ssize_t)sizeof *out;
    return fits ? GIFD_OK : err_set(e, GIFD_EINVALID, "handover: the settings are of another program");
}

static int open_segment(struct supervisor *s, struct err *e)
{
    char path[PATH_LEN];
    datadir_join(&s->dir, "segment", path);
    s->segment = segment_open(path, false, e);
    if (!s->segment) s->segment = segment_open(path, true, e); /* of another layout: its counts are settled */
    return s->segment ? limits_open(s->segment, e) : e->code;
}

int takeover(struct supervisor *s, const char *handover, struct err *e)
{
    struct flat_settings next;
    int rc = handover_read(handover, s, e);
    if (rc == GIFD_OK) rc = own_all(s, e);
    if (rc == GIFD_OK) rc = flat_settings_restore(s->replace.settings_fd, &next, e);
    if (rc == GIFD_OK) rc = open_segment(s, e);
    if (rc == GIFD_OK) rc = supervisor_signals(s, e);
    if (rc == GIFD_OK) rc = history_read(&s->dir, &s->history, e);
    if (rc != GIFD_OK) return rc;
    close(s->replace.settings_fd);
    s->replace.settings_fd = -1;
    if (!(s->tickets = tls_tickets_open(&s->tickets_fd, e))) return e->code;
    supervisor_override(s, &next);
    struct listening listening;
    renew_open(s, &next, false, &listening, e); /* what cannot be had is told to the log: the rest serves */
    renew_listen(s, &listening);
    s->settings = next;
    s->generation = s->history.count ? s->history.entry[0].number : 1;
    disabled_load(&s->dir, &s->disabled);
    logging_begin(s);
    if (admin_open(s, e) < 0) log_error("takeover.control", LS("why", e->text));
    s->announced = s->taking_over = true;
    int range = children_free_range(s), media = s->media_fd;
    s->first_slot = (uint32_t)(range < 0 ? 0 : range) * SLOT_RANGE;
    bool own_media = datadir_socket(&s->dir, "media.sock", SOCK_SEQPACKET, &s->media_fd, e) == GIFD_OK;
    if (own_media) close(media);
    for (size_t i = 0; i < s->child_count && !own_media; i++) /* then the one that is there has to do */
        if (s->children[i].kind == CHILD_MEDIA) s->children[i].old = false, s->children[i].restart_ns = 0;
    children_plan(s);
    log_info("takeover.begin", LS("version", GIFD_VERSION), LS("live", s->settings.digest), LI("slot", s->first_slot));
    if (s->reload.wish[RELOAD_FILES].asked) reload_wish(s, RELOAD_FILES, true);
    return GIFD_OK;
}

static void end_old_media(struct supervisor *s)
{
    if (children_count(s, CHILD_WORKER, true) || children_count(s, CHILD_RUNNER, true)) return;
    for (size_t i = 0; i < s->child_count; i++) {
        struct child *c = &s->children[i];
        if (c->pid > 0 && c->old && c->kind == CHILD_MEDIA && !c->leave_ns) {
            kill(c->pid, SIGTERM);
            c->leave_ns = clock_mono_ns();
        }
    }
}

void takeover_on_time(struct supervisor *s)
{
    if (s->stopping) return;
    end_old_media(s);
    if (!s->taking_over) return;
    if (renew_workers_ready(s)) renew_retire_old(s);
    if (!children_ready(s) || children_count(s, CHILD_RUNNER, true)) return;
    s->taking_over = false;
    systemd_ready();
    log_info("replace.done", LS("version", GIFD_VERSION), LS("live", s->settings.digest),
             LI("leaving", children_count(s, CHILD_WORKER, true)));
}
