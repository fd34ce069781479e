/* rollup_test.c: sums are those of the rows, whatever was folded already; a question has what is not folded yet. */
#include "store/rollup.h"
#include "base/clock.h"
#include "base/test.h"
#include "store/trail.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW INT64_C(1795600000000000)

static char folder[64], path[80];
static struct loop loop;
static struct trail *trail;
static struct rollup *rollup;
static struct err e;
static int answered;

static void on_done(void *arg, int rc, const struct err *why)
{
    (void)arg, (void)why;
    answered += rc == GIFD_OK;
}

static void begin(uint64_t seal_rows)
{
    static int serial;
    char command[128];
    snprintf(folder, sizeof folder, "/tmp/gifd-rollup-%d-%d", (int)getpid(), serial++);
    snprintf(path, sizeof path, "%s.db", folder);
    snprintf(command, sizeof command, "rm -rf %s*", folder);
    CHECK(system(command) == 0);
    answered = 0;
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    trail = trail_new(&loop, &(struct trail_options){.folder = folder, .seal_rows = seal_rows}, &e);
    rollup = rollup_open(&(struct rollup_options){.path = path, .folder = folder}, &e);
    CHECK(trail && rollup);
}

static void end(void)
{
    char command[128];
    rollup_close(rollup);
    trail_free(trail);
    loop_close(&loop);
    snprintf(command, sizeof command, "rm -rf %s*", folder);
    CHECK(system(command) == 0);
}

static void tell(int64_t at, int64_t subject, int64_t part, int64_t kind, int times)
{
    struct trail_row row = {.at = at, .subject = subject, .part = part, .kind = kind, .n = 1};
    int until = answered + times;
    for (int i = 0; i < times; i++) CHECK(trail_append(trail, &row, 1, on_done, NULL, &e) == GIFD_OK);
    for (int i = 0; i < 5000 && answered < until; i++) {
        uv_run(&loop.uv, UV_RUN_NOWAIT);
        usleep(500);
    }
    CHECK(answered == until);
}

static uint64_t fold_at(int64_t now)
{
    struct rollup_fold f = {.now = now, .counted = 1 << 4, .boards = true};
    CHECK(rollup_fold(rollup, &f, &e) == GIFD_OK);
    return f.rows;
}

static uint64_t fold(void)
{
    return fold_at(NOW);
}

static int64_t total(enum rollup_axis axis, int64_t key, int64_t kind)
{
    struct rollup_answer a;
    int64_t n = 0;
    CHECK(rollup_totals(rollup, axis, key, &a, &e) == GIFD_OK);
    CHECK(!a.behind);
    for (size_t i = 0; i < a.count; i++)
        if (a.rows[i].kind == kind) n += a.rows[i].n;
    rollup_answer_free(&a);
    return n;
}

#define VIEW (1 | 4 << 12 | 1 << 16)
#define CLICK (3 | 4 << 12 | 1 << 16)

TEST(what_counts_of_many_keys_is_told_at_once)
{
    begin(0);
    tell(NOW, 7, 1, VIEW, 3);
    tell(NOW, 8, 2, CLICK, 2);
    tell(NOW, 8, 2, CLICK & ~0xf000, 5); /* of a class that does not count */
    for (int folded = 0; folded < 2; folded++) {
        struct rollup_sum sums[] = {{.key = 9}, {.key = 8}, {.key = 7}, {.key = 8}};
        CHECK(rollup_sums(rollup, ROLLUP_SUBJECT, sums, 4, 1 << 4, &e) == GIFD_OK);
        CHECK(sums[0].t[0] == 0 && sums[1].t[2] == 2 && sums[2].t[0] == 3 && sums[3].t[2] == 2);
        struct rollup_sum part = {.key = 1};
        CHECK(rollup_sums(rollup, ROLLUP_PART, &part, 1, 1 << 4, &e) == GIFD_OK && part.t[0] == 3);
        fold();
    }
    end();
}

TEST(rows_that_turn_out_to_be_another_kind_take_their_sums_with_them)
{
    begin(0);
    const int64_t other = CLICK & ~0xf000, now = clock_wall_us();
    uint64_t rows;
    tell(now, 7, 1, CLICK | INT64_C(5) << 32, 3);
    tell(now, 7, 2, CLICK | INT64_C(5) << 32, 2);
    tell(now, 7, 2, VIEW, 1);
    fold();
    tell(now, 8, 2, CLICK | INT64_C(5) << 32, 1); /* in no sum yet */
    struct rollup_answer kinds;
    CHECK(rollup_kinds(rollup, 0, &kinds, &e) == GIFD_OK && kinds.count == 2);
    CHECK(kinds.rows[0].n + kinds.rows[1].n == 7);
    rollup_answer_free(&kinds);
    struct rollup_change changes[] = {{2, CLICK | INT64_C(5) << 32, other, now}, {9, VIEW, 0, 0}};
    CHECK(rollup_revise(rollup, now + 1, changes, 2, false, 1 << 4, &e) == 0);
    CHECK(rollup_revise(rollup, now, changes, 2, true, 1 << 4, &e) == 0);
    CHECK(rollup_revise(rollup, now, changes, 2, false, 1 << 4, &e) == 3);
    CHECK(total(ROLLUP_PART, 2, CLICK) == 0 && total(ROLLUP_PART, 2, other) == 3 && total(ROLLUP_PART, 1, CLICK) == 3);
    CHECK(total(ROLLUP_SUBJECT, 7, CLICK) == 3 && total(ROLLUP_ALL, 0, other) == 3);
    fold();
    CHECK(rollup_verify(rollup, 1 << 4, false, &rows, &e) == 0);
    struct rollup_sum sum = {.key = 7};
    CHECK(rollup_sums(rollup, ROLLUP_SUBJECT, &sum, 1, 1 << 4, &e) == GIFD_OK && sum.t[2] == 3 && sum.t[0] == 1);
    end();
}

TEST(a_question_has_what_is_folded_and_what_is_not)
{
    begin(0);
    CHECK(total(ROLLUP_SUBJECT, 7, VIEW) == 0);
    tell(NOW, 7, 1, VIEW, 3);
    CHECK(total(ROLLUP_SUBJECT, 7, VIEW) == 3);
    CHECK(fold() == 3);
    CHECK(fold() == 0);
    tell(NOW, 7, 0, VIEW, 2);
    tell(NOW, 8, 0, CLICK, 1);
    tell(NOW, 0, 1, VIEW, 1); /* of a part alone */
    CHECK(total(ROLLUP_SUBJECT, 7, VIEW) == 5);
    CHECK(total(ROLLUP_PART, 1, VIEW) == 4);
    CHECK(total(ROLLUP_ALL, 0, VIEW) == 5);
    CHECK(total(ROLLUP_ALL, 0, CLICK) == 1);
    CHECK(fold() == 4);
    CHECK(total(ROLLUP_SUBJECT, 7, VIEW) == 5);
    CHECK(total(ROLLUP_PART, 1, VIEW) == 4);
    CHECK(total(ROLLUP_ALL, 0, VIEW) == 5);
    end();
}

TEST(steps_are_minutes_hours_and_days)
{
    begin(0);
    tell(NOW, 7, 0, VIEW, 1);
    tell(NOW + 61000000, 7, 0, VIEW, 2);
    fold();
    tell(NOW + 62000000, 7, 0, VIEW, 1);
    struct rollup_answer a;
    int64_t minute = NOW / 60000000;
    CHECK(rollup_series(rollup, ROLLUP_SUBJECT, 7, ROLLUP_MINUTE, minute, minute + 5, 0xffff, 0xffff, &a, &e) ==
          GIFD_OK);
    CHECK(a.count == 2 && a.rows[0].at == minute && a.rows[0].n == 1 && a.rows[1].n == 3);
    CHECK(a.rows[0].kind == (VIEW & 0xffff));
    rollup_answer_free(&a);
    CHECK(rollup_series(rollup, ROLLUP_ALL, 0, ROLLUP_DAY, 0, INT32_MAX, 0xffff, 0xffff, &a, &e) == GIFD_OK);
    CHECK(a.count == 1 && a.rows[0].n == 4);
    rollup_answer_free(&a);
    CHECK(rollup_series(rollup, ROLLUP_SUBJECT, 7, ROLLUP_MINUTE, 0, minute - 1, 0xffff, 0xffff, &a, &e) == GIFD_OK);
    CHECK(a.count == 0);
    rollup_answer_free(&a);
    end();
}

TEST(sealed_files_are_folded_once_and_found_by_their_subject)
{
    begin(10);
    for (int i = 0; i < 4; i++) tell(NOW + i, 7 + i % 2, 0, VIEW, 12);
    CHECK(fold() + fold() == 48);
    CHECK(total(ROLLUP_SUBJECT, 7, VIEW) == 24);
    int indexed = 0;
    while (rollup_index(rollup, &e) == 1) indexed++;
    CHECK(indexed >= 3 && rollup_index(rollup, &e) == 0 && fold() == 0);
    struct rollup_raw rows[30];
    size_t n;
    CHECK(rollup_raw(rollup, ROLLUP_SUBJECT, 8, 0, INT64_MAX, 0, 0, rows, 30, &n, &e) == GIFD_OK);
    CHECK(n == 24);
    uint32_t file = rows[9].file;
    int64_t id = rows[9].id;
    rollup_raw_free(rows, n);
    CHECK(rollup_raw(rollup, ROLLUP_SUBJECT, 8, 0, INT64_MAX, file, id, rows, 30, &n, &e) == GIFD_OK);
    CHECK(n == 14);
    rollup_raw_free(rows, n);
    CHECK(rollup_expire(rollup, NOW + 2, &e) >= 1);
    CHECK(total(ROLLUP_SUBJECT, 7, VIEW) == 24);
    end();
}

TEST(what_leads_is_by_counted_classes_and_in_a_fixed_order)
{
    begin(0);
    tell(NOW, 7, 0, VIEW, 2);
    tell(NOW, 8, 0, VIEW, 2);
    tell(NOW, 9, 0, VIEW, 4);
    tell(NOW, 9, 0, CLICK, 1);
    tell(NOW, 8, 0, CLICK, 3);
    tell(NOW, 10, 0, 1 | 2 << 12, 50); /* of a class that does not count */
    fold();
    struct rollup_leader top[10];
    int64_t as_of;
    CHECK(rollup_board(rollup, "1", top, 10, &as_of, &e) == 3);
    CHECK(as_of == NOW && top[0].key == 9 && top[1].key == 7 && top[2].key == 8 && top[0].t[0] == 4 &&
          top[0].t[2] == 1);
    CHECK(rollup_board(rollup, "3/1", top, 10, &as_of, &e) == 3);
    CHECK(top[0].key == 8 && top[1].key == 9 && top[2].key == 7);
    CHECK(rollup_board(rollup, "1", top, 1, &as_of, &e) == 1);
    end();
}

TEST(sums_can_be_proven_mended_and_forgotten)
{
    begin(0);
    uint64_t rows;
    tell(NOW, 7, 1, VIEW, 5);
    tell(NOW, 8, 2, VIEW, 5);
    fold();
    CHECK(rollup_verify(rollup, 1 << 4, false, &rows, &e) == 0);
    CHECK(rows == 10);
    sqlite3 *db;
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "UPDATE total SET n = 6 WHERE axis = 1 AND key = 7", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    CHECK(rollup_verify(rollup, 1 << 4, false, &rows, &e) == 1);
    CHECK(rollup_verify(rollup, 1 << 4, true, &rows, &e) == 1);
    CHECK(rollup_verify(rollup, 1 << 4, false, &rows, &e) == 0);
    CHECK(total(ROLLUP_SUBJECT, 7, VIEW) == 5);
    CHECK(rollup_clear(rollup, ROLLUP_SUBJECT, 7, &e) == GIFD_OK);
    CHECK(total(ROLLUP_SUBJECT, 7, VIEW) == 0);
    CHECK(total(ROLLUP_PART, 1, VIEW) == 0);
    CHECK(total(ROLLUP_PART, 2, VIEW) == 5);
    CHECK(total(ROLLUP_ALL, 0, VIEW) == 5);
    CHECK(rollup_verify(rollup, 1 << 4, false, &rows, &e) == 0);
    CHECK(rollup_clear(rollup, ROLLUP_ALL, 0, &e) == GIFD_OK);
    CHECK(total(ROLLUP_ALL, 0, VIEW) == 0);
    tell(NOW, 8, 2, VIEW, 1);
    CHECK(total(ROLLUP_SUBJECT, 8, VIEW) == 1);
    end();
}

/* `count` rows, of as many subjects, three hours and a thousand parts. */
static void tell_many(int count)
{
    static struct trail_row rows[TRAIL_APPEND_MAX];
    for (int i = 0; i < count; i++)
        rows[i] = (struct trail_row){.at = NOW - i % 3 * INT64_C(3600000000),
                                     .subject = 1 + i,
                                     .part = 1 + i % 1000,
                                     .kind = VIEW + (i % 5 == 0),
                                     .n = 1};
    int until = answered + 1;
    CHECK(trail_append(trail, rows, (size_t)count, on_done, NULL, &e) == GIFD_OK);
    while (answered < until) uv_run(&loop.uv, UV_RUN_ONCE);
}

static int64_t of_table(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    CHECK(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK);
    CHECK(sqlite3_step(s) == SQLITE_ROW);
    int64_t n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return n;
}

static void check_many(int times)
{
    struct rollup_answer a;
    CHECK(total(ROLLUP_SUBJECT, 2, VIEW) == times && total(ROLLUP_PART, 2, VIEW) == times * 6);
    CHECK(total(ROLLUP_ALL, 0, VIEW) == times * 4800 && total(ROLLUP_ALL, 0, VIEW + 1) == times * 1200);
    CHECK(rollup_series(rollup, ROLLUP_PART, 2, ROLLUP_HOUR, NOW / 3600000000 - 1, NOW / 3600000000, 0xf, 1 << 4, &a,
                        &e) == GIFD_OK);
    CHECK(a.count == 2 && a.rows[0].at == NOW / 3600000000 - 1 && a.rows[0].kind == 1);
    CHECK(a.rows[0].n == 2 * times && a.rows[1].n == 2 * times);
    rollup_answer_free(&a);
    struct rollup_sum sums[2] = {{.key = 2}, {.key = 999999}};
    CHECK(rollup_sums(rollup, ROLLUP_PART, sums, 2, 1 << 4, &e) == GIFD_OK);
    CHECK(sums[0].t[0] == times * 6 && sums[1].t[0] == 0);
}

static int64_t hour_of_all(int64_t mask)
{
    struct rollup_answer a;
    int64_t n = 0, hour = NOW / 3600000000;
    CHECK(rollup_series(rollup, ROLLUP_ALL, 0, ROLLUP_HOUR, hour, hour, mask, 1 << 4, &a, &e) == GIFD_OK);
    for (size_t i = 0; i < a.count; i++) n += a.rows[i].n;
    rollup_answer_free(&a);
    return n;
}

TEST(all_by_time_is_the_same_with_platforms_and_without)
{
    begin(0);
    tell(NOW, 7, 1, VIEW, 3);
    tell(NOW, 8, 1, VIEW + (2 << 4), 4);
    tell(NOW, 8, 1, CLICK & ~0xf000, 5);
    for (int folded = 0; folded < 3; folded++) {
        CHECK(hour_of_all(0xffff) == 7 && hour_of_all(0xf00f) == 7);
        fold();
    }
    CHECK(rollup_clear(rollup, ROLLUP_SUBJECT, 7, &e) == GIFD_OK);
    CHECK(hour_of_all(0xffff) == 4 && hour_of_all(0xf00f) == 4);
    sqlite3 *db; /* as if it were of before there were such sums */
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "DELETE FROM step WHERE axis = 3; DELETE FROM told WHERE name = 'coarse'", NULL, NULL,
                       NULL) == SQLITE_OK);
    sqlite3_close(db);
    tell(NOW, 8, 1, VIEW, 2);
    fold();
    CHECK(hour_of_all(0xffff) == 6 && hour_of_all(0xf00f) == 6);
    end();
}

TEST(sums_of_a_large_fold_wait_and_are_in_every_answer)
{
    uint64_t rows;
    begin(0);
    tell_many(6000);
    CHECK(fold() == 6000);
    CHECK(of_table("SELECT count(*) FROM delta") > 0);
    check_many(1);
    tell_many(6000);
    check_many(2);
    CHECK(fold_at(NOW + 1000000) == 6000);
    check_many(2);
    CHECK(rollup_verify(rollup, 1 << 4, false, &rows, &e) == 0 && rows == 12000);
    CHECK(rollup_clear(rollup, ROLLUP_SUBJECT, 7, &e) == GIFD_OK); /* some are in the tables now */
    CHECK(total(ROLLUP_SUBJECT, 7, VIEW) == 0 && total(ROLLUP_PART, 7, VIEW) == 0);
    for (int s = 8; s < 300; s += 8) fold_at(NOW + s * INT64_C(1000000)); /* eight groups each */
    CHECK(of_table("SELECT count(*) FROM delta") == 0);
    CHECK(of_table("SELECT value FROM told WHERE name = 'pending'") == 0);
    CHECK(total(ROLLUP_SUBJECT, 2, VIEW) == 2 && total(ROLLUP_PART, 2, VIEW) == 12);
    CHECK(of_table("SELECT t1 FROM sum WHERE key = 3") == 2 && of_table("SELECT t2 FROM sum WHERE key = 6") == 2);
    end();
}

TEST(sums_that_wait_are_mended_too)
{
    uint64_t rows;
    begin(0);
    tell_many(6000);
    fold();
    sqlite3 *db;
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "DELETE FROM delta WHERE bucket = 3", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    CHECK(rollup_verify(rollup, 1 << 4, false, &rows, &e) > 0);
    CHECK(rollup_verify(rollup, 1 << 4, true, &rows, &e) > 0 && rows == 6000);
    CHECK(rollup_verify(rollup, 1 << 4, false, &rows, &e) == 0);
    check_many(1);
    end();
}

TEST(who_is_killed_in_a_fold_counts_nothing_twice)
{
    uint64_t rows;
    begin(0);
    for (int round = 0; round < 6; round++) {
        tell_many(6000);
        pid_t child = fork();
        if (child == 0) {
            struct rollup *own = rollup_open(&(struct rollup_options){.path = path, .folder = folder}, &e);
            for (int64_t s = round * 100;; s++)
                rollup_fold(own, &(struct rollup_fold){.now = NOW + s * 1000000, .counted = 1 << 4}, &e);
        }
        usleep((useconds_t)(1000 + round * 9000));
        CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
        CHECK(rollup_verify(rollup, 1 << 4, false, &rows, &e) == 0);
        check_many(round + 1);
    }
    fold_at(NOW + INT64_C(1000000000));
    CHECK(rollup_verify(rollup, 1 << 4, false, &rows, &e) == 0 && rows == 36000);
    check_many(6);
    end();
}

TEST_MAIN()
