/* buf.c: see buf.h. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->n = 0;
}

int buf_reserve(struct buf *b, size_t extra, struct err *e)
{
    if (extra > b->max || b->n > b->max - extra)
        return err_set(e, GIFD_ETOOBIG, "buffer would exceed its maximum of %zu bytes", b->max);
    size_t need = b->n + extra;
    if (need < b->cap) return GIFD_OK;
    size_t cap = b->cap ? b->cap : 256;
    while (cap <= need) cap *= 2;
    char *p = realloc(b->p, cap);
    if (!p) return err_set(e, GIFD_ENOMEM, "no memory for a buffer of %zu bytes", cap);
    b->p = p;
    b->cap = cap;
    return GIFD_OK;
}

int buf_append(struct buf *b, const void *bytes, size_t n, struct err *e)
{
    if (n == 0) return GIFD_OK;
    int rc = buf_reserve(b, n, e);
    if (rc < 0) return rc;
    memcpy(b->p + b->n, bytes, n);
    b->n += n;
    return GIFD_OK;
}

int buf_puts(struct buf *b, const char *s, struct err *e)
{
    return buf_append(b, s, strlen(s), e);
}

int buf_printf(struct buf *b, struct err *e, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) return err_set(e, GIFD_EINVALID, "bad format");
    int rc = buf_reserve(b, (size_t)n + 1, e);
    if (rc < 0) return rc;
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
    return GIFD_OK;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        return;
    }
    memmove(b->p, b->p + n, b->n - n);
    b->n -= n;
}

const char *buf_str(struct buf *b)
{
    if (b->n < b->cap) {
        b->p[b->n] = 0;
        return b->p;
    }
    char *p = realloc(b->p, b->n + 1);
    if (!p) return "";
    b->p = p;
    b->cap = b->n + 1;
    b->p[b->n] = 0;
    return b->p;
}
