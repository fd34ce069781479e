/* pixels.h: a picture made ready for an encoder: scaled to the size as displayed, turned, flattened on a background,
 * padded to even sides with its edge pixels. Buffers are kept from picture to picture. */
#ifndef GIFD_MEDIA_PIXELS_H
#define GIFD_MEDIA_PIXELS_H

#include "base/err.h"
#include "media/source.h"

#include "media/scale.h"

#include <libswscale/swscale.h>

struct pixels {
    enum AVPixelFormat format;     /* wanted: YUV420P, YUVJ420P, RGB24 or RGBA */
    int width, height;             /* wanted, rotation applied; even when `pad` */
    int inner_width, inner_height; /* before padding */
    uint32_t background;
    struct SwsContext *to_rgba, *to_format;
    struct scale *scale; /* in place of to_format, where it can */
    uint8_t *dirty;      /* the caller's: tiles of the source that changed since the picture before; NULL: all */
    AVFrame *rgba, *turned, *flat, *out;
};

/* Larger pictures are scaled down to it, whole. */
struct pixels_bounds {
    double width, height, area;
};

void pixels_init(struct pixels *p, const struct source *s, enum AVPixelFormat format, bool pad,
                 const struct pixels_bounds *max, uint32_t background);
/* The frame belongs to p and is writable until the next call. NULL: e says why. */
AVFrame *pixels_make(struct pixels *p, const struct source *s, const AVFrame *in, struct err *e);
void pixels_free(struct pixels *p); /* may be called again, and pixels_make after it */

#endif
