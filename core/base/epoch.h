/* epoch.h: "what was read before this moment is no longer true", told to all processes by one number in shared memory.
 *
 *   raise(tag): takes the next number, writes it into the tag's slot          now(): the last number given out
 *   something derived from tags is valid while no slot of them holds more than now() had been before it was begun
 *
 * So a raise is in effect everywhere when it returns, without a message, and what was begun before a raise and finished
 * after it is not valid either. Two tags may share a slot: that ends too much, never too little. Wait-free for readers,
 * lock-free for raisers; any thread of any process. */
#ifndef GIFD_BASE_EPOCH_H
#define GIFD_BASE_EPOCH_H

#include "base/slice.h"

#include <stdatomic.h>
#include <stdint.h>

#define EPOCH_SLOTS 16384

struct epochs { /* zeroed memory is a valid start */
    _Alignas(64) _Atomic uint64_t last;
    _Alignas(64) _Atomic uint64_t slot[EPOCH_SLOTS];
};

uint64_t epochs_now(const struct epochs *e);
void epochs_raise(struct epochs *e, struct slice tag);
uint32_t epochs_slot(struct slice tag);

static inline bool epochs_raised(const struct epochs *e, uint32_t slot, uint64_t since)
{
    return atomic_load_explicit(&e->slot[slot], memory_order_acquire) > since;
}

#endif
