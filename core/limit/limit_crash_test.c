/* limit_crash_test.c: a process is killed at every single point between two stores, and the survivors count.
 *
 * The room's sources are compiled into this program once more, with LIMIT__MARK (which stands at each of those points)
 * made to kill the process at the n-th; n goes up until a decision gets through alive. */
#include <signal.h>

static unsigned crash_at, crash_marks;
static void crash_mark(void)
{
    if (crash_at && ++crash_marks == crash_at) raise(SIGKILL);
}
#define LIMIT__MARK() crash_mark()

#include "limit/bucket.c"
#include "limit/key.c"
#include "limit/limit.c"
#include "limit/sip.c"
#include "limit/table.c"
#include "limit/window.c"

#include "limit/limit_rig_int.h"

#include <sys/wait.h>

enum { KEYS = 18, CAPACITY = 6 };

struct scene {
    struct rig rig;
    struct limit_policy policy;
    uint64_t now;
    uint64_t before[KEYS];   /* granted, and still in force at `now` */
    uint64_t regained[KEYS]; /* by a bucket since then, at most */
};

static void grant(struct scene *s, unsigned k, uint64_t ago, uint64_t cost)
{
    CHECK(rig_ask(&s->rig, s->now - ago, &s->policy, rig_key(&s->rig, k), cost).allowed);
    if (ago >= s->policy.per_ns) return;
    s->before[k] += cost;
    if (s->policy.strategy == LIMIT_TOKEN_BUCKET && ago) s->regained[k] = CAPACITY * ago / SECOND + 1;
}

/* What has happened before the fatal decision, which asks for keys 0, 1 and 16. */
static void strangers(struct scene *s)
{
    grant(s, 2, 0, 2);
}

static void known(struct scene *s)
{
    grant(s, 0, SECOND / 4, 3);
    grant(s, 16, 0, 5);
}

static void long_ago(struct scene *s)
{
    for (unsigned k = 0; k < 2; k++)
        for (uint64_t part = CAPACITY; part--;) grant(s, k, 2 * SECOND + part * SECOND / 31, 1);
}

static void a_full_row(struct scene *s)
{
    for (unsigned k = 1; k <= 15; k++) grant(s, k, 0, 1 + k % 5);
}

static void a_full_row_with_ghosts(struct scene *s)
{
    a_full_row(s);
    grant(s, 17, 0, 1);
    s->now += 1;
}

static const struct {
    const char *name;
    void (*play)(struct scene *s);
} scenes[] = {{"strangers", strangers},
              {"known", known},
              {"long ago", long_ago},
              {"a full row", a_full_row},
              {"a full row with ghosts", a_full_row_with_ghosts}};

static bool decide(struct scene *s, const struct limit_table *t)
{
    struct limit_ask asks[] = {{&s->policy, rig_key(&s->rig, 0), 1},
                               {&s->policy, rig_key(&s->rig, 1), 1},
                               {&s->policy, rig_key(&s->rig, 16), 1}};
    struct limit_answer a;
    return limit_check(t, s->now, asks, 3, &a) == 0 && a.allowed;
}

/* True when the process died at mark n, false when the decision has fewer marks. It stays a zombie: dead, not gone. */
static bool dies_at(struct scene *s, unsigned n, pid_t *pid)
{
    *pid = fork();
    CHECK(*pid >= 0);
    if (*pid == 0) {
        struct limit_table t;
        if (limit_table_attach(&t, s->rig.memory, s->rig.bytes, NULL) < 0) _exit(2);
        crash_at = n;
        decide(s, &t);
        _exit(0);
    }
    siginfo_t info;
    CHECK(waitid(P_PID, (id_t)*pid, &info, WEXITED | WNOWAIT) == 0);
    CHECK(info.si_code == CLD_KILLED || info.si_status == 0);
    return info.si_code == CLD_KILLED;
}

static uint64_t drain(struct scene *s, unsigned k, uint64_t now)
{
    struct limit_ask ask = {&s->policy, rig_key(&s->rig, k), 1};
    struct limit_answer a;
    uint64_t granted = 0;
    for (;;) {
        CHECK(limit_check(&s->rig.table, now, &ask, 1, &a) == 0);
        if (!a.allowed) return granted;
        CHECK(++granted <= CAPACITY);
    }
}

static bool survives(enum limit_strategy strategy, size_t which, unsigned n)
{
    struct scene s = {.now = 100 * SECOND};
    pid_t pid;
    rig_make(&s.rig, 1);
    s.policy = rig_policy(strategy, CAPACITY, SECOND, 0);
    scenes[which].play(&s);
    bool died = dies_at(&s, n, &pid);
    for (unsigned k = 0; k < KEYS && died; k++) {
        uint64_t after = drain(&s, k, s.now);
        if (s.before[k] + after > CAPACITY + s.regained[k])
            fprintf(stderr, "%s, %s, mark %u: key %u had %llu and got %llu\n", limit_strategy_name(strategy),
                    scenes[which].name, n, k, (unsigned long long)s.before[k], (unsigned long long)after);
        CHECK(s.before[k] + after <= CAPACITY + s.regained[k]);
    }
    /* And the table is as good as new when all that is over. */
    for (unsigned k = 0; k < KEYS && died; k++) CHECK(drain(&s, k, s.now + (3 + 3 * k) * SECOND) == CAPACITY);
    CHECK(waitpid(pid, NULL, 0) == pid);
    rig_free(&s.rig);
    return died;
}

static void everywhere(enum limit_strategy strategy)
{
    for (size_t which = 0; which < sizeof scenes / sizeof *scenes; which++) {
        unsigned n = 1;
        while (survives(strategy, which, n)) n++;
        CHECK(n > 10);
    }
}

TEST(a_bucket_never_admits_more_wherever_a_process_dies)
{
    everywhere(LIMIT_TOKEN_BUCKET);
}

TEST(a_fixed_window_never_admits_more_wherever_a_process_dies)
{
    everywhere(LIMIT_FIXED_WINDOW);
}

TEST(a_sliding_window_never_admits_more_wherever_a_process_dies)
{
    everywhere(LIMIT_SLIDING_WINDOW);
}

TEST(a_lock_of_a_process_id_that_now_is_somebody_else_is_taken_over)
{
    struct scene s = {.now = 100 * SECOND};
    struct limit_stats stats;
    rig_make(&s.rig, 1);
    s.policy = rig_policy(LIMIT_TOKEN_BUCKET, CAPACITY, SECOND, 0);
    atomic_store(&s.rig.table.rows[0].lock, s.rig.table.self + 1); /* this process, started at another time */
    CHECK(decide(&s, &s.rig.table));
    limit_stats(&s.rig.table, s.now, &stats);
    CHECK(stats.stolen == 1 && stats.busy == 0);
    rig_free(&s.rig);
}

TEST(a_lock_of_a_stopped_process_is_waited_for_only_so_long_and_nobody_is_admitted)
{
    struct scene s = {.now = 100 * SECOND};
    struct limit_stats stats;
    int ready[2];
    char byte;
    rig_make(&s.rig, 1);
    s.policy = rig_policy(LIMIT_TOKEN_BUCKET, CAPACITY, SECOND, 0);
    CHECK(pipe(ready) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct limit_table t;
        limit_table_attach(&t, s.rig.memory, s.rig.bytes, NULL);
        limit__enter(&t, &t.rows[0]);
        if (write(ready[1], "x", 1) != 1) _exit(1);
        raise(SIGSTOP);
        limit__leave(&t.rows[0]);
        _exit(0);
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    uint64_t began = clock_mono_ns();
    CHECK(!decide(&s, &s.rig.table));
    CHECK(clock_mono_ns() - began < 20 * SECOND);
    limit_stats(&s.rig.table, s.now, &stats);
    CHECK(stats.busy == 1 && stats.stolen == 0);
    CHECK(waitpid(pid, NULL, WUNTRACED) == pid);
    CHECK(kill(pid, SIGCONT) == 0 && waitpid(pid, NULL, 0) == pid);
    CHECK(decide(&s, &s.rig.table));
    close(ready[0]);
    close(ready[1]);
    rig_free(&s.rig);
}

TEST_MAIN()
