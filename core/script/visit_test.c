/* visit_test.c: what a kept reply counts, and who counts what finds no room. */
#include "base/tally.h"
#include "script/rig_int.h"
#include "script/visit.h"

#define ONE 5ull
#define TWO 6ull

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

static const char boot[] =
    "local ran = 0\n"
    "return function(settings)\n"
    "  return { routes = { { method = 'GET', pattern = '/kept', cache = true } }, handle = function(i, req)\n"
    "    ran = ran + 1\n"
    "    local reply = { etag = '\"e\"', body = '0123456789', cache = { tags = { 't' }, seconds = 60, anyone = true,\n"
    "      counts = { 5, 6 } } }\n"
    "    reply.headers = { Told = ('ran=%d counted=%d start=%s'):format(ran, req.counted,\n"
    "      tostring(gifd.request.from_start(reply, 10))) }\n"
    "    return reply\n"
    "  end }\n"
    "end\n";

static void open_rig(struct rig *r)
{
    rig_open(r, "worker", 0, -1);
    rig_serve(r);
    rig_boot(r, boot);
}

static uint64_t counted(struct rig *r, uint64_t id)
{
    return peek(segment_tally(r->segment), id, 0);
}

static void ask(struct rig *r, const char *method, const char *headers, int status, const char *told)
{
    char *a = rig_request(r, method, "/kept", headers, NULL);
    CHECK(rig_status(a) == status);
    CHECK(!told || strstr(a, told));
    free(a);
}

TEST(a_kept_reply_counts_each_get_from_its_start_once)
{
    static const struct {
        const char *method, *headers;
        int status;
        uint64_t counts;
    } cases[] = {
        {"GET", NULL, 200, 1},
        {"HEAD", NULL, 200, 1}, /* as another event */
        {"GET", "Range: bytes=0-3\r\n", 206, 1},
        {"GET", "range: bytes=3-\r\n", 206, 0},
        {"GET", "Range: bytes=-3\r\n", 206, 0},
        {"GET", "Range: bytes=-30\r\n", 206, 1},
        {"GET", "Range: bytes=20-\r\n", 416, 0},
        {"GET", "Range: bytes=3-2\r\n", 200, 1},
        {"GET", "Range: bytes=3-4\r\nIf-Range: \"e\"\r\n", 206, 0},
        {"GET", "Range: bytes=3-4\r\nIf-Range: \"f\"\r\n", 200, 1},
        {"GET", "If-None-Match: \"e\"\r\n", 304, 1},
        {"GET", "If-None-Match: \"f\"\r\n", 200, 1},
        {"GET", "If-Match: \"f\"\r\n", 412, 0},
        {"GET", "If-Match: \"e\"\r\n", 200, 1},
    };
    struct rig r;
    open_rig(&r);
    ask(&r, "GET", NULL, 200, "ran=1 counted=0 start=true");
    CHECK(counted(&r, ONE) == 0); /* the first one was for Lua to count */
    uint64_t so_far = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&r, cases[i].method, cases[i].headers, cases[i].status, NULL);
        so_far += cases[i].counts;
        CHECK(counted(&r, ONE) == so_far && counted(&r, TWO) == so_far);
    }
    rig_close(&r);
}

TEST(lua_is_asked_before_anything_is_kept_whether_it_is_from_the_start)
{
    struct rig r;
    open_rig(&r);
    ask(&r, "GET", "Authorization: x\r\nRange: bytes=3-\r\n", 206, "start=false");
    CHECK(counted(&r, ONE) == 0);
    rig_close(&r);
}

TEST(what_finds_no_room_is_left_to_lua_and_the_rest_not_counted_twice)
{
    struct rig r;
    open_rig(&r);
    struct tally *t = segment_tally(r.segment);
    ask(&r, "GET", NULL, 200, "ran=1 counted=0");
    for (uint64_t i = 1; i <= TALLY_PROBE; i++) tally_add(t, TWO | i << 45, 1, NULL);
    CHECK(tally_add(t, TWO, 1, NULL) == GIFD_EBUSY);
    ask(&r, "GET", NULL, 200, "ran=2 counted=1");
    CHECK(counted(&r, ONE) == 1);
    ask(&r, "HEAD", NULL, 200, "ran=2 counted=1"); /* counts what it finds room for */
    CHECK(counted(&r, ONE) == 2 && peek(t, ONE | 2ull << 51, 3ull << 51) == 1);
    rig_close(&r);
}

/* Counts of an id by askers with a text of their own; *classes: by the others. */
static uint64_t by_texts(struct rig *r, uint64_t id, uint64_t *classes)
{
    struct tally_slot slots[TALLY_PROBE];
    uint64_t n = 0;
    size_t count = tally_peek(segment_tally(r->segment), id, slots);
    *classes = 0;
    for (size_t i = 0; i < count; i++) {
        bool text = (slots[i].key >> VISIT_ASKER_SHIFT) % ASKERS >= ASKERS_OWN;
        *(text ? &n : classes) += slots[i].count;
    }
    return n;
}

TEST(many_askers_of_one_thing_are_told_apart_while_there_is_room_and_counted_all_the_same)
{
    struct rig r;
    char header[64];
    uint64_t classes;
    open_rig(&r);
    ask(&r, "GET", NULL, 200, "ran=1");
    for (int i = 0; i < 150; i++) {
        snprintf(header, sizeof header, "User-Agent: Browser/%d\r\n", i);
        ask(&r, "GET", header, 200, "ran=1");
    }
    uint64_t texts = by_texts(&r, ONE, &classes);
    CHECK(texts + classes == 150 && texts >= 60 && texts <= TALLY_PROBE_FEW);
    rig_close(&r);
}

TEST(askers_that_find_no_room_for_their_text_are_counted_by_their_class)
{
    struct rig r;
    char text[32];
    uint32_t age;
    uint64_t classes;
    open_rig(&r);
    ask(&r, "GET", NULL, 200, "ran=1");
    for (int i = 0; i < 8 * ASKERS; i++) {
        snprintf(text, sizeof text, "text %d", i);
        askers_number(segment_askers(r.segment), askers_hash(segment_epoch(r.segment), slice_str(text)),
                      slice_str(text), &age);
    }
    ask(&r, "GET", "User-Agent: Newcomer\r\n", 200, "ran=1");
    CHECK(by_texts(&r, ONE, &classes) == 0 && classes == 1);
    rig_close(&r);
}

TEST_MAIN()
