/* guard_test.c: every range of the registries of special-purpose addresses, its first and its last address, and what
 * lies beside them. */
#include "base/test.h"
#include "fetch/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static const struct guard usual = {.port_count = 2, .ports = {80, 443}};

static struct sockaddr_storage at(const char *text, uint16_t port)
{
    struct sockaddr_storage a = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;
    if (strchr(text, ':')) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        CHECK(inet_pton(AF_INET6, text, &v6->sin6_addr) == 1);
    } else {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        CHECK(inet_pton(AF_INET, text, &v4->sin_addr) == 1);
    }
    return a;
}

static bool dials_port(const struct guard *g, const char *text, uint16_t port)
{
    struct err e = {0};
    struct sockaddr_storage a = at(text, port);
    int rc = guard_check(g, &a, &e);
    CHECK(rc == GIFD_OK || (rc == GIFD_EADDRESS && e.text[0]));
    return rc == GIFD_OK;
}

static bool dials(const char *text)
{
    return dials_port(&usual, text, 80);
}

static void each(const char *const *list, size_t count, bool expected)
{
    for (size_t i = 0; i < count; i++) {
        if (dials(list[i]) != expected) fprintf(stderr, "%s\n", list[i]);
        CHECK(dials(list[i]) == expected);
    }
}
#define EACH(list, expected) each(list, sizeof list / sizeof *list, expected)

TEST(ipv4_of_the_registry_is_refused)
{
    static const char *const list[] = {
        "0.0.0.0",         "0.255.255.255",   "10.0.0.0",        "10.255.255.255",  "100.64.0.0",     "100.127.255.255",
        "100.100.100.200", "127.0.0.0",       "127.0.0.1",       "127.255.255.255", "168.63.129.16",  "169.254.0.0",
        "169.254.169.254", "169.254.170.2",   "169.254.255.255", "172.16.0.0",      "172.31.255.255", "192.0.0.0",
        "192.0.0.1",       "192.0.0.7",       "192.0.0.8",       "192.0.0.9",       "192.0.0.10",     "192.0.0.170",
        "192.0.0.171",     "192.0.0.192",     "192.0.0.255",     "192.0.2.0",       "192.0.2.255",    "192.31.196.0",
        "192.31.196.255",  "192.52.193.0",    "192.52.193.255",  "192.88.99.0",     "192.88.99.1",    "192.88.99.255",
        "192.168.0.0",     "192.168.255.255", "192.175.48.0",    "192.175.48.255",  "198.18.0.0",     "198.19.255.255",
        "198.51.100.0",    "198.51.100.255",  "203.0.113.0",     "203.0.113.255",   "224.0.0.0",      "239.255.255.255",
        "240.0.0.0",       "255.255.255.254", "255.255.255.255",
    };
    EACH(list, false);
}

TEST(ipv4_beside_the_registry_is_dialled)
{
    static const char *const list[] = {
        "1.0.0.0",      "9.255.255.255",   "11.0.0.0",      "100.63.255.255",  "100.128.0.0",  "126.255.255.255",
        "128.0.0.0",    "168.63.129.15",   "168.63.129.17", "169.253.255.255", "169.255.0.0",  "172.15.255.255",
        "172.32.0.0",   "191.255.255.255", "192.0.1.0",     "192.0.1.255",     "192.0.3.0",    "192.31.195.255",
        "192.31.197.0", "192.52.192.255",  "192.52.194.0",  "192.88.98.255",   "192.88.100.0", "192.167.255.255",
        "192.169.0.0",  "192.175.47.255",  "192.175.49.0",  "198.17.255.255",  "198.20.0.0",   "198.51.99.255",
        "198.51.101.0", "203.0.112.255",   "203.0.114.0",   "223.255.255.255", "8.8.8.8",
    };
    EACH(list, true);
}

TEST(ipv6_of_the_registry_is_refused)
{
    static const char *const list[] = {
        "::",  /* unspecified */
        "::1", /* loopback */
        "::2", /* IPv4-compatible */
        "::7f00:1",
        "::8.8.8.8",
        "::ffff:127.0.0.1", /* IPv4-mapped */
        "::ffff:8.8.8.8",
        "::ffff:0:8.8.8.8", /* IPv4-translated */
        "64:ff9b::",        /* NAT64 */
        "64:ff9b::7f00:1",
        "64:ff9b::8.8.8.8",
        "64:ff9b::ffff:ffff",
        "64:ff9b:1::", /* local NAT64 */
        "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
        "100::", /* discard */
        "100::ffff:ffff:ffff:ffff",
        "100:0:0:1::", /* dummy */
        "100:0:0:1:ffff:ffff:ffff:ffff",
        "2001::", /* Teredo */
        "2001:0:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:1::1", /* anycast: PCP, TURN, DNS-SD SRP */
        "2001:1::2",
        "2001:1::3",
        "2001:2::", /* benchmarks */
        "2001:2:0:ffff:ffff:ffff:ffff:ffff",
        "2001:3::",     /* AMT */
        "2001:4:112::", /* AS112 */
        "2001:10::",    /* ORCHID */
        "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:20::", /* ORCHIDv2 */
        "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:30::", /* DRIP */
        "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8::", /* documentation */
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
        "2002::", /* 6to4 */
        "2002:7f00:1::",
        "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2620:4f:8000::", /* AS112 */
        "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
        "3fff::", /* documentation */
        "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
        "5f00::", /* segment routing */
        "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fc00::", /* unique local, and what clouds keep there */
        "fd00:ec2::254",
        "fd20:ce::254",
        "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fe80::", /* link-local */
        "fe80::a9fe:a9fe",
        "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fec0::", /* site-local */
        "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "ff00::", /* multicast */
        "ff02::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "1000::", /* not global unicast */
        "4000::",
        "e000::1",
    };
    EACH(list, false);
}

TEST(ipv6_beside_the_registry_is_dialled)
{
    static const char *const list[] = {
        "2000::",
        "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:200::",
        "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db9::",
        "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2003::",
        "2606:4700:4700::1111",
        "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff",
        "2620:4f:8001::",
        "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "3fff:1000::",
    };
    EACH(list, true);
}

TEST(what_the_operator_allows_is_dialled_on_any_port)
{
    struct guard g = usual;
    CHECK(cidr_list_add(&g.allow, SLICE("127.0.0.1"), NULL) == GIFD_OK);
    CHECK(cidr_list_add(&g.allow, SLICE("10.1.0.0/16"), NULL) == GIFD_OK);
    CHECK(cidr_list_add(&g.allow, SLICE("fd00:1::/32"), NULL) == GIFD_OK);
    CHECK(dials_port(&g, "127.0.0.1", 8080));
    CHECK(dials_port(&g, "10.1.255.255", 1));
    CHECK(dials_port(&g, "fd00:1::5", 9000));
    CHECK(!dials_port(&g, "127.0.0.2", 80));
    CHECK(!dials_port(&g, "10.2.0.0", 80));
    CHECK(!dials_port(&g, "fd00:2::5", 80));
    CHECK(!dials_port(&g, "::ffff:127.0.0.1", 80));
    CHECK(!dials_port(&g, "::1", 80));
}

TEST(other_ports_are_refused_unless_there_is_no_list)
{
    struct guard any = {0};
    CHECK(dials_port(&usual, "8.8.8.8", 443));
    CHECK(!dials_port(&usual, "8.8.8.8", 22));
    CHECK(!dials_port(&usual, "8.8.8.8", 8080));
    CHECK(dials_port(&any, "8.8.8.8", 8080));
    CHECK(!dials_port(&any, "127.0.0.1", 8080));
}

TEST(only_the_internet_is_dialled)
{
    struct sockaddr_storage a = {.ss_family = AF_UNIX};
    struct err e = {0};
    CHECK(guard_check(&usual, &a, &e) == GIFD_EADDRESS);
}

TEST_MAIN()
