/* source_webp.c: WebP, still and animated, by libwebp (libav 5.1 does not decode its animation). */
#include "media/source.h"

#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

struct state {
    WebPAnimDecoder *decoder;
    AVFrame *frame;
    int before; /* end of the last picture as libwebp tells it, ms */
    int64_t start;
};

static int count_frames(struct source *s, const WebPDemuxer *d, struct err *e)
{
    WebPIterator i;
    s->facts.frames = WebPDemuxGetI(d, WEBP_FF_FRAME_COUNT);
    int rc = source_check(s->limits, s->facts.width, s->facts.height, s->facts.frames, e);
    if (rc < 0) return rc;
    if (!(WebPDemuxGetI(d, WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG)) {
        s->facts.loop = 1;
        return s->facts.frames == 1 ? GIFD_OK : err_set(e, GIFD_EBADMEDIA, "the WebP has no picture");
    }
    s->facts.loop = (int32_t)(WebPDemuxGetI(d, WEBP_FF_LOOP_COUNT) & 0xffff);
    if (!WebPDemuxGetFrame(d, 1, &i)) return err_set(e, GIFD_EBADMEDIA, "the WebP has no whole frame");
    do {
        s->facts.duration_ms += source_delay_ms((uint64_t)(i.duration > 0 ? i.duration : 0));
        if (i.frame_num == 1 && (i.has_alpha || i.x_offset || i.y_offset || i.width != (int)s->facts.width ||
                                 i.height != (int)s->facts.height))
            s->facts.has_alpha = true;
        if (i.dispose_method == WEBP_MUX_DISPOSE_BACKGROUND && s->facts.frames > 1) s->facts.has_alpha = true;
        if (i.blend_method == WEBP_MUX_NO_BLEND && i.has_alpha)
            s->facts.has_alpha = true; /* it clears what it covers */
    } while (WebPDemuxNextFrame(&i));
    WebPDemuxReleaseIterator(&i);
    return GIFD_OK;
}

static int webp_open(struct source *s, struct err *e)
{
    WebPBitstreamFeatures f;
    WebPData data = {s->in.p, s->in.n};
    memcpy(s->facts.type, "image/webp", sizeof "image/webp");
    if (WebPGetFeatures(s->in.p, s->in.n, &f) != VP8_STATUS_OK)
        return err_set(e, GIFD_EBADMEDIA, "the WebP's header is corrupt");
    s->facts.width = (uint32_t)f.width;
    s->facts.height = (uint32_t)f.height;
    int rc = source_check(s->limits, s->facts.width, s->facts.height, 1, e);
    if (rc < 0) return rc;
    if (!f.has_animation) s->facts.has_alpha = f.has_alpha;
    WebPDemuxer *d = WebPDemux(&data);
    if (!d) return err_set(e, GIFD_EBADMEDIA, "the WebP is cut short or corrupt");
    rc = count_frames(s, d, e);
    WebPDemuxDelete(d);
    if (rc < 0) return rc;
    s->time_base = (AVRational){1, 1000};
    s->width = f.width;
    s->height = f.height;
    s->state = calloc(1, sizeof(struct state));
    return s->state ? GIFD_OK : err_set(e, GIFD_EBADMEDIA, "out of memory");
}

static int webp_next(struct source *s, struct picture *p, struct err *e)
{
    struct state *t = s->state;
    uint8_t *pixels;
    int end;
    if (!t->decoder) {
        WebPData data = {s->in.p, s->in.n};
        WebPAnimDecoderOptions o;
        WebPAnimDecoderOptionsInit(&o);
        o.color_mode = MODE_RGBA;
        o.use_threads = 0;
        t->decoder = WebPAnimDecoderNew(&data, &o);
        if (!t->decoder) return err_set(e, GIFD_EBADMEDIA, "the WebP cannot be decoded");
    }
    if (!WebPAnimDecoderHasMoreFrames(t->decoder)) return 0;
    if (!WebPAnimDecoderGetNext(t->decoder, &pixels, &end))
        return t->frame ? 0 : err_set(e, GIFD_EBADMEDIA, "the WebP's first frame cannot be decoded");
    if (!t->frame) t->frame = source_rgba(pixels, s->width, s->height, s->width * 4);
    if (!t->frame) return err_set(e, GIFD_EBADMEDIA, "out of memory");
    t->frame->data[0] = pixels;
    p->frame = t->frame;
    p->start = t->start;
    p->duration = s->facts.duration_ms ? (int64_t)source_delay_ms((uint64_t)(end - t->before)) : 0;
    t->start += p->duration;
    t->before = end;
    return 1;
}

static void webp_close(struct source *s)
{
    struct state *t = s->state;
    if (!t) return;
    WebPAnimDecoderDelete(t->decoder);
    av_frame_free(&t->frame);
    free(t);
}

const struct source_kind source_webp = {webp_open, webp_next, webp_close};
