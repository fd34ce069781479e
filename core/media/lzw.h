/* lzw.h: colour indices to the code stream of a GIF (GIF89a, appendix F), with a choice.
 *
 * A pixel may be written as any index that is good enough: its own, the transparent one where the screen already shows
 * it, or, with a tolerance, one whose colour is near enough. Of all that the dictionary holds the longest match is
 * taken; among equally long ones the truest. A full dictionary is kept for as long as it serves. Single-threaded. */
#ifndef GIFD_MEDIA_LZW_H
#define GIFD_MEDIA_LZW_H

#include "base/buf.h"
#include "base/err.h"
#include "media/palette.h"

struct lzw; /* the dictionary, kept from frame to frame for its memory only */
struct lzw *lzw_new(void);
void lzw_free(struct lzw *z);

enum lzw_choice {
    LZW_OWN,    /* the index and nothing else, or what is near it */
    LZW_EITHER, /* the index exactly, or the transparent one */
    LZW_CLEAR   /* the transparent one only */
};

struct lzw_pixels {
    const uint8_t *index;  /* n, the wanted one of each pixel */
    const uint8_t *choice; /* n of enum lzw_choice; NULL: LZW_OWN everywhere */
    size_t n;
    const struct palette *palette;
    unsigned transparent; /* its index; PALETTE_MAX: there is none */
    unsigned bits;        /* of an index: 2 to 8 */
    unsigned tolerance;   /* largest palette_distance of a substitute; 0: none */
    uint8_t *written;     /* n, the indices as they were written; NULL: not wanted. May be `index` */
};

/* Appends the minimum code size and the sub-blocks with their end. GIFD_ETOOBIG over the buffer's maximum. */
int lzw_write(struct lzw *z, const struct lzw_pixels *p, struct buf *out, struct err *e);

#endif
