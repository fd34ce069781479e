/* log.c: see log.h. */
#include "base/log.h"
#include "base/clock.h"
#include "base/redact.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static enum log_level lowest = LOG_INFO;
static char role[32] = "gifd";
static bool pretty, colours;
static const char *const names[] = {"debug", "info", "warn", "error", "critical"};

struct line {
    char *p; /* LOG_LINE_MAX */
    size_t n;
};

static void put(struct line *l, const char *p, size_t n)
{
    size_t room = LOG_LINE_MAX - 1 - l->n; /* one byte is kept for the line end */
    if (n > room) n = room;
    memcpy(l->p + l->n, p, n);
    l->n += n;
}

static void put_escaped(struct line *l, const char *p, size_t n)
{
    for (size_t i = 0; i < n && l->n < LOG_LINE_MAX - 16; i++) {
        unsigned char c = (unsigned char)p[i];
        char esc[8];
        if (c == '"' || c == '\\')
            put(l, esc, (size_t)snprintf(esc, sizeof esc, "\\%c", c));
        else if (c == '\n')
            put(l, "\\n", 2);
        else if (c < ' ' || c == 0x7f)
            put(l, esc, (size_t)snprintf(esc, sizeof esc, "\\x%02x", c));
        else
            put(l, p + i, 1);
    }
}

static void put_redacted(struct line *l, const char *p, size_t n, void (*part)(struct line *, const char *, size_t))
{
    size_t length;
    while (n && l->n < LOG_LINE_MAX - 16) {
        size_t at = redact_find(p, n, &length);
        part(l, p, at);
        if (length) put(l, REDACT_MARK, sizeof REDACT_MARK - 1);
        p += at + length;
        n -= at + length;
    }
}

static void put_value(struct line *l, const char *p, size_t n)
{
    bool plain = n > 0;
    for (size_t i = 0; i < n && plain; i++) {
        unsigned char c = (unsigned char)p[i];
        plain = c > ' ' && c != '"' && c != '=' && c != '\\' && c < 0x7f;
    }
    if (plain) {
        put_redacted(l, p, n, put);
        return;
    }
    put(l, "\"", 1);
    put_redacted(l, p, n, put_escaped);
    put(l, "\"", 1);
}

void log_level_set(enum log_level level)
{
    lowest = level;
}

int log_level_parse(const char *name)
{
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}

void log_role_set(const char *name)
{
    snprintf(role, sizeof role, "%s", name);
}

bool log_says(enum log_level level)
{
    return level >= lowest;
}

size_t log_format(char out[LOG_LINE_MAX], enum log_level level, const char *event, const struct log_field *f)
{
    struct line l = {out, 0};
    char text[64];
    put(&l, text, clock_rfc3339(clock_wall_us(), 3, text, sizeof text));
    put(&l, text, (size_t)snprintf(text, sizeof text, " %s %s ", names[level], role));
    put_redacted(&l, event, strlen(event), put);
    for (; f->key; f++) {
        put(&l, " ", 1);
        put_redacted(&l, f->key, strlen(f->key), put);
        put(&l, "=", 1);
        const char *text_of = f->s ? f->s : "";
        if (f->is_text)
            put_value(&l, text_of, f->n == SIZE_MAX || !f->s ? strlen(text_of) : f->n);
        else
            put(&l, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)f->i));
    }
    l.p[l.n++] = '\n';
    return l.n;
}

/* ---- for a person ---- */

static void colour(struct line *l, const char *code)
{
    if (colours) put(l, code, strlen(code));
}

static bool is(const struct log_field *f, const char *key)
{
    return !strcmp(f->key, key);
}

static void put_harmless(struct line *l, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = p[i] == '\t' ? ' ' : (unsigned char)p[i] < ' ' || p[i] == 0x7f ? '?' : p[i];
        put(l, &c, 1);
    }
}

/* An error, or lines of source: each on a line of its own. */
static void put_below(struct line *l, const struct log_field *f, const char *code)
{
    size_t n = f->n == SIZE_MAX || !f->s ? strlen(f->s ? f->s : "") : f->n;
    for (const char *p = f->s, *end = p + n; p && p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        put(l, "\n    ", 5);
        colour(l, code);
        put_redacted(l, p, (size_t)(stop - p), put_harmless);
        colour(l, "\033[0m");
        p = stop + 1;
    }
}

static void put_field(struct line *l, const struct log_field *f)
{
    char number[24];
    put(l, " ", 1);
    put_redacted(l, f->key, strlen(f->key), put);
    put(l, "=", 1);
    if (f->is_text)
        put_value(l, f->s ? f->s : "", f->n == SIZE_MAX || !f->s ? strlen(f->s ? f->s : "") : f->n);
    else
        put(l, number, (size_t)snprintf(number, sizeof number, "%lld", (long long)f->i));
}

/* "20:57:20.935 error worker-1 request.failed code=script (GET /p/hello/ awz3bwdq)", then what belongs below it. */
static size_t format_pretty(char out[LOG_LINE_MAX], enum log_level level, const char *event, const struct log_field *f)
{
    static const char *const shades[] = {"\033[2m", "\033[32m", "\033[33m", "\033[31m", "\033[31m"};
    struct line l = {out, 0};
    char text[64];
    const struct log_field *request = NULL, *id = NULL, *first = f;
    int64_t now = clock_wall_us();
    time_t seconds = (time_t)(now / 1000000);
    struct tm tm;
    localtime_r(&seconds, &tm);
    size_t n = strftime(text, sizeof text, "%H:%M:%S", &tm);
    n += (size_t)snprintf(text + n, sizeof text - n, ".%03d ", (int)(now / 1000 % 1000));
    put(&l, text, n);
    colour(&l, shades[level]);
    put(&l, text, (size_t)snprintf(text, sizeof text, "%-5s ", names[level]));
    colour(&l, "\033[0m");
    put(&l, text, (size_t)snprintf(text, sizeof text, "%-10s ", role));
    colour(&l, "\033[1m");
    put_redacted(&l, event, strlen(event), put);
    colour(&l, "\033[0m");
    for (; f->key; f++) {
        if (is(f, "request"))
            request = f;
        else if (is(f, "request_id"))
            id = f;
        else if (!is(f, "error") && !is(f, "why") && !is(f, "source") && !is(f, "trace_id"))
            put_field(&l, f);
    }
    if (id) {
        colour(&l, "\033[2m");
        put(&l, " (", 2);
        if (request) put_redacted(&l, request->s, strlen(request->s), put_harmless), put(&l, " ", 1);
        put(&l, id->s, strnlen(id->s, 8));
        put(&l, ")", 1);
        colour(&l, "\033[0m");
    }
    for (f = first; f->key; f++)
        if (f->is_text && (is(f, "error") || is(f, "why"))) put_below(&l, f, "\033[31m");
    for (f = first; f->key; f++)
        if (f->is_text && is(f, "source")) put_below(&l, f, "");
    l.p[l.n++] = '\n';
    return l.n;
}

void log_pretty_set(bool with_colours)
{
    pretty = true;
    colours = with_colours;
}

bool log_is_pretty(void)
{
    return pretty;
}

void log_emit(enum log_level level, const char *event, const struct log_field *f)
{
    char line[LOG_LINE_MAX];
    if (level < lowest) return;
    size_t n = pretty ? format_pretty(line, level, event, f) : log_format(line, level, event, f);
    ssize_t ignored = write(STDERR_FILENO, line, n);
    (void)ignored;
}
