/* table_int.h: the layout in shared memory, and how a row is held. Only core/limit includes this. */
#ifndef GIFD_LIMIT_TABLE_INT_H
#define GIFD_LIMIT_TABLE_INT_H

#include "limit/table.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define LIMIT__MAGIC 0x316d696c64666967ull
#define LIMIT__LAYOUT 1 /* anything below that changes its meaning counts this up */
#define LIMIT__WAYS 15
#define LIMIT__LEVEL_FULL UINT32_MAX

/* A place where a death is tested: limit_crash_test.c kills its process at each of them in turn. The compiler may not
 * move a store across it. */
#ifndef LIMIT__MARK
#define LIMIT__MARK() atomic_signal_fence(memory_order_seq_cst)
#endif

enum limit__kind { LIMIT__BUCKET, LIMIT__FIXED, LIMIT__SLIDING8, LIMIT__SLIDING16, LIMIT__SLIDING32, LIMIT__SLIDING64 };

/* One key. `until`: from then on the key is as good as untouched. `span`: what a full use of the quota is, in ns for a
 * bucket, in units for a window; with `kind` it lets eviction judge a slot without its policy. */
struct limit__slot {
    uint64_t id[2];
    uint64_t until;
    uint64_t span_kind; /* span << 8 | kind */
    union {
        uint64_t n64[4];
        uint32_t n32[8];
        uint16_t n16[16];
        uint8_t n8[32];
    } u; /* bucket.c, window.c */
};

/* tag 0: nobody. A ghost is the most that evicted keys had used (level, a share of LIMIT__LEVEL_FULL) and when the last
 * of that is over; two of them, so that many light keys do not prolong the memory of a heavy one. */
struct limit__row {
    _Atomic uint64_t lock; /* pid << 32 | start time; 0: free */
    uint64_t ghost_until[2];
    uint32_t ghost_level[2];
    uint16_t tag[LIMIT__WAYS];
    uint16_t spare;
    struct limit__slot slot[LIMIT__WAYS];
} __attribute__((aligned(64)));

struct limit__head {
    uint64_t magic, layout, bytes, count;
    uint64_t seed[2];
    uint64_t spare[2];
    _Atomic uint64_t evicted, stolen, busy;
    uint64_t fill[128 - 11]; /* rows start at a kilobyte, so that none crosses a page */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct limit__slot) == 64, "a slot is one cache line");
_Static_assert(sizeof(struct limit__row) == 1024, "a row is sixteen cache lines");
_Static_assert(sizeof(struct limit__head) == 1024, "the head is as large as a row");

static inline struct limit__row *limit__row_of(const struct limit_table *t, const uint64_t id[2])
{
    return t->rows + (uint64_t)((unsigned __int128)id[0] * t->count >> 64);
}

/* Two ways that a key prefers (they may be one), so that nearly all are found where they were prefetched. */
static inline unsigned limit__home(const uint64_t id[2], int i)
{
    return (unsigned)((id[1] >> (16 * i) & 0xffff) * LIMIT__WAYS >> 16);
}

static inline uint16_t limit__tag(const uint64_t id[2])
{
    uint16_t tag = (uint16_t)(id[1] >> 48);
    return tag ? tag : 1;
}

int limit__enter_slow(const struct limit_table *t, struct limit__row *row);

/* Takes the row; GIFD_EBUSY after LIMIT_WAIT_MS. Not recursive. */
static inline int limit__enter(const struct limit_table *t, struct limit__row *row)
{
    uint64_t nobody = 0;
    int rc = 0;
    if (!atomic_compare_exchange_strong_explicit(&row->lock, &nobody, t->self, memory_order_acquire,
                                                 memory_order_relaxed))
        rc = limit__enter_slow(t, row);
    LIMIT__MARK();
    return rc;
}

static inline void limit__leave(struct limit__row *row)
{
    LIMIT__MARK();
    atomic_store_explicit(&row->lock, 0, memory_order_release);
    LIMIT__MARK();
}

static inline bool limit__is(const struct limit__row *row, unsigned way, const uint64_t id[2])
{
    return row->slot[way].id[0] == id[0] && row->slot[way].id[1] == id[1];
}

/* The way of a key in a held row, or -1. */
static inline int limit__find(const struct limit__row *row, const uint64_t id[2])
{
    uint16_t tag = limit__tag(id);
    /* Which of its homes a key lives in cannot be foretold: choose without a branch, for it would be a wrong one. */
    unsigned first = limit__home(id, 0), second = limit__home(id, 1);
    unsigned home = row->tag[first] == tag ? first : second;
    if (row->tag[home] == tag && limit__is(row, home, id)) return (int)home;
    for (unsigned way = 0; way < LIMIT__WAYS; way++)
        if (row->tag[way] == tag && limit__is(row, way, id)) return (int)way;
    return -1;
}

/* A way for a new key in a held row, empty from now on: nobody's until limit__publish. `pinned`: bits of ways that must
 * stay (fewer than all). */
unsigned limit__claim(const struct limit_table *t, struct limit__row *row, const uint64_t id[2], uint64_t now,
                      unsigned pinned);
static inline void limit__publish(struct limit__row *row, unsigned way)
{
    LIMIT__MARK();
    row->tag[way] = limit__tag(row->slot[way].id);
    LIMIT__MARK();
}

/* What a slot has used at `now`, as a share of LIMIT__LEVEL_FULL rounded up; bucket.c and window.c for their own kinds.
 */
uint32_t limit__level(const struct limit__slot *s, uint64_t now);
/* The share of a count: rounded up here, down in limit__unshare, which together give back the same count. */
static inline uint32_t limit__share(uint64_t used, uint64_t of)
{
    if (used >= of) return LIMIT__LEVEL_FULL;
    return (uint32_t)(((unsigned __int128)used * LIMIT__LEVEL_FULL + of - 1) / of);
}
static inline uint64_t limit__unshare(uint32_t level, uint64_t of)
{
    return (uint64_t)((unsigned __int128)level * of / LIMIT__LEVEL_FULL);
}

#endif
