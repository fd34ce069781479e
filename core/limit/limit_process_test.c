/* limit_process_test.c: four processes fight for the same keys, and some of them are killed at random. */
#include "limit/limit_rig_int.h"

#include "base/clock.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 4, KILLS = 150 };

struct tally_sheet {
    _Atomic uint64_t admitted; /* counted after admission, by those who lived to do so */
    _Atomic uint64_t decided, broken;
};

static struct tally_sheet *sheet;

static void work(struct rig *r, const struct limit_policy p[2], unsigned keys)
{
    struct limit_table t;
    struct limit_answer a;
    if (limit_table_attach(&t, r->memory, r->bytes, NULL) < 0) _exit(2);
    for (uint64_t i = 0;; i++) {
        unsigned k = (unsigned)(i % keys);
        struct limit_ask asks[] = {{&p[0], rig_key(r, 0), 1}, {&p[1], rig_key(r, 1 + k), 1}};
        /* Every second decision names its keys in the other order. */
        struct limit_ask turned[] = {asks[1], asks[0]};
        if (limit_check(&t, 1000 * SECOND, i & 1 ? asks : turned, 2, &a) < 0) atomic_fetch_add(&sheet->broken, 1);
        if (a.allowed) atomic_fetch_add(&sheet->admitted, 1);
        atomic_fetch_add(&sheet->decided, 1);
    }
}

static pid_t hire(struct rig *r, const struct limit_policy p[2], unsigned keys)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        work(r, p, keys);
    }
    return pid;
}

static void fight(enum limit_strategy strategy, uint64_t total, unsigned keys)
{
    struct rig r;
    struct limit_stats stats;
    pid_t pids[WORKERS];
    rig_make(&r, 64);
    sheet = mmap(NULL, sizeof *sheet, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(sheet != MAP_FAILED);
    struct limit_policy p[2] = {rig_policy(strategy, total, 3600 * SECOND, 0),
                                rig_policy(LIMIT_TOKEN_BUCKET, 2 * total, 3600 * SECOND, 0)};
    for (int i = 0; i < WORKERS; i++) pids[i] = hire(&r, p, keys);
    uint64_t kills = 0, seed = total;
    /* Kill while there is something left to take; the total is chosen to outlast the kills on a fast machine, too. */
    for (; kills < KILLS; kills++) {
        unsigned victim = (unsigned)rig_roll(&seed, WORKERS);
        usleep((useconds_t)rig_roll(&seed, 2000));
        kill(pids[victim], SIGKILL);
        waitpid(pids[victim], NULL, 0);
        pids[victim] = hire(&r, p, keys);
    }
    /* Until the quota is gone for certain: a peek says that nothing is left. */
    struct limit_answer a;
    uint64_t began = clock_mono_ns();
    int rc;
    do {
        usleep(1000);
        a.allowed = true;
        rc = limit_peek(&r.table, 1000 * SECOND, &p[0], rig_key(&r, 0), 1, &a);
        CHECK(rc == 0 || rc == GIFD_EBUSY);
    } while ((rc < 0 || a.allowed) && clock_mono_ns() - began < 120 * SECOND);
    uint64_t decided = sheet->decided;
    while (sheet->decided < decided + 1000 && clock_mono_ns() - began < 120 * SECOND) usleep(1000);
    CHECK(sheet->decided >= decided + 1000); /* nobody hangs */
    for (int i = 0; i < WORKERS; i++) kill(pids[i], SIGKILL), waitpid(pids[i], NULL, 0);
    limit_stats(&r.table, 1000 * SECOND, &stats);
    /* Never more than allowed; and each killed process took at most one charge with it. */
    CHECK(sheet->admitted <= total);
    CHECK(sheet->admitted + kills >= total);
    /* Whoever holds a row and gets no processor for long makes others give up; nothing else goes wrong. */
    CHECK(sheet->broken <= stats.busy);
    munmap(sheet, sizeof *sheet);
    rig_free(&r);
}

TEST(a_bucket_is_exact_under_concurrency_and_kills)
{
    fight(LIMIT_TOKEN_BUCKET, 2000000, 1);
}

TEST(a_fixed_window_is_exact_under_concurrency_and_kills)
{
    fight(LIMIT_FIXED_WINDOW, 1000001, 20);
}

TEST(a_sliding_window_is_exact_under_concurrency_and_kills)
{
    fight(LIMIT_SLIDING_WINDOW, 60000, 3);
}

TEST_MAIN()
