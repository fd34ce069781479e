/* wire.h: what travels on the socket between ask.c and the media process.
 *
 * SOCK_SEQPACKET messages: the question, "begun" from the zygote when a child gets to it, how far a render is while it
 * goes on (progress.h; each size is another message), the child's answer. The question comes from us and is trusted; it
 * carries 1 + recipes descriptors by SCM_RIGHTS (input first; 1 + 1 for the times). The answer comes from a process
 * that has read strangers' bytes: ask.c believes none of it, which is why it has no bool, no pointer and no length that
 * is not checked. Both ends are built from one tree; the version only catches a media process left over from another
 * build. */
#ifndef GIFD_MEDIA_WIRE_H
#define GIFD_MEDIA_WIRE_H

#include "media/ask.h"

#include <stdint.h>

#define WIRE_MAGIC 0x6d616b67u
#define WIRE_VERSION 8u
#define WIRE_TEXT_MAX 256
#define WIRE_FDS_MAX (1 + MEDIA_RECIPES_MAX)

struct wire_question {
    uint32_t magic, version;
    uint32_t op;
    uint32_t recipes;
    uint64_t account, pixels;
    struct media_limits limits; /* the zygote reads up to here */
    struct media_recipe recipe[MEDIA_RECIPES_MAX];
};

struct wire_begun {
    uint32_t magic, version;
};

/* Of a render; more than once a tenth of a second of its deadline and they are no answer of ours. */
struct wire_progress {
    uint32_t magic, version;
    uint32_t thousandths, zero;
};

struct wire_facts {
    char type[32];
    uint32_t width, height, frames;
    int32_t loop;
    uint64_t duration_ms;
    uint8_t has_alpha, has_audio, truncated, zero[5];
};

struct wire_output {
    struct wire_facts facts;
    uint64_t bytes, at_ms;
    struct media_choice choice;
};

struct wire_answer {
    uint32_t magic, version;
    int32_t code; /* 0, or a code of base/err.h and text */
    uint32_t outputs;
    struct wire_facts facts;
    struct wire_output output[MEDIA_RECIPES_MAX];
    char made_by[MEDIA_MADE_BY_MAX];
    struct media_look look;
    char text[WIRE_TEXT_MAX];
};

#endif
