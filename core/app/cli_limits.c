/* cli_limits.c: gifd limits: host Lua's command, with the policies of the generation that is live and the counts that
 * its processes share. Works beside a running server, and after it as long as the machine runs. */
#include "app/history.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8

static int run(const struct datadir *d, int count, char **words)
{
    struct err e = {0};
    char bundle[PATH_LEN], path[PATH_LEN];
    static const char *const no_urls[] = {NULL};
    datadir_join(d, "segment", path);
    if (history_live(d, bundle, &e) < 0) {
        fprintf(stderr, "gifd limits: no server has run on %s yet\n", d->path);
        return EXIT_NOT_FOUND;
    }
    struct segment *s = segment_open(path, false, &e);
    if (!s) {
        fprintf(stderr, "gifd limits: nothing is counted on %s: %s\n", d->path, e.text);
        return cli_exit_of(e.code);
    }
    int code = script_run(d, bundle, no_urls, s, "limits", count, words);
    segment_close(s);
    return code;
}

int cli_limits(int argc, char **argv)
{
    const char *data = getenv("GIFD_DATA");
    char *words[WORDS_MAX + 1];
    int count = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--data")) {
            if (++i == argc) return cli_usage("limits", "--data needs a directory");
            data = argv[i];
        } else if (!strncmp(argv[i], "--data=", 7)) {
            data = argv[i] + 7;
        } else if (count < WORDS_MAX) {
            words[count++] = argv[i];
        } else {
            return cli_usage("limits", "more than %d arguments", WORDS_MAX);
        }
    }
    words[count] = NULL;
    struct datadir d;
    struct err e = {0};
    log_role_set("limits");
    log_level_set(LOG_WARN);
    if (datadir_open(&d, data ? data : "data", &e) < 0) {
        fprintf(stderr, "gifd limits: %s\n", e.text);
        return cli_exit_of(e.code);
    }
    return run(&d, count, words);
}
