/* source_gif.c: GIF as pictures, as browsers compose them.
 *
 * Opening walks the whole file once, counting the pixels of every frame without storing one: the facts are exact and
 * a frame is counted only if it can be drawn. The first frame may enlarge the canvas, later ones are clipped to it. The
 * background colour is ignored: what no frame has painted is transparent. */
#include "media/gif.h"
#include "media/sniff.h"
#include "media/source.h"

#include <libavutil/frame.h>
#include <stdlib.h>
#include <string.h>

struct rect {
    uint32_t x0, y0, x1, y1;
};

struct state {
    struct gif gif;
    struct gif_frame shown; /* the frame on the canvas, to be disposed of before the next */
    uint32_t index;         /* of the next frame */
    int64_t start;
    uint32_t *canvas, *saved;
    uint8_t *indices;
    size_t indices_cap;
    AVFrame *frame;
};

static struct rect clip(const struct source *s, const struct gif_frame *f)
{
    uint32_t w = s->facts.width, h = s->facts.height;
    struct rect r = {f->x < w ? f->x : w, f->y < h ? f->y : h, 0, 0};
    r.x1 = f->width < w - r.x0 ? r.x0 + f->width : w;
    r.y1 = f->height < h - r.y0 ? r.y0 + f->height : h;
    return r;
}

static bool covers(struct rect a, struct rect b)
{
    return a.x0 <= b.x0 && a.y0 <= b.y0 && a.x1 >= b.x1 && a.y1 >= b.y1;
}

/* Whether a transparent pixel can ever be seen, followed frame by frame. */
struct holes {
    struct rect open; /* cleared by the last disposal, to be painted over by the next frame */
    bool waiting, seen;
};

/* Whether the frame really has pixels of its transparent index. */
static bool has_gaps(const struct gif *g, const struct gif_frame *f)
{
    size_t px = (size_t)f->width * f->height;
    uint8_t *indices = f->transparent >= 0 && px ? malloc(px) : NULL;
    int64_t got = indices ? gif_lzw(g, f, indices) : 0;
    bool gaps = f->transparent >= 0 && (got <= 0 || memchr(indices, f->transparent, (size_t)got));
    free(indices);
    return gaps;
}

static void follow_holes(struct holes *h, const struct source *s, const struct gif *g, const struct gif_frame *f,
                         bool whole)
{
    struct rect r = clip(s, f), canvas = {0, 0, s->facts.width, s->facts.height};
    if (h->seen) return;
    if (s->facts.frames == 0) h->open = canvas, h->waiting = true;
    if (h->waiting) h->seen = !whole || !covers(r, h->open) || has_gaps(g, f);
    h->waiting = false;
    if (f->disposal == GIF_BACKGROUND) h->open = r, h->waiting = true;
    if (f->disposal == GIF_PREVIOUS && s->facts.frames == 0) h->open = canvas, h->waiting = true;
}

static int no_frame(const struct source *s, struct err *e)
{
    const char *text = s->in.n > 6 ? sniff_text(s->in.p + 6, s->in.n - 6) : NULL;
    if (text) return err_set(e, GIFD_EUNSUPPORTED, "%s behind a GIF signature", text);
    return err_set(e, GIFD_EBADMEDIA, "the GIF has no whole frame");
}

static int count_frames(struct source *s, struct gif *g, struct err *e)
{
    struct gif_frame f;
    struct holes holes = {0};
    uint64_t drawn = 0;
    bool visible = false;
    int more;
    while ((more = gif_next(g, &f)) > 0) {
        uint64_t px = (uint64_t)f.width * f.height;
        if (s->facts.frames == 0) {
            s->facts.width = f.x + f.width > g->width ? f.x + f.width : g->width;
            s->facts.height = f.y + f.height > g->height ? f.y + f.height : g->height;
        }
        int rc = source_check(s->limits, s->facts.width, s->facts.height, (uint64_t)s->facts.frames + 1, e);
        if (rc < 0) return rc;
        if (px > s->limits->canvas_px || px > s->limits->total_px - drawn)
            return err_set(e, GIFD_EBADMEDIA, "frame %u of %u x %u is over the limit of %llu pixels in all",
                           s->facts.frames + 1, f.width, f.height, (unsigned long long)s->limits->total_px);
        drawn += px;
        int64_t got = px ? gif_lzw(g, &f, NULL) : 0;
        if (got < 0 || (px && got == 0)) break;
        struct rect r = clip(s, &f);
        visible |= px && r.x1 > r.x0 && r.y1 > r.y0;
        follow_holes(&holes, s, g, &f, (uint64_t)got == px);
        s->facts.frames++;
        s->facts.duration_ms += source_delay_ms((uint64_t)f.delay_cs * 10);
    }
    s->facts.truncated = more != 0;
    s->facts.has_alpha = holes.seen;
    s->facts.loop = g->loop;
    return visible ? GIFD_OK : no_frame(s, e);
}

static int gif_source_open(struct source *s, struct err *e)
{
    struct gif g;
    memcpy(s->facts.type, "image/gif", sizeof "image/gif");
    if (gif_open(&g, s->in.p, s->in.n) < 0) return no_frame(s, e);
    struct gif first = g;
    int rc = count_frames(s, &g, e);
    if (rc < 0) return rc;
    s->time_base = (AVRational){1, 1000};
    s->width = (int)s->facts.width;
    s->height = (int)s->facts.height;
    struct state *t = s->state = calloc(1, sizeof *t);
    if (!t) return err_set(e, GIFD_EBADMEDIA, "out of memory");
    t->gif = first;
    s->sure = true;
    return GIFD_OK;
}

static int allocate(const struct source *s, struct state *t, struct err *e)
{
    size_t px = (size_t)s->width * (size_t)s->height;
    t->canvas = calloc(px, 4);
    if (t->canvas) t->frame = source_rgba((uint8_t *)t->canvas, s->width, s->height, s->width * 4);
    return t->frame ? GIFD_OK : err_set(e, GIFD_EBADMEDIA, "%zu pixels need more memory than allowed", px);
}

static void clear_rect(const struct source *s, uint32_t *canvas, struct rect r)
{
    for (uint32_t y = r.y0; y < r.y1; y++) memset(canvas + (size_t)y * s->facts.width + r.x0, 0, (r.x1 - r.x0) * 4);
}

static void copy_rect(const struct source *s, uint32_t *to, const uint32_t *from, struct rect r)
{
    for (uint32_t y = r.y0; y < r.y1; y++) {
        size_t at = (size_t)y * s->facts.width + r.x0;
        memcpy(to + at, from + at, (r.x1 - r.x0) * 4);
    }
}

static void dispose(const struct source *s, struct state *t)
{
    struct rect r = clip(s, &t->shown);
    if (t->shown.disposal == GIF_BACKGROUND) clear_rect(s, t->canvas, r);
    if (t->shown.disposal == GIF_PREVIOUS && t->saved) copy_rect(s, t->canvas, t->saved, r);
}

static void draw(const struct source *s, struct state *t, const struct gif_frame *f, uint64_t got)
{
    uint32_t color[256];
    struct rect r = clip(s, f);
    for (unsigned i = 0; i < 256; i++) {
        uint8_t rgba[4] = {0, 0, 0, 255};
        if (f->palette && i < f->colors) memcpy(rgba, f->palette + 3 * (size_t)i, 3);
        memcpy(&color[i], rgba, 4);
    }
    for (uint32_t i = 0; i < f->height && (uint64_t)i * f->width < got; i++) {
        uint32_t y = f->y + gif_row(f, i);
        if (y >= r.y1) continue;
        const uint8_t *from = t->indices + (size_t)i * f->width;
        uint64_t left = got - (uint64_t)i * f->width;
        uint32_t *to = t->canvas + (size_t)y * s->facts.width + r.x0;
        uint32_t n = r.x1 - r.x0;
        if (left < n) n = (uint32_t)left;
        if (f->transparent < 0)
            for (uint32_t x = 0; x < n; x++) to[x] = color[from[x]];
        else
            for (uint32_t x = 0; x < n; x++)
                if (from[x] != f->transparent) to[x] = color[from[x]];
    }
}

static int gif_source_next(struct source *s, struct picture *p, struct err *e)
{
    struct state *t = s->state;
    struct gif_frame f;
    if (t->index == s->facts.frames) return 0;
    if (!t->canvas && allocate(s, t, e) < 0) return e->code;
    if (gif_next(&t->gif, &f) <= 0) return 0;
    if (t->index) dispose(s, t);
    size_t px = (size_t)f.width * f.height;
    if (px > t->indices_cap) {
        free(t->indices);
        t->indices = malloc(px);
        t->indices_cap = t->indices ? px : 0;
    }
    if (f.disposal == GIF_PREVIOUS && !t->saved) t->saved = calloc((size_t)s->width * (size_t)s->height, 4);
    if ((px && !t->indices) || (f.disposal == GIF_PREVIOUS && !t->saved))
        return err_set(e, GIFD_EBADMEDIA, "a frame needs more memory than allowed");
    if (f.disposal == GIF_PREVIOUS) copy_rect(s, t->saved, t->canvas, clip(s, &f));
    int64_t got = px ? gif_lzw(&t->gif, &f, t->indices) : 0;
    if (got > 0) draw(s, t, &f, (uint64_t)got);
    t->shown = f;
    t->index++;
    p->frame = t->frame;
    p->start = t->start;
    p->duration = (int64_t)source_delay_ms((uint64_t)f.delay_cs * 10);
    t->start += p->duration;
    return 1;
}

static void gif_source_close(struct source *s)
{
    struct state *t = s->state;
    if (!t) return;
    av_frame_free(&t->frame);
    free(t->canvas);
    free(t->saved);
    free(t->indices);
    free(t);
}

const struct source_kind source_gif = {gif_source_open, gif_source_next, gif_source_close};
