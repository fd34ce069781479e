/* still.c: see encode.h. JPEG is baseline 4:2:0 with tables made for the picture, PNG is RGB or RGBA. */
#include "media/encode.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_QUALITY 85
#define SIDE_MAX 65500

/* libav's quantiser scale, 1 best to 31, from 100 best to 1. */
static int quantiser(uint32_t quality)
{
    int q = (int)(100 - (quality ? quality : DEFAULT_QUALITY)) / 4 + 1;
    return q < 1 ? 1 : q > 31 ? 31 : q;
}

struct still {
    struct encode_target to;
    uint64_t bytes;
};

static AVCodecContext *open_encoder(const AVFrame *f, const struct media_recipe *r)
{
    const AVCodec *codec = avcodec_find_encoder(r->format == MEDIA_JPEG ? AV_CODEC_ID_MJPEG : AV_CODEC_ID_PNG);
    AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!c) return NULL;
    c->width = f->width;
    c->height = f->height;
    c->pix_fmt = f->format;
    c->time_base = (AVRational){1, 1000};
    c->thread_count = 1;
    c->color_range = f->color_range;
    c->flags |= AV_CODEC_FLAG_BITEXACT;
    if (r->format == MEDIA_JPEG) {
        c->flags |= AV_CODEC_FLAG_QSCALE;
        c->global_quality = FF_QP2LAMBDA * quantiser(r->quality);
    } else {
        c->compression_level = 6;
    }
    if (avcodec_open2(c, codec, NULL) < 0) avcodec_free_context(&c);
    return c;
}

int encode_write(int fd, const uint8_t *p, size_t n, uint64_t at, uint64_t max, struct err *e)
{
    if (n > max || at > max - n)
        return err_set(e, GIFD_ETOOBIG, "an output is over the limit of %llu bytes", (unsigned long long)max);
    while (n) {
        ssize_t did = pwrite(fd, p, n, (off_t)at);
        if (did < 0 && errno == EINTR) continue;
        if (did < 0 && errno == EFBIG) return err_set(e, GIFD_ETOOBIG, "an output is over the limit of its size");
        if (did <= 0) return err_sys(e, did < 0 ? errno : ENOSPC, "writing an output");
        p += did, n -= (size_t)did, at += (uint64_t)did;
    }
    return GIFD_OK;
}

static struct encoder *still_open(const struct encode_target *t, struct err *e)
{
    struct still *s = calloc(1, sizeof *s);
    if (s)
        s->to = *t;
    else
        err_set(e, GIFD_EBADMEDIA, "out of memory");
    return (struct encoder *)s;
}

static int still_add(struct encoder *self, AVFrame *f, int64_t start, int64_t duration, struct err *e)
{
    struct still *s = (struct still *)self;
    AVPacket *packet = av_packet_alloc();
    AVCodecContext *c = open_encoder(f, s->to.recipe);
    int rc =
        err_set(e, GIFD_EBADMEDIA, "a still of %d x %d could not be made in the memory allowed", f->width, f->height);
    (void)start, (void)duration;
    if (!c || !packet) goto out;
    f->quality = c->global_quality;
    f->pts = 0;
    if (avcodec_send_frame(c, f) < 0 || avcodec_send_frame(c, NULL) < 0 || avcodec_receive_packet(c, packet) < 0)
        goto out;
    s->bytes = (uint64_t)packet->size;
    rc = encode_write(s->to.fd, packet->data, (size_t)packet->size, 0, s->to.max, e);
out:
    av_packet_free(&packet);
    avcodec_free_context(&c);
    return rc;
}

static int still_finish(struct encoder *self, uint64_t *bytes, struct err *e)
{
    *bytes = ((struct still *)self)->bytes;
    return *bytes ? GIFD_OK : err_set(e, GIFD_EBADMEDIA, "there is no picture");
}

static void still_free(struct encoder *self)
{
    free(self);
}

const struct encoder_kind encoder_jpeg = {
    .type = "image/jpeg",
    .still = true,
    .side = SIDE_MAX,
    .area = (double)SIDE_MAX * SIDE_MAX,
    .format = AV_PIX_FMT_YUVJ420P,
    .alpha_format = AV_PIX_FMT_NONE,
    .open = still_open,
    .add = still_add,
    .finish = still_finish,
    .free = still_free,
};
const struct encoder_kind encoder_png = {
    .type = "image/png",
    .still = true,
    .side = SIDE_MAX,
    .area = (double)SIDE_MAX * SIDE_MAX,
    .format = AV_PIX_FMT_RGB24,
    .alpha_format = AV_PIX_FMT_RGBA,
    .open = still_open,
    .add = still_add,
    .finish = still_finish,
    .free = still_free,
};
