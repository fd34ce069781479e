/* limit_rig_int.h: what this room's tests share: a table in shared memory, policies in one line, a repeatable die. */
#ifndef GIFD_LIMIT_RIG_INT_H
#define GIFD_LIMIT_RIG_INT_H

#include "base/test.h"
#include "limit/limit.h"

#include <stdio.h>
#include <sys/mman.h>

#define SECOND 1000000000ull

static const uint64_t rig_seed[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

struct rig {
    struct limit_table table;
    void *memory;
    size_t bytes;
};

static inline void rig_make(struct rig *r, size_t slots)
{
    r->bytes = limit_table_bytes(slots);
    r->memory = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(r->memory != MAP_FAILED);
    CHECK(limit_table_init(&r->table, r->memory, r->bytes, rig_seed, NULL) == 0);
}

static inline void rig_free(struct rig *r)
{
    munmap(r->memory, r->bytes);
}

static inline struct limit_policy rig_policy(enum limit_strategy strategy, uint64_t rate, uint64_t per_ns,
                                             uint64_t burst)
{
    struct limit_policy p = {.name = "p", .strategy = strategy, .rate = rate, .per_ns = per_ns, .burst = burst};
    struct err e;
    CHECK(limit_policy_prepare(&p, &e) == 0);
    return p;
}

static inline struct limit_key rig_key(struct rig *r, unsigned i)
{
    char name[16];
    int n = snprintf(name, sizeof name, "%u", i);
    return limit_key_text(&r->table, "user", slice_of(name, (size_t)n));
}

static inline struct limit_answer rig_ask(struct rig *r, uint64_t now, const struct limit_policy *p,
                                          struct limit_key key, uint64_t cost)
{
    struct limit_answer a;
    CHECK(limit_check(&r->table, now, &(struct limit_ask){p, key, cost}, 1, &a) == 0);
    return a;
}

static inline uint64_t rig_roll(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
    return (*state >> 11) % below;
}

#endif
