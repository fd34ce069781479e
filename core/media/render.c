/* render.c: see render.h. Pictures pass by once; every recipe takes what it wants. */
#include "media/render.h"

#include "media/encode.h"
#include "media/pixels.h"

#include <libavutil/mathematics.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STILL_MP4_MS 100 /* of a source without any duration */

struct task {
    const struct media_recipe *recipe;
    struct pixels pixels;
    struct mp4 *mp4;
    struct media_output *output;
    int fd;
    bool done; /* a still that is written */
};

static const char *type_of(uint32_t format)
{
    return format == MEDIA_JPEG ? "image/jpeg" : format == MEDIA_PNG ? "image/png" : "video/mp4";
}

static int begin(struct task *t, const struct source *s, struct err *e)
{
    bool video = t->recipe->format == MEDIA_MP4, alpha = s->facts.has_alpha && t->recipe->format == MEDIA_PNG;
    enum AVPixelFormat format = video                             ? AV_PIX_FMT_YUV420P
                                : t->recipe->format == MEDIA_JPEG ? AV_PIX_FMT_YUVJ420P
                                : alpha                           ? AV_PIX_FMT_RGBA
                                                                  : AV_PIX_FMT_RGB24;
    struct pixels_bounds max = {ENCODE_JPEG_SIDE_MAX, (double)ENCODE_JPEG_SIDE_MAX * ENCODE_JPEG_SIDE_MAX};
    if (video) max = (struct pixels_bounds){ENCODE_MP4_SIDE_MAX, ENCODE_MP4_AREA_MAX};
    pixels_init(&t->pixels, s, format, video, max, t->recipe->background);
    if (ftruncate(t->fd, 0) < 0) return err_set(e, GIFD_EINVALID, "an output is not a file");
    struct media_facts *f = &t->output->facts;
    *f = (struct media_facts){.width = (uint32_t)t->pixels.width,
                              .height = (uint32_t)t->pixels.height,
                              .frames = 1,
                              .loop = video ? -1 : 1,
                              .has_alpha = alpha};
    snprintf(f->type, sizeof f->type, "%s", type_of(t->recipe->format));
    if (!video) return GIFD_OK;
    t->mp4 =
        mp4_new(t->pixels.width, t->pixels.height, s->time_base, t->recipe->quality, t->fd, s->limits->out_bytes, e);
    return t->mp4 ? GIFD_OK : e->code;
}

static int write_still(struct task *t, const struct source *s, const AVFrame *frame, struct err *e)
{
    AVFrame *f = pixels_make(&t->pixels, s, frame, e);
    if (!f) return e->code;
    t->done = true;
    int rc = encode_still(f, t->recipe, t->fd, s->limits->out_bytes, &t->output->bytes, e);
    pixels_free(&t->pixels);
    return rc;
}

static int add_to_mp4(struct task *t, const struct source *s, const struct picture *p, struct err *e)
{
    AVFrame *f = pixels_make(&t->pixels, s, p->frame, e);
    int64_t duration = p->duration;
    if (!f) return e->code;
    if (duration <= 0) duration = av_rescale_q(STILL_MP4_MS, (AVRational){1, 1000}, s->time_base);
    t->output->facts.duration_ms = (uint64_t)av_rescale_q(p->start + duration, s->time_base, (AVRational){1, 1000});
    return mp4_add(t->mp4, f, p->start, duration, e);
}

static int take(struct task *t, const struct source *s, const struct picture *p, struct err *e)
{
    if (t->mp4) return add_to_mp4(t, s, p, e);
    int64_t end = av_rescale_q(p->start + p->duration, s->time_base, (AVRational){1, 1000});
    if (t->done || t->recipe->at_ms >= end) {
        if (t->done || t->recipe->at_ms > 0) return GIFD_OK;
    }
    return write_still(t, s, p->frame, e);
}

static int end(struct task *t, const struct source *s, const struct picture *last, struct err *e)
{
    if (t->mp4) return mp4_finish(t->mp4, &t->output->bytes, e);
    return t->done ? GIFD_OK : write_still(t, s, last->frame, e); /* asked for a time behind the end */
}

int render(struct source *s, const struct media_recipe *recipe, size_t n, const int *out_fd,
           struct media_output *output, struct err *e)
{
    struct task task[MEDIA_RECIPES_MAX];
    struct picture p = {0};
    size_t begun = 0, open = n;
    uint32_t frames = 0;
    int rc = GIFD_OK;
    memset(task, 0, sizeof task);
    for (size_t i = 0; i < n && rc >= 0; i++) {
        task[i] = (struct task){.recipe = &recipe[i], .output = &output[i], .fd = out_fd[i]};
        rc = begin(&task[begun++], s, e);
    }
    while (rc >= 0 && open && (rc = source_next(s, &p, e)) > 0) {
        open = 0;
        frames++;
        for (size_t i = 0; i < n && rc >= 0; i++) {
            rc = take(&task[i], s, &p, e);
            open += task[i].mp4 || !task[i].done;
        }
    }
    if (rc >= 0 && !frames) rc = err_set(e, GIFD_EBADMEDIA, "not one picture could be decoded");
    for (size_t i = 0; i < n && rc >= 0; i++) {
        if (task[i].mp4) output[i].facts.frames = frames;
        rc = end(&task[i], s, &p, e);
    }
    for (size_t i = 0; i < begun; i++) {
        mp4_free(task[i].mp4);
        pixels_free(&task[i].pixels);
    }
    return rc < 0 ? rc : GIFD_OK;
}
