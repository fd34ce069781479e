/* cli_plugin.c: gifd plugin new, test, run: for authors (cli_lua.c). gifd plugin purge: what a plugin has stored
 * goes. The other words of gifd plugin ask the running server (cli_admin.c).
 *
 * Processes that have the file open notice at their next use that it is gone (core/store/shelf.h). */
#include "app/history.h"
#include "base/json.h"
#include "store/shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool name_is(const struct json *plugin, const char *name)
{
    const struct json *v = json_get(plugin, "name");
    return v && v->type == JSON_STRING && slice_is(v->s, name);
}

/* Does the generation that serves here, or served last, have the plugin? */
static bool is_live(const struct datadir *d, const char *name)
{
    char path[PATH_LEN];
    struct slice text;
    struct arena arena;
    struct json *settings = NULL;
    struct err e = {0};
    bool found = false;
    struct bundle *b = history_live(d, path, &e) == GIFD_OK ? bundle_open(path, &e) : NULL;
    arena_init(&arena, 32 << 20);
    if (b && bundle_find(b, "settings.json", &text) && json_parse(&arena, text, NULL, &settings, &e) == GIFD_OK) {
        const struct json *plugins = json_get(settings, "plugins");
        for (const struct json *p = plugins ? plugins->child : NULL; p && !found; p = p->next) found = name_is(p, name);
    }
    arena_free(&arena);
    bundle_close(b);
    return found;
}

struct purge {
    const char *name, *data;
    bool force, dry, json;
};

/* May what p->name has stored here go? -> an exit code, after saying why not */
static int may_go(const struct purge *p, struct datadir *d)
{
    struct err e = {0};
    bool runs = datadir_lock(d, &e) == GIFD_EBUSY, live = is_live(d, p->name); /* no server can start meanwhile */
    if (live && runs)
        fprintf(stderr, "gifd plugin: the running server has %s: take it out of config.lua and reload first\n",
                p->name);
    else if (live && !p->force)
        fprintf(stderr, "gifd plugin: %s served here last; --force removes what it stored all the same\n", p->name);
    return live && (runs || !p->force) ? EXIT_CONFLICT : EXIT_OK;
}

static int purge(const struct purge *p)
{
    struct datadir d;
    struct err e = {0};
    struct stat st;
    char file[SHELF_NAME_MAX + 16], path[PATH_LEN];
    if (datadir_open(&d, p->data, &e) < 0) {
        fprintf(stderr, "gifd plugin: %s\n", e.text);
        return cli_exit_of(e.code);
    }
    int code = may_go(p, &d);
    if (code != EXIT_OK) return code;
    snprintf(file, sizeof file, "plugins/%s.db", p->name);
    datadir_join(&d, file, path);
    bool there = stat(path, &st) == 0;
    int rc = p->dry ? (there ? GIFD_OK : GIFD_ENOTFOUND) : db_remove(path, &e);
    if (rc == GIFD_ENOTFOUND)
        fprintf(stderr, "gifd plugin: %s has stored nothing here\n", p->name);
    else if (rc < 0)
        fprintf(stderr, "gifd plugin: %s\n", e.text);
    else if (p->dry)
        fprintf(stderr, "gifd plugin: would remove %s, %lld bytes\n", path, (long long)st.st_size);
    if (rc == GIFD_OK && p->json)
        printf("{\"plugin\":\"%s\",\"bytes\":%lld,\"purged\":%s}\n", p->name, there ? (long long)st.st_size : 0,
               p->dry ? "false" : "true");
    return cli_exit_of(rc);
}

int cli_plugin(int argc, char **argv)
{
    struct purge p = {.data = getenv("GIFD_DATA")};
    if (argc > 1 && !strcmp(argv[1], "run")) return cli_file("plugin run", NULL, argc - 1, argv + 1);
    if (argc > 1 && !strcmp(argv[1], "new")) return cli_author("plugin new", argc - 1, argv + 1);
    if (argc > 1 && !strcmp(argv[1], "test")) return cli_author("plugin test", argc - 1, argv + 1);
    if (argc < 2 || strcmp(argv[1], "purge") != 0) return cli_admin(argc, argv);
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--force"))
            p.force = true;
        else if (!strcmp(argv[i], "--dry-run"))
            p.dry = true;
        else if (!strcmp(argv[i], "--json"))
            p.json = true;
        else if (!strcmp(argv[i], "--data"))
            p.data = argv[++i];
        else if (!strncmp(argv[i], "--data=", 7))
            p.data = argv[i] + 7;
        else
            p.name = argv[i];
    }
    if (strlen(p.name) > SHELF_NAME_MAX || strspn(p.name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(p.name))
        return cli_usage("plugin purge", "'%s' is no name of a plugin", p.name);
    if (!p.data) p.data = "data";
    return purge(&p);
}
