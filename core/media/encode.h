/* encode.h: pictures to files. still.c writes JPEG and PNG, mp4.c H.264 in MP4. Outputs are written at their offsets
 * into descriptors that were given, never over their limit (GIFD_ETOOBIG). */
#ifndef GIFD_MEDIA_ENCODE_H
#define GIFD_MEDIA_ENCODE_H

#include "base/err.h"
#include "media/ask.h"

#include <libavutil/frame.h>
#include <libavutil/rational.h>

#define ENCODE_JPEG_SIDE_MAX 65500
#define ENCODE_MP4_SIDE_MAX 4096
#define ENCODE_MP4_AREA_MAX (36864 * 256) /* macroblocks of H.264 level 5.2: what decoders in hardware play */

int encode_still(const AVFrame *f, const struct media_recipe *r, int fd, uint64_t max, uint64_t *bytes, struct err *e);
int encode_write(int fd, const uint8_t *p, size_t n, uint64_t at, uint64_t max, struct err *e);

/* An MP4 being written. Pictures are given with their start and duration in time_base; the last one's is kept. */
struct mp4;
struct mp4 *mp4_new(int width, int height, AVRational time_base, uint32_t crf, int fd, uint64_t max, struct err *e);
int mp4_add(struct mp4 *m, AVFrame *f, int64_t start, int64_t duration, struct err *e);
int mp4_finish(struct mp4 *m, uint64_t *bytes, struct err *e);
void mp4_free(struct mp4 *m);

#endif
