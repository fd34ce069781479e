/* screen.h: what a viewer of our GIF sees (GIF89a's logical screen), and what a new picture changes on it.
 *
 *   screen_change   picture -> rectangle, palette, indices with their choices     (lzw.h writes them)
 *   screen_show     what was written is what is seen from now on
 *
 * A pixel that already looks as wanted is kept: it may be written as the transparent index. Kept is also what has not
 * moved since the picture before, however it was approximated then, so that still areas stay still. Colours come from
 * the palette of the file, or from one of the picture's own where that would be too far off. Single-threaded. */
#ifndef GIFD_MEDIA_SCREEN_H
#define GIFD_MEDIA_SCREEN_H

#include "base/err.h"
#include "media/ask.h"
#include "media/lzw.h"

#include <libavutil/frame.h>

struct rect {
    int x0, y0, x1, y1;
};

struct screen {
    int width, height;
    struct palette *palette; /* of the file */
    unsigned hold;           /* palette_distance up to which a pixel is kept */
    unsigned error;          /* mean palette_distance of a picture that the file's palette may have; 0: none */
    unsigned colors;         /* of a palette, at most */
    enum media_dither dither;
    bool alpha; /* the first index of all palettes stands for transparent pixels */

    struct palette *local;
    struct census *census;
    uint32_t *shown;         /* RGBA; alpha 0: nothing */
    uint16_t *own;           /* its index in the file's palette, or SCREEN_NONE */
    int16_t *spill;          /* of diffusion: errors of two rows */
    uint8_t *index, *choice; /* of the last change, row by row of its rectangle */
    AVFrame *before;
    bool cleared; /* a rectangle of it, after it was shown */
};

#define SCREEN_NONE 0xffff

struct change {
    struct rect rect;
    bool empty; /* nothing: the rectangle is a pixel that is kept */
    bool clear; /* the rectangle must be cleared when the picture ends */
    const struct palette *palette;
    bool local;
    unsigned transparent; /* PALETTE_MAX: none */
    unsigned bits;
};

int screen_init(struct screen *s, int width, int height, struct err *e);
void screen_free(struct screen *s);
/* `next` comes after f; NULL: nothing does. Pixels of alpha under 128 are transparent. */
void screen_change(struct screen *s, const AVFrame *f, const AVFrame *next, struct change *c);
void screen_show(struct screen *s, const AVFrame *f, const struct change *c, const uint8_t *written);

#endif
