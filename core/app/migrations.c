/* migrations.c: a generation's migrations, those of the catalogue and of each plugin's own database, all or none.
 *
 * A plugin has a database, DATA/plugins/NAME.db, when its manifest asks for "db" or "kv"; its migrations are the files
 * of its folder sql/. Everything is applied in transactions that stay open until the last one has succeeded; only a
 * death between two commits can leave some applied, and migrations only ever add, so that the next try goes on there.
 */
#include "app/app.h"
#include "base/json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DATABASES_MAX 257

struct applying {
    const struct datadir *dir;
    struct db_migration *open[DATABASES_MAX];
    size_t count;
    struct arena arena;
};

static int begin(struct applying *a, const char *path, bool guest, const struct migration *list, size_t count,
                 struct err *e)
{
    if (a->count == DATABASES_MAX) return err_set(e, GIFD_ETOOBIG, "more than %d databases", DATABASES_MAX);
    struct db_migration *g = db_migration_begin(path, guest, list, count, e);
    if (!g) return e->code;
    a->open[a->count++] = g;
    return GIFD_OK;
}

static bool wants_database(const struct json *plugin)
{
    const struct json *uses = json_get(plugin, "uses");
    for (const struct json *u = uses ? uses->child : NULL; u; u = u->next)
        if (u->type == JSON_STRING && (slice_is(u->s, "db") || slice_is(u->s, "kv"))) return true;
    return false;
}

static int begin_plugin(struct applying *a, const struct bundle *b, struct slice name, struct err *e)
{
    char path[PATH_LEN], file[160], folder[160];
    struct migration *list = NULL;
    snprintf(file, sizeof file, "plugins/%.*s.db", (int)name.n, name.p);
    snprintf(folder, sizeof folder, "plugins/%.*s/sql/", (int)name.n, name.p);
    datadir_join(a->dir, file, path);
    size_t count = bundle_migrations(b, folder, &a->arena, &list);
    int rc = list ? begin(a, path, true, list, count, e) : err_set(e, GIFD_ENOMEM, "migrations");
    return rc < 0 ? err_wrap(e, "plugin %.*s", (int)name.n, name.p) : GIFD_OK;
}

static int begin_plugins(struct applying *a, const struct bundle *b, struct err *e)
{
    struct json *settings = NULL;
    struct slice text;
    char folder[PATH_LEN];
    if (!bundle_find(b, "settings.json", &text)) return GIFD_OK;
    int rc = json_parse(&a->arena, text, NULL, &settings, e);
    const struct json *plugins = rc == GIFD_OK ? json_get(settings, "plugins") : NULL;
    for (const struct json *p = plugins ? plugins->child : NULL; p && rc == GIFD_OK; p = p->next) {
        const struct json *name = json_get(p, "name");
        if (!name || name->type != JSON_STRING || !wants_database(p)) continue;
        datadir_join(a->dir, "plugins", folder);
        if (mkdir(folder, 0700) < 0 && errno != EEXIST) return err_sys(e, errno, "%s", folder);
        rc = begin_plugin(a, b, name->s, e);
    }
    return rc;
}

int migrations_apply(const struct datadir *d, const char *bundle_path, uint32_t *applied, struct err *e)
{
    struct bundle *b = bundle_open(bundle_path, e);
    if (!b) return e->code;
    struct applying a = {.dir = d};
    struct migration *list = NULL;
    char catalogue[PATH_LEN];
    arena_init(&a.arena, 32 << 20);
    datadir_join(d, "catalogue.db", catalogue);
    size_t count = bundle_migrations(b, "lua/gifd/sql/", &a.arena, &list);
    int rc = begin(&a, catalogue, false, list, count, e);
    if (rc == GIFD_OK) rc = begin_plugins(&a, b, e);
    *applied = 0;
    while (a.count) {
        int ended = db_migration_end(a.open[--a.count], rc == GIFD_OK, rc == GIFD_OK ? e : NULL);
        if (ended < 0)
            rc = ended;
        else if (rc == GIFD_OK)
            *applied += (uint32_t)ended;
    }
    arena_free(&a.arena);
    bundle_close(b);
    return rc;
}
