/* h2_memory.c: see h2_memory_int.h. */
#include "http/h2_memory_int.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define STEP 32
#define SMALL_MAX (STEP * H2_SIZES)
#define FRAME 16384
#define KEPT 32768 /* bytes in one list */

struct block {
    size_t size;  /* 0: from malloc, at any size */
    char bytes[]; /* of eights: nghttp2 keeps nothing wider than a pointer */
};

static struct block *block_of(void *p)
{
    return LIST_OF(p, struct block, bytes);
}

/* A session has room for its longest frame, whose first few hundred bytes are all that it mostly writes to. */
static void leave_untouched(char *p, size_t n)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)p + page - 1) & ~(page - 1), to = ((uintptr_t)p + n) & ~(page - 1);
    if (n >= FRAME && from < to) madvise((void *)from, to - from, MADV_DONTNEED);
}

static void *take(size_t n, void *arg)
{
    struct http_server *s = arg;
    if (n > SIZE_MAX - sizeof(struct block)) return NULL;
    size_t i = n ? (n - 1) / STEP : 0, size = i < H2_SIZES ? (i + 1) * STEP : 0;
    struct block *b = size ? pool__take(&s->h2_pools[i], sizeof *b + size) : malloc(sizeof *b + n);
    if (!b) return NULL;
    b->size = size;
    leave_untouched(b->bytes, n);
    return b->bytes;
}

static void give(void *p, void *arg)
{
    struct http_server *s = arg;
    if (!p) return;
    struct block *b = block_of(p);
    if (b->size)
        pool__put(&s->h2_pools[b->size / STEP - 1], b);
    else
        free(b);
}

static void *take_zeroed(size_t count, size_t n, void *arg)
{
    if (n && count > SIZE_MAX / n) return NULL;
    void *p = take(count * n, arg);
    return p ? memset(p, 0, count * n) : NULL;
}

static void *resize(void *p, size_t n, void *arg)
{
    if (!p) return take(n, arg);
    struct block *b = block_of(p);
    if (!b->size) {
        b = n <= SIZE_MAX - sizeof *b ? realloc(b, sizeof *b + n) : NULL;
        return b ? b->bytes : NULL;
    }
    if (n <= b->size) return p;
    void *larger = take(n, arg);
    if (!larger) return NULL;
    memcpy(larger, p, b->size);
    give(p, arg);
    return larger;
}

nghttp2_mem h2__memory(struct http_server *s)
{
    for (size_t i = 0; i < H2_SIZES; i++) s->h2_pools[i].max = KEPT / ((i + 1) * STEP);
    return (nghttp2_mem){s, take, give, take_zeroed, resize};
}

void h2__memory_free(struct http_server *s)
{
    for (size_t i = 0; i < H2_SIZES; i++) pool__free(&s->h2_pools[i]);
}
