/* shelf_test.c: what guests may do to their own database, what they may not, and how many are open. */
#include "store/shelf.h"
#include "base/clock.h"
#include "base/test.h"
#include "store/kv.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static struct loop loop;
static struct shelf *shelf;
static struct err e;

static void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s.db", dir, name);
}

static int make(const char *name, const char *sql)
{
    char path[128];
    struct migration m = {"0001_first", slice_str(sql)};
    path_of(name, path);
    struct db_migration *g = db_migration_begin(path, true, &m, 1, &e);
    return g ? db_migration_end(g, true, &e) : e.code;
}

static void begin(void)
{
    snprintf(dir, sizeof dir, "/tmp/gifd-shelf-XXXXXX");
    CHECK(mkdtemp(dir));
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    shelf = shelf_new(&loop, dir, NULL, &e);
    CHECK(shelf);
    CHECK(make("cats", "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);") == 1);
}

static void end(void)
{
    char command[128];
    shelf_free(shelf);
    loop_close(&loop);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CHECK(system(command) == 0);
}

struct outcome {
    bool over;
    int rc;
    size_t rows;
    int64_t changes;
    char first[64], text[ERR_TEXT_MAX];
};

static void on_done(void *arg, int rc, const struct db_rows *results, size_t count, const struct err *error)
{
    struct outcome *o = arg;
    o->over = true;
    o->rc = rc;
    if (rc < 0) {
        snprintf(o->text, sizeof o->text, "%s", error->text);
        return;
    }
    const struct db_rows *last = &results[count - 1];
    o->rows = last->count;
    o->changes = last->changes;
    if (o->rows && last->cells[0].type == VALUE_TEXT)
        snprintf(o->first, sizeof o->first, "%.*s", (int)last->cells[0].s.n, last->cells[0].s.p);
}

static void wait_for(struct outcome *o)
{
    while (!o->over) uv_run(&loop.uv, UV_RUN_ONCE);
}

static struct outcome ask(const char *name, bool read, const struct db_call *calls, size_t count)
{
    struct outcome o = {0};
    struct db *db = shelf_take(shelf, slice_str(name), &e);
    CHECK(db);
    CHECK(read ? db_read(db, calls, on_done, &o, &e) : db_write(db, calls, count, on_done, &o, &e));
    wait_for(&o);
    return o;
}

static struct outcome run(const char *sql)
{
    struct db_call c = {.sql = slice_str(sql), .expect = -1};
    return ask("cats", false, &c, 1);
}

static struct outcome rows(const char *sql)
{
    struct db_call c = {.sql = slice_str(sql), .expect = -1};
    return ask("cats", true, &c, 1);
}

TEST(a_guest_uses_its_own_tables)
{
    begin();
    CHECK(run("INSERT INTO t (a) VALUES ('tom'), ('kit')").changes == 2);
    CHECK(rows("SELECT a FROM t ORDER BY id").rows == 2);
    CHECK_STR(rows("SELECT a FROM t ORDER BY id").first, "tom");
    CHECK(run("CREATE TABLE u (x)").rc == GIFD_OK && run("CREATE INDEX ui ON u (x)").rc == GIFD_OK);
    CHECK(run("CREATE VIRTUAL TABLE words USING fts5(body)").rc == GIFD_OK);
    CHECK(run("INSERT INTO words VALUES ('a cat sat')").changes == 1);
    CHECK(rows("SELECT body FROM words WHERE words MATCH 'cat'").rows == 1);
    CHECK(rows("SELECT value FROM json_each('[1,2]')").rows == 2);
    CHECK(rows("PRAGMA table_info(t)").rows == 2);
    CHECK(run("DROP TABLE u").rc == GIFD_OK);
    CHECK(rows("INSERT INTO t (a) VALUES ('x')").rc == GIFD_EINVALID);
    end();
}

TEST(a_guest_reaches_nothing_else)
{
    static const char *const refused[] = {
        "ATTACH '/tmp/x.db' AS x",
        "DETACH main",
        "VACUUM INTO '/tmp/gifd-shelf-stolen.db'",
        "VACUUM",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT a",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA writable_schema = 1",
        "PRAGMA database_list",
        "PRAGMA max_page_count = 1000000",
        "PRAGMA mmap_size = 1000000000",
        "PRAGMA integrity_check",
        "PRAGMA user_version = 7",
        "PRAGMA temp_store_directory = '/tmp'",
        "SELECT * FROM pragma_database_list",
        "SELECT load_extension('/tmp/x.so')",
        "SELECT key FROM gifd_kv",
        "SELECT KEY FROM GIFD_KV",
        "DELETE FROM gifd_kv",
        "DROP TABLE gifd_kv",
        "ALTER TABLE gifd_kv RENAME TO mine",
        "CREATE VIEW v AS SELECT * FROM gifd_kv; ",
        "CREATE TRIGGER g AFTER INSERT ON gifd_kv BEGIN DELETE FROM t; END",
        "CREATE TABLE gifd_new (x)",
        "CREATE INDEX i ON schema_migrations (name)",
        "DELETE FROM schema_migrations",
        "WITH s AS (SELECT * FROM schema_migrations) SELECT * FROM s",
        "CREATE TEMP TABLE x (y)",
        "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE r USING rtree(id, a, b)",
        "CREATE VIRTUAL TABLE d USING dbstat",
        "UPDATE sqlite_master SET sql = ''",
        "INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 1, 'CREATE TABLE x (y)')",
    };
    begin();
    CHECK(run("INSERT INTO t (a) VALUES ('tom')").rc == GIFD_OK);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct outcome o = run(refused[i]);
        bool view = strncmp(refused[i], "CREATE VIEW", 11) == 0; /* a view is only a text until it is read */
        if (view ? rows("SELECT * FROM v").rc == GIFD_OK : o.rc == GIFD_OK) fprintf(stderr, "%s: done\n", refused[i]);
        CHECK(view ? rows("SELECT * FROM v").rc < 0 : o.rc < 0);
        CHECK(view || rows(refused[i]).rc < 0);
    }
    CHECK(access("/tmp/gifd-shelf-stolen.db", F_OK) < 0);
    CHECK(rows("SELECT a FROM t").rows == 1);
    /* A trigger of its own may not write where the guest may not. */
    run("CREATE TRIGGER own AFTER INSERT ON t BEGIN DELETE FROM gifd_kv; END");
    struct kv_calls c;
    kv_set(&c, SLICE("k"), SLICE("1"), 0, 1);
    CHECK(ask("cats", false, c.call, c.count).rc == GIFD_OK);
    run("INSERT INTO t (a) VALUES ('kit')");
    kv_get(&c, SLICE("k"), 1);
    CHECK(ask("cats", true, c.call, c.count).rows == 1);
    /* Nor by the very text of a statement of ours that is prepared already. */
    CHECK(rows("SELECT value FROM gifd_kv WHERE key = ?1 AND (expires IS NULL OR expires > ?2)").rc == GIFD_EDENIED);
    end();
}

TEST(what_a_guest_may_take_has_a_maximum)
{
    begin();
    struct outcome o =
        rows("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 1001");
    CHECK(o.rc == GIFD_ETOOBIG);
    o = rows("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 1000");
    CHECK(o.rc == GIFD_OK && o.rows == 1000);
    CHECK(rows("SELECT zeroblob(2000000)").rc == GIFD_ETOOBIG);
    CHECK(rows("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 6)"
               " SELECT zeroblob(900000) FROM n")
              .rc == GIFD_ETOOBIG);
    uint64_t began = clock_mono_ns();
    o = rows("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
    CHECK(o.rc == GIFD_ETIMEOUT && clock_mono_ns() - began < 8000000000u);
    struct db *db = shelf_take(shelf, SLICE("cats"), &e);
    struct db_call c = {.sql = SLICE("SELECT 1"), .expect = -1};
    CHECK(db_read_now(db, &c, 1000, NULL, &(struct db_rows){0}, &e) == GIFD_EINVALID);
    end();
}

TEST(a_guests_file_stops_growing_and_serves_on)
{
    begin();
    int rc = GIFD_OK;
    int64_t total = 0;
    for (int i = 0; i < 1000 && rc == GIFD_OK; i++) {
        rc = run("INSERT INTO t (a) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 8)"
                 " SELECT hex(zeroblob(450000)) FROM n")
                 .rc;
        total += rc == GIFD_OK ? 8 * 900000 : 0;
    }
    CHECK(rc == GIFD_ENOSPACE && total <= DB_GUEST_FILE_MAX && total > DB_GUEST_FILE_MAX / 2);
    CHECK(rows("SELECT id FROM t LIMIT 1").rows == 1);
    CHECK(run("DELETE FROM t").rc == GIFD_OK && run("INSERT INTO t (a) VALUES ('x')").rc == GIFD_OK);
    end();
}

static struct outcome kv(const struct kv_calls *c, bool read)
{
    return ask("cats", read, c->call, c->count);
}

TEST(values_are_kept_until_they_expire)
{
    struct kv_calls c;
    begin();
    kv_set(&c, SLICE("a/1"), SLICE("one"), 100, 50);
    CHECK(kv(&c, false).rc == GIFD_OK);
    kv_set(&c, SLICE("a/2"), SLICE("two"), 0, 50);
    CHECK(kv(&c, false).rc == GIFD_OK);
    kv_set(&c, SLICE("b"), SLICE("bee"), 0, 50);
    CHECK(kv(&c, false).rc == GIFD_OK);
    kv_get(&c, SLICE("a/1"), 99);
    CHECK_STR(kv(&c, true).first, "one");
    kv_get(&c, SLICE("a/1"), 100);
    CHECK(kv(&c, true).rows == 0);
    kv_list(&c, SLICE("a/"), (struct slice){0}, 10, 60);
    CHECK(kv(&c, true).rows == 2);
    kv_list(&c, SLICE("a/"), SLICE("a/1"), 10, 60);
    CHECK_STR(kv(&c, true).first, "a/2");
    kv_list(&c, SLICE("a/"), SLICE("a/2"), 10, 60);
    CHECK(kv(&c, true).rows == 0);
    kv_list(&c, SLICE(""), (struct slice){0}, 2, 100);
    CHECK(kv(&c, true).rows == 2);
    kv_list(&c, SLICE("\xff"), (struct slice){0}, 2, 60);
    CHECK(kv(&c, true).rows == 0);
    kv_delete(&c, SLICE("a/1"), 100);
    CHECK(kv(&c, false).changes == 0); /* it is not there any more, for whoever asks */
    kv_delete(&c, SLICE("b"), 100);
    CHECK(kv(&c, false).changes == 1);
    kv_set(&c, SLICE("a/2"), SLICE("again"), 0, 200);
    CHECK(kv(&c, false).rc == GIFD_OK);
    kv_get(&c, SLICE("a/2"), 200);
    CHECK_STR(kv(&c, true).first, "again");
    end();
}

TEST(there_are_only_so_many_keys)
{
    struct kv_calls c;
    char sql[512], key[32];
    begin();
    struct db_call fill = {.sql =
                               slice_of(sql, (size_t)snprintf(sql, sizeof sql,
                                                              "INSERT INTO gifd_kv (key, value) WITH RECURSIVE n(i) AS"
                                                              " (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT %d)"
                                                              " SELECT 'k' || i, '1' FROM n",
                                                              KV_KEYS_MAX - 1)),
                           .expect = -1,
                           .ours = true};
    CHECK(ask("cats", false, &fill, 1).rc == GIFD_OK);
    kv_set(&c, SLICE("last"), SLICE("1"), 60, 50);
    CHECK(kv(&c, false).rc == GIFD_OK);
    for (int i = 0; i < 3; i++) {
        snprintf(key, sizeof key, "more%d", i);
        kv_set(&c, slice_str(key), SLICE("1"), 0, 50);
        CHECK(kv(&c, false).rc == GIFD_ECONFLICT);
    }
    kv_set(&c, SLICE("k7"), SLICE("2"), 0, 50);
    CHECK(kv(&c, false).rc == GIFD_OK); /* what is there may change */
    kv_set(&c, SLICE("more"), SLICE("1"), 0, 61);
    CHECK(kv(&c, false).rc == GIFD_OK); /* one has expired */
    end();
}

TEST(migrations_of_several_change_all_or_nothing)
{
    char one[128], two[128];
    struct migration good = {"0001_a", SLICE("CREATE TABLE a (x);")},
                     bad[] = {{"0001_b", SLICE("CREATE TABLE b (x);")},
                              {"0002_b", SLICE("SELECT 1;\nCREATE NONSENSE;")}};
    begin();
    path_of("one", one);
    path_of("two", two);
    struct db_migration *g = db_migration_begin(one, true, &good, 1, &e);
    CHECK(g);
    CHECK(!db_migration_begin(two, true, bad, 2, &e) && e.code == GIFD_EINVALID);
    CHECK(strstr(e.text, "0002_b") && strstr(e.text, "line 2"));
    db_migration_end(g, false, NULL);
    CHECK(access(one, F_OK) < 0 && access(two, F_OK) < 0);
    CHECK(!shelf_take(shelf, SLICE("one"), &e) && e.code == GIFD_ENOTFOUND);
    CHECK(make("one", "CREATE TABLE a (x);") == 1 && make("one", "CREATE TABLE a (x);") == 0);
    CHECK(make("one", "CREATE TABLE changed (x);") == GIFD_ECORRUPT);
    /* A guest's migration is under a guest's rules, and can neither end the transaction nor say that it was applied. */
    CHECK(make("two", "COMMIT;") < 0 && make("two", "ATTACH '/tmp/x' AS x;") < 0);
    CHECK(make("two", "INSERT INTO schema_migrations VALUES ('0002', '', 1);") < 0 && access(two, F_OK) < 0);
    end();
}

TEST(only_so_many_are_open_and_a_removed_file_is_let_go)
{
    char name[16], path[128];
    begin();
    struct db_call c = {.sql = SLICE("SELECT name FROM pragma_table_list LIMIT 1"), .expect = -1};
    for (int i = 0; i < 3 * SHELF_OPEN_MAX; i++) {
        snprintf(name, sizeof name, "g%d", i);
        CHECK(make(name, "CREATE TABLE t (x);") == 1);
        CHECK(ask(name, true, &c, 1).rc == GIFD_OK);
    }
    struct outcome busy[SHELF_OPEN_MAX] = {0};
    struct db_call slow = {
        .sql = SLICE(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT count(*) FROM n"),
        .expect = -1};
    for (int i = 0; i < SHELF_OPEN_MAX; i++) {
        snprintf(name, sizeof name, "g%d", i);
        struct db *db = shelf_take(shelf, slice_str(name), &e);
        CHECK(db && db_read(db, &slow, on_done, &busy[i], &e));
    }
    CHECK(!shelf_take(shelf, SLICE("g20"), &e) && e.code == GIFD_EBUSY);
    for (int i = 0; i < SHELF_OPEN_MAX; i++) wait_for(&busy[i]);
    CHECK(shelf_take(shelf, SLICE("g20"), &e));
    path_of("g20", path);
    CHECK(db_remove(path, &e) == GIFD_OK && db_remove(path, &e) == GIFD_ENOTFOUND);
    CHECK(!shelf_take(shelf, SLICE("g20"), &e) && e.code == GIFD_ENOTFOUND);
    CHECK(make("g20", "CREATE TABLE other (x);") == 1);
    struct db_call insert = {.sql = SLICE("INSERT INTO other VALUES (1)"), .expect = 1};
    CHECK(ask("g20", false, &insert, 1).rc == GIFD_OK);
    CHECK(!shelf_take(shelf, SLICE("../x"), &e) && e.code == GIFD_EINVALID);
    CHECK(!shelf_take(shelf, SLICE(""), &e) && e.code == GIFD_EINVALID);
    end();
}

TEST_MAIN()
