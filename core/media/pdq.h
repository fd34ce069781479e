/* pdq.h: a perceptual hash of one picture: 256 bits that stay nearly the same while a picture is scaled, re-encoded or
 * dimmed, and a quality of 0 to 100 that says how much there was to see.
 *
 * Written from the description in Facebook's "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm"
 * (2019), so that hashes can be compared with those of others (docs/decisions/0005-pdq.md):
 *
 *   luma --scaled to 512 x 512, so that size and shape count for nothing--two passes of a box along rows and columns-->
 * 64 x 64 --16 x 16 lowest frequencies of its DCT, without the mean--> a bit each: above the median?
 *
 * Pure; single-threaded. */
#ifndef GIFD_MEDIA_PDQ_H
#define GIFD_MEDIA_PDQ_H

#include <stddef.h>
#include <stdint.h>

#define PDQ_BYTES 32
#define PDQ_SIDE 64    /* smaller pictures would be blown up */
#define PDQ_QUALITY 50 /* under it, hashes of different pictures begin to look alike */

#define PDQ_FULL 512 /* larger pictures are to be scaled down before */
#define PDQ_SCRATCH ((size_t)2 * PDQ_FULL * PDQ_FULL)

/* luma: width x height values of 0 to 255, row by row. The hash's first byte holds the highest frequencies, as its
 * usual hexadecimal form begins. Returns the quality. */
int pdq_hash(const float *luma, int width, int height, float scratch[PDQ_SCRATCH], uint8_t hash[PDQ_BYTES]);
int pdq_distance(const uint8_t a[PDQ_BYTES], const uint8_t b[PDQ_BYTES]); /* bits that differ, 0 to 256 */

#endif
