/* cli_log.c: `gifd log`: what the processes of a running server log, changed in the memory that they share. */
#include "app/app.h"
#include "base/levels.h"
#include "base/log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MS (600ull * 1000)
#define MOST_MS (366ull * 86400 * 1000)

/* "90s", "10m", "2h", "1d"; 0: none of these. */
static uint64_t read_time(const char *text)
{
    static const char units[] = "smhd";
    static const uint64_t ms[] = {1000, 60000, 3600000, 86400000};
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    const char *unit = end != text && *end ? strchr(units, *end) : NULL;
    if (!unit || end[1] || *text == '-' || n == 0 || n > MOST_MS / ms[unit - units]) return 0;
    return n * ms[unit - units];
}

static void show(const struct levels *l, bool json)
{
    struct levels_base base;
    struct levels_view v;
    bool known = levels_base(l, &base);
    if (json) {
        printf("{\"level\":\"%s\",\"modules\":{", known ? log_level_name(base.level) : "info");
    } else {
        printf("%-24s %s\n", "everything", known ? log_level_name(base.level) : "info");
    }
    for (size_t i = 0, shown = 0; i < LEVELS_MODULES; i++) {
        if (!levels_at(l, i, &v)) continue;
        if (json)
            printf("%s\"%s\":{\"level\":\"%s\",\"seconds_left\":%llu}", shown++ ? "," : "", v.name,
                   log_level_name(v.level), (unsigned long long)(v.left_ms / 1000));
        else
            printf("%-24s %s for %llu s\n", v.name, log_level_name(v.level), (unsigned long long)(v.left_ms / 1000));
    }
    if (json) printf("}}\n");
}

static int change(struct levels *l, const char *module, const char *name, uint64_t ms)
{
    struct err e = {0};
    int level = log_level_parse(name);
    if (level < 0 && strcmp(name, "default") != 0)
        return cli_usage("log", "'%s' is none of debug, info, warn, error, critical, default", name);
    if (levels_set(l, slice_str(module), level, ms, &e) == GIFD_OK) return EXIT_OK;
    fprintf(stderr, "gifd log: %s\n", e.text);
    return e.code == GIFD_EINVALID ? EXIT_USAGE : EXIT_LIMIT;
}

int cli_log(int argc, char **argv)
{
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"for", required_argument, NULL, 'f'},
                                            {"json", no_argument, NULL, 'j'},
                                            {0}};
    const char *data = getenv("GIFD_DATA");
    uint64_t ms = DEFAULT_MS;
    bool json = false;
    optind = 2;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'd') data = optarg;
        if (c == 'j') json = true;
        if (c == 'f' && !(ms = read_time(optarg)))
            return cli_usage("log", "--for takes a time such as 30s, 10m or 2h, not '%s'", optarg);
        if (c == '?') return cli_usage("log", "unknown or incomplete option '%s'", argv[optind - 1]);
    }
    const char *module = optind < argc ? argv[optind++] : NULL, *level = optind < argc ? argv[optind++] : NULL;
    if (module && !level) return cli_usage("log", "which level is '%s' to have?", module);
    struct datadir d;
    struct err e = {0};
    char path[PATH_LEN];
    snprintf(d.path, sizeof d.path, "%s", data ? data : "data");
    datadir_join(&d, "segment", path);
    struct segment *s = segment_open(path, false, &e);
    if (!s) {
        fprintf(stderr, "gifd log: no server runs on %s\n", d.path);
        return EXIT_NOT_FOUND;
    }
    int code = module ? change(segment_levels(s), module, level, ms) : EXIT_OK;
    if (code == EXIT_OK) show(segment_levels(s), json);
    segment_close(s);
    return code;
}
