/* tally.h: exact counts in shared memory, folded into rows by one reader.
 *
 *   any process: tally_add(key, 1)         the runner, each second, in one transaction:
 *                                            for each slot with count > mark:
 *   slot: | key | state, age, count |            row(key) += count - mark;  marks(epoch, slot, key) = count
 *
 * A slot's count only grows until the slot is freed, and the mark says how much of it is in the row already. Both
 * change in one transaction, so a runner that dies between any two steps neither loses nor doubles.
 *
 * Freeing an idle slot: tally_freeze(slot, count) where count is its mark: nobody can add to it from then on (adds to
 * the key go to another slot, so a key may have several). Then its row of marks is deleted, committed; then tally_free.
 * A death between the last two leaves a slot with a count and no mark, which must not be taken for new: a frozen slot's
 * count is in its row already, so tally_each shows it with count 0, and freezing it again says yes. A death within
 * tally_free is finished by the next tally_each.
 *
 * Adds are lock-free and wait for nobody. tally_each, tally_freeze and tally_free are for one process at a time. */
#ifndef GIFD_BASE_TALLY_H
#define GIFD_BASE_TALLY_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_SLOTS 65536
#define TALLY_PROBE 128 /* slots that a key may lie in */
#define TALLY_PROBE_FEW 64
#define TALLY_ID_MASK ((1ull << 40) - 1)   /* of a key: what is counted; above it, told apart by what */
#define TALLY_COUNT_MAX ((1ull << 40) - 1) /* of one slot; then the key goes on in another */

struct tally;             /* zeroed memory is an empty tally */
size_t tally_bytes(void); /* its size, for whoever maps it; 64-byte aligned */

/* key: not 0; n: 1 .. 2^32. GIFD_EBUSY when the slots of this key are taken: write the row instead. */
int tally_add(struct tally *t, uint64_t key, uint64_t n, struct err *e);
/* Adds 1 if there is room in the first TALLY_PROBE_FEW of its slots: the rest is for keys that must find some. */
bool tally_add_few(struct tally *t, uint64_t key);

struct tally_slot {
    uint32_t slot;
    bool frozen;
    uint64_t key, count; /* count 0 when frozen: nothing left to fold */
};
/* The unfrozen slots of all keys with this id (their low 40 bits) -> how many; what is in the row already included
 * (subtract the marks). */
size_t tally_peek(const struct tally *t, uint64_t id, struct tally_slot out[TALLY_PROBE]);
/* Calls fn for each slot in use until it returns false. */
void tally_each(struct tally *t, bool (*fn)(void *arg, const struct tally_slot *s), void *arg);
/* While nobody else uses it: finishes what deaths left undone. segment_open does it when it takes a file over. */
void tally_mend(struct tally *t);
/* True when the slot held exactly this count, or was frozen before: it can no longer change. */
bool tally_freeze(struct tally *t, uint32_t slot, uint64_t count);
void tally_free(struct tally *t, uint32_t slot); /* a frozen one, after its mark is gone */

#endif
