/* sound.h: the sound of a film as AAC for MP4 and as Opus for WebM, cut to the pictures that are shown of it.
 *
 *   demux.h --packets--> decoder --> stereo or mono at a rate of the encoder's --> silence in gaps, overlaps cut -->
 * encoder
 *
 * A second reading of the source beside the pictures' own, a step ahead of what is asked for: memory holds one decoded
 * frame and less than two of the encoder's. Time 0 is the first picture that is shown. What begins before it is cut,
 * what goes on behind the last picture too; broken packets are silence. Single-threaded, in the sandbox. */
#ifndef GIFD_MEDIA_SOUND_H
#define GIFD_MEDIA_SOUND_H

#include "base/err.h"
#include "media/source.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

struct sound;

/* s: an MP4 or WebM with a sound track; its bytes outlive the sound. NULL: e says why. */
struct sound *sound_open(const struct source *s, const struct media_recipe *r, struct err *e);
int sound_describe(const struct sound *s, AVStream *to); /* negative: no memory */
AVRational sound_time_base(const struct sound *s);
/* 1 and the next packet of what is over by until_us; 0: that was all for now. last: the film ends then. */
int sound_next(struct sound *s, int64_t until_us, bool last, AVPacket *p, struct err *e);
void sound_free(struct sound *s); /* NULL is fine */

#endif
