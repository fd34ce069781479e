/* metric_test.c: what processes count together is read as one, whoever of them dies; and an explosion of labels ends.
 */
#include "base/metric.h"
#include "base/clock.h"
#include "base/segment.h"
#include "base/test.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct err e;

static struct metrics *fresh(void)
{
    struct metrics *m = mmap(NULL, metrics_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(m != MAP_FAILED);
    metrics_init(m);
    return m;
}

static int find(struct metrics *m, enum metric_kind kind, const char *name, const char *label, const char *value,
                struct metric_cell **out)
{
    struct metric_label l = {slice_str(label), slice_str(value)};
    struct metric_want want = {.kind = kind, .name = slice_str(name), .labels = &l, .label_count = label ? 1 : 0};
    return metric_find(m, &want, out, &e);
}

static struct metric_cell *cell(struct metrics *m, enum metric_kind kind, const char *name)
{
    struct metric_cell *c;
    CHECK(find(m, kind, name, NULL, NULL, &c) == GIFD_OK && c);
    return c;
}

struct seeking {
    const char *key;
    struct metric_view found;
    size_t times, all;
    bool sane;
};

static bool seek(void *arg, const struct metric_view *v)
{
    struct seeking *s = arg;
    s->all++;
    s->sane = s->sane && v->kind >= METRIC_COUNTER && v->kind <= METRIC_HISTOGRAM && v->name.n > 0;
    if (slice_is(v->key, s->key)) {
        s->times++;
        s->found = *v;
    }
    return true;
}

static struct seeking read_back(const struct metrics *m, const char *key)
{
    struct seeking s = {.key = key, .sane = true};
    metrics_each(m, seek, &s);
    return s;
}

TEST(a_series_is_one_whoever_asks_and_in_whatever_order_its_labels_are)
{
    struct metrics *m = fresh();
    struct metric_label ab[] = {{SLICE("code"), SLICE("200")}, {SLICE("path"), SLICE("a\"b\\c\nd")}},
                        ba[] = {ab[1], ab[0]};
    struct metric_want want = {METRIC_COUNTER, SLICE("hits_total"), ab, 2, {0}, false};
    struct metric_cell *a, *b;
    CHECK(metric_find(m, &want, &a, &e) == GIFD_OK);
    want.labels = ba;
    CHECK(metric_find(m, &want, &b, &e) == GIFD_OK && a == b);
    CHECK(cell(m, METRIC_COUNTER, "hits_total") != a);
    metric_add(a, 2);
    metric_add(b, 3);
    struct seeking s = read_back(m, "hits_total{code=\"200\",path=\"a\\\"b\\\\c\\nd\"}");
    CHECK(s.times == 1 && s.all == 2 && s.found.value == 5 && slice_is(s.found.name, "hits_total"));
    CHECK(slice_is(s.found.labels, "code=\"200\",path=\"a\\\"b\\\\c\\nd\""));
    CHECK(read_back(m, "hits_total").found.labels.n == 0);
    metric_add(NULL, 1); /* counts nowhere, harms nobody */
    munmap(m, metrics_bytes());
}

TEST(gauges_are_set_and_moved)
{
    struct metrics *m = fresh();
    struct metric_cell *g = cell(m, METRIC_GAUGE, "depth");
    metric_set(g, 2.5);
    metric_move(g, -4);
    metric_set(g, NAN);
    metric_move(g, INFINITY);
    CHECK(read_back(m, "depth").found.value == -1.5);
    metric_raise(g, -2);
    metric_raise(g, NAN);
    CHECK(read_back(m, "depth").found.value == -1.5);
    metric_raise(g, 7);
    CHECK(read_back(m, "depth").found.value == 7);
    munmap(m, metrics_bytes());
}

TEST(names_labels_and_kinds_are_checked)
{
    struct metrics *m = fresh();
    struct metric_cell *c;
    char longer[METRIC_KEY_MAX + 1];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    CHECK(find(m, METRIC_COUNTER, "", NULL, NULL, &c) == GIFD_EINVALID);
    CHECK(find(m, METRIC_COUNTER, "9lives", NULL, NULL, &c) == GIFD_EINVALID);
    CHECK(find(m, METRIC_COUNTER, "a-b", NULL, NULL, &c) == GIFD_EINVALID);
    CHECK(find(m, METRIC_COUNTER, "ok", "le", "1", &c) == GIFD_EINVALID);
    CHECK(find(m, METRIC_COUNTER, "ok", "__x", "1", &c) == GIFD_EINVALID);
    CHECK(find(m, METRIC_COUNTER, "ok", "x", longer, &c) == GIFD_ETOOBIG);
    CHECK(find(m, METRIC_COUNTER, longer, NULL, NULL, &c) == GIFD_ETOOBIG);
    longer[METRIC_KEY_MAX - 1] = 0;
    CHECK(find(m, METRIC_COUNTER, longer, NULL, NULL, &c) == GIFD_OK);
    struct metric_label twice[] = {{SLICE("a"), SLICE("1")}, {SLICE("a"), SLICE("2")}};
    struct metric_want want = {METRIC_COUNTER, SLICE("ok"), twice, 2, {0}, false};
    CHECK(metric_find(m, &want, &c, &e) == GIFD_EINVALID);
    CHECK(find(m, METRIC_COUNTER, "ok", "x", "1", &c) == GIFD_OK);
    CHECK(find(m, METRIC_GAUGE, "ok", "x", "2", &c) == GIFD_ECONFLICT);
    munmap(m, metrics_bytes());
}

TEST(a_histogram_is_at_most_an_eighth_off)
{
    struct metrics *m = fresh();
    struct metric_cell *h = cell(m, METRIC_HISTOGRAM, "seconds");
    double sum = 0;
    uint64_t n = 0;
    for (double v = 1e-6; v < 1e12; v *= 1.01, n++) {
        metric_observe(h, v);
        sum += v;
    }
    struct seeking s = read_back(m, "seconds");
    CHECK(s.found.count == n && fabs(s.found.sum / sum - 1) < 1e-9);
    double want = 1e-6;
    for (uint64_t i = 1; i < n; i++, want *= 1.01) {
        double q = (double)i / (double)n, got;
        metric_quantiles(&s.found, &q, &got, 1);
        CHECK(got > want * 0.874 && got < want * 1.126);
    }
    struct metric_cell *one = cell(m, METRIC_HISTOGRAM, "one");
    for (double v = 1.0 / 1048576; v < 1e12; v *= 2) {
        struct seeking before = read_back(m, "one");
        metric_observe(one, v); /* a bound is in the bucket that it ends */
        struct seeking after = read_back(m, "one");
        for (size_t i = 0; i < METRIC_BUCKETS; i++)
            if (after.found.buckets[i] != before.found.buckets[i]) CHECK(metric_bound(i) == v);
    }
    metric_observe(one, -1);
    metric_observe(one, 0);
    metric_observe(one, 1e300);
    metric_observe(one, NAN);
    metric_observe(one, INFINITY);
    s = read_back(m, "one");
    CHECK(s.found.buckets[0] == 3 && s.found.buckets[METRIC_BUCKETS - 1] == 1 &&
          isinf(metric_bound(METRIC_BUCKETS - 1)));
    munmap(m, metrics_bytes());
}

TEST(a_quantile_of_few_is_one_of_them)
{
    struct metrics *m = fresh();
    struct metric_cell *h = cell(m, METRIC_HISTOGRAM, "few");
    double q[] = {0, 0.5, 0.95, 0.99, 1}, got[5];
    struct seeking s = read_back(m, "few");
    metric_quantiles(&s.found, q, got, 5);
    CHECK(got[0] == 0 && got[4] == 0);
    for (int i = 0; i < METRIC_EXACT; i++) metric_observe(h, ((i * 7) % METRIC_EXACT + 1) * 1.1);
    s = read_back(m, "few");
    metric_quantiles(&s.found, q, got, 5);
    CHECK(got[0] == 1.1 && got[1] == 500 * 1.1 && got[2] == 950 * 1.1 && got[3] == 990 * 1.1 && got[4] == 1000 * 1.1);
    metric_observe(h, 0);
    s = read_back(m, "few");
    metric_quantiles(&s.found, q, got, 5);
    CHECK(s.found.count == METRIC_EXACT + 1 && got[1] != 500 * 1.1 && fabs(got[1] / 550 - 1) < 0.125);
    struct metric_cell *zero = cell(m, METRIC_HISTOGRAM, "zero");
    metric_observe(zero, 0);
    metric_observe(zero, -2.5);
    s = read_back(m, "zero");
    metric_quantiles(&s.found, q, got, 5);
    CHECK(got[0] == -2.5 && got[4] == 0);
    munmap(m, metrics_bytes());
}

TEST(what_a_group_has_no_room_for_has_some_to_spare)
{
    struct metrics *m = fresh();
    struct metric_cell *c;
    char text[16];
    struct metric_label l = {SLICE("n"), {0}};
    struct metric_want want = {METRIC_HISTOGRAM, SLICE("plugin_a_x"), &l, 1, SLICE("plugin_a_"), false};
    for (int i = 0; i < 8 + METRIC_GROUP_SPARE; i++) {
        snprintf(text, sizeof text, "%d", i);
        l.value = slice_str(text);
        want.spare = false;
        CHECK((metric_find(m, &want, &c, &e) == GIFD_OK) == (i < 8));
        want.spare = true;
        CHECK(metric_find(m, &want, &c, &e) == GIFD_OK);
    }
    l.value = SLICE("more");
    CHECK(metric_find(m, &want, &c, &e) == GIFD_ETOOBIG);
    munmap(m, metrics_bytes());
}

TEST(an_explosion_of_labels_is_an_error_and_others_go_on)
{
    struct metrics *m = fresh();
    struct metric_cell *c;
    char name[64], text[16];
    int made = 0;
    for (int p = 0; p < 100; p++) {
        snprintf(name, sizeof name, "plugin_p%d_total", p);
        struct metric_label l = {SLICE("n"), slice_str(text)};
        struct metric_want want = {METRIC_COUNTER, slice_str(name), &l, 1, slice_of(name, strlen(name) - 5), false};
        int mine = 0;
        for (int i = 0; i < 1000; i++) {
            snprintf(text, sizeof text, "%d", i);
            l.value = slice_str(text);
            int rc = metric_find(m, &want, &c, &e);
            CHECK(rc == GIFD_OK || rc == GIFD_ETOOBIG);
            mine += rc == GIFD_OK;
        }
        CHECK(mine <= METRIC_GROUP_SERIES && (p > 10 || mine == METRIC_GROUP_SERIES));
        made += mine;
    }
    CHECK(made == METRIC_SERIES / 4 * 3);
    struct metric_want big = {METRIC_HISTOGRAM, SLICE("plugin_q_x"), NULL, 0, SLICE("plugin_q_"), false};
    CHECK(metric_find(m, &big, &c, &e) == GIFD_ETOOBIG);
    int own = 0, rc;
    for (; own < 10000; own++) {
        snprintf(name, sizeof name, "own_%d", own);
        rc = find(m, METRIC_COUNTER, name, NULL, NULL, &c);
        if (rc < 0) break;
        metric_add(c, 1);
    }
    CHECK(own == METRIC_SERIES / 4 && rc == GIFD_ETOOBIG);
    CHECK(find(m, METRIC_COUNTER, "own_7", NULL, NULL, &c) == GIFD_OK); /* what there is can still be found */
    munmap(m, metrics_bytes());
}

TEST(histograms_of_one_group_end_before_those_of_others)
{
    struct metrics *m = fresh();
    struct metric_cell *c;
    char name[32];
    int made = 0;
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "plugin_a_%d", i);
        struct metric_want want = {METRIC_HISTOGRAM, slice_str(name), NULL, 0, SLICE("plugin_a_"), false};
        made += metric_find(m, &want, &c, &e) == GIFD_OK;
    }
    CHECK(made == 8);
    struct metric_want other = {METRIC_HISTOGRAM, SLICE("plugin_b_x"), NULL, 0, SLICE("plugin_b_"), false};
    CHECK(metric_find(m, &other, &c, &e) == GIFD_OK);
    metric_observe(c, 1);
    CHECK(read_back(m, "plugin_b_x").found.count == 1 && read_back(m, "plugin_a_7").found.count == 0);
    munmap(m, metrics_bytes());
}

#define ROUNDS 200000

TEST(two_processes_count_into_one_number)
{
    struct metrics *m = fresh();
    pid_t pid[2];
    for (int i = 0; i < 2; i++) {
        pid[i] = fork();
        if (pid[i]) continue;
        struct metric_cell *c = cell(m, METRIC_COUNTER, "c"), *g = cell(m, METRIC_GAUGE, "g"),
                           *h = cell(m, METRIC_HISTOGRAM, "h");
        for (int k = 0; k < ROUNDS; k++) {
            metric_add(c, 1);
            metric_move(g, i ? 2 : -1);
            metric_observe(h, 0.5);
        }
        _exit(0);
    }
    for (int i = 0; i < 2; i++) {
        int status;
        CHECK(waitpid(pid[i], &status, 0) == pid[i] && status == 0);
    }
    struct seeking s = read_back(m, "h");
    CHECK(s.all == 3 && s.times == 1 && s.found.count == 2 * ROUNDS && s.found.sum == ROUNDS);
    CHECK(read_back(m, "c").found.value == 2 * ROUNDS && read_back(m, "g").found.value == ROUNDS);
    munmap(m, metrics_bytes());
}

TEST(what_is_counted_in_parts_is_read_as_one)
{
    struct metrics *m = fresh();
    struct metric_cell *c = cell(m, METRIC_COUNTER, "c"), *h = cell(m, METRIC_HISTOGRAM, "h"),
                       *g = cell(m, METRIC_GAUGE, "g");
    double q[] = {0.5, 1}, got[2];
    for (unsigned part = 0; part < METRIC_PARTS + 2; part++) {
        metrics_part(m, part);
        metric_add(c, 1);
        metric_set(g, part);
        metric_observe(h, part);
    }
    metrics_part(m, 0);
    struct seeking s = read_back(m, "h");
    CHECK(s.found.count == METRIC_PARTS + 2 && s.found.sum == (METRIC_PARTS + 2) * (METRIC_PARTS + 1) / 2);
    metric_quantiles(&s.found, q, got, 2);
    CHECK(got[0] == METRIC_PARTS / 2 && got[1] == METRIC_PARTS + 1);
    CHECK(read_back(m, "c").found.value == METRIC_PARTS + 2 && read_back(m, "g").found.value == METRIC_PARTS + 1);
    munmap(m, metrics_bytes());
}

TEST(gauges_of_what_is_no_more_are_zero)
{
    struct metrics *m = fresh();
    const char *const keys[] = {"process=\"w-1\"", "process=\"w-11\"", "xprocess=\"w-1\""};
    struct metric_cell *c[4];
    CHECK(find(m, METRIC_GAUGE, "g", "process", "w-1", &c[0]) == GIFD_OK);
    CHECK(find(m, METRIC_GAUGE, "g", "process", "w-11", &c[1]) == GIFD_OK);
    CHECK(find(m, METRIC_GAUGE, "g", "xprocess", "w-1", &c[2]) == GIFD_OK);
    CHECK(find(m, METRIC_COUNTER, "n", "process", "w-1", &c[3]) == GIFD_OK);
    for (int i = 0; i < 3; i++) metric_set(c[i], 5);
    metric_add(c[3], 5);
    metrics_forget(m, "process", "w-1");
    for (int i = 0; i < 3; i++) {
        char key[40];
        snprintf(key, sizeof key, "g{%s}", keys[i]);
        CHECK(read_back(m, key).found.value == (i ? 5 : 0));
    }
    metrics_forget(m, NULL, NULL);
    CHECK(read_back(m, "g{process=\"w-11\"}").found.value == 0);
    CHECK(read_back(m, "n{process=\"w-1\"}").found.value == 5);
    munmap(m, metrics_bytes());
}

/* Makers killed at any instruction: the next one goes on, and what can be read is whole. */
TEST(a_maker_that_is_killed_leaves_nothing_half)
{
    struct metrics *m = fresh();
    char name[32];
    struct metric_cell *c;
    for (int i = 0; i < 60; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            for (int k = 0;; k++) {
                snprintf(name, sizeof name, "of_%d_%d", i, k % 30);
                if (find(m, METRIC_COUNTER, name, NULL, NULL, &c) == GIFD_OK) metric_add(c, 1);
            }
        }
        usleep((useconds_t)(rand() % 400));
        kill(pid, SIGKILL);
        CHECK(waitpid(pid, NULL, 0) == pid);
        snprintf(name, sizeof name, "after_%d", i);
        CHECK(find(m, METRIC_COUNTER, name, NULL, NULL, &c) == GIFD_OK);
        metric_add(c, 7);
        struct seeking s = read_back(m, name);
        CHECK(s.sane && s.times == 1 && s.found.value == 7);
    }
    munmap(m, metrics_bytes());
}

TEST(a_lock_whose_holder_died_is_taken_and_one_that_is_held_is_waited_for_briefly)
{
    struct metrics *m = fresh();
    struct metric_cell *c;
    int ready[2];
    CHECK(pipe(ready) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_mutex_lock((pthread_mutex_t *)(void *)m); /* the first field */
        if (write(ready[1], "x", 1) != 1) _exit(1);
        pause();
    }
    char x;
    CHECK(read(ready[0], &x, 1) == 1);
    uint64_t began = clock_mono_ns();
    CHECK(find(m, METRIC_COUNTER, "c", NULL, NULL, &c) == GIFD_EBUSY);
    CHECK(clock_mono_ns() - began < 5000000000u);
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(find(m, METRIC_COUNTER, "c", NULL, NULL, &c) == GIFD_OK);
    CHECK(find(m, METRIC_COUNTER, "d", NULL, NULL, &c) == GIFD_OK);
    close(ready[0]);
    close(ready[1]);
    munmap(m, metrics_bytes());
}

TEST(numbers_in_a_segment_outlive_a_killed_process_and_the_server)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/gifd-metric-%d", (int)getpid());
    unlink(path);
    struct segment *s = segment_open(path, true, &e);
    CHECK(s);
    pid_t pid = fork();
    if (pid == 0) {
        struct segment *own = segment_open(path, false, &e);
        metric_add(cell(segment_metrics(own), METRIC_COUNTER, "c"), 41);
        kill(getpid(), SIGKILL);
    }
    CHECK(waitpid(pid, NULL, 0) == pid);
    metric_add(cell(segment_metrics(s), METRIC_COUNTER, "c"), 1);
    CHECK(read_back(segment_metrics(s), "c").found.value == 42);
    segment_close(s);
    s = segment_open(path, true, &e);
    CHECK(s && read_back(segment_metrics(s), "c").found.value == 42);
    segment_close(s);
    unlink(path);
}

TEST_MAIN()
