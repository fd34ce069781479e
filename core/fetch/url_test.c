/* url_test.c: what a URL may look like, and the one form that it is written in. */
#include "base/test.h"
#include "fetch/url.h"

static void reads(const char *text, const char *whole, const char *host, unsigned port)
{
    struct url u;
    struct err e = {0};
    int rc = url_parse(slice_str(text), &u, &e);
    if (rc < 0) fprintf(stderr, "%s: %s\n", text, e.text);
    CHECK(rc == GIFD_OK);
    CHECK_STR(u.text, whole);
    CHECK(u.n == strlen(whole));
    CHECK_STR(u.host, host);
    CHECK(u.port == port);
}

TEST(a_url_is_written_in_one_form)
{
    reads("http://example.org", "http://example.org/", "example.org", 80);
    reads("HTTPS://EXAMPLE.org:443?a=b#c", "https://example.org/?a=b", "example.org", 443);
    reads("http://example.org:8080/A/../b%2Fc?x=//y", "http://example.org:8080/A/../b%2Fc?x=//y", "example.org", 8080);
    reads("https://example.org/caf\xc3\xa9", "https://example.org/caf%C3%A9", "example.org", 443);
    reads("http://192.0.2.1:80/", "http://192.0.2.1/", "192.0.2.1", 80);
    reads("http://[2001:DB8:0::1]:81/x", "http://[2001:db8::1]:81/x", "2001:db8::1", 81);
    reads("http://xn--mnchen-3ya.example/", "http://xn--mnchen-3ya.example/", "xn--mnchen-3ya.example", 80);
    reads("http://a_b.example/?u=http://x@y", "http://a_b.example/?u=http://x@y", "a_b.example", 80);
    reads("http://1e100.net/", "http://1e100.net/", "1e100.net", 80);
}

TEST(what_could_be_read_in_two_ways_is_refused)
{
    static const char *const list[] = {
        "",
        "http",
        "http:/",
        "http://",
        "http:///x",
        "http://:80/",
        "ftp://a/",
        "file:///etc/passwd",
        "//a/",
        "a/b",
        "http:a/",
        "http:/a/",
        "javascript:1",
        "data:,x",
        "gopher://a/",
        "unix:///x",
        "ws://a/",
        "httpx://a/",
        "http://a@b/",
        "http://a:b@c/",
        "http://@b/",
        "http://a:80#@b/\\",
        "http://a\\@b/",
        "http://a/\\b",
        " http://a/",
        "http://a/ ",
        "http://a /",
        "http://a\t/",
        "http://a\n/",
        "http://a/\r\nX: y",
        "http://a\x7f/",
        "http://a<b/",
        "http://a%2eb/",
        "http://a%00.b/",
        "http://\xef\xbc\x91.0.0.1/",
        "http://m\xc3\xbcnchen.example/",
        "http://127\343\200\2020.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://127.0.0.01/",
        "http://127.0.0.256/",
        "http://127.0.0.0x1/",
        "http://1.2.3.4.5/",
        "http://0/",
        "http://a.1/",
        "http://127.0.0.1./",
        "http://a./",
        "http://a../",
        "http://a..b/",
        "http://.a/",
        "http://a:/",
        "http://a:0/",
        "http://a:080/",
        "http://a:65536/",
        "http://a:8a/",
        "http://a:-1/",
        "http://a:1:2/",
        "http://[::1/",
        "http://::1/",
        "http://[]/",
        "http://[a]/",
        "http://[::1%25lo]/",
        "http://[::1%lo]/",
        "http://[fe80::1%eth0]/",
        "http://[::ffff:1.2.3.4]/",
        "http://[::ffff:102:304]/",
        "http://[1.2.3.4]/",
        "http://[::1]x/",
        "http://[::1]x:80/",
        "http://[v1.x]/",
        "http://a{1,2}/",
        "http://a[1-2]/",
        "http://a,b/",
        "http://a!b/",
        "http://a*b/",
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        struct url u;
        struct err e = {0};
        int rc = url_parse(slice_str(list[i]), &u, &e);
        if (rc != GIFD_EINVALID) fprintf(stderr, "%s is taken as %s\n", list[i], u.text);
        CHECK(rc == GIFD_EINVALID);
        CHECK(e.text[0]);
    }
    struct url u;
    CHECK(url_parse(slice_of("http://a\0.b/", 12), &u, NULL) == GIFD_EINVALID);
    CHECK(url_parse(slice_of(NULL, 0), &u, NULL) == GIFD_EINVALID);
}

TEST(lengths_are_bounded)
{
    static char text[3 * URL_TEXT_MAX];
    struct url u;
    memset(text, 'a', sizeof text);
    memcpy(text, "http://", 7);
    CHECK(url_parse(slice_of(text, 7 + 63), &u, NULL) == GIFD_OK);
    CHECK(url_parse(slice_of(text, 7 + 64), &u, NULL) == GIFD_EINVALID);
    for (size_t i = 7; i < 7 + 254; i += 64) text[i + 63] = '.';
    CHECK(url_parse(slice_of(text, 7 + 253), &u, NULL) == GIFD_OK);
    CHECK(url_parse(slice_of(text, 7 + 254), &u, NULL) == GIFD_EINVALID);
    memcpy(text, "http://a/", 9);
    memset(text + 9, 'x', sizeof text - 9);
    CHECK(url_parse(slice_of(text, URL_TEXT_MAX), &u, NULL) == GIFD_OK);
    CHECK(url_parse(slice_of(text, URL_TEXT_MAX + 1), &u, NULL) == GIFD_ETOOBIG);
    memset(text + 9, 0xc3, URL_TEXT_MAX);
    CHECK(url_parse(slice_of(text, URL_TEXT_MAX / 2), &u, NULL) == GIFD_ETOOBIG);
}

static bool matches(const char *url, const char *pattern)
{
    struct url u;
    CHECK(url_parse(slice_str(url), &u, NULL) == GIFD_OK);
    return url_matches(&u, slice_str(pattern));
}

TEST(a_pattern_names_a_host_or_what_is_below_it)
{
    CHECK(matches("https://api.example.org/x", "api.example.org"));
    CHECK(matches("http://API.example.org/", "api.example.org"));
    CHECK(!matches("https://api.example.org:8443/", "api.example.org"));
    CHECK(matches("https://api.example.org:8443/", "api.example.org:8443"));
    CHECK(!matches("https://api.example.org/", "api.example.org:8443"));
    CHECK(matches("https://api.example.org/", "api.example.org:443"));
    CHECK(!matches("https://example.org/", "api.example.org"));
    CHECK(matches("https://a.example.org/", "*.example.org"));
    CHECK(matches("https://a.b.example.org:81/", "*.example.org:81"));
    CHECK(!matches("https://example.org/", "*.example.org"));
    CHECK(!matches("https://evilexample.org/", "*.example.org"));
    CHECK(!matches("https://example.org.evil.test/", "*.example.org"));
    CHECK(!matches("https://evilexample.org/", "*example.org"));
    CHECK(!matches("https://example.org/", ""));
    CHECK(!matches("https://example.org/", "*"));
}

TEST_MAIN()
