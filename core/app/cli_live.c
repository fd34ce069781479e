/* cli_live.c: commands that host Lua implements (limits, plugins) on the generation that is live, with the counts that
 * its processes share. They work beside a running server, and after it as long as the machine runs. */
#include "app/history.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 24

static int run(const char *command, const struct datadir *d, int count, char **words)
{
    struct err e = {0};
    char bundle[PATH_LEN], path[PATH_LEN];
    static const char *const no_urls[] = {NULL};
    datadir_join(d, "segment", path);
    if (history_live(d, bundle, &e) < 0) {
        fprintf(stderr, "gifd %s: no server has run on %s yet\n", command, d->path);
        return EXIT_NOT_FOUND;
    }
    struct segment *s = segment_open(path, false, &e);
    if (!s) {
        fprintf(stderr, "gifd %s: nothing is counted on %s: %s\n", command, d->path, e.text);
        return cli_exit_of(e.code);
    }
    int code = script_run(d, bundle, no_urls, s, command, count, words);
    segment_close(s);
    return code;
}

int cli_live(int argc, char **argv)
{
    const char *command = argv[0], *data = getenv("GIFD_DATA");
    char *words[WORDS_MAX + 1];
    int count = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--data")) {
            if (++i == argc) return cli_usage(command, "--data needs a directory");
            data = argv[i];
        } else if (!strncmp(argv[i], "--data=", 7)) {
            data = argv[i] + 7;
        } else if (count < WORDS_MAX) {
            words[count++] = argv[i];
        } else {
            return cli_usage(command, "more than %d arguments", WORDS_MAX);
        }
    }
    words[count] = NULL;
    struct datadir d;
    struct err e = {0};
    log_role_set(command);
    log_level_set(LOG_WARN);
    if (datadir_open(&d, data ? data : "data", &e) < 0) {
        fprintf(stderr, "gifd %s: %s\n", command, e.text);
        return cli_exit_of(e.code);
    }
    return run(command, &d, count, words);
}
