/* head_test.c: what the two stages of head.c accept and refuse, at every split. */
#include "base/test.h"
#include "http/head_int.h"

static struct http_header fields[4096];
static struct head head;

/* The status that a head is answered with, 0 for "accepted", 1 for "more is needed"; fed in pieces of `step` bytes. */
static int feed(const char *p, size_t n, size_t step)
{
    struct head_scan s = {0};
    struct refusal why = {0};
    for (size_t have = step < n ? step : n;; have = have + step < n ? have + step : n) {
        ptrdiff_t end = head__scan(&s, p, have, &http_limits_default, &why);
        if (end < 0) return why.status;
        if (end > 0)
            return head__parse(slice_of(p + s.start, (size_t)end - s.start), &http_limits_default, &head, fields,
                               &why) < 0
                       ? why.status
                       : 0;
        if (have == n) return 1;
    }
}

static int status_n(const char *p, size_t n)
{
    int whole = feed(p, n, n), single = feed(p, n, 1), third = feed(p, n, 3);
    if (whole != single || whole != third) {
        fprintf(stderr, "whole %d, by bytes %d, by threes %d: %.60s\n", whole, single, third, p);
        return -1;
    }
    return whole;
}

#define STATUS(literal) status_n(literal, sizeof(literal) - 1)
#define LINE(line) STATUS(line "\r\nHost: a\r\n\r\n")
#define FIELD(field) STATUS("GET / HTTP/1.1\r\nHost: a\r\n" field "\r\n\r\n")
#define HOST(host) STATUS("GET / HTTP/1.1\r\nHost: " host "\r\n\r\n")

TEST(ordinary_heads_are_accepted)
{
    CHECK(LINE("GET / HTTP/1.1") == 0);
    CHECK(LINE("DELETE /a/b?c=d&e HTTP/1.1") == 0);
    CHECK(STATUS("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") == 0);
    CHECK(STATUS("GET / HTTP/1.0\r\n\r\n") == 0);
    CHECK(FIELD("X-A:\tv \t") == 0);
    CHECK(fields[1].value.n == 1 && fields[1].value.p[0] == 'v');
    CHECK(FIELD("X-A:") == 0);
    CHECK(fields[1].value.n == 0);
    CHECK(FIELD("X-A: caf\xc3\xa9") == 0);
    CHECK(STATUS("GET / HTTP/1.1\r\nHost: a\r\n") == 1);
}

TEST(the_meaning_of_a_head_is_found)
{
    CHECK(STATUS("POST /x%20y?q=1 HTTP/1.1\r\nhOsT: h:8080\r\nContent-Length: 010\r\nExpect: 100-Continue\r\n\r\n") ==
          0);
    CHECK(head.method == HTTP_POST && head.content_length == 10 && head.expect_continue && head.keep_alive);
    CHECK(slice_is(head.path, "/x%20y") && slice_is(head.query, "q=1") && slice_is(head.host, "h:8080"));
    CHECK(FIELD("Transfer-Encoding: ChunKed\r\nConnection: foo, Close") == 0);
    CHECK(head.chunked && !head.keep_alive);
    CHECK(STATUS("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") == 0);
    CHECK(head.minor_zero && head.keep_alive);
    CHECK(LINE("GET http://other:81/p?q HTTP/1.1") == 0);
    CHECK(slice_is(head.host, "other:81") && slice_is(head.path, "/p") && slice_is(head.query, "q"));
    CHECK(LINE("GET http://other HTTP/1.1") == 0);
    CHECK(slice_is(head.path, "/"));
    CHECK(LINE("OPTIONS * HTTP/1.1") == 0);
    CHECK(head.asterisk);
}

TEST(request_lines_of_any_other_form_are_refused)
{
    CHECK(LINE("GET  / HTTP/1.1") == 400);
    CHECK(LINE("GET / HTTP/1.1 ") == 400);
    CHECK(LINE("GET\t/ HTTP/1.1") == 400);
    CHECK(LINE("GET /") == 400);
    CHECK(LINE("GET / x HTTP/1.1") == 400);
    CHECK(LINE("GET / HTTP/1.32") == 400);
    CHECK(LINE("GET / http/1.1") == 400);
    CHECK(LINE("GET / HTTP/1.2") == 505);
    CHECK(LINE("GET / HTTP/2.0") == 505);
    CHECK(LINE("GET / HTTP/0.9") == 505);
    CHECK(LINE("G(ET / HTTP/1.1") == 400);
    CHECK(LINE("get / HTTP/1.1") == 501);
    CHECK(LINE("CONNECT a:1 HTTP/1.1") == 501);
    CHECK(LINE("GET t.bin HTTP/1.1") == 400);
    CHECK(LINE("GET * HTTP/1.1") == 400);
    CHECK(LINE("GET /a\x7f HTTP/1.1") == 400);
    CHECK(LINE("GET /\xc3\xa9 HTTP/1.1") == 400);
    CHECK(LINE("GET /a#b HTTP/1.1") == 400);
    CHECK(LINE("GET /a\\b HTTP/1.1") == 400);
    CHECK(LINE("GET /<b> HTTP/1.1") == 400);
    CHECK(LINE("GET ftp://a/ HTTP/1.1") == 400);
    CHECK(LINE("GET http:///p HTTP/1.1") == 400);
    CHECK(LINE("GET http://u@a/p HTTP/1.1") == 400);
    CHECK(STATUS("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n") == 400);
}

TEST(field_lines_of_any_other_form_are_refused)
{
    CHECK(FIELD("NoColon") == 400);
    CHECK(FIELD("X-A : 1") == 400);
    CHECK(FIELD(": v") == 400);
    CHECK(FIELD("X Y: v") == 400);
    CHECK(FIELD("X\xff: v") == 400);
    CHECK(FIELD("X-A: 1\r\n 2") == 400);
    CHECK(FIELD("X-A: 1\r\n\t2") == 400);
    CHECK(FIELD("X-A: a\x07"
                "b") == 400);
    CHECK(FIELD("X-A: a\x7f"
                "b") == 400);
    CHECK(FIELD("X-A: a\0b") == 400);
    CHECK(FIELD("X-A: a\rb") == 400);
    CHECK(FIELD("X-A: a\nX-B: b") == 400);
    CHECK(FIELD("\rX: y") == 400);
    CHECK(STATUS("GET / HTTP/1.1\nHost: a\n\n") == 400);
    CHECK(STATUS("GET / HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n") == 400);
    CHECK(STATUS("\x16\x03\x01\x00\xa5") == 400);
}

TEST(one_host_of_valid_syntax)
{
    static const char *const good[] = {"", "a", "a.b-c_d~e", "a:80", "a:", "127.0.0.1:8080", "[::1]", "[::1]:80"};
    static const char *const bad[] = {"a b",   "a/b",      "u@a",    "a^b",   "a:b",     "a?x",
                                      "a#x",   "[::1",     "[::1]x", "[::g]", "a:80:80", "a:65536",
                                      "\"a\"", "<script>", "a,b",    "a%41",  "[::1]:x"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK(head__host_valid(slice_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!head__host_valid(slice_str(bad[i])));
    CHECK(HOST("a b") == 400);
    CHECK(HOST("a\r\nHost: a") == 400);
    CHECK(STATUS("GET / HTTP/1.1\r\n\r\n") == 400);
    CHECK(STATUS("GET http://a/ HTTP/1.1\r\n\r\n") == 400);
}

TEST(framing_that_two_readers_could_see_differently_is_refused)
{
    static const char *const lengths[] = {"+5",
                                          "-5",
                                          "0x5",
                                          "5 5",
                                          "5,5",
                                          "5,6",
                                          "1e1",
                                          "5;",
                                          "5_0",
                                          "5.0",
                                          "\"5\"",
                                          "",
                                          "five",
                                          "99999999999999999999",
                                          "9223372036854775808",
                                          "18446744073709551621"};
    static const char *const codings[] = {
        "xchunked x",  "chunked, identity", "identity",    ",chunked", "chunked, gzip",
        "chunked;q=1", "chunked, chunked",  "\"chunked\"", "",         "chunked cow"};
    char text[256];
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\n", lengths[i]);
        CHECK(status_n(text, strlen(text)) == 400);
    }
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) {
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: %s\r\n\r\n", codings[i]);
        CHECK(status_n(text, strlen(text)) == 400);
    }
    CHECK(FIELD("Content-Length: 9223372036854775807") == 0);
    CHECK(FIELD("Transfer-Encoding: gzip") == 501);
    CHECK(FIELD("Content-Length: 5\r\nContent-Length: 5") == 400);
    CHECK(FIELD("Content-Length: 5\r\nTransfer-Encoding: chunked") == 400);
    CHECK(FIELD("Transfer-Encoding: chunked\r\nContent-Length: 5") == 400);
    CHECK(FIELD("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked") == 400);
    CHECK(FIELD("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked") == 400);
    CHECK(STATUS("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
    CHECK(FIELD("Expect: unicorns") == 417);
}

TEST(limits_are_named_before_the_head_is_whole)
{
    static char big[70000];
    size_t n = (size_t)snprintf(big, sizeof big, "GET /");
    memset(big + n, 'a', 9000);
    CHECK(feed(big, n + 9000, 100) == 414);
    n = (size_t)snprintf(big, sizeof big, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    memset(big + n, 'a', 40000);
    CHECK(feed(big, n + 40000, 100) == 431);
    n = (size_t)snprintf(big, sizeof big, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 99; i++) n += (size_t)snprintf(big + n, sizeof big - n, "X-%d: v\r\n", i);
    memcpy(big + n, "\r\n", 2);
    CHECK(status_n(big, n + 2) == 0);
    CHECK(head.header_count == 100);
    n += (size_t)snprintf(big + n, sizeof big - n, "X: v\r\n\r\n");
    CHECK(status_n(big, n) == 431);
}

TEST(a_target_of_exactly_the_limit_is_read)
{
    static char big[10000];
    size_t max = http_limits_default.target_bytes;
    for (size_t len = max; len <= max + 1; len++) {
        size_t n = (size_t)snprintf(big, sizeof big, "GET /");
        memset(big + n, 'a', len - 1);
        n += len - 1;
        n += (size_t)snprintf(big + n, sizeof big - n, " HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK(status_n(big, n) == (len == max ? 0 : 414));
    }
}

TEST(a_trailer_section_may_be_empty_and_no_more_lenient)
{
    static const struct {
        const char *text;
        int want; /* 1 accepted, 0 more, -1 refused */
    } cases[] = {{"\r\n", 1},        {"X: y\r\n\r\n", 1}, {"X: y\r\n", 0}, {"\n", -1},
                 {"X: y\n\r\n", -1}, {"\r", 0},           {"\rX", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct head_scan s = {.trailer = true};
        struct refusal why;
        ptrdiff_t end = head__scan(&s, cases[i].text, strlen(cases[i].text), &http_limits_default, &why);
        CHECK((end > 0) - (end < 0) == cases[i].want);
    }
}

TEST_MAIN()
