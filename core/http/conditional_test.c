/* conditional_test.c: RFC 9110 section 13, its precedence above all. */
#include "base/test.h"
#include "http/conditional.h"

#define MODIFIED 1700000000 /* Tue, 14 Nov 2023 22:13:20 GMT */
#define EQUAL "Tue, 14 Nov 2023 22:13:20 GMT"
#define EARLIER "Tue, 14 Nov 2023 22:13:19 GMT"
#define LATER "Tue, 14 Nov 2023 22:13:21 GMT"
#define TAG "\"abc\""

static struct http_header headers[4];
static struct request request;

static void ask(enum http_method m, const char *const pairs[][2], size_t n)
{
    for (size_t i = 0; i < n; i++) headers[i] = (struct http_header){slice_str(pairs[i][0]), slice_str(pairs[i][1])};
    request = (struct request){.method = m, .headers = headers, .header_count = n};
}

#define CHECKED(m, ...)                                                                                                \
    (ask(m, (const char *const[][2]){__VA_ARGS__}, sizeof((const char *const[][2]){__VA_ARGS__}) / sizeof(char *[2])), \
     conditional_check(&request, SLICE(TAG), MODIFIED))
#define GET(...) CHECKED(HTTP_GET, __VA_ARGS__)
#define RANGED(value)                                                                                                  \
    (ask(HTTP_GET, (const char *const[][2]){{"If-Range", value}}, 1), conditional_range(&request, SLICE(TAG), MODIFIED))

TEST(if_none_match_compares_weakly)
{
    CHECK(GET({"If-None-Match", TAG}) == CONDITIONAL_NOT_MODIFIED);
    CHECK(GET({"if-none-match", "W/" TAG}) == CONDITIONAL_NOT_MODIFIED);
    CHECK(GET({"If-None-Match", "\"a\", " TAG ",\"b\""}) == CONDITIONAL_NOT_MODIFIED);
    CHECK(GET({"If-None-Match", "\"a\""}, {"If-None-Match", TAG}) == CONDITIONAL_NOT_MODIFIED);
    CHECK(GET({"If-None-Match", "*"}) == CONDITIONAL_NOT_MODIFIED);
    CHECK(GET({"If-None-Match", "\"x,abc\""}) == CONDITIONAL_GO);
    CHECK(GET({"If-None-Match", "\"ab\""}) == CONDITIONAL_GO);
    CHECK(GET({"If-None-Match", "abc"}) == CONDITIONAL_GO);
    CHECK(GET({"If-None-Match", "\"a\" " TAG}) == CONDITIONAL_GO);
    CHECK(GET({"If-None-Match", ""}) == CONDITIONAL_GO);
    CHECK(CHECKED(HTTP_HEAD, {"If-None-Match", TAG}) == CONDITIONAL_NOT_MODIFIED);
    CHECK(CHECKED(HTTP_PUT, {"If-None-Match", "*"}) == CONDITIONAL_FAILED);
}

TEST(if_match_compares_strongly)
{
    CHECK(GET({"If-Match", TAG}) == CONDITIONAL_GO);
    CHECK(GET({"If-Match", "*"}) == CONDITIONAL_GO);
    CHECK(GET({"If-Match", "\"a\"," TAG}) == CONDITIONAL_GO);
    CHECK(GET({"If-Match", "W/" TAG}) == CONDITIONAL_FAILED);
    CHECK(GET({"If-Match", "\"a\""}) == CONDITIONAL_FAILED);
    CHECK(CHECKED(HTTP_PATCH, {"If-Match", "\"a\""}) == CONDITIONAL_FAILED);
}

TEST(dates)
{
    CHECK(GET({"If-Modified-Since", EQUAL}) == CONDITIONAL_NOT_MODIFIED);
    CHECK(GET({"If-Modified-Since", LATER}) == CONDITIONAL_NOT_MODIFIED);
    CHECK(GET({"If-Modified-Since", EARLIER}) == CONDITIONAL_GO);
    CHECK(GET({"If-Modified-Since", "garbage"}) == CONDITIONAL_GO);
    CHECK(GET({"If-Modified-Since", EQUAL}, {"If-Modified-Since", EQUAL}) == CONDITIONAL_GO);
    CHECK(CHECKED(HTTP_POST, {"If-Modified-Since", EQUAL}) == CONDITIONAL_GO);
    CHECK(GET({"If-Unmodified-Since", EQUAL}) == CONDITIONAL_GO);
    CHECK(GET({"If-Unmodified-Since", EARLIER}) == CONDITIONAL_FAILED);
    CHECK(GET({"If-Unmodified-Since", "garbage"}) == CONDITIONAL_GO);
    ask(HTTP_GET, (const char *const[][2]){{"If-Modified-Since", LATER}}, 1);
    CHECK(conditional_check(&request, SLICE(TAG), 0) == CONDITIONAL_GO);
}

TEST(precedence)
{
    CHECK(GET({"If-None-Match", "\"a\""}, {"If-Modified-Since", EQUAL}) == CONDITIONAL_GO);
    CHECK(GET({"If-None-Match", TAG}, {"If-Modified-Since", EARLIER}) == CONDITIONAL_NOT_MODIFIED);
    CHECK(GET({"If-Match", "*"}, {"If-Unmodified-Since", EARLIER}) == CONDITIONAL_GO);
    CHECK(GET({"If-Match", "\"a\""}, {"If-Unmodified-Since", LATER}) == CONDITIONAL_FAILED);
    CHECK(GET({"If-Match", "*"}, {"If-None-Match", TAG}) == CONDITIONAL_NOT_MODIFIED);
    CHECK(GET({"If-None-Match", TAG}, {"If-Match", "\"a\""}) == CONDITIONAL_FAILED);
    CHECK(GET({"If-Unmodified-Since", EARLIER}, {"If-None-Match", TAG}) == CONDITIONAL_FAILED);
}

TEST(if_range_is_strong_and_exact)
{
    CHECK(RANGED(TAG));
    CHECK(!RANGED("W/" TAG));
    CHECK(!RANGED("\"a\""));
    CHECK(!RANGED("abc"));
    CHECK(!RANGED(TAG ", \"a\""));
    CHECK(RANGED(EQUAL));
    CHECK(!RANGED(EARLIER));
    CHECK(!RANGED(LATER));
    CHECK(!RANGED(""));
    ask(HTTP_GET, NULL, 0);
    CHECK(conditional_range(&request, SLICE(TAG), MODIFIED));
}

TEST_MAIN()
