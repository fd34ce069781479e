/* cli_script.c: commands that host Lua implements (token, login), run on a data directory, beside a server or without
 * one. */
#include "app/services.h"
#include "base/log.h"
#include "base/sink.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct services services;
    int code;
    bool ended;
};

static void on_end(void *arg, int code)
{
    struct run *r = arg;
    r->code = code;
    r->ended = true;
    loop_stop(&r->services.loop);
}

int script_run(const struct datadir *d, const char *bundle, const char *const *urls, struct segment *segment,
               const char *command, int argc, char **argv)
{
    static struct run r;
    struct err e = {0};
    r = (struct run){.code = EXIT_FAILED};
    struct services_options o = {
        .dir = d, .segment = segment, .urls = urls, .role = "command", .wake_fd = -1, .media_running = 1};
    if (services_open(&r.services, &o, &e) < 0 || services_load(&r.services, bundle, 0, "", &e) < 0 ||
        host_command(r.services.host, command, argc, argv, on_end, &r, &e) < 0) {
        fprintf(stderr, "gifd %s: %s\n", command, e.text);
        return cli_exit_of(e.code);
    }
    if (!r.ended) loop_run(&r.services.loop);
    fflush(stdout);
    services_close(&r.services);
    sink_drain(); /* whoever calls may end the process without exit */
    return r.code;
}

int script_build(const struct datadir *d, const struct serve_options *o, char bundle[PATH_LEN], struct err *e)
{
    static struct builder_report r;
    builder_make(d, o, NULL, &r);
    if (r.rc == GIFD_OK) builder_apply(d, &r);
    snprintf(bundle, PATH_LEN, "%s", r.settings.bundle);
    return r.rc < 0 ? err_set(e, r.rc, "%s", r.text) : GIFD_OK;
}

int cli_script(int argc, char **argv)
{
    const char *command = argv[0], *data = getenv("GIFD_DATA");
    char *rest[64];
    int count = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--data")) {
            if (++i == argc) return cli_usage(command, "--data needs a directory");
            data = argv[i];
        } else if (!strncmp(argv[i], "--data=", 7)) {
            data = argv[i] + 7;
        } else if (count < 63) {
            rest[count++] = argv[i];
        } else {
            return cli_usage(command, "more than 63 arguments");
        }
    }
    rest[count] = NULL;
    struct serve_options build = {.root = getenv("GIFD_ROOT")};
    struct datadir d;
    struct err e = {0};
    char bundle[PATH_LEN], urls[LISTEN_MAX][160];
    log_role_set(command);
    log_level_set(LOG_WARN);
    if (datadir_open(&d, data ? data : "data", &e) < 0 || script_build(&d, &build, bundle, &e) < 0) {
        fprintf(stderr, "gifd %s: %s\n", command, e.text);
        return cli_exit_of(e.code);
    }
    const char *list[LISTEN_MAX + 1] = {0};
    size_t n = datadir_urls(&d, urls, LISTEN_MAX);
    for (size_t i = 0; i < n; i++) list[i] = urls[i];
    return script_run(&d, bundle, list, NULL, command, count, rest);
}
