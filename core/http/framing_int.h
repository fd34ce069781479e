/* framing_int.h: llhttp's reading of a message, behind a wall (its names collide with ours).
 *
 * framing__head gives its opinion of a whole head, which must be ours too; framing__chunks takes the chunked coding off a
 * body, up to the last chunk; the trailer section behind that is the caller's. */
#ifndef GIFD_HTTP_FRAMING_INT_H
#define GIFD_HTTP_FRAMING_INT_H

#include "base/slice.h"

#include <stdint.h>

#define FRAMING_EXTENSION_MAX 256 /* bytes of one chunk's extensions */

struct framing {
    _Alignas(8) unsigned char parser[128];
    /* Decoded bytes; not 0: stop after these. Set by the caller between framing__head and framing__chunks. */
    int (*body)(void *to, const char *p, size_t n);
    void *to;
    size_t extension;
    bool last; /* the last chunk's line was read: a trailer section follows */
};

struct framing_head {
    const char *method;
    int minor;
    bool chunked, has_length;
    uint64_t length;
};

int framing__head(struct framing *f, struct slice head, struct framing_head *out); /* 0, or -1: not a request */
/* Returns the bytes used, fewer than n when body() or the last chunk stopped it; -1: malformed. */
ptrdiff_t framing__chunks(struct framing *f, const char *p, size_t n);

#endif
