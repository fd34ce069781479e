/* trail_test.c: what was answered is there, in order, whoever dies; files are sealed and the next one begun. */
#include "store/trail.h"
#include "base/test.h"

#include <dirent.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static struct loop loop;
static struct err e;
static int answered, refused;

static void fresh(void)
{
    static int serial;
    char command[128];
    snprintf(folder, sizeof folder, "/tmp/gifd-trail-%d-%d", (int)getpid(), serial++);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0);
    answered = refused = 0;
    e = (struct err){0};
}

static void gone(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    CHECK(system(command) == 0);
}

static void on_done(void *arg, int rc, const struct err *why)
{
    (void)arg, (void)why;
    if (rc == GIFD_OK)
        answered++;
    else
        refused++;
}

static int64_t asked(const char *file, const char *sql)
{
    char path[128];
    sqlite3 *db;
    sqlite3_stmt *s;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    CHECK(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK);
    CHECK(sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK);
    CHECK(sqlite3_step(s) == SQLITE_ROW);
    int64_t n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return n;
}

static int files(const char *end)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *x; d && (x = readdir(d));) {
        size_t len = strlen(x->d_name), k = strlen(end);
        n += len > k && strcmp(x->d_name + len - k, end) == 0;
    }
    if (d) closedir(d);
    return n;
}

static void append(struct trail *t, int from, int count)
{
    struct trail_row *rows = calloc((size_t)count, sizeof *rows);
    for (int i = 0; i < count; i++)
        rows[i] = (struct trail_row){.at = from + i, .subject = 7, .part = -1, .kind = 3, .n = 1};
    rows[0].extra = SLICE("{\"a\":1}");
    CHECK(trail_append(t, rows, (size_t)count, on_done, NULL, &e) == GIFD_OK);
    free(rows);
}

static void wait_for(int n)
{
    for (int i = 0; i < 5000 && answered + refused < n; i++) {
        uv_run(&loop.uv, UV_RUN_NOWAIT);
        usleep(1000);
    }
    CHECK(answered + refused == n);
}

static void end(struct trail *t)
{
    trail_free(t);
    loop_close(&loop);
}

static struct trail *begin(const struct trail_options *o)
{
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    struct trail *t = trail_new(&loop, o, &e);
    CHECK(t);
    return t;
}

TEST(rows_are_there_when_they_are_answered)
{
    fresh();
    struct trail *t = begin(&(struct trail_options){.folder = folder, .durable = true});
    append(t, 0, 10);
    append(t, 10, 1);
    CHECK(answered == 0);
    wait_for(2);
    CHECK(answered == 2);
    CHECK(asked("00000001.db", "SELECT count(*) FROM row") == 11);
    CHECK(asked("00000001.db", "SELECT count(*) FROM row WHERE extra = '{\"a\":1}' AND part = -1") == 2);
    CHECK(asked("00000001.db", "PRAGMA user_version") == 0);
    CHECK(files(".own") == 1);
    end(t);
    CHECK(asked("00000001.db", "PRAGMA user_version") == 1);
    CHECK(asked("00000001.db", "SELECT count(*) FROM row WHERE id <> at + 1") == 0);
    CHECK(files(".own") == 0);
    gone();
}

TEST(a_full_file_is_sealed_and_the_next_one_begun)
{
    fresh();
    struct trail *t = begin(&(struct trail_options){.folder = folder, .seal_rows = 100});
    for (int i = 0; i < 3; i++) {
        append(t, i * 150, 150);
        wait_for(i + 1);
    }
    end(t);
    CHECK(answered == 3);
    CHECK(files(".db") == 3);
    CHECK(asked("00000002.db", "SELECT min(at) FROM row") == 150);
    gone();
}

TEST(what_waits_is_written_before_the_trail_ends)
{
    fresh();
    struct trail *t = begin(&(struct trail_options){.folder = folder});
    for (int i = 0; i < 100; i++) append(t, i, 1);
    end(t);
    CHECK(answered == 100);
    CHECK(asked("00000001.db", "SELECT count(*) FROM row") == 100);
    gone();
}

TEST(a_killed_process_leaves_what_it_answered_and_is_sealed_by_others)
{
    fresh();
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct trail *t = begin(&(struct trail_options){.folder = folder});
        append(t, 0, 500);
        wait_for(1);
        if (write(pipes[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    char c;
    CHECK(read(pipes[0], &c, 1) == 1);
    CHECK(trail_seal_orphans(folder, &e) == 0); /* it lives */
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    CHECK(trail_seal_orphans(folder, &e) == 1);
    CHECK(asked("00000001.db", "PRAGMA user_version") == 1);
    CHECK(asked("00000001.db", "SELECT count(*) FROM row") == 500);
    CHECK(trail_seal_orphans(folder, &e) == 0);
    struct trail *t = begin(&(struct trail_options){.folder = folder});
    append(t, 0, 1);
    wait_for(1);
    end(t);
    CHECK(asked("00000002.db", "SELECT count(*) FROM row") == 1);
    gone();
}

TEST(too_much_is_refused_and_a_folder_that_cannot_be_is_told)
{
    fresh();
    struct trail *t = begin(&(struct trail_options){.folder = folder});
    static struct trail_row rows[TRAIL_APPEND_MAX + 1];
    CHECK(trail_append(t, rows, TRAIL_APPEND_MAX + 1, on_done, NULL, &e) == GIFD_EINVALID);
    CHECK(trail_append(t, rows, 0, on_done, NULL, &e) == GIFD_EINVALID);
    int rc = GIFD_OK, n = 0;
    for (; n < 1000 && rc == GIFD_OK; n++) rc = trail_append(t, rows, TRAIL_APPEND_MAX, on_done, NULL, &e);
    CHECK(rc == GIFD_EBUSY);
    end(t);
    CHECK(answered == n - 1);
    gone();
    t = begin(&(struct trail_options){.folder = "/dev/null/trail"});
    append(t, 0, 1);
    wait_for(n);
    CHECK(refused == 1);
    end(t);
}

TEST_MAIN()
