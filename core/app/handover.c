/* handover.c: see handover.h. */
#include "app/handover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kinds[] = {
    [CHILD_WORKER] = "worker", [CHILD_RUNNER] = "runner", [CHILD_MEDIA] = "media", [CHILD_SETUP] = "setup"};
#define KINDS (sizeof kinds / sizeof *kinds)

int handover_write(const struct supervisor *s, struct buf *out, struct err *e)
{
    if (strchr(s->dir.path, '\n')) return err_set(e, GIFD_EINVALID, "the data directory's path has a line break");
    int rc = buf_printf(out, e, "%d\npid %d\ndata %s\nlock %d\nwake %d\nmedia %d\nsettings %d\ntickets %d\nreload %d\n",
                        HANDOVER_VERSION, (int)getpid(), s->dir.path, s->dir.lock_fd, s->wake_fd, s->media_fd,
                        s->replace.settings_fd, s->tickets_fd, s->reload.wish[RELOAD_FILES].ticket != 0);
    for (size_t i = 0; i < s->listen_count && rc == GIFD_OK; i++)
        rc = buf_printf(out, e, "listen %d %s %s\n", s->listen_fds[i], s->settings.listen[i], s->urls[i]);
    for (size_t i = 0; i < s->child_count && rc == GIFD_OK; i++) {
        const struct child *c = &s->children[i];
        if (c->pid <= 0) continue;
        rc = buf_printf(out, e, "child %s %d %d %u %d %s\n", kinds[c->kind], c->pid, c->control_fd, (unsigned)c->slot,
                        c->ready, c->name);
    }
    return rc;
}

static bool read_listen(const char *line, struct supervisor *s)
{
    size_t i = s->listen_count;
    char *address = i < LISTEN_MAX ? s->settings.listen[i] : NULL;
    if (!address || sscanf(line, "listen %d %127s %159s", &s->listen_fds[i], address, s->urls[i]) != 3) return false;
    s->settings.listen_count = (uint32_t)++s->listen_count;
    return true;
}

static bool read_child(const char *line, struct supervisor *s)
{
    if (s->child_count == CHILDREN_MAX) return false;
    struct child *c = &s->children[s->child_count];
    char kind[16];
    int ready;
    *c = (struct child){.old = true, .restart_ns = UINT64_MAX};
    if (sscanf(line, "child %15s %d %d %u %d %19s", kind, &c->pid, &c->control_fd, &c->slot, &ready, c->name) != 6)
        return false;
    c->ready = ready;
    for (size_t k = 0; k < KINDS; k++) {
        if (strcmp(kind, kinds[k]) != 0) continue;
        c->kind = (enum child_kind)k;
        s->child_count++;
        return c->pid > 1 && c->slot < SEGMENT_SLOTS;
    }
    return false;
}

static bool read_line(const char *line, struct supervisor *s)
{
    static const struct {
        const char *word;
        size_t at;
    } numbers[] = {{"lock %d", offsetof(struct supervisor, dir.lock_fd)},
                   {"wake %d", offsetof(struct supervisor, wake_fd)},
                   {"media %d", offsetof(struct supervisor, media_fd)},
                   {"settings %d", offsetof(struct supervisor, replace.settings_fd)},
                   {"tickets %d", offsetof(struct supervisor, tickets_fd)}};
    int number;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (sscanf(line, numbers[i].word, &number) != 1) continue;
        memcpy((char *)s + numbers[i].at, &number, sizeof number);
        return true;
    }
    if (!strncmp(line, "listen ", 7)) return read_listen(line, s);
    if (!strncmp(line, "child ", 6)) return read_child(line, s);
    if (!strncmp(line, "data ", 5)) return snprintf(s->dir.path, PATH_LEN, "%s", line + 5) < PATH_LEN;
    if (sscanf(line, "pid %d", &number) == 1) return number == getpid();
    if (sscanf(line, "reload %d", &number) == 1) s->reload.wish[RELOAD_FILES].asked = number != 0;
    return true;
}

int handover_read(const char *text, struct supervisor *s, struct err *e)
{
    s->dir.lock_fd = s->wake_fd = s->media_fd = s->replace.settings_fd = s->tickets_fd = -1;
    s->dir.path[0] = 0;
    char *end;
    long version = strtol(text, &end, 10);
    if (end == text || *end != '\n') return err_set(e, GIFD_EINVALID, "handover: not one");
    if (version != HANDOVER_VERSION)
        return err_set(e, GIFD_EUNSUPPORTED, "handover: of version %ld, not %d", version, HANDOVER_VERSION);
    for (const char *p = end + 1, *next; *p; p = next) {
        char line[PATH_LEN + 16];
        size_t n = strcspn(p, "\n");
        next = p + n + (p[n] == '\n');
        if (n >= sizeof line) return err_set(e, GIFD_EINVALID, "handover: a line is too long");
        memcpy(line, p, n);
        line[n] = 0;
        if (!read_line(line, s)) return err_set(e, GIFD_EINVALID, "handover: %s", line);
    }
    bool whole = s->dir.path[0] && s->dir.lock_fd >= 0 && s->wake_fd >= 0 && s->media_fd >= 0 &&
                 s->replace.settings_fd >= 0 && s->listen_count;
    return whole ? GIFD_OK : err_set(e, GIFD_EINVALID, "handover: something is missing");
}
