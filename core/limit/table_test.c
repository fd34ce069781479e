/* table_test.c: making and attaching; what a full table keeps, and that nobody gains by crowding it. */
#include "limit/limit_rig_int.h"

#include "limit/table_int.h"

static const enum limit_strategy all[] = {LIMIT_TOKEN_BUCKET, LIMIT_FIXED_WINDOW, LIMIT_SLIDING_WINDOW};

TEST(what_was_counted_is_there_for_whoever_attaches_next)
{
    struct rig r;
    struct limit_table other;
    rig_make(&r, 100);
    struct limit_policy p = rig_policy(LIMIT_TOKEN_BUCKET, 5, 60 * SECOND, 0);
    CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, 1), 5).allowed);
    CHECK(limit_table_attach(&other, r.memory, r.bytes, NULL) == 0);
    struct limit_answer a;
    struct limit_key key = limit_key_text(&other, "user", SLICE("1"));
    CHECK(limit_peek(&other, SECOND, &p, key, 1, &a) == 0 && !a.allowed);
    rig_free(&r);
}

TEST(another_layout_or_size_is_not_attached_to)
{
    struct rig r;
    struct limit_table t;
    struct err e;
    rig_make(&r, 100);
    CHECK(limit_table_attach(&t, r.memory, r.bytes - 1024, &e) == GIFD_ECORRUPT);
    r.table.head->layout++;
    CHECK(limit_table_attach(&t, r.memory, r.bytes, &e) == GIFD_ECORRUPT);
    r.table.head->layout--;
    CHECK(limit_table_attach(&t, r.memory, r.bytes, &e) == 0);
    r.table.head->magic = 0;
    CHECK(limit_table_attach(&t, r.memory, r.bytes, &e) == GIFD_ECORRUPT);
    CHECK(limit_table_init(&t, (char *)r.memory + 8, r.bytes - 1024, rig_seed, &e) == GIFD_EINVALID);
    CHECK(limit_table_init(&t, r.memory, limit_table_bytes(1) - 1, rig_seed, &e) == GIFD_EINVALID);
    rig_free(&r);
}

TEST(a_table_has_room_for_as_many_keys_as_it_was_asked_for)
{
    struct limit_stats stats;
    struct rig r;
    rig_make(&r, 1000);
    limit_stats(&r.table, 0, &stats);
    CHECK(stats.slots >= 1000 && stats.slots < 1000 + LIMIT__WAYS && stats.taken == 0);
    rig_free(&r);
}

/* Twice as many keys as slots: a tenth of them has used all of its quota, the others come once. */
TEST(a_full_table_keeps_the_limited_and_lets_newcomers_in)
{
    for (int s = 0; s < 3; s++) {
        struct rig r;
        struct limit_stats stats;
        enum { SLOTS = 1500, LIMITED = 150, KEYS = 3000 };
        rig_make(&r, SLOTS);
        struct limit_policy p = rig_policy(all[s], 20, 3600 * SECOND, 0);
        for (unsigned k = 0; k < LIMITED; k++) CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, k), 20).allowed);
        for (unsigned k = LIMITED; k < KEYS; k++) CHECK(rig_ask(&r, SECOND + k, &p, rig_key(&r, k), 1).allowed);
        limit_stats(&r.table, SECOND, &stats);
        CHECK(stats.taken > SLOTS * 95 / 100 && stats.evicted >= KEYS - SLOTS);
        for (unsigned k = 0; k < LIMITED; k++) {
            struct limit_answer a = rig_ask(&r, SECOND + KEYS, &p, rig_key(&r, k), 1);
            CHECK(!a.allowed && a.remaining == 0);
        }
        /* They are in the table: not merely refused because their row remembers somebody. */
        unsigned kept = 0;
        for (unsigned k = 0; k < LIMITED; k++) {
            struct limit_key key = rig_key(&r, k);
            uint64_t id[2] = {key.h[0] ^ p.id[0], key.h[1] ^ p.id[1]};
            kept += limit__find(limit__row_of(&r.table, id), id) >= 0;
        }
        CHECK(kept == LIMITED);
        rig_free(&r);
    }
}

TEST(windows_that_are_over_make_room_before_anybody_is_pushed_out)
{
    for (int s = 0; s < 3; s++) {
        struct rig r;
        struct limit_stats stats;
        rig_make(&r, 1);
        struct limit_policy p = rig_policy(all[s], 10, SECOND, 0);
        for (unsigned k = 0; k < 15; k++) CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, k), 10).allowed);
        for (unsigned k = 15; k < 30; k++) CHECK(rig_ask(&r, 5 * SECOND, &p, rig_key(&r, k), 10).allowed);
        limit_stats(&r.table, 5 * SECOND, &stats);
        CHECK(stats.evicted == 0 && stats.taken == 15);
        rig_free(&r);
    }
}

/* Forty keys of three strategies fight for fifteen slots. By the log of what each was granted, none ever got more than
 * its policy allows: whoever is pushed out comes back no richer. */
static void crowded(uint64_t seed)
{
    enum { KEYS = 40, STEPS = 20000 };
    static struct {
        uint64_t at[STEPS], cost[STEPS];
        size_t n;
    } granted[KEYS];
    memset(granted, 0, sizeof granted);
    struct rig r;
    struct limit_policy p[3];
    rig_make(&r, 1);
    for (int s = 0; s < 3; s++) p[s] = rig_policy(all[s], 30, 50 * SECOND * (uint64_t)(s + 1), 0);
    uint64_t now = 1000 * SECOND, admitted = 0;
    for (int i = 0; i < STEPS; i++) {
        unsigned k = (unsigned)rig_roll(&seed, KEYS), s = k % 3;
        uint64_t cost = 1 + rig_roll(&seed, 12), per = p[s].per_ns, sum = cost;
        now += rig_roll(&seed, SECOND / 10);
        if (!rig_ask(&r, now, &p[s], rig_key(&r, k), cost).allowed) continue;
        admitted++;
        granted[k].at[granted[k].n] = now;
        granted[k].cost[granted[k].n++] = cost;
        for (size_t j = granted[k].n - 1; j--;) {
            uint64_t age = now - granted[k].at[j];
            sum += granted[k].cost[j];
            if (s == 2 && age >= per) break;
            /* From any moment to now. Bucket: what it held and what has flowed in. Fixed: as many windows as touch it.
             */
            uint64_t most = s == 0 ? 30 + age * 30 / per + 1 : s == 1 ? 30 * (age / per + 2) : 30;
            CHECK(sum <= most);
        }
    }
    CHECK(admitted > STEPS / 100);
    rig_free(&r);
}

TEST(nobody_gains_by_pushing_keys_out)
{
    for (uint64_t seed = 1; seed <= 8; seed++) crowded(seed * 7919);
}

TEST(after_a_reset_a_key_does_not_pay_for_those_who_were_pushed_out)
{
    struct rig r;
    rig_make(&r, 1);
    struct limit_policy p = rig_policy(LIMIT_TOKEN_BUCKET, 10, 3600 * SECOND, 0);
    for (unsigned k = 0; k < 15; k++) CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, k), 8).allowed);
    CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, 15), 1).remaining == 9); /* pushes one out; was never out itself */
    CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, 18), 1).remaining <= 1); /* could be the one: begins where that stood */
    CHECK(limit_reset(&r.table, SECOND, &p, rig_key(&r, 16)) == 0);
    CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, 16), 10).allowed);
    /* The memory of the evicted ends with their windows. */
    CHECK(rig_ask(&r, 3601 * SECOND, &p, rig_key(&r, 17), 10).allowed);
    rig_free(&r);
}

TEST(keys_of_one_decision_do_not_push_each_other_out)
{
    struct rig r;
    rig_make(&r, 1);
    struct limit_policy p = rig_policy(LIMIT_FIXED_WINDOW, 100, 3600 * SECOND, 0);
    for (unsigned k = 0; k < 15; k++) CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, k), 1 + k / 3).allowed);
    struct limit_ask asks[LIMIT_ASKS_MAX];
    struct limit_answer a;
    for (unsigned i = 0; i < LIMIT_ASKS_MAX; i++) asks[i] = (struct limit_ask){&p, rig_key(&r, i % 2 ? i : 100 + i), 1};
    CHECK(limit_check(&r.table, SECOND, asks, LIMIT_ASKS_MAX, &a) == 0 && a.allowed);
    for (unsigned i = 0; i < LIMIT_ASKS_MAX; i++)
        CHECK(rig_ask(&r, SECOND, &p, asks[i].key, 0).remaining <= a.of[i].remaining);
    rig_free(&r);
}

TEST_MAIN()
