/* cli_up.c: `gifd up`: files to links. stdout is data, stderr is talk.
 *
 * On a terminal a bar tells of what was sent, then that the server looks at it; of one file alone, also how much of
 * what the server makes of it is done, once its link is printed. */
#include "app/app.h"
#include "base/json.h"
#include "fetch/transfer.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX (1 << 20)
#define UPLOAD_TIMEOUT_S 3600
#define ASK_TIMEOUT_S 5
#define FOLLOW_MOST 240 /* looks at what is being made */
#define FOLLOW_US 250000

struct upload {
    const char *server, *token;
    struct transfer_field fields[8];
    size_t field_count;
    bool json, terminal, alone;
    const char *file;
};

static void draw(const struct upload *u, unsigned percent, const char *what)
{
    char bar[31];
    size_t full = percent * 30 / 100;
    memset(bar, '.', 30);
    memset(bar, '#', full > 30 ? 30 : full);
    bar[30] = 0;
    fprintf(stderr, "\r%-30.30s [%s] %3u %% %-9.9s", u->file, bar, percent, what);
}

static void on_progress(void *to, uint64_t sent, uint64_t total)
{
    draw(to, (unsigned)(sent * 100 / total), sent < total ? "sent" : "looked at");
}

static void clear_progress(const struct upload *u)
{
    if (u->terminal) fprintf(stderr, "\r%*s\r", 79, "");
}

static struct slice text_of(const struct json *o, const char *key)
{
    const struct json *v = o ? json_get(o, key) : NULL;
    return v && v->type == JSON_STRING ? v->s : SLICE("");
}

static int exit_of_status(long status)
{
    switch (status) {
    case 401:
    case 403: return EXIT_DENIED;
    case 404: return EXIT_NOT_FOUND;
    case 409: return EXIT_CONFLICT;
    case 413:
    case 429: return EXIT_LIMIT;
    case 503:
    case 507: return EXIT_TRY_AGAIN;
    default: return EXIT_FAILED;
    }
}

static int told(const struct upload *u, long status, const struct json *root)
{
    struct slice title = text_of(root, "title"), detail = text_of(root, "detail"), id = text_of(root, "request_id");
    fprintf(stderr, "%s: %ld %.*s: %.*s", u->file, status, (int)title.n, title.p, (int)detail.n, detail.p);
    if (id.n) fprintf(stderr, " (request %.*s)", (int)id.n, id.p);
    fputc('\n', stderr);
    if (status == 401)
        fprintf(stderr,
                "make a token: gifd token create --data DIR --scopes admin; then set GIFD_TOKEN or pass --token\n");
    return exit_of_status(status);
}

static void celebrate(const struct upload *u, const struct json *root, struct slice whole)
{
    const struct json *share = json_get(root, "share");
    struct slice url = text_of(share, "short_url"), state = text_of(share, "state");
    struct slice asset_state = text_of(json_get(root, "asset"), "state");
    if (u->json) {
        printf("%.*s\n", (int)whole.n, whole.p);
        return;
    }
    printf("%.*s\n", (int)url.n, url.p);
    if (!slice_is(state, "live") || slice_is(asset_state, "flagged") || slice_is(asset_state, "rejected"))
        fprintf(stderr, "%s: not public yet: the link is %.*s, its pixels are %.*s\n", u->file, (int)state.n, state.p,
                (int)asset_state.n, asset_state.p);
}

/* How much of what is made of it is done: false while that goes on. */
static bool is_made(const struct upload *u, const char *url, unsigned *percent)
{
    struct transfer t = {.url = url, .token = u->token, .timeout_s = ASK_TIMEOUT_S};
    struct err e = {0};
    struct buf body;
    struct arena arena;
    struct json *root = NULL;
    long status = 0;
    buf_init(&body, ANSWER_MAX);
    arena_init(&arena, 8 * ANSWER_MAX);
    int rc = transfer_ask(&t, &status, &body, &e);
    if (rc == GIFD_OK) rc = json_parse(&arena, buf_slice(&body), NULL, &root, &e);
    const struct json *progress = rc == GIFD_OK && status == 200 ? json_get(root, "progress") : NULL;
    bool going_on = progress && progress->type == JSON_INT && progress->i >= 0 && progress->i <= 100;
    if (going_on) *percent = (unsigned)progress->i;
    arena_free(&arena);
    buf_free(&body);
    return !going_on;
}

static void follow(const struct upload *u, const struct json *root)
{
    struct slice id = text_of(json_get(root, "asset"), "id");
    char url[2048];
    unsigned percent = 0;
    fflush(stdout);
    snprintf(url, sizeof url, "%s/api/v1/assets/%.*s", u->server, (int)(id.n < 64 ? id.n : 64), id.p);
    for (int i = 0; i < FOLLOW_MOST && !is_made(u, url, &percent); i++) {
        draw(u, percent, "made");
        usleep(FOLLOW_US);
    }
    clear_progress(u);
}

static int upload_one(const struct upload *u)
{
    struct err e = {0};
    struct buf body;
    struct arena arena;
    struct json *root = NULL;
    long status = 0;
    char url[2048];
    int code = EXIT_OK;
    buf_init(&body, ANSWER_MAX);
    arena_init(&arena, 8 * ANSWER_MAX);
    snprintf(url, sizeof url, "%s/api/v1/assets", u->server);
    struct transfer t = {.url = url,
                         .token = u->token,
                         .fields = u->fields,
                         .file_field = "file",
                         .file_path = u->file,
                         .progress = u->terminal ? on_progress : NULL,
                         .to = (void *)u,
                         .timeout_s = UPLOAD_TIMEOUT_S};
    int rc = transfer_post(&t, &status, &body, &e);
    clear_progress(u);
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", u->file, e.text);
        if (rc == GIFD_EREFUSED)
            fprintf(stderr, "is the server running there? start one: gifd serve, or name it: --server URL\n");
        code = cli_exit_of(rc);
    } else if (json_parse(&arena, buf_slice(&body), NULL, &root, &e) < 0) {
        fprintf(stderr, "%s: %s answered %ld with something that is not JSON (%s)\n", u->file, u->server, status,
                e.text);
        code = EXIT_FAILED;
    } else if (status >= 200 && status < 300) {
        celebrate(u, root, buf_slice(&body));
        if (u->terminal && u->alone && !u->json) follow(u, root);
    } else {
        code = told(u, status, root);
    }
    arena_free(&arena);
    buf_free(&body);
    return code;
}

int cli_up(int argc, char **argv)
{
    static const struct option options[] = {{"title", required_argument, NULL, 't'},
                                            {"tags", required_argument, NULL, 'g'},
                                            {"description", required_argument, NULL, 'd'},
                                            {"visibility", required_argument, NULL, 'v'},
                                            {"server", required_argument, NULL, 's'},
                                            {"token", required_argument, NULL, 'k'},
                                            {"json", no_argument, NULL, 'j'},
                                            {0}};
    static const char *const field_names[] = {
        ['t'] = "title", ['g'] = "tags", ['d'] = "description", ['v'] = "visibility"};
    struct upload u = {
        .server = getenv("GIFD_SERVER"), .token = getenv("GIFD_TOKEN"), .terminal = isatty(STDERR_FILENO)};
    bool seen[128] = {false};
    optind = 1;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 's')
            u.server = optarg;
        else if (c == 'k')
            u.token = optarg;
        else if (c == 'j')
            u.json = true;
        else if (c == '?' || seen[c])
            return cli_usage("up", "unknown, incomplete or repeated option '%s'", argv[optind - 1]);
        else
            seen[c] = true, u.fields[u.field_count++] = (struct transfer_field){field_names[c], optarg};
    }
    if (optind == argc) return cli_usage("up", "which file?");
    if (!u.server || !*u.server) u.server = "http://127.0.0.1:8080";
    int worst = EXIT_OK, good = 0;
    u.alone = argc - optind == 1;
    for (int i = optind; i < argc; i++) {
        u.file = argv[i];
        int code = upload_one(&u);
        if (code == EXIT_OK)
            good++;
        else
            worst = code;
        fflush(stdout);
    }
    return worst != EXIT_OK && good ? EXIT_PARTLY : worst;
}
