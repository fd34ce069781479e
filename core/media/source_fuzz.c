/* source_fuzz.c: any bytes as one kind of source: opened, and its first pictures read. Built once for each KIND (png,
 * webp, mp4, webm): source_KIND_fuzz. Limits are small, so that the fuzzer spends its time on parsing.
 *
 * Seeds are made here: a small GIF rendered as the kind, and of a PNG also an animation of two frames. They are written
 * into the corpus folder, the last word of the command line. Checksums count as right (FUZZING in source_png.c). */
#include "media/render.h"
#include "media/source.h"

#include <fcntl.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_OF(kind) #kind
#define NAME(kind) NAME_OF(kind)
#define SOURCE_OF(kind) source_##kind
#define SOURCE(kind) SOURCE_OF(kind)

#define PICTURES_MAX 8
#define SEED_BYTES 65536

static const struct media_limits limits = {.canvas_px = 1 << 16,
                                           .total_px = 1 << 20,
                                           .frames = 64,
                                           .deadline_ms = 2000,
                                           .memory = 1 << 28,
                                           .out_bytes = SEED_BYTES};

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Two frames, of 16 x 16 and of 4 x 4 over it, of which only the first pixel is there. */
static const uint8_t gif[] = "GIF89a\x10\0\x10\0\x81\0\0\xff\0\0\0\xff\0\0\0\xff\x09\x09\x09"
                             "!\xf9\x04\x08\x05\0\0\0,\0\0\0\0\x10\0\x10\0\0\x02\x02\x44\x01\0"
                             "!\xf9\x04\x04\x05\0\0\0,\x04\0\x04\0\x04\0\x04\0\0\x02\x02\x4c\x01\0;";

static void save(const char *folder, const char *name, const uint8_t *p, size_t n)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (fd < 0 || write(fd, p, n) != (ssize_t)n) fprintf(stderr, "no seed %s\n", path);
    if (fd >= 0) close(fd);
}

static uint8_t *put_chunk(uint8_t *to, const char *type, const uint8_t *data, uint8_t n)
{
    const uint8_t head[] = {0, 0, 0, n};
    memcpy(to, head, 4);
    memcpy(to + 4, type, 4);
    memcpy(to + 8, data, n);
    memset(to + 8 + n, 0, 4);
    return to + 12 + n;
}

/* The still's header, "two frames", a control before its data, and a second frame of nothing much. */
static void save_animation(const char *folder, const uint8_t *png, size_t n)
{
    static uint8_t out[SEED_BYTES + 1024];
    static const uint8_t two[8] = {0, 0, 0, 2};
    static const uint8_t first[26] = {[7] = 16, [11] = 16, [21] = 5, [23] = 100, [24] = 1};
    static const uint8_t second[26] = {[3] = 1, [7] = 4, [11] = 4, [15] = 2, [19] = 2, [21] = 5, [24] = 2, [25] = 1};
    static const uint8_t data[] = {0, 0, 0, 2, 0x78, 1, 3, 0, 0, 0, 0, 1};
    uint8_t *to = out;
    memcpy(to, png, 33);
    to = put_chunk(to + 33, "acTL", two, sizeof two);
    to = put_chunk(to, "fcTL", first, sizeof first);
    memcpy(to, png + 33, n - 33 - 12);
    to = put_chunk(to + n - 33 - 12, "fcTL", second, sizeof second);
    to = put_chunk(to, "fdAT", data, sizeof data);
    to = put_chunk(to, "IEND", data, 0);
    save(folder, "seed-animation", out, (size_t)(to - out));
}

static enum media_format format_of(const char *kind)
{
    return !strcmp(kind, "png")    ? MEDIA_PNG
           : !strcmp(kind, "webp") ? MEDIA_WEBP
           : !strcmp(kind, "mp4")  ? MEDIA_MP4
                                   : MEDIA_WEBM;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *folder = (*argv)[*argc - 1], *kind = NAME(KIND);
    struct media_recipe r = {.format = format_of(kind), .loop = MEDIA_LOOP_SOURCE, .background = 0xffffff};
    struct media_output out;
    struct source s;
    struct err e;
    struct stat st;
    av_log_set_level(AV_LOG_QUIET);
    if (*argc < 2 || stat(folder, &st) < 0 || !S_ISDIR(st.st_mode)) return 0;
    int fd = memfd_create("seed", MFD_CLOEXEC);
    if (source_open(&s, (struct bytes){gif, sizeof gif}, &limits, &e) < 0 || render(&s, &r, 1, &fd, &out, &e) < 0) {
        fprintf(stderr, "no seed: %s\n", e.text);
        abort();
    }
    source_close(&s);
    uint8_t *p = mmap(NULL, out.bytes, PROT_READ, MAP_SHARED, fd, 0);
    save(folder, "seed", p, out.bytes);
    if (r.format == MEDIA_PNG) save_animation(folder, p, out.bytes);
    munmap(p, out.bytes);
    close(fd);
    return 0;
}

static volatile unsigned seen;

/* Every byte of a picture must be there. */
static void look(const AVFrame *f)
{
    unsigned sum = 0;
    if (f->format != AV_PIX_FMT_RGBA) return;
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width * 4; x++) sum += f->data[0][(ptrdiff_t)y * f->linesize[0] + x];
    seen = sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct source s = {.in = {p, n}, .limits = &limits, .kind = &SOURCE(KIND)};
    struct picture picture = {0};
    struct err e;
    int64_t end = 0;
    int more = s.kind->open(&s, &e);
    if (more >= 0) {
        const struct media_facts *f = &s.facts;
        if (!f->width || !f->height || !f->frames || f->frames > limits.frames) abort();
        if ((uint64_t)f->width * f->height > limits.canvas_px) abort();
    }
    for (int i = 0; more >= 0 && i < PICTURES_MAX && (more = source_next(&s, &picture, &e)) > 0; i++) {
        look(picture.frame);
        if (picture.start < end || picture.duration < 0) abort();
        end = picture.start + picture.duration;
    }
    source_close(&s);
    return 0;
}
