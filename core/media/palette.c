/* palette.c: see palette.h. */
#include "media/palette.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 16384
#define CELLS_MAX 8192 /* when there are more, cells become coarser */
#define KNOWN 1024

struct cell {
    uint32_t color; /* its lowest, + 1; 0: free */
    uint32_t n;
    uint64_t sum[3];
};

struct census {
    struct cell cell[SLOTS];
    struct cell *last;
    uint32_t last_color;
    unsigned cells, shift; /* low bits of each channel that are not told apart */
};

struct census *census_new(void)
{
    return calloc(1, sizeof(struct census));
}

void census_free(struct census *c)
{
    free(c);
}

void census_reset(struct census *c)
{
    if (c->cells) memset(c, 0, sizeof *c);
}

static uint32_t pack(const uint8_t rgb[3])
{
    return (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2];
}

static struct cell *cell_of(struct census *c, uint32_t color)
{
    for (unsigned i = (color * 2654435761u) >> 18;; i = (i + 1) % SLOTS) {
        struct cell *at = &c->cell[i];
        if (at->color == color + 1) return at;
        if (at->color) continue;
        at->color = color + 1;
        c->cells++;
        return at;
    }
}

static uint32_t coarse(const struct census *c, uint32_t color)
{
    uint32_t keep = 0xffu >> c->shift << c->shift;
    return color & (keep << 16 | keep << 8 | keep);
}

static void coarsen(struct census *c)
{
    struct cell *old = malloc(sizeof c->cell);
    c->shift++;
    c->last = NULL;
    c->cells = 0;
    if (old) memcpy(old, c->cell, sizeof c->cell);
    memset(c->cell, 0, sizeof c->cell); /* without memory what was seen is forgotten */
    for (unsigned i = 0; old && i < SLOTS; i++) {
        if (!old[i].color) continue;
        struct cell *to = cell_of(c, coarse(c, old[i].color - 1));
        to->n += old[i].n;
        for (int k = 0; k < 3; k++) to->sum[k] += old[i].sum[k];
    }
    free(old);
}

void census_add(struct census *c, const uint8_t rgb[3])
{
    uint32_t color = pack(rgb);
    if (!c->last || c->last_color != color) {
        if (c->cells >= CELLS_MAX) coarsen(c);
        c->last = cell_of(c, coarse(c, color));
        c->last_color = color;
    }
    c->last->n++;
    for (int k = 0; k < 3; k++) c->last->sum[k] += rgb[k];
}

bool census_exceeds(const struct census *c, unsigned distinct)
{
    return c->shift || c->cells > distinct;
}

/* ---- the nearest ---- */

static unsigned known_slot(uint32_t color)
{
    return (color * 2654435761u) >> 22; /* 10 bits */
}

/* After the colours were set. */
static void make_ready(struct palette *p)
{
    memset(p->known, 0xff, sizeof p->known);
    memset(&p->near, 0, offsetof(struct palette_nearest, pool));
    for (unsigned i = p->reserved; i < p->n; i++) {
        unsigned at = known_slot(pack(p->rgb[i]));
        while (p->known[at] >= 0) at = (at + 1) % KNOWN;
        p->known[at] = (int16_t)i;
    }
}

int palette_find(const struct palette *p, const uint8_t rgb[3])
{
    for (unsigned at = known_slot(pack(rgb)); p->known[at] >= 0; at = (at + 1) % KNOWN)
        if (memcmp(p->rgb[p->known[at]], rgb, 3) == 0) return p->known[at];
    return -1;
}

/* How far a channel's value may be from those of a stretch of `size` from `low` on: at the least and at the most. */
static inline void reach(int value, int low, int size, int *least, int *most)
{
    int below = low - value, above = value - (low + size - 1);
    *least = below > 0 ? below : above > 0 ? above : 0;
    *most = below + size - 1 > above + size - 1 ? below + size - 1 : above + size - 1;
}

/* Those of `from` that can be the nearest of any colour in a cell: at the least no farther from it than some other is
 * at the most. They keep their order, so that of equally near ones the first is found. The result is their number. */
static unsigned sift(const struct palette_near *from, unsigned n, const int low[3], const int size[3],
                     struct palette_near *to)
{
    static const int weight[3] = {2, 5, 2};
    int nearest[PALETTE_MAX], bound = INT_MAX;
    unsigned kept = 0;
    for (unsigned i = 0; i < n; i++) {
        int least = 0, most = 0;
        for (int k = 0; k < 3; k++) {
            int a, b;
            reach(from[i].rgb[k], low[k], size[k], &a, &b);
            least += weight[k] * a * a;
            most += weight[k] * b * b;
        }
        nearest[i] = least;
        if (most < bound) bound = most;
    }
    for (unsigned i = 0; i < n; i++)
        if (nearest[i] <= bound) to[kept++] = from[i];
    return kept;
}

static const struct palette_near *all_of(struct palette *p, unsigned *n)
{
    if (!p->near.taken) {
        for (unsigned i = p->reserved; i < p->n; i++) {
            struct palette_near *to = &p->near.pool[p->near.taken++];
            memcpy(to->rgb, p->rgb[i], 3);
            to->index = (uint8_t)i;
        }
    }
    *n = p->n - p->reserved;
    return p->near.pool;
}

/* Of the cell that holds the colour, its channels told apart by so many bits; out of those of a coarser one. */
static void fill(struct palette *p, struct palette_cell *c, const uint8_t rgb[3], const uint8_t bits[3],
                 const struct palette_near *from, unsigned n)
{
    int low[3], size[3];
    for (int k = 0; k < 3; k++) {
        size[k] = 256 >> bits[k];
        low[k] = rgb[k] & -size[k];
    }
    c->from = (uint16_t)p->near.taken;
    c->n = (uint16_t)sift(from, n, low, size, &p->near.pool[c->from]);
    p->near.taken += c->n;
}

static unsigned cell_at(const uint8_t rgb[3], const uint8_t bits[3])
{
    unsigned r = rgb[0] >> (8 - bits[0]), g = rgb[1] >> (8 - bits[1]), b = rgb[2] >> (8 - bits[2]);
    return (r << bits[1] | g) << bits[2] | b;
}

static const uint8_t coarse_bits[3] = {2, 3, 2}, fine_bits[3] = {5, 6, 5};

static void look_around(struct palette *p, const uint8_t rgb[3])
{
    if (p->near.taken > PALETTE_POOL - 3 * PALETTE_MAX) memset(&p->near, 0, offsetof(struct palette_nearest, pool));
    unsigned n;
    const struct palette_near *all = all_of(p, &n);
    struct palette_cell *coarse = &p->near.coarse[cell_at(rgb, coarse_bits)];
    if (!coarse->n) fill(p, coarse, rgb, coarse_bits, all, n);
    fill(p, &p->near.fine[cell_at(rgb, fine_bits)], rgb, fine_bits, &p->near.pool[coarse->from], coarse->n);
}

unsigned palette_nearest(struct palette *p, const uint8_t rgb[3])
{
    struct palette_cell *c = &p->near.fine[cell_at(rgb, fine_bits)];
    if (!c->n) look_around(p, rgb);
    const struct palette_near *at = &p->near.pool[c->from], *end = at + c->n;
    unsigned best = at->index, least = palette_distance(rgb, at->rgb);
    while (++at < end) {
        unsigned d = palette_distance(rgb, at->rgb);
        if (d < least) least = d, best = at->index;
    }
    return best;
}

/* ---- cutting ---- */

struct point {
    double n, rgb[3];
};

struct box {
    unsigned from, to; /* of points */
    double cost;       /* what cutting it gains, at most */
    int axis;
};

static void measure(const struct point *p, struct box *b)
{
    double n = 0, sum[3] = {0}, square[3] = {0}, most = -1;
    static const double weight[3] = {2, 5, 2};
    for (unsigned i = b->from; i < b->to; i++) {
        n += p[i].n;
        for (int k = 0; k < 3; k++) {
            sum[k] += p[i].n * p[i].rgb[k];
            square[k] += p[i].n * p[i].rgb[k] * p[i].rgb[k];
        }
    }
    b->cost = 0;
    for (int k = 0; k < 3; k++) {
        double spread = weight[k] * (square[k] - sum[k] * sum[k] / n);
        b->cost += spread;
        if (spread > most) most = spread, b->axis = k;
    }
    if (b->to - b->from < 2) b->cost = 0;
}

static int sort_axis;
static int by_axis(const void *a, const void *b)
{
    double x = ((const struct point *)a)->rgb[sort_axis], y = ((const struct point *)b)->rgb[sort_axis];
    return x < y ? -1 : x > y;
}

/* Where the two halves vary least together. */
static unsigned cut_at(struct point *p, const struct box *b)
{
    double n = 0, sum = 0, left_n = 0, left = 0, best = -1;
    unsigned at = b->from + 1;
    sort_axis = b->axis;
    qsort(p + b->from, b->to - b->from, sizeof *p, by_axis);
    for (unsigned i = b->from; i < b->to; i++) n += p[i].n, sum += p[i].n * p[i].rgb[b->axis];
    for (unsigned i = b->from; i + 1 < b->to; i++) {
        left_n += p[i].n;
        left += p[i].n * p[i].rgb[b->axis];
        double gain = left * left / left_n + (sum - left) * (sum - left) / (n - left_n);
        if (gain > best) best = gain, at = i + 1;
    }
    return at;
}

#define MOVES 2

static void set_color(struct palette *p, unsigned i, const double rgb[3])
{
    for (int k = 0; k < 3; k++) p->rgb[i][k] = (uint8_t)(rgb[k] + 0.5 > 255 ? 255 : rgb[k] + 0.5);
}

static void move_centres(struct palette *p, const struct point *points, unsigned n)
{
    static double sum[PALETTE_MAX][4];
    memset(sum, 0, sizeof sum);
    make_ready(p);
    for (unsigned i = 0; i < n; i++) {
        uint8_t rgb[3];
        for (int k = 0; k < 3; k++) rgb[k] = (uint8_t)(points[i].rgb[k] + 0.5);
        double *to = sum[palette_nearest(p, rgb)];
        to[3] += points[i].n;
        for (int k = 0; k < 3; k++) to[k] += points[i].n * points[i].rgb[k];
    }
    for (unsigned i = 0; i < p->n; i++) {
        if (!(sum[i][3] > 0)) continue;
        for (int k = 0; k < 3; k++) sum[i][k] /= sum[i][3];
        set_color(p, i, sum[i]);
    }
}

static void cut(struct palette *p, struct point *points, unsigned n, unsigned most)
{
    struct box box[PALETTE_MAX] = {{0, n, 0, 0}};
    unsigned boxes = 1;
    measure(points, &box[0]);
    while (boxes < most) {
        unsigned worst = 0;
        for (unsigned i = 1; i < boxes; i++)
            if (box[i].cost > box[worst].cost) worst = i;
        if (!(box[worst].cost > 0)) break;
        unsigned at = cut_at(points, &box[worst]);
        box[boxes] = (struct box){at, box[worst].to, 0, 0};
        box[worst].to = at;
        measure(points, &box[worst]);
        measure(points, &box[boxes++]);
    }
    p->n = boxes;
    for (unsigned i = 0; i < boxes; i++) {
        double total = 0, rgb[3] = {0};
        for (unsigned j = box[i].from; j < box[i].to; j++) {
            total += points[j].n;
            for (int k = 0; k < 3; k++) rgb[k] += points[j].n * points[j].rgb[k];
        }
        for (int k = 0; k < 3; k++) rgb[k] /= total;
        set_color(p, i, rgb);
    }
    for (int i = 0; i < MOVES; i++) move_centres(p, points, n);
}

static int commonest_first(const void *a, const void *b)
{
    const struct cell *x = *(const struct cell *const *)a, *y = *(const struct cell *const *)b;
    if (x->n != y->n) return x->n < y->n ? 1 : -1;
    return x->color < y->color ? -1 : x->color > y->color;
}

static void choose_few(struct palette *p, const struct census *c)
{
    const struct cell *all[PALETTE_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        if (c->cell[i].color) all[n++] = &c->cell[i];
    qsort(all, n, sizeof *all, commonest_first);
    for (unsigned i = 0; i < n; i++)
        for (int k = 0; k < 3; k++) p->rgb[i][k] = (uint8_t)((all[i]->color - 1) >> (16 - 8 * k));
    p->n = n ? n : 1;
    p->exact = true;
}

void palette_choose(struct palette *p, struct census *c, unsigned most, bool reserve)
{
    static struct point points[CELLS_MAX + 1];
    unsigned n = 0;
    p->n = 1;
    p->reserved = 0;
    p->exact = false;
    memset(p->rgb, 0, sizeof p->rgb);
    if (most > PALETTE_MAX - (unsigned)reserve) most = PALETTE_MAX - (unsigned)reserve;
    if (!census_exceeds(c, most)) {
        choose_few(p, c);
    } else {
        for (unsigned i = 0; i < SLOTS; i++) {
            const struct cell *s = &c->cell[i];
            if (!s->color || !s->n) continue;
            points[n].n = s->n;
            for (int k = 0; k < 3; k++) points[n].rgb[k] = (double)s->sum[k] / s->n;
            n++;
        }
        cut(p, points, n, most);
    }
    if (reserve) {
        memmove(p->rgb + 1, p->rgb, (size_t)p->n++ * 3);
        p->reserved = 1;
    }
    make_ready(p);
}
