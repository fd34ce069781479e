/* fit.c: see fit.h. */
#include "media/fit.h"

#include "media/encode.h"
#include "media/progress.h"
#include "media/render.h"
#include "media/ssim.h"

#include <libavcodec/avcodec.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP 8 /* rungs between two rows of a table */
#define ROWS (FIT_RUNGS / STEP + 1)
#define GOOD_ENOUGH 0.93 /* of the budget: no further encode */
#define AIM 0.97         /* of the budget, for a guess */
#define MUCH_PX 8e6      /* pixels of all pictures from which on time counts for more than the last bytes: */
#define MUCH_ENCODES 3
#define MUCH_AIM 0.9     /* of the budget at first, */
#define MUCH_LESS 0.09   /* less by this for each encode, so that it ends soon, */
#define MUCH_ENOUGH 0.75 /* and this will do */
#define LOOKS 64         /* times at which an output is held against the source, at most */

/* Rows from what the recipe asks for to the least that is made. Size in percent of the recipe's, pictures a second (0:
 * as they come), the share of its bytes that is left, at a guess, and how far from the start to the worst of the
 * format's own dial. */
struct row {
    double dial, size, fps, bytes;
};

static const struct row rows_gif[ROWS] = {
    {0, 100, 0, 1},    {10, 100, 0, .80}, {20, 100, 0, .55}, {30, 100, 0, .42},  {40, 100, 20, .33},
    {45, 88, 15, .24}, {45, 75, 15, .17}, {45, 63, 12, .12}, {50, 50, 12, .075}, {50, 40, 10, .045},
    {55, 30, 8, .022}, {60, 20, 6, .009}, {80, 8, 4, .0012},
};
static const struct row rows_dial[ROWS] = {
    {0, 100, 0, 1},      {.2, 100, 0, .75}, {.35, 100, 0, .55}, {.5, 100, 0, .4},   {.65, 100, 30, .3},
    {.7, 85, 25, .21},   {.7, 72, 20, .15}, {.7, 60, 15, .1},   {.75, 50, 15, .07}, {.8, 40, 12, .045},
    {.85, 30, 10, .025}, {.9, 20, 8, .012}, {1, 8, 4, .003},
};
static const struct row rows_png[ROWS] = {
    {0, 100, 0, 1},  {0, 92, 0, .86},  {0, 84, 0, .73}, {0, 76, 0, .6},  {0, 68, 0, .49},
    {0, 60, 0, .39}, {0, 52, 0, .3},   {0, 44, 0, .22}, {0, 36, 0, .15}, {0, 28, 0, .09},
    {0, 20, 0, .05}, {0, 12, 0, .018}, {0, 6, 0, .005},
};

static const struct row *rows_of(uint32_t format)
{
    return format == MEDIA_GIF ? rows_gif : format == MEDIA_PNG ? rows_png : rows_dial;
}

static struct row at_rung(uint32_t format, unsigned rung)
{
    const struct row *a = rows_of(format) + rung / STEP, *b = rung % STEP ? a + 1 : a;
    double t = (double)(rung % STEP) / STEP;
    struct row r = {.dial = a->dial + (b->dial - a->dial) * t,
                    .size = a->size + (b->size - a->size) * t,
                    .bytes = exp(log(a->bytes) + (log(b->bytes) - log(a->bytes)) * t)};
    double from = a->fps > 0 ? a->fps : 30;
    if (b->fps > 0) r.fps = from + (b->fps - from) * t;
    return r;
}

/* ---- recipes ---- */

/* The worst that the format's dial is turned to, from wherever the recipe has it. */
static uint32_t quality_at(const struct media_recipe *r, double dial)
{
    static const struct {
        uint32_t start, worst;
    } dials[] = {[MEDIA_JPEG] = {85, 8}, [MEDIA_MP4] = {23, 44}, [MEDIA_WEBM] = {32, 60}, [MEDIA_WEBP] = {75, 3}};
    double start = r->quality ? r->quality : dials[r->format].start, worst = dials[r->format].worst;
    if (r->format == MEDIA_MP4 || r->format == MEDIA_WEBM ? worst < start : worst > start) worst = start;
    return (uint32_t)lround(start + (worst - start) * dial);
}

static uint32_t shrunk(uint32_t wanted, uint32_t source, double percent)
{
    uint32_t n = wanted && wanted < source ? wanted : source;
    n = (uint32_t)lround(n * percent / 100);
    return n ? n : 1;
}

struct media_recipe fit_rung(const struct media_recipe *r, const struct media_facts *source, unsigned rung)
{
    struct media_recipe m = *r;
    m.budget = m.floor = 0;
    if (!rung) return m;
    struct row at = at_rung(r->format, rung);
    if (r->format == MEDIA_GIF) {
        if (m.lossy < at.dial) m.lossy = (uint32_t)lround(at.dial);
    } else if (r->format != MEDIA_PNG) {
        m.quality = quality_at(r, at.dial);
        m.bitrate = 0;
    }
    if (at.size < 100) {
        m.width = shrunk(r->width, source->width, at.size);
        m.height = shrunk(r->height, source->height, at.size);
    }
    bool still = r->format == MEDIA_JPEG || r->format == MEDIA_PNG;
    uint32_t fps = (uint32_t)lround(at.fps * 1000);
    if (fps && !still && !r->frames && (!r->fps_milli || r->fps_milli > fps)) m.fps_milli = fps;
    return m;
}

/* ---- our own JPEG as a source: strangers' are none ---- */

static int jpeg_next(struct source *s, struct picture *p, struct err *e)
{
    AVCodecContext *c = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_MJPEG));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    bool ok = c && packet && frame && av_new_packet(packet, (int)s->in.n) >= 0;
    if (s->state) ok = false; /* there is one picture */
    if (ok) memcpy(packet->data, s->in.p, s->in.n);
    if (ok) c->thread_count = 1;
    ok = ok && avcodec_open2(c, c->codec, NULL) >= 0 && avcodec_send_packet(c, packet) >= 0 &&
         avcodec_receive_frame(c, frame) >= 0;
    avcodec_free_context(&c);
    av_packet_free(&packet);
    if (!ok) av_frame_free(&frame);
    if (s->state) return 0;
    if (!ok) return err_set(e, GIFD_EBADMEDIA, "a JPEG that was made could not be read");
    s->state = frame;
    *p = (struct picture){frame, 0, 1};
    return 1;
}

static void jpeg_close(struct source *s)
{
    AVFrame *frame = s->state;
    av_frame_free(&frame);
}

static const struct source_kind own_jpeg = {NULL, jpeg_next, jpeg_close};

static int open_made(struct source *s, uint32_t format, struct bytes in, const struct media_limits *l, struct err *e)
{
    if (format != MEDIA_JPEG) return source_open(s, in, l, e);
    *s = (struct source){.in = in, .limits = l, .kind = &own_jpeg, .time_base = {1, 1000}};
    s->facts.width = s->facts.height = 1; /* as it turns out to be */
    return GIFD_OK;
}

/* ---- one encode ---- */

struct fitting {
    struct bytes in;
    const struct media_limits *limits;
    const struct media_recipe *recipe;
    int fd;
    struct media_facts source;
    int width, height; /* what the recipe asks for, to look at */
    struct media_output last;
    unsigned encodes;
    bool much; /* it takes long */
};

/* Of what was stopped: as many as all of it would have had, were the rest like what was written. */
static uint64_t foretell(const struct fitting *f, uint64_t stop)
{
    const struct media_recipe *r = f->recipe;
    uint64_t end = r->to_ms && r->to_ms < f->source.duration_ms ? r->to_ms : f->source.duration_ms;
    uint64_t all = r->repeat_ms ? r->repeat_ms : end - (r->from_ms < end ? r->from_ms : 0);
    uint64_t reached = f->last.reached_ms, least = all / (f->source.frames ? f->source.frames : 1);
    if (f->last.bytes > stop) return f->last.bytes; /* it was written in one piece */
    if (reached < least) reached = least;
    if (reached >= all || !reached) return stop + 1;
    return (uint64_t)((double)stop * (double)all / (double)reached) + 1;
}

/* GIFD_OK with the bytes in last. What has more than `stop` is not made to its end, and its bytes are a guess. */
static int encode(struct fitting *f, unsigned rung, uint64_t stop, struct err *e)
{
    struct source s;
    struct media_limits limits = *f->limits;
    if (stop < limits.out_bytes) limits.out_bytes = stop;
    struct media_recipe r = fit_rung(f->recipe, &f->source, rung);
    int rc = source_open(&s, f->in, &limits, e);
    f->encodes++;
    memset(&f->last, 0, sizeof f->last);
    double before = 1 - pow(0.5, f->encodes - 1); /* how many there will be is not known: each does half of the rest */
    struct progress_part all = progress_enter(before, (1 + before) / 2);
    if (rc >= 0) rc = render(&s, &r, 1, &f->fd, &f->last, e);
    progress_leave(all);
    source_close(&s);
    if (rc == GIFD_ETOOBIG) {
        f->last.bytes = foretell(f, limits.out_bytes);
        return GIFD_OK;
    }
    f->last.choice = (struct media_choice){
        .rung = rung, .lossy = r.lossy, .quality = r.quality, .fps_milli = r.fps_milli, .encodes = f->encodes};
    return rc;
}

static int read_back(const struct fitting *f, uint64_t n, uint8_t **out, struct err *e)
{
    uint64_t done = 0;
    *out = malloc(n);
    if (!*out)
        return err_set(e, GIFD_EBADMEDIA, "%llu bytes cannot be kept in the memory allowed", (unsigned long long)n);
    while (done < n) {
        ssize_t got = pread(f->fd, *out + done, n - done, (off_t)done);
        if (got <= 0) break;
        done += (uint64_t)got;
    }
    if (done == n) return GIFD_OK;
    free(*out);
    *out = NULL;
    return err_set(e, GIFD_EIO, "an output could not be read back");
}

/* Of the last encode, as thousandths, rounded down. */
static int look(struct fitting *f, const uint8_t *bytes, uint32_t *ssim, struct err *e)
{
    const struct media_recipe *r = f->recipe;
    struct source truth, made;
    double alike = 0;
    struct ssim_span span = {.width = f->width,
                             .height = f->height,
                             .from_ms = r->from_ms ? r->from_ms : r->at_ms,
                             .to_ms = r->to_ms,
                             .background = r->background};
    if (r->format == MEDIA_JPEG || r->format == MEDIA_PNG) span.to_ms = span.from_ms + 1;
    int rc = source_open(&truth, f->in, f->limits, e);
    if (rc >= 0) rc = open_made(&made, r->format, (struct bytes){bytes, f->last.bytes}, f->limits, e);
    if (rc >= 0) {
        span.step_ms = (span.to_ms ? span.to_ms - span.from_ms : truth.facts.duration_ms) / LOOKS;
        rc = ssim_sources(&truth, &made, &span, &alike, e);
        source_close(&made);
    }
    source_close(&truth);
    *ssim = alike > 0 ? (uint32_t)floor(alike * 1000) : 0;
    return rc;
}

/* ---- the search ---- */

/* Between two rungs that were encoded, of bytes over and under what is wanted. */
struct bracket {
    unsigned over, under;
    bool film;                                   /* the source is one */
    double first_bytes, over_bytes, under_bytes; /* of rung 0 and the two; under_bytes 0: not encoded */
};

/* GIFs of films: their colours are many and without order, so that the first of lossy gains the most. */
static const double gif_of_film[ROWS] = {1, .33, .185, .125, .07, .047, .032, .022, .012, .008, .0045, .002, .0004};

static double bytes_at(uint32_t format, const struct bracket *b, unsigned rung)
{
    unsigned row = rung / STEP, next = row + 1 < ROWS ? row + 1 : row;
    if (format != MEDIA_GIF || !b->film) return at_rung(format, rung).bytes;
    return gif_of_film[row] * pow(gif_of_film[next] / gif_of_film[row], (double)(rung % STEP) / STEP);
}

/* The rung where the table, stretched to what was measured at the ends, meets the aim; strictly between them. */
static unsigned guess(uint32_t format, const struct bracket *b, double aim)
{
    double from = bytes_at(format, b, b->over), to = bytes_at(format, b, b->under), stretch = 1;
    if (b->under_bytes > 0)
        stretch = log(b->over_bytes / b->under_bytes) / log(from / to);
    else if (b->over)
        stretch = log(b->first_bytes / b->over_bytes) / log(1 / from);
    if (stretch < 0.05) stretch = 0.05;
    unsigned rung = b->over + 1;
    while (rung + 1 < b->under) {
        double bytes = b->over_bytes * pow(bytes_at(format, b, rung) / from, stretch);
        if (bytes <= aim) break;
        rung++;
    }
    return rung < b->under || b->under_bytes <= 0 ? rung : b->under - 1;
}

static bool same_recipe(const struct fitting *f, unsigned a, unsigned b)
{
    struct media_recipe x = fit_rung(f->recipe, &f->source, a), y = fit_rung(f->recipe, &f->source, b);
    return memcmp(&x, &y, sizeof x) == 0;
}

struct best {
    uint8_t *bytes;
    struct media_output out;
};

static int keep(struct fitting *f, struct best *best, struct err *e)
{
    uint8_t *bytes;
    if (read_back(f, f->last.bytes, &bytes, e) < 0) return e->code;
    free(best->bytes);
    best->bytes = bytes;
    best->out = f->last;
    return GIFD_OK;
}

static int search(struct fitting *f, struct best *best, struct err *e)
{
    double budget = (double)f->recipe->budget, enough = f->much ? MUCH_ENOUGH : GOOD_ENOUGH;
    struct bracket b = {.under = FIT_RUNGS,
                        .film = strncmp(f->source.type, "video/", 6) == 0,
                        .first_bytes = (double)f->last.bytes,
                        .over_bytes = (double)f->last.bytes};
    while (f->encodes < FIT_ENCODES_MAX - 1 && (b.under_bytes > 0 ? b.over + 1 < b.under : b.over < b.under)) {
        double aim = f->much ? MUCH_AIM - MUCH_LESS * (f->encodes - 1) : AIM;
        unsigned rung = b.over + 1 == b.under ? b.under : guess(f->recipe->format, &b, budget * aim);
        if (same_recipe(f, rung, b.over)) { /* dials have few marks: nothing new would come of it */
            b.over = rung;
            continue;
        }
        if (b.under_bytes > 0 && same_recipe(f, rung, b.under)) {
            b.under = rung;
            continue;
        }
        if (encode(f, rung, f->recipe->budget, e) < 0) return e->code;
        double bytes = (double)f->last.bytes;
        if (bytes > budget) {
            b.over = rung;
            b.over_bytes = bytes;
            continue;
        }
        b.under = rung;
        b.under_bytes = bytes;
        if (keep(f, best, e) < 0) return e->code;
        if (bytes >= budget * enough || (f->much && bytes >= budget / 2 && f->encodes >= MUCH_ENCODES)) break;
    }
    if (best->bytes) return GIFD_OK;
    if (b.over < FIT_RUNGS && encode(f, FIT_RUNGS, UINT64_MAX, e) < 0) return e->code;
    if (f->last.bytes <= f->recipe->budget) return keep(f, best, e);
    return err_set(e, GIFD_ETOOBIG, "%llu bytes at the least, over the budget of %llu",
                   (unsigned long long)f->last.bytes, (unsigned long long)f->recipe->budget);
}

/* What the floor would cost: the worst rung that is still above it, by halves. */
static int refuse(struct fitting *f, uint32_t got, unsigned under, struct err *e)
{
    unsigned good = 0;
    uint64_t bytes = 0;
    for (int i = 0; i < 4 && good + 1 < under; i++) {
        unsigned rung = (good + under) / 2;
        uint8_t *made = NULL;
        uint32_t ssim = 0;
        if (encode(f, rung, UINT64_MAX, e) < 0 || f->last.bytes > f->limits->out_bytes) break;
        if (read_back(f, f->last.bytes, &made, e) < 0 || look(f, made, &ssim, e) < 0) {
            free(made);
            return e->code;
        }
        free(made);
        if (ssim >= f->recipe->floor) {
            good = rung;
            bytes = f->last.bytes;
        } else {
            under = rung;
        }
    }
    if (bytes)
        return err_set(e, GIFD_ETOOBIG, "%llu bytes at the floor of %.3f; within the budget of %llu it is %.3f",
                       (unsigned long long)bytes, f->recipe->floor / 1000.0, (unsigned long long)f->recipe->budget,
                       got / 1000.0);
    return err_set(e, GIFD_ETOOBIG, "the floor of %.3f is not reached within the budget of %llu bytes: it is %.3f",
                   f->recipe->floor / 1000.0, (unsigned long long)f->recipe->budget, got / 1000.0);
}

static int write_out(const struct fitting *f, const uint8_t *p, uint64_t n, struct err *e)
{
    if (ftruncate(f->fd, 0) < 0) return err_set(e, GIFD_EINVALID, "an output is not a file");
    return encode_write(f->fd, p, n, 0, f->limits->out_bytes, e);
}

/* The source as it is, when it is all that was asked for. */
static bool asks_nothing(const struct fitting *f)
{
    const struct media_recipe *r = f->recipe;
    const struct encoder_kind *k = encoder_of(r->format);
    return k && !k->still && strcmp(k->type, f->source.type) == 0 && f->in.n <= r->budget &&
           f->in.n <= f->limits->out_bytes && (!r->width || r->width >= f->source.width) &&
           (!r->height || r->height >= f->source.height) && !r->from_ms && !r->to_ms && !r->repeat_ms &&
           !r->fps_milli && !r->frames && !r->quality && !r->bitrate && !r->colors && !r->dither && !r->lossy &&
           !f->source.has_audio && !f->source.truncated && (r->loop == MEDIA_LOOP_SOURCE || r->loop == f->source.loop);
}

int fit(struct bytes in, const struct media_limits *l, const struct media_recipe *r, int fd, struct media_output *out,
        struct err *e)
{
    struct fitting f = {.in = in, .limits = l, .recipe = r, .fd = fd};
    struct best best = {0};
    struct source s;
    if (source_open(&s, in, l, e) < 0) return e->code;
    f.source = s.facts;
    source_close(&s);
    if (asks_nothing(&f)) {
        *out = (struct media_output){.facts = f.source, .bytes = in.n};
        return write_out(&f, in.p, in.n, e);
    }
    if (encode(&f, 0, r->budget, e) < 0) return e->code;
    if (f.last.bytes <= r->budget) {
        *out = f.last;
        return GIFD_OK;
    }
    f.width = (int)f.last.facts.width;
    f.height = (int)f.last.facts.height;
    f.much = (double)f.width * f.height * f.source.frames > MUCH_PX;
    int rc = search(&f, &best, e);
    unsigned encodes = f.encodes;
    if (rc >= 0 && r->floor) {
        f.last = best.out;
        rc = look(&f, best.bytes, &best.out.choice.ssim_milli, e);
        if (rc >= 0 && best.out.choice.ssim_milli < r->floor)
            rc = refuse(&f, best.out.choice.ssim_milli, best.out.choice.rung, e);
    }
    if (rc >= 0) rc = write_out(&f, best.bytes, best.out.bytes, e);
    best.out.choice.encodes = encodes;
    *out = best.out;
    free(best.bytes);
    return rc < 0 ? rc : GIFD_OK;
}
