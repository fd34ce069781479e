/* jwt.c: see jwt.h. */
#include "crypto/jwt.h"
#include "base/arena.h"
#include "base/json.h"
#include "crypto/crypto.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define ED25519_KEY 32
#define ED25519_SIGNATURE 64
#define P256_HALF 32
#define SECRET_MIN 16

static const char *const names[] = {
    [JWT_HS256] = "HS256", [JWT_RS256] = "RS256", [JWT_ES256] = "ES256", [JWT_EDDSA] = "EdDSA"};

enum jwt_algorithm jwt_algorithm(struct slice name)
{
    for (int i = JWT_HS256; i <= JWT_EDDSA; i++)
        if (slice_is(name, names[i])) return (enum jwt_algorithm)i;
    return 0;
}

/* ---- keys ---- */

static bool is_p256(EVP_PKEY *k)
{
    char group[32];
    size_t n = 0;
    return EVP_PKEY_get_base_id(k) == EVP_PKEY_EC && EVP_PKEY_get_group_name(k, group, sizeof group, &n) &&
           !strcmp(group, "prime256v1");
}

static bool suits(EVP_PKEY *k, enum jwt_algorithm a)
{
    switch (a) {
    case JWT_RS256:
        return EVP_PKEY_get_base_id(k) == EVP_PKEY_RSA && EVP_PKEY_get_bits(k) >= 2048 && EVP_PKEY_get_bits(k) <= 8192;
    case JWT_ES256: return is_p256(k);
    case JWT_EDDSA: return EVP_PKEY_get_base_id(k) == EVP_PKEY_ED25519;
    default: return false;
    }
}

static EVP_PKEY *public_key(struct slice key, enum jwt_algorithm a, struct err *e)
{
    EVP_PKEY *k = NULL;
    if (a == JWT_EDDSA && key.n == ED25519_KEY) {
        k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)key.p, key.n);
    } else if (key.n <= JWT_KEY_MAX) {
        BIO *in = BIO_new_mem_buf(key.p, (int)key.n);
        k = in ? PEM_read_bio_PUBKEY(in, NULL, NULL, "") : NULL;
        BIO_free(in);
    }
    if (k && suits(k, a)) return k;
    EVP_PKEY_free(k);
    err_set(e, GIFD_EINVALID, "the key is no public key for %s", names[a]);
    return NULL;
}

/* ---- signatures ---- */

static bool check(EVP_PKEY *k, const EVP_MD *md, struct slice message, const uint8_t *signature, size_t n)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestVerifyInit(c, NULL, md, NULL, k) == 1 &&
              EVP_DigestVerify(c, signature, n, (const unsigned char *)message.p, message.n) == 1;
    EVP_MD_CTX_free(c);
    return ok;
}

/* r and s one after the other (RFC 7518 section 3.4), for a library that wants them in DER. */
static bool check_es256(EVP_PKEY *k, struct slice message, const uint8_t *signature, size_t n)
{
    if (n != 2 * (size_t)P256_HALF) return false;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, P256_HALF, NULL), *s = BN_bin2bn(signature + P256_HALF, P256_HALF, NULL);
    unsigned char *der = NULL;
    bool ok = false;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
        r = s = NULL;
        int len = i2d_ECDSA_SIG(sig, &der);
        ok = len > 0 && check(k, EVP_sha256(), message, der, (size_t)len);
    }
    OPENSSL_free(der);
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(sig);
    return ok;
}

/* 1: signed by the key; 0: not; negative: no such key. */
static int check_signature(enum jwt_algorithm a, struct slice key, struct slice message, const uint8_t *signature,
                           size_t n, struct err *e)
{
    uint8_t mac[SHA256_LEN];
    if (a == JWT_HS256) {
        if (key.n < SECRET_MIN) return err_set(e, GIFD_EINVALID, "a secret has %d bytes at least", SECRET_MIN);
        hmac_sha256(key, message, mac);
        return n == sizeof mac && crypto_equal(mac, signature, n);
    }
    EVP_PKEY *k = public_key(key, a, e);
    if (!k) return GIFD_EINVALID;
    bool ok = a == JWT_ES256 ? check_es256(k, message, signature, n)
                             : check(k, a == JWT_RS256 ? EVP_sha256() : NULL, message, signature, n);
    EVP_PKEY_free(k);
    return ok;
}

bool ed25519_verify(struct slice key, struct slice message, struct slice signature)
{
    if (key.n != ED25519_KEY || signature.n != ED25519_SIGNATURE) return false;
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)key.p, key.n);
    bool ok =
        k && check(k, NULL, slice_of(message.n ? message.p : "", message.n), (const uint8_t *)signature.p, signature.n);
    EVP_PKEY_free(k);
    return ok;
}

/* ---- tokens ---- */

static int check_header(struct slice text, enum jwt_algorithm a, struct err *e)
{
    struct arena arena;
    struct json *header = NULL;
    arena_init(&arena, 1 << 20);
    int rc = json_parse(&arena, text, NULL, &header, e);
    if (rc < 0 || header->type != JSON_OBJECT) {
        rc = err_set(e, GIFD_EINVALID, "the token's header is no JSON object");
    } else {
        const struct json *alg = json_get(header, "alg");
        if (!alg || alg->type != JSON_STRING || !slice_is(alg->s, names[a]))
            rc = err_set(e, GIFD_EDENIED, "the token is not signed by %s", names[a]);
        else if (json_get(header, "crit"))
            rc = err_set(e, GIFD_EDENIED, "the token has a header that must be understood");
    }
    arena_free(&arena);
    return rc;
}

/* The next part of a token, up to `end`, decoded into room that is large enough. */
static int decode(struct slice part, uint8_t *room, size_t cap, struct slice *out, struct err *e)
{
    size_t n = 0;
    if (base64url_decode(part, room, cap, &n, NULL) < 0)
        return err_set(e, GIFD_EINVALID, "a part of the token is no base64url");
    *out = slice_of((const char *)room, n);
    return GIFD_OK;
}

int jwt_verify(struct slice token, enum jwt_algorithm algorithm, struct slice key, struct buf *out, struct err *e)
{
    static const char none[] = "the token has not three parts";
    uint8_t room[JWT_TOKEN_MAX];
    struct slice header = {0}, claims = {0}, signature = {0};
    if (token.n > JWT_TOKEN_MAX) return err_set(e, GIFD_ETOOBIG, "a token has at most %d bytes", JWT_TOKEN_MAX);
    const char *first = token.n ? memchr(token.p, '.', token.n) : NULL;
    size_t head = first ? (size_t)(first - token.p) : 0;
    const char *second = first ? memchr(first + 1, '.', token.n - head - 1) : NULL;
    size_t body = second ? (size_t)(second - token.p) : 0;
    if (!second || memchr(second + 1, '.', token.n - body - 1)) return err_set(e, GIFD_EINVALID, none);
    int rc = decode(slice_of(token.p, head), room, sizeof room, &header, e);
    if (rc == GIFD_OK) rc = check_header(header, algorithm, e);
    if (rc == GIFD_OK) rc = decode(slice_of(second + 1, token.n - body - 1), room, sizeof room, &signature, e);
    if (rc < 0) return rc;
    rc = check_signature(algorithm, key, slice_of(token.p, body), room, signature.n, e);
    if (rc < 0) return rc;
    if (rc == 0) return err_set(e, GIFD_EDENIED, "the token is not signed by this key");
    rc = decode(slice_of(first + 1, body - head - 1), room, sizeof room, &claims, e);
    return rc < 0 ? rc : buf_append(out, claims.p, claims.n, e);
}

static int append_base64url(struct buf *out, const void *p, size_t n, struct err *e)
{
    char text[JWT_TOKEN_MAX];
    size_t len = base64url_encode(p, n, text, sizeof text);
    if (!len) return err_set(e, GIFD_ETOOBIG, "a token has at most %d bytes", JWT_TOKEN_MAX);
    return buf_append(out, text, len, e);
}

int jwt_sign(struct slice claims, struct slice secret, struct buf *out, struct err *e)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    uint8_t mac[SHA256_LEN];
    size_t from = out->n;
    if (secret.n < SECRET_MIN) return err_set(e, GIFD_EINVALID, "a secret has %d bytes at least", SECRET_MIN);
    int rc = append_base64url(out, header, sizeof header - 1, e);
    if (rc == GIFD_OK) rc = buf_puts(out, ".", e);
    if (rc == GIFD_OK) rc = append_base64url(out, claims.p, claims.n, e);
    if (rc < 0) return rc;
    hmac_sha256(secret, slice_of(out->p + from, out->n - from), mac);
    rc = buf_puts(out, ".", e);
    return rc < 0 ? rc : append_base64url(out, mac, sizeof mac, e);
}
