/* render.c: see render.h. Pictures pass by once; every recipe takes what it wants.
 *
 *   source --picture--> timeline (shown? from when?) --> canvas (scaled, once per size and format) --> encoder
 *
 * A taken picture is held until the next one is taken, since only then its duration is known. */
#include "media/render.h"

#include "media/encode.h"
#include "media/look.h"
#include "media/pixels.h"
#include "media/progress.h"
#include "media/tiles.h"
#include "media/timeline.h"

#include <libavutil/imgutils.h>
#include <libavutil/mathematics.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONE_MS 100 /* what a source without any duration counts as */

/* One size and format of the picture that passes by, made when the first task asks for it. */
struct canvas {
    struct pixels pixels;
    enum AVPixelFormat format;
    bool even;
    AVFrame *made; /* of the picture that passes by; the pixels' own */
};

struct task {
    const struct media_recipe *recipe;
    const struct encoder_kind *kind;
    struct canvas *canvas;
    struct timeline time;
    struct encoder *encoder;
    struct media_output *output;
    AVFrame *held;
    int64_t held_at;
    int fd;
    bool done;
};

struct making {
    struct source *s;
    struct task task[MEDIA_RECIPES_MAX];
    struct canvas canvas[MEDIA_RECIPES_MAX];
    size_t n, canvases;
    struct tiles tiles; /* of the picture that passes by: what differs from the one before */
    uint32_t seen;      /* pictures */
    uint64_t all;       /* that will pass by, at a guess */
};

const struct encoder_kind *encoder_of(uint32_t format)
{
    switch (format) {
    case MEDIA_JPEG: return &encoder_jpeg;
    case MEDIA_PNG: return &encoder_png;
    case MEDIA_MP4: return &encoder_mp4;
    case MEDIA_WEBM: return &encoder_webm;
    case MEDIA_WEBP: return &encoder_webp;
    case MEDIA_GIF: return &encoder_gif;
    default: return NULL;
    }
}

/* ---- before the first picture ---- */

static struct canvas *canvas_for(struct making *w, const struct task *t, enum AVPixelFormat format)
{
    const struct media_recipe *r = t->recipe;
    struct pixels_bounds max = {t->kind->side, t->kind->side, t->kind->area};
    struct pixels p;
    if (r->width && r->width < max.width) max.width = r->width;
    if (r->height && r->height < max.height) max.height = r->height;
    pixels_init(&p, w->s, format, t->kind->even, &max, r->background);
    for (size_t i = 0; i < w->canvases; i++) {
        struct canvas *c = &w->canvas[i];
        if (c->format == format && c->even == t->kind->even && c->pixels.inner_width == p.inner_width &&
            c->pixels.inner_height == p.inner_height && c->pixels.background == r->background)
            return c;
    }
    struct canvas *c = &w->canvas[w->canvases++];
    *c = (struct canvas){.pixels = p, .format = format, .even = t->kind->even};
    return c;
}

static int32_t loop_of(const struct task *t, const struct source *s)
{
    return t->recipe->loop == MEDIA_LOOP_SOURCE ? s->facts.loop : t->recipe->loop;
}

static int begin(struct making *w, struct task *t, struct err *e)
{
    const struct source *s = w->s;
    t->kind = encoder_of(t->recipe->format);
    if (!t->kind) return err_set(e, GIFD_EUNSUPPORTED, "format %u is not made here", t->recipe->format);
    if (ftruncate(t->fd, 0) < 0) return err_set(e, GIFD_EINVALID, "an output is not a file");
    bool alpha = s->facts.has_alpha && t->kind->alpha_format != AV_PIX_FMT_NONE;
    t->canvas = canvas_for(w, t, alpha ? t->kind->alpha_format : t->kind->format);
    timeline_init(&t->time, s, t->recipe);
    struct media_facts *f = &t->output->facts;
    *f = (struct media_facts){.width = (uint32_t)t->canvas->pixels.width,
                              .height = (uint32_t)t->canvas->pixels.height,
                              .loop = t->kind->still        ? 1
                                      : t->kind->keeps_loop ? loop_of(t, s)
                                                            : -1,
                              .has_alpha = alpha,
                              .has_audio = t->recipe->audio && s->facts.has_audio};
    snprintf(f->type, sizeof f->type, "%s", t->kind->type);
    struct encode_target to = {.width = t->canvas->pixels.width,
                               .height = t->canvas->pixels.height,
                               .time_base = s->time_base,
                               .recipe = t->recipe,
                               .source = s,
                               .loop = loop_of(t, s),
                               .alpha = alpha,
                               .untouched =
                                   t->canvas->pixels.width == s->width && t->canvas->pixels.height == s->height,
                               .reached_ms = &t->output->reached_ms,
                               .frames = &f->frames,
                               .fd = t->fd,
                               .max = s->limits->out_bytes};
    t->encoder = t->kind->open(&to, e);
    return t->encoder ? GIFD_OK : e->code;
}

/* ---- each picture ---- */

/* Whether the picture looks like the one before. Only composited pictures are compared; films hardly ever repeat. What
 * differs is added to what each canvas has not made yet. */
static bool repeats(struct making *w, const AVFrame *f)
{
    if (f->format != AV_PIX_FMT_RGBA) return false;
    if (tiles_see(&w->tiles, f)) return true;
    for (size_t i = 0; i < w->canvases; i++) {
        struct pixels *p = &w->canvas[i].pixels;
        size_t n = tiles_count(&w->tiles);
        if (!w->tiles.map) {
            free(p->dirty);
            p->dirty = NULL;
        } else if (p->dirty) {
            for (size_t k = 0; k < n; k++) p->dirty[k] |= w->tiles.map[k];
        } else if ((p->dirty = malloc(n))) {
            memset(p->dirty, 1, n);
        }
    }
    return false;
}

static AVFrame *make(struct making *w, struct task *t, const AVFrame *frame, struct err *e)
{
    struct pixels *p = &t->canvas->pixels;
    if (!t->canvas->made) {
        t->canvas->made = pixels_make(p, w->s, frame, e);
        if (p->dirty && t->canvas->made) memset(p->dirty, 0, tiles_count(&w->tiles));
    }
    AVFrame *f = t->canvas->made ? av_frame_clone(t->canvas->made) : NULL;
    if (t->canvas->made && !f) err_set(e, GIFD_EBADMEDIA, "out of memory");
    return f;
}

/* The held picture, now that it is known when it ends. */
static int give(struct making *w, struct task *t, int64_t until, struct err *e)
{
    if (!t->held) return GIFD_OK;
    int64_t duration = until - t->held_at;
    struct media_facts *f = &t->output->facts;
    f->frames++;
    if (!t->kind->still) f->duration_ms = (uint64_t)av_rescale_q(until, w->s->time_base, (AVRational){1, 1000});
    int rc = t->kind->add(t->encoder, t->held, t->held_at, duration, e);
    av_frame_free(&t->held);
    return rc;
}

static int take_still(struct making *w, struct task *t, const struct picture *p, struct err *e)
{
    t->done = true;
    t->output->at_ms = (uint64_t)av_rescale_q(p->start, w->s->time_base, (AVRational){1, 1000});
    t->held = make(w, t, p->frame, e);
    return t->held ? give(w, t, 1, e) : e->code;
}

static int take(struct making *w, struct task *t, const struct picture *p, bool same, struct err *e)
{
    int64_t at;
    if (t->done) return GIFD_OK;
    if (t->kind->still) {
        int64_t end = av_rescale_q(p->start + p->duration, w->s->time_base, (AVRational){1, 1000});
        const struct media_recipe *r = t->recipe;
        if (r->at_ms && r->at_ms >= end) return GIFD_OK;
        if (r->samples && w->seen <= look_at(r->sample - 1, r->samples, w->s->facts.frames)) return GIFD_OK;
        return take_still(w, t, p, e);
    }
    if (timeline_take(&t->time, p, same, &at) == TIMELINE_PASS) return GIFD_OK;
    AVFrame *f = make(w, t, p->frame, e);
    int rc = f ? give(w, t, at, e) : e->code;
    t->held = f;
    t->held_at = at;
    return rc;
}

static int pass(struct making *w, struct picture *p, struct err *e)
{
    size_t open = w->n;
    int rc = GIFD_OK;
    while (open && (rc = source_next(w->s, p, e)) > 0) {
        if (p->duration <= 0 && w->s->facts.frames <= 1)
            p->duration = av_rescale_q(LONE_MS, (AVRational){1, 1000}, w->s->time_base);
        bool same = repeats(w, p->frame);
        progress_at(w->seen, w->all);
        w->seen++;
        open = 0;
        for (size_t i = 0; i < w->canvases; i++) w->canvas[i].made = NULL;
        for (size_t i = 0; i < w->n; i++) {
            rc = take(w, &w->task[i], p, same, e);
            if (rc < 0) return rc;
            open += !w->task[i].done;
        }
    }
    return rc;
}

/* ---- after the last picture of a pass ---- */

static int end(struct making *w, struct task *t, const struct picture *last, struct err *e)
{
    int rc = GIFD_OK;
    if (t->kind->still) {
        for (size_t i = 0; i < w->canvases && !t->done; i++) w->canvas[i].made = NULL;
        if (!t->done) rc = take_still(w, t, last, e); /* asked for a time behind the end */
    } else {
        rc = give(w, t, t->time.end, e);
    }
    t->done = true;
    if (rc >= 0) rc = t->kind->finish(t->encoder, &t->output->bytes, e);
    if (rc >= 0 && t->kind->repeats && t->recipe->repeat_ms) t->output->facts.duration_ms = t->output->reached_ms;
    return rc;
}

static int end_pass(struct making *w, const struct picture *last, bool *again, struct err *e)
{
    int rc = GIFD_OK;
    *again = false;
    for (size_t i = 0; i < w->n && rc >= 0; i++) {
        struct task *t = &w->task[i];
        if (t->encoder && t->done && !t->kind->still) continue; /* it ended with an earlier pass */
        if (t->kind->still && t->output->bytes) continue;
        bool more = !t->kind->still && timeline_again(&t->time);
        if (more && !(t->kind->repeats && t->kind->repeats(t->encoder)))
            *again = true;
        else
            rc = end(w, t, last, e);
    }
    return rc;
}

static int rewind_source(struct making *w, struct err *e)
{
    struct bytes in = w->s->in;
    const struct media_limits *limits = w->s->limits;
    source_close(w->s);
    tiles_free(&w->tiles);
    return source_open(w->s, in, limits, e);
}

static void free_work(struct making *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct task *t = &w->task[i];
        av_frame_free(&t->held);
        if (t->kind) t->kind->free(t->encoder);
    }
    for (size_t i = 0; i < w->canvases; i++) {
        pixels_free(&w->canvas[i].pixels);
        free(w->canvas[i].pixels.dirty);
    }
    tiles_free(&w->tiles);
    free(w);
}

/* How often the source is gone through: once, and again for what repeats it. */
static uint64_t passes(const struct making *w)
{
    uint64_t most = 1, length = w->s->facts.duration_ms ? w->s->facts.duration_ms : LONE_MS;
    for (size_t i = 0; i < w->n; i++) {
        uint64_t n = (w->task[i].recipe->repeat_ms + length - 1) / length;
        if (n > most) most = n;
    }
    return most;
}

/* Whether the first picture is all that is wanted. */
static bool is_glance(const struct making *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct media_recipe *r = w->task[i].recipe;
        if (!w->task[i].kind->still || r->at_ms || r->sample) return false;
    }
    return w->n > 0;
}

int render(struct source *s, const struct media_recipe *recipe, size_t n, const int *out_fd,
           struct media_output *output, struct err *e)
{
    struct making *w = calloc(1, sizeof *w);
    struct picture p = {0};
    bool again = true;
    int rc = w ? GIFD_OK : err_set(e, GIFD_EBADMEDIA, "out of memory");
    if (!w) return rc;
    w->s = s;
    for (; w->n < n && rc >= 0; w->n++) {
        w->task[w->n] = (struct task){.recipe = &recipe[w->n], .output = &output[w->n], .fd = out_fd[w->n]};
        output[w->n].bytes = output[w->n].reached_ms = 0;
        rc = begin(w, &w->task[w->n], e);
    }
    w->all = passes(w) * s->facts.frames;
    if (rc >= 0) s->glance = is_glance(w);
    while (rc >= 0 && again) {
        rc = pass(w, &p, e);
        if (rc >= 0 && !w->seen) rc = err_set(e, GIFD_EBADMEDIA, "not one picture could be decoded");
        if (rc >= 0) rc = end_pass(w, &p, &again, e);
        if (rc >= 0 && again) rc = rewind_source(w, e);
    }
    free_work(w);
    return rc < 0 ? rc : GIFD_OK;
}
