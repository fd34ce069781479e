/* screen.c: see screen.h. */
#include "media/screen.h"

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
    s->index = malloc(px);
    s->choice = malloc(px);
    if (s->palette && s->local && s->census && s->shown && s->own && s->index && s->choice) return GIFD_OK;
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

/* Brings `choice` of the rectangle together, and its indices in the palette p; the mean of their errors. */
static unsigned map(struct screen *s, const AVFrame *f, struct rect r, struct palette *p)
{
    uint64_t error = 0, changed = 0;
    size_t i = 0;
    for (int y = r.y0; y < r.y1; y++) {
        const uint32_t *now = row_of(f, y);
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

/* Kept pixels that are in the file's palette may be written as they are, too; without a transparent index they must. */
static void offer_own(struct screen *s, const struct change *c)
{
    struct rect r = c->rect;
    bool must = c->transparent == PALETTE_MAX;
    size_t i = 0;
    for (int y = r.y0; y < r.y1; y++) {
        size_t at = (size_t)y * (size_t)s->width + (size_t)r.x0;
        for (int x = r.x0; x < r.x1; x++, i++, at++) {
            if (s->choice[i] == LZW_OWN) continue;
            unsigned own = c->local || !opaque(s->shown + at) ? SCREEN_NONE : s->own[at];
            if (must && own == SCREEN_NONE) own = palette_nearest((struct palette *)c->palette, rgb_of(s->shown + at));
            s->index[i] = own < PALETTE_MAX ? (uint8_t)own : (uint8_t)c->transparent;
            s->choice[i] = must ? LZW_OWN : own >> c->bits || own == c->transparent ? LZW_CLEAR : LZW_EITHER;
        }
    }
}

void screen_change(struct screen *s, const AVFrame *f, const AVFrame *next, struct change *c)
{
    *c = (struct change){.rect = find_changed(s, f), .palette = s->palette};
    c->empty = c->rect.x0 >= c->rect.x1;
    c->clear = find_cleared(s, f, next, &c->rect);
    if (!s->before) c->rect = (struct rect){0, 0, s->width, s->height};
    if (c->rect.x0 >= c->rect.x1) c->rect = (struct rect){0, 0, 1, 1};
    size_t n = (size_t)(c->rect.x1 - c->rect.x0) * (size_t)(c->rect.y1 - c->rect.y0);
    compact(s, c->rect);
    bool kept = any_kept(s, n);
    if (map(s, f, c->rect, s->palette) > s->error) {
        take_census(s, f, c->rect);
        unsigned most = kept && s->colors > PALETTE_MAX - 1 ? PALETTE_MAX - 1 : s->colors;
        palette_choose(s->local, s->census, most, s->alpha);
        c->palette = s->local;
        c->local = true;
        map(s, f, c->rect, s->local);
    }
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
