/* proxy_test.c: PROXY headers of both versions: each way of cutting them into pieces, and what is refused. */
#include "base/test.h"
#include "http/proxy_int.h"

static struct proxy said;
static const char *why;

/* The whole at once; each shorter beginning must ask for more, or, when refused, must have been refused for good. */
static ptrdiff_t in_pieces(const void *bytes, size_t n)
{
    const char *p = bytes;
    ptrdiff_t whole = proxy__read(p, n, &said, &why);
    for (size_t k = 0; k < n; k++) {
        struct proxy part;
        ptrdiff_t got = proxy__read(p, k, &part, &why);
        if (whole > 0) CHECK(k < (size_t)whole ? got == 0 : got == whole);
        if (whole < 0) CHECK(got <= 0);
        if (whole == 0) CHECK(got == 0);
    }
    return proxy__read(p, n, &said, &why);
}

static ptrdiff_t text(const char *s)
{
    return in_pieces(s, strlen(s));
}

static const char *client(void)
{
    static char out[IP_TEXT_MAX];
    ip_text(&said.client, out);
    return said.named ? out : "the peer";
}

TEST(version_1_names_the_client)
{
    CHECK(text("PROXY TCP4 203.0.113.9 10.0.0.1 51234 80\r\nGET / HTTP/1.1\r\n") == 42);
    CHECK_STR(client(), "203.0.113.9");
    CHECK(text("PROXY TCP6 2001:db8::9 ::1 1 65535\r\n") == 36);
    CHECK_STR(client(), "2001:db8::9");
    CHECK(text("PROXY UNKNOWN\r\n") == 15);
    CHECK_STR(client(), "the peer");
    CHECK(text("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n") == 35);
    CHECK_STR(client(), "the peer");
    CHECK(text("PROXY TCP6 ffff:f...f:ffff") == 0);
}

TEST(version_1_is_read_strictly)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n",
        "PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 -1 2\r\n",
        "PROXY TCP4 1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 ::1 ::2 1 2\r\n",
        "PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY TCP4 1.1.1.1 ::2 1 2\r\n",
        "PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n",
        "PROXY TCP4 1.1.1.1 2.2.2.2 1\r 2\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        why = NULL;
        CHECK(text(bad[i]) < 0 && why);
    }
    char line[PROXY_V1_MAX + 8];
    memset(line, 'a', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + PROXY_V1_MAX - 2, "\r\n", 2);
    CHECK(in_pieces(line, PROXY_V1_MAX) == PROXY_V1_MAX);
    memcpy(line + PROXY_V1_MAX - 2, "a\r\n", 3);
    CHECK(in_pieces(line, PROXY_V1_MAX + 1) < 0);
}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\xcb\x00\x71\x09\x0a\x00\x00\x01\xc8\x22\x00\x50"
#define V6                                                                                                             \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"                                                                       \
    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"                                                                               \
    "\0\1\0\2"
#define READ(bytes) in_pieces(bytes, sizeof(bytes) - 1)

TEST(version_2_names_the_client)
{
    CHECK(READ(SIGNATURE "\x21\x11\0\x0c" V4 "GET") == 28);
    CHECK_STR(client(), "203.0.113.9");
    CHECK(!said.secure);
    CHECK(READ(SIGNATURE "\x21\x21\0\x24" V6) == 52);
    CHECK_STR(client(), "2001:db8::9");
}

TEST(version_2_without_addresses_means_the_peer)
{
    CHECK(READ(SIGNATURE "\x20\0\0\0GET") == 16); /* LOCAL */
    CHECK_STR(client(), "the peer");
    CHECK(READ(SIGNATURE "\x20\x11\0\x0c" V4) == 28);
    CHECK_STR(client(), "the peer");
    CHECK(READ(SIGNATURE "\x21\0\0\3abc") == 19);
    CHECK_STR(client(), "the peer");
}

TEST(version_2_passes_over_tlvs)
{
    CHECK(READ(SIGNATURE "\x21\x11\0\x17" V4 "\4\0\2xx"
                         "\x20\0\5\1\0\0\0\0"
                         "GET") == -1); /* cut: 23 of 25 bytes */
    CHECK(READ(SIGNATURE "\x21\x11\0\x19" V4 "\4\0\2xx"
                         "\x20\0\5\1\0\0\0\0"
                         "GET") == 41);
    CHECK_STR(client(), "203.0.113.9");
    CHECK(said.secure);
    CHECK(READ(SIGNATURE "\x21\x11\0\x14" V4 "\x20\0\5\0\0\0\0\0") == 36 && !said.secure);
    CHECK(READ(SIGNATURE "\x21\x11\0\x0e" V4 "\4\0") == -1);
    CHECK(READ(SIGNATURE "\x21\x11\0\x10" V4 "\4\0\2x") == -1);
    CHECK(READ(SIGNATURE "\x21\x11\0\x13" V4 "\x20\0\4\1\0\0\0") == -1);
}

TEST(version_2_is_read_strictly)
{
    CHECK(READ(SIGNATURE "\x11\x11\0\x0c" V4) == -1);
    CHECK(READ(SIGNATURE "\x22\x11\0\x0c" V4) == -1);
    CHECK(READ(SIGNATURE "\x21\x12\0\x0c" V4) == -1);
    CHECK(READ(SIGNATURE "\x21\x41\0\x0c" V4) == -1);
    CHECK(READ(SIGNATURE "\x21\x11\0\x0b\xcb\x00\x71\x09\x0a\x00\x00\x01\xc8\x22\x00") == -1);
    CHECK(READ(SIGNATURE "\x21\x21\0\x0c" V4) == -1);
    CHECK(READ(SIGNATURE "\x21\x31\0\x0c" V4) == -1);
    CHECK(READ("\r\n\r\n\0\r\nQUIX\n\x21\x11\0\x0c" V4) == -1);
}

TEST(a_long_version_2_header_has_an_end)
{
    static char bytes[PROXY_V2_MAX + 1];
    memcpy(bytes, SIGNATURE "\x21\x11", 14);
    size_t length = PROXY_V2_MAX - 16, tlv = length - 12 - 3;
    bytes[14] = (char)(length >> 8), bytes[15] = (char)length;
    memcpy(bytes + 16, V4, 12);
    bytes[28] = 4, bytes[29] = (char)(tlv >> 8), bytes[30] = (char)tlv;
    CHECK(proxy__read(bytes, PROXY_V2_MAX - 1, &said, &why) == 0);
    CHECK(proxy__read(bytes, PROXY_V2_MAX, &said, &why) == PROXY_V2_MAX);
    length++;
    bytes[14] = (char)(length >> 8), bytes[15] = (char)length;
    CHECK(proxy__read(bytes, 16, &said, &why) == -1);
}

TEST_MAIN()
