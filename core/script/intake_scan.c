/* intake_scan.c: see intake_scan.h. */
#include "script/intake_scan.h"

#include <string.h>

#define DEPTH_MAX 16
#define DIGITS_MAX 18

int intake_member(struct slice k)
{
    switch (k.n) {
    case 2: return memcmp(k.p, "at", 2) == 0 ? 4 : -1;
    case 4: return memcmp(k.p, "type", 4) == 0 ? 0 : -1;
    case 5: return memcmp(k.p, "share", 5) == 0 ? 2 : -1;
    case 8:
        return memcmp(k.p, "asset_id", 8) == 0   ? 1
               : memcmp(k.p, "platform", 8) == 0 ? 3
               : memcmp(k.p, "metadata", 8) == 0 ? 5
                                                 : -1;
    default: return -1;
    }
}

const char *intake_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))
#define ZERO_BYTES(w) (((w)-EACH_BYTE(1)) & ~(w)&EACH_BYTE(0x80))

/* Behind the opening quote -> at the closing one; eight bytes at a time. The lowest of the bits is exact. */
static const char *string_end(const char *p, const char *end)
{
    uint64_t w;
    while (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ && end - p >= 8) {
        memcpy(&w, p, 8);
        uint64_t odd = ZERO_BYTES(w ^ EACH_BYTE('"')) | ZERO_BYTES(w ^ EACH_BYTE('\\')) |
                       ((w - EACH_BYTE(0x20)) & ~w & EACH_BYTE(0x80)) | (w & EACH_BYTE(0x80));
        if (odd) {
            p += __builtin_ctzll(odd) / 8;
            return *p == '"' ? p : NULL;
        }
        p += 8;
    }
    for (; p < end; p++) {
        if (*p == '"') return p;
        if (*p == '\\' || (unsigned char)*p < 0x20 || (unsigned char)*p >= 0x80) return NULL;
    }
    return NULL;
}

static const char *integer(const char *p, const char *end, int64_t *out)
{
    bool negative = *p == '-';
    int64_t n = 0;
    p += negative;
    const char *from = p;
    while (p < end && *p >= '0' && *p <= '9' && p - from <= DIGITS_MAX) n = n * 10 + (*p++ - '0');
    if (p == from || p - from > DIGITS_MAX || (*from == '0' && p - from > 1)) return NULL;
    if (p < end && (*p == '.' || *p == 'e' || *p == 'E')) return NULL;
    *out = negative ? -n : n;
    return p;
}

static const char *word(const char *p, const char *end, const char *text, size_t n)
{
    return (size_t)(end - p) >= n && memcmp(p, text, n) == 0 ? p + n : NULL;
}

static const char *scalar(const char *p, const char *end, struct json *out)
{
    if (p == end) return NULL;
    switch (*p) {
    case '"': {
        const char *to = string_end(p + 1, end);
        if (!to) return NULL;
        out->type = JSON_STRING;
        out->s = slice_of(p + 1, (size_t)(to - p - 1));
        return to + 1;
    }
    case 'n': out->type = JSON_NULL; return word(p, end, "null", 4);
    case 't': out->type = JSON_BOOL; return word(p, end, "true", 4);
    case 'f': out->type = JSON_BOOL; return word(p, end, "false", 5);
    default: out->type = JSON_INT; return integer(p, end, &out->i);
    }
}

/* "key" : at p -> at its value */
static const char *key_of(const char *p, const char *end, struct slice *key)
{
    if (p == end || *p != '"') return NULL;
    const char *to = string_end(p + 1, end);
    if (!to) return NULL;
    *key = slice_of(p + 1, (size_t)(to - p - 1));
    p = intake_space(to + 1, end);
    return p < end && *p == ':' ? intake_space(p + 1, end) : NULL;
}

/* An object or array at p -> behind it, with how many members it has. */
static const char *nested(const char *p, const char *end, struct json *out)
{
    bool object[DEPTH_MAX];
    int depth = 0;
    size_t count = 0;
    struct slice key;
    struct json value;
    out->type = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
    for (;;) { /* at a value */
        bool ended = false;
        if (p < end && (*p == '{' || *p == '[')) {
            if (depth == DEPTH_MAX) return NULL;
            object[depth++] = *p == '{';
            p = intake_space(p + 1, end);
            ended = p < end && *p == (object[depth - 1] ? '}' : ']');
        } else {
            p = scalar(p, end, &value);
            if (!p) return NULL;
            count += depth == 1;
            ended = true;
        }
        while (ended) { /* behind a value, or before the end of what is empty */
            p = intake_space(p, end);
            if (p == end) return NULL;
            if (*p == ',') {
                p = intake_space(p + 1, end);
                break;
            }
            if (*p++ != (object[depth - 1] ? '}' : ']')) return NULL;
            if (--depth == 0) {
                out->count = count;
                return p;
            }
            count += depth == 1;
        }
        if (object[depth - 1] && !(p = key_of(p, end, &key))) return NULL;
    }
}

const char *intake_events(const char *p, const char *end)
{
    struct slice key;
    p = key_of(intake_space(p + 1, end), end, &key);
    return p && slice_is(key, "events") ? p : NULL;
}

const char *intake_scan(const char *p, const char *end, struct intake_members *m)
{
    const struct json **known[] = {&m->type, &m->subject, &m->part, &m->platform, &m->at, &m->meta};
    struct slice key;
    for (size_t i = 0; i < 6; i++) *known[i] = NULL;
    m->meta_text = (struct slice){NULL, 0};
    if (p == end || *p != '{') return NULL;
    for (p++;; p++) {
        struct json other, *node = &other;
        p = key_of(intake_space(p, end), end, &key);
        if (!p || p == end || slice_is(key, "events")) return NULL;
        int which = intake_member(key);
        if (which >= 0) node = &m->nodes[which];
        const char *from = p;
        p = *p == '{' || *p == '[' ? nested(p, end, node) : scalar(p, end, node);
        if (!p) return NULL;
        if (which >= 0) *known[which] = node->type == JSON_NULL ? NULL : node;
        if (which == 5) m->meta_text = slice_of(from, (size_t)(p - from));
        p = intake_space(p, end);
        if (p == end) return NULL;
        if (*p == '}') return p + 1;
        if (*p != ',') return NULL;
    }
}
