/* pdq.c: see pdq.h. */
#include "media/pdq.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define BINS 16
#define PASSES 2
#define WINDOW 4 /* full size by 128, so that two passes blur what 64 samples would not see */
#define AHEAD (WINDOW / 2)

/* Each value becomes the mean of the WINDOW values around it, fewer at the ends. */
static void box(const float *in, float *out, int stride)
{
    float sum = 0;
    int held = 0;
    for (int i = 0; i < AHEAD; i++, held++) sum += in[i * stride];
    for (int i = 0; i < PDQ_FULL; i++) {
        if (i + AHEAD < PDQ_FULL) sum += in[(i + AHEAD) * stride], held++;
        if (i - AHEAD >= 0) sum -= in[(i - AHEAD) * stride], held--;
        out[i * stride] = sum / (float)held;
    }
}

/* Linear between the two nearest: what is smaller than FULL gains no edges by it. */
static void fit(const float *in, int width, int height, float *out)
{
    int left[PDQ_FULL];
    float part[PDQ_FULL];
    for (int x = 0; x < PDQ_FULL; x++) {
        float at = ((float)x + 0.5f) * (float)width / PDQ_FULL - 0.5f;
        at = at < 0 ? 0 : at > (float)(width - 1) ? (float)(width - 1) : at;
        left[x] = (int)at < width - 1 ? (int)at : width > 1 ? width - 2 : 0;
        part[x] = width > 1 ? at - (float)left[x] : 0;
    }
    for (int y = 0; y < PDQ_FULL; y++, out += PDQ_FULL) {
        float at = ((float)y + 0.5f) * (float)height / PDQ_FULL - 0.5f;
        at = at < 0 ? 0 : at > (float)(height - 1) ? (float)(height - 1) : at;
        int above = (int)at, below = above + 1 < height ? above + 1 : above;
        float low = at - (float)above;
        const float *a = in + (ptrdiff_t)above * width, *b = in + (ptrdiff_t)below * width;
        for (int x = 0; x < PDQ_FULL; x++) {
            int l = left[x], r = width > 1 ? l + 1 : l;
            float over = a[l] + (a[r] - a[l]) * part[x], under = b[l] + (b[r] - b[l]) * part[x];
            out[x] = over + (under - over) * low;
        }
    }
}

static void shrink(float *full, float *scratch, float out[PDQ_SIDE][PDQ_SIDE])
{
    for (int pass = 0; pass < PASSES; pass++) {
        for (int y = 0; y < PDQ_FULL; y++) box(full + y * PDQ_FULL, scratch + y * PDQ_FULL, 1);
        for (int x = 0; x < PDQ_FULL; x++) box(scratch + x, full + x, PDQ_FULL);
    }
    for (int i = 0; i < PDQ_SIDE; i++)
        for (int j = 0; j < PDQ_SIDE; j++) {
            int y = (2 * i + 1) * PDQ_FULL / (2 * PDQ_SIDE), x = (2 * j + 1) * PDQ_FULL / (2 * PDQ_SIDE);
            out[i][j] = full[y * PDQ_FULL + x];
        }
}

/* How much neighbours differ, in hundredths of the range; what is flat has none. */
static int quality_of(float p[PDQ_SIDE][PDQ_SIDE])
{
    int sum = 0;
    for (int i = 0; i < PDQ_SIDE; i++)
        for (int j = 0; j < PDQ_SIDE; j++) {
            if (i + 1 < PDQ_SIDE) sum += abs((int)((p[i][j] - p[i + 1][j]) * 100 / 255));
            if (j + 1 < PDQ_SIDE) sum += abs((int)((p[i][j] - p[i][j + 1]) * 100 / 255));
        }
    return sum / 90 < 100 ? sum / 90 : 100;
}

static void transform(float p[PDQ_SIDE][PDQ_SIDE], float out[BINS][BINS])
{
    static float wave[BINS][PDQ_SIDE];
    float half[BINS][PDQ_SIDE] = {0};
    if (wave[0][0] == 0)
        for (int k = 0; k < BINS; k++)
            for (int i = 0; i < PDQ_SIDE; i++)
                wave[k][i] = (float)(sqrt(2.0 / PDQ_SIDE) * cos(M_PI / (2 * PDQ_SIDE) * (k + 1) * (2 * i + 1)));
    for (int k = 0; k < BINS; k++)
        for (int i = 0; i < PDQ_SIDE; i++)
            for (int j = 0; j < PDQ_SIDE; j++) half[k][j] += wave[k][i] * p[i][j];
    for (int k = 0; k < BINS; k++)
        for (int l = 0; l < BINS; l++) {
            out[k][l] = 0;
            for (int j = 0; j < PDQ_SIDE; j++) out[k][l] += half[k][j] * wave[l][j];
        }
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

int pdq_hash(const float *luma, int width, int height, float scratch[PDQ_SCRATCH], uint8_t hash[PDQ_BYTES])
{
    float small[PDQ_SIDE][PDQ_SIDE], waves[BINS][BINS], sorted[BINS * BINS];
    memset(hash, 0, PDQ_BYTES);
    fit(luma, width, height, scratch);
    shrink(scratch, scratch + PDQ_SCRATCH / 2, small);
    transform(small, waves);
    memcpy(sorted, waves, sizeof sorted);
    qsort(sorted, BINS * BINS, sizeof *sorted, by_value);
    float median = sorted[BINS * BINS / 2 - 1];
    for (int k = 0; k < BINS * BINS; k++)
        if (waves[k / BINS][k % BINS] > median) hash[PDQ_BYTES - 1 - k / 8] |= (uint8_t)(1 << k % 8);
    return quality_of(small);
}

int pdq_distance(const uint8_t a[PDQ_BYTES], const uint8_t b[PDQ_BYTES])
{
    int n = 0;
    for (int i = 0; i < PDQ_BYTES; i += 8) {
        uint64_t x, y;
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        n += __builtin_popcountll(x ^ y);
    }
    return n;
}
