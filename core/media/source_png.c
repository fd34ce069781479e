/* source_png.c: PNG and APNG (PNG specification third edition, sections 5 and 11.3.5) as pictures.
 *
 * The chunks are walked once, checked by their CRC. Each frame of an APNG is written out as a small PNG of its own (the
 * header with the frame's size, the palette, its data) and given to libav's still decoder, which therefore sees no
 * animation; composing is done here, as browsers do it. A default image outside the animation is not shown. */
#include "media/source.h"

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE "\x89PNG\r\n\x1a\n"
#define FDAT_SEQUENCE 4

enum { OP_NONE, OP_BACKGROUND, OP_PREVIOUS };

struct frame_control {
    uint32_t width, height, x, y;
    uint64_t delay_ms;
    unsigned dispose, blend;
    size_t first; /* offset of the first chunk after the fcTL (or the signature, for a still) */
};

struct state {
    size_t at; /* of the next chunk to look at */
    bool animated;
    uint32_t crc_table[256];
    uint8_t header[13];
    size_t palette_at, trns_at; /* chunk offsets, 0: none */
    struct frame_control shown;
    uint32_t index;
    int64_t start;
    AVCodecContext *decoder;
    struct SwsContext *sws;
    AVFrame *decoded, *canvas, *saved, *tile;
};

struct chunk {
    const uint8_t *type, *data;
    uint32_t n;
    size_t at, next;
};

static uint32_t u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8), p[3] = (uint8_t)v;
}

static bool is(const struct chunk *c, const char *type)
{
    return memcmp(c->type, type, 4) == 0;
}

static bool read_chunk(const struct source *s, size_t at, struct chunk *c)
{
    if (s->in.n < 12 || at > s->in.n - 12) return false;
    *c = (struct chunk){.n = u32(s->in.p + at), .type = s->in.p + at + 4, .data = s->in.p + at + 8, .at = at};
    if (c->n > s->in.n - at - 12) return false;
    c->next = at + 12 + c->n;
    return true;
}

static uint32_t crc(const struct state *t, uint32_t c, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) c = t->crc_table[(c ^ p[i]) & 255] ^ (c >> 8);
    return c;
}

static void make_crc_table(struct state *t)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >> 1) : c >> 1;
        t->crc_table[i] = c;
    }
}

static bool crc_holds(const struct state *t, const struct chunk *c)
{
#ifdef FUZZING
    (void)t, (void)c;
    return true; /* else what a fuzzer changes would all end here */
#else
    return ~crc(t, ~0u, c->type, 4 + (size_t)c->n) == u32(c->data + c->n);
#endif
}

static bool read_control(const struct source *s, const struct chunk *c, struct frame_control *f)
{
    if (c->n != 26) return false;
    unsigned num = (unsigned)c->data[20] << 8 | c->data[21], den = (unsigned)c->data[22] << 8 | c->data[23];
    *f = (struct frame_control){.width = u32(c->data + 4),
                                .height = u32(c->data + 8),
                                .x = u32(c->data + 12),
                                .y = u32(c->data + 16),
                                .delay_ms = (uint64_t)num * 1000 / (den ? den : 100),
                                .dispose = c->data[24],
                                .blend = c->data[25],
                                .first = c->next};
    return f->width && f->height && f->width <= s->facts.width && f->height <= s->facts.height &&
           f->x <= s->facts.width - f->width && f->y <= s->facts.height - f->height && f->dispose <= 2 && f->blend <= 1;
}

static int read_header(struct source *s, struct state *t, struct err *e)
{
    struct chunk c;
    if (!read_chunk(s, 8, &c) || !is(&c, "IHDR") || c.n != 13)
        return err_set(e, GIFD_EBADMEDIA, "the PNG has no header");
    s->facts.width = u32(c.data);
    s->facts.height = u32(c.data + 4);
    memcpy(t->header, c.data, 13);
    s->facts.has_alpha = c.data[9] == 4 || c.data[9] == 6;
    t->at = c.next;
    int rc = source_check(s->limits, s->facts.width, s->facts.height, 1, e);
    if (rc < 0) return rc;
    return crc_holds(t, &c) ? GIFD_OK : err_set(e, GIFD_EBADMEDIA, "the PNG's header is corrupt");
}

struct walk {
    struct frame_control control;
    uint32_t frames;
    uint64_t duration_ms, last_ms;
    bool has_control, has_data, image_data, still_data, ended, first_covers;
};

static bool end_frame(struct walk *w)
{
    if (!w->has_control) return true;
    if (!w->has_data) return false;
    w->frames++;
    w->last_ms = source_delay_ms(w->control.delay_ms);
    w->duration_ms += w->last_ms;
    w->has_control = w->has_data = false;
    return true;
}

/* false: stop here, what came before counts */
static bool visit(struct source *s, struct state *t, struct walk *w, const struct chunk *c)
{
    bool critical = !(c->type[0] & 0x20);
    bool ours = critical || is(c, "tRNS") || is(c, "acTL") || is(c, "fcTL") || is(c, "fdAT");
    if (ours && !crc_holds(t, c)) return false;
    if (is(c, "PLTE") && !t->palette_at) t->palette_at = c->at;
    if (is(c, "tRNS") && !t->trns_at) t->trns_at = c->at, s->facts.has_alpha = true;
    if (is(c, "acTL") && c->n == 8 && !w->image_data) {
        t->animated = true;
        s->facts.loop = u32(c->data + 4) > 65535 ? 0 : (int32_t)u32(c->data + 4);
    }
    if (is(c, "IDAT")) w->image_data = w->still_data = true;
    if (t->animated && is(c, "fcTL")) {
        if (!end_frame(w) || !read_control(s, c, &w->control)) return false;
        w->has_control = true;
        if (w->frames == 0)
            w->first_covers = w->control.width == s->facts.width && w->control.height == s->facts.height;
        if (w->control.dispose == OP_BACKGROUND) s->facts.has_alpha = true;
    }
    if (w->has_control && ((is(c, "IDAT") && w->frames == 0) || (is(c, "fdAT") && c->n > FDAT_SEQUENCE)))
        w->has_data = true;
    w->ended = is(c, "IEND");
    return !w->ended;
}

static int walk(struct source *s, struct state *t, struct err *e)
{
    struct walk w = {0};
    struct chunk c;
    size_t at = t->at;
    while (read_chunk(s, at, &c) && visit(s, t, &w, &c)) {
        at = c.next;
        if (w.frames > s->limits->frames) return source_check(s->limits, s->facts.width, s->facts.height, w.frames, e);
    }
    bool last = end_frame(&w) && w.ended;
    s->facts.truncated = !last;
    if (!w.ended && !w.frames) return err_set(e, GIFD_EBADMEDIA, "the PNG is cut short or corrupt");
    if (!w.ended && w.frames > 1) { /* the frame that was being read may be half there */
        w.frames--;
        w.duration_ms -= w.last_ms;
    }
    if (!w.still_data && !w.frames) return err_set(e, GIFD_EBADMEDIA, "the PNG has no picture");
    t->animated = t->animated && w.frames > 0;
    s->facts.frames = t->animated ? w.frames : 1;
    s->facts.duration_ms = t->animated ? w.duration_ms : 0;
    if (!t->animated) s->facts.loop = 1;
    if (t->animated && !w.first_covers) s->facts.has_alpha = true;
    return source_check(s->limits, s->facts.width, s->facts.height, s->facts.frames, e);
}

static int png_open(struct source *s, struct err *e)
{
    struct state *t = s->state = calloc(1, sizeof *t);
    if (!t) return err_set(e, GIFD_EBADMEDIA, "out of memory");
    memcpy(s->facts.type, "image/png", sizeof "image/png");
    make_crc_table(t);
    int rc = read_header(s, t, e);
    if (rc == GIFD_OK) rc = walk(s, t, e);
    if (rc < 0) return rc;
    s->time_base = (AVRational){1, 1000};
    s->width = (int)s->facts.width;
    s->height = (int)s->facts.height;
    return GIFD_OK;
}

static size_t put_chunk(const struct state *t, uint8_t *to, const char *type, const uint8_t *data, size_t n)
{
    put32(to, (uint32_t)n);
    memcpy(to + 4, type, 4);
    memcpy(to + 8, data, n);
    put32(to + 8 + n, ~crc(t, ~0u, to + 4, 4 + n));
    return 12 + n;
}

static size_t copy_chunk(const struct source *s, uint8_t *to, size_t at)
{
    struct chunk c;
    if (!at || !read_chunk(s, at, &c)) return 0;
    memcpy(to, s->in.p + at, c.next - at);
    return c.next - at;
}

/* The frame's data chunks from f->first on; their sum is under the file's size. Moves t->at behind them. */
static size_t frame_data(const struct source *s, struct state *t, const struct frame_control *f, uint8_t *to)
{
    struct chunk c;
    size_t n = 0;
    for (size_t at = f->first; read_chunk(s, at, &c); at = c.next) {
        if (is(&c, "fcTL") && t->animated) break;
        if (is(&c, "IEND")) break;
        if (is(&c, "IDAT")) n += put_chunk(t, to + n, "IDAT", c.data, c.n);
        if (is(&c, "fdAT") && t->animated && c.n > FDAT_SEQUENCE)
            n += put_chunk(t, to + n, "IDAT", c.data + FDAT_SEQUENCE, c.n - FDAT_SEQUENCE);
        t->at = c.next;
    }
    return n;
}

/* A PNG of this frame alone. */
static AVPacket *make_packet(const struct source *s, struct state *t, const struct frame_control *f)
{
    AVPacket *packet = av_packet_alloc();
    uint8_t header[13], *p;
    size_t cap = s->in.n + 128; /* every part is a copy of a part of the file, or one of three fixed chunks */
    if (!packet || cap > INT32_MAX || av_new_packet(packet, (int)cap) < 0) {
        av_packet_free(&packet);
        return NULL;
    }
    memcpy(header, t->header, 13);
    put32(header, f->width);
    put32(header + 4, f->height);
    p = packet->data;
    memcpy(p, SIGNATURE, 8);
    p += 8;
    p += put_chunk(t, p, "IHDR", header, 13);
    p += copy_chunk(s, p, t->palette_at);
    p += copy_chunk(s, p, t->trns_at);
    p += frame_data(s, t, f, p);
    p += put_chunk(t, p, "IEND", p, 0);
    packet->flags |= AV_PKT_FLAG_KEY; /* else the decoder adds it to the picture before (MPNG) */
    av_shrink_packet(packet, (int)(p - packet->data));
    return packet;
}

static AVFrame *new_rgba(int width, int height)
{
    AVFrame *f = av_frame_alloc();
    if (!f) return NULL;
    f->format = AV_PIX_FMT_RGBA;
    f->width = width;
    f->height = height;
    if (av_frame_get_buffer(f, 0) < 0) av_frame_free(&f);
    if (f) memset(f->data[0], 0, (size_t)f->linesize[0] * (size_t)height);
    return f;
}

static int open_decoder(const struct source *s, struct state *t, struct err *e)
{
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_PNG);
    t->decoder = codec ? avcodec_alloc_context3(codec) : NULL;
    t->decoded = av_frame_alloc();
    t->canvas = new_rgba(s->width, s->height);
    if (t->decoder) {
        t->decoder->thread_count = 1;
        t->decoder->max_pixels = (int64_t)s->limits->canvas_px;
    }
    if (!t->decoder || !t->decoded || !t->canvas || avcodec_open2(t->decoder, codec, NULL) < 0)
        return err_set(e, GIFD_EBADMEDIA, "the picture needs more memory than allowed");
    return GIFD_OK;
}

static int decode(const struct source *s, struct state *t, const struct frame_control *f, struct err *e)
{
    AVPacket *packet = make_packet(s, t, f);
    if (!packet) return err_set(e, GIFD_EBADMEDIA, "the picture needs more memory than allowed");
    int rc = avcodec_send_packet(t->decoder, packet);
    if (rc >= 0) rc = avcodec_receive_frame(t->decoder, t->decoded);
    av_packet_free(&packet);
    if (rc < 0 || t->decoded->width != (int)f->width || t->decoded->height != (int)f->height)
        return err_set(e, GIFD_EBADMEDIA, "frame %u of the PNG cannot be decoded", t->index + 1);
    av_frame_free(&t->tile);
    t->tile = new_rgba((int)f->width, (int)f->height);
    t->sws = sws_getCachedContext(t->sws, (int)f->width, (int)f->height, t->decoded->format, (int)f->width,
                                  (int)f->height, AV_PIX_FMT_RGBA, SWS_POINT, NULL, NULL, NULL);
    if (!t->tile || !t->sws) return err_set(e, GIFD_EBADMEDIA, "the picture needs more memory than allowed");
    sws_scale(t->sws, (const uint8_t *const *)t->decoded->data, t->decoded->linesize, 0, (int)f->height, t->tile->data,
              t->tile->linesize);
    return GIFD_OK;
}

static uint8_t *pixel(const AVFrame *f, uint32_t x, uint32_t y)
{
    return f->data[0] + (size_t)y * (size_t)f->linesize[0] + (size_t)x * 4;
}

/* Straight alpha "over" (PNG specification, section 13.16). */
static void blend(uint8_t *to, const uint8_t *from)
{
    unsigned a = from[3], b = to[3] * (255 - a) / 255, sum = a + b;
    if (a == 0) return;
    for (int i = 0; i < 3; i++) to[i] = (uint8_t)((from[i] * a + to[i] * b + sum / 2) / sum);
    to[3] = (uint8_t)sum;
}

static void compose(struct state *t, const struct frame_control *f)
{
    for (uint32_t y = 0; y < f->height; y++) {
        uint8_t *to = pixel(t->canvas, f->x, f->y + y);
        const uint8_t *from = pixel(t->tile, 0, y);
        if (!f->blend)
            memcpy(to, from, (size_t)f->width * 4);
        else
            for (uint32_t x = 0; x < f->width; x++, to += 4, from += 4) {
                if (from[3] == 255)
                    memcpy(to, from, 4);
                else
                    blend(to, from);
            }
    }
}

static void dispose(struct state *t)
{
    const struct frame_control *f = &t->shown;
    unsigned op = f->dispose == OP_PREVIOUS && t->index == 1 ? OP_BACKGROUND : f->dispose;
    for (uint32_t y = 0; y < f->height && op != OP_NONE; y++) {
        uint8_t *to = pixel(t->canvas, f->x, f->y + y);
        if (op == OP_BACKGROUND)
            memset(to, 0, (size_t)f->width * 4);
        else
            memcpy(to, pixel(t->saved, f->x, f->y + y), (size_t)f->width * 4);
    }
}

static bool find_frame(const struct source *s, struct state *t, struct frame_control *f)
{
    struct chunk c;
    if (!t->animated) {
        *f = (struct frame_control){.width = s->facts.width, .height = s->facts.height, .first = t->at};
        return true;
    }
    for (size_t at = t->at; read_chunk(s, at, &c); at = c.next)
        if (is(&c, "fcTL")) return read_control(s, &c, f);
    return false;
}

static int png_next(struct source *s, struct picture *p, struct err *e)
{
    struct state *t = s->state;
    struct frame_control f;
    if (t->index == s->facts.frames || !find_frame(s, t, &f)) return 0;
    if (!t->decoder && open_decoder(s, t, e) < 0) return e->code;
    if (t->index) dispose(t);
    int rc = decode(s, t, &f, e);
    if (rc < 0 && t->index) return 0; /* what came before is what browsers show */
    if (rc < 0) return rc;
    if (f.dispose == OP_PREVIOUS && t->index) {
        if (!t->saved) t->saved = new_rgba(s->width, s->height);
        if (!t->saved || av_frame_copy(t->saved, t->canvas) < 0)
            return err_set(e, GIFD_EBADMEDIA, "the picture needs more memory than allowed");
    }
    compose(t, &f);
    t->shown = f;
    t->index++;
    p->frame = t->canvas;
    p->start = t->start;
    p->duration = t->animated ? (int64_t)source_delay_ms(f.delay_ms) : 0;
    t->start += p->duration;
    return 1;
}

static void png_close(struct source *s)
{
    struct state *t = s->state;
    if (!t) return;
    avcodec_free_context(&t->decoder);
    sws_freeContext(t->sws);
    av_frame_free(&t->decoded);
    av_frame_free(&t->canvas);
    av_frame_free(&t->saved);
    av_frame_free(&t->tile);
    free(t);
}

const struct source_kind source_png = {png_open, png_next, png_close};
