/* trail_bench.c: rows a second that a trail takes: trail_bench [ROWS-A-CALL [CALLS [fast | durable [FOLDER]]]]
 * Rows are of 100,000 subjects and of 30 days, so that bench/questions.lua has something to ask about. */
#include "store/trail.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int done;

static void on_done(void *arg, int rc, const struct err *e)
{
    (void)arg, (void)e;
    if (rc < 0) abort();
    done++;
}

int main(int argc, char **argv)
{
    size_t rows = argc > 1 ? strtoul(argv[1], NULL, 10) : 100;
    int calls = argc > 2 ? atoi(argv[2]) : 20000, sent = 0;
    struct loop loop;
    struct err e = {0};
    struct trail_row row[TRAIL_APPEND_MAX];
    struct trail_options o = {.folder = argc > 4 ? argv[4] : "/tmp/gifd-trail-bench",
                              .durable = argc > 3 && strcmp(argv[3], "durable") == 0};
    int64_t begin = clock_wall_us() - INT64_C(30) * 86400 * 1000000;
    uint64_t dice = 88172645463325252u;
    if (rows > TRAIL_APPEND_MAX || loop_init(&loop, &e) < 0) return 1;
    struct trail *t = trail_new(&loop, &o, &e);
    if (!t) return 1;
    uint64_t begun = clock_mono_ns();
    struct timespec cpu;
    while (done < calls) {
        for (int i = 0; i < 16 && sent < calls && sent - done < 64; i++, sent++) {
            for (size_t k = 0; k < rows; k++) {
                dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
                row[k] = (struct trail_row){.at = begin + (int64_t)((double)sent / calls * 30 * 86400) * 1000000,
                                            .subject = 1 + (int64_t)((dice >> 20) % 100000),
                                            .kind = 1 + (int64_t)(dice >> 40) % 3 + (int64_t)((dice >> 44) % 9 << 4) +
                                                    (4 << 12) + (1 << 16),
                                            .n = 1};
            }
            if (trail_append(t, row, rows, on_done, NULL, &e) < 0) return 1;
        }
        uv_run(&loop.uv, sent - done < 64 && sent < calls ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    }
    double seconds = (double)(clock_mono_ns() - begun) / 1e9;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    double used = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9, all = (double)rows * calls;
    printf("%.0f rows, %.0f rows/s, %.3f us of CPU each\n", all, all / seconds, used * 1e6 / all);
    trail_free(t);
    loop_close(&loop);
    return 0;
}
