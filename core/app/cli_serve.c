/* cli_serve.c: `gifd serve`. */
#include "app/app.h"
#include "base/log.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPT_CONFIG = 256,
    OPT_DATA,
    OPT_LISTEN,
    OPT_TLS_LISTEN,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_WORKERS,
    OPT_PLUGINS,
    OPT_ROOT,
    OPT_DEV,
    OPT_TRIAL
};

static const struct option options[] = {
    {"config", required_argument, NULL, OPT_CONFIG},
    {"data", required_argument, NULL, OPT_DATA},
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"tls-listen", required_argument, NULL, OPT_TLS_LISTEN},
    {"tls-cert", required_argument, NULL, OPT_TLS_CERT},
    {"tls-key", required_argument, NULL, OPT_TLS_KEY},
    {"workers", required_argument, NULL, OPT_WORKERS},
    {"plugins", required_argument, NULL, OPT_PLUGINS},
    {"root", required_argument, NULL, OPT_ROOT},
    {"dev", no_argument, NULL, OPT_DEV},
    {"trial", required_argument, NULL, OPT_TRIAL}, /* by a running server only, see trial.c */
    {0},
};

struct parsed {
    struct serve_options serve;
    size_t listens, tls_listens, dirs;
};

/* --tls-listen ADDR:PORT, then --tls-cert FILE --tls-key FILE once or more; then perhaps another address. */
static int take_tls(struct parsed *p, int c, const char *self)
{
    struct serve_options *o = &p->serve;
    if (c == OPT_TLS_LISTEN) {
        if (p->tls_listens == LISTEN_MAX) return cli_usage(self, "more than %d addresses", LISTEN_MAX);
        o->tls_listen[p->tls_listens++] = optarg;
        return EXIT_OK;
    }
    const char *option = c == OPT_TLS_CERT ? "--tls-cert" : "--tls-key";
    if (!p->tls_listens) return cli_usage(self, "%s comes after the --tls-listen that it is for", option);
    size_t last = o->pair_count - 1, of = p->tls_listens - 1;
    bool open = o->pair_count && o->pairs[last].listen == of && !(o->pairs[last].cert && o->pairs[last].key);
    if (!open) {
        if (o->pair_count == PAIRS_MAX) return cli_usage(self, "more than %d certificates", PAIRS_MAX);
        last = o->pair_count++;
        o->pairs[last].listen = of;
    }
    const char **to = c == OPT_TLS_CERT ? &o->pairs[last].cert : &o->pairs[last].key;
    if (*to) return cli_usage(self, "%s twice: a certificate and its key belong together", option);
    *to = optarg;
    return EXIT_OK;
}

static int tls_is_whole(const struct parsed *p, const char *self)
{
    size_t served = 0;
    for (size_t i = 0; i < p->serve.pair_count; i++) {
        if (!p->serve.pairs[i].cert || !p->serve.pairs[i].key)
            return cli_usage(self, "--tls-cert FILE and --tls-key FILE belong together");
        served += i == 0 || p->serve.pairs[i].listen != p->serve.pairs[i - 1].listen;
    }
    if (served != p->tls_listens) return cli_usage(self, "--tls-listen wants --tls-cert FILE and --tls-key FILE");
    if (p->listens + p->tls_listens > LISTEN_MAX) return cli_usage(self, "more than %d addresses", LISTEN_MAX);
    return EXIT_OK;
}

static int parse(int argc, char **argv, struct parsed *p)
{
    *p = (struct parsed){0};
    optind = 1;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        char *end;
        switch (c) {
        case OPT_CONFIG: p->serve.config = optarg; break;
        case OPT_DATA: p->serve.data = optarg; break;
        case OPT_ROOT: p->serve.root = optarg; break;
        case OPT_DEV: p->serve.dev = true; break;
        case OPT_TRIAL: p->serve.trial = optarg; break;
        case OPT_LISTEN:
            if (p->listens == LISTEN_MAX) return cli_usage(argv[0], "more than %d addresses", LISTEN_MAX);
            p->serve.listen[p->listens++] = optarg;
            break;
        case OPT_TLS_LISTEN:
        case OPT_TLS_CERT:
        case OPT_TLS_KEY: {
            int code = take_tls(p, c, argv[0]);
            if (code != EXIT_OK) return code;
            break;
        }
        case OPT_PLUGINS:
            if (p->dirs == PLUGIN_DIRS_MAX) return cli_usage(argv[0], "more than %d plugin folders", PLUGIN_DIRS_MAX);
            p->serve.plugin_dirs[p->dirs++] = optarg;
            break;
        case OPT_WORKERS: {
            long n = strtol(optarg, &end, 10);
            if (*end || n < 1 || n > WORKERS_MAX)
                return cli_usage(argv[0], "--workers takes a number from 1 to %d, not '%s'", WORKERS_MAX, optarg);
            p->serve.workers = (uint32_t)n;
            break;
        }
        default: return cli_usage(argv[0], "unknown or incomplete option '%s'", argv[optind - 1]);
        }
    }
    if (optind < argc) return cli_usage(argv[0], "unexpected '%s'", argv[optind]);
    return tls_is_whole(p, argv[0]);
}

int cli_serve(int argc, char **argv)
{
    struct parsed p;
    int code = parse(argc, argv, &p);
    if (code != EXIT_OK) return code;
    if (!p.serve.data) p.serve.data = getenv("GIFD_DATA");
    if (!p.serve.data) p.serve.data = "data";
    p.serve.plugin_dirs_given = p.dirs;
    p.serve.argc = argc;
    p.serve.argv = argv;
    const char *plain = getenv("NO_COLOR");
    if (p.serve.dev) log_form_set(LOG_PRETTY, isatty(STDERR_FILENO) && !(plain && *plain));
    return p.serve.trial ? trial_run(&p.serve) : supervisor_run(&p.serve);
}
