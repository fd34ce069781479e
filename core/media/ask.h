/* ask.h: questions about untrusted media, answered by another process.
 *
 *   this process                         gifd-media (zygote, libav* loaded)      its child, one per question
 *   media_ask --connect------------------> accept, fork ---------------------------> locks itself in, reads the
 * question,
 *             --question, descriptors-------------------------------------------------> decodes, writes to the
 * descriptors, done()    <-----------------------------------------------------------------------  answers, exits
 *
 * The zygote listens on a SOCK_SEQPACKET socket; one connection is one question. Closing it (cancel, deadline, our
 * death) makes the zygote kill the child. A connection that ends without an answer is a crash: GIFD_EBADMEDIA with a
 * text that says so. Answers are checked against their bounds here before anybody sees them, since a child may have
 * been taken over by what it read. Loop thread only. */
#ifndef GIFD_MEDIA_ASK_H
#define GIFD_MEDIA_ASK_H

#include "base/err.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

enum media_op { MEDIA_PROBE = 1, MEDIA_RENDER = 2 };
enum media_format { MEDIA_JPEG = 1, MEDIA_PNG = 2, MEDIA_MP4 = 3 };

struct media_limits {
    uint64_t canvas_px; /* width x height of the canvas */
    uint64_t total_px;  /* canvas x frames */
    uint32_t frames;
    uint32_t deadline_ms; /* for the whole question, kept by the asker */
    uint64_t memory;      /* address space the child may add, bytes */
    uint64_t out_bytes;   /* of each output */
};

/* What to make. JPEG and PNG are the picture at at_ms (0: the first frame). MP4 is H.264, yuv420p, moov first, with the
 * source's frame times and the last frame's duration, no audio. Odd sides are padded to even with their edge pixels;
 * what H.264 level 5.2 cannot hold (4096 a side, 9.4 million pixels) is scaled down to it. */
struct media_recipe {
    uint32_t format;     /* enum media_format */
    uint32_t at_ms;      /* stills */
    uint32_t quality;    /* JPEG 1-100, MP4 crf 0-51; 0: the default (85, 23) */
    uint32_t background; /* 0xRRGGBB under transparent pixels where the format has no alpha */
};

#define MEDIA_RECIPES_MAX 16

struct media_question {
    enum media_op op;
    int in_fd; /* any position; read with pread. Stays the asker's */
    struct media_limits limits;
    size_t recipes; /* MEDIA_RENDER: one decode serves all of them */
    struct media_recipe recipe[MEDIA_RECIPES_MAX];
    int out_fd[MEDIA_RECIPES_MAX]; /* empty regular files or memfds, read-write. Stay the asker's */
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

struct media_output {
    struct media_facts facts;
    uint64_t bytes;
};

struct media_answer {
    struct media_facts facts; /* of the source */
    size_t outputs;           /* as many as recipes, or 0 */
    struct media_output output[MEDIA_RECIPES_MAX];
};

/* rc 0 and the answer, or a negative code with e: GIFD_EUNSUPPORTED (e->text names what was seen), GIFD_EBADMEDIA,
 * GIFD_ETIMEOUT, GIFD_ETOOBIG (an output), GIFD_ENOSPACE, GIFD_EBUSY (no media process). Both pointers are valid only
 * during the call. */
typedef void (*media_done_fn)(void *arg, int rc, const struct media_answer *answer, const struct err *e);

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
void media_cancel(struct media_ask *a); /* kills the child, frees a; done() is not called */

#endif
