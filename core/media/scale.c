/* scale.c: see scale.h. For each row of the output, the rows under it are summed into one of the source's width, and
 * that is summed up along the row; both only for the stretches that lie under changed tiles. */
#include "media/scale.h"

#include "media/tiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LOBES 3
#define ONE 16384 /* of a weight along a column */
#define STRETCH 8 /* pixels of the output that are made together */

typedef float quad __attribute__((vector_size(16)));

/* For each place of the output: which pixels of the input it is made of, and their weights. */
struct window {
    int from, count; /* count may be cut at the edges; weights add up to 1 */
};

struct axis {
    int n, taps;
    struct window *window;
    float *weight; /* n x taps */
};

struct scale {
    int in_width, in_height, out_width, out_height;
    enum scale_alpha alpha;
    struct axis x, y;
    quad *sums; /* of columns, in_width */
    int32_t *whole;
    uint8_t *columns; /* of tiles: which are dirty above the row */
};

static double lanczos(double x)
{
    if (fabs(x) < 1e-9) return 1;
    if (fabs(x) >= LOBES) return 0;
    return LOBES * sin(M_PI * x) * sin(M_PI * x / LOBES) / (M_PI * M_PI * x * x);
}

static bool axis_init(struct axis *a, int in, int out)
{
    double ratio = (double)in / out;
    a->n = out;
    a->taps = (int)ceil(2 * LOBES * ratio) + 1;
    a->window = calloc((size_t)out, sizeof *a->window);
    a->weight = calloc((size_t)out * (size_t)a->taps, sizeof *a->weight);
    if (!a->window || !a->weight) return false;
    for (int i = 0; i < out; i++) {
        double centre = (i + 0.5) * ratio - 0.5, sum = 0;
        int from = (int)ceil(centre - LOBES * ratio), to = (int)floor(centre + LOBES * ratio) + 1;
        if (from < 0) from = 0;
        if (to > in) to = in;
        if (to - from > a->taps) to = from + a->taps;
        a->window[i] = (struct window){from, to - from};
        float *w = a->weight + (size_t)i * (size_t)a->taps;
        for (int k = from; k < to; k++) sum += lanczos((k - centre) / ratio);
        for (int k = from; k < to; k++) w[k - from] = (float)(lanczos((k - centre) / ratio) / sum);
    }
    return true;
}

struct scale *scale_new(int in_width, int in_height, int out_width, int out_height, enum scale_alpha alpha)
{
    struct scale *s = calloc(1, sizeof *s);
    if (!s) return NULL;
    *s = (struct scale){in_width, in_height, out_width, out_height, alpha, {0}, {0}, NULL, NULL, NULL};
    s->sums = aligned_alloc(sizeof *s->sums, (size_t)in_width * sizeof *s->sums);
    s->whole = malloc((size_t)in_width * 4 * sizeof *s->whole);
    s->columns = malloc((size_t)in_width / TILE_WIDTH + 1);
    if (axis_init(&s->x, in_width, out_width) && axis_init(&s->y, in_height, out_height) && s->sums && s->whole &&
        s->columns)
        return s;
    scale_free(s);
    return NULL;
}

void scale_free(struct scale *s)
{
    if (!s) return;
    free(s->x.window);
    free(s->x.weight);
    free(s->y.window);
    free(s->y.weight);
    free(s->sums);
    free(s->whole);
    free(s->columns);
    free(s);
}

/* ---- down a column ---- */

static const uint8_t *pixel_of(const AVFrame *f, int x, int y)
{
    return f->data[0] + (ptrdiff_t)y * f->linesize[0] + (ptrdiff_t)x * 4;
}

/* In whole numbers, eight at a time where the processor can. */
static void add_rows(int32_t *restrict sum, const uint8_t *restrict a, const uint8_t *restrict b, int16_t wa,
                     int16_t wb, int n)
{
    for (int i = 0; i < n; i++) sum[i] += a[i] * wa + b[i] * wb;
}

static void down_plain(struct scale *s, const AVFrame *in, int y, int x0, int x1)
{
    const struct window *v = &s->y.window[y];
    const float *w = s->y.weight + (size_t)y * (size_t)s->y.taps;
    int n = (x1 - x0) * 4;
    float *sums = (float *)(s->sums + x0);
    memset(s->whole, 0, (size_t)n * sizeof *s->whole);
    for (int k = 0; k < v->count; k += 2) {
        bool pair = k + 1 < v->count;
        int16_t a = (int16_t)lrintf(w[k] * ONE), b = pair ? (int16_t)lrintf(w[k + 1] * ONE) : 0;
        add_rows(s->whole, pixel_of(in, x0, v->from + k), pixel_of(in, x0, v->from + k + pair), a, b, n);
    }
    for (int i = 0; i < n; i++) sums[i] = (float)s->whole[i] * (1.0f / ONE);
}

static void down_alpha(struct scale *s, const AVFrame *in, int y, int x0, int x1)
{
    const struct window *v = &s->y.window[y];
    const float *w = s->y.weight + (size_t)y * (size_t)s->y.taps;
    for (int x = x0; x < x1; x++) s->sums[x] = (quad){0};
    for (int k = 0; k < v->count; k++) {
        const uint8_t *p = pixel_of(in, x0, v->from + k);
        for (int x = x0; x < x1; x++, p += 4) {
            float a = w[k] * p[3] * (1 / 255.0f);
            s->sums[x] += (quad){a * p[0], a * p[1], a * p[2], w[k] * p[3]};
        }
    }
}

/* ---- along a row ---- */

static uint8_t byte_of(float v)
{
    return v <= 0 ? 0 : v >= 254.5f ? 255 : (uint8_t)(v + 0.5f);
}

static void along(const struct scale *s, AVFrame *out, int y, int x0, int x1)
{
    uint8_t *to = out->data[0] + (ptrdiff_t)y * out->linesize[0] + (ptrdiff_t)x0 * 4;
    for (int x = x0; x < x1; x++, to += 4) {
        const struct window *v = &s->x.window[x];
        const float *w = s->x.weight + (size_t)x * (size_t)s->x.taps;
        const quad *from = s->sums + v->from;
        quad sum = {0};
        for (int k = 0; k < v->count; k++) sum += from[k] * w[k];
        float part = s->alpha == SCALE_OPAQUE ? 1 : sum[3] * (1 / 255.0f);
        for (int k = 0; k < 3; k++) to[k] = part > 0.002f ? byte_of(sum[k] / part) : 0;
        to[3] = byte_of(part * 255);
    }
}

/* ---- where ---- */

/* Marks the columns of tiles that changed anywhere under the row; false: none. */
static bool find_columns(struct scale *s, int y, const uint8_t *dirty)
{
    const struct window *v = &s->y.window[y];
    size_t columns = (size_t)(s->in_width + TILE_WIDTH - 1) / TILE_WIDTH;
    memset(s->columns, !dirty, columns);
    for (int row = v->from / TILE_HEIGHT; dirty && row <= (v->from + v->count - 1) / TILE_HEIGHT; row++)
        for (size_t i = 0; i < columns; i++) s->columns[i] |= dirty[(size_t)row * columns + i];
    return memchr(s->columns, 1, columns) != NULL;
}

static bool is_dirty(const struct scale *s, int x0, int x1)
{
    int from = s->x.window[x0].from / TILE_WIDTH;
    int to = (s->x.window[x1 - 1].from + s->x.window[x1 - 1].count - 1) / TILE_WIDTH;
    return memchr(s->columns + from, 1, (size_t)(to - from) + 1) != NULL;
}

void scale_make(struct scale *s, const AVFrame *in, AVFrame *out, const uint8_t *dirty)
{
    for (int y = 0; y < s->out_height; y++) {
        if (!find_columns(s, y, dirty)) continue;
        for (int x0 = 0, x1; x0 < s->out_width; x0 = x1) {
            x1 = x0 + STRETCH < s->out_width ? x0 + STRETCH : s->out_width;
            if (!is_dirty(s, x0, x1)) continue;
            while (x1 < s->out_width) { /* neighbours together */
                int more = x1 + STRETCH < s->out_width ? x1 + STRETCH : s->out_width;
                if (!is_dirty(s, x1, more)) break;
                x1 = more;
            }
            int from = s->x.window[x0].from, to = s->x.window[x1 - 1].from + s->x.window[x1 - 1].count;
            (s->alpha == SCALE_ALPHA ? down_alpha : down_plain)(s, in, y, from, to);
            along(s, out, y, x0, x1);
        }
    }
}
