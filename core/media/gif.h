/* gif.h: the structure of a GIF (GIF89a specification), walked once over memory, and its LZW.
 *
 *   gif_open   header and global palette
 *   gif_next   1: a frame whose blocks are all there   0: the trailer   GIF_CUT: the bytes end or make no sense
 *   gif_lzw    a frame's colour indices, or only their number
 *
 * Nothing is allocated and nothing outside p..p+n is read. What browsers forgive is forgiven: a code stream that does
 * not begin with a clear code, a full table without one, a missing palette, pixels beyond the last. */
#ifndef GIFD_MEDIA_GIF_H
#define GIFD_MEDIA_GIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GIF_CUT (-1)

enum gif_disposal { GIF_KEEP, GIF_BACKGROUND = 2, GIF_PREVIOUS = 3 };

struct gif {
    const uint8_t *p;
    size_t n, at;
    uint32_t width, height; /* as declared */
    const uint8_t *palette; /* RGB triples, or NULL */
    unsigned colors;
    int32_t loop; /* how often it plays: 0 for ever, 1 without a NETSCAPE2.0 block */
};

struct gif_frame {
    uint32_t x, y, width, height;
    const uint8_t *palette;
    unsigned colors;
    int transparent; /* index, or -1 */
    unsigned disposal;
    unsigned delay_cs; /* as written */
    bool interlaced;
    size_t data; /* of the byte with the minimum code size */
};

int gif_open(struct gif *g, const uint8_t *p, size_t n); /* 0 or GIF_CUT */
int gif_next(struct gif *g, struct gif_frame *f);
/* Fills out (width x height indices, in the order of the stream) when not NULL. The number of pixels that the stream
 * gave, at most width x height, or GIF_CUT when a code is impossible. */
int64_t gif_lzw(const struct gif *g, const struct gif_frame *f, uint8_t *out);
/* The row on which row `i` of the stream belongs. */
uint32_t gif_row(const struct gif_frame *f, uint32_t i);

#endif
