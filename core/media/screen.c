/* screen.c: see screen.h. */
#include "media/screen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int screen_init(struct screen *s, int width, int height, struct err *e)
{
    size_t px = (size_t)width * (size_t)height;
    *s = (struct screen){.width = width, .height = height, .colors = PALETTE_MAX};
    s->palette = calloc(1, sizeof *s->palette);
    s->local = calloc(1, sizeof *s->local);
    s->census = census_new();
    s->shown = calloc(px, sizeof *s->shown);
    s->own = malloc(px * sizeof *s->own);
    s->spill = malloc(sizeof *s->spill * 6 * ((size_t)width + 2));
    s->index = malloc(px);
    s->choice = malloc(px);
    if (s->palette && s->local && s->census && s->shown && s->own && s->spill && s->index && s->choice) return GIFD_OK;
    screen_free(s);
    return err_set(e, GIFD_EBADMEDIA, "a GIF of %d x %d could not be started in the memory allowed", width, height);
}

void screen_free(struct screen *s)
{
    free(s->palette);
    free(s->local);
    census_free(s->census);
    free(s->shown);
    free(s->own);
    free(s->spill);
    free(s->index);
    free(s->choice);
    av_frame_free(&s->before);
    *s = (struct screen){0};
}

static const uint32_t *row_of(const AVFrame *f, int y)
{
    return (const uint32_t *)(const void *)(f->data[0] + (ptrdiff_t)y * f->linesize[0]);
}

static inline bool opaque(const uint32_t *pixel)
{
    return ((const uint8_t *)pixel)[3] >= 128;
}

static inline const uint8_t *rgb_of(const uint32_t *pixel)
{
    return (const uint8_t *)pixel;
}

static void include(struct rect *r, int x, int y)
{
    if (x < r->x0) r->x0 = x;
    if (x >= r->x1) r->x1 = x + 1;
    if (y < r->y0) r->y0 = y;
    if (y >= r->y1) r->y1 = y + 1;
}

static inline bool is_kept(const struct screen *s, const uint32_t *now, const uint32_t *shown)
{
    if (!opaque(now)) return !opaque(shown);
    return opaque(shown) && palette_distance(rgb_of(now), rgb_of(shown)) <= s->hold;
}

/* Marks what is kept in `choice`, for the whole screen. */
static struct rect find_changed(struct screen *s, const AVFrame *f)
{
    struct rect r = {s->width, s->height, 0, 0};
    for (int y = 0; y < s->height; y++) {
        const uint32_t *now = row_of(f, y), *old = s->before ? row_of(s->before, y) : NULL;
        const uint32_t *shown = s->shown + (size_t)y * (size_t)s->width;
        uint8_t *choice = s->choice + (size_t)y * (size_t)s->width;
        memset(choice, LZW_CLEAR, (size_t)s->width);
        if (old && !s->cleared && memcmp(now, old, (size_t)s->width * 4) == 0) continue;
        for (int x = 0; x < s->width; x++) {
            bool still = old && now[x] == old[x] && opaque(now + x) == opaque(shown + x);
            if (still || is_kept(s, now + x, shown + x)) continue;
            choice[x] = LZW_OWN;
            include(&r, x, y);
        }
    }
    return r;
}

/* What is seen now and will be transparent next has to be cleared, which is done to whole rectangles only. */
static bool find_cleared(const struct screen *s, const AVFrame *f, const AVFrame *next, struct rect *r)
{
    bool any = false;
    for (int y = 0; next && y < s->height; y++) {
        const uint32_t *now = row_of(f, y), *then = row_of(next, y);
        for (int x = 0; x < s->width; x++) {
            if (!opaque(now + x) || opaque(then + x)) continue;
            include(r, x, y);
            any = true;
        }
    }
    return any;
}

/* ---- colours ---- */

/* Indices in the palette p of what changed in every `step`-th row of the rectangle; the mean of their errors. */
static unsigned map(struct screen *s, const AVFrame *f, struct rect r, struct palette *p, int step)
{
    uint64_t error = 0, changed = 0;
    for (int y = r.y0; y < r.y1; y += step) {
        const uint32_t *now = row_of(f, y);
        size_t i = (size_t)(y - r.y0) * (size_t)(r.x1 - r.x0);
        uint32_t last = 0;
        unsigned index = 0, off = 0;
        for (int x = r.x0; x < r.x1; x++, i++) {
            if (s->choice[i] != LZW_OWN) continue;
            if (now[x] != last) {
                index = palette_nearest(p, rgb_of(now + x));
                off = palette_distance(p->rgb[index], rgb_of(now + x));
                last = now[x];
            }
            s->index[i] = (uint8_t)index;
            error += off;
            changed++;
        }
    }
    return changed ? (unsigned)((error + changed - 1) / changed) : 0;
}

/* ---- dithering: only what changed, and only where the palette is off ---- */

#define DITHER_LEAST 8  /* mean palette_distance under which there is nothing to hide */
#define DITHER_AUTO 600 /* over which flat bands are seen */

static uint8_t clamp(int v)
{
    return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
}

/* By a pattern of 8 x 8 (Bayer), as strong as the colours are far apart. */
static void dither_ordered(struct screen *s, const AVFrame *f, struct rect r, struct palette *p, unsigned error)
{
    int strength = (int)lrint(sqrt((double)error) * 0.7);
    size_t i = 0;
    for (int y = r.y0; y < r.y1; y++) {
        const uint32_t *now = row_of(f, y);
        for (int x = r.x0; x < r.x1; x++, i++) {
            if (s->choice[i] != LZW_OWN) continue;
            int rank = 0;
            for (int bit = 0; bit < 3; bit++) rank = rank << 2 | ((x ^ y) >> bit & 1) << 1 | (y >> bit & 1);
            int off = (2 * rank - 63) * strength / 126;
            const uint8_t *c = rgb_of(now + x);
            s->index[i] = (uint8_t)palette_nearest(
                p, (const uint8_t[3]){clamp(c[0] + off), clamp(c[1] + off), clamp(c[2] + off)});
        }
    }
}

/* Errors flow on to neighbours (Floyd and Steinberg), to and fro, as far as those change too. */
static void dither_diffuse(struct screen *s, const AVFrame *f, struct rect r, struct palette *p)
{
    size_t line = 3 * ((size_t)s->width + 2), w = (size_t)(r.x1 - r.x0);
    memset(s->spill, 0, 2 * line * sizeof *s->spill);
    for (int y = r.y0; y < r.y1; y++) {
        int16_t *here = s->spill + (size_t)(y & 1) * line + 3, *below = s->spill + (size_t)(~y & 1) * line + 3;
        int step = y & 1 ? -1 : 1;
        memset(below - 3, 0, line * sizeof *below);
        for (size_t k = 0; k < w; k++) {
            int x = step > 0 ? (int)k : (int)(w - 1 - k);
            size_t i = (size_t)(y - r.y0) * w + (size_t)x;
            if (s->choice[i] != LZW_OWN) continue;
            const uint8_t *c = rgb_of(row_of(f, y) + r.x0 + x);
            uint8_t want[3];
            for (int j = 0; j < 3; j++) want[j] = clamp(c[j] + here[x * 3 + j] / 16);
            unsigned index = palette_nearest(p, want);
            s->index[i] = (uint8_t)index;
            for (int j = 0; j < 3; j++) {
                int off = want[j] - p->rgb[index][j];
                here[(x + step) * 3 + j] = (int16_t)(here[(x + step) * 3 + j] + 7 * off);
                below[(x - step) * 3 + j] = (int16_t)(below[(x - step) * 3 + j] + 3 * off);
                below[x * 3 + j] = (int16_t)(below[x * 3 + j] + 5 * off);
                below[(x + step) * 3 + j] = (int16_t)(below[(x + step) * 3 + j] + off);
            }
        }
    }
}

static void dither(struct screen *s, const AVFrame *f, struct rect r, struct palette *p, unsigned error)
{
    enum media_dither how = s->dither;
    if (how == MEDIA_DITHER_AUTO) how = error > DITHER_AUTO ? MEDIA_DITHER_ORDERED : MEDIA_DITHER_NONE;
    if (error < DITHER_LEAST) return;
    if (how == MEDIA_DITHER_ORDERED) dither_ordered(s, f, r, p, error);
    if (how == MEDIA_DITHER_DIFFUSE) dither_diffuse(s, f, r, p);
}

static void compact(struct screen *s, struct rect r)
{
    size_t w = (size_t)(r.x1 - r.x0), i = 0;
    for (int y = r.y0; y < r.y1; y++, i += w)
        memmove(s->choice + i, s->choice + (size_t)y * (size_t)s->width + (size_t)r.x0, w);
}

static void take_census(struct screen *s, const AVFrame *f, struct rect r)
{
    size_t i = 0;
    census_reset(s->census);
    for (int y = r.y0; y < r.y1; y++) {
        const uint32_t *now = row_of(f, y);
        for (int x = r.x0; x < r.x1; x++, i++)
            if (s->choice[i] == LZW_OWN) census_add(s->census, rgb_of(now + x));
    }
}

static bool any_kept(const struct screen *s, size_t n)
{
    return memchr(s->choice, LZW_CLEAR, n) != NULL;
}

/* The lowest index that the changed pixels leave free, and how many bits they need with it. */
static void find_transparent(const struct screen *s, size_t n, bool wanted, struct change *c)
{
    bool used[PALETTE_MAX + 1] = {false};
    unsigned most = 0;
    for (size_t i = 0; i < n; i++)
        if (s->choice[i] == LZW_OWN) used[s->index[i]] = true;
    for (unsigned i = 0; i < PALETTE_MAX; i++)
        if (used[i]) most = i;
    for (c->transparent = 0; used[c->transparent];) c->transparent++;
    if (!wanted && !s->alpha) c->transparent = PALETTE_MAX;
    if (c->transparent < PALETTE_MAX && c->transparent > most) most = c->transparent;
    for (c->bits = 2; most >> c->bits;) c->bits++;
}

/* Neighbours are often of one colour. */
struct found {
    uint32_t pixel;
    unsigned index;
};

static unsigned find(const struct palette *p, uint32_t pixel, struct found *last)
{
    if (last->pixel != pixel) {
        int index = palette_find(p, rgb_of(&pixel));
        *last = (struct found){pixel, index < 0 ? SCREEN_NONE : (unsigned)index};
    }
    return last->index;
}

/* Kept pixels that are in the palette may be written as they are, too; without a transparent index they must. */
static void offer_own(struct screen *s, const struct change *c)
{
    struct rect r = c->rect;
    bool must = c->transparent == PALETTE_MAX;
    struct found last = {0, SCREEN_NONE};
    size_t i = 0;
    for (int y = r.y0; y < r.y1; y++) {
        size_t at = (size_t)y * (size_t)s->width + (size_t)r.x0;
        for (int x = r.x0; x < r.x1; x++, i++, at++) {
            if (s->choice[i] == LZW_OWN) continue;
            unsigned own = SCREEN_NONE;
            if (opaque(s->shown + at)) own = c->local ? find(c->palette, s->shown[at], &last) : s->own[at];
            if (must && own == SCREEN_NONE) own = palette_nearest((struct palette *)c->palette, rgb_of(s->shown + at));
            s->index[i] = own < PALETTE_MAX ? (uint8_t)own : (uint8_t)c->transparent;
            s->choice[i] = must ? LZW_OWN : own >> c->bits || own == c->transparent ? LZW_CLEAR : LZW_EITHER;
        }
    }
}

#define SAMPLE 8 /* of so many rows one says whether a palette does not suit at all */

void screen_change(struct screen *s, const AVFrame *f, const AVFrame *next, struct change *c)
{
    *c = (struct change){.rect = find_changed(s, f)};
    c->empty = c->rect.x0 >= c->rect.x1;
    c->clear = find_cleared(s, f, next, &c->rect);
    if (!s->before) c->rect = (struct rect){0, 0, s->width, s->height};
    if (c->rect.x0 >= c->rect.x1) c->rect = (struct rect){0, 0, 1, 1};
    size_t n = (size_t)(c->rect.x1 - c->rect.x0) * (size_t)(c->rect.y1 - c->rect.y0);
    compact(s, c->rect);
    bool kept = any_kept(s, n);
    struct palette *p = s->palette;
    unsigned error = map(s, f, c->rect, p, SAMPLE);
    if (error <= 2 * s->error) error = map(s, f, c->rect, p, 1); /* else nothing else will come of it */
    if (error > s->error) {
        take_census(s, f, c->rect);
        unsigned most = kept && s->colors > PALETTE_MAX - 1 ? PALETTE_MAX - 1 : s->colors;
        palette_choose(s->local, s->census, most, s->alpha);
        p = s->local;
        c->local = true;
        error = map(s, f, c->rect, p, 1);
    }
    c->palette = p;
    dither(s, f, c->rect, p, error);
    find_transparent(s, n, kept, c);
    if (kept) offer_own(s, c);
}

void screen_show(struct screen *s, const AVFrame *f, const struct change *c, const uint8_t *written)
{
    struct rect r = c->rect;
    size_t i = 0;
    for (int y = r.y0; y < r.y1; y++) {
        size_t at = (size_t)y * (size_t)s->width + (size_t)r.x0;
        for (int x = r.x0; x < r.x1; x++, i++, at++) {
            if (c->clear) {
                s->shown[at] = 0;
            } else if (written[i] != c->transparent) {
                uint8_t rgba[4] = {0, 0, 0, 255};
                memcpy(rgba, c->palette->rgb[written[i]], 3);
                memcpy(&s->shown[at], rgba, 4);
                int own = c->local ? palette_find(s->palette, rgba) : written[i];
                s->own[at] = own < 0 ? SCREEN_NONE : (uint16_t)own;
            }
        }
    }
    s->cleared = c->clear;
    av_frame_free(&s->before);
    s->before = av_frame_clone(f);
}
