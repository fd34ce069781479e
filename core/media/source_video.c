/* source_video.c: MP4 and WebM by libav, from memory, the demuxer named and never guessed.
 *
 * Opening (demux.h) demuxes the whole file once to count and time its pictures; reading opens it again from the start.
 * Only codecs that browsers play. */
#include "media/demux.h"
#include "media/source.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/mathematics.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DURATION_MAX_US (INT64_C(86400) * 1000 * 1000000) /* a header that says more is not believed */
#define ERRORS_MAX 64                                     /* of packets that cannot be decoded, one after another */

struct state {
    const AVInputFormat *demuxer;
    struct demux demux;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame[2]; /* the picture given out, and the one after it */
    int stream;
    bool draining, ended, primed, end_known, plausible;
    bool alone; /* the first picture is asked for, and is in the first packet: nothing else is decoded */
    int64_t first_pts, end_pts; /* of what is shown, stream time base */
    uint32_t given;
};

static void close_format(struct state *t)
{
    avcodec_free_context(&t->decoder);
    demux_close(&t->demux);
}

static int open_format(struct source *s, struct state *t, struct err *e)
{
    return demux_open(&t->demux, s->in, t->demuxer, e);
}

static const AVCodec *decoder_for(const AVStream *st)
{
    const AVDictionaryEntry *alpha = av_dict_get(st->metadata, "alpha_mode", NULL, 0);
    bool has_alpha = alpha && strcmp(alpha->value, "1") == 0;
    switch (st->codecpar->codec_id) {
    case AV_CODEC_ID_VP8:
        return has_alpha ? avcodec_find_decoder_by_name("libvpx") : avcodec_find_decoder(AV_CODEC_ID_VP8);
    case AV_CODEC_ID_VP9:
        return has_alpha ? avcodec_find_decoder_by_name("libvpx-vp9") : avcodec_find_decoder(AV_CODEC_ID_VP9);
    case AV_CODEC_ID_AV1: return avcodec_find_decoder_by_name("libdav1d");
    case AV_CODEC_ID_H264:
    case AV_CODEC_ID_HEVC: return avcodec_find_decoder(st->codecpar->codec_id);
    default: return NULL;
    }
}

static int pick_stream(struct source *s, struct state *t, struct err *e)
{
    t->stream = -1;
    for (unsigned i = 0; i < t->demux.format->nb_streams; i++) {
        AVStream *st = t->demux.format->streams[i];
        bool still = st->disposition & AV_DISPOSITION_ATTACHED_PIC;
        if (st->codecpar->codec_type == AVMEDIA_TYPE_AUDIO) s->facts.has_audio = true;
        if (st->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !still && t->stream < 0) t->stream = (int)i;
        st->discard = (int)i == t->stream ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    }
    if (t->stream < 0) return err_set(e, GIFD_EBADMEDIA, "the video has no picture track");
    AVStream *st = t->demux.format->streams[t->stream];
    const AVCodec *codec = decoder_for(st);
    if (!codec) return err_set(e, GIFD_EUNSUPPORTED, "a video in %s", avcodec_get_name(st->codecpar->codec_id));
    t->decoder = avcodec_alloc_context3(codec);
    if (!t->decoder || avcodec_parameters_to_context(t->decoder, st->codecpar) < 0)
        return err_set(e, GIFD_EBADMEDIA, "the video's header is corrupt");
    t->decoder->thread_count = 1;
    t->decoder->pkt_timebase = st->time_base;
    if (s->glance) t->decoder->flags |= AV_CODEC_FLAG_LOW_DELAY; /* the first one is not held back for others */
    t->decoder->max_pixels = (int64_t)s->limits->canvas_px;
    return avcodec_open2(t->decoder, codec, NULL) < 0 ? err_set(e, GIFD_EBADMEDIA, "the video's header is corrupt")
                                                      : GIFD_OK;
}

/* Size as displayed: sample aspect, then rotation by quarter turns. */
static int set_size(struct source *s, struct state *t, struct err *e)
{
    AVStream *st = t->demux.format->streams[t->stream];
    int w = t->decoder->width, h = t->decoder->height;
    AVRational a = st->sample_aspect_ratio.num > 0 ? st->sample_aspect_ratio : st->codecpar->sample_aspect_ratio;
    int rc = source_check(s->limits, w > 0 ? (uint64_t)w : 0, h > 0 ? (uint64_t)h : 0, 1, e);
    if (rc < 0) return rc;
    if (a.num > 0 && a.den > 0 && a.num != a.den && a.num < 16 * (int64_t)a.den && a.den < 16 * (int64_t)a.num)
        w = (int)av_rescale(w, a.num, a.den);
    if (abs(w - t->decoder->width) == 1) w = t->decoder->width; /* rounding in the container */
    s->width = w > 0 ? w : 1;
    s->height = h;
    size_t n = 0;
    const int32_t *matrix = (const int32_t *)(const void *)av_stream_get_side_data(st, AV_PKT_DATA_DISPLAYMATRIX, &n);
    double turn = matrix && n >= 36 ? -av_display_rotation_get(matrix) : 0;
    if (!isnan(turn)) s->rotation = ((int)lrint(turn / 90) % 4 + 4) % 4 * 90;
    bool aside = s->rotation % 180 != 0;
    s->facts.width = (uint32_t)(aside ? s->height : s->width);
    s->facts.height = (uint32_t)(aside ? s->width : s->height);
    s->time_base = st->time_base;
    const AVDictionaryEntry *alpha = av_dict_get(st->metadata, "alpha_mode", NULL, 0);
    s->facts.has_alpha = alpha && strcmp(alpha->value, "1") == 0;
    return source_check(s->limits, s->facts.width, s->facts.height, 1, e);
}

/* Whether the packet has the shape of a picture: NAL units that fill it exactly (ISO/IEC 14496-15 section 5.3.3), or
 * the frame marks of VP8 (RFC 6386 section 9.1) and VP9. Costs nothing, and finds tracks that point at something else.
 */
static bool is_plausible(const AVCodecParameters *c, const AVPacket *p)
{
    bool avc = c->codec_id == AV_CODEC_ID_H264 && c->extradata_size >= 7 && c->extradata[0] == 1;
    bool hevc = c->codec_id == AV_CODEC_ID_HEVC && c->extradata_size >= 23 && c->extradata[0] == 1;
    if (p->size < 4) return c->codec_id == AV_CODEC_ID_AV1;
    if (c->codec_id == AV_CODEC_ID_VP8)
        return (p->data[0] & 1) || (p->size >= 10 && memcmp(p->data + 3, "\x9d\x01\x2a", 3) == 0);
    if (c->codec_id == AV_CODEC_ID_VP9) return p->data[0] >> 6 == 2;
    if (!avc && !hevc) return true;
    size_t len_bytes = (c->extradata[avc ? 4 : 21] & 3) + 1u, at = 0, n = (size_t)p->size;
    while (n - at > len_bytes) {
        size_t len = 0;
        for (size_t i = 0; i < len_bytes; i++) len = len << 8 | p->data[at++];
        if (len == 0 || len > n - at) return false;
        at += len;
    }
    return at == n;
}

static void count_packet(struct source *s, struct state *t, int64_t *last, int64_t *last_gap)
{
    const AVPacket *p = t->packet;
    int64_t pts = p->pts != AV_NOPTS_VALUE ? p->pts : p->dts;
    if (pts == AV_NOPTS_VALUE) pts = s->facts.frames ? *last + 1 : 0;
    if (s->facts.frames == 0 || pts < t->first_pts) t->first_pts = pts;
    if (s->facts.frames && pts > *last && pts - *last < INT32_MAX) *last_gap = pts - *last;
    int64_t end = pts + (p->duration > 0 ? p->duration : *last_gap);
    t->end_known = p->duration > 0;
    if (s->facts.frames == 0 || end > t->end_pts) t->end_pts = end;
    *last = pts;
    t->plausible |= is_plausible(t->demux.format->streams[t->stream]->codecpar, p);
    s->facts.frames++;
}

/* WebM does not say how long its last picture is shown, only how long it all is. */
static void end_by_header(struct source *s, struct state *t, int64_t last)
{
    int64_t whole = t->demux.format->duration;
    if (t->end_known || whole <= 0 || whole > DURATION_MAX_US) return;
    whole = av_rescale_q(whole, AV_TIME_BASE_Q, s->time_base);
    if (whole > last) t->end_pts = whole;
}

static int count_packets(struct source *s, struct state *t, struct err *e)
{
    int64_t last = 0, last_gap = 0;
    int rc;
    while ((rc = av_read_frame(t->demux.format, t->packet)) >= 0) {
        bool ours = t->packet->stream_index == t->stream && !(t->packet->flags & AV_PKT_FLAG_DISCARD);
        if (ours && t->packet->flags & AV_PKT_FLAG_CORRUPT) {
            s->facts.truncated = true;
        } else if (ours) {
            count_packet(s, t, &last, &last_gap);
            rc = source_check(s->limits, s->facts.width, s->facts.height, s->facts.frames, e);
        }
        av_packet_unref(t->packet);
        if (rc < 0) return rc;
    }
    if (rc != AVERROR_EOF || t->demux.format->pb->error) s->facts.truncated = true;
    if (!s->facts.frames || !t->plausible) return err_set(e, GIFD_EBADMEDIA, "the video has no whole picture");
    end_by_header(s, t, last);
    s->origin = t->first_pts;
    int64_t ms = av_rescale_q(t->end_pts - t->first_pts, s->time_base, (AVRational){1, 1000});
    s->facts.duration_ms = ms > 0 ? (uint64_t)ms : 0;
    return GIFD_OK;
}

static int video_open(struct source *s, const char *demuxer, struct err *e)
{
    struct state *t = s->state = calloc(1, sizeof *t);
    if (!t) return err_set(e, GIFD_EBADMEDIA, "out of memory");
    t->demuxer = av_find_input_format(demuxer);
    t->packet = av_packet_alloc();
    t->frame[0] = av_frame_alloc();
    t->frame[1] = av_frame_alloc();
    if (!t->demuxer || !t->packet || !t->frame[0] || !t->frame[1]) return err_set(e, GIFD_EBADMEDIA, "out of memory");
    s->facts.loop = -1;
    int rc = open_format(s, t, e);
    if (rc == GIFD_OK) rc = pick_stream(s, t, e);
    if (rc == GIFD_OK) rc = set_size(s, t, e);
    if (rc == GIFD_OK) rc = count_packets(s, t, e);
    close_format(t);
    return rc;
}

static int mp4_open(struct source *s, struct err *e)
{
    memcpy(s->facts.type, "video/mp4", sizeof "video/mp4");
    return video_open(s, "mov", e);
}

static int webm_open(struct source *s, struct err *e)
{
    memcpy(s->facts.type, "video/webm", sizeof "video/webm");
    return video_open(s, "matroska", e);
}

/* One packet of ours into the decoder, or the end of the file. A broken one is passed over. A decoder that is told of
 * the end holds nothing back. */
static void feed(struct state *t)
{
    while (av_read_frame(t->demux.format, t->packet) >= 0) {
        bool ours = t->packet->stream_index == t->stream;
        bool first = ours && t->alone && t->packet->flags & AV_PKT_FLAG_KEY && t->packet->pts == t->first_pts;
        if (ours) avcodec_send_packet(t->decoder, t->packet);
        av_packet_unref(t->packet);
        if (first) break;
        if (ours) return;
    }
    avcodec_send_packet(t->decoder, NULL);
    t->draining = true;
}

static bool decode_one(struct state *t, AVFrame *into)
{
    for (int errors = 0; errors < ERRORS_MAX;) {
        int rc = avcodec_receive_frame(t->decoder, into);
        if (rc >= 0) {
            int64_t pts = into->best_effort_timestamp;
            if (!(into->flags & AV_FRAME_FLAG_DISCARD) && (pts == AV_NOPTS_VALUE || pts < t->end_pts)) return true;
            av_frame_unref(into);
            continue;
        }
        if (rc == AVERROR_EOF || (t->draining && rc != AVERROR(EAGAIN))) return false;
        if (rc != AVERROR(EAGAIN)) errors++;
        feed(t);
    }
    return false;
}

static int reopen(struct source *s, struct state *t, struct err *e)
{
    struct media_facts keep = s->facts;
    close_format(t);
    t->draining = false;
    int rc = open_format(s, t, e);
    if (rc == GIFD_OK) rc = pick_stream(s, t, e);
    s->facts = keep;
    return rc;
}

static int start(struct source *s, struct state *t, struct err *e)
{
    t->alone = s->glance;
    int rc = reopen(s, t, e);
    if (rc < 0) return rc;
    t->primed = decode_one(t, t->frame[1]);
    if (!t->primed && t->alone) { /* the first packet is broken: others may not be */
        t->alone = false;
        rc = reopen(s, t, e);
        if (rc < 0) return rc;
        t->primed = decode_one(t, t->frame[1]);
    }
    return t->primed ? GIFD_OK : err_set(e, GIFD_EBADMEDIA, "not one picture of the video can be decoded");
}

static int64_t pts_of(const struct state *t, const AVFrame *f, int64_t least)
{
    int64_t pts = f->best_effort_timestamp == AV_NOPTS_VALUE ? least : f->best_effort_timestamp - t->first_pts;
    return pts < least ? least : pts;
}

static int video_next(struct source *s, struct picture *p, struct err *e)
{
    struct state *t = s->state;
    if (t->ended || t->given == s->facts.frames) return 0;
    if (!t->primed && start(s, t, e) < 0) return e->code;
    int64_t now = t->given ? p->start + p->duration : pts_of(t, t->frame[1], 0);
    av_frame_unref(t->frame[0]);
    av_frame_move_ref(t->frame[0], t->frame[1]);
    t->ended = s->glance || !decode_one(t, t->frame[1]);
    bool last = t->ended || t->given + 1 == s->facts.frames;
    int64_t next = last ? t->end_pts - t->first_pts : pts_of(t, t->frame[1], now + 1);
    p->frame = t->frame[0];
    p->start = now;
    p->duration = next > now ? next - now : 1;
    t->given++;
    return 1;
}

static void video_close(struct source *s)
{
    struct state *t = s->state;
    if (!t) return;
    close_format(t);
    av_packet_free(&t->packet);
    av_frame_free(&t->frame[0]);
    av_frame_free(&t->frame[1]);
    free(t);
}

const struct source_kind source_mp4 = {mp4_open, video_next, video_close};
const struct source_kind source_webm = {webm_open, video_next, video_close};
