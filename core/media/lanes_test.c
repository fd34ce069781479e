/* lanes_test.c: who is served when there is not room for all. */
#include "base/test.h"
#include "media/lanes.h"

#define JOBS 64

static struct lanes lanes;
static struct lane_job job[JOBS];
static const struct lane_limits roomy = {10, UINT64_MAX / 2, UINT64_MAX / 2, UINT64_MAX / 2};

static void open_lanes(struct lane_limits limits, uint32_t cores)
{
    memset(job, 0, sizeof job);
    lanes_init(&lanes, &limits, cores);
}

static void add(int from, int to, bool render)
{
    for (int i = from; i < to; i++) {
        job[i].render = render;
        lanes_add(&lanes, &job[i]);
    }
}

static int start_all(void)
{
    int n = 0;
    while (lanes_next(&lanes)) n++;
    return n;
}

TEST(a_probe_does_not_wait_behind_renders)
{
    open_lanes(roomy, 2);
    add(0, 20, true);
    CHECK(start_all() == 2);
    add(20, 21, false);
    CHECK(lanes_next(&lanes) == &job[20]);
}

TEST(never_more_renders_than_allowed)
{
    open_lanes(roomy, 64);
    add(0, 40, true);
    CHECK(start_all() == 10);
    for (int i = 0; i < 39; i++) {
        lanes_end(&lanes, &job[i]);
        start_all();
        CHECK(lanes.renders == (i < 30 ? 10u : 39u - (unsigned)i));
    }
}

TEST(never_more_renders_than_cores)
{
    open_lanes(roomy, 1);
    add(0, 30, true);
    CHECK(start_all() == 1);
}

TEST(memory_and_pixels_are_limited_in_sum)
{
    open_lanes((struct lane_limits){4, 100, 1000, 1000}, 8);
    job[0].memory = 60, job[1].memory = 60, job[2].memory = 10;
    add(0, 3, true);
    CHECK(start_all() == 1); /* nor is the second overtaken */
    lanes_end(&lanes, &job[0]);
    CHECK(start_all() == 2);
    open_lanes((struct lane_limits){4, 100, 1000, 1000}, 8);
    job[0].pixels = 5000, job[1].pixels = 1;
    add(0, 2, true);
    CHECK(lanes_next(&lanes) == &job[0]); /* alone, but it does run */
    CHECK(!lanes_next(&lanes));
}

TEST(an_account_with_its_share_lets_others_pass)
{
    open_lanes((struct lane_limits){4, 100, 1000, 300}, 8);
    for (int i = 0; i < 3; i++) job[i].account = 7, job[i].pixels = 200;
    job[3].account = 8, job[3].pixels = 200;
    add(0, 4, true);
    CHECK(lanes_next(&lanes) == &job[0]);
    CHECK(lanes_next(&lanes) == &job[3]);
    CHECK(!lanes_next(&lanes));
    for (int i = 10; i < 20; i++) job[i].account = 7;
    job[20].account = 8;
    add(10, 21, false);
    CHECK(start_all() == QUICK_MAX / 2 + 1);
    CHECK(job[20].running && !job[14].running);
}

TEST(what_waits_can_leave)
{
    open_lanes(roomy, 2);
    add(0, 4, true);
    CHECK(start_all() == 2);
    lanes_end(&lanes, &job[2]);
    lanes_end(&lanes, &job[0]);
    CHECK(lanes_next(&lanes) == &job[3]);
    lanes_end(&lanes, &job[1]);
    lanes_end(&lanes, &job[3]);
    CHECK(lanes.renders == 0 && lanes.waiting == 0 && lanes.memory == 0);
}

TEST_MAIN()
