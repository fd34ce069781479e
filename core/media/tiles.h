/* tiles.h: which parts of a picture differ from the picture before, so that work is done for those only.
 *
 * A picture is parted into tiles of TILE_WIDTH x TILE_HEIGHT, row by row; a map has a byte for each, 1 where any pixel
 * differs. Single-threaded. */
#ifndef GIFD_MEDIA_TILES_H
#define GIFD_MEDIA_TILES_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

#define TILE_WIDTH 16
#define TILE_HEIGHT 8

struct tiles {
    int columns, rows;
    uint8_t *map;  /* of the last picture; NULL: all of it differs */
    uint8_t *last; /* its pixels */
    size_t bytes;
};

/* Compares an RGBA picture with the one before and remembers it. true: they are equal. */
bool tiles_see(struct tiles *t, const AVFrame *rgba);
void tiles_free(struct tiles *t); /* the next picture will be the first */
static inline size_t tiles_count(const struct tiles *t)
{
    return (size_t)t->columns * (size_t)t->rows;
}

#endif
