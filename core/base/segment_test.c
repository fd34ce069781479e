/* segment_test.c: what one process writes the others see, and what was counted outlives them all. */
#include "base/segment.h"
#include "base/tally.h"
#include "base/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is counted of an id by all keys that equal `key` in the bits of mask. */
static uint64_t peek(const struct tally *t, uint64_t key, uint64_t mask)
{
    struct tally_slot slots[TALLY_PROBE];
    uint64_t sum = 0;
    size_t n = tally_peek(t, key & TALLY_ID_MASK, slots);
    for (size_t i = 0; i < n; i++)
        if (((slots[i].key ^ key) & mask) == 0) sum += slots[i].count;
    return sum;
}

static char path[64];
static struct err e;

static struct segment *fresh(void)
{
    snprintf(path, sizeof path, "/tmp/gifd-segment-%d", (int)getpid());
    unlink(path);
    struct segment *s = segment_open(path, true, &e);
    CHECK(s);
    return s;
}

TEST(counts_and_epoch_outlive_every_process_but_slots_do_not)
{
    struct segment *s = fresh();
    uint64_t epoch = segment_epoch(s);
    CHECK(epoch != 0);
    pid_t pid = fork();
    if (pid == 0) {
        segment_slot_begin(s, 3, "worker-3", (int)getpid());
        segment_beat(s, 3);
        segment_blame(s, "a plugin/its hook");
        atomic_fetch_add(&segment_connections(s)[3], 7);
        tally_add(segment_tally(s), 42, 5, NULL);
        kill(getpid(), SIGKILL);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    char blame[SEGMENT_BLAME_LEN];
    struct segment_slot_view view;
    segment_slot_blame(s, 3, blame);
    CHECK_STR(blame, "a plugin/its hook");
    segment_slot_view(s, 3, &view);
    CHECK_STR(view.name, "worker-3");
    CHECK(view.pid == pid && view.generation == 1 && view.connections == 7 && view.beat_ns == segment_slot_beat(s, 3) &&
          view.beat_ns);
    segment_close(s);

    s = segment_open(path, true, &e);
    CHECK(s && segment_epoch(s) == epoch);
    CHECK(peek(segment_tally(s), 42, 0) == 5);
    segment_slot_view(s, 3, &view);
    CHECK(view.pid == 0 && view.connections == 0 && view.beat_ns == 0 && view.generation == 1);
    segment_slot_blame(s, 3, blame);
    CHECK_STR(blame, "");
    segment_close(s);
    unlink(path);
}

TEST(the_end_of_a_process_clears_its_slot)
{
    struct segment *s = fresh();
    char blame[SEGMENT_BLAME_LEN], longer[100];
    segment_slot_begin(s, 63, "a name that is longer than its room", 1);
    segment_blame(s, "nobody's"); /* no slot of our own yet */
    segment_slot_blame(s, 63, blame);
    CHECK_STR(blame, "");
    segment_beat(s, 63);
    memset(longer, 'x', 99);
    longer[99] = 0;
    segment_blame(s, longer);
    segment_slot_blame(s, 63, blame);
    CHECK(strlen(blame) == SEGMENT_BLAME_LEN - 1);
    segment_blame(s, NULL);
    segment_slot_blame(s, 63, blame);
    CHECK_STR(blame, "");
    atomic_store(&segment_connections(s)[63], 9);
    segment_slot_end(s, 63);
    struct segment_slot_view view;
    segment_slot_view(s, 63, &view);
    CHECK(view.pid == 0 && view.connections == 0 && segment_slot_beat(s, 63) == 0);
    CHECK(strlen(view.name) == SEGMENT_NAME_LEN - 1);
    segment_slot_begin(s, SEGMENT_SLOTS, "out of bounds", 1);
    segment_beat(s, SEGMENT_SLOTS);
    segment_close(s);
    segment_close(NULL);
    unlink(path);
}

TEST(what_stands_still_is_blamed_whatever_runs)
{
    char said[SEGMENT_BLAME_LEN];
    struct segment *s = fresh();
    segment_slot_begin(s, 3, "worker-1", 42);
    segment_beat(s, 3);
    segment_hold(s, "writer: COMMIT");
    segment_blame(s, "plugin/hook");
    segment_slot_blame(s, 3, said);
    CHECK_STR(said, "writer: COMMIT");
    segment_hold(s, NULL);
    segment_slot_blame(s, 3, said);
    CHECK_STR(said, "");
    segment_blame(s, "plugin/hook");
    segment_slot_blame(s, 3, said);
    CHECK_STR(said, "plugin/hook");
    segment_close(s);
    unlink(path);
}

TEST(who_follows_is_known_to_all_for_as_long_as_he_said)
{
    struct segment *s = fresh(), *other = segment_open(path, false, &e);
    CHECK(other && !segment_is_followed(s, SEGMENT_PLUGINS));
    segment_follow(other, SEGMENT_PLUGINS, UINT64_C(3600) * 1000000000);
    CHECK(segment_is_followed(s, SEGMENT_PLUGINS));
    segment_follow(other, SEGMENT_PLUGINS, 0);
    CHECK(!segment_is_followed(s, SEGMENT_PLUGINS));
    segment_close(other);
    segment_close(s);
    unlink(path);
}

TEST(another_boot_or_layout_begins_a_new_epoch)
{
    static const off_t at[] = {0, 8, 40}; /* magic, layout, boot id */
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        struct segment *s = fresh();
        uint64_t epoch = segment_epoch(s);
        tally_add(segment_tally(s), 42, 5, NULL);
        segment_close(s);
        int fd = open(path, O_RDWR);
        char c;
        CHECK(pread(fd, &c, 1, at[i]) == 1);
        c ^= 1;
        CHECK(pwrite(fd, &c, 1, at[i]) == 1);
        close(fd);
        CHECK(!segment_open(path, false, &e) && e.code == GIFD_ECORRUPT);
        s = segment_open(path, true, &e);
        CHECK(s && segment_epoch(s) != epoch && peek(segment_tally(s), 42, 0) == 0);
        segment_close(s);
        unlink(path);
    }
}

TEST(whoever_only_looks_makes_nothing)
{
    snprintf(path, sizeof path, "/tmp/gifd-segment-%d", (int)getpid());
    unlink(path);
    CHECK(!segment_open(path, false, &e) && e.code == GIFD_ENOTFOUND);
    CHECK(access(path, F_OK) < 0);
    struct segment *s = fresh(), *t = segment_open(path, false, &e);
    CHECK(t && segment_epoch(t) == segment_epoch(s));
    tally_add(segment_tally(s), 1, 1, NULL);
    CHECK(peek(segment_tally(t), 1, 0) == 1);
    struct stat st;
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK(st.st_blocks * 512 >= st.st_size); /* no page can be missing when the disk is full */
    segment_close(s);
    segment_close(t);
    unlink(path);
}

TEST_MAIN()
