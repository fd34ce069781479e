/* gif_encode.c: see encode.h. Animated GIF.
 *
 *   pictures --held until WINDOW_BYTES--> census -> palette --> each picture: indices -> what changed -> LZW -> file
 *
 * One palette of all pictures held at first serves the whole file. Opaque pictures are drawn over what is shown: only
 * the rectangle that changed is written, and in it the transparent index stands for whatever stays. Pictures with
 * transparency are each drawn on a cleared canvas. Times are hundredths, each rounded from the true start, so that no
 * error adds up; what is shorter than a browser shows is given the shortest time that it does. */
#include "media/encode.h"
#include "media/lzw.h"
#include "media/palette.h"

#include <libavutil/mathematics.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES ((size_t)96 << 20)
#define WINDOW_PICTURES 1024
#define LEAST_CS 2
#define MOST_CS 65535
#define FILE_BUFFER ((size_t)1 << 20)

struct held {
    AVFrame *frame;
    int64_t end_cs;
};

struct gif_out {
    struct encode_target to;
    struct census *census;
    struct palette palette;
    struct lzw *lzw;
    struct buf out;
    uint64_t at; /* of the file */
    struct held held[WINDOW_PICTURES];
    size_t count, bytes;
    bool begun;
    unsigned bits, transparent; /* of indices; the index */
    uint8_t *shown, *index, *kept, *part;
    int64_t cs; /* where the last picture written ends */
};

static void gif_free(struct encoder *self)
{
    struct gif_out *g = (struct gif_out *)self;
    if (!g) return;
    for (size_t i = 0; i < g->count; i++) av_frame_free(&g->held[i].frame);
    census_free(g->census);
    palette_free(&g->palette);
    lzw_free(g->lzw);
    buf_free(&g->out);
    free(g->shown);
    free(g->index);
    free(g->kept);
    free(g->part);
    free(g);
}

static struct encoder *gif_new(const struct encode_target *t, struct err *e)
{
    size_t px = (size_t)t->width * (size_t)t->height;
    struct gif_out *g = calloc(1, sizeof *g);
    if (g) {
        g->to = *t;
        g->census = census_new();
        g->lzw = lzw_new();
        g->shown = malloc(px);
        g->index = malloc(px);
        g->kept = malloc(px);
        g->part = malloc(px);
        buf_init(&g->out, (size_t)1 << 30);
    }
    if (g && g->census && g->lzw && g->shown && g->index && g->kept && g->part) return (struct encoder *)g;
    err_set(e, GIFD_EBADMEDIA, "a GIF of %d x %d could not be started in the memory allowed", t->width, t->height);
    gif_free((struct encoder *)g);
    return NULL;
}

/* ---- the file ---- */

static int flush(struct gif_out *g, size_t keep, struct err *e)
{
    if (g->out.n <= keep) return GIFD_OK;
    int rc = encode_write(g->to.fd, (const uint8_t *)g->out.p, g->out.n, g->at, g->to.max, e);
    g->at += g->out.n;
    buf_reset(&g->out);
    return rc;
}

static int put(struct gif_out *g, const void *bytes, size_t n, struct err *e)
{
    return buf_append(&g->out, bytes, n, e);
}

static int write_head(struct gif_out *g, struct err *e)
{
    int w = g->to.width, h = g->to.height;
    uint8_t head[13] = {'G', 'I', 'F', '8', '9', 'a', w & 255, (uint8_t)(w >> 8), h & 255, (uint8_t)(h >> 8)};
    uint8_t colors[PALETTE_MAX * 3] = {0};
    head[10] = (uint8_t)(0xf0 | (g->bits - 1));
    memcpy(colors, g->palette.rgb, (size_t)g->palette.n * 3);
    if (put(g, head, sizeof head, e) < 0 || put(g, colors, (size_t)3 << g->bits, e) < 0) return e->code;
    int32_t loop = g->to.loop < 0 ? 0 : g->to.loop;
    if (loop == 1) return GIFD_OK;
    unsigned again = loop ? (unsigned)loop - 1 : 0;
    uint8_t app[19] = {0x21, 0xff, 11, 'N', 'E', 'T', 'S', 'C', 'A', 'P', 'E', '2', '.', '0', 3, 1};
    app[16] = again & 255;
    app[17] = (uint8_t)(again >> 8);
    return put(g, app, sizeof app, e);
}

struct rect {
    int x0, y0, x1, y1;
};

static int write_image_head(struct gif_out *g, struct rect r, bool transparent, bool clear, int64_t cs, struct err *e)
{
    uint8_t b[18] = {0x21, 0xf9, 4};
    int w = r.x1 - r.x0, h = r.y1 - r.y0;
    b[3] = (uint8_t)((clear ? 2 : 1) << 2 | transparent);
    b[4] = cs & 255;
    b[5] = (uint8_t)(cs >> 8);
    b[6] = transparent ? (uint8_t)g->transparent : 0;
    b[8] = 0x2c;
    b[9] = r.x0 & 255, b[10] = (uint8_t)(r.x0 >> 8);
    b[11] = r.y0 & 255, b[12] = (uint8_t)(r.y0 >> 8);
    b[13] = w & 255, b[14] = (uint8_t)(w >> 8);
    b[15] = h & 255, b[16] = (uint8_t)(h >> 8);
    return put(g, b, sizeof b, e);
}

/* ---- pictures ---- */

static void to_indices(struct gif_out *g, const AVFrame *f)
{
    uint8_t *to = g->index;
    for (int y = 0; y < f->height; y++) {
        const uint8_t *p = f->data[0] + (ptrdiff_t)y * f->linesize[0];
        for (int x = 0; x < f->width; x++, p += 4)
            *to++ = p[3] < 128 ? (uint8_t)g->transparent : (uint8_t)palette_nearest(&g->palette, p[0], p[1], p[2]);
    }
}

/* What differs from what is shown, or what is not transparent at all. An empty one becomes a pixel. */
static struct rect changed(const struct gif_out *g)
{
    int w = g->to.width, h = g->to.height;
    struct rect r = {w, h, 0, 0};
    for (int y = 0; y < h; y++) {
        const uint8_t *now = g->index + (size_t)y * (size_t)w, *old = g->shown + (size_t)y * (size_t)w;
        int x0 = 0, x1 = w;
        while (x0 < w && now[x0] == old[x0]) x0++;
        if (x0 == w) continue;
        while (now[x1 - 1] == old[x1 - 1]) x1--;
        if (x0 < r.x0) r.x0 = x0;
        if (x1 > r.x1) r.x1 = x1;
        if (y < r.y0) r.y0 = y;
        r.y1 = y + 1;
    }
    return r.x0 < r.x1 ? r : (struct rect){0, 0, 1, 1};
}

static int write_pixels(struct gif_out *g, struct rect r, bool choice, struct err *e)
{
    size_t w = (size_t)(r.x1 - r.x0), n = 0;
    for (int y = r.y0; y < r.y1; y++, n += w) {
        size_t at = (size_t)y * (size_t)g->to.width + (size_t)r.x0;
        memcpy(g->part + n, g->index + at, w);
        for (size_t x = 0; choice && x < w; x++) g->kept[n + x] = g->index[at + x] == g->shown[at + x];
    }
    unsigned lossy = g->to.recipe->lossy;
    struct lzw_pixels p = {.index = g->part,
                           .kept = choice ? g->kept : NULL,
                           .n = n,
                           .palette = &g->palette,
                           .transparent = g->transparent,
                           .bits = g->bits < 2 ? 2 : g->bits,
                           .tolerance = lossy * lossy};
    if (p.tolerance) p.written = g->part; /* read before it is written */
    int rc = lzw_write(g->lzw, &p, &g->out, e);
    for (int y = r.y0, i = 0; rc >= 0 && y < r.y1; y++)
        for (int x = r.x0; x < r.x1; x++, i++)
            if (g->part[i] != g->transparent || !choice)
                g->shown[(size_t)y * (size_t)g->to.width + (size_t)x] = g->part[i];
    return rc;
}

/* Longer than one picture's time can say: the same again, as a pixel that changes nothing. */
static int hold_longer(struct gif_out *g, int64_t cs, struct err *e)
{
    while (cs > 0) {
        int64_t part = cs > MOST_CS ? MOST_CS : cs;
        struct rect r = {0, 0, 1, 1};
        if (write_image_head(g, r, true, false, part, e) < 0) return e->code;
        uint8_t one = (uint8_t)g->transparent;
        struct lzw_pixels p = {.index = &one,
                               .n = 1,
                               .palette = &g->palette,
                               .transparent = g->transparent,
                               .bits = g->bits < 2 ? 2 : g->bits};
        if (lzw_write(g->lzw, &p, &g->out, e) < 0) return e->code;
        cs -= part;
    }
    return GIFD_OK;
}

static int write_picture(struct gif_out *g, const AVFrame *f, int64_t end_cs, struct err *e)
{
    bool first = g->at == 0 && !g->begun, clear = g->to.alpha;
    int64_t cs = end_cs - g->cs;
    if (cs < LEAST_CS) cs = LEAST_CS;
    g->cs += cs;
    int64_t now = clear || cs <= MOST_CS ? cs : MOST_CS;
    if (now > MOST_CS) now = MOST_CS;
    to_indices(g, f);
    if (first || clear) memset(g->shown, (int)(clear ? g->transparent : 255), (size_t)f->width * (size_t)f->height);
    struct rect r = {0, 0, f->width, f->height};
    if (clear || !first) r = changed(g);
    g->begun = true;
    bool choice = !first && !clear && g->transparent < PALETTE_MAX;
    if (write_image_head(g, r, choice || clear, clear, now, e) < 0 || write_pixels(g, r, choice, e) < 0) return e->code;
    if (cs > now && !clear && hold_longer(g, cs - now, e) < 0) return e->code;
    return flush(g, FILE_BUFFER, e);
}

/* ---- the palette, then what was held ---- */

static int settle(struct gif_out *g, struct err *e)
{
    unsigned most = g->to.recipe->colors ? g->to.recipe->colors : PALETTE_MAX;
    if (most > PALETTE_MAX - 1) most = PALETTE_MAX - 1; /* one for what stays, or is transparent */
    for (size_t i = 0; i < g->count; i++) census_add(g->census, g->held[i].frame);
    if (palette_choose(&g->palette, g->census, most) < 0) return err_set(e, GIFD_EBADMEDIA, "out of memory");
    census_free(g->census);
    g->census = NULL;
    g->transparent = g->palette.n;
    for (g->bits = 1; 1u << g->bits < g->palette.n + 1; g->bits++) {
    }
    if (write_head(g, e) < 0) return e->code;
    for (size_t i = 0; i < g->count; i++) {
        if (write_picture(g, g->held[i].frame, g->held[i].end_cs, e) < 0) return e->code;
        av_frame_free(&g->held[i].frame);
    }
    g->count = 0;
    return GIFD_OK;
}

static int gif_add(struct encoder *self, AVFrame *f, int64_t start, int64_t duration, struct err *e)
{
    struct gif_out *g = (struct gif_out *)self;
    int64_t end_cs = av_rescale_q(start + duration, g->to.time_base, (AVRational){1, 100});
    if (!g->census) return write_picture(g, f, end_cs, e);
    g->held[g->count] = (struct held){av_frame_clone(f), end_cs};
    if (!g->held[g->count].frame) return err_set(e, GIFD_EBADMEDIA, "out of memory");
    g->count++;
    g->bytes += (size_t)f->linesize[0] * (size_t)f->height;
    return g->count == WINDOW_PICTURES || g->bytes >= WINDOW_BYTES ? settle(g, e) : GIFD_OK;
}

static int gif_finish(struct encoder *self, uint64_t *bytes, struct err *e)
{
    struct gif_out *g = (struct gif_out *)self;
    if (g->census && settle(g, e) < 0) return e->code;
    if (put(g, ";", 1, e) < 0 || flush(g, 0, e) < 0) return e->code;
    *bytes = g->at;
    return GIFD_OK;
}

const struct encoder_kind encoder_gif = {
    .type = "image/gif",
    .keeps_loop = true,
    .side = 65535,
    .area = 64e6,
    .format = AV_PIX_FMT_RGBA,
    .alpha_format = AV_PIX_FMT_RGBA,
    .open = gif_new,
    .add = gif_add,
    .finish = gif_finish,
    .free = gif_free,
};
