/* limit_test.c: the three strategies at their borders and against slow models; several keys in one step; header fields.
 */
#include "limit/limit_rig_int.h"

#include <stdlib.h>

static const enum limit_strategy all[] = {LIMIT_TOKEN_BUCKET, LIMIT_FIXED_WINDOW, LIMIT_SLIDING_WINDOW};

TEST(exactly_the_limit_is_admitted_and_not_one_more)
{
    for (int s = 0; s < 3; s++) {
        struct rig r;
        rig_make(&r, 100);
        struct limit_policy p = rig_policy(all[s], 20, SECOND, 0);
        for (uint64_t i = 0; i < 20; i++) {
            struct limit_answer a = rig_ask(&r, SECOND, &p, rig_key(&r, 1), 1);
            CHECK(a.allowed && a.remaining == 19 - i && a.retry_ns == 0 && !a.never);
        }
        struct limit_answer a = rig_ask(&r, SECOND, &p, rig_key(&r, 1), 1);
        CHECK(!a.allowed && !a.never && a.remaining == 0 && a.retry_ns > 0 && a.retry_ns <= SECOND + SECOND / 15);
        CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, 2), 20).allowed);
        rig_free(&r);
    }
}

TEST(a_bucket_fills_evenly_and_a_burst_is_its_size)
{
    struct rig r;
    rig_make(&r, 100);
    struct limit_policy p = rig_policy(LIMIT_TOKEN_BUCKET, 6, SECOND, 20);
    struct limit_key k = rig_key(&r, 1);
    CHECK(rig_ask(&r, SECOND, &p, k, 10).remaining == 10);
    CHECK(rig_ask(&r, SECOND, &p, k, 10).remaining == 0);
    /* Half a second later there are three. */
    CHECK(rig_ask(&r, SECOND + SECOND / 2, &p, k, 0).remaining == 3);
    struct limit_answer a = rig_ask(&r, SECOND + SECOND / 2, &p, k, 4);
    CHECK(!a.allowed && a.remaining == 3 && a.retry_ns >= SECOND / 6 && a.retry_ns <= SECOND / 6 + 2);
    CHECK(rig_ask(&r, SECOND + SECOND / 2 + a.retry_ns, &p, k, 4).allowed);
    CHECK(rig_ask(&r, 10 * SECOND, &p, k, 0).remaining == 20);
    CHECK(rig_ask(&r, 10 * SECOND, &p, k, 0).reset_ns == 0);
    rig_free(&r);
}

TEST(a_fixed_window_begins_with_the_first_charge_and_is_full_again_at_its_end)
{
    struct rig r;
    rig_make(&r, 100);
    struct limit_policy p = rig_policy(LIMIT_FIXED_WINDOW, 3, SECOND, 0);
    struct limit_key k = rig_key(&r, 1);
    uint64_t t = 7 * SECOND + 123;
    CHECK(rig_ask(&r, t, &p, k, 3).allowed);
    struct limit_answer a = rig_ask(&r, t + SECOND - 1, &p, k, 1);
    CHECK(!a.allowed && a.retry_ns == 1 && a.reset_ns == 1);
    a = rig_ask(&r, t + SECOND, &p, k, 0);
    CHECK(a.allowed && a.remaining == 3 && a.reset_ns == 0);
    CHECK(rig_ask(&r, t + SECOND, &p, k, 3).allowed);
    rig_free(&r);
}

TEST(a_sliding_window_waits_until_enough_has_left_not_only_the_oldest)
{
    struct rig r;
    rig_make(&r, 100);
    struct limit_policy p = rig_policy(LIMIT_SLIDING_WINDOW, 10, 31 * SECOND, 0);
    struct limit_key k = rig_key(&r, 1);
    CHECK(p.resolution == 31);
    CHECK(rig_ask(&r, 100 * SECOND, &p, k, 1).allowed);
    CHECK(rig_ask(&r, 105 * SECOND, &p, k, 8).allowed);
    struct limit_answer a = rig_ask(&r, 110 * SECOND, &p, k, 4);
    CHECK(!a.allowed && a.remaining == 1);
    /* The first one leaves at 132 s, which is not enough; the eight at 137 s. */
    CHECK(a.retry_ns == 27 * SECOND && a.reset_ns == 27 * SECOND);
    CHECK(!rig_ask(&r, 110 * SECOND + a.retry_ns - 1, &p, k, 4).allowed);
    CHECK(rig_ask(&r, 110 * SECOND + a.retry_ns, &p, k, 4).allowed);
    rig_free(&r);
}

TEST(a_cost_above_the_capacity_says_never_and_charges_nothing)
{
    for (int s = 0; s < 3; s++) {
        struct rig r;
        rig_make(&r, 100);
        struct limit_policy p = rig_policy(all[s], 5, SECOND, 0);
        struct limit_answer a = rig_ask(&r, SECOND, &p, rig_key(&r, 1), 6);
        CHECK(!a.allowed && a.never && a.retry_ns == LIMIT_NEVER && a.remaining == 5);
        a = rig_ask(&r, SECOND, &p, rig_key(&r, 1), UINT64_MAX);
        CHECK(!a.allowed && a.never);
        CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, 1), 5).allowed);
        rig_free(&r);
    }
}

TEST(looking_costs_nothing_and_leaves_no_trace)
{
    for (int s = 0; s < 3; s++) {
        struct rig r;
        struct limit_stats stats;
        rig_make(&r, 100);
        struct limit_policy p = rig_policy(all[s], 5, SECOND, 0);
        struct limit_answer a;
        CHECK(limit_peek(&r.table, SECOND, &p, rig_key(&r, 1), 5, &a) == 0 && a.allowed && a.remaining == 5);
        CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, 1), 0).allowed);
        limit_stats(&r.table, SECOND, &stats);
        CHECK(stats.taken == 0);
        CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, 1), 5).allowed);
        CHECK(limit_peek(&r.table, SECOND, &p, rig_key(&r, 1), 1, &a) == 0 && !a.allowed && a.remaining == 0);
        limit_stats(&r.table, SECOND, &stats);
        CHECK(stats.taken == 1 && stats.active == 1);
        rig_free(&r);
    }
}

TEST(a_request_refused_for_one_key_costs_the_others_nothing)
{
    for (int s = 0; s < 3; s++) {
        struct rig r;
        rig_make(&r, 1); /* all keys in one row */
        struct limit_policy wide = rig_policy(all[s], 100, SECOND, 0), narrow = rig_policy(all[s], 2, SECOND, 0);
        struct limit_ask asks[] = {
            {&wide, rig_key(&r, 1), 1}, {&narrow, rig_key(&r, 2), 1}, {&wide, rig_key(&r, 3), 1}};
        struct limit_answer a;
        for (int i = 0; i < 2; i++) CHECK(limit_check(&r.table, SECOND, asks, 3, &a) == 0 && a.allowed);
        CHECK(a.which == 1 && a.remaining == 0 && a.of[0].remaining == 98);
        for (int i = 0; i < 50; i++) CHECK(limit_check(&r.table, SECOND, asks, 3, &a) == 0 && !a.allowed);
        CHECK(a.which == 1 && a.retry_ns == a.of[1].retry_ns && a.retry_ns > 0 && a.of[0].retry_ns == 0);
        CHECK(a.of[0].remaining == 98 && a.of[2].remaining == 98);
        CHECK(rig_ask(&r, SECOND, &wide, rig_key(&r, 1), 0).remaining == 98);
        rig_free(&r);
    }
}

TEST(the_same_key_asked_twice_pays_twice)
{
    for (int s = 0; s < 3; s++) {
        struct rig r;
        rig_make(&r, 100);
        struct limit_policy p = rig_policy(all[s], 5, SECOND, 0);
        struct limit_ask asks[] = {{&p, rig_key(&r, 1), 1}, {&p, rig_key(&r, 2), 1}, {&p, rig_key(&r, 1), 1}};
        struct limit_answer a;
        CHECK(limit_check(&r.table, SECOND, asks, 3, &a) == 0 && a.allowed && a.of[0].remaining == 3 &&
              a.of[2].remaining == 3 && a.of[1].remaining == 4);
        CHECK(limit_check(&r.table, SECOND, asks, 3, &a) == 0 && a.allowed && a.remaining == 1);
        CHECK(limit_check(&r.table, SECOND, asks, 3, &a) == 0 && !a.allowed && a.of[1].remaining == 3);
        rig_free(&r);
    }
}

TEST(policies_that_differ_in_name_or_number_share_no_key)
{
    struct rig r;
    rig_make(&r, 100);
    struct limit_policy a = rig_policy(LIMIT_FIXED_WINDOW, 1, SECOND, 0), b = a,
                        c = rig_policy(LIMIT_FIXED_WINDOW, 2, SECOND, 0);
    strcpy(b.name, "q");
    CHECK(limit_policy_prepare(&b, NULL) == 0);
    struct limit_policy again = rig_policy(LIMIT_FIXED_WINDOW, 1, SECOND, 0);
    CHECK(rig_ask(&r, SECOND, &a, rig_key(&r, 1), 1).allowed);
    CHECK(rig_ask(&r, SECOND, &b, rig_key(&r, 1), 1).allowed);
    CHECK(rig_ask(&r, SECOND, &c, rig_key(&r, 1), 1).allowed);
    CHECK(!rig_ask(&r, SECOND, &again, rig_key(&r, 1), 1).allowed);
    rig_free(&r);
}

TEST(a_clock_that_steps_back_admits_no_more)
{
    for (int s = 0; s < 3; s++) {
        struct rig r;
        rig_make(&r, 100);
        struct limit_policy p = rig_policy(all[s], 10, SECOND, 0);
        uint64_t admitted = 0, t = 100 * SECOND;
        for (int i = 0; i < 200; i++) {
            uint64_t now = i % 2 ? t : t - 40000000 * (uint64_t)(i % 7);
            struct limit_answer a = rig_ask(&r, now, &p, rig_key(&r, 1), 1);
            admitted += a.allowed;
            CHECK(a.remaining <= 10 && a.retry_ns <= 2 * SECOND);
        }
        CHECK(admitted == 10);
        rig_free(&r);
    }
}

TEST(reset_and_clear_forget)
{
    for (int s = 0; s < 3; s++) {
        struct rig r;
        rig_make(&r, 100);
        struct limit_policy p = rig_policy(all[s], 3, SECOND, 0);
        for (unsigned i = 0; i < 3; i++) CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, i), 3).allowed);
        CHECK(limit_reset(&r.table, SECOND, &p, rig_key(&r, 0)) == 0);
        CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, 0), 3).allowed);
        CHECK(!rig_ask(&r, SECOND, &p, rig_key(&r, 0), 1).allowed);
        CHECK(!rig_ask(&r, SECOND, &p, rig_key(&r, 1), 1).allowed);
        CHECK(limit_clear(&r.table) == 0);
        for (unsigned i = 0; i < 3; i++) CHECK(rig_ask(&r, SECOND, &p, rig_key(&r, i), 3).allowed);
        rig_free(&r);
    }
}

/* The models. A log of all charges answers both questions about a sliding window; a bucket is counted in exact
 * fractions. */
struct charge {
    uint64_t at, cost;
};
struct model {
    struct charge log[4096];
    size_t n;
    uint64_t window_end, window_used, now;
    __int128 level; /* bucket: tokens * per_ns */
    uint64_t spent; /* since it was last full */
};

static uint64_t logged(const struct model *m, uint64_t after)
{
    uint64_t sum = 0;
    for (size_t i = m->n; i-- && m->log[i].at > after;) sum += m->log[i].cost;
    return sum;
}

/* What a perfect limiter has left for this key, and what one has left that is as strict as limit.h allows. */
static void model_left(struct model *m, const struct limit_policy *p, uint64_t now, uint64_t *most, uint64_t *least)
{
    uint64_t used, strict;
    switch (p->strategy) {
    case LIMIT_TOKEN_BUCKET: {
        __int128 full = (__int128)p->capacity * p->per_ns, early = (__int128)p->rate * ((m->spent >> 32) + 1);
        m->level += (__int128)(now - m->now) * p->rate;
        m->now = now;
        if (m->level >= full) m->level = full, m->spent = 0;
        *most = (uint64_t)((m->level + early < full ? m->level + early : full) / p->per_ns);
        *least = m->level < 0 ? 0 : (uint64_t)(m->level / p->per_ns);
        return;
    }
    case LIMIT_FIXED_WINDOW:
        used = now < m->window_end ? m->window_used : 0;
        *most = *least = p->rate - used;
        return;
    default: {
        uint64_t longer = p->part_ns * (p->resolution + 1);
        used = logged(m, now - p->per_ns);
        strict = logged(m, now - longer);
        *most = p->rate - used;
        *least = strict < p->rate ? p->rate - strict : 0;
    }
    }
}

static void model_charge(struct model *m, const struct limit_policy *p, uint64_t now, uint64_t cost)
{
    if (!cost) return;
    m->level -= (__int128)cost * p->per_ns;
    m->spent += cost;
    if (now >= m->window_end) m->window_end = now + p->per_ns, m->window_used = 0;
    m->window_used += cost;
    m->log[m->n++ % 4096] = (struct charge){now, cost};
}

static void against_model(enum limit_strategy strategy, uint64_t rate, uint64_t per_ns, uint64_t burst, uint64_t seed)
{
    enum { KEYS = 3, STEPS = 3000 };
    static struct model models[KEYS];
    static uint8_t saved[1 << 16];
    struct rig r;
    rig_make(&r, 30);
    CHECK(r.bytes <= sizeof saved);
    struct limit_policy p = rig_policy(strategy, rate, per_ns, burst);
    uint64_t now = 1000 * per_ns + seed;
    for (int k = 0; k < KEYS; k++) models[k] = (struct model){.level = (__int128)p.capacity * per_ns, .now = now};
    for (int i = 0; i < STEPS; i++) {
        unsigned k = (unsigned)rig_roll(&seed, KEYS);
        struct model *m = &models[k];
        uint64_t most, least,
            cost = rig_roll(&seed, 4) ? rig_roll(&seed, p.capacity / 8 + 2) : rig_roll(&seed, p.capacity + 2);
        now += rig_roll(&seed, 3)    ? rig_roll(&seed, per_ns / 16 + 2)
               : rig_roll(&seed, 20) ? 0
                                     : rig_roll(&seed, 3 * per_ns);
        model_left(m, &p, now, &most, &least);
        struct limit_answer a = rig_ask(&r, now, &p, rig_key(&r, k), 0);
        CHECK(a.remaining <= most && a.remaining >= least);
        uint64_t left = a.remaining;
        a = rig_ask(&r, now, &p, rig_key(&r, k), cost);
        CHECK(a.allowed == (cost <= left));
        CHECK(a.never == (cost > p.capacity));
        CHECK(a.remaining == (a.allowed ? left - cost : left));
        if (a.allowed) {
            model_charge(m, &p, now, cost);
            continue;
        }
        if (a.never) continue;
        /* The wait is long enough, and not longer than that. */
        uint64_t wait = a.retry_ns;
        CHECK(wait > 0);
        CHECK(!rig_ask(&r, now + wait - 1, &p, rig_key(&r, k), cost).allowed);
        memcpy(saved, r.memory, r.bytes);
        CHECK(rig_ask(&r, now + wait, &p, rig_key(&r, k), cost).allowed);
        memcpy(r.memory, saved, r.bytes);
        struct limit_answer later = rig_ask(&r, now + a.reset_ns, &p, rig_key(&r, k), 0);
        CHECK(later.remaining == p.capacity && later.reset_ns == 0);
    }
    rig_free(&r);
}

TEST(a_bucket_is_what_exact_fractions_say)
{
    const uint64_t rates[] = {1, 7, 20, 1000, 65536, 999999937};
    for (int i = 0; i < 6; i++) {
        against_model(LIMIT_TOKEN_BUCKET, rates[i], SECOND, 0, 11 + (uint64_t)i);
        against_model(LIMIT_TOKEN_BUCKET, rates[i], 3600 * SECOND, rates[i] / 3 + 1, 77 + (uint64_t)i);
    }
    against_model(LIMIT_TOKEN_BUCKET, 5000000000, SECOND, 100000000000, 3);
}

TEST(a_fixed_window_is_what_counting_says)
{
    const uint64_t rates[] = {1, 7, 1000, LIMIT_UNITS_MAX};
    for (int i = 0; i < 4; i++) against_model(LIMIT_FIXED_WINDOW, rates[i], SECOND, 0, 5 + (uint64_t)i);
}

TEST(a_sliding_window_never_admits_more_than_a_log_and_refuses_at_most_one_part_longer)
{
    const uint64_t rates[] = {1, 7, 255, 256, 65535, 65536, UINT32_MAX, 1ull << 32, LIMIT_UNITS_MAX};
    for (int i = 0; i < 9; i++) {
        against_model(LIMIT_SLIDING_WINDOW, rates[i], SECOND, 0, 9 + (uint64_t)i);
        against_model(LIMIT_SLIDING_WINDOW, rates[i], 60 * SECOND + 17, 0, 90 + (uint64_t)i);
    }
}

TEST(a_sliding_window_can_be_coarser_but_not_finer_than_its_ring)
{
    struct limit_policy p = {
        .name = "p", .strategy = LIMIT_SLIDING_WINDOW, .resolution = 4, .rate = 10, .per_ns = 4 * SECOND};
    struct rig r;
    struct err e;
    rig_make(&r, 10);
    CHECK(limit_policy_prepare(&p, &e) == 0);
    CHECK(rig_ask(&r, 100 * SECOND, &p, rig_key(&r, 1), 10).allowed);
    CHECK(rig_ask(&r, 101 * SECOND, &p, rig_key(&r, 1), 1).retry_ns == 4 * SECOND);
    CHECK(rig_ask(&r, 105 * SECOND, &p, rig_key(&r, 1), 10).allowed);
    p.resolution = 32;
    CHECK(limit_policy_prepare(&p, &e) == GIFD_EINVALID && strstr(e.text, "at most 31"));
    p.rate = 256, p.resolution = 16;
    CHECK(limit_policy_prepare(&p, &e) == GIFD_EINVALID && strstr(e.text, "at most 15"));
    rig_free(&r);
}

TEST(bad_policies_are_refused_with_their_bound)
{
    struct err e;
    struct limit_policy good = rig_policy(LIMIT_TOKEN_BUCKET, 10, SECOND, 0), p;
#define BAD(change)                                                                                                    \
    do {                                                                                                               \
        p = good;                                                                                                      \
        change;                                                                                                        \
        CHECK(limit_policy_prepare(&p, &e) == GIFD_EINVALID && e.text[0]);                                             \
    } while (0)
    BAD(p.rate = 0);
    BAD(p.rate = LIMIT_UNITS_MAX + 1);
    BAD(p.per_ns = 999999);
    BAD(p.per_ns = LIMIT_PER_MAX_NS + 1);
    BAD(p.burst = 10ull * 366 * 86400 + 1); /* takes too long to fill */
    BAD((p.rate = LIMIT_UNITS_MAX, p.per_ns = LIMIT_PER_MIN_NS));
    BAD(p.name[0] = 0);
    BAD(p.name[0] = '\n');
    BAD(memset(p.name, 'x', sizeof p.name));
    BAD(p.resolution = 3);
    BAD((p.strategy = LIMIT_FIXED_WINDOW, p.burst = 3));
    BAD(p.strategy = (enum limit_strategy)7);
    enum limit_strategy s;
    for (int i = 0; i < 3; i++)
        CHECK(limit_strategy_of(slice_str(limit_strategy_name(all[i])), &s, &e) == 0 && s == all[i]);
    CHECK(limit_strategy_of(SLICE("leaky"), &s, &e) == GIFD_EINVALID);
}

TEST(too_many_asks_and_none_are_errors_and_admit_nothing)
{
    struct rig r;
    rig_make(&r, 10);
    struct limit_policy p = rig_policy(LIMIT_TOKEN_BUCKET, 10, SECOND, 0);
    struct limit_ask asks[LIMIT_ASKS_MAX + 1];
    struct limit_answer a = {.allowed = true};
    for (unsigned i = 0; i <= LIMIT_ASKS_MAX; i++) asks[i] = (struct limit_ask){&p, rig_key(&r, i), 1};
    CHECK(limit_check(&r.table, SECOND, asks, LIMIT_ASKS_MAX + 1, &a) == GIFD_EINVALID && !a.allowed);
    CHECK(limit_check(&r.table, SECOND, asks, 0, &a) == GIFD_EINVALID && !a.allowed);
    CHECK(limit_check(&r.table, SECOND, asks, LIMIT_ASKS_MAX, &a) == 0 && a.allowed);
    rig_free(&r);
}

TEST(header_values_follow_the_draft)
{
    struct rig r;
    rig_make(&r, 10);
    struct limit_policy minute = rig_policy(LIMIT_FIXED_WINDOW, 100, 60 * SECOND, 0);
    struct limit_policy bucket = rig_policy(LIMIT_TOKEN_BUCKET, 7, SECOND, 14);
    strcpy(minute.name, "POST /up \"x\\\"");
    CHECK(limit_policy_prepare(&minute, NULL) == 0);
    struct limit_ask asks[] = {{&minute, rig_key(&r, 1), 1}, {&bucket, rig_key(&r, 2), 7}};
    struct limit_answer a;
    struct limit_fields f;
    CHECK(limit_check(&r.table, SECOND, asks, 2, &a) == 0 && a.allowed);
    limit_fields(asks, 2, &a, &f);
    CHECK_STR(f.policy, "\"POST /up \\\"x\\\\\\\"\";q=100;w=60, \"p\";q=14;w=2");
    CHECK_STR(f.limit, "\"POST /up \\\"x\\\\\\\"\";r=99;t=60, \"p\";r=7;t=1");
    CHECK(f.policy_len == strlen(f.policy) && f.limit_len == strlen(f.limit) && f.retry_after == 0);
    asks[1].cost = 14;
    CHECK(limit_check(&r.table, SECOND, asks, 2, &a) == 0 && !a.allowed);
    limit_fields(asks, 2, &a, &f);
    CHECK(f.retry_after == 1);
    asks[1].cost = 15;
    CHECK(limit_check(&r.table, SECOND, asks, 2, &a) == 0 && a.never);
    limit_fields(asks, 2, &a, &f);
    CHECK(f.retry_after == 0);
    /* The longest there can be. */
    struct limit_policy long_name = minute;
    struct limit_ask many[LIMIT_ASKS_MAX];
    memset(long_name.name, '"', LIMIT_NAME_MAX);
    long_name.rate = LIMIT_UNITS_MAX, long_name.per_ns = LIMIT_PER_MAX_NS;
    CHECK(limit_policy_prepare(&long_name, NULL) == 0);
    for (unsigned i = 0; i < LIMIT_ASKS_MAX; i++) many[i] = (struct limit_ask){&long_name, rig_key(&r, i), 1};
    CHECK(limit_check(&r.table, SECOND, many, LIMIT_ASKS_MAX, &a) == 0 && a.allowed);
    limit_fields(many, LIMIT_ASKS_MAX, &a, &f);
    CHECK(f.limit_len == strlen(f.limit) && f.limit_len < sizeof f.limit && f.policy_len < sizeof f.policy);
    rig_free(&r);
}

TEST_MAIN()
