/* lzw.c: see lzw.h. The dictionary is a tree: a node per code, its children in a list. */
#include "media/lzw.h"

#include <stdlib.h>
#include <string.h>

#define CODES 4096
#define VISITS_MAX 256 /* nodes looked at for one match, when there is a choice */

struct node {
    uint16_t child, next; /* 0: none; codes of children are never 0 */
    uint16_t up;
    uint8_t index, root; /* the last and the first of what the code stands for */
};

struct lzw {
    struct node node[CODES];
    uint8_t block[256];
    unsigned filled;
    uint32_t bits;
    unsigned held;
    unsigned near[PALETTE_MAX * PALETTE_MAX / 32]; /* index a may stand for index b */
};

struct match {
    unsigned code, length, error;
};

struct walk {
    const struct lzw *z;
    const struct lzw_pixels *p;
    struct match best;
    unsigned visits;
};

struct lzw *lzw_new(void)
{
    return calloc(1, sizeof(struct lzw));
}

void lzw_free(struct lzw *z)
{
    free(z);
}

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

static bool may_stand(const struct lzw *z, const struct lzw_pixels *p, size_t at, unsigned index)
{
    unsigned wanted = p->index[at];
    if (index == wanted) return true;
    if (index == p->transparent) return p->kept && p->kept[at];
    if (!p->tolerance || wanted == p->transparent) return false;
    return z->near[(wanted * PALETTE_MAX + index) / 32] >> (index % 32) & 1;
}

static unsigned error_of(const struct lzw_pixels *p, size_t at, unsigned index)
{
    unsigned wanted = p->index[at];
    if (index == wanted || index == p->transparent) return 0;
    return palette_distance(p->palette->rgb[wanted], p->palette->rgb[index]);
}

static void follow(struct walk *w, unsigned code, size_t at, unsigned length, unsigned error)
{
    if (length > w->best.length || (length == w->best.length && error < w->best.error))
        w->best = (struct match){code, length, error};
    if (at == w->p->n) return;
    for (unsigned c = w->z->node[code].child; c && w->visits < VISITS_MAX; c = w->z->node[c].next) {
        unsigned index = w->z->node[c].index;
        w->visits++;
        if (may_stand(w->z, w->p, at, index)) follow(w, c, at + 1, length + 1, error + error_of(w->p, at, index));
    }
}

/* Without a choice there is one way down. */
static struct match exact(const struct lzw *z, const struct lzw_pixels *p, size_t at)
{
    struct match m = {p->index[at], 1, 0};
    while (at + m.length < p->n) {
        unsigned c = z->node[m.code].child;
        while (c && z->node[c].index != p->index[at + m.length]) c = z->node[c].next;
        if (!c) break;
        m.code = c;
        m.length++;
    }
    return m;
}

static struct match longest(const struct lzw *z, const struct lzw_pixels *p, size_t at)
{
    if (!p->kept && !p->tolerance) return exact(z, p, at);
    struct walk w = {.z = z, .p = p};
    follow(&w, p->index[at], at + 1, 1, 0);
    if (p->kept && p->kept[at] && p->transparent < PALETTE_MAX && p->transparent != p->index[at]) {
        w.visits = 0;
        follow(&w, p->transparent, at + 1, 1, 0);
    }
    return w.best;
}

static void find_near(struct lzw *z, const struct lzw_pixels *p)
{
    memset(z->near, 0, sizeof z->near);
    for (unsigned a = 0; p->tolerance && a < p->palette->n; a++)
        for (unsigned b = 0; b < p->palette->n; b++)
            if (palette_distance(p->palette->rgb[a], p->palette->rgb[b]) <= p->tolerance)
                z->near[(a * PALETTE_MAX + b) / 32] |= 1u << (b % 32);
}

static void tell(const struct lzw *z, const struct lzw_pixels *p, size_t at, const struct match *m)
{
    if (!p->written) return;
    unsigned code = m->code;
    for (size_t i = at + m->length; i > at; i--, code = z->node[code].up) p->written[i - 1] = z->node[code].index;
}

static void start(struct lzw *z, unsigned roots)
{
    memset(z->node, 0, sizeof z->node);
    for (unsigned i = 0; i < roots; i++) z->node[i].index = z->node[i].root = (uint8_t)i;
}

/* What the reader will add: the code before, and the first of what comes next. Until that is known it is taken to be
 * the first of the code before, the only one with which the new code can be used at once. */
static void grow(struct lzw *z, unsigned code, unsigned before)
{
    uint8_t root = z->node[before].root;
    z->node[code] = (struct node){0, z->node[before].child, (uint16_t)before, root, root};
    z->node[before].child = (uint16_t)code;
}

int lzw_write(struct lzw *z, const struct lzw_pixels *p, struct buf *out, struct err *e)
{
    unsigned clear = 1u << p->bits, end = clear + 1, none = CODES, before = none, next = end + 1, width = p->bits + 1;
    uint8_t size = (uint8_t)p->bits, zero = 0;
    z->bits = z->held = z->filled = 0;
    start(z, clear);
    find_near(z, p);
    if (buf_append(out, &size, 1, e) < 0 || put(z, clear, width, out, e) < 0) return e->code;
    for (size_t at = 0; at < p->n;) {
        unsigned added = none;
        if (before != none && next == CODES) {
            if (put(z, clear, width, out, e) < 0) return e->code;
            start(z, clear);
            before = none;
            next = end + 1;
            width = p->bits + 1;
        } else if (before != none) {
            added = next++;
            grow(z, added, before);
            if (added == 1u << width) width++;
        }
        struct match m = longest(z, p, at);
        if (added != none && m.code != added) z->node[added].index = z->node[m.code].root;
        if (put(z, m.code, width, out, e) < 0) return e->code;
        tell(z, p, at, &m);
        at += m.length;
        before = m.code;
    }
    if (before != none && next < CODES && next == 1u << width) width++; /* the reader adds one more before the end */
    if (put(z, end, width, out, e) < 0) return e->code;
    if (z->held && put(z, 0, 8 - z->held, out, e) < 0) return e->code;
    if (flush_block(z, out, e) < 0) return e->code;
    return buf_append(out, &zero, 1, e);
}
