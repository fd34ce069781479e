/* log_text.c: see log_int.h. Both forms are whole, whatever of a long value had to be left out. */
#include "base/clock.h"
#include "base/log_int.h"
#include "base/redact.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX 64

void line_put(struct line *l, const char *p, size_t n)
{
    size_t room = LOG_LINE_MAX - 1 - l->n; /* one byte is kept for the line end */
    if (n > room) n = room;
    memcpy(l->p + l->n, p, n);
    l->n += n;
}

void line_text(struct line *l, const char *text)
{
    line_put(l, text, strlen(text));
}

static bool has_room(const struct line *l)
{
    return l->n < LOG_LINE_MAX - LINE_SPARE;
}

size_t field_length(const struct log_field *f)
{
    return !f->s ? 0 : f->n == SIZE_MAX ? strlen(f->s) : f->n;
}

/* ---- what may be shown ---- */

static uint32_t decode(const unsigned char *p, size_t n, size_t *length)
{
    size_t want = p[0] < 0x80                   ? 1
                  : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
                  : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
                  : p[0] < 0xf5                 ? 4
                                                : 0;
    if (p[0] >= 0x80 && p[0] < 0xc2) want = 0;
    *length = 0;
    if (want == 0 || want > n) return 0;
    uint32_t c = want == 1 ? p[0] : p[0] & (0x7fu >> want);
    for (size_t i = 1; i < want; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if ((want == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) || (want == 4 && (c < 0x10000 || c > 0x10ffff)))
        return 0;
    *length = want;
    return c;
}

/* Controls, line ends of Unicode, and what turns the direction of writing are not shown. */
size_t text_step(const char *p, size_t n)
{
    size_t length;
    uint32_t c = decode((const unsigned char *)p, n, &length);
    bool hidden = c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200e && c <= 0x200f) ||
                  (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
    return hidden ? 0 : length;
}

/* ---- what may not be told ---- */

static bool ends_word(char c)
{
    return (unsigned char)c <= ' ' || c == '"' || c == '\'' || c == '<' || c == '>' || c == ')' || c == '|';
}

/* Behind the ? of a URL, or of a path that begins a word. */
static size_t query_find(const char *p, size_t n, size_t *length)
{
    for (const char *q = p, *end = p + n; (q = memchr(q, '?', (size_t)(end - q))); q++) {
        const char *word = q, *stop = q + 1;
        while (word > p && !ends_word(word[-1]) && word[-1] != '=' && word[-1] != '(') word--;
        while (stop < end && !ends_word(*stop)) stop++;
        bool address = q > word && (*word == '/' || memmem(word, (size_t)(q - word), "://", 3));
        if (!address || stop == q + 1) continue;
        *length = (size_t)(stop - q - 1);
        return (size_t)(q + 1 - p);
    }
    *length = 0;
    return n;
}

void line_masked(struct line *l, const char *p, size_t n, void (*part)(struct line *, const char *, size_t))
{
    while (n && has_room(l)) {
        size_t length, query_length, at = redact_find(p, n, &length), query = query_find(p, n, &query_length);
        if (query < at) at = query, length = query_length;
        part(l, p, at);
        if (length) line_text(l, REDACT_MARK);
        p += at + length;
        n -= at + length;
    }
}

/* ---- pieces ---- */

/* Names that a line has already, or will have. */
static bool clashes(const char *key, const struct log_scope *s)
{
    static const char *const taken[] = {"time", "level", "process", "event"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (!strcmp(key, taken[i])) return true;
    if (!s) return false;
    return (s->request_id && !strcmp(key, "request_id")) || (s->plugin && !strcmp(key, "plugin")) ||
           (*s->trace_id && !strcmp(key, "trace_id")) || (s->generation && !strcmp(key, "generation"));
}

static void put_letters(struct line *l, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("_.-", c));
        line_put(l, plain ? &c : "_", 1);
    }
}

static void put_key(struct line *l, const char *key, bool clash)
{
    size_t n = strlen(key), from = l->n;
    line_masked(l, key, n, put_letters);
    if (l->n > from + KEY_MAX) l->n = from + KEY_MAX;
    if (n == 0 || clash) line_put(l, "_", 1);
}

/* The plugin of a line, told twice. */
static bool is_said(const struct log_field *f, const struct log_scope *s)
{
    return s && s->plugin && !strcmp(f->key, "plugin") && f->is_text && f->s && field_length(f) == strlen(s->plugin) &&
           !memcmp(f->s, s->plugin, field_length(f));
}

static void put_number(struct line *l, int64_t i)
{
    char text[24];
    line_put(l, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)i));
}

static void put_escaped(struct line *l, const char *p, size_t n)
{
    for (size_t i = 0, step; i < n && has_room(l); i += step ? step : 1) {
        unsigned char c = (unsigned char)p[i];
        char esc[8];
        step = text_step(p + i, n - i);
        if (c == '"' || c == '\\')
            line_put(l, esc, (size_t)snprintf(esc, sizeof esc, "\\%c", c));
        else if (step)
            line_put(l, p + i, step);
        else if (c == '\n')
            line_put(l, "\\n", 2);
        else
            line_put(l, esc, (size_t)snprintf(esc, sizeof esc, "\\x%02x", c));
    }
}

/* RFC 8259 section 7; a byte that is no UTF-8 is U+FFFD. */
static void put_json(struct line *l, const char *p, size_t n)
{
    for (size_t i = 0, step, whole; i < n && has_room(l); i += step) {
        char esc[16];
        uint32_t c = decode((const unsigned char *)p + i, n - i, &whole);
        step = whole ? whole : 1;
        if (!whole)
            line_text(l, "\\ufffd");
        else if (c == '"' || c == '\\')
            line_put(l, esc, (size_t)snprintf(esc, sizeof esc, "\\%c", (char)c));
        else if (text_step(p + i, n - i))
            line_put(l, p + i, step);
        else
            line_put(l, esc, (size_t)snprintf(esc, sizeof esc, "\\u%04x", (unsigned)c));
    }
}

static void put_value(struct line *l, const char *p, size_t n)
{
    bool plain = n > 0;
    for (size_t i = 0; i < n && plain; i++) {
        unsigned char c = (unsigned char)p[i];
        plain = c > ' ' && c != '"' && c != '=' && c != '\\' && c < 0x7f;
    }
    if (!plain) line_put(l, "\"", 1);
    line_masked(l, p, n, plain ? line_put : put_escaped);
    if (!plain) line_put(l, "\"", 1);
}

void line_pair(struct line *l, const struct log_field *f, const struct log_scope *s)
{
    if (!has_room(l) || is_said(f, s)) return;
    line_put(l, " ", 1);
    put_key(l, f->key, clashes(f->key, s));
    line_put(l, "=", 1);
    if (f->is_text)
        put_value(l, f->s ? f->s : "", field_length(f));
    else
        put_number(l, f->i);
}

static size_t scope_fields(const struct log_scope *s, struct log_field out[5])
{
    size_t n = 0;
    if (s && s->request_id) out[n++] = (struct log_field)LS("request_id", s->request_id);
    if (s && *s->trace_id) out[n++] = (struct log_field)LS("trace_id", s->trace_id);
    if (s && s->plugin) out[n++] = (struct log_field)LS("plugin", s->plugin);
    if (s && s->generation) out[n++] = (struct log_field)LI("generation", s->generation);
    out[n] = (struct log_field){0};
    return n;
}

/* ---- the two forms ---- */

void line_logfmt(struct line *l, const struct log_event *v)
{
    char at[40];
    struct log_field own[5];
    line_text(l, "time=");
    line_put(l, at, clock_rfc3339(clock_wall_us(), 3, at, sizeof at));
    line_text(l, " level=");
    line_text(l, log_level_name(v->level));
    line_text(l, " process=");
    put_value(l, v->role, strlen(v->role));
    line_text(l, " event=");
    put_value(l, v->event, strnlen(v->event, 128));
    scope_fields(v->scope, own);
    for (const struct log_field *f = own; f->key; f++) line_pair(l, f, NULL);
    for (const struct log_field *f = v->fields; f->key; f++) line_pair(l, f, v->scope);
}

static void json_pair(struct line *l, const struct log_field *f, const struct log_scope *s)
{
    if (l->n > LOG_LINE_MAX - LINE_SPARE - KEY_MAX || is_said(f, s)) return;
    line_text(l, ",\"");
    put_key(l, f->key, clashes(f->key, s));
    line_text(l, "\":");
    if (!f->is_text) {
        put_number(l, f->i);
        return;
    }
    line_put(l, "\"", 1);
    line_masked(l, f->s ? f->s : "", field_length(f), put_json);
    line_put(l, "\"", 1);
}

void line_json(struct line *l, const struct log_event *v)
{
    char at[40];
    struct log_field own[5];
    line_text(l, "{\"time\":\"");
    line_put(l, at, clock_rfc3339(clock_wall_us(), 3, at, sizeof at));
    line_text(l, "\",\"level\":\"");
    line_text(l, log_level_name(v->level));
    line_text(l, "\",\"process\":\"");
    put_json(l, v->role, strlen(v->role));
    line_text(l, "\",\"event\":\"");
    line_masked(l, v->event, strnlen(v->event, 128), put_json);
    line_put(l, "\"", 1);
    scope_fields(v->scope, own);
    for (const struct log_field *f = own; f->key; f++) json_pair(l, f, NULL);
    for (const struct log_field *f = v->fields; f->key; f++) json_pair(l, f, v->scope);
    line_put(l, "}", 1);
}
