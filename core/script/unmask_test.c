/* unmask_test.c: what readings a text has, and which bytes they stand for. */
#include "script/unmask.h"
#include "base/test.h"

static bool reads(const char *text, const char *wanted)
{
    struct unmasked u;
    struct err e = {0};
    bool found = unmask(slice_of(text, strlen(text)), false, &u, &e) == 0 && strstr(buf_str(&u.plain), wanted);
    unmask_free(&u);
    return found;
}

TEST(disguises_are_undone)
{
    CHECK(reads("P0RN", "porn "));
    CHECK(reads("p.o.r.n", " porn "));
    CHECK(reads("p o r n", " porn "));
    CHECK(reads("pooorn", " porn "));
    CHECK(reads("freePorn", " porn "));
    CHECK(reads("p\xd0\xbern", "porn "));
    CHECK(reads("p\xe2\x80\x8born", "porn "));
    CHECK(reads("sex69", " sex "));
    CHECK(!reads("E S S E X", " sex "));
    CHECK(!reads("poorn", " porn "));
}

TEST(readings_know_their_place)
{
    struct unmasked u;
    struct err e = {0};
    CHECK(unmask(slice_of("a P0RN", 6), false, &u, &e) == 0);
    size_t from = 2, to = 6;
    unmask_place(&u, &from, &to);
    CHECK(from == 2 && to == 6);
    unmask_free(&u);
}

TEST(bytes_of_any_kind)
{
    struct unmasked u;
    struct err e = {0};
    char all[512];
    for (int i = 0; i < 512; i++) all[i] = (char)(i * 7);
    for (size_t n = 0; n <= sizeof all; n++) {
        CHECK(unmask(slice_of(all, n), false, &u, &e) == 0);
        unmask_free(&u);
    }
    CHECK(unmask(slice_of("", 0), false, &u, &e) == 0 && u.count == 0);
    unmask_free(&u);
}

TEST_MAIN()
