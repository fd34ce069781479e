/* json_write.c: writing. See json.h. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define REPLACEMENT "\xef\xbf\xbd"

void json_write_begin(struct json_writer *w, struct buf *out, struct err *e)
{
    *w = (struct json_writer){.out = out, .e = e};
}

static void misuse(struct json_writer *w, const char *what)
{
    if (w->rc == GIFD_OK) w->rc = err_set(w->e, GIFD_EINVALID, "JSON: %s", what);
}

static void put(struct json_writer *w, const char *p, size_t n)
{
    if (w->rc == GIFD_OK) w->rc = buf_append(w->out, p, n, w->e);
}

static bool in_object(const struct json_writer *w)
{
    return w->depth && (w->objects >> (w->depth - 1) & 1);
}

static void separate(struct json_writer *w)
{
    uint64_t bit = w->depth ? 1ull << (w->depth - 1) : 0;
    if (w->filled & bit) put(w, ",", 1);
    w->filled |= bit;
}

/* Before every value. */
static bool value(struct json_writer *w)
{
    if (w->rc == GIFD_OK && w->done && !w->depth) misuse(w, "a second value after the first");
    if (w->rc == GIFD_OK && in_object(w) && !w->keyed) misuse(w, "a value without a key in an object");
    if (w->rc < 0) return false;
    if (!in_object(w)) separate(w);
    w->keyed = false;
    if (!w->depth) w->done = true;
    return w->rc == GIFD_OK;
}

static void begin(struct json_writer *w, bool object)
{
    if (w->depth == JSON_DEPTH_MAX) misuse(w, "too deep");
    if (!value(w)) return;
    put(w, object ? "{" : "[", 1);
    uint64_t bit = 1ull << w->depth++;
    w->filled &= ~bit;
    w->objects = object ? w->objects | bit : w->objects & ~bit;
}

static void end(struct json_writer *w, bool object)
{
    if (!w->depth || in_object(w) != object || w->keyed) misuse(w, "an end where none belongs");
    if (w->rc < 0) return;
    w->depth--;
    put(w, object ? "}" : "]", 1);
}

void json_write_object(struct json_writer *w)
{
    begin(w, true);
}

void json_write_object_end(struct json_writer *w)
{
    end(w, true);
}

void json_write_array(struct json_writer *w)
{
    begin(w, false);
}

void json_write_array_end(struct json_writer *w)
{
    end(w, false);
}

/* Bytes of the UTF-8 sequence at p; 0: invalid, replace one byte. */
static size_t sequence(const unsigned char *p, size_t left)
{
    unsigned char lowest = 0x80, highest = 0xbf;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (n > left) return 0;
    if (p[0] == 0xe0) lowest = 0xa0;
    if (p[0] == 0xed) highest = 0x9f;
    if (p[0] == 0xf0) lowest = 0x90;
    if (p[0] == 0xf4) highest = 0x8f;
    for (size_t i = 1; i < n; i++) {
        if (p[i] < lowest || p[i] > highest) return 0;
        lowest = 0x80;
        highest = 0xbf;
    }
    return n;
}

/* How a character is written when not as itself; NULL: as itself. */
static const char *escape(const unsigned char *p, size_t n, char out[8])
{
    switch (*p) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '<': return "\\u003c"; /* so that JSON in a page never ends a script */
    case 0xe2:
        if (n == 3 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) return p[2] == 0xa8 ? "\\u2028" : "\\u2029";
        return NULL;
    }
    if (*p >= 0x20 && *p != 0x7f) return NULL;
    snprintf(out, 8, "\\u%04x", *p);
    return out;
}

static void quoted(struct json_writer *w, struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t kept = 0, i = 0; /* s[kept .. i) is written as it is */
    char code[8];
    put(w, "\"", 1);
    while (i < s.n && w->rc == GIFD_OK) {
        size_t n = sequence(p + i, s.n - i);
        const char *instead = n ? escape(p + i, n, code) : REPLACEMENT;
        if (instead) {
            put(w, s.p + kept, i - kept);
            put(w, instead, strlen(instead));
            kept = i + (n ? n : 1);
        }
        i += n ? n : 1;
    }
    if (s.n) put(w, s.p + kept, s.n - kept);
    put(w, "\"", 1);
}

void json_write_key(struct json_writer *w, struct slice key)
{
    if (!in_object(w) || w->keyed) misuse(w, "a key where none belongs");
    if (w->rc < 0) return;
    separate(w);
    quoted(w, key);
    put(w, ":", 1);
    w->keyed = true;
}

void json_write_string(struct json_writer *w, struct slice s)
{
    if (value(w)) quoted(w, s);
}

void json_write_int(struct json_writer *w, int64_t i)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)i);
    if (value(w)) put(w, text, (size_t)n);
}

void json_write_real(struct json_writer *w, double d)
{
    char text[40];
    if (!isfinite(d)) misuse(w, "a number that is not finite");
    if (!value(w)) return;
    int n = snprintf(text, sizeof text, "-0.0"); /* not "-0", which reads back as an integer */
    for (int digits = 15; digits <= 17 && !(d == 0 && signbit(d)); digits++) {
        n = snprintf(text, sizeof text, "%.*g", digits, d);
        if (strtod(text, NULL) == d) break;
    }
    put(w, text, (size_t)n);
}

void json_write_bool(struct json_writer *w, bool b)
{
    if (value(w)) put(w, b ? "true" : "false", b ? 4 : 5);
}

void json_write_null(struct json_writer *w)
{
    if (value(w)) put(w, "null", 4);
}

void json_write_value(struct json_writer *w, const struct json *v)
{
    enum json_type type = v ? v->type : JSON_NULL;
    switch (type) {
    case JSON_NULL: json_write_null(w); break;
    case JSON_BOOL: json_write_bool(w, v->b); break;
    case JSON_INT: json_write_int(w, v->i); break;
    case JSON_REAL: json_write_real(w, v->d); break;
    case JSON_STRING: json_write_string(w, v->s); break;
    case JSON_ARRAY:
        json_write_array(w);
        for (const struct json *c = v->child; c; c = c->next) json_write_value(w, c);
        json_write_array_end(w);
        break;
    case JSON_OBJECT:
        json_write_object(w);
        for (const struct json *c = v->child; c; c = c->next) {
            json_write_key(w, c->key);
            json_write_value(w, c);
        }
        json_write_object_end(w);
        break;
    }
}

int json_write_end(struct json_writer *w)
{
    if (w->depth || !w->done) misuse(w, "not complete");
    return w->rc;
}
