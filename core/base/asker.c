/* asker.c: see asker.h.
 *
 *   entry.word   | age 32 | length 16 | state 8 |
 *
 * A text is read between two looks at the word, and counts when both were the same. */
#include "base/asker.h"

#include <stdatomic.h>
#include <string.h>

#define PROBE 16

enum state { FREE, WRITING, HERE, LEAVING };

struct entry {
    _Atomic uint64_t word, hash;
    _Atomic uint32_t idle; /* rounds in which no key held it; the sweeper's */
    char text[ASKER_TEXT_MAX];
    char rest[12]; /* 512 bytes */
};

struct askers {
    struct entry entries[ASKERS];
};

static uint64_t word_of(uint32_t age, size_t n, enum state state)
{
    return (uint64_t)age << 32 | (uint64_t)n << 8 | state;
}

static enum state state_of(uint64_t word)
{
    return (enum state)(word & 255);
}

static size_t length_of(uint64_t word)
{
    return word >> 8 & 0xffff;
}

size_t askers_bytes(void)
{
    return sizeof(struct askers);
}

uint64_t askers_hash(uint64_t seed, struct slice text)
{
    uint64_t h = seed ^ text.n * 0x9e3779b97f4a7c15u, part;
    size_t i = 0;
    for (; i + 8 <= text.n; i += 8) {
        memcpy(&part, text.p + i, 8);
        h = (h ^ part) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    part = 0;
    if (i < text.n) memcpy(&part, text.p + i, text.n - i);
    h = (h ^ part) * 0xc4ceb9fe1a85ec53u;
    h ^= h >> 29;
    h *= seed | 1;
    return h ^ h >> 32;
}

static bool is(const struct entry *x, uint64_t word, uint64_t hash, struct slice text)
{
    return state_of(word) == HERE && length_of(word) == text.n && atomic_load(&x->hash) == hash &&
           memcmp(x->text, text.p, text.n) == 0 && atomic_load(&x->word) == word;
}

static bool take(struct entry *x, uint64_t word, uint64_t hash, struct slice text)
{
    uint32_t age = (uint32_t)(word >> 32);
    uint64_t writing = word_of(age, 0, WRITING);
    if (!atomic_compare_exchange_strong(&x->word, &word, writing)) return false;
    atomic_store(&x->idle, 0);
    atomic_store(&x->hash, hash);
    memcpy(x->text, text.p, text.n);
    return atomic_compare_exchange_strong(&x->word, &writing, word_of(age, text.n, HERE));
}

uint32_t askers_number(struct askers *t, uint64_t hash, struct slice text, uint32_t *age)
{
    uint32_t first = (uint32_t)(hash >> 32) % (ASKERS - ASKERS_OWN), room = 0;
    uint64_t was = 0;
    if (text.n > ASKER_TEXT_MAX) return 0;
    for (uint32_t i = 0; i < PROBE; i++) {
        uint32_t number = ASKERS_OWN + (first + i) % (ASKERS - ASKERS_OWN);
        uint64_t word = atomic_load(&t->entries[number].word);
        if (is(&t->entries[number], word, hash, text)) {
            *age = (uint32_t)(word >> 32);
            return number;
        }
        if (!room && state_of(word) == FREE) room = number, was = word;
    }
    if (!room || !take(&t->entries[room], was, hash, text)) return 0; /* the next who asks so gets another */
    *age = (uint32_t)(was >> 32);
    return room;
}

bool askers_here(const struct askers *t, uint32_t number, uint32_t age)
{
    uint64_t word = atomic_load_explicit(&t->entries[number].word, memory_order_acquire);
    return word >> 32 == age && state_of(word) == HERE;
}

size_t askers_text(const struct askers *t, uint32_t number, char out[ASKER_TEXT_MAX])
{
    if (number < ASKERS_OWN || number >= ASKERS) return 0;
    const struct entry *x = &t->entries[number];
    for (int tries = 0; tries < 4; tries++) {
        uint64_t word = atomic_load(&x->word);
        if (state_of(word) < HERE) return 0;
        memcpy(out, x->text, length_of(word));
        if (!((atomic_load(&x->word) ^ word) >> 8)) return length_of(word); /* it may have begun to leave */
    }
    return 0;
}

static void next_state(struct entry *x, uint64_t word)
{
    uint32_t age = (uint32_t)(word >> 32);
    uint64_t next = state_of(word) == HERE ? word_of(age, length_of(word), LEAVING) : word_of(age + 1, 0, FREE);
    atomic_store(&x->idle, 0);
    atomic_compare_exchange_strong(&x->word, &word, next);
}

void askers_sweep(struct askers *t, const uint64_t used[ASKERS / 64])
{
    for (uint32_t number = ASKERS_OWN; number < ASKERS; number++) {
        struct entry *x = &t->entries[number];
        uint64_t word = atomic_load_explicit(&x->word, memory_order_relaxed);
        if (state_of(word) == FREE) continue;
        if (used[number / 64] >> number % 64 & 1)
            atomic_store_explicit(&x->idle, 0, memory_order_relaxed);
        else if (atomic_fetch_add_explicit(&x->idle, 1, memory_order_relaxed) + 1 >= ASKER_ROUNDS)
            next_state(x, word);
    }
}
