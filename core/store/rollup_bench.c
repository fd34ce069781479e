/* rollup_bench.c: rows a second that a fold adds up, a second's worth at a time: rollup_bench [ROWS-A-SECOND [SECONDS]]
 * of 100,000 subjects, of types and platforms as they come. Time is told to it: a round is a second, however long it
 * takes. Figures are of all rounds and, from the 257th on, of those in which each second's sums are put into the tables
 * as often as they are made (rollup_delta.c). */
#include "base/clock.h"
#include "store/rollup.h"
#include "store/trail.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int done;

static void on_done(void *arg, int rc, const struct err *e)
{
    (void)arg, (void)e;
    if (rc < 0) abort();
    done++;
}

static double cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int rows = argc > 1 ? atoi(argv[1]) : 150000, seconds = argc > 2 ? atoi(argv[2]) : 10;
    struct loop loop;
    struct err e = {0};
    static struct trail_row row[TRAIL_APPEND_MAX];
    if (system("rm -rf /tmp/gifd-rollup-bench*") != 0 || loop_init(&loop, &e) < 0) return 1;
    struct trail *t = trail_new(&loop, &(struct trail_options){.folder = "/tmp/gifd-rollup-bench"}, &e);
    struct rollup *r = rollup_open(
        &(struct rollup_options){.path = "/tmp/gifd-rollup-bench.db", .folder = "/tmp/gifd-rollup-bench"}, &e);
    if (!t || !r) return 1;
    uint64_t dice = 88172645463325252u;
    int64_t now = clock_wall_us() - (int64_t)seconds * 1000000;
    double used = 0, wall = 0, used_late = 0, slowest = 0;
    for (int s = 0, sent = 0; s < seconds; s++, now += 1000000) {
        for (int i = 0; i < rows; i += 5000) {
            for (int k = 0; k < 5000; k++) {
                dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
                row[k] = (struct trail_row){.at = now,
                                            .subject = 1 + (int64_t)((dice >> 20) % 100000),
                                            .kind = (dice >> 40) % 10 < 8 ? 1 : 2 + (int64_t)(dice >> 50) % 2,
                                            .n = 1};
                row[k].kind |=
                    (4 << 12) + (1 << 16) + ((dice >> 44) % 10 < 7 ? 1 << 4 : (int64_t)((dice >> 54) % 5) << 4);
            }
            if (trail_append(t, row, 5000, on_done, NULL, &e) < 0) return 1;
            sent++;
        }
        while (done < sent) uv_run(&loop.uv, UV_RUN_ONCE);
        struct rollup_fold f = {.now = now, .counted = 1 << 4};
        double began = cpu();
        uint64_t at = clock_mono_ns();
        if (rollup_fold(r, &f, &e) < 0) return fprintf(stderr, "%s\n", e.text), 1;
        double took = (double)(clock_mono_ns() - at) / 1e9;
        used += cpu() - began;
        wall += took;
        if (s >= 256) used_late += cpu() - began;
        if (took > slowest) slowest = took;
    }
    double all = (double)rows * seconds;
    printf("%.0f rows, %.0f rows/s, %.2f us of CPU each, slowest round %.0f ms\n", all, all / wall, used * 1e6 / all,
           slowest * 1e3);
    if (seconds > 256)
        printf("from the 257th round on: %.2f us of CPU each\n", used_late * 1e6 / rows / (seconds - 256));
    uint64_t checked;
    if (seconds <= 60) printf("verify: %lld differ\n", (long long)rollup_verify(r, 1 << 4, false, &checked, &e));
    rollup_close(r);
    trail_free(t);
    loop_close(&loop);
    return 0;
}
