/* cli_plugin.c: gifd plugin run: one file as a plugin's code (cli_lua.c). gifd plugin purge: what a plugin has stored
 * goes. The other words of gifd plugin ask the running server (cli_admin.c).
 *
 * Processes that have the file open notice at their next use that it is gone (core/store/shelf.h). */
#include "app/history.h"
#include "base/json.h"
#include "store/shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int purge(const char *name, const char *data, bool force)
{
    struct datadir d;
    struct err e = {0};
    char file[SHELF_NAME_MAX + 16], path[PATH_LEN];
    if (datadir_open(&d, data, &e) < 0) {
        fprintf(stderr, "gifd plugin: %s\n", e.text);
        return cli_exit_of(e.code);
    }
    bool runs = datadir_lock(&d, &e) == GIFD_EBUSY, live = is_live(&d, name); /* no server can start meanwhile */
    if (live && runs) {
        fprintf(stderr, "gifd plugin: the running server has %s: take it out of config.lua and reload first\n", name);
        return EXIT_CONFLICT;
    }
    if (live && !force) {
        fprintf(stderr, "gifd plugin: %s served here last; --force removes what it stored all the same\n", name);
        return EXIT_CONFLICT;
    }
    snprintf(file, sizeof file, "plugins/%s.db", name);
    datadir_join(&d, file, path);
    if (db_remove(path, &e) == GIFD_OK) return EXIT_OK;
    if (e.code == GIFD_ENOTFOUND)
        fprintf(stderr, "gifd plugin: %s has stored nothing here\n", name);
    else
        fprintf(stderr, "gifd plugin: %s\n", e.text);
    return cli_exit_of(e.code);
}

int cli_plugin(int argc, char **argv)
{
    const char *data = getenv("GIFD_DATA"), *name = NULL;
    bool force = false;
    if (argc > 1 && !strcmp(argv[1], "run")) return cli_file("plugin run", NULL, argc - 1, argv + 1);
    if (argc < 2 || strcmp(argv[1], "purge") != 0) return cli_admin(argc, argv);
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "--force")) {
            force = true;
        } else if (!strcmp(argv[i], "--data")) {
            if (++i == argc) return cli_usage("plugin", "--data needs a directory");
            data = argv[i];
        } else if (!strncmp(argv[i], "--data=", 7)) {
            data = argv[i] + 7;
        } else if (name || argv[i][0] == '-') {
            return cli_usage("plugin", "unknown argument '%s'", argv[i]);
        } else {
            name = argv[i];
        }
    }
    if (!name) return cli_usage("plugin", "purge what?");
    if (strlen(name) > SHELF_NAME_MAX || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name))
        return cli_usage("plugin", "'%s' is no name of a plugin", name);
    return purge(name, data ? data : "data", force);
}
