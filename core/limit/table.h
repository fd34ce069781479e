/* table.h: who has used how much, in memory that all processes of a server share.
 *
 * Bounded, open-addressed, without timers. It lies in memory that the caller gives (64-byte aligned, mapped shared) and
 * outlives every process that uses it; what it remembers survives a reload and the death of any process.
 *
 *   | head: magic, layout, hash key, counts | row 0 | row 1 | ... |
 *   row (1 KB):  | lock, 15 tags, ghosts | slot | slot | ... 15 of 64 bytes |
 *
 * A key is a 128-bit SipHash (key.h) mixed with the policy's fingerprint: what two keys share is nothing, and the same
 * key under two policies (or under one whose numbers were changed) is two. It lies in one of the 15 slots of its row.
 *
 * Locks. One word per row names its owner (process id and start time). Rows are taken in the order of their addresses,
 * so that no two decisions wait for each other in a ring. A waiter spins, then yields, and looks up now and then
 * whether the owner still lives; a dead owner's lock is taken over by compare and swap. A stopped but living owner is
 * waited for LIMIT_WAIT_MS at most, then the decision fails with GIFD_EBUSY.
 *
 * Death. A process may be killed between any two stores. Every step is ordered such that whatever has been stored by
 * then counts at least as much as before, and a request is let in only after all of its stores: what is lost by a death
 * is at most the quota that the dead process had charged for a request that it did not serve. It is never the other way
 * round.
 *
 * Eviction. A key that arrives in a full row takes, in this order: a slot whose key is as good as untouched (bucket
 * full, window over), else the slot of the key that has used the smallest share of its quota. What such a key had used
 * stays with the row as a ghost: while the ghost lives, new keys of the row start with that share used. So no key gains
 * anything by pushing itself or others out, however small the table; the price of a table too small for its active keys
 * is that new keys start with part of their quota used. limit_stats tells how often that happens: give the table more
 * slots.
 *
 * All processes must see each other's process ids (one pid namespace) and use one monotonic clock. */
#ifndef GIFD_LIMIT_TABLE_H
#define GIFD_LIMIT_TABLE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

#define LIMIT_WAIT_MS 100
#define LIMIT_SLOTS_MAX (1u << 26)

/* One process's view of the table. Owned by the caller; read-only after attach, so any thread. A forked child must
 * attach again before its first decision: the view holds the process's name for the locks. */
struct limit_table {
    struct limit__head *head;
    struct limit__row *rows;
    uint64_t count; /* of rows */
    uint64_t seed[2];
    uint64_t self; /* what this process writes into a lock */
};

/* Bytes for at least this many slots. A table works best with 1.5 slots for each key in use at one time. */
size_t limit_table_bytes(size_t slots);

/* Makes an empty table and attaches to it. Nobody else may be attached. seed: 16 random bytes; whoever knows them can
 * choose keys that crowd one row. GIFD_EINVALID: memory too small, too large or not aligned. */
int limit_table_init(struct limit_table *t, void *memory, size_t bytes, const uint64_t seed[2], struct err *e);
/* Attaches to one that is there. GIFD_ECORRUPT: not a table, or of another layout or size. */
int limit_table_attach(struct limit_table *t, void *memory, size_t bytes, struct err *e);

/* Forgets everybody, row by row. GIFD_EBUSY: a row stayed locked; the others are cleared. */
int limit_clear(const struct limit_table *t);

struct limit_stats {
    uint64_t slots;   /* there are */
    uint64_t taken;   /* hold a key */
    uint64_t active;  /* hold a key that has used some of its quota at now_ns */
    uint64_t evicted; /* active keys pushed out since the table was made */
    uint64_t stolen;  /* locks taken over from the dead */
    uint64_t busy;    /* decisions given up after LIMIT_WAIT_MS */
};
/* Looks at every row without locking: a picture, not a balance. */
void limit_stats(const struct limit_table *t, uint64_t now_ns, struct limit_stats *out);

#endif
