/* json.c: reading. See json.h. A loop over the text with an explicit stack of open arrays and objects: depth costs no C
 * stack. Strings are scanned once; only those with escapes are copied. */
#include "base/json.h"

#include <errno.h>
#include <stdlib.h>

#define BYTES_MAX (16u << 20)
#define NODES_MAX 1000000u
#define NUMBER_MAX 512 /* characters of a number that is not a plain int64 */

struct reader {
    struct arena *arena;
    const char *start, *p, *end;
    size_t nodes, node_max;
    uint32_t depth, depth_max;
    struct json *open[JSON_DEPTH_MAX], *last[JSON_DEPTH_MAX]; /* containers, and the newest child of each */
    struct err *e;
};

static int fail_at(struct reader *r, const char *at, int code, const char *what)
{
    size_t line = 1, column = 1;
    for (const char *p = r->start; p < at; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    return err_set(r->e, code, "%s at line %zu column %zu (byte %zu)", what, line, column, (size_t)(at - r->start));
}

static int fail(struct reader *r, const char *what)
{
    return fail_at(r, r->p, GIFD_EINVALID, r->p < r->end ? what : "the text ends too early");
}

static int no_memory(struct reader *r)
{
    return err_set(r->e, GIFD_ENOMEM, "no memory for JSON of %zu bytes", (size_t)(r->end - r->start));
}

static void skip_space(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t')) r->p++;
}

/* Length of the UTF-8 sequence at p (RFC 3629: shortest form, no surrogates), 0 when it is none. */
static size_t utf8_length(const char *p, const char *end)
{
    const unsigned char *s = (const unsigned char *)p;
    size_t left = (size_t)(end - p);
    if (s[0] < 0x80) return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4 || left < 2 || (s[1] & 0xc0) != 0x80) return 0;
    if (s[0] < 0xe0) return 2;
    if (left < 3 || (s[2] & 0xc0) != 0x80) return 0;
    if (s[0] < 0xf0) return (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ? 0 : 3;
    if (left < 4 || (s[3] & 0xc0) != 0x80) return 0;
    return (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f) ? 0 : 4;
}

static size_t utf8_put(char *out, uint32_t c)
{
    if (c < 0x80) return out[0] = (char)c, 1;
    if (c < 0x800) return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

static int hex4(const char *p, const char *end)
{
    int v = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        v = v << 4 | digit;
    }
    return v;
}

/* At the character after \u. Moves p behind the escape; -1 when it is no character. */
static int32_t read_unicode(const char **p, const char *end)
{
    int high = hex4(*p, end);
    if (high < 0 || (high >= 0xdc00 && high <= 0xdfff)) return -1;
    *p += 4;
    if (high < 0xd800 || high > 0xdbff) return high;
    if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u') return -1;
    int low = hex4(*p + 2, end);
    if (low < 0xdc00 || low > 0xdfff) return -1;
    *p += 6;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* The text between two quotes, which was scanned before, with its escapes resolved. */
static int unescape(struct reader *r, const char *from, const char *to, struct slice *out)
{
    static const char plain[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char *text = arena_alloc(r->arena, (size_t)(to - from) + 1);
    size_t n = 0;
    if (!text) return no_memory(r);
    for (const char *p = from; p < to;) {
        if (*p != '\\') {
            text[n++] = *p++;
            continue;
        }
        const char *escape = p, *known = p[1] ? strchr(plain, p[1]) : NULL;
        p += 2;
        if (known) {
            text[n++] = meant[known - plain];
            continue;
        }
        int32_t c = escape[1] == 'u' ? read_unicode(&p, to) : -1;
        if (c < 0) return fail_at(r, escape, GIFD_EINVALID, "an escape that is none");
        n += utf8_put(text + n, (uint32_t)c);
    }
    text[n] = 0;
    *out = slice_of(text, n);
    return GIFD_OK;
}

static int read_string(struct reader *r, struct slice *out)
{
    const char *from = ++r->p;
    bool escapes = false;
    while (r->p < r->end && *r->p != '"') {
        if ((unsigned char)*r->p < 0x20) return fail(r, "a control character in a string");
        if (*r->p == '\\') {
            escapes = true;
            r->p++;
            if (r->p == r->end) break;
            if ((unsigned char)*r->p < 0x20) return fail(r, "a control character in a string");
        }
        size_t n = utf8_length(r->p, r->end);
        if (!n) return fail(r, "a byte that is not UTF-8");
        r->p += n;
    }
    if (r->p == r->end) return fail(r, "");
    const char *to = r->p++;
    if (escapes) return unescape(r, from, to, out);
    *out = slice_of(from, (size_t)(to - from));
    return GIFD_OK;
}

static size_t digits(struct reader *r)
{
    const char *from = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9') r->p++;
    return (size_t)(r->p - from);
}

static int read_real(struct reader *r, const char *from, struct json *out)
{
    char text[NUMBER_MAX];
    size_t n = (size_t)(r->p - from);
    if (n >= sizeof text) return fail_at(r, from, GIFD_ETOOBIG, "a number of more than 511 characters");
    memcpy(text, from, n);
    text[n] = 0;
    out->type = JSON_REAL;
    out->d = strtod(text, NULL);
    if (out->d > 1.7976931348623157e308 || out->d < -1.7976931348623157e308)
        return fail_at(r, from, GIFD_EINVALID, "a number out of range");
    return GIFD_OK;
}

static int read_number(struct reader *r, struct json *out)
{
    const char *from = r->p;
    bool negative = *r->p == '-', whole = true;
    r->p += negative;
    const char *first = r->p;
    size_t n = digits(r);
    if (!n || (n > 1 && *first == '0')) {
        if (n) r->p = first + 1;
        return fail(r, n ? "a number that begins with 0" : "no digit where a number needs one");
    }
    if (r->p < r->end && *r->p == '.') {
        whole = false;
        r->p++;
        if (!digits(r)) return fail(r, "no digit where a number needs one");
    }
    if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        whole = false;
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-')) r->p++;
        if (!digits(r)) return fail(r, "no digit where a number needs one");
    }
    if (!whole || n > 19) return read_real(r, from, out);
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v * 10 + (uint64_t)(first[i] - '0'); /* 19 digits fit */
    if (v > (uint64_t)INT64_MAX + negative) return read_real(r, from, out);
    out->type = JSON_INT;
    out->i = negative ? (int64_t)(0 - v) : (int64_t)v;
    return GIFD_OK;
}

static int read_word(struct reader *r, struct json *out)
{
    static const struct {
        struct slice text;
        enum json_type type;
        bool b;
    } words[] = {
        {SLICE("true"), JSON_BOOL, true}, {SLICE("false"), JSON_BOOL, false}, {SLICE("null"), JSON_NULL, false}};
    struct slice rest = slice_of(r->p, (size_t)(r->end - r->p));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!slice_starts(rest, words[i].text)) continue;
        r->p += words[i].text.n;
        out->type = words[i].type;
        out->b = words[i].b;
        return GIFD_OK;
    }
    return fail(r, "no value where one belongs");
}

/* A value, or the beginning of an array or object, hung into what is open. */
static int read_value(struct reader *r, struct slice key, struct json **out)
{
    if (r->nodes++ == r->node_max) return fail_at(r, r->p, GIFD_ETOOBIG, "more values than are allowed");
    struct json *v = arena_zalloc(r->arena, sizeof *v);
    if (!v) return no_memory(r);
    v->key = key;
    if (r->depth) {
        struct json **last = &r->last[r->depth - 1];
        *(*last ? &(*last)->next : &r->open[r->depth - 1]->child) = v;
        *last = v;
        r->open[r->depth - 1]->count++;
    }
    *out = v;
    if (r->p == r->end) return fail(r, "");
    if (*r->p == '"') return v->type = JSON_STRING, read_string(r, &v->s);
    if (*r->p == '-' || (*r->p >= '0' && *r->p <= '9')) return read_number(r, v);
    if (*r->p != '[' && *r->p != '{') return read_word(r, v);
    if (r->depth == r->depth_max) return fail_at(r, r->p, GIFD_ETOOBIG, "arrays and objects deeper than allowed");
    v->type = *r->p == '[' ? JSON_ARRAY : JSON_OBJECT;
    v->count = 0;
    r->open[r->depth] = v;
    r->last[r->depth++] = NULL;
    r->p++;
    return GIFD_OK;
}

static int read_key(struct reader *r, struct slice *key)
{
    if (r->p == r->end || *r->p != '"') return fail(r, "no key where one belongs");
    int rc = read_string(r, key);
    if (rc < 0) return rc;
    skip_space(r);
    if (r->p == r->end || *r->p != ':') return fail(r, "no colon after a key");
    r->p++;
    skip_space(r);
    return GIFD_OK;
}

static int read_all(struct reader *r, struct json **root)
{
    int rc = read_value(r, (struct slice){0}, root);
    while (rc == GIFD_OK && r->depth) {
        struct json *top = r->open[r->depth - 1], *v;
        struct slice key = {0};
        char closing = top->type == JSON_ARRAY ? ']' : '}';
        skip_space(r);
        if (r->p < r->end && *r->p == closing) {
            r->p++;
            r->depth--;
            continue;
        }
        if (top->child) {
            if (r->p == r->end || *r->p != ',') return fail(r, "neither a comma nor the end of this array or object");
            r->p++;
            skip_space(r);
        }
        if (top->type == JSON_OBJECT) rc = read_key(r, &key);
        if (rc == GIFD_OK) rc = read_value(r, key, &v);
    }
    return rc;
}

int json_parse(struct arena *a, struct slice text, const struct json_limits *limits, struct json **root, struct err *e)
{
    static const struct json_limits none;
    const struct json_limits *l = limits ? limits : &none;
    size_t bytes = l->bytes ? l->bytes : BYTES_MAX;
    struct reader r = {.arena = a, .start = text.p, .p = text.p, .end = text.p + text.n, .e = e};
    r.node_max = l->nodes ? l->nodes : NODES_MAX;
    r.depth_max = l->depth && l->depth < JSON_DEPTH_MAX ? l->depth : JSON_DEPTH_MAX;
    *root = NULL;
    if (text.n > bytes) return err_set(e, GIFD_ETOOBIG, "JSON of more than %zu bytes", bytes);
    if (!text.n) return err_set(e, GIFD_EINVALID, "the text ends too early at line 1 column 1 (byte 0)");
    skip_space(&r);
    int rc = read_all(&r, root);
    if (rc == GIFD_OK) {
        skip_space(&r);
        if (r.p < r.end) rc = fail(&r, "something after the value");
    }
    if (rc < 0) *root = NULL;
    return rc;
}

const struct json *json_get(const struct json *o, const char *key)
{
    const struct json *found = NULL;
    if (!o || o->type != JSON_OBJECT) return NULL;
    for (const struct json *v = o->child; v; v = v->next)
        if (slice_is(v->key, key)) found = v;
    return found;
}
