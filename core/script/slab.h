/* slab.h: memory of one lua_State. Lua asks for many small pieces, tells their sizes when it gives them back, and drops
 * them in heaps when it collects: free lists by size serve that in a few instructions, where malloc would merge and
 * cut.
 *
 *   up to SLAB_PIECE bytes: lists of free pieces, 16 bytes apart, cut from blocks      beyond: malloc
 *
 * Blocks are given back when all is (slab_free). Pieces of one size are never joined to larger ones, so blocks may come
 * to more than what is in use: up to `max`, then there is no more. One thread. */
#ifndef GIFD_SCRIPT_SLAB_H
#define GIFD_SCRIPT_SLAB_H

#include <stdbool.h>
#include <stddef.h>

#define SLAB_PIECE 1024 /* the table of a row of the database fits */
#define SLAB_STEP 16

struct slab_block;

struct slab {
    void *free[SLAB_PIECE / SLAB_STEP]; /* by size */
    struct slab_block *blocks;
    char *at, *end; /* of the newest block: not yet cut */
    size_t bytes, max;
    bool ending; /* set before slab_free: pieces that are given back meanwhile are not kept in order */
};

void slab_init(struct slab *s, size_t max);
/* As lua_Alloc: n = 0 frees; old is the size that p has (anything when p is NULL). NULL without memory. */
void *slab_resize(struct slab *s, void *p, size_t old, size_t n);
void slab_free(struct slab *s); /* all blocks; what lies beyond them must have been freed */

#endif
