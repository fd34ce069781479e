/* gif_encode_test.c: GIFs that were made are read again, by source_gif.c and by libav, and show what was meant. */
#include "base/test.h"
#include "media/encode.h"
#include "media/source.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/log.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PICTURES_MAX 1200

static const struct media_limits limits = {
    .canvas_px = 1 << 24, .total_px = 1ull << 32, .frames = 100000, .out_bytes = 1 << 28};

/* What goes in, and what comes out. */
static struct {
    int width, height, n;
    AVFrame *picture[PICTURES_MAX];
    int64_t ms[PICTURES_MAX]; /* duration of each */
    struct media_recipe recipe;
    int32_t loop;
    bool alpha, scaled;
    int fd;
    uint64_t bytes;
    uint32_t frames;
    struct source made;
    uint8_t *p;
} rig;

static void begin(int width, int height)
{
    for (int i = 0; i < rig.n; i++) av_frame_free(&rig.picture[i]);
    if (rig.fd) close(rig.fd);
    if (rig.p) munmap(rig.p, rig.bytes);
    memset(&rig, 0, sizeof rig);
    rig.width = width;
    rig.height = height;
    rig.recipe = (struct media_recipe){.format = MEDIA_GIF, .loop = MEDIA_LOOP_SOURCE};
}

static uint8_t *add(int64_t ms)
{
    AVFrame *f = av_frame_alloc();
    f->format = AV_PIX_FMT_RGBA;
    f->width = rig.width;
    f->height = rig.height;
    if (av_frame_get_buffer(f, 0) < 0) abort();
    memset(f->data[0], 0, (size_t)f->linesize[0] * (size_t)rig.height);
    rig.picture[rig.n] = f;
    rig.ms[rig.n++] = ms;
    return f->data[0];
}

static uint8_t *pixel(int i, int x, int y)
{
    return rig.picture[i]->data[0] + (ptrdiff_t)y * rig.picture[i]->linesize[0] + (ptrdiff_t)x * 4;
}

static void set(int i, int x, int y, unsigned rgb)
{
    uint8_t *p = pixel(i, x, y);
    p[0] = (uint8_t)(rgb >> 16), p[1] = (uint8_t)(rgb >> 8), p[2] = (uint8_t)rgb, p[3] = 255;
}

static void fill(int i, unsigned rgb)
{
    for (int y = 0; y < rig.height; y++)
        for (int x = 0; x < rig.width; x++) set(i, x, y, rgb);
}

static unsigned chance(void)
{
    static uint32_t state = 12345;
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static int encode(struct err *e)
{
    struct encode_target to = {.width = rig.width,
                               .height = rig.height,
                               .time_base = {1, 1000},
                               .recipe = &rig.recipe,
                               .loop = rig.loop,
                               .alpha = rig.alpha,
                               .untouched = !rig.scaled,
                               .frames = &rig.frames,
                               .fd = rig.fd = memfd_create("gif", MFD_CLOEXEC),
                               .max = limits.out_bytes};
    struct encoder *c = encoder_gif.open(&to, e);
    int64_t at = 0;
    int rc = c ? 0 : e->code;
    for (int i = 0; i < rig.n && rc >= 0; i++, rig.frames++) {
        rc = encoder_gif.add(c, rig.picture[i], at, rig.ms[i], e);
        at += rig.ms[i];
    }
    if (rc >= 0) rc = encoder_gif.finish(c, &rig.bytes, e);
    encoder_gif.free(c);
    return rc;
}

static void make(void)
{
    struct err e = {0};
    CHECK(encode(&e) >= 0);
    rig.p = mmap(NULL, rig.bytes, PROT_READ, MAP_PRIVATE, rig.fd, 0);
    CHECK(rig.p != MAP_FAILED && rig.bytes == (uint64_t)lseek(rig.fd, 0, SEEK_END));
    CHECK(source_open(&rig.made, (struct bytes){rig.p, rig.bytes}, &limits, &e) == 0);
    CHECK(rig.made.facts.frames == rig.frames && !rig.made.facts.truncated);
    CHECK(rig.made.facts.width == (uint32_t)rig.width && rig.made.facts.height == (uint32_t)rig.height);
}

/* The largest distance of any colour value; 1000 where one is transparent and the other is not. */
static int distance(const AVFrame *a, const AVFrame *b)
{
    int most = 0;
    for (int y = 0; y < a->height; y++) {
        const uint8_t *p = a->data[0] + (ptrdiff_t)y * a->linesize[0], *q = b->data[0] + (ptrdiff_t)y * b->linesize[0];
        for (int x = 0; x < a->width; x++, p += 4, q += 4) {
            if ((p[3] < 128) != (q[3] < 128)) return 1000;
            for (int k = 0; k < 3 && p[3] >= 128; k++)
                if (abs(p[k] - q[k]) > most) most = abs(p[k] - q[k]);
        }
    }
    return most;
}

/* At the middle of each picture that went in, what is shown is as it was within `off`. */
static void check_shown(int off)
{
    struct picture p = {0};
    struct err e;
    int64_t at = 0, end = 0;
    for (int i = 0; i < rig.n; at += rig.ms[i++]) {
        while (end <= at + rig.ms[i] / 2) {
            CHECK(source_next(&rig.made, &p, &e) == 1);
            end = p.start + p.duration;
        }
        CHECK(distance(p.frame, rig.picture[i]) <= off);
    }
    for (; end < at; end = p.start + p.duration) { /* the last one in parts */
        CHECK(source_next(&rig.made, &p, &e) == 1);
        CHECK(distance(p.frame, rig.picture[rig.n - 1]) <= off);
    }
    CHECK(end == at && source_next(&rig.made, &p, &e) == 0);
    source_close(&rig.made);
}

/* libav composes the same pictures as source_gif.c. */
static void check_libav(void)
{
    char path[64];
    struct picture p;
    struct err e;
    AVFormatContext *f = NULL;
    AVFrame *frame = av_frame_alloc();
    AVPacket *packet = av_packet_alloc();
    uint32_t seen = 0;
    av_log_set_level(AV_LOG_QUIET);
    snprintf(path, sizeof path, "/proc/self/fd/%d", rig.fd);
    CHECK(avformat_open_input(&f, path, av_find_input_format("gif"), NULL) == 0);
    AVCodecContext *c = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_GIF));
    CHECK(avcodec_parameters_to_context(c, f->streams[0]->codecpar) >= 0);
    CHECK(avcodec_open2(c, avcodec_find_decoder(AV_CODEC_ID_GIF), NULL) == 0);
    CHECK(source_open(&rig.made, (struct bytes){rig.p, rig.bytes}, &limits, &e) == 0);
    while (av_read_frame(f, packet) >= 0) {
        CHECK(avcodec_send_packet(c, packet) >= 0 && avcodec_receive_frame(c, frame) >= 0);
        CHECK(source_next(&rig.made, &p, &e) == 1 && av_frame_make_writable(frame) >= 0);
        for (int y = 0; y < frame->height; y++)
            for (int x = 0; x < frame->width; x++) { /* BGRA */
                uint8_t *q = frame->data[0] + (ptrdiff_t)y * frame->linesize[0] + (ptrdiff_t)x * 4, swap = q[0];
                q[0] = q[2], q[2] = swap;
            }
        CHECK(frame->width == rig.width && frame->height == rig.height && distance(p.frame, frame) == 0);
        seen++;
        av_packet_unref(packet);
    }
    CHECK(seen == rig.frames);
    source_close(&rig.made);
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&c);
    avformat_close_input(&f);
}

static void noise(int pictures, unsigned colors)
{
    unsigned color[300];
    for (unsigned i = 0; i < colors; i++) color[i] = i * 0x010307u & 0xffffff;
    for (int i = 0; i < pictures; i++) {
        add(70 + 10 * (i % 5));
        for (int y = 0; y < rig.height; y++)
            for (int x = 0; x < rig.width; x++) {
                bool same = i && (chance() % 3 || y < rig.height / 3);
                if (same)
                    memcpy(pixel(i, x, y), pixel(i - 1, x, y), 4);
                else
                    set(i, x, y, color[chance() % colors]);
            }
    }
}

TEST(a_few_colours_are_kept_exactly)
{
    static const unsigned colors[] = {2, 3, 4, 16, 200, 255, 256};
    for (size_t i = 0; i < sizeof colors / sizeof *colors; i++) {
        begin(61, 47);
        noise(12, colors[i]);
        make();
        check_shown(0);
        check_libav();
    }
}

TEST(each_picture_may_have_its_own_colours)
{
    begin(40, 30);
    for (int i = 0; i < 6; i++) {
        add(100);
        for (int y = 0; y < 30; y++)
            for (int x = 0; x < 40; x++) set(i, x, y, (unsigned)(i * 0x20000 + (y * 40 + x) % 230 * 0x101 + (i & 1)));
    }
    make();
    check_shown(0);
    check_libav();
}

TEST(more_colours_than_fit_come_close)
{
    begin(64, 64);
    for (int i = 0; i < 4; i++) {
        add(50);
        for (int y = 0; y < 64; y++)
            for (int x = 0; x < 64; x++) set(i, x, y, (unsigned)(x * 4 << 16 | y * 4 << 8 | (i * 40 + x + y)));
    }
    make();
    check_shown(40);
    check_libav();
}

TEST(what_gets_transparent_again_is_cleared)
{
    for (int scaled = 0; scaled < 2; scaled++) {
        begin(32, 24);
        rig.alpha = true;
        rig.scaled = scaled;
        for (int i = 0; i < 20; i++) {
            add(100);
            for (int y = 0; y < 24; y++)
                for (int x = 0; x < 32; x++)
                    if ((x - i) % 32 > 3 && (x - i) % 32 < 12 && y > 4 && i != 7) set(i, x, y, (unsigned)(y * 9) << 8);
        }
        make();
        CHECK(rig.made.facts.has_alpha);
        check_shown(scaled ? 8 : 0);
        check_libav();
    }
}

TEST(pictures_without_a_pixel_may_begin_lie_between_and_end)
{
    begin(9, 9);
    rig.alpha = true;
    for (int i = 0; i < 9; i++) {
        add(100);
        if (i % 4 == 2) fill(i, 0xff0000);
    }
    make();
    check_shown(0);
    check_libav();
}

TEST(one_pixel_and_one_picture_are_a_gif)
{
    begin(1, 1);
    add(100);
    fill(0, 0x123456);
    make();
    CHECK(rig.bytes < 70);
    check_shown(0);
    begin(1, 1);
    rig.alpha = true;
    add(100);
    make();
    check_shown(0);
    check_libav();
}

TEST(times_are_exact_however_short_or_long)
{
    static const int64_t ms[] = {20, 30, 1000000, 40, 655350, 655360, 20, 3000000, 50};
    begin(5, 4);
    for (int i = 0; i < 9; i++) {
        add(ms[i]);
        fill(i, (unsigned)i * 0x111111);
    }
    make();
    CHECK(rig.made.facts.duration_ms == 20 + 30 + 1000000 + 40 + 655350 + 655360 + 20 + 3000000 + 50);
    check_shown(0);
    check_libav();
    begin(4, 4); /* thirds of a hundredth do not add up */
    for (int i = 0; i < 300; i++) {
        add(33);
        fill(i, (unsigned)i);
    }
    make();
    CHECK(rig.made.facts.duration_ms == 9900);
    source_close(&rig.made);
}

TEST(long_times_and_clearing_go_together)
{
    begin(6, 6);
    rig.alpha = true;
    for (int i = 0; i < 4; i++) {
        add(700000);
        for (int x = 0; x < 3; x++) set(i, x + i % 2 * 3, i, 0x00ff00);
    }
    make();
    check_shown(0);
    check_libav();
}

TEST(equal_pictures_are_one)
{
    begin(20, 20);
    for (int i = 0; i < 30; i++) {
        add(100);
        fill(i, i < 20 ? 0x336699 : 0);
    }
    make();
    CHECK(rig.frames == 2);
    check_shown(0);
}

TEST(more_pictures_than_are_held)
{
    begin(3, 3);
    for (int i = 0; i < 1100; i++) {
        add(50);
        fill(i, (unsigned)(i * 7919) & 0xffffff);
    }
    make();
    CHECK(rig.frames == 1100);
    check_shown(0);
    check_libav();
}

TEST(loops_are_told)
{
    static const int32_t loops[] = {0, 1, 2, 7, 65535};
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        begin(2, 2);
        rig.loop = loops[i];
        add(100);
        add(100);
        fill(1, 0xffffff);
        make();
        CHECK(rig.made.facts.loop == loops[i]);
        source_close(&rig.made);
    }
}

TEST(lossy_gets_smaller_and_stays_near)
{
    uint64_t before = UINT64_MAX;
    for (unsigned lossy = 0; lossy <= 40; lossy += 10) {
        begin(80, 60);
        rig.recipe.lossy = lossy;
        rig.scaled = true;
        for (int i = 0; i < 8; i++) {
            add(80);
            for (int y = 0; y < 60; y++)
                for (int x = 0; x < 80; x++) set(i, x, y, (unsigned)(x * 3 + (int)(chance() % 9)) * 0x10101u);
        }
        make();
        CHECK(rig.bytes < before);
        before = rig.bytes;
        check_shown(8 + (int)lossy);
        check_libav();
    }
}

/* The mean of what is shown, over blocks: dithering keeps it where a palette of a few colours is far off. */
static double tone_error(void)
{
    struct picture p;
    struct err e;
    double sum = 0;
    if (source_next(&rig.made, &p, &e) != 1) return 1e9;
    for (int by = 0; by < rig.height; by += 16)
        for (int bx = 0; bx < rig.width; bx += 16) {
            int off = 0;
            for (int i = 0; i < 256; i++) {
                int x = bx + i % 16, y = by + i / 16;
                off += p.frame->data[0][y * p.frame->linesize[0] + x * 4 + 1] - pixel(0, x, y)[1];
            }
            sum += abs(off) / 256.0;
        }
    source_close(&rig.made);
    return sum / (rig.width / 16.0 * rig.height / 16.0);
}

TEST(dithering_keeps_tones_that_few_colours_lose)
{
    double error[4];
    for (unsigned how = MEDIA_DITHER_NONE; how <= MEDIA_DITHER_DIFFUSE; how++) {
        begin(128, 64);
        rig.recipe.colors = 4;
        rig.recipe.dither = how;
        add(100);
        for (int y = 0; y < 64; y++)
            for (int x = 0; x < 128; x++) set(0, x, y, (unsigned)(x * 2) * 0x10101u);
        make();
        error[how] = tone_error();
    }
    CHECK(error[MEDIA_DITHER_ORDERED] < error[MEDIA_DITHER_NONE] * 0.6);
    CHECK(error[MEDIA_DITHER_DIFFUSE] < error[MEDIA_DITHER_NONE] * 0.3);
    begin(16, 16); /* nothing to hide */
    rig.recipe.dither = MEDIA_DITHER_DIFFUSE;
    noise(4, 100);
    make();
    check_shown(0);
}

TEST(an_output_has_a_maximum)
{
    struct err e = {0};
    begin(300, 300);
    noise(3, 256);
    struct encode_target to = {.width = 300,
                               .height = 300,
                               .time_base = {1, 1000},
                               .recipe = &rig.recipe,
                               .frames = &rig.frames,
                               .fd = rig.fd = memfd_create("gif", MFD_CLOEXEC),
                               .max = 1000};
    struct encoder *c = encoder_gif.open(&to, &e);
    CHECK(c);
    int rc = 0;
    for (int i = 0; i < rig.n && rc >= 0; i++) rc = encoder_gif.add(c, rig.picture[i], i * 100, 100, &e);
    if (rc >= 0) rc = encoder_gif.finish(c, &rig.bytes, &e);
    encoder_gif.free(c);
    CHECK(rc == GIFD_ETOOBIG && lseek(rig.fd, 0, SEEK_END) <= 1000);
    rig.bytes = 0;
}

TEST_MAIN()
