/* log.c: see log.h. */
#include "base/log.h"
#include "base/clock.h"
#include "base/redact.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level lowest = LOG_INFO;
static char role[32] = "gifd";
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

void log_emit(enum log_level level, const char *event, const struct log_field *f)
{
    char line[LOG_LINE_MAX];
    if (level < lowest) return;
    ssize_t ignored = write(STDERR_FILENO, line, log_format(line, level, event, f));
    (void)ignored;
}
