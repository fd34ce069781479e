/* lzw.h: colour indices to the code stream of a GIF (GIF89a, appendix F), with a choice.
 *
 * A pixel may be written as any index that is good enough: its own, the transparent one where the canvas already shows
 * it, or, with `lossy`, one whose colour is near enough. Of all that the dictionary holds the longest match is taken;
 * among equally long ones the truest. Single-threaded. */
#ifndef GIFD_MEDIA_LZW_H
#define GIFD_MEDIA_LZW_H

#include "base/buf.h"
#include "base/err.h"
#include "media/palette.h"

struct lzw; /* the dictionary, kept from frame to frame for its memory only */
struct lzw *lzw_new(void);
void lzw_free(struct lzw *z);

struct lzw_pixels {
    const uint8_t *index; /* width x height, the wanted one of each pixel */
    const uint8_t *kept;  /* 1: the canvas shows it already, the transparent index will do; NULL: nowhere */
    size_t n;
    const struct palette *palette;
    unsigned transparent; /* its index; more than 255: there is none */
    unsigned bits;        /* of an index: 2 to 8 */
    unsigned tolerance;   /* largest palette_distance of a substitute; 0: none */
    uint8_t *written;     /* n, the indices as they were written; NULL: not wanted */
};

/* Appends the minimum code size and the sub-blocks with their end. GIFD_ETOOBIG over the buffer's maximum. */
int lzw_write(struct lzw *z, const struct lzw_pixels *p, struct buf *out, struct err *e);

#endif
