/* demux.c: see demux.h. */
#include "media/demux.h"

#include <string.h>

#define AVIO_BYTES 65536
#define STREAMS_MAX 16

static int read_bytes(void *opaque, uint8_t *buf, int n)
{
    struct demux *d = opaque;
    size_t left = d->at < d->in.n ? d->in.n - d->at : 0;
    if (!left) return AVERROR_EOF;
    if ((size_t)n > left) n = (int)left;
    memcpy(buf, d->in.p + d->at, (size_t)n);
    d->at += (size_t)n;
    return n;
}

static int64_t seek_bytes(void *opaque, int64_t to, int whence)
{
    struct demux *d = opaque;
    int64_t size = (int64_t)d->in.n;
    if (whence == AVSEEK_SIZE) return size;
    whence &= ~AVSEEK_FORCE;
    if (whence == SEEK_CUR) to += (int64_t)d->at;
    if (whence == SEEK_END) to += size;
    if (to < 0) return AVERROR(EINVAL);
    d->at = (size_t)to;
    return to;
}

static int refuse(AVFormatContext *c, AVIOContext **io, const char *url, int flags, AVDictionary **o)
{
    (void)c, (void)io, (void)url, (void)flags, (void)o;
    return AVERROR(EPERM);
}

void demux_close(struct demux *d)
{
    if (!d->format) return;
    AVIOContext *io = d->format->pb;
    avformat_close_input(&d->format);
    if (io) av_freep(&io->buffer);
    avio_context_free(&io);
}

int demux_open(struct demux *d, struct bytes in, const AVInputFormat *demuxer, struct err *e)
{
    AVDictionary *o = NULL;
    *d = (struct demux){.in = in};
    uint8_t *buffer = av_malloc(AVIO_BYTES);
    AVIOContext *io = buffer ? avio_alloc_context(buffer, AVIO_BYTES, 0, d, read_bytes, NULL, seek_bytes) : NULL;
    AVFormatContext *c = avformat_alloc_context();
    if (!io || !c) return err_set(e, GIFD_EBADMEDIA, "out of memory");
    c->pb = io;
    c->flags |= AVFMT_FLAG_CUSTOM_IO;
    c->io_open = refuse;
    c->max_streams = STREAMS_MAX;
    av_dict_set(&o, "protocol_whitelist", "none", 0);
    av_dict_set(&o, "format_whitelist", demuxer->name, 0);
    int rc = avformat_open_input(&c, "", demuxer, &o); /* frees c on failure, not io */
    av_dict_free(&o);
    if (rc < 0) {
        av_freep(&io->buffer);
        avio_context_free(&io);
        return err_set(e, GIFD_EBADMEDIA, "the video's structure cannot be read");
    }
    d->format = c;
    return GIFD_OK;
}
