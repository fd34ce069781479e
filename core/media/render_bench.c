/* render_bench.c: what a recipe costs and gives, and what another program's output of the same source is worth.
 *
 *   render_bench make SOURCE OUT FORMAT [field=number ...]   -> bytes, CPU seconds, SSIM, width, height, pictures
 * (JPEG: the first two) render_bench look SOURCE OTHER                           -> bytes, SSIM, width, height,
 * pictures render_bench ladder SOURCE                               -> CPU seconds of five outputs in one decode
 *
 * The work is done in this process, as in a child of gifd-media that has been forked: no start is counted. */
#include "media/fit.h"
#include "media/render.h"
#include "media/ssim.h"

#include <fcntl.h>
#include <libavutil/log.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct media_limits limits = {
    .canvas_px = 1u << 30, .total_px = 1ull << 40, .frames = 100000, .memory = 1ull << 30, .out_bytes = 1ull << 30};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static struct bytes map(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0) fail(path, "cannot be read");
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (p == MAP_FAILED) fail(path, "cannot be mapped");
    return (struct bytes){p, (size_t)st.st_size};
}

static void open_source(struct source *s, const char *path)
{
    struct err e = {0};
    if (source_open(s, map(path), &limits, &e) < 0) fail(path, e.text);
}

static double cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void look(const char *truth, const char *other, double spent)
{
    struct source a, b;
    struct err e = {0};
    double alike = 0;
    open_source(&a, truth);
    open_source(&b, other);
    struct ssim_span span = {.width = (int)b.facts.width, .height = (int)b.facts.height, .background = 0x808080};
    size_t bytes = b.in.n;
    struct media_facts f = b.facts;
    if (ssim_sources(&a, &b, &span, &alike, &e) < 0) fail(other, e.text);
    printf("%zu %.3f %.4f %u %u %u\n", bytes, spent, alike, f.width, f.height, f.frames);
    source_close(&a);
    source_close(&b);
}

static uint32_t *field_of(struct media_recipe *r, const char *name, size_t n)
{
    const struct {
        const char *name;
        uint32_t *at;
    } fields[] = {{"width", &r->width},   {"height", &r->height},       {"fps_milli", &r->fps_milli},
                  {"frames", &r->frames}, {"quality", &r->quality},     {"colors", &r->colors},
                  {"dither", &r->dither}, {"lossy", &r->lossy},         {"floor", &r->floor},
                  {"to_ms", &r->to_ms},   {"repeat_ms", &r->repeat_ms}, {"from_ms", &r->from_ms}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (strlen(fields[i].name) == n && memcmp(fields[i].name, name, n) == 0) return fields[i].at;
    return NULL;
}

static void make(int argc, char **argv)
{
    static const char *const formats[] = {"", "jpeg", "png", "mp4", "webm", "webp", "gif"};
    struct media_recipe r = {.loop = MEDIA_LOOP_SOURCE};
    struct media_output out = {0};
    struct source s;
    struct err e = {0};
    for (uint32_t i = 1; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(argv[4], formats[i]) == 0) r.format = i;
    for (int i = 5; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        uint32_t *field = value ? field_of(&r, argv[i], (size_t)(value - argv[i])) : NULL;
        if (value && strncmp(argv[i], "budget", 6) == 0)
            r.budget = strtoull(value + 1, NULL, 10);
        else if (field)
            *field = (uint32_t)strtoul(value + 1, NULL, 10);
        else
            fail(argv[i], "no such field");
    }
    if (media_recipe_check(&r, &e) < 0) fail(argv[4], e.text);
    int fd = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) fail(argv[3], "cannot be written");
    double began = cpu();
    open_source(&s, argv[2]);
    int rc = r.budget ? fit(s.in, &limits, &r, fd, &out, &e) : render(&s, &r, 1, &fd, &out, &e);
    if (rc < 0) fail(argv[2], e.text);
    source_close(&s);
    if (r.budget) {
        const struct media_choice *c = &out.choice;
        printf("rung %u, lossy %u, quality %u, fps %.1f, ssim %.3f, %u encodes: ", c->rung, c->lossy, c->quality,
               c->fps_milli / 1000.0, c->ssim_milli / 1000.0, c->encodes);
    }
    if (r.format == MEDIA_JPEG)
        printf("%llu %.4f\n", (unsigned long long)out.bytes, cpu() - began);
    else
        look(argv[2], argv[3], cpu() - began);
}

/* As a page and a picker want them: full and small MP4, WebP, GIF, poster. */
static void ladder(const char *path)
{
    static const struct media_recipe recipes[] = {{.format = MEDIA_MP4, .loop = MEDIA_LOOP_SOURCE},
                                                  {.format = MEDIA_MP4, .width = 240, .loop = MEDIA_LOOP_SOURCE},
                                                  {.format = MEDIA_WEBP, .width = 480, .loop = MEDIA_LOOP_SOURCE},
                                                  {.format = MEDIA_GIF, .width = 320, .loop = MEDIA_LOOP_SOURCE},
                                                  {.format = MEDIA_JPEG, .loop = MEDIA_LOOP_SOURCE}};
    enum { N = sizeof recipes / sizeof *recipes };
    struct media_output out[N] = {0};
    struct source s;
    struct err e = {0};
    int fd[N];
    for (size_t i = 0; i < N; i++) fd[i] = memfd_create("out", MFD_CLOEXEC);
    double began = cpu();
    open_source(&s, path);
    if (render(&s, recipes, N, fd, out, &e) < 0) fail(path, e.text);
    source_close(&s);
    printf("%.3f\n", cpu() - began);
}

static void silent(void *p, int level, const char *fmt, va_list ap)
{
    (void)p, (void)level, (void)fmt, (void)ap;
}

int main(int argc, char **argv)
{
    av_log_set_callback(silent);
    if (argc > 4 && strcmp(argv[1], "make") == 0)
        make(argc, argv);
    else if (argc == 4 && strcmp(argv[1], "look") == 0)
        look(argv[2], argv[3], 0);
    else if (argc == 3 && strcmp(argv[1], "ladder") == 0)
        ladder(argv[2]);
    else
        fail("usage", "render_bench make SOURCE OUT FORMAT [field=number ...] | look SOURCE OTHER | ladder SOURCE");
    return 0;
}
