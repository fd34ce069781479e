/* turn_test.c: one writes at a time, a dead holder stops nobody, and a file that cannot be used is no obstacle. */
#include "base/clock.h"
#include "base/test.h"
#include "store/turn_int.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[64], file[80];
static struct err e;

static void fresh(void)
{
    snprintf(path, sizeof path, "/tmp/gifd-turn-%d", (int)getpid());
    snprintf(file, sizeof file, "%s.turn", path);
    unlink(file);
}

static void read_byte(int fd)
{
    char c;
    CHECK(read(fd, &c, 1) == 1);
}

TEST(a_turn_is_waited_for_and_a_dead_holder_loses_it)
{
    fresh();
    int ready[2], status;
    CHECK(pipe(ready) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct turn mine;
        turn__open(&mine, path);
        if (turn__take(&mine, 1000, &e) < 0 || write(ready[1], "x", 1) != 1) _exit(1);
        for (;;) pause();
    }
    read_byte(ready[0]);
    struct turn t;
    turn__open(&t, path);
    CHECK(t.page);
    CHECK(turn__take(&t, 0, &e) == GIFD_EBUSY);
    uint64_t from = clock_mono_ns();
    CHECK(turn__take(&t, 50, &e) == GIFD_EBUSY && strstr(e.text, "50 ms"));
    CHECK(clock_mono_ns() - from >= 49000000u);
    kill(pid, SIGKILL);
    CHECK(turn__take(&t, 5000, &e) == GIFD_OK);
    CHECK(waitpid(pid, &status, 0) == pid);
    turn__give(&t);
    CHECK(turn__take(&t, 0, &e) == GIFD_OK);
    turn__give(&t);
    turn__close(&t);
    turn__close(&t);
    unlink(file);
}

TEST(only_one_has_it)
{
    fresh();
    struct {
        _Atomic int holders, wrong;
        int unguarded;
    } *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[3];
    for (int i = 0; i < 3; i++) {
        if ((pids[i] = fork())) continue;
        struct turn t;
        turn__open(&t, path); /* all three make the file at once */
        for (int n = 0; n < 2000; n++) {
            if (turn__take(&t, 10000, &e) < 0) _exit(1);
            if (atomic_fetch_add(&shared->holders, 1) != 0) shared->wrong++;
            shared->unguarded++;
            atomic_fetch_sub(&shared->holders, 1);
            turn__give(&t);
        }
        _exit(0);
    }
    for (int i = 0; i < 3; i++) {
        int status;
        CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    }
    CHECK(shared->wrong == 0 && shared->unguarded == 6000);
    munmap(shared, 4096);
    unlink(file);
}

static void scribble(off_t at)
{
    int fd = open(file, O_RDWR);
    char c;
    CHECK(fd >= 0 && pread(fd, &c, 1, at) == 1);
    c ^= 1;
    CHECK(pwrite(fd, &c, 1, at) == 1);
    close(fd);
}

TEST(a_mutex_that_was_held_when_the_machine_lost_power_is_made_anew)
{
    fresh();
    struct turn t, later;
    turn__open(&t, path);
    CHECK(turn__take(&t, 0, &e) == GIFD_OK);
    scribble(16); /* the boot id */
    turn__open(&later, path);
    CHECK(later.page && turn__take(&later, 0, &e) == GIFD_OK);
    turn__give(&later);
    turn__close(&later);
    turn__close(&t);
    unlink(file);
}

TEST(a_file_of_another_layout_is_left_alone)
{
    fresh();
    struct turn t;
    turn__open(&t, path);
    turn__close(&t);
    scribble(8); /* the layout */
    turn__open(&t, path);
    CHECK(!t.page);
    CHECK(turn__take(&t, 0, &e) == GIFD_OK);
    turn__give(&t);
    turn__close(&t);
    turn__open(&t, "/tmp/gifd-no-such-folder/db");
    CHECK(!t.page);
    unlink(file);
}

TEST_MAIN()
