/* broadcast_test.c: what is published reaches every reader in order, or is counted as lost; deaths harm nobody. */
#include "base/broadcast.h"
#include "base/clock.h"
#include "base/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct err e;

static struct broadcast *fresh(void)
{
    struct broadcast *b = mmap(NULL, broadcast_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(b != MAP_FAILED);
    broadcast_init(b);
    return b;
}

TEST(a_reader_gets_what_is_published_after_it_joined)
{
    struct broadcast *b = fresh();
    static struct broadcast_reader one, two;
    struct broadcast_message m;
    CHECK(broadcast_publish(b, SLICE("early"), SLICE("x"), &e) == GIFD_OK);
    broadcast_join(b, &one);
    CHECK(!broadcast_read(b, &one, &m));
    CHECK(broadcast_publish(b, SLICE("topic"), SLICE("first"), &e) == GIFD_OK);
    broadcast_join(b, &two);
    CHECK(broadcast_publish(b, SLICE("t"), (struct slice){0}, &e) == GIFD_OK);
    CHECK(broadcast_read(b, &one, &m) && slice_is(m.topic, "topic") && slice_is(m.bytes, "first") && m.lost == 0);
    CHECK(broadcast_read(b, &one, &m) && slice_is(m.topic, "t") && m.bytes.n == 0 && !broadcast_read(b, &one, &m));
    CHECK(broadcast_read(b, &two, &m) && slice_is(m.topic, "t") && !broadcast_read(b, &two, &m));
    munmap(b, broadcast_bytes());
}

TEST(sizes_have_a_maximum)
{
    struct broadcast *b = fresh();
    static char big[BROADCAST_BYTES_MAX + 1];
    CHECK(broadcast_publish(b, SLICE(""), SLICE("x"), &e) == GIFD_ETOOBIG);
    CHECK(broadcast_publish(b, slice_of(big, BROADCAST_TOPIC_MAX + 1), SLICE("x"), &e) == GIFD_ETOOBIG);
    CHECK(broadcast_publish(b, SLICE("t"), slice_of(big, sizeof big), &e) == GIFD_ETOOBIG);
    CHECK(broadcast_publish(b, SLICE("t"), slice_of(big, sizeof big - 1), &e) == GIFD_OK);
    munmap(b, broadcast_bytes());
}

TEST(a_slow_reader_loses_the_oldest_and_is_told_how_many)
{
    struct broadcast *b = fresh();
    static struct broadcast_reader r;
    static char bytes[10000];
    struct broadcast_message m;
    unsigned next = 0, got = 0;
    uint64_t lost = 0;
    broadcast_join(b, &r);
    CHECK(broadcast_publish(b, SLICE("t"), SLICE("0000"), &e) == GIFD_OK);
    CHECK(broadcast_read(b, &r, &m));
    for (unsigned round = 0; round < 50; round++) {
        unsigned burst = (unsigned)rand() % 400;
        for (unsigned i = 0; i < burst; i++) {
            snprintf(bytes, sizeof bytes, "%u", next++);
            CHECK(broadcast_publish(b, SLICE("t"), slice_of(bytes, 16 + (size_t)rand() % 9000), &e) == GIFD_OK);
        }
        while (broadcast_read(b, &r, &m)) {
            lost += m.lost;
            CHECK((unsigned)atoi(m.bytes.p) == got + lost); /* in order, and none is missing that was not counted */
            got++;
        }
    }
    CHECK(got + lost == next && lost > 0 && got > 0);
    munmap(b, broadcast_bytes());
}

#define EACH 20000

TEST(two_processes_publish_and_nothing_is_torn)
{
    struct broadcast *b = fresh();
    static struct broadcast_reader r;
    struct broadcast_message m;
    pid_t pid[2];
    broadcast_join(b, &r);
    for (int p = 0; p < 2; p++) {
        pid[p] = fork();
        if (pid[p]) continue;
        char bytes[3000];
        memset(bytes, 'a' + p, sizeof bytes);
        for (int i = 0; i < EACH; i++)
            broadcast_publish(b, SLICE("t"), slice_of(bytes, (size_t)(1 + (i * 37) % 2999)), NULL);
        _exit(0);
    }
    uint64_t got = 0, lost = 0;
    for (int ended = 0; ended < 2;) {
        while (broadcast_read(b, &r, &m)) {
            lost += m.lost;
            got++;
            for (size_t i = 0; i < m.bytes.n; i++) CHECK(m.bytes.p[i] == m.bytes.p[0] && m.bytes.p[0] >= 'a');
        }
        ended += waitpid(-1, NULL, WNOHANG) > 0;
    }
    while (broadcast_read(b, &r, &m)) {
        lost += m.lost;
        got++;
    }
    CHECK(got > 0 && got + lost == 2 * EACH);
    munmap(b, broadcast_bytes());
}

TEST(publishers_that_are_killed_leave_the_ring_whole)
{
    struct broadcast *b = fresh();
    static struct broadcast_reader r;
    struct broadcast_message m;
    char bytes[2000];
    broadcast_join(b, &r);
    for (int i = 0; i < 60; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            memset(bytes, 'k', sizeof bytes);
            for (;;) broadcast_publish(b, SLICE("k"), slice_of(bytes, 1 + (size_t)rand() % 1999), NULL);
        }
        usleep((useconds_t)(rand() % 500));
        kill(pid, SIGKILL);
        CHECK(waitpid(pid, NULL, 0) == pid);
        CHECK(broadcast_publish(b, SLICE("t"), SLICE("alive"), &e) == GIFD_OK);
        bool found = false;
        while (broadcast_read(b, &r, &m)) {
            found = slice_is(m.topic, "t") && slice_is(m.bytes, "alive");
            CHECK(found || (slice_is(m.topic, "k") && m.bytes.p[0] == 'k' && m.bytes.p[m.bytes.n - 1] == 'k'));
        }
        CHECK(found);
    }
    munmap(b, broadcast_bytes());
}

TEST(a_sleeper_wakes_when_another_process_publishes)
{
    struct broadcast *b = fresh();
    static struct broadcast_reader r;
    struct broadcast_message m;
    broadcast_join(b, &r);
    pid_t pid = fork();
    if (pid == 0) {
        usleep(20000);
        broadcast_publish(b, SLICE("t"), SLICE("x"), NULL);
        _exit(0);
    }
    uint64_t began = clock_mono_ns();
    for (;;) {
        uint32_t seen = broadcast_seen(b);
        if (broadcast_read(b, &r, &m)) break;
        broadcast_wait(b, seen, 10000);
    }
    CHECK(clock_mono_ns() - began < 5000000000u);
    CHECK(waitpid(pid, NULL, 0) == pid);
    munmap(b, broadcast_bytes());
}

TEST_MAIN()
