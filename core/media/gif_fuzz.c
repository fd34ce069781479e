/* gif_fuzz.c: any bytes walked as a GIF. Counting pixels and decoding them must agree, and neither may leave its
 * bounds. */
#include "media/gif.c"

#include <stdlib.h>

#define PIXELS_MAX (1u << 20)
#define FRAMES_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct gif g;
    struct gif_frame f;
    if (gif_open(&g, p, n) < 0) return 0;
    for (int i = 0; i < FRAMES_MAX && gif_next(&g, &f) > 0; i++) {
        size_t px = (size_t)f.width * f.height;
        if (px == 0 || px > PIXELS_MAX) continue;
        uint8_t *out = malloc(px);
        int64_t counted = gif_lzw(&g, &f, NULL), decoded = gif_lzw(&g, &f, out);
        if (counted != decoded || counted > (int64_t)px) abort();
        for (uint32_t y = 0; y < f.height; y++)
            if (gif_row(&f, y) >= f.height) abort();
        free(out);
    }
    return 0;
}
