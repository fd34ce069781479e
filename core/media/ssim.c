/* ssim.c: see ssim.h. */
#include "media/ssim.h"

#include "media/pixels.h"

#include <libavutil/mathematics.h>

#define WINDOW 8
#define APART 4

struct sums {
    uint32_t a, b, squares, products;
};

static double compare(const struct sums *s, uint32_t n)
{
    static const double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
    double ma = (double)s->a / n, mb = (double)s->b / n;
    double both = (double)s->squares / n - ma * ma - mb * mb, co = (double)s->products / n - ma * mb;
    return (2 * ma * mb + c1) * (2 * co + c2) / ((ma * ma + mb * mb + c1) * (both + c2));
}

static void add(struct sums *s, const uint8_t *a, int a_stride, const uint8_t *b, int b_stride, int w, int h)
{
    for (int y = 0; y < h; y++, a += a_stride, b += b_stride) {
        for (int x = 0; x < w; x++) {
            s->a += a[x];
            s->b += b[x];
            s->squares += (uint32_t)(a[x] * a[x] + b[x] * b[x]);
            s->products += (uint32_t)(a[x] * b[x]);
        }
    }
}

/* Sums of blocks of 4 x 4 are made once; a window is four of them. What is smaller than a window is one window. */
double ssim_luma(const uint8_t *a, int a_stride, const uint8_t *b, int b_stride, int width, int height)
{
    struct sums all = {0}, row[2][65536 / APART];
    int columns = width / APART, rows = height / APART;
    double total = 0;
    if (width < WINDOW || height < WINDOW || width > 65535) {
        int w = width < WINDOW ? width : WINDOW, h = height < WINDOW ? height : WINDOW;
        add(&all, a, a_stride, b, b_stride, w, h);
        return compare(&all, (uint32_t)(w * h));
    }
    for (int y = 0; y < rows; y++) {
        struct sums *now = row[y & 1], *before = row[~y & 1];
        for (int x = 0; x < columns; x++) {
            now[x] = (struct sums){0};
            add(&now[x], a + (ptrdiff_t)y * APART * a_stride + x * APART, a_stride,
                b + (ptrdiff_t)y * APART * b_stride + x * APART, b_stride, APART, APART);
        }
        for (int x = 1; y && x < columns; x++) {
            struct sums s = {now[x].a + now[x - 1].a + before[x].a + before[x - 1].a,
                             now[x].b + now[x - 1].b + before[x].b + before[x - 1].b,
                             now[x].squares + now[x - 1].squares + before[x].squares + before[x - 1].squares,
                             now[x].products + now[x - 1].products + before[x].products + before[x - 1].products};
            total += compare(&s, WINDOW * WINDOW);
        }
    }
    return total / ((double)(columns - 1) * (rows - 1));
}

/* One of the two, at the picture that it shows now. */
struct side {
    struct source *s;
    struct pixels pixels;
    struct picture picture;
    AVFrame *luma;
    int64_t end; /* microseconds; of the picture */
    bool over;
};

static void begin(struct side *d, struct source *s, const struct ssim_span *span)
{
    struct pixels_bounds any = {65535, 65535, 1e12};
    *d = (struct side){.s = s};
    pixels_init(&d->pixels, s, AV_PIX_FMT_GRAY8, false, &any, span->background);
    d->pixels.width = d->pixels.inner_width = span->width;
    d->pixels.height = d->pixels.inner_height = span->height;
}

/* On to the picture that is shown at `at`; the last one stays. */
static int advance(struct side *d, int64_t at, struct err *e)
{
    static const AVRational us = {1, 1000000};
    bool moved = false;
    while (!d->over && d->end <= at) {
        int rc = source_next(d->s, &d->picture, e);
        if (rc < 0) return rc;
        d->over = rc == 0;
        if (rc == 0) break;
        d->end = av_rescale_q(d->picture.start + d->picture.duration, d->s->time_base, us);
        moved = true;
    }
    if (!d->picture.frame) return err_set(e, GIFD_EBADMEDIA, "not one picture could be decoded");
    if (moved) d->luma = pixels_make(&d->pixels, d->s, d->picture.frame, e);
    return d->luma ? GIFD_OK : e->code;
}

int ssim_sources(struct source *truth, struct source *other, const struct ssim_span *span, double *out, struct err *e)
{
    struct side a, b;
    int64_t from = (int64_t)span->from_ms * 1000, at = 0;
    int64_t end = (int64_t)(span->to_ms ? span->to_ms : truth->facts.duration_ms) * 1000 - from;
    int64_t step = (int64_t)span->step_ms * 1000;
    double sum = 0, weight = 0, last = 1;
    begin(&a, truth, span);
    begin(&b, other, span);
    int rc = GIFD_OK;
    do {
        AVFrame *before_a = a.luma, *before_b = b.luma;
        int64_t end_a = a.end, end_b = b.end;
        rc = advance(&a, at + from, e);
        if (rc >= 0) rc = advance(&b, at, e);
        if (rc < 0) break;
        if (!before_a || !before_b || a.end != end_a || b.end != end_b)
            last = ssim_luma(a.luma->data[0], a.luma->linesize[0], b.luma->data[0], b.luma->linesize[0], span->width,
                             span->height);
        int64_t until = a.over ? end : a.end - from;
        if (!b.over && b.end < until) until = b.end;
        if (until < at + step) until = at + step;
        if (until > end || until <= at) until = end;
        double d = until > at ? (double)(until - at) : 1;
        sum += last * d;
        weight += d;
        at = until;
    } while (at < end);
    pixels_free(&a.pixels);
    pixels_free(&b.pixels);
    *out = weight > 0 ? sum / weight : 1;
    return rc < 0 ? rc : GIFD_OK;
}
