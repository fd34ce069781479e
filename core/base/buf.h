/* buf.h: a growing byte buffer that is born with its maximum.
 *
 * The zero value is a valid empty buffer that may not grow (max 0). Reaching the maximum is an ordinary error,
 * GIFD_ETOOBIG, and leaves the contents as they were. Owned by one thread. */
#ifndef GIFD_BASE_BUF_H
#define GIFD_BASE_BUF_H

#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

struct buf {
    char *p; /* contents; not NUL-terminated unless buf_str was called */
    size_t n, cap, max;
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);  /* back to empty, keeps max */
void buf_reset(struct buf *b); /* n = 0, keeps memory */
int buf_append(struct buf *b, const void *bytes, size_t n, struct err *e);
int buf_puts(struct buf *b, const char *s, struct err *e);
int buf_printf(struct buf *b, struct err *e, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int buf_reserve(struct buf *b, size_t extra, struct err *e); /* room for extra more bytes at p + n */
void buf_consume(struct buf *b, size_t n);                   /* drops n bytes from the front */
const char *buf_str(struct buf *b);                          /* NUL-terminated view, "" on failure */

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->p, b->n);
}

#endif
