/* recode.h: planar 4:2:0 from one matrix and range to another, at its own size: one sum for each sample, where swscale
 * goes over RGB. Luma takes the chroma of its own block of 2 x 2. */
#ifndef GIFD_MEDIA_RECODE_H
#define GIFD_MEDIA_RECODE_H

#include <libavutil/frame.h>
#include <stdbool.h>

/* ITU-R BT.601 (JPEG, and small films that do not say) and BT.709; the range as in JPEG or as in television. */
struct recode_colour {
    bool bt709, full;
};

void recode(const AVFrame *in, struct recode_colour from, AVFrame *out, struct recode_colour to);

#endif
