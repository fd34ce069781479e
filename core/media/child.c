/* child.c: see child.h. The input is mapped, never opened; the answer is one message on SANDBOX_SOCK. */
#include "media/child.h"

#include "media/encode.h"
#include "media/fit.h"
#include "media/look.h"
#include "media/progress.h"
#include "media/render.h"
#include "media/source.h"
#include "media/wire.h"
#include "media_revision.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/log.h>
#include <libavutil/mathematics.h>
#include <libswscale/swscale.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <webp/encode.h>

#define POPULATE_BYTES (4u << 20)
#define PROBE_DECODE_PX                                                                                                \
    (1u << 18) /* up to here a probe also decodes the first picture; the rest comes after the answer */
#define RENDER_NICE 10
#define FIT_COST 4.0 /* renders that a budget is worth, for the progress that is told */

static char made_by[MEDIA_MADE_BY_MAX];

static void silent(void *p, int level, const char *fmt, va_list ap)
{
    (void)p, (void)level, (void)fmt, (void)ap;
}

static void open_once(const AVCodec *codec, int width, int height, enum AVPixelFormat format)
{
    AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!c) return;
    c->thread_count = 1;
    c->width = width;
    c->height = height;
    c->pix_fmt = format;
    c->time_base = (AVRational){1, 1000};
    c->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
    avcodec_open2(c, codec, NULL);
    avcodec_free_context(&c);
}

/* Encoders that libavcodec does not tell the version of, by their files: " libx264.so.164". */
static int add_library(struct dl_phdr_info *info, size_t size, void *arg)
{
    const char *name = info->dlpi_name ? strrchr(info->dlpi_name, '/') : NULL;
    size_t n = strlen(made_by);
    (void)size, (void)arg;
    if (name && (!strncmp(name, "/libx264.", 9) || !strncmp(name, "/libvpx.", 8)))
        snprintf(made_by + n, sizeof made_by - n, " %s", name + 1);
    return 0;
}

#define V(x) (unsigned)(x) >> 16, (unsigned)(x) >> 8 & 255, (unsigned)(x)&255
static void name_makers(void)
{
    snprintf(made_by, sizeof made_by, "gifd-media %s avcodec %u.%u.%u avformat %u.%u.%u swscale %u.%u.%u webp %u.%u.%u",
             MEDIA_REVISION, V(avcodec_version()), V(avformat_version()), V(swscale_version()),
             V(WebPGetEncoderVersion()));
    dl_iterate_phdr(add_library, NULL);
}
#undef V

int child_warm_up(struct err *e)
{
    name_makers();
    static const enum AVCodecID decoders[] = {AV_CODEC_ID_PNG, AV_CODEC_ID_H264, AV_CODEC_ID_VP8,  AV_CODEC_ID_VP9,
                                              AV_CODEC_ID_AAC, AV_CODEC_ID_MP3,  AV_CODEC_ID_OPUS, AV_CODEC_ID_VORBIS};
    av_log_set_callback(silent);
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
        open_once(avcodec_find_decoder(decoders[i]), 16, 16, AV_PIX_FMT_YUV420P);
    open_once(avcodec_find_encoder(AV_CODEC_ID_MJPEG), 16, 16, AV_PIX_FMT_YUVJ420P);
    open_once(avcodec_find_encoder(AV_CODEC_ID_PNG), 16, 16, AV_PIX_FMT_RGBA);
    static const char *const encoders[] = {"libx264", "libvpx-vp9"};
    for (size_t i = 0; i < sizeof encoders / sizeof *encoders; i++)
        if (!avcodec_find_encoder_by_name(encoders[i]))
            return err_set(e, GIFD_EUNSUPPORTED, "libavcodec without %s", encoders[i]);
    return GIFD_OK;
}

void child_print_codecs(void)
{
    static const char *const decoders[] = {"png", "h264", "hevc", "vp8", "vp9", "libvpx", "libvpx-vp9", "libdav1d"};
    static const char *const encoders[] = {"libx264", "libvpx-vp9", "aac", "libopus", "mjpeg", "png"};
    for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
        printf("decoder %s %s\n", decoders[i], avcodec_find_decoder_by_name(decoders[i]) ? "yes" : "no");
    for (size_t i = 0; i < sizeof encoders / sizeof *encoders; i++)
        printf("encoder %s %s\n", encoders[i], avcodec_find_encoder_by_name(encoders[i]) ? "yes" : "no");
}

struct job {
    struct wire_question q;
    int fd[WIRE_FDS_MAX];
    size_t fds;
};

static int read_question(struct job *j, struct err *e)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
    } control;
    struct iovec iov = {&j->q, sizeof j->q};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(SANDBOX_SOCK, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (n == 0) exit(0); /* the asker went away before asking */
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        j->fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(j->fd, CMSG_DATA(c), j->fds * sizeof(int));
    }
    bool fits = n == (ssize_t)sizeof j->q && !(m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && j->q.magic == WIRE_MAGIC &&
                j->q.version == WIRE_VERSION && j->q.recipes <= MEDIA_RECIPES_MAX &&
                j->fds == 1 + (j->q.op == MEDIA_TIMES ? 1 : j->q.recipes);
    return fits ? GIFD_OK : err_set(e, GIFD_EINVALID, "not a question of this version");
}

static int map_input(int fd, struct bytes *in, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) return err_set(e, GIFD_EINVALID, "the input is not a file");
    *in = (struct bytes){(const uint8_t *)"", (size_t)st.st_size};
    if (in->n == 0) return GIFD_OK;
    int flags = MAP_PRIVATE | (in->n <= POPULATE_BYTES ? MAP_POPULATE : 0);
    void *p = mmap(NULL, in->n, PROT_READ, flags, fd, 0);
    if (p == MAP_FAILED) return err_sys(e, errno, "mapping the input");
    in->p = p;
    return GIFD_OK;
}

/* What has no budget is made in one go. */
static int render_all(struct job *j, struct bytes in, struct source *s, struct media_answer *a, struct err *e)
{
    static struct media_recipe recipe[MEDIA_RECIPES_MAX];
    static struct media_output output[MEDIA_RECIPES_MAX];
    size_t place[MEDIA_RECIPES_MAX], n = 0;
    int fd[MEDIA_RECIPES_MAX], rc = GIFD_OK;
    a->outputs = j->q.recipes;
    for (size_t i = 0; i < a->outputs; i++) {
        if (j->q.recipe[i].budget) continue;
        recipe[n] = j->q.recipe[i];
        fd[n] = j->fd[1 + i];
        place[n++] = i;
    }
    double whole = (double)n + FIT_COST * (double)(a->outputs - n), at = (double)n;
    struct progress_part all = progress_enter(0, at / whole);
    if (n) rc = render(s, recipe, n, fd, output, e);
    progress_leave(all);
    for (size_t i = 0; i < n && rc >= 0; i++) a->output[place[i]] = output[i];
    for (size_t i = 0; i < a->outputs && rc >= 0; i++) {
        if (!j->q.recipe[i].budget) continue;
        progress_enter(at / whole, (at + FIT_COST) / whole);
        rc = fit(in, &j->q.limits, &j->q.recipe[i], j->fd[1 + i], &a->output[i], e);
        progress_leave(all);
        at += FIT_COST;
    }
    return rc;
}

/* How long each picture is shown, in whole milliseconds that add up: what rounding takes from one, the next one gets.
 */
static int write_times(struct source *s, int fd, struct err *e)
{
    uint32_t buf[1024], n = 0, frames = 0;
    uint64_t at = 0;
    int64_t before = 0;
    struct picture p;
    int rc;
    while ((rc = source_next(s, &p, e)) > 0) {
        int64_t end = av_rescale_q(p.start + p.duration, s->time_base, (AVRational){1, 1000});
        buf[n++] = end > before ? (uint32_t)(end - before) : 0;
        before = end > before ? end : before;
        frames++;
        if (n < sizeof buf / sizeof *buf) continue;
        if (encode_write(fd, (const uint8_t *)buf, sizeof buf, at, s->limits->out_bytes, e) < 0) return e->code;
        at += sizeof buf;
        n = 0;
    }
    if (rc < 0) return rc;
    if (!frames) return err_set(e, GIFD_EBADMEDIA, "not one picture could be decoded");
    s->facts.frames = frames;
    s->facts.duration_ms = (uint64_t)before;
    return n ? encode_write(fd, (const uint8_t *)buf, n * sizeof *buf, at, s->limits->out_bytes, e) : GIFD_OK;
}

static int answer(struct job *j, struct bytes in, struct media_answer *a, struct err *e)
{
    struct source s;
    int rc = source_open(&s, in, &j->q.limits, e);
    bool cheap = rc == GIFD_OK && (uint64_t)s.width * (uint64_t)s.height <= PROBE_DECODE_PX;
    if (j->q.op == MEDIA_PROBE && cheap && !s.sure) {
        struct picture p;
        s.glance = true;
        rc = source_next(&s, &p, e);
        if (rc == 0) rc = err_set(e, GIFD_EBADMEDIA, "not one picture could be decoded");
    }
    if (rc >= 0 && j->q.op == MEDIA_RENDER) rc = render_all(j, in, &s, a, e);
    if (rc >= 0 && j->q.op == MEDIA_TIMES) rc = write_times(&s, j->fd[1], e);
    if (rc >= 0 && (j->q.op == MEDIA_LOOK || j->q.op == MEDIA_CROPS))
        rc = look(&s, j->q.op == MEDIA_CROPS, &a->look, e);
    a->facts = s.facts;
    return rc < 0 ? rc : GIFD_OK; /* the exit frees the source */
}

static struct wire_facts pack(const struct media_facts *f)
{
    struct wire_facts w = {.width = f->width,
                           .height = f->height,
                           .frames = f->frames,
                           .loop = f->loop,
                           .duration_ms = f->duration_ms,
                           .has_alpha = f->has_alpha,
                           .has_audio = f->has_audio,
                           .truncated = f->truncated};
    memcpy(w.type, f->type, sizeof w.type);
    return w;
}

static bool send_answer(int rc, const struct media_answer *a, const struct err *e)
{
    static struct wire_answer w;
    w.magic = WIRE_MAGIC;
    w.version = WIRE_VERSION;
    w.code = rc;
    if (rc < 0) {
        snprintf(w.text, sizeof w.text, "%.*s", WIRE_TEXT_MAX - 1, e->text);
    } else {
        w.facts = pack(&a->facts);
        w.outputs = (uint32_t)a->outputs;
        snprintf(w.made_by, sizeof w.made_by, "%s", made_by);
        w.look = a->look;
        for (size_t i = 0; i < a->outputs; i++) {
            w.output[i].facts = pack(&a->output[i].facts);
            w.output[i].bytes = a->output[i].bytes;
            w.output[i].at_ms = a->output[i].at_ms;
            w.output[i].choice = a->output[i].choice;
        }
    }
    return write(SANDBOX_SOCK, &w, sizeof w) == sizeof w;
}

int child_run(const struct sandbox *s)
{
    static struct job j;
    static struct media_answer a;
    struct err e = {0};
    struct bytes in = {0};
    int rc = read_question(&j, &e);
    if (rc == GIFD_OK) rc = map_input(j.fd[0], &in, &e);
    if (rc == GIFD_OK) {
        const struct media_limits *l = &j.q.limits;
        struct sandbox_limits walls = {.memory = l->memory + in.n,
                                       .out_bytes = l->out_bytes ? l->out_bytes : 4096,
                                       .cpu_s = l->deadline_ms / 1000 * 2 + 2};
        if (j.q.op != MEDIA_PROBE) setpriority(PRIO_PROCESS, 0, RENDER_NICE); /* probes first: an upload waits for it */
        if (j.q.op == MEDIA_RENDER) progress_open(SANDBOX_SOCK);
        sandbox_lock(s, &walls);
        rc = answer(&j, in, &a, &e);
    }
    return send_answer(rc, &a, &e) ? 0 : 1;
}
