/* gif_encode.c: see encode.h. Animated GIF.
 *
 *   pictures --held until WINDOW_BYTES--> census -> palette --> each picture: what changed (screen.h) -> LZW -> file
 *
 * One palette of all that changed in the pictures held at first serves the whole file; a picture that it does not suit
 * brings its own. Pictures at the size of the source keep their colours exactly, where `lossy` or `colors` do not ask
 * for less. A picture is written when the next one is known, since that says what has to be cleared in between.
 *
 * Where pictures are transparent, the first index is in all palettes, and the background is of that index: some readers
 * clear to the background, and take it for nothing only then.
 *
 * Times are hundredths, each rounded from the true start, so that no error adds up; what is shorter than a browser
 * shows is given the shortest time that it does. A picture that changes nothing prolongs the one before. */
#include "media/encode.h"
#include "media/screen.h"

#include <libavutil/mathematics.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES ((size_t)96 << 20)
#define WINDOW_PICTURES 1024
#define LEAST_CS 2
#define MOST_CS 65535
#define FILE_BUFFER ((size_t)1 << 20)
#define HOLD_LEAST 20   /* palette_distance that nobody sees */
#define ERROR_LEAST 200 /* a palette of its own costs more than it gains below */

struct held {
    AVFrame *frame;
    int64_t end_cs;
};

struct gif_out {
    struct encode_target to;
    struct census *census; /* until the palette is chosen */
    struct screen screen;
    struct lzw *lzw;
    struct buf out;
    size_t delay_at; /* in out: where the delay of the last picture stands */
    uint64_t at;     /* of the file */
    struct held held[WINDOW_PICTURES];
    size_t count, bytes;
    unsigned tolerance;
    unsigned bits; /* of the file's palette */
    int64_t cs;    /* where the last picture written ends */
};

static void gif_free(struct encoder *self)
{
    struct gif_out *g = (struct gif_out *)self;
    if (!g) return;
    for (size_t i = 0; i < g->count; i++) av_frame_free(&g->held[i].frame);
    census_free(g->census);
    screen_free(&g->screen);
    lzw_free(g->lzw);
    buf_free(&g->out);
    free(g);
}

static struct encoder *gif_new(const struct encode_target *t, struct err *e)
{
    struct gif_out *g = calloc(1, sizeof *g);
    if (g) {
        g->to = *t;
        g->census = census_new();
        g->lzw = lzw_new();
        buf_init(&g->out, (size_t)1 << 30);
    }
    if (!g || !g->census || !g->lzw || screen_init(&g->screen, t->width, t->height, e) < 0) {
        if (!g || !g->census || !g->lzw) err_set(e, GIFD_EBADMEDIA, "out of memory");
        gif_free((struct encoder *)g);
        return NULL;
    }
    unsigned lossy = t->recipe->lossy;
    bool exact = t->untouched && !lossy && !t->recipe->colors;
    g->tolerance = lossy * lossy;
    g->screen.hold = exact ? 0 : HOLD_LEAST + lossy * lossy * 3 / 2;
    g->screen.error = exact ? 0 : ERROR_LEAST + lossy * lossy;
    g->screen.alpha = t->alpha;
    g->screen.dither = t->recipe->dither;
    if (g->screen.dither == MEDIA_DITHER_AUTO && lossy) g->screen.dither = MEDIA_DITHER_NONE;
    g->screen.colors = t->recipe->colors ? t->recipe->colors : PALETTE_MAX;
    return (struct encoder *)g;
}

/* ---- the file ---- */

/* The last picture stays: it may be prolonged. */
static int flush(struct gif_out *g, size_t keep_from, struct err *e)
{
    int rc = encode_write(g->to.fd, (const uint8_t *)g->out.p, keep_from, g->at, g->to.max, e);
    g->at += keep_from;
    buf_consume(&g->out, keep_from);
    return rc;
}

static int put(struct gif_out *g, const void *bytes, size_t n, struct err *e)
{
    return buf_append(&g->out, bytes, n, e);
}

static int put_colors(struct gif_out *g, const struct palette *p, unsigned bits, struct err *e)
{
    uint8_t colors[PALETTE_MAX * 3] = {0};
    memcpy(colors, p->rgb, (size_t)p->n * 3);
    return put(g, colors, (size_t)3 << bits, e);
}

static unsigned bits_for(unsigned colors)
{
    unsigned bits = 1;
    while (1u << bits < colors) bits++;
    return bits;
}

static int write_head(struct gif_out *g, struct err *e)
{
    int w = g->to.width, h = g->to.height;
    const struct palette *p = g->screen.palette;
    uint8_t head[13] = {'G', 'I', 'F', '8', '9', 'a', w & 255, (uint8_t)(w >> 8), h & 255, (uint8_t)(h >> 8)};
    unsigned bits = bits_for(p->n < PALETTE_MAX ? p->n + 1 : p->n); /* one more for what is kept */
    head[10] = (uint8_t)(0xf0 | (bits - 1));
    if (put(g, head, sizeof head, e) < 0 || put_colors(g, p, bits, e) < 0) return e->code;
    int32_t loop = g->to.loop < 0 ? 0 : g->to.loop;
    if (loop == 1) return GIFD_OK;
    unsigned again = loop ? (unsigned)loop - 1 : 0;
    uint8_t app[19] = {0x21, 0xff, 11, 'N', 'E', 'T', 'S', 'C', 'A', 'P', 'E', '2', '.', '0', 3, 1};
    app[16] = again & 255;
    app[17] = (uint8_t)(again >> 8);
    return put(g, app, sizeof app, e);
}

static int put_image_head(struct gif_out *g, const struct change *c, int64_t cs, bool clear, struct err *e)
{
    uint8_t b[18] = {0x21, 0xf9, 4};
    struct rect r = c->rect;
    int w = r.x1 - r.x0, h = r.y1 - r.y0;
    bool transparent = c->transparent < PALETTE_MAX;
    unsigned bits = bits_for(transparent && c->transparent >= c->palette->n ? c->palette->n + 1 : c->palette->n);
    b[3] = (uint8_t)((clear ? 2 : 1) << 2 | transparent);
    b[4] = cs & 255;
    b[5] = (uint8_t)(cs >> 8);
    b[6] = transparent ? (uint8_t)c->transparent : 0;
    b[8] = 0x2c;
    b[9] = r.x0 & 255, b[10] = (uint8_t)(r.x0 >> 8);
    b[11] = r.y0 & 255, b[12] = (uint8_t)(r.y0 >> 8);
    b[13] = w & 255, b[14] = (uint8_t)(w >> 8);
    b[15] = h & 255, b[16] = (uint8_t)(h >> 8);
    if (c->local) b[17] = (uint8_t)(0x80 | (bits - 1));
    g->delay_at = g->out.n + 4;
    if (put(g, b, sizeof b, e) < 0) return e->code;
    return c->local ? put_colors(g, c->palette, bits, e) : GIFD_OK;
}

/* ---- pictures ---- */

/* Of a time that one picture cannot say; never so that too little is left. */
static int64_t first_part(int64_t cs)
{
    if (cs <= MOST_CS) return cs;
    return cs < MOST_CS + LEAST_CS ? MOST_CS - LEAST_CS : MOST_CS;
}

/* The screen as it is, for longer: a rectangle of nothing but kept pixels. */
static int hold_longer(struct gif_out *g, const struct change *last, int64_t cs, struct err *e)
{
    while (cs > 0) {
        int64_t part = first_part(cs);
        cs -= part;
        bool clear = last->clear && cs == 0;
        struct change c = {
            .rect = clear ? last->rect : (struct rect){0, 0, 1, 1}, .palette = g->screen.palette, .bits = 2};
        size_t n = (size_t)(c.rect.x1 - c.rect.x0) * (size_t)(c.rect.y1 - c.rect.y0);
        memset(g->screen.index, 0, n);
        struct lzw_pixels p = {.index = g->screen.index, .n = n, .palette = c.palette, .transparent = 0, .bits = 2};
        ++*g->to.frames;
        if (put_image_head(g, &c, part, clear, e) < 0 || lzw_write(g->lzw, &p, &g->out, e) < 0) return e->code;
    }
    return GIFD_OK;
}

/* The picture before, for longer, if its time can say it. */
static bool prolong(struct gif_out *g, int64_t cs)
{
    uint8_t *at = (uint8_t *)g->out.p + g->delay_at;
    int64_t sum = (at[0] | at[1] << 8) + cs;
    if (!g->delay_at || g->screen.cleared || sum > MOST_CS) return false;
    at[0] = sum & 255;
    at[1] = (uint8_t)(sum >> 8);
    --*g->to.frames;
    return true;
}

static int write_picture(struct gif_out *g, const AVFrame *f, const AVFrame *next, int64_t end_cs, struct err *e)
{
    struct screen *s = &g->screen;
    struct change c;
    int64_t cs = end_cs - g->cs;
    if (cs < LEAST_CS) cs = LEAST_CS;
    g->cs += cs;
    screen_change(s, f, next, &c);
    if (c.empty && !c.clear && prolong(g, cs)) {
        screen_show(s, f, &c, s->index);
        return GIFD_OK;
    }
    size_t n = (size_t)(c.rect.x1 - c.rect.x0) * (size_t)(c.rect.y1 - c.rect.y0), begun = g->out.n;
    int64_t now = first_part(cs);
    struct lzw_pixels p = {.index = s->index,
                           .choice = c.transparent < PALETTE_MAX ? s->choice : NULL,
                           .n = n,
                           .palette = c.palette,
                           .transparent = c.transparent,
                           .bits = c.bits,
                           .tolerance = g->tolerance,
                           .written = s->index};
    if (put_image_head(g, &c, now, c.clear && cs == now, e) < 0 || lzw_write(g->lzw, &p, &g->out, e) < 0)
        return e->code;
    screen_show(s, f, &c, s->index);
    if (cs > now && hold_longer(g, &c, cs - now, e) < 0) return e->code;
    if (g->at + g->out.n > g->to.max) return flush(g, g->out.n, e); /* which says so */
    if (g->to.reached_ms) *g->to.reached_ms = (uint64_t)g->cs * 10;
    if (g->out.n < FILE_BUFFER) return GIFD_OK;
    if (cs > now) begun = g->out.n; /* the delay that may grow is not that of the first part */
    if (cs > now) g->delay_at = 0;
    if (g->delay_at) g->delay_at -= begun;
    return flush(g, begun, e);
}

/* ---- the palette, then what was held ---- */

static void count_colors(struct gif_out *g)
{
    for (size_t i = 0; i < g->count; i++) {
        const AVFrame *f = g->held[i].frame, *old = i ? g->held[i - 1].frame : NULL;
        for (int y = 0; y < f->height; y++) {
            const uint8_t *p = f->data[0] + (ptrdiff_t)y * f->linesize[0];
            const uint8_t *q = old ? old->data[0] + (ptrdiff_t)y * old->linesize[0] : NULL;
            size_t line = (size_t)f->width * 4;
            if (q && memcmp(p, q, line) == 0) continue;
            for (size_t x = 0; x < line; x += 4)
                if (p[x + 3] >= 128 && !(q && memcmp(p + x, q + x, 4) == 0)) census_add(g->census, p + x);
        }
    }
}

/* All but the last, whose next one is not known. */
static int settle(struct gif_out *g, struct err *e)
{
    unsigned most = g->screen.colors;
    count_colors(g);
    if (most == PALETTE_MAX && census_exceeds(g->census, PALETTE_MAX)) most--; /* one for what is kept */
    palette_choose(g->screen.palette, g->census, most, g->screen.alpha);
    census_free(g->census);
    g->census = NULL;
    if (write_head(g, e) < 0) return e->code;
    for (size_t i = 0; i + 1 < g->count; i++) {
        if (write_picture(g, g->held[i].frame, g->held[i + 1].frame, g->held[i].end_cs, e) < 0) return e->code;
        av_frame_free(&g->held[i].frame);
    }
    g->held[0] = g->held[g->count - 1];
    g->count = 1;
    return GIFD_OK;
}

static int gif_add(struct encoder *self, AVFrame *f, int64_t start, int64_t duration, struct err *e)
{
    struct gif_out *g = (struct gif_out *)self;
    struct held now = {av_frame_clone(f), av_rescale_q(start + duration, g->to.time_base, (AVRational){1, 100})};
    if (!now.frame) return err_set(e, GIFD_EBADMEDIA, "out of memory");
    if (!g->census) {
        struct held last = g->held[0];
        g->held[0] = now;
        int rc = write_picture(g, last.frame, now.frame, last.end_cs, e);
        av_frame_free(&last.frame);
        return rc;
    }
    g->held[g->count++] = now;
    g->bytes += (size_t)f->linesize[0] * (size_t)f->height;
    return g->count == WINDOW_PICTURES || g->bytes >= WINDOW_BYTES ? settle(g, e) : GIFD_OK;
}

static int gif_finish(struct encoder *self, uint64_t *bytes, struct err *e)
{
    struct gif_out *g = (struct gif_out *)self;
    if (g->census && settle(g, e) < 0) return e->code;
    if (write_picture(g, g->held[0].frame, NULL, g->held[0].end_cs, e) < 0) return e->code;
    if (put(g, ";", 1, e) < 0 || flush(g, g->out.n, e) < 0) return e->code;
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
