/* sources.c: see sources.h. */
#include "script/sources.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_LEN 1024
#define AGAIN_MAX 10 /* readings of a file that changes under our eyes */
#define AGAIN_MS 20

static bool differs(const struct stat *a, const struct stat *b)
{
    return a->st_ino != b->st_ino || a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
           a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

static int slurp(struct arena *a, const char *file, size_t max, struct slice *out, struct stat *seen, struct err *e)
{
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return err_sys(e, errno, "%s", file);
    int rc = fstat(fd, &st) < 0 ? err_sys(e, errno, "%s", file) : GIFD_OK;
    if (rc == GIFD_OK && !S_ISREG(st.st_mode)) rc = err_set(e, GIFD_EINVALID, "%s is no file", file);
    if (rc == GIFD_OK && (size_t)st.st_size > max)
        rc = err_set(e, GIFD_ETOOBIG, "%s is longer than %zu bytes", file, max);
    char *text = rc == GIFD_OK ? arena_alloc(a, (size_t)st.st_size + 1) : NULL;
    if (rc == GIFD_OK && !text) rc = err_set(e, GIFD_ENOMEM, "%s", file);
    size_t n = 0;
    while (rc == GIFD_OK && n < (size_t)st.st_size) {
        ssize_t k = read(fd, text + n, (size_t)st.st_size - n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) rc = err_sys(e, errno, "%s", file);
        if (k <= 0) break;
        n += (size_t)k;
    }
    close(fd);
    if (rc < 0) return rc;
    text[n] = 0;
    *out = slice_of(text, n);
    *seen = st;
    return GIFD_OK;
}

static int slurp_whole(struct arena *a, const char *file, size_t max, struct slice *out, struct stat *seen,
                       struct err *e)
{
    struct stat now;
    int rc = slurp(a, file, max, out, seen, e);
    for (int again = 0; rc == GIFD_OK && again < AGAIN_MAX; again++) {
        if (stat(file, &now) == 0 && !differs(&now, seen)) return GIFD_OK;
        usleep(AGAIN_MS * 1000);
        rc = slurp(a, file, max, out, seen, e);
    }
    return rc < 0 ? rc : err_set(e, GIFD_EBUSY, "changes all the time while it is read; try again when it is whole");
}

int sources_slurp(struct arena *a, const char *file, size_t max, struct slice *out, struct err *e)
{
    struct stat seen;
    return slurp_whole(a, file, max, out, &seen, e);
}

const char *sources_moved(const struct sources *s)
{
    struct stat now;
    for (size_t i = 0; i < s->count; i++) {
        const struct source *f = &s->list[i];
        if (f->seen.st_ino && (stat(f->origin, &now) < 0 || differs(&now, &f->seen))) return f->origin;
    }
    return NULL;
}

static int add(struct sources *s, const char *path, const char *origin, struct slice text, unsigned layer,
               struct err *e)
{
    if (s->count == SOURCES_MAX) return err_set(e, GIFD_ETOOBIG, "more than %d source files", SOURCES_MAX);
    const char *own = arena_strndup(s->arena, path, strlen(path));
    const char *from = arena_strndup(s->arena, origin, strlen(origin));
    if (!own || !from) return err_set(e, GIFD_ENOMEM, "source files");
    s->list[s->count++] = (struct source){own, from, text, layer, {0}};
    return GIFD_OK;
}

static int pass_over(struct sources *s, const char *path, const char *origin, struct err *e)
{
    if (s->link_count == SOURCE_LINKS_MAX) return GIFD_OK;
    const char *own = arena_strndup(s->arena, path, strlen(path));
    const char *from = arena_strndup(s->arena, origin, strlen(origin));
    if (!own || !from) return err_set(e, GIFD_ENOMEM, "source files");
    s->links[s->link_count++] = (struct source){.path = own, .origin = from};
    return GIFD_OK;
}

/* Everything under dir; bundle names start with prefix. A missing dir is empty. */
static int walk(struct sources *s, const char *dir, const char *prefix, unsigned layer, int depth, struct err *e)
{
    char file[NAME_LEN], path[NAME_LEN];
    struct stat st;
    int rc = GIFD_OK;
    DIR *d = opendir(dir);
    if (!d) return errno == ENOENT && layer == 0 ? GIFD_OK : err_sys(e, errno, "%s", dir);
    for (struct dirent *entry; rc == GIFD_OK && (entry = readdir(d));) {
        if (entry->d_name[0] == '.') continue;
        if ((size_t)snprintf(file, sizeof file, "%s/%s", dir, entry->d_name) >= sizeof file ||
            (size_t)snprintf(path, sizeof path, "%s/%s", prefix, entry->d_name) >= sizeof path)
            rc = err_set(e, GIFD_ETOOBIG, "%s: a name is too long", dir);
        else if (lstat(file, &st) < 0)
            rc = err_sys(e, errno, "%s", file);
        else if (S_ISDIR(st.st_mode) && depth < SOURCE_DEPTH_MAX)
            rc = walk(s, file, path, layer, depth + 1, e);
        else if (S_ISREG(st.st_mode))
            rc = add(s, path, file, slice_of(NULL, 0), layer, e);
        else if (S_ISLNK(st.st_mode))
            rc = pass_over(s, path, file, e);
    }
    closedir(d);
    return rc;
}

/* Length of "plugins/NAME/" in path, 0 when it is not in a plugin. */
static size_t plugin_prefix(const char *path)
{
    if (strncmp(path, "plugins/", 8) != 0) return 0;
    const char *end = strchr(path + 8, '/');
    return end ? (size_t)(end - path) + 1 : 0;
}

/* A plugin of the newest layer replaces the one of the same name in the layers below. */
static void shadow(struct sources *s, unsigned layer)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        size_t n = s->list[i].layer < layer ? plugin_prefix(s->list[i].path) : 0;
        bool hidden = false;
        for (size_t k = i + 1; n && !hidden && k < s->count; k++)
            hidden = s->list[k].layer == layer && strncmp(s->list[k].path, s->list[i].path, n) == 0;
        if (hidden && strcmp(s->list[i].path + n, "plugin.lua") == 0)
            log_info("plugin.shadowed", LS("file", s->list[i].origin));
        if (!hidden) s->list[kept++] = s->list[i];
    }
    s->count = kept;
}

static int by_path(const void *a, const void *b)
{
    const struct source *x = a, *y = b;
    return strcmp(x->path, y->path);
}

int sources_add(struct sources *s, const char *dir, struct err *e)
{
    int rc = walk(s, dir, "plugins", ++s->layers, 0, e);
    shadow(s, s->layers);
    qsort(s->list, s->count, sizeof *s->list, by_path);
    return rc;
}

int sources_collect(struct sources *s, struct arena *arena, const struct build_options *o, struct err *e)
{
    char dir[NAME_LEN];
    int rc = GIFD_OK;
    *s = (struct sources){.arena = arena,
                          .list = arena_alloc(arena, SOURCES_MAX * sizeof *s->list),
                          .links = arena_alloc(arena, SOURCE_LINKS_MAX * sizeof *s->links)};
    if (!s->list || !s->links) return err_set(e, GIFD_ENOMEM, "source files");
    if (o->root) {
        snprintf(dir, sizeof dir, "%s/lua", o->root);
        rc = walk(s, dir, "lua", 0, 0, e);
        snprintf(dir, sizeof dir, "%s/plugins", o->root);
        if (rc == GIFD_OK) rc = walk(s, dir, "plugins", 0, 0, e);
    } else {
        for (const struct embedded_file *f = o->embedded; rc == GIFD_OK && f && f->path; f++)
            rc = add(s, f->path, f->path, slice_of((const char *)f->bytes, f->n), 0, e);
    }
    for (unsigned i = 0; rc == GIFD_OK && o->plugin_dirs && o->plugin_dirs[i]; i++)
        rc = sources_add(s, o->plugin_dirs[i], e);
    qsort(s->list, s->count, sizeof *s->list, by_path);
    return rc;
}

struct source *sources_find(const struct sources *s, const char *path)
{
    struct source key = {.path = path};
    return bsearch(&key, s->list, s->count, sizeof *s->list, by_path);
}

int sources_read(struct sources *s, struct source *f, struct err *e)
{
    if (f->text.p) return GIFD_OK;
    return slurp_whole(s->arena, f->origin, SOURCE_BYTES_MAX, &f->text, &f->seen, e);
}
