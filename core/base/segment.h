/* segment.h: memory that all processes of a server share, and that outlives each of them.
 *
 *   DATA/segment    | head: magic, layout, boot id, epoch | connections, slots 0 .. 255 | epochs | tally | limits |
 * metrics | logs | askers | mapped MAP_SHARED by supervisor, workers, runner, and by commands that only look
 *
 * A later start takes the file over when magic, layout, size and boot id match, so that what was counted and not yet
 * written to rows survives the death of every process; else it is made anew with a new epoch. Opening with create
 * clears the slots: only a supervisor that starts does so (it holds the lock of the data directory), not one whose
 * program was replaced while its processes serve. All fields are atomics: any process, any thread. */
#ifndef GIFD_BASE_SEGMENT_H
#define GIFD_BASE_SEGMENT_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_SLOTS 256 /* of the processes that serve, and of earlier ones that still finish what they began */
#define SEGMENT_NAME_LEN 24
#define SEGMENT_BLAME_LEN 64                       /* with its NUL; longer texts are cut */
#define SEGMENT_LIMITS_BYTES ((size_t)4372 * 1024) /* a table of core/limit for 65,536 keys */

struct segment;   /* a process's own handle; a forked child inherits a copy with the same mapping */
struct tally;     /* tally.h */
struct askers;    /* asker.h */
struct epochs;    /* epoch.h */
struct metrics;   /* metric.h */
struct broadcast; /* broadcast.h */
struct levels;    /* levels.h */

/* GIFD_ENOTFOUND without create and file; GIFD_ECORRUPT without create when it is of another layout or boot. */
struct segment *segment_open(const char *path, bool create, struct err *e);
void segment_close(struct segment *s);           /* unmaps; the file stays. NULL is fine */
uint64_t segment_epoch(const struct segment *s); /* random, made with the file; never 0 */
struct tally *segment_tally(struct segment *s);
struct askers *segment_askers(struct segment *s); /* who asks, by the numbers in keys of the tally */
struct epochs *segment_epochs(struct segment *s); /* what was cached, and what has been taken back */
/* Zeros in a new file, for core/limit to lay out; aligned to a page. */
void *segment_limits(struct segment *s, size_t *bytes);
struct metrics *segment_metrics(struct segment *s);
struct broadcast *segment_broadcast(struct segment *s);
struct levels *segment_levels(struct segment *s);

/* Somebody wants to be told what plugins do, or which spans end, for so long from now on: a look costs one load when
 * nobody does. */
enum segment_news { SEGMENT_PLUGINS, SEGMENT_SPANS };
void segment_follow(struct segment *s, enum segment_news what, uint64_t ns);
bool segment_is_followed(const struct segment *s, enum segment_news what);

/* Slots, by the supervisor. */
void segment_slot_begin(struct segment *s, uint32_t slot, const char *name, int pid); /* counts its generation up */
void segment_slot_end(struct segment *s, uint32_t slot);                              /* zeroes its connections too */
uint64_t segment_slot_beat(const struct segment *s, uint32_t slot); /* clock_mono_ns of the last beat; 0: none yet */
void segment_slot_blame(const struct segment *s, uint32_t slot, char out[SEGMENT_BLAME_LEN]); /* "" when nothing runs */
struct segment_slot_view {
    char name[SEGMENT_NAME_LEN];
    int pid; /* 0: nobody */
    uint32_t generation, connections;
    uint64_t beat_ns;
};
void segment_slot_view(const struct segment *s, uint32_t slot, struct segment_slot_view *out);
_Atomic uint32_t *segment_connections(struct segment *s); /* SEGMENT_SLOTS numbers, by slot */

/* By the process of a slot, on its loop thread. segment_beat also tells this handle which slot is its own, for
 * segment_blame. */
void segment_beat(struct segment *s, uint32_t slot);
void segment_blame(struct segment *s, const char *what); /* what runs now ("plugin/hook"); NULL: nothing. Wait-free */
/* What stands still beside the loop: it is blamed, whatever runs meanwhile, until NULL. */
void segment_hold(struct segment *s, const char *what);

#endif
