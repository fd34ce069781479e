/* palette.h: few colours for many, chosen from what was seen, and the nearest of them for any.
 *
 *   census_add (a few times) -> palette_choose -> palette_nearest
 *
 * While no more distinct colours were seen than are wanted, the palette holds exactly them. Otherwise the colour cube
 * is cut by variance (Wu, "Efficient statistical computations for optimal color quantization", 1991, in its greedy
 * form) and the centres are moved twice (k-means). Single-threaded. */
#ifndef GIFD_MEDIA_PALETTE_H
#define GIFD_MEDIA_PALETTE_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

#define PALETTE_MAX 256

struct census;                   /* of colours: counts and sums by cells of 5 bits a channel */
struct census *census_new(void); /* NULL without memory */
void census_free(struct census *c);
void census_add(struct census *c, const AVFrame *rgba); /* pixels of alpha under 128 do not count */

struct palette {
    unsigned n;
    uint8_t rgb[PALETTE_MAX][3];
    bool exact;        /* every colour that was seen is in it */
    uint16_t *nearest; /* by 6 bits a channel, 0xffff: not yet known */
    uint32_t *known;   /* exact: a hash of the colours */
};

int palette_choose(struct palette *p, const struct census *c, unsigned most); /* -1 without memory */
unsigned palette_nearest(struct palette *p, uint8_t r, uint8_t g, uint8_t b);
void palette_free(struct palette *p);

/* Squared distance, green counting most, as eyes do: 0 to 585,225. */
static inline unsigned palette_distance(const uint8_t *a, const uint8_t *b)
{
    int r = a[0] - b[0], g = a[1] - b[1], v = a[2] - b[2];
    return (unsigned)(2 * r * r + 5 * g * g + 2 * v * v);
}

#endif
