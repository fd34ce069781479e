/* watch.c: see watch.h. */
#include "app/watch.h"
#include "app/supervisor.h"
#include "base/clock.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8
#define MASK (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_ONLYDIR)

static int add(struct supervisor *s, const char *dir)
{
    struct watch *w = &s->watch;
    if (w->count == WATCH_MAX) return -1;
    int wd = inotify_add_watch(w->fd, dir, MASK);
    if (wd < 0 && errno != ENOENT && errno != ENOTDIR)
        log_warn("watch.failed", LS("folder", dir), LS("why", strerror(errno)));
    w->count += wd >= 0;
    return wd;
}

static void add_tree(struct supervisor *s, const char *dir, int depth)
{
    char path[PATH_LEN];
    struct stat st;
    DIR *list = add(s, dir) >= 0 && depth < DEPTH_MAX ? opendir(dir) : NULL;
    if (!list) return;
    for (struct dirent *entry; (entry = readdir(list));) {
        if (entry->d_name[0] == '.' || snprintf(path, sizeof path, "%s/%s", dir, entry->d_name) >= PATH_LEN) continue;
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) add_tree(s, path, depth + 1);
    }
    closedir(list);
}

static const char *config_name(const struct supervisor *s)
{
    const char *config = s->options->config, *slash = config ? strrchr(config, '/') : NULL;
    return slash ? slash + 1 : config;
}

static void add_config(struct supervisor *s)
{
    char dir[PATH_LEN];
    const char *config = s->options->config;
    s->watch.config = -1;
    if (!config) return;
    int n = (int)(config_name(s) - config);
    snprintf(dir, sizeof dir, "%.*s", n ? n : 1, n ? config : ".");
    s->watch.config = add(s, dir);
}

static bool counts(const struct supervisor *s, const struct inotify_event *e, int config)
{
    const char *name = e->len ? e->name : "";
    size_t n = strlen(name);
    if (e->mask & IN_Q_OVERFLOW) return true;
    if (e->mask & IN_IGNORED) return false;
    if (e->wd == config && !strcmp(name, config_name(s))) return true;
    if (e->wd == config) return false;
    return !n || (name[0] != '.' && name[n - 1] != '~');
}

/* From a descriptor of inotify, whose watch of config.lua's folder is `config`. */
static void read_events(struct supervisor *s, int fd, int config)
{
    _Alignas(struct inotify_event) char bytes[8192];
    struct watch *w = &s->watch;
    uint64_t now = clock_mono_ns();
    for (ssize_t n; fd >= 0 && (n = read(fd, bytes, sizeof bytes)) > 0;) {
        for (const char *p = bytes; p < bytes + n;) {
            const struct inotify_event *e = (const void *)p;
            p += sizeof *e + e->len;
            if (!counts(s, e, config)) continue;
            if (!w->first_ns) w->first_ns = now;
            w->due_ns = now + WATCH_QUIET_MS * 1000000ull;
        }
    }
    uint64_t most = w->first_ns + WATCH_MOST_MS * 1000000ull;
    if (w->first_ns && w->due_ns > most) w->due_ns = most;
}

void watch_on_events(struct supervisor *s)
{
    read_events(s, s->watch.fd, s->watch.config);
}

static void stop(struct watch *w)
{
    if (w->fd >= 0) close(w->fd);
    *w = (struct watch){.fd = -1, .config = -1};
}

/* The new watches are there before the old ones are read for the last time, so that no change falls in between. */
static void begin(struct supervisor *s)
{
    char dir[PATH_LEN];
    const struct serve_options *o = s->options;
    struct watch old = s->watch;
    s->watch.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    s->watch.generation = s->generation;
    s->watch.count = 0;
    if (s->watch.fd < 0) {
        log_warn("watch.failed", LS("why", strerror(errno)));
        s->watch = old;
        return;
    }
    static const char *const own[] = {"lua", "plugins"};
    for (size_t i = 0; o->root && i < sizeof own / sizeof *own; i++)
        if (snprintf(dir, sizeof dir, "%s/%s", o->root, own[i]) < PATH_LEN) add_tree(s, dir, 0);
    for (size_t i = 0; o->plugin_dirs[i]; i++) add_tree(s, o->plugin_dirs[i], 0);
    for (uint32_t i = 0; i < s->settings.plugin_dir_count; i++) add_tree(s, s->settings.plugin_dirs[i], 0);
    add_config(s);
    read_events(s, old.fd, old.config);
    if (old.fd >= 0) close(old.fd);
}

void watch_on_time(struct supervisor *s)
{
    struct watch *w = &s->watch;
    if (s->stopping || (!s->options->dev && !s->settings.reload_auto)) {
        stop(w);
        return;
    }
    bool changed = w->due_ns && clock_mono_ns() >= w->due_ns;
    if (w->fd < 0 || changed || w->generation != s->generation) begin(s);
    if (!changed) return;
    w->first_ns = w->due_ns = 0; /* what was seen until now is read by the build that begins now */
    reload_wish(s, RELOAD_FILES, false);
}

int watch_timeout(const struct supervisor *s, int most_ms)
{
    uint64_t due = s->watch.due_ns, now = clock_mono_ns();
    if (!due || due > now + (uint64_t)most_ms * 1000000) return most_ms;
    return due <= now ? 0 : (int)((due - now) / 1000000) + 1;
}
