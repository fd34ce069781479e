/* lzw.c: see lzw.h. The dictionary is a tree: a node per code, found by its parent and index in a hash, and, where any
 * child of a node may do, by the list of its siblings. */
#include "media/lzw.h"

#include <stdlib.h>
#include <string.h>

#define CODES 4096
#define SLOTS 16384
#define BRANCHES_MAX 8 /* ways tried beside the first for one match */

struct node {
    uint16_t child, next; /* 0: none; codes of children are never 0 */
    uint16_t up;
    uint8_t index, root; /* the last and the first of what the code stands for */
};

struct lzw {
    uint32_t slot[SLOTS]; /* parent << 20 | index << 12 | code; 0: free */
    struct node node[CODES];
    unsigned before; /* the code written last, CODES: none */
    unsigned next;   /* the code that will stand for it and the first index of what comes */
    uint8_t block[256];
    unsigned filled;
    uint32_t bits;
    unsigned held;
    uint32_t near[PALETTE_MAX * PALETTE_MAX / 32]; /* index a may stand for index b */
};

struct match {
    unsigned code, length, error;
};

struct walk {
    const struct lzw *z;
    const struct lzw_pixels *p;
    struct match best;
    unsigned branches;
};

struct lzw *lzw_new(void)
{
    return calloc(1, sizeof(struct lzw));
}

void lzw_free(struct lzw *z)
{
    free(z);
}

/* ---- the bytes ---- */

static int flush_block(struct lzw *z, struct buf *out, struct err *e)
{
    if (!z->filled) return GIFD_OK;
    uint8_t n = (uint8_t)z->filled;
    z->filled = 0;
    if (buf_append(out, &n, 1, e) < 0) return e->code;
    return buf_append(out, z->block, n, e);
}

static int put(struct lzw *z, unsigned code, unsigned width, struct buf *out, struct err *e)
{
    z->bits |= (uint32_t)code << z->held;
    z->held += width;
    while (z->held >= 8) {
        z->block[z->filled++] = (uint8_t)z->bits;
        z->bits >>= 8;
        z->held -= 8;
        if (z->filled == 255 && flush_block(z, out, e) < 0) return e->code;
    }
    return GIFD_OK;
}

/* ---- the dictionary ---- */

static unsigned slot_of(unsigned parent, unsigned index)
{
    return ((parent << 8 | index) * 2654435761u) >> 18; /* 14 bits */
}

/* The code for what `parent` stands for and `index`; 0: there is none. The newest is not in the hash yet, since its
 * last index is the first of what comes: it can be used when that is the first of its own. */
static inline unsigned child(const struct lzw *z, unsigned parent, unsigned index)
{
    uint32_t key = parent << 8 | index;
    for (unsigned i = slot_of(parent, index); z->slot[i]; i = (i + 1) % SLOTS)
        if (z->slot[i] >> 12 == key) return z->slot[i] & 4095;
    return parent == z->before && z->next < CODES && index == z->node[parent].root ? z->next : 0;
}

static void grow(struct lzw *z, unsigned index)
{
    unsigned i = slot_of(z->before, index);
    while (z->slot[i]) i = (i + 1) % SLOTS;
    z->slot[i] = z->before << 20 | index << 12 | z->next;
    struct node *up = &z->node[z->before];
    z->node[z->next] = (struct node){0, up->child, (uint16_t)z->before, (uint8_t)index, up->root};
    up->child = (uint16_t)z->next++;
}

static void start(struct lzw *z, unsigned roots)
{
    memset(z->slot, 0, sizeof z->slot);
    for (unsigned i = 0; i < roots; i++) z->node[i] = (struct node){.index = (uint8_t)i, .root = (uint8_t)i};
    z->before = CODES;
    z->next = roots + 2;
}

static void find_near(struct lzw *z, const struct lzw_pixels *p)
{
    if (!p->tolerance) return;
    memset(z->near, 0, sizeof z->near);
    for (unsigned a = 0; a < p->palette->n; a++)
        for (unsigned b = 0; b < p->palette->n && b < 1u << p->bits; b++)
            if (b != p->transparent && palette_distance(p->palette->rgb[a], p->palette->rgb[b]) <= p->tolerance)
                z->near[(a * PALETTE_MAX + b) / 32] |= 1u << (b % 32);
}

/* ---- the longest match ---- */

static struct match exact(const struct lzw *z, const struct lzw_pixels *p, size_t at)
{
    struct match m = {p->index[at], 1, 0};
    while (at + m.length < p->n) {
        unsigned c = child(z, m.code, p->index[at + m.length]);
        if (!c) break;
        m.code = c;
        m.length++;
    }
    return m;
}

/* Whether one more way may be followed: the first one always, the others while there are few. */
static inline bool may_follow(struct walk *w, bool *first)
{
    if (*first) {
        *first = false;
        return true;
    }
    return w->branches < BRANCHES_MAX && ++w->branches;
}

static void follow(struct walk *w, unsigned code, size_t at, unsigned length, unsigned error)
{
    const struct lzw_pixels *p = w->p;
    bool first = true;
    if (length > w->best.length || (length == w->best.length && error < w->best.error))
        w->best = (struct match){code, length, error};
    if (at == p->n) return;
    unsigned index = p->index[at], choice = p->choice ? p->choice[at] : LZW_OWN, c;
    if (choice != LZW_OWN && (c = child(w->z, code, p->transparent)) && may_follow(w, &first))
        follow(w, c, at + 1, length + 1, error);
    if (choice != LZW_CLEAR && (c = child(w->z, code, index)) && may_follow(w, &first))
        follow(w, c, at + 1, length + 1, error);
    if (choice != LZW_OWN || !p->tolerance) return;
    const uint32_t *near = w->z->near + index * PALETTE_MAX / 32;
    for (c = w->z->node[code].child; c; c = w->z->node[c].next) {
        unsigned other = w->z->node[c].index;
        if (other == index || !(near[other / 32] >> (other % 32) & 1)) continue;
        if (!may_follow(w, &first)) return;
        follow(w, c, at + 1, length + 1, error + palette_distance(p->palette->rgb[index], p->palette->rgb[other]));
    }
}

static struct match longest(const struct lzw *z, const struct lzw_pixels *p, size_t at)
{
    if (!p->choice && !p->tolerance) return exact(z, p, at);
    struct walk w = {.z = z, .p = p};
    unsigned index = p->index[at], choice = p->choice ? p->choice[at] : LZW_OWN;
    if (choice != LZW_OWN) follow(&w, p->transparent, at + 1, 1, 0);
    if (choice != LZW_CLEAR) follow(&w, index, at + 1, 1, 0);
    if (choice != LZW_OWN || !p->tolerance) return w.best;
    const uint32_t *near = z->near + index * PALETTE_MAX / 32;
    for (unsigned word = 0; word < PALETTE_MAX / 32; word++) {
        for (uint32_t left = near[word]; left && w.branches < BRANCHES_MAX; left &= left - 1) {
            unsigned other = word * 32 + (unsigned)__builtin_ctz(left);
            if (other == index) continue;
            w.branches++;
            follow(&w, other, at + 1, 1, palette_distance(p->palette->rgb[index], p->palette->rgb[other]));
        }
    }
    return w.best;
}

static void tell(const struct lzw *z, const struct lzw_pixels *p, size_t at, const struct match *m)
{
    if (!p->written) return;
    unsigned code = m->code;
    for (size_t i = at + m->length; i > at; i--, code = z->node[code].up) p->written[i - 1] = z->node[code].index;
}

/* ---- the stream ---- */

/* How long matches have lately been, in 1/256, and the best that was since the dictionary is full: when it no longer
 * reaches that, it is given up. */
struct fitness {
    int now, best;
};

static bool worn(struct fitness *f, unsigned length, bool full)
{
    f->now += ((int)length * 256 - f->now) / 256;
    f->best = full && f->now < f->best ? f->best : f->now;
    return full && f->now * 20 < f->best * 19;
}

static void move_on(struct lzw *z, unsigned code)
{
    if (z->before != CODES && z->next < CODES) grow(z, code == z->next ? z->node[z->before].root : z->node[code].root);
    z->before = code;
    uint8_t root = z->node[code].root;
    if (z->next < CODES) z->node[z->next] = (struct node){0, 0, (uint16_t)code, root, root};
}

int lzw_write(struct lzw *z, const struct lzw_pixels *p, struct buf *out, struct err *e)
{
    unsigned clear = 1u << p->bits, end = clear + 1, width = p->bits + 1;
    uint8_t size = (uint8_t)p->bits, zero = 0;
    struct fitness fit = {0};
    z->bits = z->held = z->filled = 0;
    start(z, clear);
    find_near(z, p);
    if (buf_append(out, &size, 1, e) < 0 || put(z, clear, width, out, e) < 0) return e->code;
    for (size_t at = 0; at < p->n;) {
        if (z->before != CODES && z->next < CODES && z->next == 1u << width) width++;
        struct match m = longest(z, p, at);
        if (put(z, m.code, width, out, e) < 0) return e->code;
        move_on(z, m.code);
        tell(z, p, at, &m);
        at += m.length;
        if (worn(&fit, m.length, z->next == CODES)) {
            if (put(z, clear, width, out, e) < 0) return e->code;
            start(z, clear);
            width = p->bits + 1;
        }
    }
    if (z->before != CODES && z->next < CODES && z->next == 1u << width) width++; /* the reader adds one more */
    if (put(z, end, width, out, e) < 0) return e->code;
    if (z->held && put(z, 0, 8 - z->held, out, e) < 0) return e->code;
    if (flush_block(z, out, e) < 0) return e->code;
    return buf_append(out, &zero, 1, e);
}
