/* arena.c: see arena.h. Chunks double from 4 KiB to 64 KiB; a larger allocation gets a chunk of its own. */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_MIN 4096
#define CHUNK_MAX 65536

struct arena_chunk {
    struct arena_chunk *next;
    size_t n, cap;
    _Alignas(16) char bytes[];
};

struct arena_deferred {
    struct arena_deferred *next;
    void (*fn)(void *);
    void *arg;
};

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > a->max) return NULL;
    size_t want = (n + 15) & ~(size_t)15;
    struct arena_chunk *c = a->chunks;
    if (!c || c->cap - c->n < want) {
        size_t cap = c ? c->cap * 2 : CHUNK_MIN;
        if (cap > CHUNK_MAX) cap = CHUNK_MAX;
        if (cap < want) cap = want;
        if (a->used + cap > a->max + CHUNK_MIN) return NULL;
        c = malloc(sizeof *c + cap);
        if (!c) return NULL;
        *c = (struct arena_chunk){.next = a->chunks, .cap = cap};
        a->chunks = c;
        a->used += cap;
    }
    void *p = c->bytes + c->n;
    c->n += want;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);
    return p ? memset(p, 0, n) : NULL;
}

char *arena_strndup(struct arena *a, const char *p, size_t n)
{
    char *s = arena_alloc(a, n + 1);
    if (!s) return NULL;
    if (n) memcpy(s, p, n);
    s[n] = 0;
    return s;
}

int arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
    struct arena_deferred *d = arena_alloc(a, sizeof *d);
    if (!d) return -1;
    *d = (struct arena_deferred){.next = a->deferred, .fn = fn, .arg = arg};
    a->deferred = d;
    return 0;
}

static void run_deferred(struct arena *a)
{
    while (a->deferred) {
        struct arena_deferred *d = a->deferred;
        a->deferred = d->next;
        d->fn(d->arg);
    }
}

void arena_reset(struct arena *a)
{
    run_deferred(a);
    while (a->chunks && a->chunks->next) {
        struct arena_chunk *c = a->chunks;
        a->chunks = c->next;
        a->used -= c->cap;
        free(c);
    }
    if (a->chunks) a->chunks->n = 0;
}

void arena_free(struct arena *a)
{
    arena_reset(a);
    free(a->chunks);
    *a = (struct arena){.max = a->max};
}
