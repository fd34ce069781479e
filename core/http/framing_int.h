/* framing_int.h: llhttp's reading of a head, behind a wall (its names collide with ours).
 *
 * It is the second opinion: a request exists only when head.c and llhttp, each strict, read the same thing. */
#ifndef GIFD_HTTP_FRAMING_INT_H
#define GIFD_HTTP_FRAMING_INT_H

#include "base/slice.h"

#include <stdint.h>

struct framing {
    const char *method;
    int minor; /* of HTTP/1.minor; -1 for another major version */
    bool chunked, has_length;
    uint64_t length;
};

int framing__read(struct slice head, struct framing *out); /* 0, or -1: not the whole head of a request */

#endif
