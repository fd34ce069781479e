/* ask.h: questions about untrusted media, answered by another process.
 *
 *   this process                         gifd-media (zygote, libav* loaded)      its child, one per question
 *   media_ask --connect------------------> accept, fork ---------------------------> locks itself in, reads the
 * question,
 *             --question, descriptors-------------------------------------------------> decodes, writes to the
 * descriptors, done()    <-----------------------------------------------------------------------  answers, exits
 *
 * The zygote listens on a SOCK_SEQPACKET socket; one connection is one question. It decides who of all processes'
 * askers gets a child next (lanes.h); the deadline runs from then. Closing the connection (cancel, deadline, our death)
 * makes the zygote kill the child. A child that dies is GIFD_EMEDIACRASH, told apart from a file that is refused: a
 * question that renders nothing is asked once more before, since what died may have been killed. A connection that ends
 * without a word means that the zygote died; the question is asked again, of the next one. Answers are checked against
 * their bounds here before anybody sees them, since a child may have been taken over by what it read. Loop thread only.
 */
#ifndef GIFD_MEDIA_ASK_H
#define GIFD_MEDIA_ASK_H

#include "base/err.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

enum media_op { MEDIA_PROBE = 1, MEDIA_RENDER = 2, MEDIA_TIMES = 3, MEDIA_LOOK = 4, MEDIA_CROPS = 5 };
enum media_format { MEDIA_JPEG = 1, MEDIA_PNG, MEDIA_MP4, MEDIA_WEBM, MEDIA_WEBP, MEDIA_GIF };
enum media_dither { MEDIA_DITHER_AUTO, MEDIA_DITHER_NONE, MEDIA_DITHER_ORDERED, MEDIA_DITHER_DIFFUSE };

struct media_limits {
    uint64_t canvas_px; /* width x height of the canvas */
    uint64_t total_px;  /* canvas x frames */
    uint32_t frames;
    uint32_t deadline_ms; /* kept by the asker. A render's counts from its child's start, others' from media_ask */
    uint64_t memory;      /* address space the child may add, bytes */
    uint64_t out_bytes;   /* of each output */
};

#define MEDIA_LOOP_SOURCE (-2)

/* What to make. 0 means "as the source", or the default, everywhere.
 *
 * Stills (JPEG, PNG) are the picture shown at at_ms, or the sample-th of `samples` evenly spaced ones (the first and
 * the last among them, half a picture rounds to the even one; with more samples than pictures, the last). Animations
 * show the source from from_ms to to_ms: at every time the picture that the source shows then, equal neighbours merged,
 * with at most fps pictures a second or `frames` pictures evenly. They are scaled down to fit width x height, never up.
 * MP4 (H.264) and WebM (VP9) are yuv420p, flattened on the background, odd sides padded with their edge
 * pixels; what H.264 level 5.2 cannot hold (4096 a side, 9.4 million pixels) is scaled down to it. GIF and WebP keep
 * transparency. Sound is kept where it is asked for, as AAC in an MP4, cut as the pictures are; else there is none. */
struct media_recipe {
    uint32_t format; /* enum media_format */
    uint32_t width, height;
    uint32_t at_ms;
    uint32_t sample, samples; /* sample from 1 */
    uint32_t from_ms, to_ms;
    uint32_t repeat_ms; /* played again and again until it is this long: for players that cannot loop */
    uint32_t fps_milli; /* thousandths of a picture a second */
    uint32_t frames;
    int32_t loop;        /* how often it plays, 0 for ever; MEDIA_LOOP_SOURCE */
    uint32_t quality;    /* JPEG, WebP 1-100; MP4 crf 1-51, WebM crf 1-63 */
    uint32_t bitrate;    /* bits a second, in place of quality: MP4, WebM */
    uint32_t colors;     /* GIF: 2-256 */
    uint32_t dither;     /* GIF: enum media_dither; auto: by a pattern, where colours are far off and lossy is 0 */
    uint32_t lossy;      /* GIF: 1-200, how far a pixel may be from the truth for a longer match */
    uint32_t floor;      /* thousandths of SSIM that a budget may not go below */
    uint64_t budget;     /* bytes */
    uint32_t background; /* 0xRRGGBB under transparent pixels where the format has no alpha */
    uint32_t audio;      /* films: bits a second of AAC (MP4) or Opus (WebM); 0: no sound */
};

#define MEDIA_RECIPES_MAX 64
#define MEDIA_TIME_MAX_MS 3600000u
#define MEDIA_SAMPLES_MAX 1000u
#define MEDIA_FPS_MAX_MILLI 120000u
#define MEDIA_REPEAT_MAX_MS 60000u

/* GIFD_EINVALID naming the field and its bounds. */
int media_recipe_check(const struct media_recipe *r, struct err *e);

struct media_question {
    enum media_op op;
    int in_fd; /* any position; read with pread. Stays the asker's */
    struct media_limits limits;
    uint64_t account; /* whose, for a fair share; 0: nobody's */
    uint64_t pixels;  /* canvas x frames, where known; 0: as many as the limits allow */
    size_t recipes;   /* MEDIA_RENDER: one decode serves all of them */
    struct media_recipe recipe[MEDIA_RECIPES_MAX];
    /* Empty regular files or memfds, read-write, one a recipe. Stay the asker's. MEDIA_TIMES takes one: milliseconds
     * that each picture is shown, as uint32_t, rounded so that they add up to the duration. */
    int out_fd[MEDIA_RECIPES_MAX];
};

struct media_facts {
    char type[32]; /* "image/gif", "image/webp", "image/png", "image/jpeg", "video/mp4", "video/webm" */
    uint32_t width, height;
    uint32_t frames;
    uint64_t duration_ms; /* sum of frame delays; GIF delays of 0 and 1 hundredths count as 10, as browsers do */
    int32_t loop;         /* how often it plays: 0 for ever, -1 when the format does not say */
    bool has_alpha;
    bool has_audio;
    bool truncated; /* a tail was unreadable; the facts are of the whole frames before it */
};

/* What a budget led to (fit.h). All 0 where there was none, or where it led to nothing. */
struct media_choice {
    uint32_t rung; /* 0: as the recipe says */
    uint32_t lossy, quality, fps_milli;
    uint32_t ssim_milli; /* where a floor was given and had to be looked at */
    uint32_t encodes;    /* that it took */
};

struct media_output {
    struct media_facts facts;
    uint64_t bytes;
    struct media_choice choice;
    uint64_t at_ms;      /* of a still: since when the source shows this picture */
    uint64_t reached_ms; /* of what became too large: how much of it was written. Not in answers */
};

/* What a source looks like, from up to MEDIA_HASHES_MAX evenly spaced pictures of it (core/media/look.h). */
#define MEDIA_HASHES_MAX 8
#define MEDIA_CROPS_MAX 6 /* windows of each of these pictures, hashed too by MEDIA_CROPS */
#define MEDIA_LOOKED_MAX (MEDIA_HASHES_MAX * (1 + MEDIA_CROPS_MAX))
#define MEDIA_HASH_BYTES 32
#define MEDIA_COLORS_MAX 5
#define MEDIA_PLACEHOLDER_MAX 200
struct media_hash {
    uint8_t bits[MEDIA_HASH_BYTES];
    uint32_t at_ms, quality;
};
struct media_color {
    uint32_t rgb, thousandths; /* 0xRRGGBB; of the pixels that are not transparent */
};
struct media_look {
    uint32_t hashes, colors, placeholder_bytes;
    struct media_hash hash[MEDIA_LOOKED_MAX];   /* of pictures that are neither flat nor tiny, each another picture */
    struct media_color color[MEDIA_COLORS_MAX]; /* the commonest first */
    uint8_t placeholder[MEDIA_PLACEHOLDER_MAX]; /* a WebP of at most 16 x 16 of the first picture; 0 bytes: none */
};

#define MEDIA_MADE_BY_MAX 200
struct media_answer {
    struct media_facts facts; /* of the source */
    /* MEDIA_RENDER: the program and its libraries. Equal ones make equal bytes of equal sources and recipes. */
    char made_by[MEDIA_MADE_BY_MAX];
    size_t outputs; /* as many as recipes, or 0 */
    struct media_output output[MEDIA_RECIPES_MAX];
    struct media_look look; /* MEDIA_LOOK, MEDIA_CROPS */
};

/* rc 0 and the answer, or a negative code with e: GIFD_EUNSUPPORTED (e->text names what was seen), GIFD_EBADMEDIA,
 * GIFD_EMEDIACRASH, GIFD_ETIMEOUT, GIFD_ETOOBIG (an output), GIFD_ENOSPACE, GIFD_EBUSY (no media process, or no turn).
 * Both pointers are valid only during the call. */
typedef void (*media_done_fn)(void *arg, int rc, const struct media_answer *answer, const struct err *e);

/* How far a render is, in thousandths, of what it has to do; rises, at most MEDIA_PROGRESS_RATE times a second. */
#define MEDIA_PROGRESS_RATE 10
typedef void (*media_progress_fn)(void *arg, uint32_t thousandths);

struct media_pool;
struct media_ask;

/* `path` of the zygote's socket; at most `running` questions are out at a time, `waiting` more are kept. NULL on error.
 */
struct media_pool *media_pool_new(struct loop *l, const char *path, size_t running, size_t waiting, struct err *e);
void media_pool_free(struct media_pool *p); /* cancels everything; no done() is called */
/* Copies the question and duplicates its descriptors. NULL when the queue is full or the question invalid; else done()
 * is called exactly once, later, unless cancelled. */
struct media_ask *media_ask(struct media_pool *p, const struct media_question *q, media_done_fn done, void *arg,
                            struct err *e);
void media_progress(struct media_ask *a, media_progress_fn progress); /* with the arg of media_ask; before it returns to
                                                                        the loop */
void media_cancel(struct media_ask *a); /* kills the child, frees a; done() is not called */

#endif
