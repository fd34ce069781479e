/* tally.h: exact counts in shared memory, folded into rows by one reader.
 *
 *   any process: tally_add(key, 1)         the runner, each second, in one transaction:
 *                                            for each slot with count > mark:
 *   slot: | key | state, age, count |            row(key) += count - mark;  marks(epoch, slot, key) = count
 *
 * A slot's count only grows until the slot is freed, and the mark says how much of it is in the row already. Both
 * change in one transaction, so a runner that dies between any two steps neither loses nor doubles.
 *
 * Freeing an idle slot: tally_freeze(slot, count) where count is the mark just written: nobody can add to it from then
 * on (adds to the key go to another slot, so a key may have several). Then the row of marks is deleted, committed; then
 * tally_free. A death in between leaves a frozen slot: the next runner sees it in tally_each with the same count,
 * freezes again (which says yes), deletes (nothing), frees. A death within tally_free is finished by the next
 * tally_each. Danger that this order avoids: a mark deleted while somebody can still add would make the whole count
 * look new. What stays: if the mark is deleted and the runner dies before tally_free, the slot is frozen, has a count
 * and no mark. So a frozen slot must never be folded: its count is in its row already, by the rule above.
 *
 * Adds are lock-free and wait for nobody. tally_each, tally_freeze and tally_free are for one process at a time. */
#ifndef GIFD_BASE_TALLY_H
#define GIFD_BASE_TALLY_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_SLOTS 65536
#define TALLY_PROBE 64                     /* slots that a key may lie in */
#define TALLY_COUNT_MAX ((1ull << 40) - 1) /* of one slot; then the key goes on in another */

struct tally;             /* zeroed memory is an empty tally */
size_t tally_bytes(void); /* its size, for whoever maps it; 64-byte aligned */

/* key: not 0; n: 1 .. 2^32. GIFD_EBUSY when the slots of this key are taken: write the row instead. */
int tally_add(struct tally *t, uint64_t key, uint64_t n, struct err *e);
/* What all unfrozen slots of a key hold; what is in the row already included (subtract the marks). */
uint64_t tally_peek(const struct tally *t, uint64_t key);

struct tally_slot {
    uint32_t slot;
    bool frozen; /* its whole count is in the row already: only free it */
    uint64_t key, count;
};
/* Calls fn for each slot in use until it returns false. */
void tally_each(struct tally *t, bool (*fn)(void *arg, const struct tally_slot *s), void *arg);
/* True when the slot holds exactly this count and can no longer change. */
bool tally_freeze(struct tally *t, uint32_t slot, uint64_t count);
void tally_free(struct tally *t, uint32_t slot); /* a frozen one */

#endif
