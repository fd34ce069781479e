/* excerpt_test.c: places that messages name, and what is shown of them. */
#include "base/excerpt.h"
#include "base/test.h"

TEST(a_message_names_a_place)
{
    struct slice path;
    unsigned line;
    CHECK(excerpt_place(SLICE("plugins/hello/init.lua:2: attempt to index"), &path, &line));
    CHECK(slice_is(path, "plugins/hello/init.lua") && line == 2);
    CHECK(excerpt_place(SLICE("plugin x: ran for more than 2 s (at plugins/x/a-b.lua:31)"), &path, &line));
    CHECK(slice_is(path, "plugins/x/a-b.lua") && line == 31);
    CHECK(!excerpt_place(SLICE("no place here.lua: at all"), &path, &line));
    CHECK(!excerpt_place(SLICE(".lua:5"), &path, &line));
    CHECK(!excerpt_place(SLICE(""), &path, &line));
}

TEST(an_excerpt_shows_the_line_and_its_neighbours)
{
    char out[EXCERPT_MAX];
    size_t n = excerpt_write(SLICE("one\ntwo\nthree\nfour\n"), 3, out);
    CHECK(slice_is(slice_of(out, n), "    2 | two\n>   3 | three\n    4 | four\n"));
    n = excerpt_write(SLICE("one"), 1, out);
    CHECK(slice_is(slice_of(out, n), ">   1 | one\n"));
    CHECK(excerpt_write(SLICE("one\n"), 2, out) == 0);
    CHECK(excerpt_write(SLICE("one\n"), 0, out) == 0);
    CHECK(excerpt_write(SLICE(""), 1, out) == 0);
}

TEST(an_excerpt_is_short_and_harmless)
{
    char out[EXCERPT_MAX], text[3 * 1000];
    memset(text, 'x', sizeof text);
    text[999] = text[1999] = '\n';
    CHECK(excerpt_write(slice_of(text, sizeof text), 2, out) < 3 * (EXCERPT_COLUMNS + 10));
    size_t n = excerpt_write(SLICE("\033[31mred"), 1, out);
    CHECK(slice_is(slice_of(out, n), ">   1 | ?[31mred\n"));
}

TEST_MAIN()
