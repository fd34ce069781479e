/* chunk_test.c: the chunked coding at every split, and what it does not take. */
#include "base/test.h"
#include "http/chunk_int.h"

static char body[1024];
static size_t body_n;

/* Bytes used up to the end of the last chunk's line, 0 when more is needed, -1 when malformed. */
static ptrdiff_t feed(const char *text, size_t n, size_t first)
{
    struct chunks c = {0};
    size_t at = 0, limit = first;
    body_n = 0;
    for (;;) {
        while (at < limit && !c.last) {
            size_t data;
            ptrdiff_t used = chunk__next(&c, text + at, limit - at, &data);
            if (used < 0) return -1;
            at += (size_t)used;
            memcpy(body + body_n, text + at, data);
            body_n += data;
            at += data;
        }
        if (c.last) return (ptrdiff_t)at;
        if (limit == n) return 0;
        limit = first == 1 && limit < n ? limit + 1 : n;
    }
}

static ptrdiff_t decode(const char *text)
{
    size_t n = strlen(text);
    ptrdiff_t whole = feed(text, n, n);
    for (size_t split = 1; split < n; split++)
        if (feed(text, n, split) != whole) return -2;
    return whole;
}

static bool body_is(const char *s)
{
    return body_n == strlen(s) && memcmp(body, s, body_n) == 0;
}

TEST(bodies_come_out_at_every_split)
{
    CHECK(decode("5\r\nhello\r\n0\r\n") == 13);
    CHECK(body_is("hello"));
    CHECK(decode("0000A\r\n0123456789\r\n000\r\n\r\n") == 24);
    CHECK(body_is("0123456789"));
    CHECK(decode("5;a=b;c=\"d;e\\\"\";f\r\nhello\r\n1\r\n!\r\n0;x\r\n") > 0);
    CHECK(body_is("hello!"));
    CHECK(decode("0\r\n") == 3);
    CHECK(body_is(""));
    CHECK(decode("5\r\nhel") == 0);
    CHECK(decode("5\r\nhello\r\n") == 0);
}

TEST(anything_else_is_malformed)
{
    static const char *const bad[] = {"0x5\r\nhello",
                                      "+5\r\n",
                                      "-5\r\n",
                                      "-0\r\n",
                                      "5_0\r\n",
                                      "\r\n",
                                      "g\r\n",
                                      "5\rhello",
                                      "2\r\r;a\r\n",
                                      "5zz\r\n",
                                      "5,5\r\n",
                                      " 5\r\n",
                                      "5 \r\n",
                                      "5 ;a\r\n",
                                      "5; a\r\n",
                                      "5;\r\n",
                                      "5;a=\r\n",
                                      "5;a=\"b\r\n",
                                      "5\nhello",
                                      "5;a\nhello",
                                      "5\r\nhelloX",
                                      "5\r\nhello\n",
                                      "5\r\nhello0\r\n",
                                      "0\n",
                                      "FFFFFFFFFFFFFFFFF\r\n",
                                      "10000000000000005\r\n",
                                      "00000000000000005\r\n",
                                      "7FFFFFFFFFFFFFFF1\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (decode(bad[i]) != -1) {
            fprintf(stderr, "taken: %s\n", bad[i]);
            CHECK(false);
        }
}

TEST(extensions_have_a_maximum)
{
    char text[CHUNK_EXTENSION_MAX + 64];
    for (int extra = 0; extra < 2; extra++) {
        size_t n = (size_t)sprintf(text, "5;");
        memset(text + n, 'a', CHUNK_EXTENSION_MAX - 1 + (size_t)extra);
        strcpy(text + n + CHUNK_EXTENSION_MAX - 1 + (size_t)extra, "\r\nhello\r\n0\r\n");
        CHECK((decode(text) > 0) == !extra);
    }
}

TEST_MAIN()
