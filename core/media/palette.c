/* palette.c: see palette.h. */
#include "media/palette.h"

#include <stdlib.h>
#include <string.h>

#define CELLS 32768
#define DISTINCT_MAX 1024 /* exact colours that are remembered */
#define HASH_SLOTS 2048
#define MOVES 2

struct cell {
    uint32_t n;
    uint32_t sum[3];
};

struct census {
    struct cell cell[CELLS];
    uint32_t hash[HASH_SLOTS]; /* colour + 1 */
    uint32_t color[DISTINCT_MAX];
    unsigned distinct; /* DISTINCT_MAX: that many or more */
    uint32_t last;
};

struct census *census_new(void)
{
    return calloc(1, sizeof(struct census));
}

void census_free(struct census *c)
{
    free(c);
}

static unsigned slot_of(uint32_t color)
{
    return (color * 2654435761u) >> 21; /* 11 bits */
}

static void remember(struct census *c, uint32_t color)
{
    if (c->distinct == DISTINCT_MAX || c->last == color + 1) return;
    c->last = color + 1;
    for (unsigned i = slot_of(color);; i = (i + 1) % HASH_SLOTS) {
        if (c->hash[i] == color + 1) return;
        if (c->hash[i]) continue;
        c->hash[i] = color + 1;
        c->color[c->distinct++] = color;
        return;
    }
}

/* Sums stay under 2^32: a cell's count is capped. */
#define COUNT_MAX (1u << 23)

void census_add(struct census *c, const AVFrame *f)
{
    for (int y = 0; y < f->height; y++) {
        const uint8_t *p = f->data[0] + (ptrdiff_t)y * f->linesize[0];
        for (int x = 0; x < f->width; x++, p += 4) {
            if (p[3] < 128) continue;
            struct cell *at = &c->cell[(p[0] >> 3) << 10 | (p[1] >> 3) << 5 | p[2] >> 3];
            if (at->n == COUNT_MAX) continue;
            at->n++;
            for (int i = 0; i < 3; i++) at->sum[i] += p[i];
            remember(c, (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2]);
        }
    }
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

static void set_color(struct palette *p, unsigned i, const double rgb[3])
{
    for (int k = 0; k < 3; k++) p->rgb[i][k] = (uint8_t)(rgb[k] + 0.5 > 255 ? 255 : rgb[k] + 0.5);
}

static unsigned closest(const struct palette *p, const uint8_t rgb[3])
{
    unsigned best = 0, least = ~0u;
    for (unsigned i = 0; i < p->n; i++) {
        unsigned d = palette_distance(rgb, p->rgb[i]);
        if (d < least) least = d, best = i;
    }
    return best;
}

static void move_centres(struct palette *p, const struct point *points, unsigned n)
{
    static double sum[PALETTE_MAX][4];
    memset(sum, 0, sizeof sum);
    for (unsigned i = 0; i < n; i++) {
        uint8_t rgb[3];
        for (int k = 0; k < 3; k++) rgb[k] = (uint8_t)(points[i].rgb[k] + 0.5);
        double *to = sum[closest(p, rgb)];
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

static int choose_few(struct palette *p, const struct census *c)
{
    p->exact = true;
    p->n = c->distinct;
    p->known = calloc(HASH_SLOTS, sizeof *p->known);
    for (unsigned i = 0; i < p->n; i++) {
        for (int k = 0; k < 3; k++) p->rgb[i][k] = (uint8_t)(c->color[i] >> (16 - 8 * k));
        for (unsigned at = slot_of(c->color[i]); p->known; at = (at + 1) % HASH_SLOTS) {
            if (p->known[at]) continue;
            p->known[at] = (c->color[i] << 8 | i) + 1;
            break;
        }
    }
    return p->known ? 0 : -1;
}

int palette_choose(struct palette *p, const struct census *c, unsigned most)
{
    *p = (struct palette){.n = 1};
    if (most > PALETTE_MAX) most = PALETTE_MAX;
    p->nearest = malloc(sizeof *p->nearest << 18);
    if (!p->nearest) return -1;
    memset(p->nearest, 0xff, sizeof *p->nearest << 18);
    if (c->distinct == 0) return 0;
    if (c->distinct <= most && c->distinct < DISTINCT_MAX) return choose_few(p, c);
    struct point *points = malloc(sizeof *points * CELLS);
    unsigned n = 0;
    if (!points) return -1;
    for (unsigned i = 0; i < CELLS; i++) {
        const struct cell *s = &c->cell[i];
        if (!s->n) continue;
        points[n].n = s->n;
        for (int k = 0; k < 3; k++) points[n].rgb[k] = (double)s->sum[k] / s->n;
        n++;
    }
    cut(p, points, n, most);
    free(points);
    return 0;
}

void palette_free(struct palette *p)
{
    free(p->nearest);
    free(p->known);
    *p = (struct palette){0};
}

unsigned palette_nearest(struct palette *p, uint8_t r, uint8_t g, uint8_t b)
{
    if (p->exact) {
        uint32_t color = (uint32_t)r << 16 | (uint32_t)g << 8 | b;
        for (unsigned i = slot_of(color); p->known[i]; i = (i + 1) % HASH_SLOTS)
            if ((p->known[i] - 1) >> 8 == color) return (p->known[i] - 1) & 255;
    }
    uint16_t *cached = &p->nearest[(r >> 2) << 12 | (g >> 2) << 6 | b >> 2];
    if (*cached == 0xffff) {
        const uint8_t middle[3] = {(uint8_t)(r | 2), (uint8_t)(g | 2), (uint8_t)(b | 2)};
        *cached = (uint16_t)closest(p, middle);
    }
    return *cached;
}
