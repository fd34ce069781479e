/* lanes.h: which question gets a child next.
 *
 *   quick lane    probes and other short looks: QUICK_MAX at a time, whatever is being rendered, so that an upload's
 *                 answer never waits behind a film
 *   render lane   `most` at a time, never more than there are cores, and never more memory or pixels than all of them
 *                 may have. How many are asked for at a time is for askers to say
 *
 * Within a lane it is first come, first served, except that an account which has its share lets others pass: half of
 * the quick lane's places, `account_pixels` of the render lane's pixels. What is over a sum all by itself runs alone.
 * Pure: no descriptor, no clock. Owned by the zygote's one thread. */
#ifndef GIFD_MEDIA_LANES_H
#define GIFD_MEDIA_LANES_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUICK_MAX 8

struct lane_limits {
    uint32_t most;           /* renders at a time */
    uint64_t memory;         /* address space that they may add together, bytes */
    uint64_t pixels;         /* canvas x frames of all of them */
    uint64_t account_pixels; /* and of those of one account */
};

#define LANE_LIMITS_DEFAULT                                                                                            \
    {                                                                                                                  \
        10, 0, UINT64_C(4000000000), UINT64_C(2000000000)                                                              \
    } /* memory 0: half of the machine's */

struct lane_job {
    struct list node; /* of the lanes', while added */
    bool render, running;
    uint64_t account; /* 0: nobody's, counted in sum only */
    uint64_t memory, pixels;
};

struct lanes {
    struct lane_limits limits;
    uint32_t cores;
    size_t quick, renders, waiting;
    uint64_t memory, pixels;
    struct list quick_queue, render_queue, running;
};

void lanes_init(struct lanes *l, const struct lane_limits *limits, uint32_t cores);
void lanes_add(struct lanes *l, struct lane_job *j); /* j stays the caller's */
struct lane_job *lanes_next(struct lanes *l);        /* now running; NULL: nobody may for now */
void lanes_end(struct lanes *l, struct lane_job *j); /* of one that waits or runs */

#endif
