/* log_pretty.c: see log_int.h.
 *
 *   20:57:20.935 error worker-1 request.failed code=script (GET /p/hello/ awz3bwdq)
 *       init.lua:2: what went wrong, and the source that it names */
#include "base/clock.h"
#include "base/log_int.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void colour(struct line *l, bool colours, const char *code)
{
    if (colours) line_text(l, code);
}

static bool is(const struct log_field *f, const char *key)
{
    return !strcmp(f->key, key);
}

static void put_harmless(struct line *l, const char *p, size_t n)
{
    for (size_t i = 0, step; i < n; i += step ? step : 1) {
        step = text_step(p + i, n - i);
        if (step)
            line_put(l, p + i, step);
        else
            line_put(l, p[i] == '\t' ? " " : "?", 1);
    }
}

/* An error, or lines of source: each on a line of its own. */
static void put_below(struct line *l, const struct log_field *f, bool colours, const char *code)
{
    size_t n = field_length(f);
    for (const char *p = f->s, *end = p + n; p && p < end;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        line_put(l, "\n    ", 5);
        colour(l, colours, code);
        line_masked(l, p, (size_t)(stop - p), put_harmless);
        colour(l, colours, "\033[0m");
        p = stop + 1;
    }
}

static void put_time(struct line *l)
{
    char text[64];
    int64_t now = clock_wall_us();
    time_t seconds = (time_t)(now / 1000000);
    struct tm tm;
    localtime_r(&seconds, &tm);
    size_t n = strftime(text, sizeof text, "%H:%M:%S", &tm);
    n += (size_t)snprintf(text + n, sizeof text - n, ".%03d ", (int)(now / 1000 % 1000));
    line_put(l, text, n);
}

static void put_request(struct line *l, const struct log_event *v, bool colours)
{
    const struct log_field *request = NULL;
    const char *id = v->scope ? v->scope->request_id : NULL;
    for (const struct log_field *f = v->fields; f->key; f++) {
        if (is(f, "request")) request = f;
        if (is(f, "request_id")) id = f->s;
    }
    if (!id) return;
    colour(l, colours, "\033[2m");
    line_put(l, " (", 2);
    if (request) line_masked(l, request->s, field_length(request), put_harmless), line_put(l, " ", 1);
    put_harmless(l, id, strnlen(id, 8));
    line_put(l, ")", 1);
    colour(l, colours, "\033[0m");
}

void line_pretty(struct line *l, const struct log_event *v, bool colours)
{
    static const char *const shades[] = {"\033[2m", "\033[32m", "\033[33m", "\033[31m", "\033[31m"};
    char text[64];
    put_time(l);
    colour(l, colours, shades[v->level]);
    line_put(l, text, (size_t)snprintf(text, sizeof text, "%-5s ", log_level_name(v->level)));
    colour(l, colours, "\033[0m");
    line_put(l, text, (size_t)snprintf(text, sizeof text, "%-10s ", v->role));
    colour(l, colours, "\033[1m");
    line_masked(l, v->event, strnlen(v->event, 128), put_harmless);
    colour(l, colours, "\033[0m");
    for (const struct log_field *f = v->fields; f->key; f++)
        if (!is(f, "request") && !is(f, "request_id") && !is(f, "error") && !is(f, "why") && !is(f, "source") &&
            !is(f, "trace_id"))
            line_pair(l, f, v->scope);
    put_request(l, v, colours);
    for (const struct log_field *f = v->fields; f->key; f++)
        if (f->is_text && (is(f, "error") || is(f, "why"))) put_below(l, f, colours, "\033[31m");
    for (const struct log_field *f = v->fields; f->key; f++)
        if (f->is_text && is(f, "source")) put_below(l, f, colours, "");
}
