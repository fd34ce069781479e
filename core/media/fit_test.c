/* fit_test.c: budgets are kept, the same way every time, with few encodes, and not under their floor. */
#include "base/test.h"
#include "media/fit.h"

#include <libavutil/log.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "media/encode.h"

static const struct media_limits limits = {
    .canvas_px = 1 << 24, .total_px = 1ull << 32, .frames = 10000, .out_bytes = 1 << 26};

static uint8_t *source;
static uint64_t source_n;

/* A film of 20 pictures: a gradient with noise and something that moves. */
static void make_source(void)
{
    if (source) return;
    struct media_recipe r = {.format = MEDIA_GIF, .loop = MEDIA_LOOP_SOURCE};
    uint32_t frames = 0, state = 1;
    int fd = memfd_create("source", MFD_CLOEXEC);
    struct encode_target to = {.width = 160,
                               .height = 120,
                               .time_base = {1, 1000},
                               .recipe = &r,
                               .untouched = true,
                               .frames = &frames,
                               .fd = fd,
                               .max = limits.out_bytes};
    struct encoder *c = encoder_gif.open(&to, NULL);
    for (int i = 0; i < 20; i++) {
        AVFrame *f = av_frame_alloc();
        f->format = AV_PIX_FMT_RGBA;
        f->width = 160;
        f->height = 120;
        if (av_frame_get_buffer(f, 0) < 0) abort();
        for (int y = 0; y < 120; y++)
            for (int x = 0; x < 160; x++) {
                uint8_t *p = f->data[0] + (ptrdiff_t)y * f->linesize[0] + (ptrdiff_t)x * 4;
                bool inside = (x - i * 5) * (x - i * 5) + (y - 60) * (y - 60) < 900;
                state = state * 1664525u + 1013904223u;
                p[0] = (uint8_t)(inside ? 230 : x + (state >> 28));
                p[1] = (uint8_t)(inside ? 40 : y + (state >> 28));
                p[2] = 90;
                p[3] = 255;
            }
        if (encoder_gif.add(c, f, i * 80, 80, NULL) < 0) abort();
        av_frame_free(&f);
    }
    if (encoder_gif.finish(c, &source_n, NULL) < 0) abort();
    encoder_gif.free(c);
    source = mmap(NULL, source_n, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    av_log_set_level(AV_LOG_QUIET);
}

static struct media_output out;
static struct err error;
static uint8_t made[1 << 20];

static int run(struct media_recipe r)
{
    make_source();
    int fd = memfd_create("out", MFD_CLOEXEC);
    r.loop = MEDIA_LOOP_SOURCE;
    memset(&error, 0, sizeof error);
    int rc = fit((struct bytes){source, source_n}, &limits, &r, fd, &out, &error);
    off_t n = lseek(fd, 0, SEEK_END);
    if (rc == GIFD_OK && ((uint64_t)n != out.bytes || pread(fd, made, sizeof made, 0) != n)) rc = 1;
    close(fd);
    return rc;
}

TEST(every_format_keeps_its_budget)
{
    static const uint32_t formats[] = {MEDIA_GIF, MEDIA_WEBP, MEDIA_MP4, MEDIA_WEBM, MEDIA_JPEG, MEDIA_PNG};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        struct media_recipe r = {.format = formats[i], .budget = 1 << 30, .width = 159};
        CHECK(run(r) == GIFD_OK);
        CHECK(out.choice.rung == 0 && out.choice.encodes == 1);
        uint64_t whole = out.bytes;
        for (int part = 2; part <= 8; part *= 2) {
            r.budget = whole / (uint64_t)part;
            CHECK(run(r) == GIFD_OK);
            CHECK(out.bytes <= r.budget && out.bytes > r.budget / 3);
            CHECK(out.choice.rung > 0 && out.choice.encodes <= FIT_ENCODES_MAX);
        }
    }
}

TEST(the_same_way_every_time)
{
    static uint8_t before[sizeof made];
    struct media_recipe r = {.format = MEDIA_GIF, .budget = 30000};
    CHECK(run(r) == GIFD_OK);
    struct media_output first = out;
    memcpy(before, made, first.bytes);
    CHECK(run(r) == GIFD_OK);
    CHECK(out.bytes == first.bytes && out.choice.rung == first.choice.rung && memcmp(made, before, out.bytes) == 0);
}

TEST(what_fits_is_kept_as_it_is)
{
    CHECK(run((struct media_recipe){.format = MEDIA_GIF, .budget = 100u << 20}) == GIFD_OK);
    CHECK(out.choice.encodes == 0 && out.bytes == source_n && memcmp(made, source, source_n) == 0);
    CHECK(run((struct media_recipe){.format = MEDIA_GIF, .budget = 100u << 20, .width = 80}) == GIFD_OK);
    CHECK(out.choice.encodes == 1 && out.facts.width == 80);
}

TEST(a_floor_is_held_or_the_price_is_named)
{
    make_source();
    CHECK(run((struct media_recipe){.format = MEDIA_GIF, .budget = source_n / 2, .floor = 600}) == GIFD_OK);
    CHECK(out.choice.ssim_milli >= 600 && out.choice.ssim_milli < 1000);
    CHECK(run((struct media_recipe){.format = MEDIA_GIF, .budget = source_n / 20, .floor = 990}) == GIFD_ETOOBIG);
    CHECK(strstr(error.text, "floor of 0.990"));
    CHECK(run((struct media_recipe){.format = MEDIA_JPEG, .budget = 1500, .floor = 100}) == GIFD_OK);
    CHECK(out.choice.ssim_milli >= 100);
}

TEST(what_cannot_be_is_refused_with_the_least_that_can)
{
    CHECK(run((struct media_recipe){.format = MEDIA_GIF, .budget = 20}) == GIFD_ETOOBIG);
    CHECK(strstr(error.text, "bytes at the least, over the budget of 20"));
}

TEST(rungs_only_go_down)
{
    static const struct media_facts facts = {.width = 640, .height = 360};
    for (uint32_t format = MEDIA_JPEG; format <= MEDIA_GIF; format++) {
        struct media_recipe r = {.format = format, .budget = 1, .loop = MEDIA_LOOP_SOURCE, .fps_milli = 0}, last = r;
        for (unsigned i = 0; i <= FIT_RUNGS; i++) {
            struct media_recipe m = fit_rung(&r, &facts, i);
            struct err e;
            CHECK(m.budget == 0 && media_recipe_check(&m, &e) == 0);
            CHECK(!last.width || (m.width && m.width <= last.width && m.height <= last.height));
            CHECK(m.lossy >= last.lossy);
            CHECK(!last.fps_milli || (m.fps_milli && m.fps_milli <= last.fps_milli));
            last = m;
        }
    }
}

/* Of one picture that stands for 56 hours. */
TEST(films_may_stand_for_days)
{
    static const uint32_t formats[] = {MEDIA_MP4, MEDIA_WEBM};
    static const uint64_t duration = 203158500;
    for (size_t i = 0; i < 2; i++) {
        struct media_recipe r = {.format = formats[i], .loop = MEDIA_LOOP_SOURCE};
        uint32_t frames = 1;
        int fd = memfd_create("film", MFD_CLOEXEC);
        struct encode_target to = {.width = 16,
                                   .height = 16,
                                   .time_base = {1, 1000},
                                   .recipe = &r,
                                   .frames = &frames,
                                   .fd = fd,
                                   .max = limits.out_bytes};
        const struct encoder_kind *k = encoder_of(formats[i]);
        struct encoder *c = k->open(&to, &error);
        AVFrame *f = av_frame_alloc();
        f->format = k->format;
        f->width = f->height = 16;
        if (!c || av_frame_get_buffer(f, 0) < 0) abort();
        for (int plane = 0; plane < 3; plane++)
            memset(f->data[plane], 100, (size_t)f->linesize[plane] * (plane ? 8 : 16));
        uint64_t n = 0;
        CHECK(k->add(c, f, 0, (int64_t)duration, &error) == GIFD_OK);
        CHECK(k->finish(c, &n, &error) == GIFD_OK);
        k->free(c);
        av_frame_free(&f);
        CHECK(n <= sizeof made && pread(fd, made, n, 0) == (ssize_t)n);
        close(fd);
        struct source s;
        struct picture p;
        CHECK(source_open(&s, (struct bytes){made, n}, &limits, &error) == GIFD_OK);
        CHECK(s.facts.frames == frames && s.facts.duration_ms == duration);
        CHECK(source_next(&s, &p, &error) == 1);
        source_close(&s);
    }
}

TEST(what_is_given_out_is_whole)
{
    struct media_recipe r = {.format = MEDIA_GIF, .budget = 30000, .width = 159};
    CHECK(run(r) == GIFD_OK);
    CHECK(out.bytes <= 30000 && out.reached_ms >= 1600 && out.choice.rung > 0);
}

TEST_MAIN()
