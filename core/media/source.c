/* source.c: see source.h. */
#include "media/source.h"

#include "media/sniff.h"

#include <stdio.h>

int source_check(const struct media_limits *l, uint64_t width, uint64_t height, uint64_t frames, struct err *e)
{
    unsigned long long w = width, h = height, n = frames;
    if (!width || !height) return err_set(e, GIFD_EBADMEDIA, "the canvas is empty (%llu x %llu)", w, h);
    if (width > 65535 || height > 65535)
        return err_set(e, GIFD_EBADMEDIA, "the canvas of %llu x %llu is over the limit of 65535 a side", w, h);
    if (width * height > l->canvas_px)
        return err_set(e, GIFD_EBADMEDIA, "the canvas of %llu x %llu is %llu pixels, over the limit of %llu", w, h,
                       w * h, (unsigned long long)l->canvas_px);
    if (frames > l->frames)
        return err_set(e, GIFD_EBADMEDIA, "%llu frames are over the limit of %u", n, (unsigned)l->frames);
    if (frames && width * height > l->total_px / frames)
        return err_set(e, GIFD_EBADMEDIA, "%llu frames of %llu x %llu are over the limit of %llu pixels in all", n, w,
                       h, (unsigned long long)l->total_px);
    return GIFD_OK;
}

AVFrame *source_rgba(uint8_t *pixels, int width, int height, int stride)
{
    AVFrame *f = av_frame_alloc();
    if (!f) return NULL;
    f->format = AV_PIX_FMT_RGBA;
    f->width = width;
    f->height = height;
    f->data[0] = pixels;
    f->linesize[0] = stride;
    return f;
}

int source_open(struct source *s, struct bytes in, const struct media_limits *l, struct err *e)
{
    const char *name;
    *s = (struct source){.in = in, .limits = l};
    switch (sniff(in.p, in.n, &name)) {
    case SNIFF_GIF: s->kind = &source_gif; break;
    case SNIFF_PNG: s->kind = &source_png; break;
    case SNIFF_WEBP: s->kind = &source_webp; break;
    case SNIFF_MP4: s->kind = &source_mp4; break;
    case SNIFF_WEBM: s->kind = &source_webm; break;
    case SNIFF_OTHER: return err_set(e, GIFD_EUNSUPPORTED, "%s", name);
    }
    return s->kind->open(s, e);
}

int source_next(struct source *s, struct picture *p, struct err *e)
{
    return s->kind->next(s, p, e);
}

void source_close(struct source *s)
{
    if (s->kind) s->kind->close(s);
    s->kind = NULL;
}
