/* arena.h: memory with one lifetime, and the things that end with it.
 *
 * Nothing taken from an arena is freed by itself; arena_reset frees all of it at once after running the deferred
 * calls, last in first out. The zero value with a maximum set by arena_init is empty. Owned by one thread. */
#ifndef GIFD_BASE_ARENA_H
#define GIFD_BASE_ARENA_H

#include <stddef.h>

struct arena_chunk;
struct arena_deferred;

struct arena {
    struct arena_chunk *chunks;      /* newest first; the first ever made is kept by arena_reset */
    struct arena_deferred *deferred; /* newest first */
    size_t used, max;
};

void arena_init(struct arena *a, size_t max);
/* 16-byte aligned, not zeroed; NULL when the maximum or the memory is exhausted. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);
char *arena_strndup(struct arena *a, const char *p, size_t n); /* NUL-terminated */
/* Calls fn(arg) at the next arena_reset or arena_free. Returns -1 when there is no memory (fn was not registered). */
int arena_defer(struct arena *a, void (*fn)(void *), void *arg);
void arena_reset(struct arena *a); /* runs deferred calls, keeps the first chunk for reuse */
void arena_free(struct arena *a);  /* runs deferred calls, frees everything */

#endif
