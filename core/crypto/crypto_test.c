/* crypto_test.c: published vectors (FIPS 180-4, RFC 4231, RFC 4648) and the refusals. */
#include "base/test.h"
#include "crypto/crypto.h"

#include <stdlib.h>

static const char *hex_of(const uint8_t *p, size_t n)
{
    static char out[129];
    hex_encode(p, n, out);
    return out;
}

static const char *digest(const char *s)
{
    uint8_t out[SHA256_LEN];
    sha256_of(s, strlen(s), out);
    return hex_of(out, sizeof out);
}

TEST(sha256_of_published_texts)
{
    CHECK_STR(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK_STR(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK_STR(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(a_running_digest_does_not_care_how_the_bytes_come)
{
    struct sha256 *d = sha256_new();
    CHECK(d);
    static const char block[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    size_t left = 1000000;
    for (size_t step = 1; left; step = step % 100 + 1) {
        size_t n = step < left ? step : left;
        sha256_update(d, block, n);
        left -= n;
    }
    sha256_update(d, NULL, 0);
    uint8_t out[SHA256_LEN];
    sha256_final(d, out);
    CHECK_STR(hex_of(out, sizeof out), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    sha256_free(d);
    sha256_free(NULL);
}

TEST(hmac_of_published_texts)
{
    uint8_t out[SHA256_LEN];
    hmac_sha256(SLICE("Jefe"), SLICE("what do ya want for nothing?"), out);
    CHECK_STR(hex_of(out, sizeof out), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    char key[131];
    memset(key, 0xaa, sizeof key);
    hmac_sha256(slice_of(key, sizeof key), SLICE("Test Using Larger Than Block-Size Key - Hash Key First"), out);
    CHECK_STR(hex_of(out, sizeof out), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    hmac_sha256(slice_of(NULL, 0), slice_of(NULL, 0), out);
    CHECK_STR(hex_of(out, sizeof out), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(equality)
{
    CHECK(crypto_equal("abc", "abc", 3));
    CHECK(!crypto_equal("abc", "abd", 3));
    CHECK(!crypto_equal("xbc", "abc", 3));
    CHECK(crypto_equal(NULL, NULL, 0));
}

TEST(codes_use_the_whole_alphabet_and_do_not_repeat)
{
    unsigned seen[128] = {0};
    char code[6201], again[6201];
    crypto_code(code, 6200);
    crypto_code(again, 6200);
    CHECK(strlen(code) == 6200);
    CHECK(strcmp(code, again) != 0);
    for (const char *p = code; *p; p++) seen[(unsigned char)*p & 127]++;
    unsigned kinds = 0;
    for (int c = 0; c < 128; c++) {
        if (!seen[c]) continue;
        kinds++;
        CHECK((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
        CHECK(seen[c] > 40 && seen[c] < 180); /* about 100 each, and six times the deviation away from it */
    }
    CHECK(kinds == 62);
    crypto_code(code, 0);
    CHECK_STR(code, "");
}

TEST(hex_both_ways_and_its_refusals)
{
    uint8_t out[4];
    size_t n = 9;
    struct err e;
    CHECK(hex_decode(SLICE("00fFA9"), out, sizeof out, &n, &e) == GIFD_OK && n == 3);
    CHECK_STR(hex_of(out, n), "00ffa9");
    CHECK(hex_decode(SLICE(""), out, sizeof out, &n, &e) == GIFD_OK && n == 0);
    CHECK(hex_decode(SLICE("0"), out, sizeof out, &n, &e) == GIFD_EINVALID);
    CHECK(hex_decode(SLICE("0g"), out, sizeof out, &n, &e) == GIFD_EINVALID);
    CHECK(hex_decode(SLICE("0011223344"), out, sizeof out, &n, &e) == GIFD_ETOOBIG);
}

TEST(base64url_both_ways_and_its_refusals)
{
    static const char *const pairs[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};
    char text[16];
    uint8_t out[8];
    size_t n;
    struct err e;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t len = strlen(pairs[i][0]);
        CHECK(base64url_encode((const uint8_t *)pairs[i][0], len, text, sizeof text) == strlen(pairs[i][1]));
        CHECK_STR(text, pairs[i][1]);
        CHECK(base64url_decode(slice_str(text), out, sizeof out, &n, &e) == GIFD_OK);
        CHECK(n == len && memcmp(out, pairs[i][0], len) == 0);
    }
    CHECK(base64url_encode((const uint8_t *)"foo", 3, text, 4) == 0);
    CHECK(base64_encode((const uint8_t *)"\xff\xfe", 2, text, 5) == 4 && strcmp(text, "//4=") == 0);
    CHECK(base64_encode((const uint8_t *)"fooba", 5, text, 9) == 8 && strcmp(text, "Zm9vYmE=") == 0);
    CHECK(base64_encode((const uint8_t *)"f", 1, text, 4) == 0);
    static const char *const bad[] = {"Z", "Zg==", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm9v ", "Zm9v\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(base64url_decode(slice_str(bad[i]), out, sizeof out, &n, &e) == GIFD_EINVALID);
    CHECK(base64url_decode(SLICE("AAAAAAAAAAAA"), out, sizeof out, &n, &e) == GIFD_ETOOBIG);
}

TEST_MAIN()
