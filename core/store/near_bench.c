/* near_bench.c: what a search costs. `ninja near_bench && build/near_bench [hashes [distance]]`.
 *
 * The file is mapped as a server maps it. A search is timed as a caller sees it, from the loop to the thread pool and
 * back, and by the CPU time of the whole process. Hashes are random but for one in a thousand, near what is asked. */
#include "base/clock.h"
#include "store/near.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SEARCHES = 500 };

static struct loop loop;
static size_t found_sum;
static uint64_t state = 88172645463325252ull;

static uint64_t draw(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void on_found(void *arg, int rc, const struct near_found *found, size_t count, const struct err *e)
{
    (void)rc, (void)found, (void)e;
    *(int *)arg = 1;
    found_sum += count;
    loop_stop(&loop);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void die(const struct err *e)
{
    fprintf(stderr, "%s\n", e->text);
    exit(1);
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000, mark = 0;
    uint32_t distance = argc > 2 ? (uint32_t)atoi(argv[2]) : 31;
    static struct near_row rows[NEAR_APPEND_MAX];
    static double wall[SEARCHES], cpu[SEARCHES];
    uint8_t asked[NEAR_BYTES];
    struct err e = {0};
    char path[64];
    snprintf(path, sizeof path, "/tmp/near-bench-%d", (int)getpid());
    for (int i = 0; i < NEAR_BYTES; i++) asked[i] = (uint8_t)draw();
    if (loop_init(&loop, &e) < 0) die(&e);
    struct near *near = near_open(&loop, path, &e);
    if (!near) die(&e);
    unlink(path);
    uint64_t begun = clock_mono_ns();
    while (mark < n) {
        for (size_t i = 0; i < NEAR_APPEND_MAX; i++) {
            rows[i].key = mark + i + 1;
            for (int k = 0; k < NEAR_BYTES; k += 8) memcpy(rows[i].hash + k, &(uint64_t){draw()}, 8);
            if (i == 0) memcpy(rows[i].hash, asked, NEAR_BYTES - 4);
        }
        if (near_append(near, mark, rows, NEAR_APPEND_MAX, mark + NEAR_APPEND_MAX, &e) < 0) die(&e);
        mark += NEAR_APPEND_MAX;
    }
    printf("%llu hashes appended in %.0f ms\n", (unsigned long long)mark, (double)(clock_mono_ns() - begun) / 1e6);
    if (near_ready(near, mark, &e) < 0) die(&e);
    for (int i = -20; i < SEARCHES; i++) {
        int got = 0;
        uint64_t w = clock_mono_ns(), c = cpu_ns();
        asked[31] = (uint8_t)i;
        if (!near_search(near, asked, distance, on_found, &got, &e)) die(&e);
        while (!got) loop_run(&loop);
        if (i < 0) continue; /* the pages come in */
        wall[i] = (double)(clock_mono_ns() - w) / 1e6;
        cpu[i] = (double)(cpu_ns() - c) / 1e6;
    }
    qsort(wall, SEARCHES, sizeof *wall, by_value);
    qsort(cpu, SEARCHES, sizeof *cpu, by_value);
    printf("%d searches at distance %u, %zu found: wall ms p50 %.2f p99 %.2f; CPU ms p50 %.2f p99 %.2f\n", SEARCHES,
           distance, found_sum / (SEARCHES + 20), wall[SEARCHES / 2], wall[SEARCHES * 99 / 100], cpu[SEARCHES / 2],
           cpu[SEARCHES * 99 / 100]);
    near_close(near);
    loop_close(&loop);
    return 0;
}
