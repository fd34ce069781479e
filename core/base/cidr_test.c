/* cidr_test.c: ranges are read strictly and hold what they should, in either form of an address. */
#include "base/test.h"
#include "base/cidr.h"

static bool has(const char *range, const char *address)
{
    struct cidr c;
    struct ip ip;
    struct err e = {0};
    CHECK(cidr_parse(slice_str(range), &c, &e) == GIFD_OK);
    CHECK(ip_parse(slice_str(address), &ip) == 0);
    return cidr_has(&c, &ip);
}

TEST(ranges_hold_their_addresses)
{
    CHECK(has("10.0.0.0/8", "10.255.0.1") && !has("10.0.0.0/8", "11.0.0.0"));
    CHECK(has("10.0.0.0/8", "::ffff:10.1.2.3") && !has("10.0.0.0/8", "::ffff:11.1.2.3"));
    CHECK(has("192.168.7.32/27", "192.168.7.63") && !has("192.168.7.32/27", "192.168.7.64"));
    CHECK(has("127.0.0.1", "127.0.0.1") && !has("127.0.0.1", "127.0.0.2"));
    CHECK(has("0.0.0.0/0", "8.8.8.8") && !has("0.0.0.0/0", "2001:db8::1"));
    CHECK(has("::1", "::1") && !has("::1", "::2") && !has("::1", "127.0.0.1"));
    CHECK(has("2001:db8::/32", "2001:db8:ffff::1") && !has("2001:db8::/32", "2001:db9::"));
    CHECK(has("fe80::/10", "febf::1") && !has("fe80::/10", "fec0::1"));
    CHECK(has("::/0", "2001:db8::1") && !has("::/0", "10.0.0.1"));
    CHECK(has("::ffff:10.0.0.0/104", "10.1.1.1"));
}

TEST(malformed_ranges_are_named)
{
    static const char *const bad[] = {"",
                                      "/8",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "10.0.0.0/08",
                                      "10.0.0/8",
                                      "10.0.0.0/8 ",
                                      " 10.0.0.0/8",
                                      "010.0.0.0/8",
                                      "10.0.0.1/8",
                                      "::1/129",
                                      "2001:db8::1/32",
                                      "fe80::1%eth0",
                                      "10.0.0.0/8/8",
                                      "localhost",
                                      "10.0.0.0/-1",
                                      "10.0.0.0/+8",
                                      "[::1]",
                                      "1.2.3.4:80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cidr c;
        struct err e = {0};
        CHECK(cidr_parse(slice_str(bad[i]), &c, &e) == GIFD_EINVALID);
        CHECK(strstr(e.text, bad[i]));
    }
    struct cidr c;
    struct err e = {0};
    cidr_parse(SLICE("10.1.2.3/8"), &c, &e);
    CHECK(strstr(e.text, "10.0.0.0/8"));
    CHECK(cidr_parse(slice_of("10.0.0.1\0x", 10), &c, &e) == GIFD_EINVALID);
}

TEST(a_list_has_an_end)
{
    struct cidr_list l = {0};
    struct err e = {0};
    struct ip ip;
    CHECK(ip_parse(SLICE("10.1.1.1"), &ip) == 0 && !cidr_list_has(&l, &ip));
    for (int i = 0; i < CIDR_LIST_MAX; i++) CHECK(cidr_list_add(&l, SLICE("192.0.2.0/24"), &e) == GIFD_OK);
    CHECK(cidr_list_add(&l, SLICE("10.0.0.0/8"), &e) == GIFD_ETOOBIG && !cidr_list_has(&l, &ip));
    l.count = 1;
    CHECK(cidr_list_add(&l, SLICE("nonsense"), &e) == GIFD_EINVALID && l.count == 1);
    CHECK(cidr_list_add(&l, SLICE("10.0.0.0/8"), &e) == GIFD_OK && cidr_list_has(&l, &ip));
}

TEST(addresses_are_said_in_one_way)
{
    static const char *const same[][2] = {{"::ffff:1.2.3.4", "1.2.3.4"}, {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"}};
    for (size_t i = 0; i < 2; i++) {
        struct ip ip;
        char text[IP_TEXT_MAX];
        CHECK(ip_parse(slice_str(same[i][0]), &ip) == 0);
        ip_text(&ip, text);
        CHECK_STR(text, same[i][1]);
    }
}

TEST_MAIN()
