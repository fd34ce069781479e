/* scale.h: RGBA pictures made smaller (Lanczos, three lobes), where they changed only.
 *
 * A pixel of the output depends on nothing but the pixels under its window, so that what has not changed comes out the
 * same to the bit, whether it is made again or not. Colours are weighted by their alpha. Single-threaded. */
#ifndef GIFD_MEDIA_SCALE_H
#define GIFD_MEDIA_SCALE_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

struct scale;
enum scale_alpha {
    SCALE_OPAQUE,
    SCALE_ALL_OR_NOTHING, /* alpha is 255, or all four bytes are 0 */
    SCALE_ALPHA
};
/* NULL without memory. Neither side may grow. */
struct scale *scale_new(int in_width, int in_height, int out_width, int out_height, enum scale_alpha alpha);
void scale_free(struct scale *s);
/* dirty: the tiles of `in` (tiles.h) that changed since `out` was made of it; NULL: all. */
void scale_make(struct scale *s, const AVFrame *in, AVFrame *out, const uint8_t *dirty);

#endif
