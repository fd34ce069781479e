/* db_test.c: what users of db.h notice: rows, errors and their names, atomic batches, time budgets, many processes. */
#include "base/clock.h"
#include "base/test.h"
#include "store/db.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[64];
static struct loop loop;
static struct arena arena;
static struct err e;

static const char schema[] =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, n INTEGER NOT NULL CHECK (n >= 0)) STRICT;\n"
    "CREATE TABLE child (t INTEGER NOT NULL REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED) STRICT;\n";

static void fresh(void)
{
    static int n;
    char command[256];
    snprintf(path, sizeof path, "/tmp/gifd-db-%d-%d", (int)getpid(), n++);
    snprintf(command, sizeof command, "rm -rf '%s'; mkdir '%s'", path, path);
    CHECK(system(command) == 0);
    snprintf(path + strlen(path), sizeof path - strlen(path), "/db");
    struct migration m = {"0001_test", slice_str(schema)};
    CHECK(db_migrate(path, &m, 1, &e) == 1);
}

static void clear(void)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%.*s'", (int)strlen(path) - 3, path);
    CHECK(system(command) == 0);
}

static struct db *opened(void)
{
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    arena_init(&arena, 64 << 20);
    struct db *db = db_open(&loop, &(struct db_options){.path = path}, &e);
    if (!db) fprintf(stderr, "%s\n", e.text);
    CHECK(db);
    return db;
}

static void closed(struct db *db)
{
    db_close(db);
    loop_close(&loop);
    arena_free(&arena);
}

struct outcome {
    int calls, rc;
    int64_t changes, last_id, first;
    size_t rows;
    char text[ERR_TEXT_MAX];
};

static void on_done(void *arg, int rc, const struct db_rows *results, size_t count, const struct err *error)
{
    struct outcome *o = arg;
    o->calls++;
    o->rc = rc;
    if (rc < 0) {
        snprintf(o->text, sizeof o->text, "%s", error->text);
        return;
    }
    o->changes = results[count - 1].changes;
    o->last_id = results[count - 1].last_id;
    o->rows = results[count - 1].count;
    if (o->rows) o->first = results[count - 1].cells[0].i;
}

static struct db_call call(const char *sql)
{
    return (struct db_call){slice_str(sql), NULL, 0, -1, false};
}

static struct outcome write_all(struct db *db, const struct db_call *calls, size_t n)
{
    struct outcome o = {0};
    CHECK(db_write(db, calls, n, on_done, &o, &e));
    loop_run(&loop);
    CHECK(o.calls == 1);
    return o;
}

static struct outcome write_one(struct db *db, const char *sql)
{
    struct db_call c = call(sql);
    return write_all(db, &c, 1);
}

static int64_t number(struct db *db, const char *sql)
{
    struct db_rows rows;
    struct db_call c = call(sql);
    int rc = db_read_now(db, &c, 1000000, &arena, &rows, &e);
    if (rc < 0) fprintf(stderr, "%s: %s\n", sql, e.text);
    CHECK(rc == GIFD_OK && rows.count == 1);
    return rows.cells[0].i;
}

TEST(what_was_written_is_read_in_every_type)
{
    fresh();
    struct db *db = opened();
    struct value args[] = {{.type = VALUE_TEXT, .s = SLICE("caf\303\251")}, {.type = VALUE_INT, .i = INT64_MAX}};
    struct db_call c = {SLICE("INSERT INTO t (a, n) VALUES (?1, ?2) RETURNING id"), args, 2, 1, false};
    struct outcome o = write_all(db, &c, 1);
    CHECK(o.rc == GIFD_OK && o.changes == 1 && o.last_id == 1 && o.rows == 1 && o.first == 1);
    struct value more[] = {
        {.type = VALUE_REAL, .d = 1.5}, {.type = VALUE_BLOB, .s = slice_of("\0x", 2)}, {.type = VALUE_NULL}};
    struct db_call read = {SLICE("SELECT a, n, ?1 AS real, ?2, ?3, '' FROM t"), more, 3, -1, false};
    struct db_rows rows;
    CHECK(db_read_now(db, &read, 100000, &arena, &rows, &e) == GIFD_OK);
    CHECK(rows.columns == 6 && rows.count == 1);
    CHECK_STR(rows.names[2], "real");
    CHECK(rows.cells[0].type == VALUE_TEXT && slice_is(rows.cells[0].s, "caf\303\251"));
    CHECK(rows.cells[1].type == VALUE_INT && rows.cells[1].i == INT64_MAX);
    CHECK(rows.cells[2].type == VALUE_REAL && rows.cells[2].d == 1.5);
    CHECK(rows.cells[3].type == VALUE_BLOB && rows.cells[3].s.n == 2 && rows.cells[3].s.p[1] == 'x');
    CHECK(rows.cells[4].type == VALUE_NULL);
    CHECK(rows.cells[5].type == VALUE_TEXT && rows.cells[5].s.n == 0);
    struct outcome r = {0};
    CHECK(db_read(db, &read, on_done, &r, &e));
    loop_run(&loop);
    CHECK(r.calls == 1 && r.rc == GIFD_OK && r.rows == 1);
    closed(db);
    clear();
}

TEST(errors_have_the_name_that_a_program_needs)
{
    fresh();
    struct db *db = opened();
    CHECK(write_one(db, "INSERT INTO t (a, n) VALUES ('x', 1)").rc == GIFD_OK);
    struct outcome o = write_one(db, "INSERT INTO t (a, n) VALUES ('x', 1)");
    CHECK(o.rc == GIFD_ECONFLICT && strstr(o.text, "t.a"));
    o = write_one(db, "INSERT INTO t (id, n) VALUES (1, 1)");
    CHECK(o.rc == GIFD_ECONFLICT && strstr(o.text, "t.id"));
    CHECK(write_one(db, "INSERT INTO t (n) VALUES (-1)").rc == GIFD_EINVALID);
    CHECK(write_one(db, "INSERT INTO t (n) VALUES (NULL)").rc == GIFD_EINVALID);
    CHECK(write_one(db, "INSERT INTO t (n) VALUES ('text')").rc == GIFD_EINVALID);
    CHECK(write_one(db, "INSERT INTO child (t) VALUES (99)").rc == GIFD_EINVALID);
    CHECK(write_one(db, "INSERT INTO nowhere VALUES (1)").rc == GIFD_EINVALID);
    CHECK(write_one(db, "").rc == GIFD_EINVALID);
    CHECK(write_one(db, "SELECT 1; SELECT 2").rc == GIFD_EINVALID);
    CHECK(write_one(db, "SELECT 1;\n ").rc == GIFD_OK);
    static const char *const ours[] = {"BEGIN",
                                       "COMMIT",
                                       "ROLLBACK",
                                       "SAVEPOINT x",
                                       "ATTACH '/tmp/x' AS x",
                                       "PRAGMA journal_mode=DELETE",
                                       "PRAGMA synchronous=OFF"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) CHECK(write_one(db, ours[i]).rc == GIFD_EDENIED);
    struct db_call c = call("SELECT ?1");
    struct value args[2] = {{.type = VALUE_INT}, {.type = VALUE_INT}};
    c.args = args;
    c.arg_count = 2;
    CHECK(write_all(db, &c, 1).rc == GIFD_EINVALID);
    struct db_rows rows;
    c = call("DELETE FROM t");
    CHECK(db_read_now(db, &c, 1000, &arena, &rows, &e) == GIFD_EINVALID);
    CHECK(number(db, "SELECT count(*) FROM t") == 1);
    closed(db);
    clear();
}

TEST(a_batch_is_whole_or_nothing_and_harms_no_neighbour)
{
    fresh();
    struct db *db = opened();
    struct outcome o[60] = {0};
    char sql[60][80];
    for (int i = 0; i < 60; i++) { /* all wait together: they share commits */
        snprintf(sql[i], sizeof sql[i], "INSERT INTO t (id, a, n) VALUES (%d, 'v%d', 1)", i + 1, i);
        struct db_call two[2] = {call(sql[i]), call(i % 3 == 1 ? "INSERT INTO t (n) VALUES (-1)" : "SELECT 1")};
        if (i % 3 == 2) {
            two[1] = call("UPDATE t SET n = 2 WHERE id = 1000");
            two[1].expect = 1;
        }
        CHECK(db_write(db, two, 2, on_done, &o[i], &e));
    }
    loop_run(&loop);
    for (int i = 0; i < 60; i++) {
        CHECK(o[i].calls == 1);
        CHECK(o[i].rc == (i % 3 == 0 ? GIFD_OK : i % 3 == 1 ? GIFD_EINVALID : GIFD_ECONFLICT));
    }
    CHECK(number(db, "SELECT count(*) FROM t") == 20);
    CHECK(number(db, "SELECT count(*) FROM t WHERE id % 3 = 1") == 20);
    closed(db);
    clear();
}

static const char slow[] = "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r";

TEST(an_interrupted_or_late_refused_batch_harms_no_neighbour)
{
    fresh();
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    arena_init(&arena, 1 << 20);
    struct db *db = db_open(&loop, &(struct db_options){.path = path, .statement_ms = 50}, &e);
    CHECK(db);
    struct outcome o[9] = {0};
    struct db_call good = call("INSERT INTO t (n) VALUES (1)");
    struct db_call endless = call("INSERT INTO t (n) WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) "
                                  "SELECT max(x) FROM r");
    struct db_call orphan = call("INSERT INTO child (t) VALUES (99)"); /* its constraint is looked at by COMMIT only */
    for (int i = 0; i < 9; i++)
        CHECK(db_write(db, i == 4 ? &endless : i == 6 ? &orphan : &good, 1, on_done, &o[i], &e));
    loop_run(&loop);
    for (int i = 0; i < 9; i++)
        CHECK(o[i].calls == 1 && o[i].rc == (i == 4 ? GIFD_ETIMEOUT : i == 6 ? GIFD_EINVALID : GIFD_OK));
    CHECK(number(db, "SELECT count(*) FROM t") == 7);
    CHECK(number(db, "SELECT count(*) FROM child") == 0);
    closed(db);
    clear();
}

TEST(a_read_here_ends_at_its_budget_and_a_read_elsewhere_at_its_own)
{
    fresh();
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    arena_init(&arena, 1 << 20);
    struct db *db = db_open(&loop, &(struct db_options){.path = path, .statement_ms = 100}, &e);
    struct db_rows rows;
    struct db_call c = call(slow);
    uint64_t from = clock_mono_ns();
    CHECK(db_read_now(db, &c, 3000, &arena, &rows, &e) == GIFD_ETIMEOUT);
    CHECK(clock_mono_ns() - from < 1000000000u);
    CHECK(number(db, "SELECT 7") == 7);
    struct outcome o = {0};
    CHECK(db_read(db, &c, on_done, &o, &e));
    loop_run(&loop);
    CHECK(o.rc == GIFD_ETIMEOUT);
    closed(db);
    clear();
}

/* Until the writer or reader has been at one step for ms. */
static uint64_t step_of(struct db *db, uint64_t ms, char what[DB_STEP_LEN])
{
    uint64_t ns, end = clock_mono_ns() + 5000000000u;
    while ((ns = db_step_ns(db, what)) < ms * 1000000 && clock_mono_ns() < end) usleep(1000);
    return ns;
}

TEST(whoever_stands_still_at_a_statement_is_named)
{
    char what[DB_STEP_LEN];
    fresh();
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    arena_init(&arena, 1 << 20);
    struct db *db = db_open(&loop, &(struct db_options){.path = path, .statement_ms = 700}, &e);
    CHECK(db && db_step_ns(db, what) == 0 && what[0] == 0);
    struct outcome o = {0}, read = {0};
    struct db_call calls[] = {call("INSERT INTO t (n) VALUES (1)"),
                              call("INSERT INTO t (n)\n   WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM "
                                   "r) SELECT max(x) FROM r")};
    CHECK(db_write(db, calls, 2, on_done, &o, &e));
    CHECK(step_of(db, 200, what) >= 200000000);
    CHECK_STR(what, "writer: INSERT INTO t (n) WITH RECURSIVE r(x) AS (SELECT 1 U");
    loop_run(&loop);
    CHECK(o.rc == GIFD_ETIMEOUT && strstr(o.text, "statement 2 of 2") && strstr(o.text, "time budget"));
    CHECK(db_step_ns(db, what) == 0);
    struct db_call c = call(slow);
    CHECK(db_read(db, &c, on_done, &read, &e));
    CHECK(step_of(db, 200, what) >= 200000000 && strncmp(what, "reader: WITH RECURSIVE r(x)", 27) == 0);
    loop_run(&loop);
    CHECK(read.rc == GIFD_ETIMEOUT && db_step_ns(db, what) == 0);
    closed(db);
    clear();
}

TEST(waiting_for_the_turn_is_not_standing_still)
{
    char what[DB_STEP_LEN];
    int ready[2];
    fresh();
    struct db *db = opened();
    CHECK(pipe(ready) == 0);
    pid_t pid = fork();
    if (pid == 0) { /* takes the turn, and its time */
        struct loop own;
        struct outcome o = {0};
        struct db_call c = call("INSERT INTO t (n) WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) "
                                "SELECT max(x) FROM r");
        char held[DB_STEP_LEN];
        if (loop_init(&own, &e) < 0) _exit(1);
        struct db *other = db_open(&own, &(struct db_options){.path = path, .statement_ms = 900}, &e);
        if (!other || !db_write(other, &c, 1, on_done, &o, &e)) _exit(1);
        if (step_of(other, 1, held) == 0 || write(ready[1], "x", 1) != 1) _exit(1);
        loop_run(&own);
        _exit(o.rc == GIFD_ETIMEOUT ? 0 : 2);
    }
    char x;
    CHECK(read(ready[0], &x, 1) == 1);
    struct outcome o = {0};
    struct db_call c = call("INSERT INTO t (n) VALUES (1)");
    CHECK(db_write(db, &c, 1, on_done, &o, &e));
    for (int i = 0; i < 30; i++) {
        usleep(10000);
        CHECK(db_step_ns(db, what) < 5000000);
    }
    loop_run(&loop);
    int status;
    CHECK(o.rc == GIFD_OK && waitpid(pid, &status, 0) == pid && status == 0);
    closed(db);
    clear();
}

TEST(a_result_has_a_maximum)
{
    fresh();
    struct db *db = opened();
    struct db_rows rows;
    struct db_call c =
        call("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r LIMIT 10001) SELECT x FROM r");
    CHECK(db_read_now(db, &c, 5000000, &arena, &rows, &e) == GIFD_ETOOBIG && strstr(e.text, "10000"));
    c = call("WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r LIMIT 10000) SELECT x FROM r");
    CHECK(db_read_now(db, &c, 5000000, &arena, &rows, &e) == GIFD_OK && rows.count == 10000 &&
          rows.cells[9999].i == 10000);
    c = call("SELECT zeroblob(40000000)");
    CHECK(db_read_now(db, &c, 5000000, &arena, &rows, &e) == GIFD_ETOOBIG);
    closed(db);
    clear();
}

TEST(forgotten_jobs_do_not_call_and_the_queue_is_bounded)
{
    fresh();
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    struct db *db = db_open(&loop, &(struct db_options){.path = path, .statement_ms = 500}, &e);
    CHECK(db);
    struct outcome first = {0}, rest = {0};
    struct db_call insert = call("INSERT INTO t (n) VALUES (1)"), wait = call(slow);
    struct db_job *jobs[DB_QUEUE_MAX + 8];
    int n = 0;
    CHECK(db_write(db, &wait, 1, on_done, &first, &e)); /* keeps the writer for half a second */
    while (n < DB_QUEUE_MAX + 8 && (jobs[n] = db_write(db, &insert, 1, on_done, &rest, &e))) n++;
    CHECK(n >= DB_QUEUE_MAX && n < DB_QUEUE_MAX + 8 && e.code == GIFD_EBUSY);
    for (int i = 0; i < n; i++) db_forget(jobs[i]);
    CHECK(db_write(db, &insert, 1, on_done, &first, &e));
    loop_run(&loop);
    CHECK(rest.calls == 0 && first.calls == 2 && first.rc == GIFD_OK);
    closed(db);
    clear();
}

TEST(closing_finishes_what_was_queued)
{
    fresh();
    struct db *db = opened();
    struct outcome o = {0};
    struct db_call insert = call("INSERT INTO t (n) VALUES (1)");
    for (int i = 0; i < 500; i++) CHECK(db_write(db, &insert, 1, on_done, &o, &e));
    closed(db);
    CHECK(o.calls == 500 && o.rc == GIFD_OK);
    db = opened();
    CHECK(number(db, "SELECT count(*) FROM t") == 500);
    closed(db);
    clear();
}

/* A child that inserts `count` rows one commit after the other, 8 at a time, and tells each acknowledged one in `told`.
 */
struct child {
    struct db *db;
    _Atomic uint32_t *told;
    int left, waiting, failed;
};

static void on_inserted(void *arg, int rc, const struct db_rows *results, size_t count, const struct err *error);

static void feed(struct child *c)
{
    static const struct db_call insert = {{"INSERT INTO t (n) VALUES (1)", 28}, NULL, 0, 1, false};
    while (c->left > 0 && c->waiting < 8) {
        c->left--;
        c->waiting++;
        if (!db_write(c->db, &insert, 1, on_inserted, c, &e)) _exit(3);
    }
}

static void on_inserted(void *arg, int rc, const struct db_rows *results, size_t count, const struct err *error)
{
    struct child *c = arg;
    (void)results, (void)count;
    c->waiting--;
    if (rc < 0) {
        fprintf(stderr, "child: %s\n", error->text);
        _exit(4);
    }
    (*c->told)++;
    feed(c);
}

static pid_t spawn(_Atomic uint32_t *told, int count)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid) return pid;
    struct child c = {.told = told, .left = count};
    if (loop_init(&loop, &e) < 0 || !(c.db = db_open(&loop, &(struct db_options){.path = path}, &e))) _exit(2);
    feed(&c);
    loop_run(&loop);
    db_close(c.db);
    _exit(0);
}

TEST(processes_write_at_once_and_nothing_is_lost)
{
    fresh();
    _Atomic uint32_t *told = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[3];
    for (int i = 0; i < 3; i++) pids[i] = spawn(&told[i], 400);
    for (int i = 0; i < 3; i++) {
        int status;
        CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    }
    struct db *db = opened();
    CHECK(number(db, "SELECT count(*) FROM t") == 1200);
    closed(db);
    munmap(told, 4096);
    clear();
}

TEST(killed_writers_lose_nothing_acknowledged_and_stop_nobody)
{
    fresh();
    _Atomic uint32_t *told = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint32_t sum = 0;
    for (int round = 0; round < 12; round++) {
        pid_t victim = spawn(&told[2 * round], 1000000), other = spawn(&told[2 * round + 1], 60);
        while (told[2 * round] < 40u + (uint32_t)round) usleep(200); /* it is in the middle of its work */
        kill(victim, SIGKILL);
        int status;
        CHECK(waitpid(victim, &status, 0) == victim && WIFSIGNALED(status));
        CHECK(waitpid(other, &status, 0) == other && status == 0);
        sum += told[2 * round] + told[2 * round + 1];
    }
    struct db *db = opened();
    int64_t rows = number(db, "SELECT count(*) FROM t");
    CHECK(rows >= sum && rows <= sum + 12 * 8); /* committed and not yet told: at most what waited */
    struct db_call c = call("PRAGMA integrity_check");
    struct db_rows check;
    CHECK(db_read_now(db, &c, 5000000, &arena, &check, &e) == GIFD_OK && slice_is(check.cells[0].s, "ok"));
    closed(db);
    munmap(told, 4096);
    clear();
}

TEST(a_full_disk_is_an_answer_and_reads_go_on)
{
    fresh();
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        signal(SIGXFSZ, SIG_IGN);
        struct outcome o = {0};
        if (setjmp(test_escape)) _exit(9);
        struct db *db = opened();
        CHECK(write_one(db, "INSERT INTO t (n) VALUES (1)").rc == GIFD_OK);
        struct rlimit small = {256 << 10, 256 << 10};
        CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
        o = write_one(db, "INSERT INTO t (a, n) VALUES (hex(zeroblob(1000000)), 1)");
        CHECK(o.rc == GIFD_ENOSPACE);
        CHECK(number(db, "SELECT count(*) FROM t") == 1);
        CHECK(write_one(db, "INSERT INTO t (n) VALUES (2)").rc == GIFD_OK);
        closed(db);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    clear();
}

TEST(a_full_file_system_is_an_answer_and_room_makes_it_well)
{
    fresh();
    char folder[64], filler[80];
    snprintf(folder, sizeof folder, "%.*s", (int)strlen(path) - 3, path);
    snprintf(filler, sizeof filler, "%s/filler", folder);
    if (mount("none", folder, "tmpfs", 0, "size=2m") < 0)
        return clear(); /* only root may; RLIMIT_FSIZE is tested above */
    struct migration m = {"0001_test", slice_str(schema)};
    CHECK(db_migrate(path, &m, 1, &e) == 1);
    struct db *db = opened();
    CHECK(write_one(db, "INSERT INTO t (n) VALUES (1)").rc == GIFD_OK);
    CHECK(system(strcat(strcpy((char[160]){0}, "head -c 1700000 /dev/zero > "), filler)) == 0);
    int rc = GIFD_OK, good = 0;
    while ((rc = write_one(db, "INSERT INTO t (a, n) VALUES (hex(randomblob(8000)), 1)").rc) == GIFD_OK) good++;
    CHECK(rc == GIFD_ENOSPACE && good > 0 && good < 100);
    CHECK(number(db, "SELECT count(*) FROM t") == 1 + good);
    CHECK(unlink(filler) == 0);
    CHECK(write_one(db, "INSERT INTO t (n) VALUES (1)").rc == GIFD_OK);
    CHECK(number(db, "SELECT count(*) FROM t") == 2 + good);
    closed(db);
    CHECK(umount(folder) == 0);
    clear();
}

TEST(migrations_run_once_in_order_and_unchanged)
{
    fresh();
    struct migration m[3] = {
        {"0001_test", slice_str(schema)},
        {"0002_more", SLICE("CREATE TABLE more (x);\n-- a word\nINSERT INTO more VALUES (1);\n")},
        {"0003_bad",
         SLICE("CREATE TABLE third (x);\n\nINSERT INTO third VALUES (1);\nINSERT INTO nowhere VALUES (1);")}};
    CHECK(db_migrate(path, m, 2, &e) == 1);
    CHECK(db_migrate(path, m, 2, &e) == 0);
    CHECK(db_migrate(path, m, 3, &e) == GIFD_EINVALID);
    CHECK(strstr(e.text, "0003_bad") && strstr(e.text, "line 4") && strstr(e.text, "no such table: nowhere"));
    struct db *db = opened();
    CHECK(number(db, "SELECT count(*) FROM more") == 1);
    CHECK(number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'third'") == 0);
    CHECK(number(db, "SELECT count(*) FROM schema_migrations") == 2);
    closed(db);
    m[2].sql = SLICE("COMMIT; CREATE TABLE third (x)");
    CHECK(db_migrate(path, m, 3, &e) == GIFD_EDENIED);
    CHECK(db_migrate(path, m, 1, &e) == GIFD_ECORRUPT && strstr(e.text, "0002_more"));
    m[1].sql = SLICE("CREATE TABLE more (y)");
    CHECK(db_migrate(path, m, 2, &e) == GIFD_ECORRUPT && strstr(e.text, "0002_more"));
    m[0].name = "0000_before";
    CHECK(db_migrate(path, m, 1, &e) == GIFD_ECORRUPT && strstr(e.text, "0001_test"));
    clear();
}

TEST(a_database_that_is_not_there_or_is_none_is_refused)
{
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    CHECK(!db_open(&loop, &(struct db_options){.path = "/tmp/gifd-no-such-folder/db"}, &e));
    CHECK(e.code == GIFD_ENOTFOUND && strstr(e.text, "gifd-no-such-folder"));
    char file[] = "/tmp/gifd-none-XXXXXX";
    int fd = mkstemp(file);
    char junk[8192];
    memset(junk, 'x', sizeof junk);
    CHECK(write(fd, junk, sizeof junk) == (ssize_t)sizeof junk);
    close(fd);
    CHECK(!db_open(&loop, &(struct db_options){.path = file}, &e));
    CHECK(e.code == GIFD_ECORRUPT);
    unlink(file);
    loop_close(&loop);
}

TEST_MAIN()
