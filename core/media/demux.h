/* demux.h: MP4 and WebM from memory, by libav, the demuxer named and never guessed.
 *
 * No protocol is reachable: the context has an AVIO of our own and an io_open that refuses. Bytes stay the caller's.
 * The struct must not move while open. Single-threaded, in the sandbox. */
#ifndef GIFD_MEDIA_DEMUX_H
#define GIFD_MEDIA_DEMUX_H

#include "base/err.h"
#include "media/source.h"

#include <libavformat/avformat.h>

struct demux {
    struct bytes in;
    size_t at;
    AVFormatContext *format; /* NULL: closed */
};

int demux_open(struct demux *d, struct bytes in, const AVInputFormat *demuxer, struct err *e);
void demux_close(struct demux *d); /* also when closed */

#endif
