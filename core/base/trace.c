/* trace.c: see trace.h. */
#include "base/trace.h"

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; /* upper case is not allowed */
}

static bool read_hex(const char *p, size_t bytes, uint8_t *out)
{
    for (size_t i = 0; i < bytes; i++) {
        int high = digit(p[2 * i]), low = digit(p[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static void write_hex(const uint8_t *p, size_t bytes, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
}

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i]) return false;
    return true;
}

bool trace_parse(struct slice text, struct trace *out)
{
    struct trace t = {.on = true};
    uint8_t version, flags;
    if (text.n < TRACE_PARENT_LEN || text.p[2] != '-' || text.p[35] != '-' || text.p[52] != '-') return false;
    if (!read_hex(text.p, 1, &version) || version == 0xff) return false;
    if (text.n > TRACE_PARENT_LEN && (version == 0 || text.p[TRACE_PARENT_LEN] != '-')) return false;
    if (!read_hex(text.p + 3, sizeof t.id, t.id) || !read_hex(text.p + 36, sizeof t.span, t.span) ||
        !read_hex(text.p + 53, 1, &flags))
        return false;
    if (is_zero(t.id, sizeof t.id) || is_zero(t.span, sizeof t.span)) return false;
    t.sampled = flags & 1;
    *out = t;
    return true;
}

void trace_format(const struct trace *t, char out[TRACE_PARENT_LEN + 1])
{
    memcpy(out, "00-", 3);
    write_hex(t->id, sizeof t->id, out + 3);
    out[35] = '-';
    write_hex(t->span, sizeof t->span, out + 36);
    memcpy(out + 52, t->sampled ? "-01" : "-00", 4);
}

void trace_id_text(const struct trace *t, char out[TRACE_ID_LEN + 1])
{
    write_hex(t->id, sizeof t->id, out);
    out[TRACE_ID_LEN] = 0;
}

void trace_span_text(const struct trace *t, char out[TRACE_SPAN_LEN + 1])
{
    write_hex(t->span, sizeof t->span, out);
    out[TRACE_SPAN_LEN] = 0;
}
