/* metric_bench.c: what one update costs. */
#include "base/metric.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 20000000

static struct metric_cell *cell(struct metrics *m, enum metric_kind kind, const char *name)
{
    struct metric_cell *c = NULL;
    struct metric_want want = {.kind = kind, .name = slice_str(name)};
    metric_find(m, &want, &c, NULL);
    return c;
}

static void report(const char *what, uint64_t began)
{
    printf("%-20s %.1f ns\n", what, (double)(clock_mono_ns() - began) / ROUNDS);
}

int main(void)
{
    struct metrics *m = aligned_alloc(64, metrics_bytes());
    if (!m) return 1;
    memset((void *)m, 0, metrics_bytes());
    metrics_init(m);
    struct metric_cell *c = cell(m, METRIC_COUNTER, "c"), *g = cell(m, METRIC_GAUGE, "g"),
                       *h = cell(m, METRIC_HISTOGRAM, "h");
    uint64_t began = clock_mono_ns();
    for (int i = 0; i < ROUNDS; i++) metric_add(c, 1);
    report("counter add", began);
    began = clock_mono_ns();
    for (int i = 0; i < ROUNDS; i++) metric_set(g, i);
    report("gauge set", began);
    began = clock_mono_ns();
    for (int i = 0; i < ROUNDS; i++) metric_move(g, 1);
    report("gauge move", began);
    began = clock_mono_ns();
    for (int i = 0; i < ROUNDS; i++) metric_observe(h, i);
    report("histogram observe", began);
    free(m);
    return 0;
}
