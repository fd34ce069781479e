/* tally_test.c: counts are exact, whoever adds, folds, evicts or dies meanwhile. */
#include "base/clock.h"
#include "base/tally.h"
#include "base/test.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is counted of an id by all keys that equal `key` in the bits of mask. */
static uint64_t peek(const struct tally *t, uint64_t key, uint64_t mask)
{
    struct tally_slot slots[TALLY_PROBE];
    uint64_t sum = 0;
    size_t n = tally_peek(t, key & TALLY_ID_MASK, slots);
    for (size_t i = 0; i < n; i++)
        if (((slots[i].key ^ key) & mask) == 0) sum += slots[i].count;
    return sum;
}

static void *shared(size_t n)
{
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

struct seen {
    size_t slots;
    struct tally_slot last;
};

static bool see(void *arg, const struct tally_slot *s)
{
    struct seen *seen = arg;
    seen->slots++;
    seen->last = *s;
    return true;
}

static struct seen look(struct tally *t)
{
    struct seen seen = {0};
    tally_each(t, see, &seen);
    return seen;
}

TEST(what_is_counted_of_one_id_by_many_keys_is_seen_as_one)
{
    struct tally *t = shared(tally_bytes());
    for (uint64_t above = 0; above < 8; above++) CHECK(tally_add(t, 5 | above << 40, 10, NULL) == GIFD_OK);
    CHECK(peek(t, 5, 0) == 80 && peek(t, 6, 0) == 0 && look(t).slots == 8);
    CHECK(peek(t, 5 | 3ull << 40, 7ull << 40) == 10 && peek(t, 5, 1ull << 42) == 40);
    CHECK(peek(t, 5 | 1ull << 50, 1ull << 50) == 0);
    munmap(t, tally_bytes());
}

TEST(what_is_added_is_seen)
{
    struct tally *t = shared(tally_bytes());
    struct err e;
    CHECK(peek(t, 7, 0) == 0 && look(t).slots == 0);
    CHECK(tally_add(t, 7, 1, &e) == GIFD_OK && tally_add(t, 7, 41, &e) == GIFD_OK &&
          tally_add(t, UINT64_MAX, 3, &e) == GIFD_OK);
    CHECK(peek(t, 7, 0) == 42 && peek(t, TALLY_ID_MASK, 0) == 3 && peek(t, 8, 0) == 0 && look(t).slots == 2);
    CHECK(tally_add(t, 0, 1, &e) == GIFD_EINVALID && tally_add(t, 1, 0, &e) == GIFD_EINVALID);
    munmap(t, tally_bytes());
}

TEST(a_slot_is_frozen_only_with_its_count_and_then_freed_for_others)
{
    struct tally *t = shared(tally_bytes());
    tally_add(t, 7, 5, NULL);
    uint32_t slot = look(t).last.slot;
    CHECK(!tally_freeze(t, slot, 4));
    tally_free(t, slot); /* not frozen: nothing happens */
    CHECK(peek(t, 7, 0) == 5);
    CHECK(tally_freeze(t, slot, 5) && tally_freeze(t, slot, 5));
    struct seen seen = look(t);
    CHECK(seen.slots == 1 && seen.last.frozen && seen.last.count == 0 && seen.last.key == 7);
    CHECK(tally_freeze(t, slot, seen.last.count)); /* as a reader does that was not told */
    CHECK(tally_add(t, 7, 2, NULL) == GIFD_OK);
    CHECK(peek(t, 7, 0) == 2 && look(t).slots == 2);
    tally_free(t, slot);
    seen = look(t);
    CHECK(seen.slots == 1 && seen.last.count == 2 && seen.last.slot != slot);
    munmap(t, tally_bytes());
}

TEST(a_slot_that_is_full_goes_on_in_another)
{
    struct tally *t = shared(tally_bytes());
    uint64_t n = 1ull << 32, sum = 0;
    for (int i = 0; i < 300; i++, sum += n) CHECK(tally_add(t, 7, n, NULL) == GIFD_OK);
    CHECK(peek(t, 7, 0) == sum && look(t).slots == 2);
    munmap(t, tally_bytes());
}

TEST(a_full_table_says_so_and_keeps_what_it_has)
{
    struct tally *t = shared(tally_bytes());
    struct err e;
    uint64_t refused = 0, taken = 0;
    for (uint64_t key = 1; key <= TALLY_SLOTS; key++) {
        int rc = tally_add(t, key, key, &e);
        CHECK(rc == GIFD_OK || rc == GIFD_EBUSY);
        *(rc == GIFD_OK ? &taken : &refused) += 1;
    }
    CHECK(refused > 0 && taken > TALLY_SLOTS / 2);
    CHECK(look(t).slots == taken);
    for (uint64_t key = 1; key <= TALLY_SLOTS; key++) {
        uint64_t n = peek(t, key, 0);
        CHECK(n == key || n == 0);
        taken -= n == key;
    }
    CHECK(taken == 0);
    munmap(t, tally_bytes());
}

/* Keys whose first slot is the same, so that they follow each other in it. */
#define KEYS 8

static void rivals(uint64_t keys[KEYS])
{
    struct tally *t = shared(tally_bytes());
    uint32_t wanted = 0;
    size_t n = 0;
    for (uint64_t key = 1; n < KEYS; key++) {
        tally_add(t, key, 1, NULL);
        struct seen seen = look(t);
        if (!n) wanted = seen.last.slot;
        if (seen.last.slot == wanted) keys[n++] = key;
        tally_freeze(t, seen.last.slot, 1);
        tally_free(t, seen.last.slot);
    }
    munmap(t, tally_bytes());
}

#define ADDERS 4

/* What a database would hold: a fold fills the other copy, then flips `now`: that is its commit. */
struct rows {
    uint64_t total[KEYS], mark[TALLY_SLOTS];
};

struct stage {
    uint64_t keys[KEYS];
    _Atomic uint64_t meant[ADDERS][KEYS], told[ADDERS][KEYS];
    _Atomic uint32_t now;
    _Atomic uint64_t folds, freed;
    struct rows rows[2];
};

struct fold {
    struct stage *stage;
    struct rows *next;
    struct tally_slot idle[256];
    size_t idle_count;
};

static bool fold_slot(void *arg, const struct tally_slot *s)
{
    struct fold *f = arg;
    for (size_t k = 0; k < KEYS; k++) {
        if (f->stage->keys[k] != s->key) continue;
        if (s->count > f->next->mark[s->slot]) {
            f->next->total[k] += s->count - f->next->mark[s->slot];
            f->next->mark[s->slot] = s->count;
        }
        if (f->idle_count < 256) f->idle[f->idle_count++] = *s;
    }
    return true;
}

static void commit(struct stage *st)
{
    atomic_store(&st->now, !st->now);
}

static struct rows *begin(struct stage *st)
{
    uint32_t now = atomic_load(&st->now);
    st->rows[!now] = st->rows[now];
    return &st->rows[!now];
}

static void fold(struct stage *st, struct tally *t)
{
    struct fold f = {.stage = st, .next = begin(st)};
    tally_each(t, fold_slot, &f);
    commit(st);
    st->folds++;
    for (size_t i = 0; i < f.idle_count; i++) {
        if (!tally_freeze(t, f.idle[i].slot, f.idle[i].count)) continue;
        begin(st)->mark[f.idle[i].slot] = 0;
        commit(st);
        tally_free(t, f.idle[i].slot);
        st->freed++;
    }
}

static pid_t reader(struct stage *st, struct tally *t)
{
    pid_t pid = fork();
    if (pid) return pid;
    for (;;) fold(st, t);
}

static pid_t adder(struct stage *st, struct tally *t, int me)
{
    pid_t pid = fork();
    if (pid) return pid;
    for (uint32_t i = 0;; i++) {
        int k = (int)(i / 50 + (uint32_t)me) % KEYS;
        st->meant[me][k]++;
        if (tally_add(t, st->keys[k], 1, NULL) == GIFD_OK)
            st->told[me][k]++;
        else
            st->meant[me][k]--;
    }
}

TEST(adds_that_returned_are_counted_once_whoever_is_killed)
{
    struct tally *t = shared(tally_bytes());
    struct stage *st = shared(sizeof *st);
    rivals(st->keys);
    pid_t pids[ADDERS + 1];
    for (int i = 0; i < ADDERS; i++) pids[i] = adder(st, t, i);
    pids[ADDERS] = reader(st, t);
    int kills = 0, status;
    for (uint64_t from = clock_mono_ns(); clock_mono_ns() - from < 2000000000u || st->freed < 100; kills++) {
        int who = kills % 3 == 0 ? ADDERS : kills % ADDERS;
        usleep(100 + (unsigned)(kills * 97 % 2900));
        kill(pids[who], SIGKILL);
        CHECK(waitpid(pids[who], &status, 0) == pids[who]);
        pids[who] = who == ADDERS ? reader(st, t) : adder(st, t, who);
    }
    for (int i = 0; i <= ADDERS; i++) {
        kill(pids[i], SIGKILL);
        CHECK(waitpid(pids[i], &status, 0) == pids[i]);
    }
    tally_mend(t);
    fold(st, t);
    fold(st, t);
    uint64_t told = 0, untold = 0;
    for (int k = 0; k < KEYS; k++) {
        uint64_t least = 0, most = 0, total = st->rows[st->now].total[k];
        for (int i = 0; i < ADDERS; i++) {
            least += st->told[i][k];
            most += st->meant[i][k];
        }
        CHECK(total >= least && total <= most); /* they differ by adds that were killed before they could tell */
        told += least;
        untold += most - least;
    }
    CHECK(untold <= (uint64_t)kills + ADDERS);
    CHECK(told > 1000 && st->freed >= 100 && st->folds > 100);
    munmap(st, sizeof *st);
    munmap(t, tally_bytes());
}

TEST_MAIN()
