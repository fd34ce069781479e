/* chain_test.c: what users of chain_int.h notice: values that no other values have, heads that follow and stay. */
#include "store/chain_int.h"
#include "base/clock.h"
#include "base/test.h"
#include "store/db.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[64], path[96];
static struct loop loop;
static struct arena arena;
static struct err e;

static const char schema[] = "CREATE TABLE log (id INTEGER PRIMARY KEY, a ANY, mac BLOB NOT NULL) STRICT;";
static const char add[] = "INSERT INTO log SELECT id, a, chain('log', id, a, (SELECT mac FROM log ORDER BY id DESC "
                          "LIMIT 1)) FROM (SELECT (SELECT coalesce(max(id), 0) + 1 FROM log) AS id, column1 AS a FROM "
                          "(VALUES (hex(randomblob(8)))) LIMIT 1)";

static struct db *opened(void)
{
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    arena_init(&arena, 1 << 20);
    struct db *db = db_open(&loop, &(struct db_options){.path = path, .keys = dir}, &e);
    CHECK(db);
    return db;
}

static void closed(struct db *db)
{
    db_close(db);
    loop_close(&loop);
    arena_free(&arena);
}

static struct db *fresh(void)
{
    snprintf(dir, sizeof dir, "/tmp/gifd-chain-XXXXXX");
    CHECK(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/db", dir);
    struct migration m = {"0001_test", slice_str(schema)};
    CHECK(db_migrate(path, &m, 1, &e) == 1);
    return opened();
}

static void clear(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CHECK(system(command) == 0);
}

static void on_done(void *arg, int rc, const struct db_rows *results, size_t count, const struct err *error)
{
    (void)results, (void)count, (void)error;
    *(int *)arg = rc;
}

static int write_sql(struct db *db, const char *sql)
{
    struct db_call c = {slice_str(sql), NULL, 0, -1, false};
    int rc = 1;
    CHECK(db_write(db, &c, 1, on_done, &rc, &e));
    loop_run(&loop);
    return rc;
}

static const char *text_of(struct db *db, const char *sql)
{
    struct db_rows rows;
    struct db_call c = {slice_str(sql), NULL, 0, -1, false};
    int rc = db_read_now(db, &c, 1000000, &arena, &rows, &e);
    if (rc < 0) return "error";
    return rows.cells[0].type == VALUE_NULL ? NULL : arena_strndup(&arena, rows.cells[0].s.p, rows.cells[0].s.n);
}

/* The id of the head; -1: none of ours. */
static int head(struct db *db)
{
    const char *s = text_of(db, "SELECT chain_head('log')");
    return s && *s ? atoi(s) : -1;
}

static void until_head(struct db *db, int id)
{
    uint64_t end = clock_mono_ns() + 5000000000ull;
    while (head(db) != id && clock_mono_ns() < end) usleep(10000);
    CHECK(head(db) == id);
}

TEST(values_are_told_apart_by_type_and_length)
{
    static const char *const pairs[][2] = {
        {"'ab', 'c'", "'a', 'bc'"}, {"1", "'1'"},         {"1", "1.0"},     {"NULL", "''"},
        {"x'61'", "'a'"},           {"'a'", "'a', NULL"}, {"''", "'', ''"}, {"9007199254740993", "9007199254740992"}};
    struct db *db = fresh();
    char sql[160];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        snprintf(sql, sizeof sql, "SELECT CASE WHEN seal('t', %s) = seal('t', %s) THEN 'same' ELSE 'other' END",
                 pairs[i][0], pairs[i][1]);
        CHECK_STR(text_of(db, sql), "other");
    }
    CHECK_STR(text_of(db, "SELECT CASE WHEN seal('t', 1) = seal('t', 1) THEN 'same' END"), "same");
    CHECK_STR(text_of(db, "SELECT CASE WHEN seal('t', 1) = seal('u', 1) THEN 'same' ELSE 'other' END"), "other");
    CHECK_STR(text_of(db, "SELECT typeof(seal('t')) || length(seal('t'))"), "blob32");
    CHECK_STR(text_of(db, "SELECT chain('log', 1)"), "error"); /* nothing is noted where nothing is written */
    CHECK(write_sql(db, "SELECT chain('../x', 1)") == GIFD_EINVALID);
    CHECK(write_sql(db, "CREATE VIEW v AS SELECT seal('t', 1); ") == GIFD_OK);
    CHECK_STR(text_of(db, "SELECT * FROM v"), "error");
    closed(db);
    clear();
}

TEST(the_key_is_made_once_and_is_the_owners_alone)
{
    struct stat st;
    char key[128], first[80];
    struct db *db = fresh();
    snprintf(key, sizeof key, "%s/seal.key", dir);
    CHECK(stat(key, &st) == 0 && st.st_size == 32 && (st.st_mode & 0777) == 0600);
    snprintf(first, sizeof first, "%s", text_of(db, "SELECT hex(seal('t', 1))"));
    closed(db);
    db = opened();
    CHECK_STR(text_of(db, "SELECT hex(seal('t', 1))"), first);
    closed(db);
    CHECK(truncate(key, 31) == 0);
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    CHECK(!db_open(&loop, &(struct db_options){.path = path, .keys = dir}, &e) && strstr(e.text, "seal.key"));
    loop_close(&loop);
    clear();
}

TEST(the_head_follows_within_a_second_and_at_the_end)
{
    struct db *db = fresh();
    CHECK(head(db) == -1);
    CHECK(write_sql(db, add) == GIFD_OK);
    CHECK(head(db) == 0); /* before the first row is there */
    until_head(db, 1);
    for (int i = 0; i < 20; i++) CHECK(write_sql(db, add) == GIFD_OK);
    closed(db);
    db = opened();
    CHECK(head(db) == 21);
    closed(db);
    clear();
}

TEST(what_was_undone_moves_no_head)
{
    struct db *db = fresh();
    CHECK(write_sql(db, add) == GIFD_OK);
    until_head(db, 1);
    struct db_call two[] = {{slice_str(add), NULL, 0, -1, false},
                            {SLICE("UPDATE log SET a = 1 WHERE id = 99"), NULL, 0, 1, false}};
    int rc = 1;
    CHECK(db_write(db, two, 2, on_done, &rc, &e));
    loop_run(&loop);
    CHECK(rc == GIFD_ECONFLICT);
    closed(db);
    db = opened();
    CHECK(head(db) == 1);
    closed(db);
    clear();
}

TEST(a_head_whose_row_is_no_longer_there_stays_until_it_is_accepted)
{
    struct db *db = fresh();
    for (int i = 0; i < 10; i++) CHECK(write_sql(db, add) == GIFD_OK);
    until_head(db, 10);
    CHECK(write_sql(db, "DELETE FROM log WHERE id > 5") == GIFD_OK);
    for (int i = 0; i < 20; i++) CHECK(write_sql(db, add) == GIFD_OK);
    closed(db);
    db = opened();
    CHECK(head(db) == 10);
    CHECK(write_sql(db, "SELECT chain_accept('log')") == GIFD_OK);
    until_head(db, 25);
    closed(db);
    clear();
}

TEST(a_head_that_somebody_else_wrote_is_none)
{
    struct db *db = fresh();
    char command[160];
    for (int i = 0; i < 3; i++) CHECK(write_sql(db, add) == GIFD_OK);
    until_head(db, 3);
    snprintf(command, sizeof command, "sed -i 's/^3 /2 /' %s/log.head", dir);
    CHECK(system(command) == 0);
    CHECK_STR(text_of(db, "SELECT chain_head('log')"), "");
    snprintf(command, sizeof command, "%s/log.head", dir);
    CHECK(unlink(command) == 0 && text_of(db, "SELECT chain_head('log')") == NULL);
    CHECK(write_sql(db, add) == GIFD_OK);
    closed(db);
    CHECK(access(command, F_OK) < 0); /* nobody makes a new one behind the operator's back */
    clear();
}

TEST(processes_that_write_at_once_make_one_chain_with_one_head)
{
    closed(fresh());
    for (int i = 0; i < 3; i++) {
        if (fork()) continue;
        struct db *db = opened();
        for (int k = 0; k < 40; k++) CHECK(write_sql(db, add) == GIFD_OK);
        closed(db);
        _exit(0);
    }
    for (int i = 0, status; i < 3; i++) CHECK(wait(&status) > 0 && status == 0);
    struct db *db = opened();
    CHECK(head(db) == 120);
    CHECK_STR(text_of(db, "SELECT CAST(count(*) AS TEXT) FROM (SELECT mac, seal('log', id, a, lag(mac) OVER (ORDER BY "
                          "id)) AS own FROM log) WHERE mac = own"),
              "120");
    closed(db);
    clear();
}

TEST_MAIN()
