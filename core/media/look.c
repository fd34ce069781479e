/* look.c: see look.h.
 *
 *   source --each sampled picture--> at most 512 wide or high: hash --> some of its pixels: colours
 *                '--the first-------> 16 wide or high: placeholder, a WebP */
#include "media/look.h"

#include "media/palette.h"
#include "media/pdq.h"
#include "media/pixels.h"

#include <libavutil/mathematics.h>
#include <stdlib.h>
#include <string.h>
#include <webp/encode.h>

#define BACKGROUND 255   /* under transparent pixels: as outputs without alpha have it */
#define DISTINCT 16      /* bits in which two kept hashes differ at least */
#define PICKED_SIDE 64   /* so many pixels a row and column count for colours */
#define CANDIDATES 12    /* of colours, before like ones are taken together */
#define ALIKE 3000       /* palette_distance: about 18 of 255 in each channel */
#define CROPS_DISTINCT 8 /* the same for windows */
#define SHARE_LEAST 10   /* thousandths */
#define PLACEHOLDER_SIDE 16

struct looking {
    struct source *s;
    struct media_look *out;
    struct pixels large, small;
    float *luma, *window, *scratch;
    bool crops;
    uint8_t (*picked)[3];
    size_t pickeds;
};

#define PICKED_MAX ((size_t)MEDIA_HASHES_MAX * PICKED_SIDE * PICKED_SIDE)

/* ---- hashes ---- */

static void to_luma(const AVFrame *f, float *luma)
{
    for (int y = 0; y < f->height; y++) {
        const uint8_t *p = f->data[0] + (ptrdiff_t)y * f->linesize[0];
        for (int x = 0; x < f->width; x++, p += 4) {
            float alpha = (float)p[3] / 255;
            *luma++ = (0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2]) * alpha + BACKGROUND * (1 - alpha);
        }
    }
}

static bool is_known(const struct looking *w, const uint8_t bits[PDQ_BYTES], int distinct)
{
    for (uint32_t i = 0; i < w->out->hashes; i++)
        if (pdq_distance(bits, w->out->hash[i].bits) < distinct) return true;
    return false;
}

static void keep(struct looking *w, const uint8_t bits[PDQ_BYTES], int quality, int64_t start)
{
    struct media_hash *h = &w->out->hash[w->out->hashes++];
    memcpy(h->bits, bits, PDQ_BYTES);
    h->quality = (uint32_t)quality;
    h->at_ms = (uint32_t)av_rescale_q(start, w->s->time_base, (AVRational){1, 1000});
}

/* What is cut off, in thousandths: left, right, top, bottom. A hash forgives 2 of a hundred that are cut, so that these
 * stand for what is cut by up to 5 of a hundred a side. */
static const int crop[MEDIA_CROPS_MAX][4] = {{25, 25, 25, 25}, {50, 50, 50, 50}, {50, 0, 50, 0},
                                             {0, 50, 50, 0},   {50, 0, 0, 50},   {0, 50, 0, 50}};

static void hash_crops(struct looking *w, const AVFrame *f, int64_t start)
{
    uint8_t bits[PDQ_BYTES];
    for (size_t i = 0; i < MEDIA_CROPS_MAX; i++) {
        const int *c = crop[i];
        int left = (f->width * c[0] + 500) / 1000, right = (f->width * c[1] + 500) / 1000;
        int top = (f->height * c[2] + 500) / 1000, bottom = (f->height * c[3] + 500) / 1000;
        int width = f->width - left - right, height = f->height - top - bottom;
        for (int y = 0; y < height; y++)
            memcpy(w->window + (ptrdiff_t)y * width, w->luma + (ptrdiff_t)(y + top) * f->width + left,
                   (size_t)width * sizeof *w->window);
        int quality = pdq_hash(w->window, width, height, w->scratch, bits);
        if (quality >= PDQ_QUALITY && !is_known(w, bits, CROPS_DISTINCT)) keep(w, bits, quality, start);
    }
}

static void hash(struct looking *w, const AVFrame *f, int64_t start)
{
    uint8_t bits[PDQ_BYTES];
    if (f->width < PDQ_SIDE || f->height < PDQ_SIDE) return;
    to_luma(f, w->luma);
    int quality = pdq_hash(w->luma, f->width, f->height, w->scratch, bits);
    if (quality < PDQ_QUALITY || is_known(w, bits, DISTINCT)) return;
    keep(w, bits, quality, start);
    if (w->crops) hash_crops(w, f, start);
}

/* ---- colours ---- */

static void pick(struct looking *w, const AVFrame *f)
{
    int rows = f->height < PICKED_SIDE ? f->height : PICKED_SIDE,
        columns = f->width < PICKED_SIDE ? f->width : PICKED_SIDE;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            int y = (2 * i + 1) * f->height / (2 * rows), x = (2 * j + 1) * f->width / (2 * columns);
            const uint8_t *p = f->data[0] + (ptrdiff_t)y * f->linesize[0] + (ptrdiff_t)x * 4;
            if (p[3] >= 128 && w->pickeds < PICKED_MAX) memcpy(w->picked[w->pickeds++], p, 3);
        }
}

struct cluster {
    uint8_t rgb[3];
    uint64_t sum[3], n;
};

static int by_count(const void *a, const void *b)
{
    const struct cluster *x = a, *y = b;
    return (x->n < y->n) - (x->n > y->n);
}

/* Those that eyes would call the same become one. Sorted before and after. */
static size_t merge(struct cluster *c, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < kept && palette_distance(c[j].rgb, c[i].rgb) >= ALIKE) j++;
        if (j == kept) {
            c[kept++] = c[i];
            continue;
        }
        for (int k = 0; k < 3; k++) c[j].sum[k] += c[i].sum[k];
        c[j].n += c[i].n;
    }
    qsort(c, kept, sizeof *c, by_count);
    return kept;
}

static void count_colors(struct looking *w, struct palette *p)
{
    struct cluster c[CANDIDATES] = {0};
    for (size_t i = 0; i < w->pickeds; i++) {
        struct cluster *to = &c[palette_nearest(p, w->picked[i])];
        for (int k = 0; k < 3; k++) to->sum[k] += w->picked[i][k];
        to->n++;
    }
    for (unsigned i = 0; i < p->n; i++) memcpy(c[i].rgb, p->rgb[i], 3);
    qsort(c, p->n, sizeof *c, by_count);
    size_t n = merge(c, p->n);
    for (size_t i = 0; i < n && w->out->colors < MEDIA_COLORS_MAX; i++) {
        if (!c[i].n || c[i].n * 1000 / w->pickeds < SHARE_LEAST) break;
        struct media_color *to = &w->out->color[w->out->colors++];
        to->thousandths = (uint32_t)((c[i].n * 1000 + w->pickeds / 2) / w->pickeds);
        for (int k = 0; k < 3; k++) to->rgb = to->rgb << 8 | (uint32_t)((c[i].sum[k] + c[i].n / 2) / c[i].n);
    }
}

static bool choose_colors(struct looking *w)
{
    struct census *census = census_new();
    struct palette *p = census ? calloc(1, sizeof *p) : NULL;
    for (size_t i = 0; p && i < w->pickeds; i++) census_add(census, w->picked[i]);
    if (p && w->pickeds) {
        palette_choose(p, census, CANDIDATES, false);
        count_colors(w, p);
    }
    bool done = p != NULL;
    free(p);
    census_free(census);
    return done;
}

/* ---- the placeholder ---- */

static bool webp(const AVFrame *f, bool alpha, float quality, WebPMemoryWriter *to)
{
    WebPConfig c;
    WebPPicture p;
    WebPMemoryWriterInit(to);
    if (!WebPConfigInit(&c) || !WebPPictureInit(&p)) return false;
    c.quality = quality;
    c.alpha_quality = 0;
    c.method = 6;
    p.width = f->width;
    p.height = f->height;
    p.writer = WebPMemoryWrite;
    p.custom_ptr = to;
    bool done =
        (alpha ? WebPPictureImportRGBA : WebPPictureImportRGBX)(&p, f->data[0], f->linesize[0]) && WebPEncode(&c, &p);
    WebPPictureFree(&p);
    return done;
}

static void make_placeholder(struct looking *w, const AVFrame *f)
{
    for (float quality = 40; quality > 0 && !w->out->placeholder_bytes; quality -= 19) {
        WebPMemoryWriter made;
        if (webp(f, w->s->facts.has_alpha, quality, &made) && made.size <= MEDIA_PLACEHOLDER_MAX) {
            memcpy(w->out->placeholder, made.mem, made.size);
            w->out->placeholder_bytes = (uint32_t)made.size;
        }
        WebPMemoryWriterClear(&made);
    }
}

/* ---- the pictures ---- */

static int see(struct looking *w, const struct picture *p, bool first, struct err *e)
{
    const AVFrame *f = pixels_make(&w->large, w->s, p->frame, e);
    if (!f) return e->code;
    hash(w, f, p->start);
    pick(w, f);
    if (!first) return GIFD_OK;
    f = pixels_make(&w->small, w->s, p->frame, e);
    if (!f) return e->code;
    make_placeholder(w, f);
    return GIFD_OK;
}

static int see_all(struct looking *w, struct err *e)
{
    struct picture p;
    uint32_t total = w->s->facts.frames, seen = 0, next = 0;
    int rc;
    while ((rc = source_next(w->s, &p, e)) > 0) {
        if (next < MEDIA_HASHES_MAX && seen == look_at(next, MEDIA_HASHES_MAX, total)) {
            rc = see(w, &p, seen == 0, e);
            if (rc < 0) return rc;
            next++;
        }
        seen++;
    }
    if (rc == 0 && !seen) rc = err_set(e, GIFD_EBADMEDIA, "not one picture could be decoded");
    return rc;
}

int look(struct source *s, bool crops, struct media_look *out, struct err *e)
{
    struct looking w = {.s = s, .out = out, .crops = crops};
    *out = (struct media_look){0};
    pixels_init(&w.large, s, AV_PIX_FMT_RGBA, false, &(struct pixels_bounds){PDQ_FULL, PDQ_FULL, PDQ_FULL * PDQ_FULL},
                0xffffff);
    pixels_init(&w.small, s, AV_PIX_FMT_RGBA, false,
                &(struct pixels_bounds){PLACEHOLDER_SIDE, PLACEHOLDER_SIDE, PLACEHOLDER_SIDE * PLACEHOLDER_SIDE},
                0xffffff);
    size_t px = (size_t)w.large.width * (size_t)w.large.height;
    w.luma = malloc(px * sizeof *w.luma);
    w.window = crops ? malloc(px * sizeof *w.window) : w.luma;
    w.scratch = malloc(PDQ_SCRATCH * sizeof *w.scratch);
    w.picked = malloc(PICKED_MAX * sizeof *w.picked);
    int rc = w.luma && w.window && w.scratch && w.picked ? see_all(&w, e) : GIFD_ENOMEM;
    if (rc == GIFD_ENOMEM || (rc == 0 && !choose_colors(&w))) rc = err_set(e, GIFD_EBADMEDIA, "out of memory");
    if (w.window != w.luma) free(w.window);
    free(w.luma);
    free(w.scratch);
    free(w.picked);
    pixels_free(&w.large);
    pixels_free(&w.small);
    return rc < 0 ? rc : GIFD_OK;
}
