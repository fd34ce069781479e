/* jwt_test.c: the RFCs' own tokens, and what forgers try. */
#include "crypto/jwt.h"
#include "base/test.h"
#include "crypto/crypto.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

static struct err e;
static struct buf out;

static int verify(const char *token, enum jwt_algorithm a, struct slice key)
{
    buf_free(&out);
    buf_init(&out, JWT_TOKEN_MAX);
    return jwt_verify(slice_str(token), a, key, &out, &e);
}

/* RFC 7515 appendix A.1. */
static const char rfc_hs256[] =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNv"
    "bS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
static const char rfc_secret[] =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
/* RFC 8037 appendix A.4 and A.2: its payload is no JSON, which is for the caller to find out. */
static const char rfc_eddsa[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-"
                                "09PGcvMg3AIbQR6dWbhijcNR4ki4iylG"
                                "jg5BhVsPt9g7sVvpAr_MuM0KAg";
static const char rfc_ed_key[] = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

static struct slice decoded(const char *text, uint8_t room[128])
{
    size_t n = 0;
    CHECK(base64url_decode(slice_str(text), room, 128, &n, &e) == GIFD_OK);
    return slice_of((char *)room, n);
}

TEST(the_tokens_of_the_rfcs_are_verified)
{
    uint8_t secret[128], key[128];
    struct slice s = decoded(rfc_secret, secret), k = decoded(rfc_ed_key, key);
    CHECK(verify(rfc_hs256, JWT_HS256, s) == GIFD_OK);
    CHECK(slice_starts(buf_slice(&out), SLICE("{\"iss\":\"joe\"")));
    CHECK(verify(rfc_eddsa, JWT_EDDSA, k) == GIFD_OK && slice_is(buf_slice(&out), "Example of Ed25519 signing"));
    secret[0] ^= 1;
    CHECK(verify(rfc_hs256, JWT_HS256, s) == GIFD_EDENIED && out.n == 0);
    key[0] ^= 1;
    CHECK(verify(rfc_eddsa, JWT_EDDSA, k) < 0);
}

TEST(what_was_signed_here_is_verified_and_altered_in_any_byte_it_is_not)
{
    struct buf token;
    char altered[512];
    buf_init(&token, JWT_TOKEN_MAX);
    CHECK(jwt_sign(SLICE("{\"sub\":\"tom\"}"), SLICE("0123456789abcdef"), &token, &e) == GIFD_OK);
    snprintf(altered, sizeof altered, "%.*s", (int)token.n, token.p);
    CHECK(verify(altered, JWT_HS256, SLICE("0123456789abcdef")) == GIFD_OK);
    CHECK(slice_is(buf_slice(&out), "{\"sub\":\"tom\"}"));
    for (size_t i = 0; i < token.n; i++) {
        char was = altered[i];
        for (const char *c = "AQ.-=\n"; *c; c++) {
            altered[i] = *c;
            if (*c != was) CHECK(verify(altered, JWT_HS256, SLICE("0123456789abcdef")) < 0);
        }
        altered[i] = was;
    }
    CHECK(jwt_sign(SLICE("{}"), SLICE("short"), &token, &e) == GIFD_EINVALID);
    buf_free(&token);
}

/* header.payload, to be signed by whatever signs it; a token has room for 2048 characters */
static void make(char *token, const char *header, const char *claims)
{
    size_t n = base64url_encode((const uint8_t *)header, strlen(header), token, 512);
    token[n++] = '.';
    token[n] = 0;
    base64url_encode((const uint8_t *)claims, strlen(claims), token + n, 512);
}

static void attach(char *token, const uint8_t *signature, size_t n)
{
    size_t len = strlen(token);
    token[len++] = '.';
    base64url_encode(signature, n, token + len, 2048 - len);
}

static void attach_hmac(char *token, struct slice key)
{
    uint8_t mac[SHA256_LEN];
    hmac_sha256(key, slice_str(token), mac);
    attach(token, mac, sizeof mac);
}

static size_t pem_of(EVP_PKEY *k, char *out_text, size_t cap)
{
    BIO *b = BIO_new(BIO_s_mem());
    CHECK(PEM_write_bio_PUBKEY(b, k) == 1);
    int n = BIO_read(b, out_text, (int)cap - 1);
    out_text[n] = 0;
    BIO_free(b);
    return (size_t)n;
}

static size_t sign_with(EVP_PKEY *k, const EVP_MD *md, const char *message, uint8_t *signature, size_t cap)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    size_t n = cap;
    CHECK(EVP_DigestSignInit(c, NULL, md, NULL, k) == 1);
    CHECK(EVP_DigestSign(c, signature, &n, (const uint8_t *)message, strlen(message)) == 1);
    EVP_MD_CTX_free(c);
    return n;
}

TEST(rsa_and_elliptic_signatures_are_verified_by_the_right_key_only)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256"), *weak = EVP_RSA_gen(1024),
             *p384 = EVP_EC_gen("P-384");
    char rsa_pem[2048], ec_pem[1024], weak_pem[1024], p384_pem[1024], token[2048];
    uint8_t signature[512], raw[64] = {0};
    pem_of(rsa, rsa_pem, sizeof rsa_pem);
    pem_of(ec, ec_pem, sizeof ec_pem);
    pem_of(weak, weak_pem, sizeof weak_pem);
    pem_of(p384, p384_pem, sizeof p384_pem);

    make(token, "{\"alg\":\"RS256\"}", "{\"a\":1}");
    attach(token, signature, sign_with(rsa, EVP_sha256(), token, signature, sizeof signature));
    CHECK(verify(token, JWT_RS256, slice_str(rsa_pem)) == GIFD_OK && slice_is(buf_slice(&out), "{\"a\":1}"));
    CHECK(verify(token, JWT_RS256, slice_str(ec_pem)) == GIFD_EINVALID);
    CHECK(verify(token, JWT_RS256, slice_str(weak_pem)) == GIFD_EINVALID);
    CHECK(verify(token, JWT_ES256, slice_str(rsa_pem)) == GIFD_EDENIED);
    token[strlen(token) - 3] ^= 1;
    CHECK(verify(token, JWT_RS256, slice_str(rsa_pem)) < 0);

    make(token, "{\"alg\":\"ES256\"}", "{\"a\":2}");
    size_t n = sign_with(ec, EVP_sha256(), token, signature, sizeof signature);
    const uint8_t *p = signature;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32);
    ECDSA_SIG_free(sig);
    size_t bare = strlen(token);
    attach(token, raw, sizeof raw);
    CHECK(verify(token, JWT_ES256, slice_str(ec_pem)) == GIFD_OK && slice_is(buf_slice(&out), "{\"a\":2}"));
    CHECK(verify(token, JWT_ES256, slice_str(p384_pem)) == GIFD_EINVALID);
    token[bare] = 0;
    attach(token, signature, n); /* DER is not what the RFC says */
    CHECK(verify(token, JWT_ES256, slice_str(ec_pem)) == GIFD_EDENIED);
    token[bare] = 0;
    memset(raw, 0, sizeof raw); /* r = s = 0 */
    attach(token, raw, sizeof raw);
    CHECK(verify(token, JWT_ES256, slice_str(ec_pem)) == GIFD_EDENIED);

    /* A public key taken for a secret. */
    make(token, "{\"alg\":\"HS256\"}", "{\"admin\":true}");
    attach_hmac(token, slice_str(rsa_pem));
    CHECK(verify(token, JWT_RS256, slice_str(rsa_pem)) == GIFD_EDENIED);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(weak);
    EVP_PKEY_free(p384);
}

TEST(headers_that_forgers_write_are_refused)
{
    static const char *const headers[] = {"{\"alg\":\"none\"}",
                                          "{\"alg\":\"None\"}",
                                          "{}",
                                          "{\"alg\":[\"HS256\"]}",
                                          "[]",
                                          "{\"alg\":\"HS512\"}",
                                          "{\"alg\":\"hs256\"}",
                                          "\"HS256\"",
                                          "",
                                          "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}"};
    static const char *const shapes[] = {"", ".", "..", "...", "a.b", "a.b.c.d", ".e30.", "e30..", "e30.e30."};
    struct slice key = SLICE("0123456789abcdef");
    char token[2048];
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        make(token, headers[i], "{\"admin\":true}");
        attach_hmac(token, key);
        CHECK(verify(token, JWT_HS256, key) < 0 && out.n == 0);
        *strrchr(token, '.') = 0;
        strcat(token, ".");
        CHECK(verify(token, JWT_HS256, key) < 0 && out.n == 0);
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) CHECK(verify(shapes[i], JWT_HS256, key) < 0);
    static char big[JWT_TOKEN_MAX + 2];
    memset(big, 'a', sizeof big - 1);
    CHECK(verify(big, JWT_HS256, key) == GIFD_ETOOBIG);
    CHECK(jwt_algorithm(SLICE("none")) == 0 && jwt_algorithm(SLICE("RS256")) == JWT_RS256);
}

/* RFC 8032 section 7.1, test 3. */
TEST(ed25519_signatures_are_verified)
{
    uint8_t key[32], signature[64];
    size_t n;
    CHECK(hex_decode(SLICE("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"), key, 32, &n, &e) == 0);
    CHECK(hex_decode(SLICE("6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
                           "4dc6594a7c15e9716ed28dc027beceea1ec40a"),
                     signature, 64, &n, &e) == 0);
    struct slice k = slice_of((char *)key, 32), s = slice_of((char *)signature, 64);
    CHECK(ed25519_verify(k, SLICE("\xaf\x82"), s));
    CHECK(!ed25519_verify(k, SLICE("\xaf\x83"), s));
    CHECK(!ed25519_verify(slice_of((char *)key, 31), SLICE("\xaf\x82"), s));
    CHECK(!ed25519_verify(k, SLICE("\xaf\x82"), slice_of((char *)signature, 63)));
    signature[0] ^= 1;
    CHECK(!ed25519_verify(k, SLICE("\xaf\x82"), s));
    buf_free(&out);
}

TEST_MAIN()
