/* metric_bench.c: what one update costs of processor time, alone and while another process counts the same. */
#include "base/metric.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 10000000

static struct metric_cell *cell(struct metrics *m, enum metric_kind kind, const char *name)
{
    return metric_take(m, kind, name, NULL, NULL);
}

static uint64_t used_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void report(const char *who, const char *what, uint64_t began)
{
    printf("%-10s %-20s %.1f ns\n", who, what, (double)(used_ns() - began) / ROUNDS);
    fflush(stdout);
}

static void measure(struct metrics *m, const char *who)
{
    struct metric_cell *c = cell(m, METRIC_COUNTER, "c"), *g = cell(m, METRIC_GAUGE, "g"),
                       *h = cell(m, METRIC_HISTOGRAM, "h");
    uint64_t began = used_ns();
    for (int i = 0; i < ROUNDS; i++) metric_add(c, 1);
    report(who, "counter add", began);
    began = used_ns();
    for (int i = 0; i < ROUNDS; i++) metric_set(g, i);
    report(who, "gauge set", began);
    began = used_ns();
    for (int i = 0; i < ROUNDS; i++) metric_observe(h, i & 15);
    report(who, "histogram observe", began);
}

int main(void)
{
    struct metrics *m =
        mmap(NULL, metrics_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m == MAP_FAILED) return 1;
    metrics_init(m);
    measure(m, "alone");
    pid_t other = fork();
    metrics_part(m, other ? 1 : 2);
    measure(m, other ? "two, one" : "two, other");
    if (other > 0) waitpid(other, NULL, 0);
    return 0;
}
