/* history.c: see history.h. */
#include "app/history.h"
#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)HISTORY_MAX * 256)

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_bundle(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && name[0] != '.' && !strchr(name, '/') && !strcmp(name + n - 4, ".gen");
}

int history_read(const struct datadir *d, struct history *h, struct err *e)
{
    char path[PATH_LEN], text[TEXT_MAX + 1];
    *h = (struct history){0};
    datadir_join(d, "generations/live", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? GIFD_OK : err_sys(e, errno, "%s", path);
    ssize_t n = read(fd, text, TEXT_MAX);
    close(fd);
    text[n > 0 ? n : 0] = 0;
    for (char *line = text, *end; *line && h->count < HISTORY_MAX; line = end) {
        struct history_entry entry = {.number = 0};
        end = line + strcspn(line, "\n");
        if (*end) *end++ = 0;
        int got =
            sscanf(line, "%79s %" SCNu64 " %" SCNu64 " %31s", entry.name, &entry.number, &entry.at_ms, entry.version);
        if (got < 1 || !is_bundle(entry.name)) return err_set(e, GIFD_ECORRUPT, "%s names no bundle: %s", path, line);
        h->entry[h->count++] = entry;
    }
    return h->count ? GIFD_OK : err_set(e, GIFD_ECORRUPT, "%s is empty", path);
}

/* By a temporary name, so that there always is a whole one. */
static int write_all(const struct datadir *d, const struct history *h, struct err *e)
{
    char path[PATH_LEN], draft[PATH_LEN], dir[PATH_LEN];
    datadir_join(d, "generations/live", path);
    datadir_join(d, "generations/live.new", draft);
    datadir_join(d, "generations", dir);
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return err_sys(e, errno, "%s", draft);
    int rc = GIFD_OK;
    for (size_t i = 0; i < h->count && rc == GIFD_OK; i++) {
        const struct history_entry *n = &h->entry[i];
        if (dprintf(fd, "%s %" PRIu64 " %" PRIu64 " %s\n", n->name, n->number, n->at_ms, n->version) < 0)
            rc = err_sys(e, errno, "%s", draft);
    }
    if (rc == GIFD_OK && fsync(fd) < 0) rc = err_sys(e, errno, "%s", draft);
    close(fd);
    if (rc == GIFD_OK && rename(draft, path) < 0) rc = err_sys(e, errno, "%s", path);
    int dir_fd = rc == GIFD_OK ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (rc == GIFD_OK && (dir_fd < 0 || fsync(dir_fd) < 0)) rc = err_sys(e, errno, "%s", dir);
    if (dir_fd >= 0) close(dir_fd);
    return rc;
}

uint64_t history_next(const struct history *h)
{
    return h->count ? h->entry[0].number + 1 : 1;
}

int history_push(const struct datadir *d, struct history *h, const char *bundle, uint64_t number, struct err *e)
{
    struct history next = {.count = 1};
    next.entry[0] = (struct history_entry){.number = number, .at_ms = (uint64_t)clock_wall_us() / 1000};
    snprintf(next.entry[0].name, sizeof next.entry[0].name, "%s", base_name(bundle));
    snprintf(next.entry[0].version, sizeof next.entry[0].version, "%s", GIFD_VERSION);
    for (size_t i = 0; i < h->count && next.count < HISTORY_MAX; i++) next.entry[next.count++] = h->entry[i];
    int rc = write_all(d, &next, e);
    if (rc == GIFD_OK) *h = next;
    return rc;
}

int history_pop(const struct datadir *d, struct history *h, struct err *e)
{
    struct history next = {0};
    for (size_t i = 1; i < h->count; i++) next.entry[next.count++] = h->entry[i];
    int rc = write_all(d, &next, e);
    if (rc == GIFD_OK) *h = next;
    return rc;
}

const struct history_entry *history_find(const struct history *h, uint64_t number)
{
    for (size_t i = 0; i < h->count; i++)
        if (number ? h->entry[i].number == number : strcmp(h->entry[i].name, h->entry[0].name) != 0)
            return &h->entry[i];
    return NULL;
}

void history_path(const struct datadir *d, const struct history_entry *of, char bundle[PATH_LEN])
{
    char name[sizeof of->name + 16];
    snprintf(name, sizeof name, "generations/%s", of->name);
    datadir_join(d, name, bundle);
}

void history_prune(const struct datadir *d, const struct history *h, const char *also)
{
    char dir[PATH_LEN];
    datadir_join(d, "generations", dir);
    DIR *list = opendir(dir);
    if (!list) return;
    for (struct dirent *file; (file = readdir(list));) {
        if (!is_bundle(file->d_name)) continue;
        bool wanted = also && !strcmp(base_name(also), file->d_name);
        for (size_t i = 0; i < h->count; i++) wanted = wanted || !strcmp(h->entry[i].name, file->d_name);
        if (!wanted) unlinkat(dirfd(list), file->d_name, 0);
    }
    closedir(list);
}

int history_live(const struct datadir *d, char bundle[PATH_LEN], struct err *e)
{
    struct history h;
    int rc = history_read(d, &h, e);
    if (rc == GIFD_OK && !h.count) rc = err_set(e, GIFD_ENOTFOUND, "no generation has served from %s yet", d->path);
    if (rc == GIFD_OK) history_path(d, &h.entry[0], bundle);
    return rc;
}
