/* sound.c: see sound.h. */
#include "media/sound.h"

#include "media/demux.h"

#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>
#include <libavutil/mathematics.h>
#include <libswresample/swresample.h>
#include <stdlib.h>
#include <string.h>

#define RATE_DEFAULT 48000
#define RATE_MAX 192000
#define CHANNELS_MAX 8
#define SAMPLES_MAX (1 << 18) /* of one decoded frame, at the rate that is made */
#define JITTER 50             /* the part of a second within which packets count as seamless */

struct sound {
    struct demux demux;
    AVCodecContext *decoder, *encoder;
    SwrContext *swr;
    AVAudioFifo *fifo;
    AVPacket *packet;
    AVFrame *decoded, *held, *out; /* held: resampled, not yet in the fifo */
    int stream, rate;
    bool planar;                         /* what the encoder takes: a plane for each channel, or one for both */
    size_t width;                        /* of a sample in a plane, in bytes */
    int in_format, in_rate, in_channels; /* that swr takes */
    int64_t begin_us;                    /* of the file's clock: time 0 */
    int64_t held_at;                     /* sample that it begins with */
    int64_t queued;                      /* samples that went into the fifo: the next one's place */
    int64_t sent;                        /* and to the encoder */
    int64_t delay;                       /* that the container takes off the time of each packet, in samples */
    bool ended, flushed;
};

static const AVCodec *decoder_for(enum AVCodecID id)
{
    bool known = id == AV_CODEC_ID_AAC || id == AV_CODEC_ID_MP3 || id == AV_CODEC_ID_OPUS || id == AV_CODEC_ID_VORBIS ||
                 id == AV_CODEC_ID_FLAC;
    return known ? avcodec_find_decoder(id) : NULL;
}

static int open_track(struct sound *s, struct err *e)
{
    AVFormatContext *c = s->demux.format;
    s->stream = -1;
    for (unsigned i = 0; i < c->nb_streams; i++) {
        bool ours = c->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO && s->stream < 0;
        c->streams[i]->discard = ours ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
        if (ours) s->stream = (int)i;
    }
    if (s->stream < 0) return err_set(e, GIFD_EBADMEDIA, "the film has no sound track");
    const AVStream *st = c->streams[s->stream];
    const AVCodec *codec = decoder_for(st->codecpar->codec_id);
    if (!codec) return err_set(e, GIFD_EUNSUPPORTED, "sound in %s", avcodec_get_name(st->codecpar->codec_id));
    s->decoder = avcodec_alloc_context3(codec);
    bool ok = s->decoder && avcodec_parameters_to_context(s->decoder, st->codecpar) >= 0;
    if (ok) s->decoder->thread_count = 1;
    if (ok) s->decoder->pkt_timebase = st->time_base;
    ok = ok && avcodec_open2(s->decoder, codec, NULL) >= 0 && s->decoder->sample_rate > 0 &&
         s->decoder->sample_rate <= RATE_MAX && s->decoder->ch_layout.nb_channels >= 1 &&
         s->decoder->ch_layout.nb_channels <= CHANNELS_MAX;
    return ok ? GIFD_OK : err_set(e, GIFD_EBADMEDIA, "the sound track's header is corrupt");
}

/* What sound is in a film of this format. */
struct codec {
    const char *encoder;
    enum AVSampleFormat samples;
    int rates[8]; /* that it knows, ending in 0 */
    int64_t most; /* bits a second of a channel */
};

static const struct codec aac = {"aac", AV_SAMPLE_FMT_FLTP, {48000, 44100, 32000, 24000, 22050, 16000}, 288000};
static const struct codec opus = {"libopus", AV_SAMPLE_FMT_FLT, {48000, 24000, 16000}, 256000};

static int rate_for(const struct codec *codec, int wanted)
{
    for (const int *rate = codec->rates; *rate; rate++)
        if (*rate == wanted) return wanted;
    return RATE_DEFAULT;
}

static int open_encoder(struct sound *s, const struct media_recipe *r, struct err *e)
{
    const struct codec *kind = r->format == MEDIA_WEBM ? &opus : &aac;
    const AVCodec *codec = avcodec_find_encoder_by_name(kind->encoder);
    AVCodecContext *c = s->encoder = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!c) return err_set(e, GIFD_EUNSUPPORTED, "libavcodec without %s", kind->encoder);
    c->sample_rate = s->rate = rate_for(kind, s->decoder->sample_rate);
    c->sample_fmt = kind->samples;
    av_channel_layout_default(&c->ch_layout, s->decoder->ch_layout.nb_channels > 1 ? 2 : 1);
    int64_t most = kind->most * c->ch_layout.nb_channels;
    c->bit_rate = r->audio < most ? r->audio : most;
    c->time_base = (AVRational){1, s->rate};
    c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    c->thread_count = 1;
    if (avcodec_open2(c, codec, NULL) < 0) return err_set(e, GIFD_EBADMEDIA, "%s could not be started", kind->encoder);
    s->planar = kind->samples == AV_SAMPLE_FMT_FLTP;
    s->delay = kind == &opus ? c->initial_padding : 0; /* CodecDelay of Matroska; MP4 has an edit list */
    s->width = (s->planar ? 1 : (size_t)c->ch_layout.nb_channels) * sizeof(float);
    return GIFD_OK;
}

static bool allocate(struct sound *s)
{
    s->packet = av_packet_alloc();
    s->decoded = av_frame_alloc();
    s->held = av_frame_alloc();
    s->out = av_frame_alloc();
    s->fifo =
        av_audio_fifo_alloc(s->encoder->sample_fmt, s->encoder->ch_layout.nb_channels, 2 * s->encoder->frame_size);
    return s->packet && s->decoded && s->held && s->out && s->fifo;
}

struct sound *sound_open(const struct source *from, const struct media_recipe *r, struct err *e)
{
    struct sound *s = calloc(1, sizeof *s);
    const AVInputFormat *demuxer = av_find_input_format(strcmp(from->facts.type, "video/webm") ? "mov" : "matroska");
    if (!s || !demuxer) {
        err_set(e, GIFD_EBADMEDIA, "out of memory");
        free(s);
        return NULL;
    }
    uint64_t from_ms = r->from_ms < from->facts.duration_ms ? r->from_ms : 0;
    s->begin_us = av_rescale_q(from->origin, from->time_base, AV_TIME_BASE_Q) + (int64_t)from_ms * 1000;
    if (demux_open(&s->demux, from->in, demuxer, e) >= 0 && open_track(s, e) >= 0 && open_encoder(s, r, e) >= 0) {
        if (allocate(s)) return s;
        err_set(e, GIFD_EBADMEDIA, "the sound could not be started in the memory allowed");
    }
    sound_free(s);
    return NULL;
}

int sound_describe(const struct sound *s, AVStream *to)
{
    to->time_base = s->encoder->time_base;
    return avcodec_parameters_from_context(to->codecpar, s->encoder);
}

AVRational sound_time_base(const struct sound *s)
{
    return s->encoder->time_base;
}

/* ---- from packets to samples in their places ---- */

/* The next decoded frame; false at the end. */
static bool decode(struct sound *s)
{
    for (;;) {
        int rc = avcodec_receive_frame(s->decoder, s->decoded);
        if (rc >= 0) return true;
        if (rc == AVERROR_EOF || s->ended) return false;
        while ((rc = av_read_frame(s->demux.format, s->packet)) >= 0 && s->packet->stream_index != s->stream)
            av_packet_unref(s->packet);
        if (rc < 0) {
            s->ended = true;
            avcodec_send_packet(s->decoder, NULL);
            continue;
        }
        avcodec_send_packet(s->decoder, s->packet); /* a broken one is passed over, and leaves a gap */
        av_packet_unref(s->packet);
        s->ended = false;
    }
}

/* Frames say themselves what they are: headers may be wrong, and streams change. */
static bool tune(struct sound *s, const AVFrame *f)
{
    AVChannelLayout in = f->ch_layout;
    bool same = s->swr && s->in_format == f->format && s->in_rate == f->sample_rate && s->in_channels == in.nb_channels;
    if (same) return true;
    swr_free(&s->swr);
    if (f->sample_rate <= 0 || f->sample_rate > RATE_MAX || in.nb_channels < 1 || in.nb_channels > CHANNELS_MAX)
        return false;
    if (in.order != AV_CHANNEL_ORDER_NATIVE) av_channel_layout_default(&in, in.nb_channels);
    s->in_format = f->format;
    s->in_rate = f->sample_rate;
    s->in_channels = in.nb_channels;
    if (swr_alloc_set_opts2(&s->swr, &s->encoder->ch_layout, s->encoder->sample_fmt, s->rate, &in,
                            (enum AVSampleFormat)f->format, f->sample_rate, 0, NULL) >= 0 &&
        swr_init(s->swr) >= 0)
        return true;
    swr_free(&s->swr);
    return false;
}

/* A decoded frame, resampled, and its place; false: none, or none that is any use. */
static bool hold(struct sound *s)
{
    AVFrame *f = s->decoded, *h = s->held;
    const AVStream *st = s->demux.format->streams[s->stream];
    av_frame_unref(h);
    if (f->nb_samples <= 0 || f->nb_samples > SAMPLES_MAX || !tune(s, f)) return false;
    int64_t most = swr_get_out_samples(s->swr, f->nb_samples);
    if (most <= 0 || most > SAMPLES_MAX) return false;
    h->format = s->encoder->sample_fmt;
    h->sample_rate = s->rate;
    h->nb_samples = (int)most;
    if (av_channel_layout_copy(&h->ch_layout, &s->encoder->ch_layout) < 0 || av_frame_get_buffer(h, 0) < 0)
        return false;
    h->nb_samples = swr_convert(s->swr, h->data, (int)most, (const uint8_t **)f->extended_data, f->nb_samples);
    if (h->nb_samples <= 0) return false;
    int64_t at = s->queued, pts = f->best_effort_timestamp;
    if (pts != AV_NOPTS_VALUE)
        at = av_rescale_q(av_rescale_q(pts, st->time_base, AV_TIME_BASE_Q) - s->begin_us, AV_TIME_BASE_Q,
                          s->encoder->time_base);
    int64_t off = at - s->queued;
    s->held_at = off > -s->rate / JITTER && off < s->rate / JITTER && s->queued ? s->queued : at;
    return true;
}

static int queue(struct sound *s, AVFrame *f, int skip, int n)
{
    uint8_t *plane[2] = {f->data[0] + (size_t)skip * s->width, NULL};
    if (s->planar && s->encoder->ch_layout.nb_channels > 1) plane[1] = f->data[1] + (size_t)skip * s->width;
    if (av_audio_fifo_write(s->fifo, (void **)plane, n) < n) return -1;
    s->queued += n;
    return 0;
}

static int queue_silence(struct sound *s, int64_t gap)
{
    static float zero[2 * 1024];
    void *plane[2] = {zero, zero};
    int n = gap < 1024 ? (int)gap : 1024;
    if (av_audio_fifo_write(s->fifo, plane, n) < n) return -1;
    s->queued += n;
    return 0;
}

/* Some more samples into the fifo: 1; 0 at the end; -1 without memory. */
static int refill(struct sound *s)
{
    AVFrame *h = s->held;
    while (!h->nb_samples) {
        if (!decode(s)) return 0;
        bool fine = hold(s);
        if (!fine) h->nb_samples = 0;
        av_frame_unref(s->decoded);
    }
    if (s->held_at > s->queued) return queue_silence(s, s->held_at - s->queued) < 0 ? -1 : 1;
    int64_t skip = s->queued - s->held_at;
    int rc = skip < h->nb_samples ? queue(s, h, (int)skip, h->nb_samples - (int)skip) : 0;
    h->nb_samples = 0;
    return rc < 0 ? -1 : 1;
}

/* ---- from samples to packets ---- */

static int encode(struct sound *s, int n)
{
    AVFrame *f = s->out;
    av_frame_unref(f);
    f->format = s->encoder->sample_fmt;
    f->sample_rate = s->rate;
    f->nb_samples = n;
    f->pts = s->sent;
    if (av_channel_layout_copy(&f->ch_layout, &s->encoder->ch_layout) < 0 || av_frame_get_buffer(f, 0) < 0) return -1;
    if (av_audio_fifo_read(s->fifo, (void **)f->data, n) < n) return -1;
    s->sent += n;
    return avcodec_send_frame(s->encoder, f);
}

int sound_next(struct sound *s, int64_t until_us, bool last, AVPacket *p, struct err *e)
{
    int64_t until = av_rescale_q(until_us, AV_TIME_BASE_Q, s->encoder->time_base);
    int size = s->encoder->frame_size, rc;
    while ((rc = avcodec_receive_packet(s->encoder, p)) == AVERROR(EAGAIN)) {
        int64_t left = until - s->sent;
        if (!last && left < size) return 0;
        int want = left < size ? (int)(left > 0 ? left : 0) : size, more = 1;
        while (av_audio_fifo_size(s->fifo) < want && (more = refill(s)) > 0) continue;
        int have = av_audio_fifo_size(s->fifo) < want ? av_audio_fifo_size(s->fifo) : want;
        if (more < 0) break;
        if (have < size && !last) return 0; /* the sound has ended: the rest is sent with the last picture */
        if (have > 0 && !s->flushed && encode(s, have) < 0) break;
        if (have == size) continue;
        if (s->flushed || avcodec_send_frame(s->encoder, NULL) < 0) break;
        s->flushed = true;
    }
    if (rc >= 0) {
        p->pts += s->delay;
        p->dts += s->delay;
        return 1;
    }
    if (rc == AVERROR_EOF) return 0;
    return err_set(e, GIFD_EBADMEDIA, "the sound could not be made in the memory allowed");
}

void sound_free(struct sound *s)
{
    if (!s) return;
    avcodec_free_context(&s->decoder);
    avcodec_free_context(&s->encoder);
    swr_free(&s->swr);
    if (s->fifo) av_audio_fifo_free(s->fifo);
    av_packet_free(&s->packet);
    av_frame_free(&s->decoded);
    av_frame_free(&s->held);
    av_frame_free(&s->out);
    demux_close(&s->demux);
    free(s);
}
