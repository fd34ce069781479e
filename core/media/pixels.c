/* pixels.c: see pixels.h.
 *
 *   in --(scale, convert)--> rgba --turn--> turned --flatten, pad--> flat --(convert)--> out
 *
 * Video that is already 4:2:0, even and upright goes to `out` in one conversion. Colour is BT.709 in limited range for
 * video and BT.601 in full range for JPEG, and is written into the frame. */
#include "media/pixels.h"

#include "media/recode.h"

#include <libavutil/pixdesc.h>
#include <math.h>
#include <string.h>

/* The factor, at most 1, that fits w x h into bounds. */
static double shrink(double w, double h, const struct pixels_bounds *max)
{
    double f = 1;
    if (w * f > max->width) f = max->width / w;
    if (h * f > max->height) f = max->height / h;
    if (w * h * f * f > max->area) f = sqrt(max->area / (w * h));
    return f;
}

/* Rounded as browsers would lay it out, but never over what was allowed. */
static int scaled(uint32_t n, double f, double max)
{
    double v = round(n * f);
    if (v > max) v = floor(max);
    return v < 1 ? 1 : (int)v;
}

void pixels_init(struct pixels *p, const struct source *s, enum AVPixelFormat format, bool pad,
                 const struct pixels_bounds *max, uint32_t background)
{
    double f = shrink(s->facts.width, s->facts.height, max);
    *p = (struct pixels){.format = format, .background = background};
    p->inner_width = scaled(s->facts.width, f, max->width);
    p->inner_height = scaled(s->facts.height, f, max->height);
    if ((double)p->inner_width * p->inner_height > max->area) p->inner_height = (int)(max->area / p->inner_width);
    p->width = pad ? (p->inner_width + 1) & ~1 : p->inner_width;
    p->height = pad ? (p->inner_height + 1) & ~1 : p->inner_height;
}

void pixels_free(struct pixels *p)
{
    scale_free(p->scale);
    p->scale = NULL;
    sws_freeContext(p->to_rgba);
    sws_freeContext(p->to_format);
    av_frame_free(&p->rgba);
    av_frame_free(&p->turned);
    av_frame_free(&p->flat);
    av_frame_free(&p->out);
    p->to_rgba = p->to_format = NULL;
}

static AVFrame *room_for(AVFrame **f, enum AVPixelFormat format, int width, int height)
{
    if (*f && av_frame_is_writable(*f)) return *f; /* else somebody holds the picture before */
    av_frame_free(f);
    *f = av_frame_alloc();
    if (!*f) return NULL;
    (*f)->format = format;
    (*f)->width = width;
    (*f)->height = height;
    if (av_frame_get_buffer(*f, 0) < 0) av_frame_free(f);
    return *f;
}

static bool full_range(enum AVPixelFormat format)
{
    return format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P || format == AV_PIX_FMT_YUVJ444P;
}

static const int *matrix_of(const AVFrame *f)
{
    if (f->colorspace == AVCOL_SPC_UNSPECIFIED)
        return sws_getCoefficients(f->height >= 720 ? SWS_CS_ITU709 : SWS_CS_ITU601);
    return sws_getCoefficients(f->colorspace);
}

static bool is_420(enum AVPixelFormat format)
{
    return format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVJ420P;
}

static bool knows_matrix(const AVFrame *f)
{
    return f->colorspace == AVCOL_SPC_UNSPECIFIED || f->colorspace == AVCOL_SPC_BT709 ||
           f->colorspace == AVCOL_SPC_BT470BG || f->colorspace == AVCOL_SPC_SMPTE170M;
}

/* A film's picture for a JPEG. */
static bool recoded(const AVFrame *in, AVFrame *out)
{
    if (!is_420(in->format) || out->format != AV_PIX_FMT_YUVJ420P || !knows_matrix(in)) return false;
    struct recode_colour from = {matrix_of(in) == sws_getCoefficients(SWS_CS_ITU709),
                                 full_range(in->format) || in->color_range == AVCOL_RANGE_JPEG};
    recode(in, from, out, (struct recode_colour){false, true});
    return true;
}

static bool convert(struct SwsContext **c, const AVFrame *in, AVFrame *out)
{
    bool same_size = in->width == out->width && in->height == out->height;
    if (same_size && recoded(in, out)) return true;
    int flags = (same_size ? SWS_BILINEAR : SWS_LANCZOS) | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT;
    *c = sws_getCachedContext(*c, in->width, in->height, in->format, out->width, out->height, out->format, flags, NULL,
                              NULL, NULL);
    if (!*c) return false;
    bool in_full = full_range(in->format) || in->color_range == AVCOL_RANGE_JPEG;
    bool out_full = full_range(out->format);
    const int *to = sws_getCoefficients(out->format == AV_PIX_FMT_YUV420P ? SWS_CS_ITU709 : SWS_CS_ITU601);
    sws_setColorspaceDetails(*c, matrix_of(in), in_full, to, out_full, 0, 1 << 16, 1 << 16);
    return sws_scale(*c, (const uint8_t *const *)in->data, in->linesize, 0, in->height, out->data, out->linesize) > 0;
}

static const uint32_t *row(const AVFrame *f, int y)
{
    return (const uint32_t *)(const void *)(f->data[0] + (ptrdiff_t)y * f->linesize[0]);
}

static uint32_t *row_of(AVFrame *f, int y)
{
    return (uint32_t *)(void *)(f->data[0] + (ptrdiff_t)y * f->linesize[0]);
}

static void turn(const AVFrame *in, AVFrame *out, int rotation)
{
    for (int y = 0; y < in->height; y++) {
        const uint32_t *from = row(in, y);
        for (int x = 0; x < in->width; x++) {
            if (rotation == 90)
                row_of(out, x)[in->height - 1 - y] = from[x];
            else if (rotation == 180)
                row_of(out, in->height - 1 - y)[in->width - 1 - x] = from[x];
            else
                row_of(out, in->width - 1 - x)[y] = from[x];
        }
    }
}

static uint32_t over(uint32_t pixel, const uint8_t bg[3])
{
    uint8_t c[4];
    memcpy(c, &pixel, 4);
    for (int i = 0; i < 3; i++) c[i] = (uint8_t)((c[i] * c[3] + bg[i] * (255 - c[3]) + 127) / 255);
    c[3] = 255;
    memcpy(&pixel, c, 4);
    return pixel;
}

static void flatten(const struct pixels *p, const AVFrame *in, AVFrame *out)
{
    const uint8_t bg[3] = {(uint8_t)(p->background >> 16), (uint8_t)(p->background >> 8), (uint8_t)p->background};
    const uint8_t opaque_bytes[4] = {0, 0, 0, 255};
    uint32_t opaque;
    memcpy(&opaque, opaque_bytes, 4);
    for (int y = 0; y < in->height; y++) {
        const uint32_t *from = row(in, y);
        uint32_t *to = row_of(out, y);
        for (int x = 0; x < in->width; x++) to[x] = (from[x] & opaque) == opaque ? from[x] : over(from[x], bg);
        for (int x = in->width; x < out->width; x++) to[x] = to[in->width - 1];
    }
    for (int y = in->height; y < out->height; y++)
        memcpy(row_of(out, y), row_of(out, in->height - 1), (size_t)out->width * 4);
}

static bool direct(const struct pixels *p, const struct source *s, const AVFrame *in)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(in->format);
    bool opaque = !s->facts.has_alpha || (d && !(d->flags & (AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL)));
    return (opaque || p->format == AV_PIX_FMT_RGBA) && !s->rotation && p->width == p->inner_width &&
           p->height == p->inner_height;
}

/* RGBA made smaller is made anew only where it changed. */
static bool shrink_rgba(struct pixels *p, const struct source *s, const AVFrame *in)
{
    const uint8_t *dirty = p->scale ? p->dirty : NULL;
    AVFrame *before = p->out;
    enum scale_alpha alpha = !s->facts.has_alpha      ? SCALE_OPAQUE
                             : s->kind == &source_gif ? SCALE_ALL_OR_NOTHING
                                                      : SCALE_ALPHA;
    if (!p->scale) p->scale = scale_new(in->width, in->height, p->width, p->height, alpha);
    if (!p->scale) return false;
    if (before && !av_frame_is_writable(before)) p->out = NULL;
    bool ok = room_for(&p->out, p->format, p->width, p->height);
    if (before && ok && before != p->out) ok = av_frame_copy(p->out, before) >= 0;
    if (before != p->out) av_frame_free(&before);
    if (ok) scale_make(p->scale, in, p->out, dirty);
    return ok;
}

static bool make(struct pixels *p, const struct source *s, const AVFrame *in)
{
    bool aside = s->rotation % 180 != 0;
    int w = aside ? p->inner_height : p->inner_width, h = aside ? p->inner_width : p->inner_height;
    bool smaller = p->width < in->width && p->height <= in->height;
    if (p->format == AV_PIX_FMT_RGBA && in->format == AV_PIX_FMT_RGBA && !s->rotation && smaller)
        return shrink_rgba(p, s, in);
    if (!room_for(&p->out, p->format, p->width, p->height)) return false;
    if (direct(p, s, in)) return convert(&p->to_format, in, p->out);
    if (in->format != AV_PIX_FMT_RGBA || in->width != w || in->height != h) {
        if (!room_for(&p->rgba, AV_PIX_FMT_RGBA, w, h) || !convert(&p->to_rgba, in, p->rgba)) return false;
        in = p->rgba;
    }
    if (s->rotation) {
        if (!room_for(&p->turned, AV_PIX_FMT_RGBA, p->inner_width, p->inner_height)) return false;
        turn(in, p->turned, s->rotation);
        in = p->turned;
    }
    if (p->format == AV_PIX_FMT_RGBA) return convert(&p->to_format, in, p->out);
    if (!room_for(&p->flat, AV_PIX_FMT_RGBA, p->width, p->height)) return false;
    flatten(p, in, p->flat);
    return convert(&p->to_format, p->flat, p->out);
}

AVFrame *pixels_make(struct pixels *p, const struct source *s, const AVFrame *in, struct err *e)
{
    if (!make(p, s, in)) {
        err_set(e, GIFD_EBADMEDIA, "%d x %d pixels could not be converted in the memory allowed", p->width, p->height);
        return NULL;
    }
    bool video = p->format == AV_PIX_FMT_YUV420P;
    p->out->color_range = video ? AVCOL_RANGE_MPEG : AVCOL_RANGE_JPEG;
    p->out->colorspace = video ? AVCOL_SPC_BT709 : full_range(p->format) ? AVCOL_SPC_BT470BG : AVCOL_SPC_RGB;
    return p->out;
}
