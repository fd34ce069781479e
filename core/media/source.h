/* source.h: a file of any accepted type as a row of composited pictures.
 *
 *   source_open  -> looks at the content, checks the limits before anything is allocated, fills the facts
 *   source_next  -> 1 and the next picture, 0 at the end, negative on error
 *
 *   source_gif.c (gif.c)   source_png.c (PNG, APNG)   source_webp.c   source_video.c (MP4, WebM)
 *
 * Bytes stay the caller's and must outlive the source. A picture is valid until the next call that returns 1 or an
 * error, and until source_close; at the end (0) the last one is still valid. Single-threaded, in the sandbox. */
#ifndef GIFD_MEDIA_SOURCE_H
#define GIFD_MEDIA_SOURCE_H

#include "base/err.h"
#include "media/ask.h"

#include <libavutil/frame.h>
#include <libavutil/rational.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
    const uint8_t *p;
    size_t n;
};

struct picture {
    const AVFrame *frame; /* RGBA with straight alpha, or what a video decoder gave */
    int64_t start;        /* in the source's time base, from 0 */
    int64_t duration;
};

struct source {
    struct bytes in;
    const struct media_limits *limits;
    struct media_facts facts; /* width and height as displayed */
    AVRational time_base;
    int64_t origin;    /* when the first picture is shown by the file's own clock: sound is timed by that */
    int width, height; /* of pictures, before rotation */
    int rotation;      /* 0, 90, 180, 270 clockwise, still to be applied */
    bool glance;       /* only the first picture will be asked for, and not how long it is shown */
    bool sure;         /* opening has already shown that the first picture can be decoded */
    const struct source_kind *kind;
    void *state;
};

struct source_kind {
    int (*open)(struct source *s, struct err *e);
    int (*next)(struct source *s, struct picture *p, struct err *e);
    void (*close)(struct source *s);
};

extern const struct source_kind source_gif, source_png, source_webp, source_mp4, source_webm;

int source_open(struct source *s, struct bytes in, const struct media_limits *l, struct err *e);
int source_next(struct source *s, struct picture *p, struct err *e);
void source_close(struct source *s);

/* GIFD_EBADMEDIA naming the limit and the value; `frames` is 0 while unknown. */
int source_check(const struct media_limits *l, uint64_t width, uint64_t height, uint64_t frames, struct err *e);
/* Delays of 10 ms and less count as 100, as browsers do for every animated picture. */
static inline uint64_t source_delay_ms(uint64_t ms)
{
    return ms <= 10 ? 100 : ms;
}
/* An RGBA frame over borrowed pixels, `stride` bytes a row; NULL without memory. */
AVFrame *source_rgba(uint8_t *pixels, int width, int height, int stride);

#endif
