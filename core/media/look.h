/* look.h: what a source looks like, from a few of its pictures: hashes, colours, and a picture of a few bytes to show
 * before it (struct media_look of ask.h). In the sandbox; single-threaded. */
#ifndef GIFD_MEDIA_LOOK_H
#define GIFD_MEDIA_LOOK_H

#include "base/err.h"
#include "media/source.h"

/* Decodes to the end. GIFD_EBADMEDIA when there is not one picture. crops: hashes also of windows of each picture, so
 * that one who has cut a little off its edges finds it. */
int look(struct source *s, bool crops, struct media_look *out, struct err *e);

/* Which picture of `total` (from 0) is the i-th of n evenly spaced ones, the first and the last among them; half a
 * picture rounds to the even one. With n >= total the i-th, or the last. */
static inline uint32_t look_at(uint32_t i, uint32_t n, uint32_t total)
{
    if (n >= total) return i < total ? i : total - 1;
    if (n < 2) return 0;
    uint64_t over = (uint64_t)i * (total - 1), under = n - 1, q = over / under, twice = over % under * 2;
    return (uint32_t)(twice > under || (twice == under && q % 2) ? q + 1 : q);
}

#endif
