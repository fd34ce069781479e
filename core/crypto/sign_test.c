/* sign_test.c: what a signed URL is good for, and nothing else. */
#include "crypto/sign.h"
#include "base/test.h"
#include "crypto/crypto.h"

#include <stdlib.h>

#define NOW 1800000000
#define LATER 1893456000

static struct sign_keys *two_keys(void)
{
    struct sign_keys *k = sign_keys_new();
    sign_keys_add(k, SLICE("k1"), SLICE("gifd-test-secret"), true, NULL);
    sign_keys_add(k, SLICE("k2"), SLICE("another secret of some length"), false, NULL);
    return k;
}

static enum sign_finding check(const char *target)
{
    struct sign_keys *k = two_keys();
    char *own = strdup(target); /* exactly as long: a sanitizer sees a read beyond it */
    enum sign_finding v = sign_check(k, slice_str(own), NOW, NULL);
    free(own);
    sign_keys_free(k);
    return v;
}

static const char *made(const char *path, int64_t expires, const struct sign_param *params, size_t n)
{
    static char text[SIGN_URL_MAX];
    struct sign_keys *k = two_keys();
    struct buf out;
    struct err e = {0};
    buf_init(&out, sizeof text - 1);
    int rc = sign_url(k, slice_str(path), slice_of("", 0), expires, params, n, &out, &e);
    snprintf(text, sizeof text, "%s", rc == GIFD_OK ? buf_str(&out) : err_name(rc));
    buf_free(&out);
    sign_keys_free(k);
    return text;
}

#define VECTOR "/a/0123456789abcdef.mp4?expires=1893456000&kid=k1&signature=PXA85x4MzPJiTEl8ueGSCYfvhE1A7f8wOjH3z5Kh9_s"

TEST(the_published_vector)
{
    CHECK_STR(made("/a/0123456789abcdef.mp4", LATER, NULL, 0), VECTOR);
    CHECK(check(VECTOR) == SIGN_VALID);
}

TEST(host_is_not_signed_and_order_does_not_matter)
{
    CHECK(check("http://any.example:81" VECTOR) == SIGN_VALID);
    CHECK(check("/a/0123456789abcdef.mp4?signature=PXA85x4MzPJiTEl8ueGSCYfvhE1A7f8wOjH3z5Kh9_s&kid=k1&expires="
                "1893456000") == SIGN_VALID);
}

TEST(a_change_of_any_byte_is_seen)
{
    char url[] = VECTOR;
    for (size_t i = 0; url[i]; i++) {
        char was = url[i];
        for (int bit = 0; bit < 8; bit++) {
            url[i] = (char)(was ^ 1 << bit);
            if (url[i]) CHECK(check(url) != SIGN_VALID);
        }
        url[i] = was;
    }
    for (size_t n = 0; n < sizeof url - 1; n++) {
        url[n] = 0;
        CHECK(check(url) != SIGN_VALID);
        url[n] = VECTOR[n];
    }
    CHECK(check(VECTOR "A") == SIGN_SIGNATURE_INVALID);
    CHECK(check(VECTOR "=") == SIGN_SIGNATURE_INVALID);
    CHECK(check(VECTOR "&x=9") == SIGN_SIGNATURE_INVALID);
    CHECK(check(VECTOR "&x") == SIGN_SIGNATURE_INVALID);
}

TEST(each_failure_has_its_reason)
{
#define SIG "signature=PXA85x4MzPJiTEl8ueGSCYfvhE1A7f8wOjH3z5Kh9_s"
    static const struct {
        const char *target;
        enum sign_finding want;
    } cases[] = {
        {"/a/0123456789abcdef.mp4", SIGN_UNSIGNED},
        {"/a/0123456789abcdef.mp4?w=1&prefix=/a/b", SIGN_UNSIGNED},
        {"/a/x?expires=1893456000&kid=k1", SIGN_SIGNATURE_MISSING},
        {"/a/x?expires=1893456000&kid=k1&signature=", SIGN_SIGNATURE_MISSING},
        {"/a/x?kid=k1", SIGN_SIGNATURE_MISSING},
        {"/a/x?kid=k1&" SIG, SIGN_EXPIRATION_MISSING},
        {"/a/x?expires=&kid=k1&" SIG, SIGN_EXPIRATION_MISSING},
        {"/a/x?expires=1893456000&" SIG, SIGN_SIGNATURE_INVALID},
        {"/a/x?expires=1893456000&kid=k9&" SIG, SIGN_SIGNATURE_INVALID},
        {"/a/x?expires=1893456000&kid=k1&signature=short", SIGN_SIGNATURE_INVALID},
        {"/a/x?expires=1&kid=k1&" SIG, SIGN_SIGNATURE_INVALID}, /* over, but first of all not ours */
        {"/a/x?expires=1893456000&expires=1893456000&kid=k1&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?expires=1893456000&kid=k1&" SIG "&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?expires=1893456000&e%78pires=1893456001&kid=k1&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?a=1&expires=1893456000&kid=k1&a=2&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?a+b=1&expires=1893456000&kid=k1&a%20b=2&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?expires=1893456000&&kid=k1&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?expires=1893456000&kid=k1&" SIG "&", SIGN_URL_MALFORMED},
        {"/a/x?expires=1893456000&kid=k1&=v&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?expires=1893456000&kid=k1&w=%zz&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?expires=1893456000&kid=k1&w=%4&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?%zza=1&expires=1893456000&kid=k1&%zzb=1&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?expires=soon&kid=k1&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?expires=-1&kid=k1&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?expires=0893456000&kid=k1&" SIG, SIGN_URL_MALFORMED},
        {"/a/x?expires=99999999999999999999&kid=k1&" SIG, SIGN_URL_MALFORMED},
        {"a/x?expires=1893456000&kid=k1&" SIG, SIGN_URL_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum sign_finding got = check(cases[i].target);
        if (got != cases[i].want) fprintf(stderr, "%s: %s\n", cases[i].target, sign_finding_name(got));
        CHECK(got == cases[i].want);
    }
    CHECK_STR(sign_finding_name(SIGN_UNSIGNED), "signature_missing");
    CHECK_STR(sign_finding_name(SIGN_EXPIRATION_MISSING), "expiration_missing");
    CHECK_STR(sign_finding_name(SIGN_SIGNATURE_INVALID), "signature_invalid");
    CHECK_STR(sign_finding_name(SIGN_EXPIRED), "expired");
    CHECK_STR(sign_finding_name(SIGN_URL_MALFORMED), "url_malformed");
}

TEST(it_is_over_from_the_second_it_names)
{
    struct sign_keys *k = two_keys();
    struct slice url = slice_str(VECTOR);
    CHECK(sign_check(k, url, LATER - 1, NULL) == SIGN_VALID);
    CHECK(sign_check(k, url, LATER, NULL) == SIGN_EXPIRED);
    sign_keys_free(k);
}

TEST(parameters_are_signed_as_they_are_sent)
{
    struct sign_param params[] = {{SLICE("w"), SLICE("3 0/\xc3\xa9&=")}, {SLICE("A b"), SLICE("")}};
    char url[SIGN_URL_MAX];
    snprintf(url, sizeof url, "%s", made("/a/x", LATER, params, 2));
    CHECK(slice_starts(slice_str(url), SLICE("/a/x?expires=1893456000&kid=k1&w=3%200/%C3%A9%26%3D&A%20b=&signature=")));
    CHECK(check(url) == SIGN_VALID);
    *strstr(url, "%C3") = '_';
    CHECK(check(url) == SIGN_URL_MALFORMED || check(url) == SIGN_SIGNATURE_INVALID);
    CHECK_STR(made("/a/x", LATER, (struct sign_param[]){{SLICE("kid"), SLICE("k2")}}, 1), "invalid");
    CHECK_STR(made("/a/x", LATER, (struct sign_param[]){{SLICE("w"), SLICE("1")}, {SLICE("w"), SLICE("2")}}, 2),
              "invalid");
    CHECK_STR(made("/a/x?w=1", LATER, NULL, 0), "invalid");
    CHECK_STR(made("/a/x y", LATER, NULL, 0), "invalid");
    CHECK_STR(made("a/x", LATER, NULL, 0), "invalid");
    CHECK_STR(made("/a/%4", LATER, NULL, 0), "invalid");
}

/* The signed query of `prefix`, asked for at another path. */
static enum sign_finding moved(const char *prefix, const char *path)
{
    struct sign_param params[] = {{SLICE("prefix"), slice_str(prefix)}};
    char url[SIGN_URL_MAX];
    const char *signed_url = made(prefix, LATER, params, 1), *query = strchr(signed_url, '?');
    if (!query) return SIGN_UNSIGNED;
    snprintf(url, sizeof url, "%s%s", path, query);
    return check(url);
}

TEST(a_prefix_is_good_for_what_lies_below_it)
{
    static const char *const good[] = {"/a/0123", "/a/0123.mp4", "/a/0123/poster", "/a/0123/poster.png", "/a/0123/"};
    static const char *const bad[] = {
        "/a/01234",       "/a/0124",          "/a",         "/a/",          "/b/0123",          "/a/0123/../0124",
        "/a/0123/./x",    "/a/0123/%2e%2e/x", "/a/0123//x", "/a/0123%2f..", "/a/0123.mp4/../y", "/a/0123/..",
        "/x/../a/0123/y", "/a/0123\\..\\x",   "/a//0123/x", "/a/0123/x/.."};
    for (size_t i = 0; i + 1 < sizeof good / sizeof *good; i++) CHECK(moved("/a/0123", good[i]) == SIGN_VALID);
    CHECK(moved("/a/0123", "/a/0123/") == SIGN_URL_MALFORMED);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(moved("/a/0123", bad[i]) == SIGN_URL_MALFORMED);
    static const char *const refused[] = {"/a", "/", "/a/", "/a/0123/", "/a/../x", "/a/./x", "/a/%30", "/a//x"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        CHECK(moved(refused[i], refused[i]) == SIGN_UNSIGNED); /* not even made */
}

TEST(a_prefix_is_part_of_what_is_signed)
{
    char url[SIGN_URL_MAX];
    CHECK(check(VECTOR "&prefix=/a/0123456789abcdef") == SIGN_SIGNATURE_INVALID);
    struct sign_param params[] = {{SLICE("prefix"), SLICE("/a/0123")}};
    snprintf(url, sizeof url, "%s", made("/a/0123", LATER, params, 1));
    struct sign_keys *k = two_keys();
    struct sign_claims claims;
    CHECK(sign_check(k, slice_str(url), NOW, &claims) == SIGN_VALID);
    CHECK(slice_is(claims.prefix, "/a/0123") && slice_is(claims.kid, "k1") && claims.expires == LATER);
    CHECK(sign_check(k, slice_str(VECTOR), NOW, &claims) == SIGN_VALID && claims.prefix.n == 0);
    sign_keys_free(k);
}

TEST(keys_rotate_and_are_taken_away)
{
    struct sign_keys *k = sign_keys_new();
    struct buf out;
    struct err e;
    buf_init(&out, SIGN_URL_MAX);
    CHECK(sign_url(k, SLICE("/a/x"), SLICE(""), LATER, NULL, 0, &out, &e) == GIFD_ENOTFOUND);
    CHECK(sign_check(k, slice_str(VECTOR), NOW, NULL) == SIGN_SIGNATURE_INVALID);
    CHECK(sign_check(NULL, slice_str(VECTOR), NOW, NULL) == SIGN_SIGNATURE_INVALID);
    CHECK(sign_keys_add(k, SLICE("k1"), SLICE("gifd-test-secret"), false, &e) == GIFD_OK);
    CHECK(sign_keys_add(k, SLICE("k2"), SLICE("the key that comes after it"), true, &e) == GIFD_OK);
    CHECK(sign_check(k, slice_str(VECTOR), NOW, NULL) == SIGN_VALID);
    CHECK(sign_url(k, SLICE("/a/x"), SLICE(""), LATER, NULL, 0, &out, &e) == GIFD_OK);
    CHECK(strstr(buf_str(&out), "kid=k2"));
    CHECK(sign_url(k, SLICE("/a/x"), SLICE("k1"), LATER, NULL, 0, &out, &e) == GIFD_OK);
    CHECK(strstr(buf_str(&out), "kid=k1"));
    CHECK(sign_url(k, SLICE("/a/x"), SLICE("k3"), LATER, NULL, 0, &out, &e) == GIFD_ENOTFOUND);
    CHECK(sign_keys_add(k, SLICE("k2"), SLICE("the key that comes after it"), false, &e) == GIFD_ECONFLICT);
    CHECK(sign_keys_add(k, SLICE("k3"), SLICE("the key that comes after it"), true, &e) == GIFD_ECONFLICT);
    CHECK(sign_keys_add(k, SLICE("k 3"), SLICE("the key that comes after it"), false, &e) == GIFD_EINVALID);
    CHECK(sign_keys_add(k, SLICE(""), SLICE("the key that comes after it"), false, &e) == GIFD_EINVALID);
    CHECK(sign_keys_add(k, SLICE("k3"), SLICE("too short"), false, &e) == GIFD_EINVALID);
    for (char kid[] = "a"; kid[0] < 'a' + SIGN_KEYS_MAX - 2; kid[0]++)
        CHECK(sign_keys_add(k, slice_str(kid), SLICE("the key that comes after it"), false, &e) == GIFD_OK);
    CHECK(sign_keys_add(k, SLICE("more"), SLICE("the key that comes after it"), false, &e) == GIFD_ETOOBIG);
    buf_free(&out);
    sign_keys_free(k);
}

/* RFC 4231, test case 6: a key longer than a block is hashed first. */
TEST(a_long_key_signs_as_any_hmac_does)
{
    char secret[131], signature[64];
    uint8_t mac[32];
    struct err e;
    struct buf out;
    memset(secret, 0xaa, sizeof secret);
    struct sign_keys *k = sign_keys_new();
    buf_init(&out, SIGN_URL_MAX);
    CHECK(sign_keys_add(k, SLICE("k1"), slice_of(secret, sizeof secret), true, &e) == GIFD_OK);
    CHECK(sign_url(k, SLICE("/a/x"), SLICE(""), LATER, NULL, 0, &out, &e) == GIFD_OK);
    hmac_sha256(slice_of(secret, sizeof secret), SLICE("GET\n/a/x?expires=1893456000&kid=k1"), mac);
    base64url_encode(mac, sizeof mac, signature, sizeof signature);
    CHECK_STR(strstr(buf_str(&out), "&signature=") + 11, signature);
    buf_free(&out);
    sign_keys_free(k);
}

TEST(too_many_parameters_are_no_signed_url)
{
    char url[4096] = VECTOR;
    for (int i = 0; i < 40; i++) snprintf(url + strlen(url), 64, "&p%d=1", i);
    CHECK(check(url) == SIGN_URL_MALFORMED);
    CHECK(strlen(made("/a/x", LATER, (struct sign_param[SIGN_PARAMS_MAX]){{SLICE("w"), SLICE("1")}}, 32)) < 20);
}

TEST_MAIN()
