/* trail_bench.c: rows a second that a trail takes: trail_bench [ROWS-A-CALL [CALLS [durable]]] */
#include "store/trail.h"
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
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
    struct trail_options o = {.folder = "/tmp/gifd-trail-bench", .durable = argc > 3};
    if (rows > TRAIL_APPEND_MAX || loop_init(&loop, &e) < 0) return 1;
    struct trail *t = trail_new(&loop, &o, &e);
    if (!t) return 1;
    uint64_t begun = clock_mono_ns();
    struct timespec cpu;
    while (done < calls) {
        for (int i = 0; i < 16 && sent < calls && sent - done < 64; i++, sent++) {
            for (size_t k = 0; k < rows; k++)
                row[k] = (struct trail_row){.at = 1800000000000000 + sent,
                                            .subject = (int64_t)(k * 37 % 100000),
                                            .part = 5 + (int64_t)k,
                                            .kind = 0x121,
                                            .n = 1};
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
