/* head_fuzz.c: any bytes as a head, in two pieces: what is accepted must make a valid path or be refused, and both ways
 * of arriving must end alike. */
#include "http/chunk_int.h"
#include "http/framing_int.h"
#include "http/head_int.h"
#include "http/path_int.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ptrdiff_t scan(const char *p, size_t n, size_t first, struct head_scan *s)
{
    struct refusal why;
    *s = (struct head_scan){0};
    ptrdiff_t end = head__scan(s, p, first, &http_limits_default, &why);
    return end == 0 ? head__scan(s, p, n, &http_limits_default, &why) : end;
}

static void check_chunks(const char *p, size_t n)
{
    struct chunks c = {0};
    for (size_t at = 0; at < n && !c.last;) {
        size_t data;
        ptrdiff_t used = chunk__next(&c, p + at, n - at, &data);
        if (used < 0) return;
        at += (size_t)used + data;
        if (at > n) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_header headers[256];
    struct head_scan s, split;
    struct refusal why;
    struct head h;
    const char *p = (const char *)data;
    ptrdiff_t end = scan(p, size, size, &s);
    if (size && end != scan(p, size, data[size - 1] % size, &split) && end > 0) abort();
    check_chunks(p, size);
    if (end <= 0) return 0;
    struct slice text = slice_of(p + s.start, (size_t)end - s.start);
    if (s.lines > 200 || head__parse(text, &http_limits_default, &h, headers, &why) < 0 || h.asterisk) return 0;
    struct framing other;
    framing__read(text, &other);
    char *path = malloc(h.path.n);
    const char *reason;
    size_t n;
    if (path && path__normalise(h.path, path, &n, &reason) == 0 && (n == 0 || n > h.path.n || path[0] != '/')) abort();
    free(path);
    return 0;
}
