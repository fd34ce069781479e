/* path.c: see path_int.h. */
#include "http/path_int.h"
#include "http/utf8_int.h"

static int decode(struct slice raw, char *out, size_t *n, const char **why)
{
    size_t k = 0;
    for (size_t i = 0; i < raw.n; i++) {
        unsigned char b = (unsigned char)raw.p[i];
        if (b == '%') {
            int hi = i + 2 < raw.n ? hex__digit(raw.p[i + 1]) : -1, lo = i + 2 < raw.n ? hex__digit(raw.p[i + 2]) : -1;
            if (hi < 0 || lo < 0) return *why = "a broken percent escape in the path", -1;
            b = (unsigned char)(hi << 4 | lo);
            if (b == '/') return *why = "an encoded slash in the path", -1;
            i += 2;
        }
        if (b == '\\') return *why = "a backslash in the path", -1;
        if (b < 0x20 || b == 0x7f) return *why = "a control byte in the path", -1;
        out[k++] = (char)b;
    }
    *n = k;
    return 0;
}

/* In place: the result is never longer, and what is read lies ahead of what is written. */
static int resolve(char *p, size_t *n, const char **why)
{
    size_t k = 0, i = 0;
    while (i < *n) { /* p[i] is the '/' before a segment; p[0 .. k) is done and does not end in '/' unless it must */
        size_t begin = ++i;
        while (i < *n && p[i] != '/') i++;
        size_t len = i - begin;
        bool last = i == *n;
        if (len == 0 && !last) return *why = "an empty segment in the path", -1;
        if (len == 1 && p[begin] == '.') {
            if (last) p[k++] = '/';
        } else if (len == 2 && p[begin] == '.' && p[begin + 1] == '.') {
            if (k == 0) return *why = "the path leads above its root", -1;
            while (p[--k] != '/') {
            }
            if (last) p[k++] = '/';
        } else {
            p[k++] = '/';
            memmove(p + k, p + begin, len);
            k += len;
        }
    }
    *n = k;
    return 0;
}

int path__normalise(struct slice raw, char *out, size_t *n, const char **why)
{
    bool plain = true; /* nothing to decode or resolve: the usual case */
    for (size_t i = 0; i < raw.n && plain; i++) {
        char b = raw.p[i];
        plain = b > 0x20 && b != 0x7f && b != '%' && b != '\\' &&
                !(b == '/' && i + 1 < raw.n && (raw.p[i + 1] == '/' || raw.p[i + 1] == '.'));
    }
    if (plain) {
        memcpy(out, raw.p, raw.n);
        *n = raw.n;
        return 0;
    }
    if (decode(raw, out, n, why) < 0) return -1;
    if (!utf8__valid(slice_of(out, *n))) return *why = "the path is not UTF-8", -1;
    return resolve(out, n, why);
}
