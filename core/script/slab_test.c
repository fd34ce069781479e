/* slab_test.c: pieces keep what is in them, do not overlap, and are found again. */
#include "base/test.h"
#include "script/slab.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KINDS 500

struct piece {
    unsigned char *p;
    size_t n;
    unsigned char mark;
};

static bool whole(const struct piece *piece, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (piece->p[i] != piece->mark) return false;
    return true;
}

static void resize(struct slab *s, struct piece *piece, size_t n, unsigned char mark)
{
    size_t kept = piece->n < n ? piece->n : n;
    piece->p = slab_resize(s, piece->p, piece->n, n);
    CHECK(n == 0 ? !piece->p : piece->p && (uintptr_t)piece->p % 16 == 0);
    CHECK(whole(piece, kept));
    piece->n = n;
    piece->mark = mark;
    memset(piece->p ? piece->p : (unsigned char *)"", mark, n);
}

/* Sizes around every edge, in an order that seems random, in all changes from one to another. */
TEST(pieces_keep_their_bytes)
{
    struct slab s;
    struct piece piece[KINDS] = {{0}};
    uint32_t seed = 7;
    slab_init(&s, 16 << 20);
    for (int i = 0; i < 200000; i++) {
        seed = seed * 1664525u + 1013904223u;
        struct piece *one = &piece[(seed >> 8) % KINDS];
        CHECK(whole(one, one->n));
        resize(&s, one, seed >> 24 < 40 ? 0 : (seed >> 5) % 700, (unsigned char)i);
    }
    for (int i = 0; i < KINDS; i++) {
        CHECK(whole(&piece[i], piece[i].n));
        resize(&s, &piece[i], 0, 0);
    }
    slab_free(&s);
}

TEST(what_was_given_back_is_used_again)
{
    struct slab s;
    slab_init(&s, 1 << 20);
    for (int round = 0; round < 100; round++) {
        void *p[1000];
        for (int i = 0; i < 1000; i++) CHECK((p[i] = slab_resize(&s, NULL, 0, 200)) != NULL);
        for (int i = 0; i < 1000; i++) slab_resize(&s, p[i], 200, 0);
    }
    CHECK(s.bytes <= 1 << 20);
    slab_free(&s);
}

TEST(there_is_an_end_to_it)
{
    struct slab s;
    struct piece *first = NULL;
    slab_init(&s, 1 << 20);
    size_t n = 0;
    for (; n < 100000; n++) {
        void **p = slab_resize(&s, NULL, 0, 64);
        if (!p) break;
        *p = first;
        first = (void *)p;
    }
#ifndef __SANITIZE_ADDRESS__
    CHECK(n > (1 << 20) / 80 && n < (2 << 20) / 64);
#endif
    while (first) {
        void *next = *(void **)first;
        slab_resize(&s, first, 64, 0);
        first = next;
    }
    slab_free(&s);
}

TEST_MAIN()
