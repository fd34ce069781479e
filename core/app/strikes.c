/* strikes.c: see strikes.h. */
#include "app/strikes.h"
#include "app/supervisor.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The loaded plugin that blame names; blame may be cut (SEGMENT_BLAME_LEN). */
static const char *plugin_of(const struct supervisor *s, const char *blame)
{
    size_t n = strcspn(blame, "/");
    for (uint32_t i = 0; n && i < s->settings.plugin_count; i++) {
        const char *name = s->settings.plugins[i].name;
        if (!strncmp(name, blame, n) && (!name[n] || !blame[n])) return name;
    }
    return NULL;
}

static void add(struct strikes *k, const char *plugin, uint64_t now)
{
    size_t i = 0;
    while (i < k->count && strcmp(k->of[i].name, plugin) != 0) i++;
    if (i == PLUGINS_MAX) return;
    if (i == k->count) {
        memset(&k->of[i], 0, sizeof k->of[i]);
        snprintf(k->of[i].name, sizeof k->of[i].name, "%s", plugin);
        k->count++;
    }
    memmove(k->of[i].at_ns, k->of[i].at_ns + 1, (STRIKES - 1) * sizeof k->of[i].at_ns[0]);
    k->of[i].at_ns[STRIKES - 1] = now;
}

unsigned strikes_recent(const struct strikes *k, const char *plugin, uint64_t now_ns)
{
    unsigned n = 0;
    for (size_t i = 0; i < k->count; i++) {
        if (strcmp(k->of[i].name, plugin) != 0) continue;
        for (size_t j = 0; j < STRIKES; j++) n += k->of[i].at_ns[j] && now_ns - k->of[i].at_ns[j] < STRIKES_NS;
    }
    return n;
}

void strikes_forget(struct strikes *k, const char *plugin)
{
    size_t kept = 0;
    for (size_t i = 0; i < k->count; i++)
        if (plugin && strcmp(k->of[i].name, plugin) != 0) k->of[kept++] = k->of[i];
    k->count = kept;
}

void strikes_note(struct supervisor *s, const char *process, const char *blame, const char *how)
{
    const char *plugin = plugin_of(s, blame);
    if (!plugin) return;
    uint64_t now = clock_mono_ns();
    add(&s->strikes, plugin, now);
    unsigned n = strikes_recent(&s->strikes, plugin, now);
    log_error("plugin.strike", LS("plugin", plugin), LS("running", blame), LS("child", process), LS("how", how),
              LI("strike", n));
    if (n < STRIKES || disabled_reason(&s->disabled, plugin) || s->disabled.count == DISABLED_MAX) return;
    size_t i = s->disabled.count++;
    snprintf(s->disabled.plugin[i].name, sizeof s->disabled.plugin[i].name, "%s", plugin);
    snprintf(s->disabled.plugin[i].reason, sizeof s->disabled.plugin[i].reason,
             "%u processes went down within ten minutes while it ran, the last (%s) in %.63s: %s", n, process, blame,
             how);
    log_error("plugin.disabled", LS("plugin", plugin), LS("why", s->disabled.plugin[i].reason));
    disabled_save(&s->dir, &s->disabled);
    reload_wish(s, RELOAD_SAME, false);
}

/* ---- what is switched off ---- */

const char *disabled_reason(const struct disabled *d, const char *plugin)
{
    for (size_t i = 0; i < d->count; i++)
        if (!strcmp(d->plugin[i].name, plugin)) return d->plugin[i].reason;
    return NULL;
}

bool disabled_remove(struct disabled *d, const char *plugin)
{
    size_t kept = 0, had = d->count;
    for (size_t i = 0; i < had; i++)
        if (strcmp(d->plugin[i].name, plugin) != 0) d->plugin[kept++] = d->plugin[i];
    d->count = kept;
    return kept < had;
}

size_t disabled_text(const struct disabled *d, char *out, size_t cap)
{
    size_t n = 0;
    out[0] = 0;
    for (size_t i = 0; i < d->count && n + PLUGIN_NAME_LEN + 1 < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, "%s\n", d->plugin[i].name);
    return n;
}

void disabled_load(const struct datadir *dir, struct disabled *d)
{
    char path[PATH_LEN], line[PLUGIN_NAME_LEN + sizeof d->plugin[0].reason + 2];
    *d = (struct disabled){0};
    datadir_join(dir, "generations/disabled", path);
    FILE *f = fopen(path, "re");
    while (f && d->count < DISABLED_MAX && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        size_t n = strcspn(line, " ");
        if (n == 0 || n >= PLUGIN_NAME_LEN || !line[n]) continue;
        snprintf(d->plugin[d->count].name, PLUGIN_NAME_LEN, "%.*s", (int)n, line);
        snprintf(d->plugin[d->count].reason, sizeof d->plugin[0].reason, "%s", line + n + 1);
        d->count++;
    }
    if (f) fclose(f);
}

void disabled_save(const struct datadir *dir, const struct disabled *d)
{
    char path[PATH_LEN], draft[PATH_LEN];
    datadir_join(dir, "generations/disabled", path);
    datadir_join(dir, "generations/disabled.new", draft);
    if (!d->count) {
        if (unlink(path) < 0 && errno != ENOENT) log_error("plugin.disabled_file", LS("why", strerror(errno)));
        return;
    }
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0;
    for (size_t i = 0; i < d->count && ok; i++) ok = dprintf(fd, "%s %s\n", d->plugin[i].name, d->plugin[i].reason) > 0;
    ok = ok && fsync(fd) == 0 && rename(draft, path) == 0;
    if (!ok) log_error("plugin.disabled_file", LS("why", strerror(errno)));
    if (fd >= 0) close(fd);
}
