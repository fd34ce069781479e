/* encode.h: pictures to files.
 *
 *   encoder_of(format) -> open -> add, add, ... -> finish -> free
 *
 *   still.c JPEG, PNG      film.c MP4, WebM      webp.c animated WebP      gif_encode.c GIF
 *
 * Outputs are written at their offsets into descriptors that were given, never over their limit (GIFD_ETOOBIG).
 * Single-threaded callers, in the sandbox. */
#ifndef GIFD_MEDIA_ENCODE_H
#define GIFD_MEDIA_ENCODE_H

#include "base/err.h"
#include "media/ask.h"
#include "media/source.h"

#include <libavutil/frame.h>
#include <libavutil/rational.h>

struct encode_target {
    int width, height;
    AVRational time_base;
    const struct media_recipe *recipe;
    int32_t loop;                /* how often it shall play: 0 for ever, -1 unknown */
    bool alpha;                  /* pictures come in alpha_format and may be transparent */
    bool untouched;              /* they have the source's size and colours */
    const struct source *source; /* its sound, where the recipe asks for it */
    uint64_t *reached_ms; /* set by the encoder: when the last picture ends whose bytes are written; may be NULL */
    uint32_t *frames;     /* counted by the caller; the encoder corrects it where it merges or parts pictures */
    int fd;
    uint64_t max;
};

struct encoder; /* each kind's own */

struct encoder_kind {
    const char *type;
    bool still;                              /* takes one picture */
    bool even;                               /* sides are padded to even numbers */
    bool keeps_loop;                         /* the file says how often it plays */
    double side, area;                       /* larger pictures are scaled down */
    enum AVPixelFormat format, alpha_format; /* the latter AV_PIX_FMT_NONE: transparency is flattened before */
    struct encoder *(*open)(const struct encode_target *t, struct err *e);
    /* start and duration in time_base; f is only lent; its pixels are not to be written. */
    int (*add)(struct encoder *c, AVFrame *f, int64_t start, int64_t duration, struct err *e);
    /* At the end of a pass, while another is wanted: it repeats what it was given by itself. NULL: it does not. */
    bool (*repeats)(struct encoder *c);
    int (*finish)(struct encoder *c, uint64_t *bytes, struct err *e);
    void (*free)(struct encoder *c); /* NULL is fine */
};

extern const struct encoder_kind encoder_jpeg, encoder_png, encoder_mp4, encoder_webm, encoder_webp, encoder_gif;
const struct encoder_kind *encoder_of(uint32_t format); /* NULL: this program makes none */

int encode_write(int fd, const uint8_t *p, size_t n, uint64_t at, uint64_t max, struct err *e);

#endif
