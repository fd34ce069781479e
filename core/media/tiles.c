/* tiles.c: see tiles.h. */
#include "media/tiles.h"

#include <stdlib.h>
#include <string.h>

static bool resize(struct tiles *t, const AVFrame *f)
{
    size_t bytes = (size_t)f->width * (size_t)f->height * 4;
    if (t->bytes == bytes) return true;
    tiles_free(t);
    t->columns = (f->width + TILE_WIDTH - 1) / TILE_WIDTH;
    t->rows = (f->height + TILE_HEIGHT - 1) / TILE_HEIGHT;
    t->last = malloc(bytes);
    t->map = malloc(tiles_count(t));
    if (t->last && t->map)
        t->bytes = bytes;
    else
        tiles_free(t);
    return false;
}

static bool see_row(uint8_t *map, const uint8_t *now, uint8_t *last, size_t line)
{
    if (memcmp(now, last, line) == 0) return true;
    for (size_t at = 0; at < line; at += TILE_WIDTH * 4) {
        size_t n = line - at < TILE_WIDTH * 4 ? line - at : TILE_WIDTH * 4;
        if (memcmp(now + at, last + at, n) == 0) continue;
        memcpy(last + at, now + at, n);
        map[at / (TILE_WIDTH * 4)] = 1;
    }
    return false;
}

bool tiles_see(struct tiles *t, const AVFrame *f)
{
    bool known = resize(t, f), same = known;
    size_t line = (size_t)f->width * 4;
    if (t->map) memset(t->map, !known, tiles_count(t));
    for (int y = 0; t->bytes && y < f->height; y++) {
        const uint8_t *now = f->data[0] + (ptrdiff_t)y * f->linesize[0];
        uint8_t *last = t->last + (size_t)y * line;
        if (!known)
            memcpy(last, now, line);
        else
            same &= see_row(t->map + (size_t)(y / TILE_HEIGHT) * (size_t)t->columns, now, last, line);
    }
    return same;
}

void tiles_free(struct tiles *t)
{
    free(t->map);
    free(t->last);
    *t = (struct tiles){0};
}
