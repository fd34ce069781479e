/* key_test.c: the hash against published vectors; which names are the same key. */
#include "limit/limit_rig_int.h"
#include "limit/sip_int.h"

static bool same(struct limit_key a, struct limit_key b)
{
    return !memcmp(&a, &b, sizeof a);
}

/* From the authors' test vectors for 128 bits: key 00 01 .. 0f, message of n bytes 00 01 .. */
TEST(the_hash_is_siphash)
{
    static const uint8_t of_0[16] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                     0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
    static const uint8_t of_1[16] = {0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
                                     0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45};
    uint64_t out[2];
    sip__hash(rig_seed, "", 0, out);
    CHECK(!memcmp(out, of_0, 16));
    sip__hash(rig_seed, "\0", 1, out);
    CHECK(!memcmp(out, of_1, 16));
}

static struct limit_key ip(struct rig *r, const char *text)
{
    struct limit_key key;
    CHECK(limit_key_ip(&r->table, slice_str(text), &key, NULL) == 0);
    return key;
}

TEST(an_ipv6_customer_is_a_64_and_a_mapped_address_is_an_ipv4_address)
{
    struct rig r;
    rig_make(&r, 10);
    CHECK(same(ip(&r, "192.0.2.7"), ip(&r, "::ffff:192.0.2.7")));
    CHECK(!same(ip(&r, "192.0.2.7"), ip(&r, "192.0.2.8")));
    CHECK(same(ip(&r, "2001:db8:1:2::1"), ip(&r, "[2001:db8:1:2:ffff:ffff:ffff:ffff]")));
    CHECK(!same(ip(&r, "2001:db8:1:2::1"), ip(&r, "2001:db8:1:3::1")));
    CHECK(same(ip(&r, "fe80::1%eth0"), ip(&r, "fe80::1")));
    CHECK(same(ip(&r, "192.0.2.7"), limit_key_ip4(&r.table, (const uint8_t[]){192, 0, 2, 7})));
    CHECK(!same(ip(&r, "192.0.2.7"), limit_key_text(&r.table, "ip", SLICE("192.0.2.7"))));
    rig_free(&r);
}

TEST(what_is_not_an_address_is_refused)
{
    struct rig r;
    rig_make(&r, 10);
    const char *bad[] = {"",
                         "1.2.3",
                         "1.2.3.4 ",
                         "[1.2.3.4]",
                         "1.2.3.4%lo",
                         "::g",
                         "unknown",
                         "_hidden",
                         "[::1",
                         "1.2.3.4:80",
                         "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
    struct limit_key key;
    struct err e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(limit_key_ip(&r.table, slice_str(bad[i]), &key, &e) == GIFD_EINVALID);
    CHECK(limit_key_ip(&r.table, slice_of("1.2.3.4\0", 8), &key, &e) == GIFD_EINVALID);
    rig_free(&r);
}

TEST(spaces_and_texts_do_not_run_into_each_other)
{
    struct rig r, other;
    rig_make(&r, 10);
    CHECK(!same(limit_key_text(&r.table, "ab", SLICE("c")), limit_key_text(&r.table, "a", SLICE("bc"))));
    CHECK(same(limit_key_text(&r.table, "ab", SLICE("c")), limit_key_text(&r.table, "ab", SLICE("c"))));
    static char text[2000];
    memset(text, 'x', sizeof text);
    struct limit_key a = limit_key_text(&r.table, "t", slice_of(text, sizeof text));
    text[1999] = 'y';
    CHECK(!same(a, limit_key_text(&r.table, "t", slice_of(text, sizeof text))));
    CHECK(
        !same(limit_key_text(&r.table, "t", slice_of(text, 509)), limit_key_text(&r.table, "t", slice_of(text, 510))));
    rig_make(&other, 10);
    uint64_t secret[2] = {1, 2};
    CHECK(limit_table_init(&other.table, other.memory, other.bytes, secret, NULL) == 0);
    CHECK(!same(limit_key_text(&r.table, "t", SLICE("x")), limit_key_text(&other.table, "t", SLICE("x"))));
    rig_free(&r);
    rig_free(&other);
}

TEST_MAIN()
