/* webp.c: see encode.h. Animated WebP by libwebpmux's animation encoder: lossy, with alpha, each frame reduced to what
 * changed. The end of the last picture is told by an empty frame, without which it would have no duration. */
#include "media/encode.h"

#include <stdlib.h>
#include <webp/encode.h>
#include <webp/mux.h>

#define DEFAULT_QUALITY 75
#define METHOD 2       /* 0 fast to 6 small */
#define LOOP_MAX 65535 /* GIF can say one more */

struct webp {
    struct encode_target to;
    WebPAnimEncoder *encoder;
    WebPConfig config;
    int64_t end;
};

static int at_ms(const struct webp *w, int64_t t)
{
    return (int)av_rescale_q(t, w->to.time_base, (AVRational){1, 1000});
}

static void webp_free(struct encoder *self)
{
    struct webp *w = (struct webp *)self;
    if (w) WebPAnimEncoderDelete(w->encoder);
    free(w);
}

static struct encoder *webp_open(const struct encode_target *t, struct err *e)
{
    struct webp *w = calloc(1, sizeof *w);
    WebPAnimEncoderOptions o;
    if (w && WebPConfigInit(&w->config) && WebPAnimEncoderOptionsInit(&o)) {
        w->to = *t;
        w->config.quality = (float)(t->recipe->quality ? t->recipe->quality : DEFAULT_QUALITY);
        w->config.method = METHOD;
        w->config.alpha_compression = 1;
        o.anim_params.loop_count = t->loop < 0 ? 1 : t->loop > LOOP_MAX ? LOOP_MAX : t->loop;
        o.anim_params.bgcolor = 0; /* transparent */
        w->encoder = WebPAnimEncoderNew(t->width, t->height, &o);
    }
    if (w && w->encoder) return (struct encoder *)w;
    err_set(e, GIFD_EBADMEDIA, "a WebP of %d x %d could not be started in the memory allowed", t->width, t->height);
    webp_free((struct encoder *)w);
    return NULL;
}

static int failed(const struct webp *w, struct err *e)
{
    return err_set(e, GIFD_EBADMEDIA, "the WebP could not be made: %s", WebPAnimEncoderGetError(w->encoder));
}

static int webp_add(struct encoder *self, AVFrame *f, int64_t start, int64_t duration, struct err *e)
{
    struct webp *w = (struct webp *)self;
    WebPPicture p;
    if (!WebPPictureInit(&p)) return failed(w, e);
    p.width = f->width;
    p.height = f->height;
    p.use_argb = 1;
    w->end = start + duration;
    int ok = w->to.alpha ? WebPPictureImportRGBA(&p, f->data[0], f->linesize[0])
                         : WebPPictureImportRGBX(&p, f->data[0], f->linesize[0]);
    ok = ok && WebPAnimEncoderAdd(w->encoder, &p, at_ms(w, start), &w->config);
    WebPPictureFree(&p);
    return ok ? GIFD_OK : failed(w, e);
}

static int webp_finish(struct encoder *self, uint64_t *bytes, struct err *e)
{
    struct webp *w = (struct webp *)self;
    WebPData data;
    WebPDataInit(&data);
    if (!WebPAnimEncoderAdd(w->encoder, NULL, at_ms(w, w->end), NULL) || !WebPAnimEncoderAssemble(w->encoder, &data))
        return failed(w, e);
    *bytes = data.size;
    int rc = encode_write(w->to.fd, data.bytes, data.size, 0, w->to.max, e);
    WebPDataClear(&data);
    return rc;
}

const struct encoder_kind encoder_webp = {
    .type = "image/webp",
    .keeps_loop = true,
    .side = WEBP_MAX_DIMENSION,
    .area = 64e6,
    .format = AV_PIX_FMT_RGBA,
    .alpha_format = AV_PIX_FMT_RGBA,
    .open = webp_open,
    .add = webp_add,
    .finish = webp_finish,
    .free = webp_free,
};
