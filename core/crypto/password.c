/* password.c: see password.h. */
#include "crypto/password.h"
#include "crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>

#define LN 15
#define R 8
#define P 3
#define SALT 16
#define HASH 32
#define HASH_MAX 64
#define MEMORY_MAX ((uint64_t)66 << 20)
#define WORK_MAX ((uint64_t)4 * (1u << LN) * R * P)

struct cost {
    unsigned ln, r, p;
};

static int derive(struct slice password, const struct cost *c, const uint8_t *salt, size_t salt_n, uint8_t *out,
                  size_t n, struct err *e)
{
    if (password.n > PASSWORD_MAX) return err_set(e, GIFD_ETOOBIG, "a password has at most %d bytes", PASSWORD_MAX);
    if (EVP_PBE_scrypt(password.n ? password.p : "", password.n, salt, salt_n, 1ull << c->ln, c->r, c->p, MEMORY_MAX,
                       out, n) != 1)
        return err_set(e, GIFD_ENOMEM, "no memory for scrypt");
    return GIFD_OK;
}

/* Between base64 and base64url, in place. */
static void swap(char *text, size_t n, const char *from, const char *to)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] == from[0])
            text[i] = to[0];
        else if (text[i] == from[1])
            text[i] = to[1];
}

static size_t encode(const uint8_t *p, size_t n, char *out, size_t cap)
{
    size_t len = base64url_encode(p, n, out, cap);
    swap(out, len, "-_", "+/");
    return len;
}

static bool decode(struct slice text, uint8_t *out, size_t cap, size_t *n)
{
    char url[128];
    if (text.n >= sizeof url || memchr(text.p, '-', text.n) || memchr(text.p, '_', text.n)) return false;
    memcpy(url, text.p, text.n);
    swap(url, text.n, "+/", "-_");
    return base64url_decode(slice_of(url, text.n), out, cap, n, NULL) == GIFD_OK;
}

int password_hash(struct slice password, char out[PASSWORD_KEPT_MAX], struct err *e)
{
    static const struct cost ours = {LN, R, P};
    uint8_t salt[SALT], hash[HASH];
    char salt_text[64], hash_text[64];
    crypto_random(salt, sizeof salt);
    int rc = derive(password, &ours, salt, sizeof salt, hash, sizeof hash, e);
    if (rc < 0) return rc;
    encode(salt, sizeof salt, salt_text, sizeof salt_text);
    encode(hash, sizeof hash, hash_text, sizeof hash_text);
    OPENSSL_cleanse(hash, sizeof hash);
    snprintf(out, PASSWORD_KEPT_MAX, "$scrypt$ln=%d,r=%d,p=%d$%s$%s", LN, R, P, salt_text, hash_text);
    return GIFD_OK;
}

static bool read_kept(struct slice kept, struct cost *c, uint8_t salt[64], size_t *salt_n, uint8_t hash[HASH_MAX],
                      size_t *hash_n)
{
    char text[PASSWORD_KEPT_MAX], salt_text[96], hash_text[96];
    int end = 0;
    if (kept.n >= sizeof text || (kept.n && memchr(kept.p, 0, kept.n))) return false;
    memcpy(text, kept.p ? kept.p : "", kept.n);
    text[kept.n] = 0;
    if (sscanf(text, "$scrypt$ln=%2u,r=%2u,p=%2u$%95[A-Za-z0-9+/]$%95[A-Za-z0-9+/]%n", &c->ln, &c->r, &c->p, salt_text,
               hash_text, &end) != 5 ||
        (size_t)end != kept.n)
        return false;
    if (c->ln < 1 || c->ln > 20 || c->r < 1 || c->p < 1) return false;
    uint64_t work = (uint64_t)c->r << c->ln;
    return work * 128 <= MEMORY_MAX - (2 << 20) && work * c->p <= WORK_MAX &&
           decode(slice_str(salt_text), salt, 64, salt_n) && decode(slice_str(hash_text), hash, HASH_MAX, hash_n) &&
           *hash_n >= 16;
}

int password_check(struct slice password, struct slice kept, bool *right, struct err *e)
{
    struct cost c;
    uint8_t salt[64], hash[HASH_MAX], own[HASH_MAX];
    size_t salt_n = 0, hash_n = 0;
    *right = false;
    if (!read_kept(kept, &c, salt, &salt_n, hash, &hash_n))
        return err_set(e, GIFD_EINVALID, "this is nothing that a password is kept as");
    int rc = derive(password, &c, salt, salt_n, own, hash_n, e);
    if (rc < 0) return rc;
    *right = crypto_equal(own, hash, hash_n);
    OPENSSL_cleanse(own, sizeof own);
    return GIFD_OK;
}
