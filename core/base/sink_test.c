/* sink_test.c: a disk that does not take a line holds nobody up; what it took too late to keep is counted. */
#include "base/sink.h"
#include "base/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER; /* held: it hangs */

/* Instead of libc's, in this program. */
ssize_t write(int fd, const void *p, size_t n)
{
    struct stat st;
    bool file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (file) pthread_mutex_lock(&disk);
    ssize_t wrote = syscall(SYS_write, fd, p, n);
    if (file) pthread_mutex_unlock(&disk);
    return wrote;
}

static char path[64];

static void begin(void)
{
    struct err e;
    snprintf(path, sizeof path, "/tmp/gifd-sink-%d", (int)getpid());
    CHECK(sink_open(path, &e) == GIFD_OK);
}

static void end(void)
{
    sink_open(NULL, NULL);
    unlink(path);
}

static size_t lines_of(const char *file)
{
    size_t n = 0;
    FILE *f = fopen(file, "r");
    for (int c; f && (c = getc(f)) != EOF;) n += c == '\n';
    if (f) fclose(f);
    return n;
}

/* Patience: 20 s. */
static bool soon(bool (*holds)(void))
{
    for (int i = 0; i < 4000 && !holds(); i++) usleep(5000);
    return holds();
}

static size_t wanted;
static bool all_there(void)
{
    return lines_of(path) == wanted;
}

TEST(a_disk_that_hangs_holds_nobody_up)
{
    char line[1000];
    size_t taken = 0;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    begin();
    pthread_mutex_lock(&disk);
    for (int i = 0; i < 2000; i++) taken += sink_write(line, sizeof line);
    sink_flush();
    CHECK(taken >= SINK_QUEUE / sizeof line && taken < 300);
    CHECK(sink_take_dropped() == 0); /* it is told when it can be */
    pthread_mutex_unlock(&disk);
    wanted = taken;
    CHECK(soon(all_there));
    sink_drain();
    CHECK(sink_take_dropped() == 2000 - taken && sink_take_dropped() == 0);
    CHECK(sink_write(line, sizeof line));
    wanted++;
    CHECK(soon(all_there));
    end();
}

TEST(a_file_that_was_moved_is_opened_anew_though_the_disk_hangs)
{
    char moved[80];
    struct err e;
    begin();
    snprintf(moved, sizeof moved, "%s.1", path);
    pthread_mutex_lock(&disk);
    CHECK(sink_write("one\n", 4));
    usleep(20000); /* mostly it is being written by now, and else it goes to the new one: either is fine */
    rename(path, moved);
    sink_reopen();
    sink_reopen();
    CHECK(sink_write("two\n", 4));
    pthread_mutex_unlock(&disk);
    sink_drain();
    for (int i = 0; i < 4000 && lines_of(path) + lines_of(moved) < 2; i++) usleep(5000);
    CHECK(lines_of(path) >= 1 && lines_of(path) + lines_of(moved) == 2 && !sink_take_fault(&e));
    unlink(moved);
    end();
}

TEST(a_child_begins_with_nothing_and_may_wait_until_its_lines_are_there)
{
    begin();
    CHECK(sink_write("parent\n", 7));
    for (int i = 0; i < 30; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            sink_write("child\n", 6);
            sink_drain();
            _exit(0);
        }
        CHECK(sink_write("parent\n", 7));
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    }
    wanted = 61;
    CHECK(soon(all_there));
    end();
}

TEST_MAIN()
