/* slab.c: see slab.h. With AddressSanitizer every piece is malloc's, so that it sees them all. */
#include "script/slab.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK (64 * 1024)

struct slab_block {
    struct slab_block *next;
    size_t spare; /* pieces begin at a multiple of SLAB_STEP */
};

#if defined(__SANITIZE_ADDRESS__)
#define PIECES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PIECES 0
#endif
#endif
#ifndef PIECES
#define PIECES SLAB_PIECE
#endif

_Static_assert(sizeof(struct slab_block) % SLAB_STEP == 0, "pieces are aligned");

void slab_init(struct slab *s, size_t max)
{
    *s = (struct slab){.max = max};
}

void slab_free(struct slab *s)
{
    while (s->blocks) {
        struct slab_block *b = s->blocks;
        s->blocks = b->next;
        free(b);
    }
    slab_init(s, s->max);
}

static inline size_t list_of(size_t n)
{
    return (n - 1) / SLAB_STEP;
}

static void put(struct slab *s, void *p, size_t list)
{
    *(void **)p = s->free[list];
    s->free[list] = p;
}

static void *cut(struct slab *s, size_t list)
{
    size_t n = (list + 1) * SLAB_STEP;
    if ((size_t)(s->end - s->at) < n) {
        struct slab_block *b = s->bytes < s->max ? malloc(BLOCK) : NULL;
        if (!b) return NULL;
        if (s->end > s->at) put(s, s->at, list_of((size_t)(s->end - s->at)));
        b->next = s->blocks;
        s->blocks = b;
        s->bytes += BLOCK;
        s->at = (char *)(b + 1);
        s->end = (char *)b + BLOCK;
    }
    void *p = s->at;
    s->at += n;
    return p;
}

static void *take(struct slab *s, size_t n)
{
    if (n > PIECES) return malloc(n);
    size_t list = list_of(n);
    void *p = s->free[list];
    if (!p) return cut(s, list);
    s->free[list] = *(void **)p;
    __builtin_prefetch(s->free[list]); /* collected long ago, so it is far away */
    return p;
}

static void give(struct slab *s, void *p, size_t n)
{
    if (n > PIECES)
        free(p);
    else if (!s->ending)
        put(s, p, list_of(n));
}

void *slab_resize(struct slab *s, void *p, size_t old, size_t n)
{
    if (!p) return n ? take(s, n) : NULL;
    if (n == 0) {
        give(s, p, old);
        return NULL;
    }
    if (old > PIECES && n > PIECES) return realloc(p, n);
    if (old <= PIECES && n <= PIECES && list_of(old) == list_of(n)) return p;
    void *q = take(s, n);
    if (!q) return NULL;
    memcpy(q, p, old < n ? old : n);
    give(s, p, old);
    return q;
}
