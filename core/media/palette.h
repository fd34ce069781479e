/* palette.h: few colours for many, chosen from what was seen, and the nearest of them for any.
 *
 *   census_add (a few times) -> palette_choose -> palette_nearest, palette_find
 *
 * While no more distinct colours were seen than are wanted, the palette holds exactly them, the commonest first.
 * Otherwise the colour cube is cut by variance (Wu, "Efficient statistical computations for optimal color
 * quantization", 1991, in its greedy form) and the centres are moved (k-means). Single-threaded. */
#ifndef GIFD_MEDIA_PALETTE_H
#define GIFD_MEDIA_PALETTE_H

#include <stdbool.h>
#include <stdint.h>

#define PALETTE_MAX 256
#define PALETTE_POOL (1 << 16)

/* Of colours: counts and sums by cells, which are as fine as the memory allows: exact until there are too many. */
struct census;
struct census *census_new(void); /* NULL without memory */
void census_free(struct census *c);
void census_reset(struct census *c);
void census_add(struct census *c, const uint8_t rgb[3]);
bool census_exceeds(const struct census *c, unsigned distinct); /* more than so many colours were seen; below 4096 */

/* Which colours can be the nearest, by cells of the colour cube, found out when one is asked for first: fine cells from
 * those of the coarse one around them, these from all. */
struct palette_near {
    uint8_t rgb[3], index;
};
struct palette_cell {
    uint16_t n, from; /* in the pool; n 0: not known yet */
};
struct palette_nearest {
    struct palette_cell coarse[1 << 7], fine[1 << 16];
    uint32_t taken;
    struct palette_near pool[PALETTE_POOL]; /* all first */
};

struct palette {
    unsigned n, reserved; /* the latter: 1 if no colour is ever the first */
    bool exact;           /* every colour that was seen is in it */
    uint8_t rgb[PALETTE_MAX][3];
    int16_t known[1024]; /* hash of the colours: index, or -1 */
    struct palette_nearest near;
};

void palette_choose(struct palette *p, struct census *c, unsigned most, bool reserve);
unsigned palette_nearest(struct palette *p, const uint8_t rgb[3]);
int palette_find(const struct palette *p, const uint8_t rgb[3]); /* its index, or -1 */

/* Squared distance, green counting most, as eyes do: 0 to 585,225. */
static inline unsigned palette_distance(const uint8_t *a, const uint8_t *b)
{
    int r = a[0] - b[0], g = a[1] - b[1], v = a[2] - b[2];
    return (unsigned)(2 * r * r + 5 * g * g + 2 * v * v);
}

#endif
