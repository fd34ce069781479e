/* utf8.c: see utf8_int.h. */
#include "http/utf8_int.h"

#include <stdint.h>

int hex__digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool utf8__valid(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
    while (p < end) {
        if (*p < 0x80) {
            p++;
            continue;
        }
        int more = *p >= 0xc2 && *p <= 0xdf ? 1 : *p >= 0xe0 && *p <= 0xef ? 2 : *p >= 0xf0 && *p <= 0xf4 ? 3 : 0;
        if (!more || end - p <= more) return false;
        uint32_t u = *p & (0x3fu >> more);
        for (int i = 1; i <= more; i++) {
            if ((p[i] & 0xc0) != 0x80) return false;
            u = u << 6 | (p[i] & 0x3fu);
        }
        if ((more == 2 && u < 0x800) || (more == 3 && u < 0x10000) || u > 0x10ffff || (u >= 0xd800 && u <= 0xdfff))
            return false;
        p += more + 1;
    }
    return true;
}
