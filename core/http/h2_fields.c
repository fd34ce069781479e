/* h2_fields.c: see h2_fields_int.h. */
#include "http/h2_fields_int.h"

static bool hidden(struct slice name)
{
    return slice_is(name, "connection") || slice_is(name, "transfer-encoding") || slice_is(name, "keep-alive");
}

int h2__fields(char *text, size_t n, struct http_header *out, size_t max)
{
    size_t count = 0;
    char *p = text, *end = text + n;
    while (end - p > 2) {
        char *name = p + 2, *colon = memchr(name, ':', (size_t)(end - name));
        if (p[0] != '\r' || p[1] != '\n' || !colon) return -1;
        for (char *b = name; b < colon; b++)
            if (*b >= 'A' && *b <= 'Z') *b |= 0x20;
        char *value = colon + 1 + (colon + 1 < end && colon[1] == ' ');
        p = memchr(value, '\r', (size_t)(end - value));
        if (!p) p = end;
        struct http_header field = {slice_of(name, (size_t)(colon - name)), slice_of(value, (size_t)(p - value))};
        if (hidden(field.name)) continue;
        if (count == max) return -1;
        out[count++] = field;
    }
    return (int)count;
}
