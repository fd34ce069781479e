/* manual.c: see manual.h. A help text is walked once, block by block; what a block looks like is the form's business.
 */
#include "app/manual.h"
#include "app/app.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WIDTH 80 /* columns of a terminal that can be relied on */
#define TERM_WIDTH_MAX 24

struct form {
    void (*paragraph)(FILE *to, struct slice text);
    void (*term)(FILE *to, struct slice term, struct slice text, size_t column);
};

#define S(s) (int)(s).n, (s).p

static struct slice next_line(const char **text)
{
    size_t n = strcspn(*text, "\n");
    struct slice line = slice_of(*text, n);
    *text += n + ((*text)[n] == '\n');
    return line;
}

/* "  TERM  what it means" -> true */
static bool split_term(struct slice line, struct slice *term, struct slice *text)
{
    if (!slice_starts(line, SLICE("  "))) return false;
    line = slice_of(line.p + 2, line.n - 2);
    size_t n = 0;
    while (n + 1 < line.n && !(line.p[n] == ' ' && line.p[n + 1] == ' ')) n++;
    *term = slice_of(line.p, n);
    *text = slice_trim(slice_of(line.p + n, line.n - n));
    return true;
}

static size_t widest_term(const char *help)
{
    struct slice term, text;
    size_t widest = 0;
    while (*help)
        if (split_term(next_line(&help), &term, &text) && term.n > widest) widest = term.n;
    return widest;
}

static void blocks(FILE *to, const struct form *f, const char *help, size_t column)
{
    struct slice term, text;
    while (*help) {
        struct slice line = next_line(&help);
        if (split_term(line, &term, &text))
            f->term(to, term, text, column);
        else if (line.n)
            f->paragraph(to, line);
    }
}

/* Does the help of a command say itself what the option means? */
static bool says_itself(const struct cli_command *c, const char *option)
{
    char mark[64];
    snprintf(mark, sizeof mark, "  %s  ", option);
    return strstr(c->help, mark) != NULL;
}

static bool takes(const struct cli_command *c, const char *option)
{
    const char *at = strstr(c->usage, option);
    return at && !isalnum((unsigned char)at[strlen(option)]) && !says_itself(c, option);
}

static void command_body(FILE *to, const struct form *f, const struct cli_command *c)
{
    size_t column = widest_term(c->help);
    for (const char *const *o = cli_common; *o; o += 2)
        if (takes(c, *o) && strlen(*o) > column) column = strlen(*o);
    if (column > TERM_WIDTH_MAX) column = TERM_WIDTH_MAX;
    blocks(to, f, c->help, column);
    for (const char *const *o = cli_common; *o; o += 2)
        if (takes(c, *o)) f->term(to, slice_str(o[0]), slice_str(o[1]), column);
}

/* ---- for a terminal ---- */

/* Prints text folded at WIDTH, from column `at` on; further lines begin at `indent`. Brackets stay whole. */
static void fold(FILE *to, struct slice text, size_t at, size_t indent)
{
    bool first = true;
    for (size_t i = 0; i < text.n;) {
        size_t n = 0;
        int depth = 0;
        for (; i + n < text.n && (depth > 0 || text.p[i + n] != ' '); n++)
            depth += (text.p[i + n] == '[') - (text.p[i + n] == ']');
        if (n > WIDTH - indent) n = strcspn(text.p + i, " ");
        if (!first && at + 1 + n > WIDTH) {
            fprintf(to, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!first) {
            fputc(' ', to);
            at++;
        }
        fprintf(to, "%.*s", (int)n, text.p + i);
        at += n;
        first = false;
        i += n;
        while (i < text.n && text.p[i] == ' ') i++;
    }
    fputc('\n', to);
}

static bool plain_terms; /* a paragraph was the last thing: a blank line goes before the next block */

static void text_paragraph(FILE *to, struct slice text)
{
    fputc('\n', to);
    fold(to, text, 0, 0);
    plain_terms = true;
}

static void text_term(FILE *to, struct slice term, struct slice text, size_t column)
{
    if (plain_terms) fputc('\n', to);
    plain_terms = false;
    fprintf(to, "  %.*s", S(term));
    if (term.n > column)
        fprintf(to, "\n%*s", (int)column + 4, "");
    else
        fprintf(to, "%*s", (int)(column - term.n) + 2, "");
    fold(to, text, column + 4, column + 4);
}

static const struct form in_text = {text_paragraph, text_term};

static void strong(FILE *to, const char *text)
{
    const char *plain = getenv("NO_COLOR");
    bool colours = isatty(fileno(to)) && !(plain && *plain);
    fprintf(to, "%s%s%s", colours ? "\033[1m" : "", text, colours ? "\033[0m" : "");
}

static void usage_line(FILE *to, const struct cli_command *c)
{
    char name[64];
    size_t n = (size_t)snprintf(name, sizeof name, "gifd %s", c->name);
    strong(to, name);
    if (*c->usage) fputc(' ', to);
    fold(to, slice_str(c->usage), n + 1, 4);
}

/* "run the server" -> "Run the server." */
static void sentence(FILE *to, const char *summary)
{
    fprintf(to, "%c%s.\n", toupper((unsigned char)summary[0]), summary + 1);
}

int manual_overview(FILE *to)
{
    fprintf(to, "gifd: your media, your links.\n");
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (c->section) {
            fputc('\n', to);
            strong(to, c->section);
            fputc('\n', to);
        }
        fprintf(to, "  gifd %-16s  ", c->name);
        fold(to, slice_str(c->summary), 25, 25);
    }
    fprintf(to, "\n'gifd help COMMAND' tells all of one. Further topics: " CLI_TOPICS ".\n");
    return EXIT_OK;
}

static bool noun_text(FILE *to, const char *noun)
{
    bool any = false;
    size_t n = strlen(noun);
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (strncmp(c->name, noun, n) != 0 || c->name[n] != ' ') continue;
        if (any) fputc('\n', to);
        usage_line(to, c);
        fprintf(to, "    ");
        sentence(to, c->summary);
        any = true;
    }
    if (any) fprintf(to, "\n'gifd help %s VERB' tells all of one.\n", noun);
    return any;
}

bool manual_topic(FILE *to, const char *noun, const char *verb)
{
    const struct cli_command *c = cli_find(noun, verb);
    bool found = false;
    plain_terms = true;
    if (c && (verb || !strchr(c->name, ' '))) {
        usage_line(to, c);
        fputc('\n', to);
        sentence(to, c->summary);
        command_body(to, &in_text, c);
        return true;
    }
    for (const struct cli_topic *t = cli_topics; t->name && !verb; t++) {
        if (strcmp(t->name, noun) != 0) continue;
        sentence(to, t->summary);
        blocks(to, &in_text, t->help, widest_term(t->help));
        found = true;
    }
    if (verb || !c) return found;
    if (found) fputc('\n', to);
    return noun_text(to, noun) || found;
}

/* ---- for man ---- */

static void roff(FILE *to, struct slice text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '\\')
            fputs("\\e", to);
        else if (c == '-')
            fputs("\\-", to);
        else if (c == '\'')
            fputs("\\(aq", to);
        else if (c == '`')
            fputs("\\(ga", to);
        else if (c == '.' && i == 0)
            fputs("\\&.", to);
        else
            fputc(c, to);
    }
}

static void man_paragraph(FILE *to, struct slice text)
{
    fputs(".PP\n", to);
    roff(to, text);
    fputc('\n', to);
}

static void man_term(FILE *to, struct slice term, struct slice text, size_t column)
{
    (void)column;
    fputs(".TP\n\\fB", to);
    roff(to, term);
    fputs("\\fR\n", to);
    roff(to, text);
    fputc('\n', to);
}

static const struct form in_man = {man_paragraph, man_term};

int manual_man(FILE *to)
{
    fputs(".TH GIFD 1 \"\" \"gifd " GIFD_VERSION "\" \"\"\n.SH NAME\ngifd \\- your media, your links\n.SH SYNOPSIS\n"
          "\\fBgifd\\fR COMMAND [OPTION]...\n",
          to);
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (c->section) fprintf(to, ".SH %s\n", c->section);
        fprintf(to, ".SS gifd %s\n\\fBgifd %s\\fR ", c->name, c->name);
        roff(to, slice_str(c->usage));
        fputs("\n.PP\n", to);
        sentence(to, c->summary);
        command_body(to, &in_man, c);
    }
    for (const struct cli_topic *t = cli_topics; t->name; t++) {
        fprintf(to, ".SH %s\n", t->name);
        sentence(to, t->summary);
        blocks(to, &in_man, t->help, 0);
    }
    return EXIT_OK;
}

/* ---- docs/reference/cli.md ---- */

static void markdown_paragraph(FILE *to, struct slice text)
{
    fprintf(to, "\n%.*s\n", S(text));
    plain_terms = true;
}

static void markdown_term(FILE *to, struct slice term, struct slice text, size_t column)
{
    (void)column;
    fprintf(to, "%s- `%.*s`: %.*s\n", plain_terms ? "\n" : "", S(term), S(text));
    plain_terms = false;
}

static const struct form in_markdown = {markdown_paragraph, markdown_term};

int manual_markdown(FILE *to)
{
    fputs("# The command line\n\nPrinted by `./dev docs` from the table of commands; also `gifd help COMMAND`, and "
          "`gifd help "
          "--man` for man.\n",
          to);
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (c->section) fprintf(to, "\n## %s\n", c->section);
        fprintf(to, "\n### gifd %s\n\n", c->name);
        sentence(to, c->summary);
        fprintf(to, "\n    gifd %s%s", c->name, *c->usage ? " " : "");
        fold(to, slice_str(c->usage), strlen(c->name) + 10, 8);
        plain_terms = true;
        command_body(to, &in_markdown, c);
    }
    for (const struct cli_topic *t = cli_topics; t->name; t++) {
        fprintf(to, "\n## Topic: %s\n\n", t->name);
        sentence(to, t->summary);
        plain_terms = true;
        blocks(to, &in_markdown, t->help, 0);
    }
    return EXIT_OK;
}
