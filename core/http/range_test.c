/* range_test.c: RFC 9110 section 14 against 1000 bytes. */
#include "base/test.h"
#include "http/range.h"

static char text[512];

/* "whole", "none" (416), or the ranges as "0-9,20-29". */
static const char *ranges(const char *value, uint64_t size)
{
    struct range r[RANGES_MAX];
    size_t n, at = 0;
    switch (range_parse(slice_str(value), size, r, &n)) {
    case RANGE_WHOLE: return "whole";
    case RANGE_UNSATISFIABLE: return "none";
    case RANGE_PARTIAL: break;
    }
    for (size_t i = 0; i < n; i++) {
        if (r[i].first > r[i].last || r[i].last >= size) return "outside";
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%llu-%llu", i ? "," : "", (unsigned long long)r[i].first,
                               (unsigned long long)r[i].last);
    }
    return text;
}

TEST(single_ranges)
{
    static const char *const cases[][2] = {
        {"bytes=0-0", "0-0"},
        {"bytes=0-99", "0-99"},
        {"BYTES=500-", "500-999"},
        {"bytes=999-999", "999-999"},
        {"bytes=990-99999", "990-999"},
        {"bytes=-1", "999-999"},
        {"bytes=-1000", "0-999"},
        {"bytes=-1001", "0-999"},
        {"bytes=0-", "0-999"},
        {"bytes=0-99999999999999999999", "0-999"},
        {"bytes=-18446744073709551616", "0-999"},
        {"bytes=1000-", "none"},
        {"bytes=1001-1005", "none"},
        {"bytes=-0", "none"},
        {"bytes=18446744073709551616-", "none"},
        {"bytes=18446744073709551621-18446744073709551625", "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) CHECK_STR(ranges(cases[i][0], 1000), cases[i][1]);
    CHECK_STR(ranges("bytes=0-", 0), "none");
    CHECK_STR(ranges("bytes=-5", 0), "none");
}

TEST(what_is_no_range_set_is_ignored)
{
    static const char *const bad[] = {
        "",          "bytes",      "bytes=",      "bytes=-",     "bytes=,",     "bytes 0-1",
        "lines=0-1", "bytes=5-2",  "bytes=a-b",   "bytes=1-2-3", "bytes=+0-1",  "bytes=0x0-1",
        "bytes=--5", "bytes=-5-9", "bytes=0-1,x", "bytes=0.0-1", "bytes=0 - 1", "bytes=0-1;a",
        "bytes=1",   "bytes= =0-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_STR(ranges(bad[i], 1000), "whole");
}

TEST(several_ranges_keep_their_order)
{
    CHECK_STR(ranges("bytes=0-0,200-200", 1000), "0-0,200-200");
    CHECK_STR(ranges("bytes=500-509 , 20-29", 1000), "500-509,20-29");
    CHECK_STR(ranges("bytes=,0-1,", 1000), "0-1");
    CHECK_STR(ranges("bytes=0-9,-10", 1000), "0-9,990-999");
    CHECK_STR(ranges("bytes=0-9,1005-", 1000), "0-9");
    CHECK_STR(ranges("bytes=1000-,1005-", 1000), "none");
}

TEST(close_ranges_become_one)
{
    CHECK_STR(ranges("bytes=0-99,50-149", 1000), "0-149");
    CHECK_STR(ranges("bytes=0-9,10-19", 1000), "0-19");
    CHECK_STR(ranges("bytes=100-199,0-99", 1000), "0-199");
    CHECK_STR(ranges("bytes=0-0,81-81", 1000), "0-81");
    CHECK_STR(ranges("bytes=0-0,82-82", 1000), "0-0,82-82");
    CHECK_STR(ranges("bytes=900-909,0-9,400-409,5-405", 1000), "900-909,0-409");
}

TEST(abuse_gets_the_whole_once)
{
    static char many[20000];
    size_t n = (size_t)sprintf(many, "bytes=0-");
    for (int i = 0; i < 1300; i++) n += (size_t)sprintf(many + n, ",5-%d", i + 5);
    CHECK_STR(ranges(many, 1000), "whole");
    n = (size_t)sprintf(many, "bytes=0-0");
    for (uint64_t i = 1; i < RANGES_MAX; i++) n += (size_t)sprintf(many + n, ",%d-%d", (int)i * 200, (int)i * 200);
    CHECK(strchr(ranges(many, 100000), ','));
    n += (size_t)sprintf(many + n, ",%d-%d", RANGES_MAX * 200, RANGES_MAX * 200);
    CHECK_STR(ranges(many, 100000), "whole");
    n = (size_t)sprintf(many, "bytes=0-");
    for (int i = 1; i < 30; i++) n += (size_t)sprintf(many + n, ",%d-", i);
    CHECK_STR(ranges(many, 1000), "0-999");
}

TEST_MAIN()
