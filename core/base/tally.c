/* tally.c: see tally.h.
 *
 *   slot.word   | leaving 1 | frozen 1 | age 22 | count 40 |      slot.key    0: nobody's
 *
 *   claim:   key 0 -> k (compare and swap)
 *   add:     read word, then key (must be k), then swap word for word + n. The swap fails if anything happened in
 * between: another add, a freeze, or a whole life of another key, which has another age. free:    frozen -> frozen and
 * leaving; key = 0; bit off; then word = next age, count 0
 *
 * A claim may come while a slot is leaving: it waits for the next age like everybody, and looks at the key again then.
 * A death while leaving is finished by tally_each, which sets the key to 0 once more before the next age begins, so a
 * claim in between is undone before it could count. `used` has a bit for each slot that may hold something, so that the
 * reader does not touch a megabyte each second; an adder sets it before it adds. A death at the wrong instruction can
 * leave a slot taken or leaving without its bit: no count is lost by that, only the slot, until tally_mend. */
#include "base/tally.h"

#include <stdatomic.h>

#define COUNT_BITS 40
#define AGE_ONE (1ull << COUNT_BITS)
#define AGE_MASK (((1ull << 22) - 1) << COUNT_BITS)
#define FROZEN (1ull << 62)
#define LEAVING (1ull << 63)

struct tally_cell {
    _Atomic uint64_t key, word;
};

struct tally {
    _Alignas(64) _Atomic uint64_t used[TALLY_SLOTS / 64];
    struct tally_cell cells[TALLY_SLOTS];
};

size_t tally_bytes(void)
{
    return sizeof(struct tally);
}

static uint32_t first_slot(uint64_t key)
{
    key &= TALLY_ID_MASK; /* all that is counted of one thing lies together */
    key *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(key >> 32) % TALLY_SLOTS & ~3u; /* a line of 64 bytes holds four */
}

static uint32_t nth_slot(uint32_t first, uint32_t i)
{
    return (first + i) % TALLY_SLOTS;
}

static void mark_used(struct tally *t, uint32_t slot)
{
    uint64_t bit = 1ull << slot % 64;
    if (!(atomic_load(&t->used[slot / 64]) & bit)) atomic_fetch_or(&t->used[slot / 64], bit);
}

/* False: this slot is not (or no longer) one that key can be added to. */
static bool add_here(struct tally *t, uint32_t slot, uint64_t key, uint64_t n)
{
    struct tally_cell *c = &t->cells[slot];
    uint64_t word = atomic_load(&c->word);
    do {
        if (word & (FROZEN | LEAVING) || (word & TALLY_COUNT_MAX) > TALLY_COUNT_MAX - n) return false;
        if (atomic_load(&c->key) != key) return false;
        mark_used(t, slot);
    } while (!atomic_compare_exchange_weak(&c->word, &word, word + n));
    return true;
}

static bool claim(struct tally *t, uint32_t slot, uint64_t key)
{
    uint64_t nobody = 0;
    if (atomic_load(&t->cells[slot].word) & (FROZEN | LEAVING)) return false;
    return atomic_compare_exchange_strong(&t->cells[slot].key, &nobody, key);
}

static bool add(struct tally *t, uint64_t key, uint64_t n, uint32_t probe)
{
    uint32_t first = first_slot(key);
    for (uint32_t i = 0; i < probe; i++) {
        uint32_t slot = nth_slot(first, i);
        if (atomic_load_explicit(&t->cells[slot].key, memory_order_relaxed) == key && add_here(t, slot, key, n))
            return true;
    }
    for (uint32_t i = 0; i < probe; i++) {
        uint32_t slot = nth_slot(first, i);
        if (atomic_load_explicit(&t->cells[slot].key, memory_order_relaxed) == 0 && claim(t, slot, key) &&
            add_here(t, slot, key, n))
            return true;
    }
    return false;
}

int tally_add(struct tally *t, uint64_t key, uint64_t n, struct err *e)
{
    if (!key || !n || n > 1ull << 32)
        return err_set(e, GIFD_EINVALID, "a tally counts 1 to 2^32 for a key that is not 0");
    if (add(t, key, n, TALLY_PROBE)) return GIFD_OK;
    return err_set(e, GIFD_EBUSY, "the %d slots for this key are taken", TALLY_PROBE);
}

bool tally_add_few(struct tally *t, uint64_t key)
{
    return key && add(t, key, 1, TALLY_PROBE_FEW);
}

/* What a slot holds for an id; n 0: nothing. */
static uint64_t held(const struct tally_cell *c, uint64_t id, uint64_t *key)
{
    uint64_t word = atomic_load(&c->word);
    for (;;) {
        *key = atomic_load(&c->key);
        if ((*key & TALLY_ID_MASK) != id) return 0;
        uint64_t again = atomic_load(&c->word);
        if (!((again ^ word) & AGE_MASK)) return again & (FROZEN | LEAVING) ? 0 : again & TALLY_COUNT_MAX;
        word = again; /* freed and claimed while we looked */
    }
}

size_t tally_peek(const struct tally *t, uint64_t id, struct tally_slot out[TALLY_PROBE])
{
    size_t n = 0;
    uint32_t first = first_slot(id);
    for (uint32_t i = 0; id && i < TALLY_PROBE; i++) {
        struct tally_slot *s = &out[n];
        s->slot = nth_slot(first, i);
        s->frozen = false;
        s->count = held(&t->cells[s->slot], id, &s->key);
        n += s->count > 0;
    }
    return n;
}

static void leave(struct tally *t, uint32_t slot)
{
    struct tally_cell *c = &t->cells[slot];
    uint64_t word = atomic_fetch_or(&c->word, LEAVING);
    atomic_store(&c->key, 0);
    atomic_fetch_and(&t->used[slot / 64], ~(1ull << slot % 64));
    atomic_store(&c->word, (word + AGE_ONE) & AGE_MASK);
}

void tally_each(struct tally *t, bool (*fn)(void *arg, const struct tally_slot *s), void *arg)
{
    for (uint32_t group = 0; group < TALLY_SLOTS / 64; group++) {
        for (uint64_t bits = atomic_load(&t->used[group]); bits; bits &= bits - 1) {
            uint32_t slot = group * 64 + (uint32_t)__builtin_ctzll(bits);
            uint64_t word = atomic_load(&t->cells[slot].word);
            if (word & LEAVING) {
                leave(t, slot);
                continue;
            }
            struct tally_slot s = {slot, word & FROZEN, atomic_load(&t->cells[slot].key), 0};
            if (!s.frozen) s.count = word & TALLY_COUNT_MAX;
            if (s.key && !fn(arg, &s)) return;
        }
    }
}

void tally_mend(struct tally *t)
{
    for (uint32_t slot = 0; slot < TALLY_SLOTS; slot++) {
        uint64_t word = atomic_load(&t->cells[slot].word);
        if (word & LEAVING)
            leave(t, slot);
        else if (atomic_load(&t->cells[slot].key))
            mark_used(t, slot);
    }
}

bool tally_freeze(struct tally *t, uint32_t slot, uint64_t count)
{
    if (slot >= TALLY_SLOTS) return false;
    uint64_t word = atomic_load(&t->cells[slot].word);
    while (!(word & FROZEN)) {
        if ((word & TALLY_COUNT_MAX) != count) return false;
        if (atomic_compare_exchange_weak(&t->cells[slot].word, &word, word | FROZEN)) return true;
    }
    return true;
}

void tally_free(struct tally *t, uint32_t slot)
{
    if (slot < TALLY_SLOTS && atomic_load(&t->cells[slot].word) & FROZEN) leave(t, slot);
}
