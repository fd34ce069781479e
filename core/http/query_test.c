/* query_test.c: pairs out of queries and forms. */
#include "base/test.h"
#include "http/query.h"

static struct arena arena;
static char joined[1024];

/* "name=value;" for each pair, or the name of the error. */
static const char *pairs(const char *text)
{
    struct query q = query_of(slice_str(text), &arena);
    struct query_pair p;
    struct err e = {0};
    size_t n = 0;
    int rc;
    arena_reset(&arena);
    arena.max = 1 << 20;
    joined[0] = 0;
    while ((rc = query_next(&q, &p, &e)) > 0)
        n += (size_t)snprintf(joined + n, sizeof joined - n, "%.*s=%.*s;", (int)p.name.n, p.name.p, (int)p.value.n,
                              p.value.p);
    return rc < 0 ? err_name(rc) : joined;
}

TEST(pairs_are_decoded)
{
    CHECK_STR(pairs(""), "");
    CHECK_STR(pairs("a=1&b=2"), "a=1;b=2;");
    CHECK_STR(pairs("&&a=1&&"), "a=1;");
    CHECK_STR(pairs("a&b="), "a=;b=;");
    CHECK_STR(pairs("t=cat+gif%21&x%3d=%26"), "t=cat gif!;x==&;");
    CHECK_STR(pairs("a=1=2"), "a=1=2;");
    CHECK_STR(pairs("u=%C3%A9"), "u=\xc3\xa9;");
    CHECK_STR(pairs("a=1&a=2"), "a=1;a=2;");
}

TEST(malformed_text_is_refused)
{
    CHECK_STR(pairs("a=%"), "invalid");
    CHECK_STR(pairs("a=%4"), "invalid");
    CHECK_STR(pairs("a=%zz"), "invalid");
    CHECK_STR(pairs("a=%00"), "invalid");
    CHECK_STR(pairs("a=%ff"), "invalid");
    CHECK_STR(pairs("%1b=a"), "invalid");
    CHECK_STR(pairs("a=1&b=%e2%82"), "invalid");
}

TEST(pairs_have_a_maximum)
{
    static char many[4 * (QUERY_PAIRS_MAX + 2)];
    char *w = many;
    for (int i = 0; i < QUERY_PAIRS_MAX; i++) w += sprintf(w, "a=&");
    CHECK(strcmp(pairs(many), "too_large") != 0);
    strcpy(w, "a=&");
    CHECK_STR(pairs(many), "too_large");
}

TEST_MAIN()
