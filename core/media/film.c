/* film.c: see encode.h. H.264 in MP4, VP9 in WebM.
 *
 * H.264 has no B-frames: decoding order is showing order, so every frame time is exact and no edit list is needed. A
 * packet's duration is its picture's, which the muxers need for the last one. MP4's movie header goes first: the muxer
 * then reads its own output again through io_open, which here answers with a second AVIO on the same descriptor. The
 * number of threads is fixed, since it changes the bytes. A picture that stands for hours is given again every hour:
 * MP4 counts a duration in 32 bits of a finer clock than ours. Sound (sound.h) is written between the pictures as they
 * come; its encoder begins before it is heard, which an edit list hides. What is repeated is encoded twice, and if
 * that saves little the packets of the first time, which begin with a key frame, are all that the others are. */
#include "media/encode.h"

#include "media/sound.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AVIO_BYTES 65536
#define PENDING_MAX 128 /* pictures inside the encoder */
#define THREADS 2
#define STANDS_MAX_S 3600
#define SHORT_PX 4e6       /* of all pictures */
#define LARGE_PX (4 << 20) /* from here on memory counts more than speed */

struct file {
    struct film *owner;
    uint64_t at;
};

struct film_kind {
    const char *encoder, *muxer, *muxer_options;
    uint32_t crf;
    void (*tune)(AVCodecContext *c, bool large, double pixels);
};

struct film {
    const struct film_kind *kind;
    int fd;
    uint64_t max, size;
    struct file out, again;
    AVFormatContext *format;
    AVCodecContext *encoder;
    AVIOContext *io;
    AVStream *stream, *sound_stream;
    struct sound *sound; /* NULL: none */
    int64_t end;         /* of the last picture */
    AVPacket *packet;
    AVRational time_base;
    uint64_t *reached_ms;
    uint32_t *frames;
    int64_t duration[PENDING_MAX]; /* ring, of the pictures given but not yet packets */
    uint64_t given, taken;
    int64_t length;                     /* it is repeated until it is this long; 0: not */
    AVPacket **kept;                    /* for that: those of the first pass, and of more while its end is not known */
    size_t packets, room, pass;         /* the latter: pictures of one pass; 0: not known */
    uint64_t first_bytes, second_bytes; /* of the first passes, as far as the second one goes */
    bool repeating;
    struct err failure; /* of a write, which libav would turn into a number */
};

static int write_bytes(void *opaque, uint8_t *buf, int n)
{
    struct file *f = opaque;
    struct film *m = f->owner;
    if (encode_write(m->fd, buf, (size_t)n, f->at, m->max, &m->failure) < 0) return AVERROR(EIO);
    f->at += (uint64_t)n;
    if (f->at > m->size) m->size = f->at;
    return n;
}

static int read_bytes(void *opaque, uint8_t *buf, int n)
{
    struct file *f = opaque;
    ssize_t did = pread(f->owner->fd, buf, (size_t)n, (off_t)f->at);
    if (did == 0) return AVERROR_EOF;
    if (did < 0) return AVERROR(errno);
    f->at += (uint64_t)did;
    return (int)did;
}

static int64_t seek_bytes(void *opaque, int64_t to, int whence)
{
    struct file *f = opaque;
    if (whence == AVSEEK_SIZE) return (int64_t)f->owner->size;
    whence &= ~AVSEEK_FORCE;
    if (whence == SEEK_CUR) to += (int64_t)f->at;
    if (whence == SEEK_END) to += (int64_t)f->owner->size;
    if (to < 0) return AVERROR(EINVAL);
    f->at = (uint64_t)to;
    return to;
}

static AVIOContext *new_io(struct file *f, bool writes)
{
    uint8_t *buffer = av_malloc(AVIO_BYTES);
    AVIOContext *io = NULL;
    if (buffer)
        io = avio_alloc_context(buffer, AVIO_BYTES, writes, f, writes ? NULL : read_bytes, writes ? write_bytes : NULL,
                                seek_bytes);
    if (!io) av_free(buffer);
    return io;
}

static void free_io(AVIOContext **io)
{
    if (*io) av_freep(&(*io)->buffer);
    avio_context_free(io);
}

static int open_again(AVFormatContext *c, AVIOContext **io, const char *url, int flags, AVDictionary **o)
{
    struct film *m = c->opaque;
    (void)url, (void)o;
    if (flags & AVIO_FLAG_WRITE) return AVERROR(EPERM);
    m->again = (struct file){m, 0};
    *io = new_io(&m->again, false);
    return *io ? 0 : AVERROR(ENOMEM);
}

static int close_again(AVFormatContext *c, AVIOContext *io)
{
    (void)c;
    free_io(&io);
    return 0;
}

static void tune_h264(AVCodecContext *c, bool large, double pixels)
{
    (void)pixels;
    c->max_b_frames = 0;
    c->thread_count = large ? 1 : THREADS;
    av_opt_set(c->priv_data, "preset", "veryfast", 0);
    if (large) av_opt_set(c->priv_data, "x264-params", "rc-lookahead=2:sync-lookahead=0", 0);
}

/* What is short is made as small as it can be; at speed 3 that takes half the time for 12 % more bytes. */
static void tune_vp9(AVCodecContext *c, bool large, double pixels)
{
    c->thread_count = large ? 1 : THREADS;
    av_opt_set(c->priv_data, "deadline", "good", 0);
    av_opt_set(c->priv_data, "cpu-used", pixels < SHORT_PX ? "1" : "3", 0);
    av_opt_set(c->priv_data, "row-mt", "1", 0);
    av_opt_set(c->priv_data, "lag-in-frames", large ? "0" : "16", 0);
}

static const struct film_kind kind_mp4 = {"libx264", "mp4", "+faststart", 23, tune_h264};
static const struct film_kind kind_webm = {"libvpx-vp9", "webm", NULL, 36, tune_vp9};

static bool open_encoder(struct film *m, const struct encode_target *t)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(m->kind->encoder);
    AVCodecContext *c = m->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!c) return false;
    c->width = t->width;
    c->height = t->height;
    c->pix_fmt = AV_PIX_FMT_YUV420P;
    c->time_base = m->time_base;
    c->color_range = AVCOL_RANGE_MPEG;
    c->colorspace = AVCOL_SPC_BT709;
    c->color_primaries = AVCOL_PRI_BT709;
    c->color_trc = AVCOL_TRC_BT709;
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    double pixels = (double)t->width * t->height;
    m->kind->tune(c, pixels >= LARGE_PX, pixels * (t->source ? t->source->facts.frames : 1));
    c->bit_rate = t->recipe->bitrate;
    if (!c->bit_rate)
        av_opt_set_int(c, "crf", t->recipe->quality ? t->recipe->quality : m->kind->crf, AV_OPT_SEARCH_CHILDREN);
    return avcodec_open2(c, codec, NULL) >= 0;
}

static bool open_muxer(struct film *m)
{
    if (avformat_alloc_output_context2(&m->format, NULL, m->kind->muxer, NULL) < 0) return false;
    AVFormatContext *c = m->format;
    m->out = (struct file){m, 0};
    m->io = c->pb = new_io(&m->out, true);
    m->stream = avformat_new_stream(c, NULL);
    if (!m->io || !m->stream || avcodec_parameters_from_context(m->stream->codecpar, m->encoder) < 0) return false;
    c->opaque = m;
    c->io_open = open_again;
    c->io_close2 = close_again;
    c->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    m->stream->time_base = m->time_base;
    if (m->sound && !(m->sound_stream = avformat_new_stream(c, NULL))) return false;
    if (m->sound && sound_describe(m->sound, m->sound_stream) < 0) return false;
    AVDictionary *o = NULL;
    if (m->kind->muxer_options) av_dict_set(&o, "movflags", m->kind->muxer_options, 0);
    int rc = avformat_write_header(c, &o);
    av_dict_free(&o);
    return rc >= 0;
}

static void film_free(struct encoder *self);

static struct encoder *film_new(const struct encode_target *t, struct err *e)
{
    struct film *m = calloc(1, sizeof *m);
    if (m) {
        m->kind = t->recipe->format == MEDIA_WEBM ? &kind_webm : &kind_mp4;
        m->fd = t->fd;
        m->max = t->max;
        m->time_base = t->time_base;
        m->reached_ms = t->reached_ms;
        m->frames = t->frames;
        m->length = av_rescale_q(t->recipe->repeat_ms, (AVRational){1, 1000}, t->time_base);
        m->packet = av_packet_alloc();
    }
    bool mute = !t->recipe->audio || !t->source || !t->source->facts.has_audio;
    if (m && m->packet && !mute && !(m->sound = sound_open(t->source, t->recipe, e))) {
        film_free((struct encoder *)m);
        return NULL;
    }
    if (m && m->packet && open_encoder(m, t) && open_muxer(m)) return (struct encoder *)m;
    err_set(e, GIFD_EBADMEDIA, "%s of %d x %d could not be started in the memory allowed",
            m ? m->kind->muxer : "a film", t->width, t->height);
    film_free((struct encoder *)m);
    return NULL;
}

static int failed(const struct film *m, struct err *e)
{
    if (m->failure.code) return err_set(e, m->failure.code, "%s", m->failure.text);
    return err_set(e, GIFD_EBADMEDIA, "the %s could not be made in the memory allowed", m->kind->muxer);
}

/* What is heard before `until` of the pictures' clock stands before what is seen then. */
static int write_sound(struct film *m, int64_t until, bool last, struct err *e)
{
    AVPacket *p = m->sound ? av_packet_alloc() : NULL;
    int rc = GIFD_OK;
    if (!m->sound) return rc;
    if (!p) return failed(m, e);
    int64_t us = av_rescale_q(until, m->time_base, AV_TIME_BASE_Q);
    while ((rc = sound_next(m->sound, us, last, p, e)) > 0) {
        p->stream_index = m->sound_stream->index;
        av_packet_rescale_ts(p, sound_time_base(m->sound), m->sound_stream->time_base);
        int wrote = av_write_frame(m->format, p);
        av_packet_unref(p);
        if (wrote < 0) {
            rc = failed(m, e);
            break;
        }
    }
    av_packet_free(&p);
    return rc;
}

/* A packet in the encoder's time base, which it loses. */
static int write_packet(struct film *m, AVPacket *p, struct err *e)
{
    p->stream_index = m->stream->index;
    int rc = write_sound(m, p->pts, false, e);
    if (rc >= 0) {
        av_packet_rescale_ts(p, m->time_base, m->stream->time_base);
        int64_t end = av_rescale_q(p->pts + p->duration, m->stream->time_base, (AVRational){1, 1000});
        if (av_write_frame(m->format, p) < 0) rc = failed(m, e);
        if (rc >= 0 && m->reached_ms) *m->reached_ms = (uint64_t)end;
    }
    av_packet_unref(p);
    return rc < 0 ? rc : GIFD_OK;
}

/* For repeat: the packet that was taken last. */
static int note(struct film *m, struct err *e)
{
    size_t i = m->taken - 1;
    if (m->pass && i >= m->pass) {
        if (i < 2 * m->pass) m->first_bytes += (uint64_t)m->kept[i - m->pass]->size;
        if (i < 2 * m->pass) m->second_bytes += (uint64_t)m->packet->size;
        return GIFD_OK;
    }
    if (i == m->room) {
        size_t room = m->room ? 2 * m->room : 64;
        AVPacket **more = realloc(m->kept, room * sizeof *more);
        if (!more) return failed(m, e);
        m->kept = more;
        m->room = room;
    }
    m->kept[i] = av_packet_clone(m->packet);
    if (!m->kept[i]) return failed(m, e);
    m->packets++;
    return GIFD_OK;
}

static int drain(struct film *m, struct err *e)
{
    int rc;
    while ((rc = avcodec_receive_packet(m->encoder, m->packet)) >= 0) {
        m->packet->duration = m->duration[m->taken++ % PENDING_MAX];
        if ((m->length && note(m, e) < 0) || write_packet(m, m->packet, e) < 0) {
            av_packet_unref(m->packet);
            return e->code;
        }
    }
    return rc == AVERROR(EAGAIN) || rc == AVERROR_EOF ? GIFD_OK : failed(m, e);
}

#define LITTLE 0.75 /* of the bytes of the first pass */

static bool film_repeats(struct encoder *self)
{
    struct film *m = (struct film *)self;
    if (!m->pass)
        m->pass = m->given + 1; /* the last picture is not given yet */
    else if (m->taken > m->pass + m->pass / 2)
        m->repeating = (double)m->second_bytes >= LITTLE * (double)m->first_bytes;
    return m->repeating;
}

/* The packets of the first pass, again and again; the last of them is cut. */
static int repeat(struct film *m, struct err *e)
{
    for (size_t i = 0; m->repeating && m->end < m->length; i = (i + 1) % m->pass) {
        if (av_packet_ref(m->packet, m->kept[i]) < 0) return failed(m, e);
        m->packet->pts = m->packet->dts = m->end;
        if (m->packet->duration > m->length - m->end) m->packet->duration = m->length - m->end;
        m->end += m->packet->duration;
        ++*m->frames;
        if (write_packet(m, m->packet, e) < 0) return e->code;
    }
    return GIFD_OK;
}

static int add_part(struct film *m, AVFrame *f, int64_t start, int64_t duration, struct err *e)
{
    if (m->given - m->taken >= PENDING_MAX) return err_set(e, GIFD_EBADMEDIA, "the encoder holds too many pictures");
    m->duration[m->given++ % PENDING_MAX] = duration;
    m->end = start + duration;
    f->pts = start;
    f->pict_type = AV_PICTURE_TYPE_NONE;
    if (avcodec_send_frame(m->encoder, f) < 0) return failed(m, e);
    return drain(m, e);
}

static int film_add(struct encoder *self, AVFrame *f, int64_t start, int64_t duration, struct err *e)
{
    struct film *m = (struct film *)self;
    int64_t most = av_rescale_q(STANDS_MAX_S, (AVRational){1, 1}, m->time_base);
    for (; duration > most; start += most, duration -= most) {
        if (add_part(m, f, start, most, e) < 0) return e->code;
        ++*m->frames;
    }
    return add_part(m, f, start, duration, e);
}

static int film_finish(struct encoder *self, uint64_t *bytes, struct err *e)
{
    struct film *m = (struct film *)self;
    if (avcodec_send_frame(m->encoder, NULL) < 0) return failed(m, e);
    int rc = drain(m, e);
    if (rc >= 0) rc = repeat(m, e);
    if (rc >= 0) rc = write_sound(m, m->end, true, e);
    if (rc < 0) return rc;
    if (av_write_trailer(m->format) < 0 || m->failure.code) return failed(m, e);
    *bytes = m->size;
    return GIFD_OK;
}

static void film_free(struct encoder *self)
{
    struct film *m = (struct film *)self;
    if (!m) return;
    sound_free(m->sound);
    for (size_t i = 0; i < m->packets; i++) av_packet_free(&m->kept[i]);
    free(m->kept);
    avcodec_free_context(&m->encoder);
    avformat_free_context(m->format);
    free_io(&m->io);
    av_packet_free(&m->packet);
    free(m);
}

#define FILM                                                                                                           \
    .even = true, .repeats = film_repeats, .side = 4096,                                                               \
    .area = 36864 * 256, /* macroblocks of H.264 level 5.2: what decoders in hardware play */                          \
        .format = AV_PIX_FMT_YUV420P, .alpha_format = AV_PIX_FMT_NONE, .open = film_new, .add = film_add,              \
    .finish = film_finish, .free = film_free

const struct encoder_kind encoder_mp4 = {.type = "video/mp4", FILM};
const struct encoder_kind encoder_webm = {.type = "video/webm", FILM};
