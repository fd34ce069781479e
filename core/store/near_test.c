/* near_test.c: what is found, what is not, and what a file survives. */
#include "store/near.h"

#include "base/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop loop;
static char path[64];
static struct near *near_;
static struct err err;

static struct {
    int calls;
    size_t count;
    struct near_found found[NEAR_FOUND_MAX];
} got;

static void open_it(void)
{
    near_ = near_open(&loop, path, &err);
    CHECK(near_);
}

static void begin(void)
{
    snprintf(path, sizeof path, "/tmp/gifd-near-%d", (int)getpid());
    unlink(path);
    CHECK(loop_init(&loop, &err) == 0);
    open_it();
}

static void end(void)
{
    near_close(near_);
    loop_close(&loop);
    unlink(path);
}

static void on_found(void *arg, int rc, const struct near_found *found, size_t count, const struct err *e)
{
    (void)arg, (void)rc, (void)e;
    got.calls++;
    got.count = count;
    memcpy(got.found, found, count * sizeof *found);
    loop_stop(&loop);
}

/* A hash that differs from a far one of its own seed in `bits` bits, spread over all of it. */
static struct near_row row(uint64_t key, unsigned seed, unsigned bits)
{
    struct near_row r = {.key = key};
    uint64_t x = seed * 2654435761u + 1;
    for (int i = 0; i < NEAR_BYTES; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        r.hash[i] = (uint8_t)(x >> 56);
    }
    for (unsigned i = 0; i < bits; i++) r.hash[(i * 37 + 5) % NEAR_BYTES] ^= (uint8_t)(1 << (i / NEAR_BYTES));
    return r;
}

static void append(struct near_row r)
{
    struct near_state s;
    near_state(near_, &s);
    CHECK(near_append(near_, s.mark, &r, 1, s.mark + 1, &err) == 0);
}

static void ready(void)
{
    struct near_state s;
    near_state(near_, &s);
    CHECK(near_ready(near_, s.mark, &err) == 0);
}

static void search(unsigned seed, uint32_t distance)
{
    int before = got.calls;
    struct near_row r = row(1, seed, 0);
    CHECK(near_search(near_, r.hash, distance, on_found, NULL, &err));
    while (got.calls == before) loop_run(&loop);
}

static uint64_t rows_in_it(void)
{
    struct near_state s;
    near_state(near_, &s);
    return s.rows;
}

TEST(what_is_near_is_found_the_nearest_first)
{
    begin();
    append(row(10, 1, 20));
    append(row(11, 1, 5));
    append(row(12, 2, 0));
    append(row(13, 1, 32));
    ready();
    search(1, 31);
    CHECK(got.count == 2 && got.found[0].key == 11 && got.found[0].distance == 5);
    CHECK(got.found[1].key == 10 && got.found[1].distance == 20);
    search(1, 4);
    CHECK(got.count == 0);
    search(2, 0);
    CHECK(got.count == 1 && got.found[0].key == 12);
    end();
}

TEST(a_key_is_found_once_at_its_least_distance)
{
    begin();
    append(row(7, 1, 9));
    append(row(8, 1, 4));
    append(row(7, 1, 3));
    append(row(7, 1, 6));
    ready();
    search(1, 31);
    CHECK(got.count == 2 && got.found[0].key == 7 && got.found[0].distance == 3 && got.found[1].key == 8);
    end();
}

TEST(of_too_many_the_nearest_are_told)
{
    begin();
    for (unsigned i = 0; i < 400; i++) append(row(1 + i, 1, 30 - i / 16));
    ready();
    search(1, 31);
    CHECK(got.count == NEAR_FOUND_MAX && got.found[0].distance == 30 - 399 / 16);
    for (size_t i = 1; i < got.count; i++) CHECK(got.found[i].distance >= got.found[i - 1].distance);
    CHECK(got.found[NEAR_FOUND_MAX - 1].distance <= 30 - 299 / 16);
    end();
}

TEST(brute_force_agrees_over_more_than_one_block)
{
    enum { N = 9000 };
    static struct near_row rows[NEAR_APPEND_MAX];
    begin();
    for (unsigned at = 0; at < N; at += NEAR_APPEND_MAX) {
        for (unsigned i = 0; i < NEAR_APPEND_MAX; i++) rows[i] = row(at + i + 1, (at + i) % 100, (at + i) / 100);
        CHECK(near_append(near_, at, rows, NEAR_APPEND_MAX, at + NEAR_APPEND_MAX, &err) == 0);
    }
    ready();
    search(42, 31); /* 32 of its kind are within 31 bits */
    CHECK(got.count == 32);
    for (unsigned i = 0; i < 32; i++) CHECK(got.found[i].distance == i && got.found[i].key == 43 + 100 * i);
    end();
}

TEST(what_was_removed_is_not_found_and_its_place_is_used_again)
{
    begin();
    append(row(5, 1, 1));
    append(row(6, 1, 2));
    append(row(5, 1, 3));
    ready();
    CHECK(near_remove(near_, 5, &err) == 2 && rows_in_it() == 1);
    search(1, 31);
    CHECK(got.count == 1 && got.found[0].key == 6);
    append(row(9, 1, 0));
    append(row(10, 1, 4));
    append(row(11, 1, 5));
    search(1, 31);
    CHECK(got.count == 4 && got.found[0].key == 9 && rows_in_it() == 4);
    end();
}

TEST(who_appends_what_another_has_appended_is_told)
{
    begin();
    struct near_row r = row(1, 1, 0);
    CHECK(near_append(near_, 0, &r, 1, 8, &err) == 0);
    CHECK(near_append(near_, 0, &r, 1, 8, &err) == GIFD_ECONFLICT && rows_in_it() == 1);
    CHECK(near_ready(near_, 0, &err) == GIFD_ECONFLICT);
    end();
}

TEST(until_it_is_filled_nothing_is_answered)
{
    begin();
    append(row(1, 1, 0));
    struct near_row r = row(1, 1, 0);
    CHECK(!near_search(near_, r.hash, 31, on_found, NULL, &err) && err.code == GIFD_EBUSY);
    ready();
    search(1, 0);
    CHECK(got.count == 1);
    CHECK(near_reset(near_, &err) == 0);
    CHECK(!near_search(near_, r.hash, 31, on_found, NULL, &err) && rows_in_it() == 0);
    end();
}

TEST(another_process_sees_it_and_a_later_one_too)
{
    begin();
    append(row(1, 1, 2));
    ready();
    struct near *other = near_open(&loop, path, &err);
    CHECK(other);
    append(row(2, 1, 1));
    struct near *mine = near_;
    near_ = other;
    search(1, 31);
    CHECK(got.count == 2);
    near_close(mine);
    near_close(other);
    open_it();
    search(1, 31);
    CHECK(got.count == 2 && got.found[0].key == 2);
    end();
}

static void damage(off_t at, const char *bytes, size_t n)
{
    near_close(near_);
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0 && pwrite(fd, bytes, n, at) == (ssize_t)n);
    close(fd);
    open_it();
}

TEST(a_damaged_or_older_file_is_emptied)
{
    static const struct {
        off_t at;
        const char *bytes;
    } damages[] = {{0, "x"}, {8, "\x07"}, {20, "another boot"}, {60, "\xff\xff\xff\xff\xff"}};
    begin();
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        append(row(1, 1, 0));
        ready();
        damage(damages[i].at, damages[i].bytes, strlen(damages[i].bytes));
        struct near_state s;
        near_state(near_, &s);
        CHECK(!s.ready && s.rows == 0 && s.mark == 0);
    }
    append(row(1, 1, 0));
    near_close(near_);
    CHECK(truncate(path, 5000) == 0);
    open_it();
    CHECK(rows_in_it() == 0);
    append(row(1, 1, 0));
    CHECK(rows_in_it() == 1);
    end();
}

/* Killed while it appends, again and again: the count never runs ahead of what is written. */
TEST(a_killed_writer_leaves_whole_rows)
{
    begin();
    for (int round = 0; round < 20; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            struct near *own = near_open(&loop, path, &err);
            if (!own) _exit(2);
            for (uint64_t i = 0;; i++) {
                struct near_state s;
                struct near_row r = row(i + 1, 3, (unsigned)(i % 32));
                near_state(own, &s);
                near_append(own, s.mark, &r, 1, s.mark + 1, &err);
            }
        }
        usleep(3000);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    append(row(1, 5, 0));
    ready();
    uint64_t rows = rows_in_it();
    search(3, 31);
    CHECK(rows > 20 && got.count == NEAR_FOUND_MAX && got.found[0].distance == 0);
    search(5, 0);
    CHECK(got.count == 1);
    end();
}

TEST(a_forgotten_search_keeps_quiet)
{
    begin();
    append(row(1, 1, 0));
    ready();
    int before = got.calls;
    struct near_row r = row(1, 1, 0);
    near_forget(near_search(near_, r.hash, 31, on_found, NULL, &err));
    search(1, 0);
    CHECK(got.calls == before + 1);
    end();
}

TEST_MAIN()
