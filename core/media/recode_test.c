/* recode_test.c: colours stay what they are, in whatever matrix and range. */
#include "media/recode.h"

#include "base/test.h"

#include <math.h>
#include <stdlib.h>

#define SIDE 5 /* odd: the last block is not whole */

static AVFrame *frame(void)
{
    AVFrame *f = av_frame_alloc();
    f->format = AV_PIX_FMT_YUV420P;
    f->width = f->height = SIDE;
    CHECK(av_frame_get_buffer(f, 0) >= 0);
    return f;
}

static void write_colour(struct recode_colour c, const double rgb[3], double out[3])
{
    double kr = c.bt709 ? 0.2126 : 0.299, kb = c.bt709 ? 0.0722 : 0.114;
    double y = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
    out[0] = c.full ? y * 255 : 16 + y * 219;
    out[1] = 128 + (rgb[2] - y) / (2 * (1 - kb)) * (c.full ? 255 : 224);
    out[2] = 128 + (rgb[0] - y) / (2 * (1 - kr)) * (c.full ? 255 : 224);
}

static int near(double want, int got)
{
    want = want < 0 ? 0 : want > 255 ? 255 : want;
    return fabs(want - got) <= 2; /* what was stored is rounded, too */
}

static void check_colour(struct recode_colour from, struct recode_colour to, const double rgb[3])
{
    AVFrame *in = frame(), *out = frame();
    double stored[3], want[3];
    write_colour(from, rgb, stored);
    write_colour(to, rgb, want);
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < (p ? (SIDE + 1) / 2 : SIDE); y++)
            for (int x = 0; x < (p ? (SIDE + 1) / 2 : SIDE); x++) {
                double v = stored[p] < 0 ? 0 : stored[p] > 255 ? 255 : stored[p];
                in->data[p][y * in->linesize[p] + x] = (uint8_t)lrint(v);
            }
    recode(in, from, out, to);
    int wrong = 0;
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < (p ? (SIDE + 1) / 2 : SIDE); y++)
            for (int x = 0; x < (p ? (SIDE + 1) / 2 : SIDE); x++)
                wrong += !near(want[p], out->data[p][y * out->linesize[p] + x]);
    CHECK(wrong == 0);
    av_frame_free(&in);
    av_frame_free(&out);
}

TEST(every_colour_stays_what_it_is)
{
    for (int ways = 0; ways < 16; ways++) {
        struct recode_colour from = {ways & 1, ways & 2}, to = {ways & 4, ways & 8};
        for (int i = 0; i < 125; i++)
            check_colour(from, to, (const double[3]){i % 5 / 4.0, i / 5 % 5 / 4.0, i / 25 / 4.0});
    }
}

TEST(the_same_matrix_and_range_change_nothing)
{
    AVFrame *in = frame(), *out = frame();
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < in->linesize[p] * (p ? (SIDE + 1) / 2 : SIDE); i++) in->data[p][i] = (uint8_t)(i * 37);
    recode(in, (struct recode_colour){true, false}, out, (struct recode_colour){true, false});
    int wrong = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            wrong += in->data[0][y * in->linesize[0] + x] != out->data[0][y * out->linesize[0] + x];
    CHECK(wrong == 0);
    av_frame_free(&in);
    av_frame_free(&out);
}

TEST_MAIN()
