/* cli_config.c: `gifd check`: every fault of a configuration, for people and for programs; `gifd config`: questions
 * about one that has none. Both build what they ask about in this process and serve nothing. */
#include "app/app.h"
#include "base/json.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 80
#define FAULTS_BYTES_MAX ((size_t)16 << 20)

struct asked {
    struct build_options o;
    const char *plugin_dirs[PLUGIN_DIRS_MAX + 1];
    size_t dirs;
    char *words[WORDS_MAX]; /* of the question: everything that is not about files */
    int count;
    bool json;
};

static int add_word(struct asked *a, const char *command, char *word)
{
    if (a->count == WORDS_MAX) return cli_usage(command, "more than %d arguments", WORDS_MAX);
    a->words[a->count++] = word;
    return EXIT_OK;
}

/* words: the command takes some, and the options of the server that stand over config.lua. */
static int parse(int argc, char **argv, bool words, struct asked *a)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"plugins", required_argument, NULL, 'p'},
                                            {"root", required_argument, NULL, 'r'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"listen", required_argument, NULL, 'l'},
                                            {"workers", required_argument, NULL, 'w'},
                                            {0}};
    int code = EXIT_OK;
    *a = (struct asked){.o = {.embedded = embedded_files, .root = getenv("GIFD_ROOT")}};
    a->o.plugin_dirs = a->plugin_dirs;
    optind = 1;
    opterr = 0;
    for (int c; code == EXIT_OK && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'c')
            a->o.config = optarg;
        else if (c == 'r')
            a->o.root = optarg;
        else if (c == 'j')
            a->json = true;
        else if (c == 'p' && a->dirs < PLUGIN_DIRS_MAX)
            a->plugin_dirs[a->dirs++] = optarg;
        else if (!words || (c != 'l' && c != 'w'))
            return cli_usage(argv[0], "unknown or incomplete option '%s'", argv[optind - 1]);
        bool stands_over = words && (c == 'l' || c == 'w' || c == 'p');
        if (stands_over) code = add_word(a, argv[0], c == 'l' ? "--listen" : c == 'w' ? "--workers" : "--plugins");
        if (stands_over && code == EXIT_OK) code = add_word(a, argv[0], optarg);
    }
    if (code == EXIT_OK && words && a->json) code = add_word(a, argv[0], "--json");
    for (int i = optind; code == EXIT_OK && i < argc; i++)
        code = words ? add_word(a, argv[0], argv[i]) : cli_usage(argv[0], "unexpected '%s'", argv[i]);
    return code;
}

/* ---- faults for people: "FILE:LINE: PATH: what is wrong (did you mean NEAREST?)", each on a line ---- */

static void say(const struct json *fault, const char *key, const char *before, const char *after)
{
    const struct json *v = json_get(fault, key);
    if (!v || v->type != JSON_STRING || !v->s.n) return;
    fputs(before, stderr);
    for (size_t i = 0; i < v->s.n; i++) { /* a name of a key or a file may hold anything; a terminal obeys */
        unsigned char c = (unsigned char)v->s.p[i];
        if (c < ' ' || c == 0x7f)
            fprintf(stderr, "\\x%02x", c);
        else
            fputc(c, stderr);
    }
    fputs(after, stderr);
}

static void print_fault(const struct json *fault, bool colours)
{
    const struct json *line = json_get(fault, "line");
    const char *strong = colours ? "\033[1m" : "", *blue = colours ? "\033[36m" : "",
               *green = colours ? "\033[32m" : "", *off = colours ? "\033[0m" : "";
    say(fault, "file", strong, ":");
    if (line && line->type == JSON_INT) fprintf(stderr, "%lld:", (long long)line->i);
    fprintf(stderr, "%s ", off);
    fputs(blue, stderr);
    say(fault, "path", "", ": ");
    fputs(off, stderr);
    say(fault, "message", "", "");
    fputs(green, stderr);
    say(fault, "nearest", " (did you mean ", "?)");
    fprintf(stderr, "%s\n", off);
}

static void print_faults(const struct build_result *r)
{
    struct arena arena;
    struct json *list = NULL;
    const char *plain = getenv("NO_COLOR");
    bool terminal = isatty(STDERR_FILENO), colours = terminal && !(plain && *plain);
    size_t count = 0;
    arena_init(&arena, FAULTS_BYTES_MAX);
    if (json_parse(&arena, slice_str(r->faults), NULL, &list, NULL) == GIFD_OK)
        for (const struct json *f = list->child; f; f = f->next, count++) print_fault(f, colours);
    else
        fprintf(stderr, "%s\n", r->text);
    arena_free(&arena);
    if (terminal && count) fprintf(stderr, "%zu %s\n", count, count == 1 ? "fault" : "faults");
}

int cli_check(int argc, char **argv)
{
    struct asked a;
    struct build_result result = {0};
    struct err e = {0};
    int code = parse(argc, argv, false, &a);
    if (code != EXIT_OK) return code;
    int rc = build_generation(&a.o, &result, &e);
    if (rc < 0) {
        fprintf(stderr, "gifd check: %s\n", e.text);
        build_result_free(&result);
        return cli_exit_of(rc);
    }
    if (a.json)
        printf("{\"faults\":%s}\n", result.ok ? "[]" : result.faults);
    else if (result.ok)
        printf("ok %s\n", result.digest);
    else
        print_faults(&result);
    code = result.ok ? EXIT_OK : EXIT_CONFIG;
    build_result_free(&result);
    return code;
}

int cli_config(int argc, char **argv)
{
    struct asked a;
    struct build_result result = {0};
    struct err e = {0};
    int code = parse(argc, argv, true, &a);
    if (code != EXIT_OK) return code;
    int rc = build_ask(&a.o, a.count, a.words, &result, &e);
    if (rc < 0) {
        fprintf(stderr, "gifd config: %s\n", e.text);
        code = cli_exit_of(rc);
    } else if (!result.ok) {
        if (a.json)
            printf("{\"faults\":%s}\n", result.faults);
        else
            print_faults(&result);
        code = EXIT_CONFIG;
    } else {
        code = result.code;
        fputs(result.said, code == EXIT_OK ? stdout : stderr);
    }
    build_result_free(&result);
    return code;
}
