/* cli_admin.c: `gifd reload`, `gifd rollback`, `gifd status`, `gifd plugin enable`: what a running server is asked, by
 * its control socket (--data) or over HTTP (--server, --token), which gives the same answers. */
#include "app/admin.h"
#include "base/json.h"
#include "fetch/transfer.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECIDE_MS 180000 /* building, preparing, migrating and checking have deadlines of their own */
#define STATUS_MS 5000

struct asking {
    const char *command, *data, *server, *token;
    const char *plugin_dirs[PLUGIN_DIRS_MAX];
    size_t dirs;
    const char *word; /* rollback: the generation; plugin enable: the name */
    bool json, dry;
    struct buf question, answer;
};

static void text_member(struct json_writer *w, const char *key, const char *value)
{
    json_write_key(w, slice_str(key));
    json_write_string(w, slice_str(value));
}

static int write_question(struct asking *a, struct err *e)
{
    struct json_writer w;
    json_write_begin(&w, &a->question, e);
    json_write_object(&w);
    text_member(&w, "do", a->command);
    if (a->dirs) {
        json_write_key(&w, SLICE("plugins"));
        json_write_array(&w);
        for (size_t i = 0; i < a->dirs; i++) json_write_string(&w, slice_str(a->plugin_dirs[i]));
        json_write_array_end(&w);
    }
    if (a->word && !strcmp(a->command, "rollback")) {
        json_write_key(&w, SLICE("generation"));
        json_write_int(&w, atoll(a->word));
    }
    if (a->word && !strcmp(a->command, "enable")) text_member(&w, "plugin", a->word);
    json_write_object_end(&w);
    return json_write_end(&w);
}

/* The answer of the API is the control socket's, or a problem. */
static int ask_http(struct asking *a, struct err *e)
{
    char url[2048];
    long status = 0;
    bool get = !strcmp(a->command, "status");
    snprintf(url, sizeof url, "%s/api/v1/admin/%s", a->server, a->command);
    struct transfer t = {.url = url, .token = a->token, .timeout_s = DECIDE_MS / 1000};
    if (!get) t.json = buf_str(&a->question);
    int rc = transfer_ask(&t, &status, &a->answer, e);
    if (rc < 0) return rc;
    if (status == 401 || status == 403)
        return err_set(e, GIFD_EDENIED, "the server wants a token with the scope admin (--token, or GIFD_TOKEN)");
    return status < 500 || status == 503 ? GIFD_OK : err_set(e, GIFD_EINTERNAL, "the server answered %ld", status);
}

static int ask_socket(struct asking *a, struct err *e)
{
    struct datadir d = {.lock_fd = -1};
    char *real = realpath(a->data, NULL);
    if (!real) return err_set(e, GIFD_ENOTFOUND, "no server runs on %s", a->data);
    snprintf(d.path, sizeof d.path, "%s", real);
    free(real);
    int timeout_ms = strcmp(a->command, "status") ? DECIDE_MS : STATUS_MS;
    return admin_ask(&d, buf_slice(&a->question), timeout_ms, &a->answer, e);
}

/* ---- for people ---- */

static struct slice text_of(const struct json *o, const char *key)
{
    const struct json *v = json_get(o, key);
    return v && v->type == JSON_STRING ? v->s : SLICE("");
}

static long long number_of(const struct json *o, const char *key)
{
    const struct json *v = json_get(o, key);
    return v && v->type == JSON_INT ? (long long)v->i : 0;
}

#define T(s) (int)(s).n, (s).p

static void print_faults(FILE *to, const struct json *list, const char *indent)
{
    for (const struct json *f = list ? list->child : NULL; f; f = f->next) {
        struct slice file = text_of(f, "file"), message = text_of(f, "message");
        fputs(indent, to);
        if (file.n) fprintf(to, "%.*s:%lld: ", T(file), number_of(f, "line"));
        fprintf(to, "%.*s\n", T(message));
    }
}

static void print_status(const struct json *root)
{
    const struct json *live = json_get(root, "live"), *refused = json_get(root, "refused");
    printf("gifd %.*s, pid %lld, up %lld s, reload: %.*s\n", T(text_of(root, "version")), number_of(root, "pid"),
           number_of(root, "uptime"), T(text_of(root, "reload")));
    printf("generation %lld since %.*s (%.12s)\n", number_of(live, "generation"), T(text_of(live, "since")),
           text_of(live, "digest").n >= 12 ? text_of(live, "digest").p : "?");
    const struct json *list = json_get(root, "draining");
    for (const struct json *g = list ? list->child : NULL; g; g = g->next) {
        printf("draining: generation %lld in %.*s for %lld s, %lld tasks\n", number_of(g, "generation"),
               T(text_of(g, "process")), number_of(g, "seconds"), number_of(g, "tasks"));
        const struct json *holders = json_get(g, "holders");
        for (const struct json *h = holders ? holders->child : NULL; h; h = h->next)
            printf("  %.*s waits for %.*s, %lld s\n", T(text_of(h, "task")), T(text_of(h, "waits")),
                   number_of(h, "seconds"));
    }
    if (refused && refused->type == JSON_OBJECT) {
        printf("refused at %.*s:\n", T(text_of(refused, "at")));
        print_faults(stdout, json_get(refused, "faults"), "  ");
    }
    list = json_get(root, "plugins");
    for (const struct json *p = list ? list->child : NULL; p; p = p->next) {
        struct slice why = text_of(p, "disabled_reason");
        printf("plugin %.*s %.*s: %.*s%s%.*s\n", T(text_of(p, "name")), T(text_of(p, "version")),
               T(text_of(p, "state")), why.n ? ", " : "", T(why));
        if (number_of(p, "failures")) printf("  brought %lld processes down lately\n", number_of(p, "failures"));
    }
    list = json_get(root, "processes");
    for (const struct json *p = list ? list->child : NULL; p; p = p->next)
        printf("%-10.*s pid %-7lld %.*s, %lld restarts, %lld tasks\n", T(text_of(p, "name")), number_of(p, "pid"),
               T(text_of(p, "state")), number_of(p, "restarts"), number_of(p, "tasks"));
}

/* Of status: the generation that a rollback would bring back; NULL: there is none. history_find says the same. */
static const struct json *to_bring_back(const struct asking *a, const struct json *root)
{
    const struct json *previous = json_get(root, "previous"), *live = json_get(root, "live");
    long long wanted = a->word ? atoll(a->word) : 0;
    if (wanted && wanted == number_of(live, "generation")) return live;
    for (const struct json *g = previous ? previous->child : NULL; g; g = g->next)
        if (wanted ? wanted == number_of(g, "generation") : !slice_eq(text_of(g, "digest"), text_of(live, "digest")))
            return g;
    return NULL;
}

static int rehearse(const struct asking *a, const struct json *root)
{
    const struct json *back = to_bring_back(a, root);
    if (!back) {
        fprintf(stderr, a->word ? "this generation is not kept any more\n" : "no other generation has served before\n");
        return EXIT_NOT_FOUND;
    }
    fprintf(stderr, "gifd rollback: generation %lld would serve again\n", number_of(back, "generation"));
    if (a->json) printf("{\"generation\":%lld,\"dry_run\":true}\n", number_of(back, "generation"));
    return EXIT_OK;
}

static int tell(const struct asking *a, const struct json *root)
{
    if (a->dry) return rehearse(a, root);
    const struct json *faults = json_get(root, "faults");
    struct slice detail = text_of(root, "detail"), whole = buf_slice(&a->answer);
    bool status = !strcmp(a->command, "status"), good = status ? json_get(root, "live") : json_get(root, "generation");
    while (whole.n && whole.p[whole.n - 1] == '\n') whole.n--;
    if (a->json) {
        printf("%.*s\n", T(whole));
    } else if (!good) {
        print_faults(stderr, faults, "");
        if (detail.n) fprintf(stderr, "gifd %s: %.*s\n", a->command, T(detail));
    } else if (status) {
        print_status(root);
    } else {
        const struct json *changed = json_get(root, "changed"), *restart = json_get(root, "restart_needed");
        printf("generation %lld %s\n", number_of(root, "generation"),
               changed && changed->b ? "serves" : "serves on: nothing has changed");
        if (restart && restart->b)
            fprintf(stderr, "media or log.file differ: USR2 or a restart puts them into effect\n");
    }
    if (good) return EXIT_OK;
    struct slice code = text_of(root, a->server && !text_of(root, "error").n ? "code" : "error");
    return slice_is(code, "not_found") ? EXIT_NOT_FOUND : slice_is(code, "busy") ? EXIT_TRY_AGAIN : EXIT_FAILED;
}

static int ask(struct asking *a)
{
    struct err e = {0};
    struct arena arena;
    struct json *root = NULL;
    buf_init(&a->question, ADMIN_ASK_MAX);
    buf_init(&a->answer, ADMIN_ANSWER_MAX + 1);
    arena_init(&arena, 16 * ADMIN_ANSWER_MAX);
    int rc = write_question(a, &e);
    if (rc == GIFD_OK) rc = a->server ? ask_http(a, &e) : ask_socket(a, &e);
    if (rc == GIFD_OK) rc = json_parse(&arena, buf_slice(&a->answer), NULL, &root, &e);
    int code = rc == GIFD_OK ? tell(a, root) : cli_exit_of(rc);
    if (rc < 0) fprintf(stderr, "gifd %s: %s\n", a->command, e.text);
    arena_free(&arena);
    buf_free(&a->question);
    buf_free(&a->answer);
    return code;
}

int cli_admin(int argc, char **argv)
{
    static const struct option options[] = {{"data", required_argument, NULL, 'd'},
                                            {"server", required_argument, NULL, 's'},
                                            {"token", required_argument, NULL, 'k'},
                                            {"plugins", required_argument, NULL, 'p'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"dry-run", no_argument, NULL, 'n'},
                                            {0}};
    struct asking a = {.command = argv[0], .data = getenv("GIFD_DATA"), .token = getenv("GIFD_TOKEN")};
    bool plugin = !strcmp(argv[0], "plugin"), reload = !strcmp(argv[0], "reload");
    optind = 1;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'd': a.data = optarg; break;
        case 's': a.server = optarg; break;
        case 'k': a.token = optarg; break;
        case 'j': a.json = true; break;
        case 'n': a.dry = true; break;
        case 'p':
            if (!reload || a.dirs == PLUGIN_DIRS_MAX) return cli_usage(argv[0], "--plugins is for 'gifd reload'");
            if (!(a.plugin_dirs[a.dirs++] = realpath(optarg, NULL)))
                return cli_usage(argv[0], "there is no folder '%s'", optarg);
            break;
        default: return cli_usage(argv[0], "unknown or incomplete option '%s'", argv[optind - 1]);
        }
    }
    if (a.server && a.dirs) return cli_usage(argv[0], "--plugins names folders of the server's machine: use --data");
    if (plugin && optind < argc && !strcmp(argv[optind], "enable")) a.command = argv[optind++];
    if ((plugin || !strcmp(argv[0], "rollback")) && optind < argc) a.word = argv[optind++];
    if (optind < argc) return cli_usage(argv[0], "unexpected '%s'", argv[optind]);
    if (plugin && (!a.word || strcmp(a.command, "enable") != 0)) return cli_usage(argv[0], "enable which plugin?");
    if (!plugin && a.word && atoll(a.word) <= 0) return cli_usage(argv[0], "'%s' is no generation", a.word);
    if (!a.data) a.data = "data";
    if (a.dry) a.command = "status"; /* changes nothing, and tells all that there is to know */
    return ask(&a);
}
