/* ssim.h: how alike two pictures, or two animations, look: 1 is equal, under 0.9 anybody sees a difference.
 *
 * Structural similarity (Wang, Bovik, Sheikh, Simoncelli: "Image quality assessment", 2004) of luma, as the mean over
 * windows of 8 x 8 that lie 4 apart. Animations are aligned by time: at each time the picture that is shown of the one
 * is held against the picture that is shown of the other, weighted by how long both are. Single-threaded. */
#ifndef GIFD_MEDIA_SSIM_H
#define GIFD_MEDIA_SSIM_H

#include "base/err.h"
#include "media/source.h"

double ssim_luma(const uint8_t *a, int a_stride, const uint8_t *b, int b_stride, int width, int height);

struct ssim_span {
    int width, height;       /* at which both are looked at; both are scaled to it (Lanczos) */
    uint64_t from_ms, to_ms; /* of the truth; the other begins at from_ms. to_ms 0: its end */
    uint32_t background;     /* under transparent pixels, 0xRRGGBB */
    uint64_t step_ms;        /* look only this often, at most; 0: at every picture */
};

/* Both sources are open and at their beginning; both are read to their end. */
int ssim_sources(struct source *truth, struct source *other, const struct ssim_span *span, double *out, struct err *e);

#endif
