/* gif_encode_fuzz.c: any pictures as a GIF, read again. Where nothing is lossy every pixel must be as it was; however
 * lossy, no pixel may appear or vanish, and all times must add up. Fitting
 * rungs under any recipe must make sense, too. */
#include "media/encode.h"
#include "media/fit.h"
#include "media/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PICTURES_MAX 12
#define SIDE_MAX 40

static const struct media_limits limits = {
    .canvas_px = 1 << 24, .total_px = 1ull << 32, .frames = 100000, .out_bytes = 1 << 24};

struct input {
    const uint8_t *p;
    size_t n;
};

static unsigned take(struct input *in)
{
    if (!in->n) return 0;
    in->n--;
    return *in->p++;
}

/* Each pixel as the one before it, above it, in the picture before, or a colour of its own. */
static AVFrame *draw(struct input *in, const AVFrame *before, int w, int h, bool alpha)
{
    AVFrame *f = av_frame_alloc();
    f->format = AV_PIX_FMT_RGBA;
    f->width = w;
    f->height = h;
    if (av_frame_get_buffer(f, 0) < 0) abort();
    for (int y = 0; y < h; y++) {
        uint8_t *row = f->data[0] + (ptrdiff_t)y * f->linesize[0];
        for (int x = 0; x < w; x++) {
            uint8_t *p = row + (ptrdiff_t)x * 4;
            unsigned b = take(in);
            memset(p, 0, 4);
            p[3] = 255;
            if ((b & 3) == 0 && before)
                memcpy(p, before->data[0] + (ptrdiff_t)y * before->linesize[0] + (ptrdiff_t)x * 4, 4);
            else if ((b & 3) == 1 && x)
                memcpy(p, p - 4, 4);
            else if ((b & 3) == 2 && y)
                memcpy(p, p - f->linesize[0], 4);
            else
                p[0] = b & 0xfc, p[1] = (uint8_t)(b << 3), p[2] = (uint8_t)(b >> 4), p[3] = alpha && b > 200 ? 0 : 255;
        }
    }
    return f;
}

static void compare(const AVFrame *a, const AVFrame *b, bool exact)
{
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++) {
            const uint8_t *p = a->data[0] + (ptrdiff_t)y * a->linesize[0] + (ptrdiff_t)x * 4;
            const uint8_t *q = b->data[0] + (ptrdiff_t)y * b->linesize[0] + (ptrdiff_t)x * 4;
            if ((p[3] < 128) != (q[3] < 128)) abort();
            if (exact && p[3] >= 128 && memcmp(p, q, 3) != 0) abort();
        }
}

static void check_rungs(const struct media_recipe *r)
{
    struct media_facts facts = {.width = 1 + r->lossy * 17, .height = 1 + r->colors};
    struct err e;
    for (unsigned i = 0; i <= FIT_RUNGS; i++) {
        struct media_recipe m = fit_rung(r, &facts, i);
        if (media_recipe_check(&m, &e) < 0) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct input in = {p, n};
    AVFrame *picture[PICTURES_MAX] = {NULL};
    int64_t ends[PICTURES_MAX], at = 0;
    int w = (int)take(&in) % SIDE_MAX + 1, h = (int)take(&in) % SIDE_MAX + 1, count = (int)take(&in) % PICTURES_MAX + 1;
    unsigned how = take(&in), colors = take(&in);
    bool alpha = how & 1, untouched = how & 2;
    struct media_recipe r = {.format = MEDIA_GIF, .loop = MEDIA_LOOP_SOURCE, .dither = how >> 2 & 3};
    r.lossy = how & 16 ? take(&in) % 200 + 1 : 0;
    if (how & 32) r.colors = colors < 2 ? 2 : colors;
    bool exact = untouched && !r.lossy && !r.colors;
    uint32_t frames = 0;
    struct err e;
    check_rungs(&r);
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct encode_target to = {w, h, {1, 1000}, &r, 0, alpha, untouched, &frames, fd, limits.out_bytes};
    struct encoder *c = encoder_gif.open(&to, &e);
    for (int i = 0; c && i < count; i++) {
        picture[i] = draw(&in, i ? picture[i - 1] : NULL, w, h, alpha);
        int64_t ms = how & 64 ? take(&in) * 9000 + 20 : take(&in) * 10 + 20;
        if (encoder_gif.add(c, picture[i], at, ms / 10 * 10, &e) < 0) abort();
        frames++;
        ends[i] = at += ms / 10 * 10;
    }
    uint64_t bytes = 0;
    if (!c || encoder_gif.finish(c, &bytes, &e) < 0) abort();
    encoder_gif.free(c);
    uint8_t *made = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    struct source s;
    struct picture shown;
    if (source_open(&s, (struct bytes){made, bytes}, &limits, &e) < 0) abort();
    if (s.facts.frames != frames || s.facts.duration_ms != (uint64_t)at) abort();
    for (int i = 0; source_next(&s, &shown, &e) == 1;) {
        while (i + 1 < count && ends[i] <= shown.start) i++;
        compare(picture[i], shown.frame, exact);
    }
    source_close(&s);
    munmap(made, bytes);
    close(fd);
    for (int i = 0; i < count; i++) av_frame_free(&picture[i]);
    return 0;
}
