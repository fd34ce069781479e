/* usage.c: see usage.h. */
#include "app/usage.h"
#include "app/app.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 32

/* ---- reading the line ---- */

static struct usage_item *add(struct usage *u, struct slice name, int depth)
{
    if (u->count == USAGE_ITEMS) abort();
    struct usage_item *item = &u->item[u->count++];
    *item = (struct usage_item){.name = name, .option = name.p[0] == '-', .needed = depth == 0};
    return item;
}

void usage_add(struct usage *u, const char *line)
{
    int depth = 0;
    bool either = false;                            /* a | stood before */
    struct usage_item *last = NULL, *before = NULL; /* before: takes a value if one follows in the same brackets */
    for (const char *p = line; *p;) {
        size_t n = strcspn(p, " []");
        if (n >= 3 && !strncmp(p + n - 3, "...", 3)) n -= 3;
        if (!n && !strncmp(p, "...", 3)) {
            if (last) last->repeats = true;
            if (last && slice_is(last->name, "ARG")) u->own = true;
            p += 3;
        } else if (!n) {
            depth += (*p == '[') - (*p == ']');
            if (*p != ' ') before = NULL;
            p++;
        } else if (n == 1 && *p == '|') {
            if (last) last->needed = false;
            either = true;
            before = NULL;
            p++;
        } else if (before && *p != '-') {
            before->value = slice_of(p, n);
            before = NULL;
            p += n;
        } else {
            last = add(u, slice_of(p, n), depth);
            if (either) last->needed = either = false;
            before = last->option ? last : NULL;
            p += n;
        }
    }
}

const struct usage_item *usage_option(const struct usage *u, struct slice name)
{
    for (size_t i = 0; i < u->count; i++)
        if (u->item[i].option && slice_eq(u->item[i].name, name)) return &u->item[i];
    return NULL;
}

struct slice usage_choice(struct slice words, size_t n)
{
    if (!words.n || !islower((unsigned char)words.p[0])) return SLICE("");
    for (; n && words.n; n--) {
        const char *bar = memchr(words.p, '|', words.n);
        size_t skipped = bar ? (size_t)(bar - words.p) + 1 : words.n;
        words = slice_of(words.p + skipped, words.n - skipped);
    }
    const char *bar = words.n ? memchr(words.p, '|', words.n) : NULL;
    return bar ? slice_of(words.p, (size_t)(bar - words.p)) : words;
}

/* ---- what was typed ---- */

static struct slice option_name(const char *argument)
{
    return slice_of(argument, argument[1] == '-' ? strcspn(argument, "=") : strlen(argument));
}

static bool is_option(const char *argument)
{
    return argument[0] == '-' && argument[1] && strcmp(argument, "--") != 0;
}

int usage_word(const struct usage *u, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!is_option(argv[i])) return i;
        const struct usage_item *item = usage_option(u, option_name(argv[i]));
        if (item && item->value.n && !strchr(argv[i], '=')) i++;
    }
    return 0;
}

struct nearest nearest_begin(const char *word)
{
    return (struct nearest){.word = word, .distance = 3};
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits between two short words: a letter more, less or another, or two neighbours swapped. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t row[WORD_MAX + 1][WORD_MAX + 1];
    for (size_t i = 0; i <= n; i++) row[i][0] = i;
    for (size_t j = 0; j <= m; j++) row[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t best = least(row[i - 1][j - 1] + (a[i - 1] != b[j - 1]), least(row[i - 1][j], row[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = least(best, row[i - 2][j - 2] + 1);
            row[i][j] = best;
        }
    }
    return row[n][m];
}

void nearest_try(struct nearest *near, const char *candidate, size_t n)
{
    size_t length = strlen(near->word);
    if (length > WORD_MAX || n > WORD_MAX) return;
    size_t d = distance(near->word, length, candidate, n);
    if (d >= near->distance || d >= (length > n ? length : n) - (candidate[0] == '-' ? 2 : 0)) return;
    near->distance = d;
    near->best = candidate;
    near->n = n;
}

static int unknown_option(const struct usage *u, const char *command, struct slice name)
{
    char typed[WORD_MAX + 8];
    snprintf(typed, sizeof typed, "%.*s", (int)name.n, name.p);
    struct nearest near = nearest_begin(typed);
    for (size_t i = 0; i < u->count; i++)
        if (u->item[i].option) nearest_try(&near, u->item[i].name.p, u->item[i].name.n);
    if (!near.n) return cli_usage(command, "unknown option '%.*s'", (int)name.n, name.p);
    return cli_usage(command, "unknown option '%.*s' (did you mean '%.*s'?)", (int)name.n, name.p, (int)near.n,
                     near.best);
}

static int check_choice(const char *command, struct slice before, struct slice words, const char *said)
{
    struct nearest near = nearest_begin(said);
    struct slice one = usage_choice(words, 0);
    if (!one.n) return EXIT_OK;
    for (size_t i = 0; one.n; one = usage_choice(words, ++i)) {
        if (slice_is(one, said)) return EXIT_OK;
        nearest_try(&near, one.p, one.n);
    }
    const char *space = before.n ? " " : "";
    if (!near.n)
        return cli_usage(command, "%.*s%s'%s' is not one of %.*s", (int)before.n, before.p, space, said, (int)words.n,
                         words.p);
    return cli_usage(command, "%.*s%s'%s' is not one of %.*s (did you mean '%.*s'?)", (int)before.n, before.p, space,
                     said, (int)words.n, words.p, (int)near.n, near.best);
}

/* -> EXIT_OK; *i is at the option's last argument */
static int check_option(const struct usage *u, const char *command, int argc, char **argv, int *i, uint64_t *given)
{
    const char *argument = argv[*i], *equals = argument[1] == '-' ? strchr(argument, '=') : NULL;
    const struct usage_item *item = usage_option(u, option_name(argument));
    if (!item) return unknown_option(u, command, option_name(argument));
    *given |= UINT64_C(1) << (item - u->item);
    const char *value = equals ? equals + 1 : NULL;
    if (value && !item->value.n) return cli_usage(command, "%.*s takes no value", (int)item->name.n, item->name.p);
    if (!item->value.n) return EXIT_OK;
    if (!value && ++*i < argc) value = argv[*i];
    if (!value || (!equals && is_option(value) && usage_option(u, option_name(value))))
        return cli_usage(command, "%.*s needs %.*s", (int)item->name.n, item->name.p, (int)item->value.n,
                         item->value.p);
    return check_choice(command, item->name, item->value, value);
}

/* The n-th plain word; the last one may repeat. NULL: it is one too many. */
static const struct usage_item *word_item(const struct usage *u, size_t n)
{
    for (size_t i = 0; i < u->count; i++) {
        if (u->item[i].option) continue;
        if (u->item[i].repeats || !n) return &u->item[i];
        n--;
    }
    return NULL;
}

static int check_needed(const struct usage *u, const char *command, size_t words, uint64_t given)
{
    for (size_t i = 0; i < u->count; i++) {
        const struct usage_item *item = &u->item[i];
        if (!item->needed) continue;
        if (item->option && !(given >> i & 1))
            return cli_usage(command, "%.*s %.*s is missing", (int)item->name.n, item->name.p, (int)item->value.n,
                             item->value.p);
        if (!item->option && words-- == 0) return cli_usage(command, "which %.*s?", (int)item->name.n, item->name.p);
    }
    return EXIT_OK;
}

int usage_check(const struct usage *u, const char *command, int argc, char **argv)
{
    size_t words = 0;
    uint64_t given = 0;
    bool plain = false; /* a -- stood before */
    for (int i = 0; i < argc; i++) {
        int code = EXIT_OK;
        if (!plain && !strcmp(argv[i], "--")) {
            plain = true;
        } else if (!plain && is_option(argv[i])) {
            code = check_option(u, command, argc, argv, &i, &given);
        } else {
            const struct usage_item *item = word_item(u, words++);
            if (!item) return cli_usage(command, "unexpected '%s'", argv[i]);
            code = check_choice(command, SLICE(""), item->name, argv[i]);
        }
        if (code != EXIT_OK) return code;
        if (u->own && words) return EXIT_OK;
    }
    return check_needed(u, command, words, given);
}
