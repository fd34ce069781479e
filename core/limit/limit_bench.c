/* limit_bench.c: what a decision costs. `ninja limit_bench && build/limit_bench [keys [slots]]`.
 *
 * Keys are drawn at random, all equally often, which is the worst case for the caches: each decision misses on its
 * row's head and on its slot. Memory is mapped as the server maps it: shared, 4 KB pages. Printed: ns per decision, the
 * median of five rounds. "hash" makes the key from an IPv4 address within the measured time, the others find it made.
 */
#include "base/clock.h"
#include "limit/limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { DRAWS = 1 << 21, ROUNDS = 5 };

static struct limit_table table;
static struct limit_key *keys; /* in the order of the draws, so that reading them costs nothing */
static uint32_t *draws, n_keys = 1000000;
static uint64_t sink;

/* CPU time of this thread: what other programs take is not counted, though their use of the caches is felt. */
static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const struct err *e)
{
    fprintf(stderr, "%s\n", e->text);
    exit(1);
}

static struct limit_policy policy_of(const char *name, enum limit_strategy strategy, uint64_t rate)
{
    struct err e;
    struct limit_policy p = {.strategy = strategy, .rate = rate, .per_ns = 3600000000000};
    snprintf(p.name, sizeof p.name, "%s", name);
    if (limit_policy_prepare(&p, &e) < 0) die(&e);
    return p;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct limit_key key_of(uint32_t i)
{
    uint8_t address[4] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
    return limit_key_ip4(&table, address);
}

static void draw(uint32_t among)
{
    uint64_t x = 88172645463325252ull;
    for (uint32_t i = 0; i < DRAWS + LIMIT_ASKS_MAX; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        draws[i] = (uint32_t)(x >> 16) % among;
        keys[i] = key_of(draws[i]);
    }
}

enum how { MADE, HASHED, AHEAD };

/* asks: keys per decision, each under its own policy. */
static double round_of(const struct limit_policy *p, size_t asks, enum how how, uint64_t *allowed)
{
    struct limit_answer answer;
    struct limit_ask ask[LIMIT_ASKS_MAX];
    uint64_t now = clock_mono_ns(), began = cpu_ns(), decisions = DRAWS / asks;
    *allowed = 0;
    for (uint64_t d = 0; d < decisions; d++) {
        for (size_t i = 0; i < asks; i++) {
            ask[i].policy = &p[i];
            ask[i].key = how == HASHED ? key_of(draws[d * asks + i]) : keys[d * asks + i];
            ask[i].cost = 1;
        }
        if (how == AHEAD) limit_prefetch(&table, &p[0], keys[d + 4]);
        if (limit_check(&table, now + d, ask, asks, &answer) < 0) abort();
        *allowed += answer.allowed;
    }
    return (double)(cpu_ns() - began) / (double)decisions;
}

static double median(const struct limit_policy *p, size_t asks, enum how how, double *share, double *best)
{
    double of[ROUNDS];
    uint64_t allowed = 0;
    round_of(p, asks, how, &allowed);
    for (int i = 0; i < ROUNDS; i++) of[i] = round_of(p, asks, how, &allowed);
    qsort(of, ROUNDS, sizeof *of, by_value);
    *share = 100.0 * (double)allowed / (double)(DRAWS / asks);
    *best = of[0];
    return of[ROUNDS / 2];
}

static void row(const char *what, const struct limit_policy *p, size_t asks, enum how how)
{
    double share, best, ns = median(p, asks, how, &share, &best);
    printf("%-46s %8.1f ns  (best %.1f)  %5.1f %% admitted\n", what, ns, best, share);
}

/* Every line of the memory once, each address read from the line before: the latency that a decision cannot avoid. */
static double chase(char *memory, size_t bytes)
{
    size_t lines = bytes / 64;
    uint32_t *order = malloc(lines * sizeof *order), seed = 1;
    if (!order) exit(1);
    for (size_t i = 0; i < lines; i++) order[i] = (uint32_t)i;
    for (size_t i = lines - 1; i; i--) {
        seed = seed * 1664525u + 1013904223u;
        size_t k = (uint64_t)seed * i >> 32;
        uint32_t other = order[i];
        order[i] = order[k];
        order[k] = other;
    }
    for (size_t i = 0; i < lines; i++)
        *(uint64_t *)(memory + (size_t)order[i] * 64) = (uint64_t)order[(i + 1) % lines] * 64;
    free(order);
    uint64_t began = cpu_ns(), at = 0;
    for (int i = 0; i < DRAWS; i++) at = *(uint64_t *)(memory + at);
    sink ^= at;
    return (double)(cpu_ns() - began) / DRAWS;
}

static void *shared(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) exit(1);
    memset(p, 0, bytes);
    return p;
}

int main(int argc, char **argv)
{
    struct err e;
    if (argc > 1) n_keys = (uint32_t)strtoul(argv[1], NULL, 10);
    size_t bytes = limit_table_bytes(argc > 2 ? strtoul(argv[2], NULL, 10) : n_keys * 3ull / 2);
    void *memory = shared(bytes);
    keys = calloc(DRAWS + LIMIT_ASKS_MAX, sizeof *keys);
    draws = calloc(DRAWS + LIMIT_ASKS_MAX, sizeof *draws);
    if (!keys || !draws || limit_table_init(&table, memory, bytes, (uint64_t[2]){0x5eed, 0xface}, &e) < 0) return 1;
    draw(n_keys);
    printf("%u keys, %.0f MB of table\n", n_keys, (double)bytes / 1048576);
    void *plain = shared(bytes);
    printf("%-46s %8.1f ns\n", "one line of as much memory, at random, alone", chase(plain, bytes));
    munmap(plain, bytes);
    plain = shared(16384);
    printf("%-46s %8.1f ns\n", "one line of the first cache, alone", chase(plain, 16384));
    munmap(plain, 16384);

    uint64_t began = cpu_ns();
    for (uint32_t i = 0; i < DRAWS; i++) sink ^= key_of(draws[i]).h[0];
    printf("%-46s %8.1f ns\n", "making a key of an IPv4 address", (double)(cpu_ns() - began) / DRAWS);

    static const struct {
        const char *name;
        enum limit_strategy strategy;
    } of[] = {{"token bucket", LIMIT_TOKEN_BUCKET},
              {"fixed window", LIMIT_FIXED_WINDOW},
              {"sliding window", LIMIT_SLIDING_WINDOW}};
    for (size_t s = 0; s < 3; s++) {
        char what[64];
        struct limit_policy p[3], small;
        for (int i = 0; i < 3; i++) {
            snprintf(what, sizeof what, "p%d", i);
            p[i] = policy_of(what, of[s].strategy, 200);
        }
        small = policy_of("refuse", of[s].strategy, 1);
        limit_clear(&table);
        snprintf(what, sizeof what, "%s", of[s].name);
        row(what, p, 1, MADE);
        snprintf(what, sizeof what, "%s, key hashed too", of[s].name);
        row(what, p, 1, HASHED);
        snprintf(what, sizeof what, "%s, prefetched", of[s].name);
        row(what, p, 1, AHEAD);
        draw(1000);
        snprintf(what, sizeof what, "%s, 1000 hot keys, refused in the end", of[s].name);
        row(what, p, 1, MADE);
        draw(n_keys);
        limit_clear(&table);
        snprintf(what, sizeof what, "%s, refusals", of[s].name);
        row(what, &small, 1, MADE);
        limit_clear(&table);
        snprintf(what, sizeof what, "%s, 3 keys in one step", of[s].name);
        draw(n_keys / 3);
        row(what, p, 3, MADE);
        draw(n_keys);
    }
    struct limit_stats stats;
    limit_stats(&table, clock_mono_ns(), &stats);
    printf("evicted while active, over all: %llu\n", (unsigned long long)stats.evicted);
    return sink == 1;
}
