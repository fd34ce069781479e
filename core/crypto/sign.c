/* sign.c: see sign.h.
 *
 * HMAC(K, m) is H(K ^ opad, H(K ^ ipad, m)). Both states after their first block depend on the key alone; they are
 * kept, and a signature begins with a copy of 112 bytes. libcrypto's EVP_MAC has no such constant: its copy allocates
 * (0.86 us for a short URL), its re-initialisation writes into the shared context (0.29 us); this takes 0.12 us. The
 * SHA256_ functions are marked as deprecated in favour of EVP, and stay for exactly this. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/sign.h"
#include "crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>

#define SIGNATURE_LEN 43
#define EXPIRES_MAX 253402300799 /* the end of the year 9999 */

struct key {
    char kid[SIGN_KID_MAX + 1];
    SHA256_CTX inner, outer;
};

struct sign_keys {
    size_t count;
    int signing; /* index, or -1 */
    struct key key[SIGN_KEYS_MAX];
};

/* ---- keys ---- */

struct sign_keys *sign_keys_new(void)
{
    struct sign_keys *k = calloc(1, sizeof *k);
    if (k) k->signing = -1;
    return k;
}

void sign_keys_free(struct sign_keys *k)
{
    if (k) OPENSSL_cleanse(k, sizeof *k);
    free(k);
}

static const struct key *find_key(const struct sign_keys *k, struct slice kid)
{
    for (size_t i = 0; i < k->count; i++)
        if (slice_is(kid, k->key[i].kid)) return &k->key[i];
    return NULL;
}

static void pad_key(struct key *key, struct slice secret)
{
    uint8_t block[SHA256_CBLOCK] = {0};
    if (secret.n > sizeof block)
        sha256_of(secret.p, secret.n, block);
    else
        memcpy(block, secret.p, secret.n);
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36;
    SHA256_Init(&key->inner);
    SHA256_Update(&key->inner, block, sizeof block);
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36 ^ 0x5c;
    SHA256_Init(&key->outer);
    SHA256_Update(&key->outer, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}

static bool alphanumeric(unsigned char b)
{
    return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
}

/* What every writer of URLs leaves as it is (RFC 3986 section 2.3). */
static bool unreserved(unsigned char b)
{
    return alphanumeric(b) || b == '-' || b == '.' || b == '_' || b == '~';
}

int sign_keys_add(struct sign_keys *k, struct slice kid, struct slice secret, bool signing, struct err *e)
{
    if (kid.n == 0 || kid.n > SIGN_KID_MAX)
        return err_set(e, GIFD_EINVALID, "a key's name has 1 to %d characters", SIGN_KID_MAX);
    for (size_t i = 0; i < kid.n; i++)
        if (!alphanumeric((unsigned char)kid.p[i]) && kid.p[i] != '_' && kid.p[i] != '-')
            return err_set(e, GIFD_EINVALID, "a key's name consists of a-zA-Z0-9_-");
    if (secret.n < SIGN_SECRET_MIN || secret.n > SIGN_SECRET_MAX)
        return err_set(e, GIFD_EINVALID, "a key has %d to %d bytes", SIGN_SECRET_MIN, SIGN_SECRET_MAX);
    if (k->count == SIGN_KEYS_MAX) return err_set(e, GIFD_ETOOBIG, "more than %d keys", SIGN_KEYS_MAX);
    if (find_key(k, kid)) return err_set(e, GIFD_ECONFLICT, "the key %.*s is there twice", (int)kid.n, kid.p);
    if (signing && k->signing >= 0) return err_set(e, GIFD_ECONFLICT, "two keys that sign");
    struct key *key = &k->key[k->count];
    memcpy(key->kid, kid.p, kid.n);
    pad_key(key, secret);
    if (signing) k->signing = (int)k->count;
    k->count++;
    return GIFD_OK;
}

/* ---- a URL in parts ---- */

struct pair {
    struct slice text, name, value; /* raw */
};

struct signed_url {
    struct slice path;
    struct pair pair[SIGN_PARAMS_MAX]; /* in the order of their names */
    size_t count;
    bool malformed;
    const struct pair *expires, *kid, *prefix, *signature;
};

/* Up to the next `at`; rest then begins behind it, or has p == NULL when there was none. */
static struct slice cut(struct slice *rest, char at)
{
    struct slice head = *rest;
    const char *end = memchr(rest->p, at, rest->n);
    if (end) head.n = (size_t)(end - rest->p);
    *rest = end ? slice_of(end + 1, rest->n - head.n - 1) : slice_of(NULL, 0);
    return head;
}

static int compare(struct slice a, struct slice b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* One byte of a name or value, unescaped; -1: the escape is broken. */
static int next_byte(struct slice *s)
{
    int b = (unsigned char)*s->p, high, low;
    size_t n = 1;
    if (b == '%') {
        if (s->n < 3 || (high = digit(s->p[1])) < 0 || (low = digit(s->p[2])) < 0) return -1;
        b = high << 4 | low;
        n = 3;
    } else if (b == '+') {
        b = ' ';
    }
    *s = slice_of(s->p + n, s->n - n);
    return b;
}

static bool escapes_hold(struct slice s)
{
    while (s.n)
        if (next_byte(&s) < 0) return false;
    return true;
}

/* Of names whose escapes hold. */
static bool same_name(struct slice a, struct slice b)
{
    while (a.n && b.n)
        if (next_byte(&a) != next_byte(&b)) return false;
    return a.n == b.n;
}

/* Names that are spelled alike are neighbours; those that only mean the same need a closer look. */
static bool repeated(const struct signed_url *u, bool escaped)
{
    for (size_t i = 1; i < u->count; i++)
        if (slice_eq(u->pair[i - 1].name, u->pair[i].name)) return true;
    for (size_t i = 0; escaped && i < u->count; i++)
        for (size_t j = 0; j < i; j++)
            if (same_name(u->pair[i].name, u->pair[j].name)) return true;
    return false;
}

static void insert(struct signed_url *u, struct pair pair)
{
    size_t at = u->count++;
    for (; at && compare(u->pair[at - 1].name, pair.name) > 0; at--) u->pair[at] = u->pair[at - 1];
    u->pair[at] = pair;
}

static inline const struct pair *pair_named(const struct signed_url *u, struct slice name)
{
    for (size_t i = 0; i < u->count; i++)
        if (slice_eq(u->pair[i].name, name)) return &u->pair[i];
    return NULL;
}

/* Absolute form to origin form: "/path?query". False: it is neither. */
static bool without_host(struct slice *target)
{
    if (target->n && target->p[0] == '/') return true;
    const char *authority = memmem(target->p, target->n, "://", 3), *end = target->p + target->n;
    const char *path = authority ? memchr(authority + 3, '/', (size_t)(end - authority - 3)) : NULL;
    if (path) *target = slice_of(path, (size_t)(end - path));
    return path != NULL;
}

/* What is too much or broken is remembered, and told only to those who claim a signature. */
static void split(struct signed_url *u, struct slice target)
{
    u->count = 0;
    u->malformed = !without_host(&target);
    bool escaped = memchr(target.p, '%', target.n) || memchr(target.p, '+', target.n);
    u->path = cut(&target, '?');
    while (target.p) {
        struct pair pair = {.text = cut(&target, '&')};
        pair.value = pair.text;
        pair.name = cut(&pair.value, '=');
        if (u->count == SIGN_PARAMS_MAX || pair.name.n == 0 || (escaped && !escapes_hold(pair.text)))
            u->malformed = true;
        if (u->count < SIGN_PARAMS_MAX && pair.name.n) insert(u, pair);
    }
    if (!u->malformed && repeated(u, escaped)) u->malformed = true;
    u->expires = pair_named(u, SLICE("expires"));
    u->kid = pair_named(u, SLICE("kid"));
    u->prefix = pair_named(u, SLICE("prefix"));
    u->signature = pair_named(u, SLICE("signature"));
}

/* Unreserved characters in segments that are neither empty nor made of dots. The last one may be open: a prefix's rest.
 */
static bool plain_path(struct slice path, size_t *segments)
{
    *segments = 0;
    if (path.n == 0 || path.p[0] != '/') return false;
    while (path.n) {
        size_t n = 1;
        for (; n < path.n && path.p[n] != '/'; n++)
            if (!unreserved((unsigned char)path.p[n])) return false;
        struct slice segment = {path.p + 1, n - 1};
        if (segment.n == 0 || slice_is(segment, ".") || slice_is(segment, "..")) return false;
        path = slice_of(path.p + n, path.n - n);
        ++*segments;
    }
    return true;
}

static bool prefix_holds(struct slice prefix, struct slice path)
{
    size_t segments;
    if (!plain_path(prefix, &segments) || segments < 2 || !plain_path(path, &segments)) return false;
    return slice_starts(path, prefix) && (path.n == prefix.n || path.p[prefix.n] == '/' || path.p[prefix.n] == '.');
}

static bool read_expires(struct slice s, int64_t *out)
{
    *out = 0;
    if (s.n > 12 || (s.n > 1 && s.p[0] == '0')) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
        *out = *out * 10 + (s.p[i] - '0');
    }
    return *out <= EXPIRES_MAX;
}

/* ---- the signature ---- */

struct feed { /* gathers short pieces: a call of SHA256_Update costs more than copying them */
    SHA256_CTX sha;
    size_t n;
    char bytes[256];
};

static void feed(struct feed *f, struct slice s)
{
    if (s.n > sizeof f->bytes - f->n) {
        SHA256_Update(&f->sha, f->bytes, f->n);
        f->n = 0;
    }
    if (s.n > sizeof f->bytes) {
        SHA256_Update(&f->sha, s.p, s.n);
        return;
    }
    if (s.n) memcpy(f->bytes + f->n, s.p, s.n);
    f->n += s.n;
}

static void sign(const struct key *key, const struct signed_url *u, char out[SIGNATURE_LEN + 1])
{
    uint8_t digest[SHA256_LEN];
    struct feed f = {.sha = key->inner};
    SHA256_CTX outer = key->outer;
    feed(&f, SLICE("GET\n"));
    feed(&f, u->prefix ? u->prefix->value : u->path);
    bool first = true;
    for (size_t i = 0; i < u->count; i++) {
        if (&u->pair[i] == u->signature) continue;
        feed(&f, first ? SLICE("?") : SLICE("&"));
        feed(&f, u->pair[i].text);
        first = false;
    }
    SHA256_Update(&f.sha, f.bytes, f.n);
    SHA256_Final(digest, &f.sha);
    SHA256_Update(&outer, digest, sizeof digest);
    SHA256_Final(digest, &outer);
    base64url_encode(digest, sizeof digest, out, SIGNATURE_LEN + 1);
}

enum sign_finding sign_check(const struct sign_keys *k, struct slice target, int64_t now, struct sign_claims *claims)
{
    struct signed_url u;
    int64_t expires = 0;
    char expected[SIGNATURE_LEN + 1];
    split(&u, target);
    if (!u.expires && !u.kid && !u.signature) return SIGN_UNSIGNED;
    if (u.malformed || (u.expires && !read_expires(u.expires->value, &expires)) ||
        (u.prefix && !prefix_holds(u.prefix->value, u.path)))
        return SIGN_URL_MALFORMED;
    if (!u.signature || u.signature->value.n == 0) return SIGN_SIGNATURE_MISSING;
    if (!u.expires || u.expires->value.n == 0) return SIGN_EXPIRATION_MISSING;
    const struct key *key = k && u.kid ? find_key(k, u.kid->value) : NULL;
    if (!key || u.signature->value.n != SIGNATURE_LEN) return SIGN_SIGNATURE_INVALID;
    sign(key, &u, expected);
    if (!crypto_equal(expected, u.signature->value.p, SIGNATURE_LEN)) return SIGN_SIGNATURE_INVALID;
    if (now >= expires) return SIGN_EXPIRED;
    if (claims) *claims = (struct sign_claims){expires, u.kid->value, u.prefix ? u.prefix->value : slice_of(NULL, 0)};
    return SIGN_VALID;
}

const char *sign_finding_name(enum sign_finding v)
{
    switch (v) {
    case SIGN_VALID: return "valid";
    case SIGN_UNSIGNED:
    case SIGN_SIGNATURE_MISSING: return "signature_missing";
    case SIGN_EXPIRATION_MISSING: return "expiration_missing";
    case SIGN_SIGNATURE_INVALID: return "signature_invalid";
    case SIGN_EXPIRED: return "expired";
    case SIGN_URL_MALFORMED: break;
    }
    return "url_malformed";
}

/* ---- making one ---- */

static int put_escaped(struct buf *out, struct slice s, struct err *e)
{
    static const char digits[] = "0123456789ABCDEF";
    int rc = GIFD_OK;
    for (size_t i = 0; rc == GIFD_OK && i < s.n; i++) {
        unsigned char b = (unsigned char)s.p[i];
        char escape[3] = {'%', digits[b >> 4], digits[b & 15]};
        bool bare = unreserved(b) || b == '/';
        rc = bare ? buf_append(out, &b, 1, e) : buf_append(out, escape, 3, e);
    }
    return rc;
}

static bool path_sendable(struct slice path)
{
    if (path.n == 0 || path.p[0] != '/' || !escapes_hold(path)) return false;
    for (size_t i = 0; i < path.n; i++)
        if (!unreserved((unsigned char)path.p[i]) && (!path.p[i] || !strchr("!$&'()*+,;=:@/%", path.p[i])))
            return false;
    return true;
}

static int put_parameters(struct buf *out, const struct key *key, int64_t expires, const struct sign_param *params,
                          size_t count, struct err *e)
{
    int rc = buf_printf(out, e, "?expires=%lld&kid=%s", (long long)expires, key->kid);
    for (size_t i = 0; rc == GIFD_OK && i < count; i++) {
        struct slice name = params[i].name;
        if (name.n == 0 || slice_is(name, "expires") || slice_is(name, "kid") || slice_is(name, "signature"))
            return err_set(e, GIFD_EINVALID, "no parameter can be called \"%.*s\"", (int)name.n, name.n ? name.p : "");
        rc = buf_append(out, "&", 1, e);
        if (rc == GIFD_OK) rc = put_escaped(out, name, e);
        if (rc == GIFD_OK) rc = buf_append(out, "=", 1, e);
        if (rc == GIFD_OK) rc = put_escaped(out, params[i].value, e);
    }
    return rc;
}

int sign_url(const struct sign_keys *k, struct slice path, struct slice kid, int64_t expires,
             const struct sign_param *params, size_t count, struct buf *out, struct err *e)
{
    struct signed_url u;
    char signature[SIGNATURE_LEN + 1];
    const struct key *key = kid.n ? find_key(k, kid) : k->signing >= 0 ? &k->key[k->signing] : NULL;
    if (!key) return err_set(e, GIFD_ENOTFOUND, kid.n ? "there is no such key" : "there is no key that signs");
    if (!path_sendable(path))
        return err_set(e, GIFD_EINVALID, "not a path as it is sent: escaped, and without a query");
    if (expires < 0 || expires > EXPIRES_MAX) return err_set(e, GIFD_EINVALID, "expires is not a time in seconds");
    if (count > SIGN_PARAMS_MAX - 3) return err_set(e, GIFD_ETOOBIG, "more than %d parameters", SIGN_PARAMS_MAX - 3);
    buf_reset(out);
    int rc = buf_append(out, path.p, path.n, e);
    if (rc == GIFD_OK) rc = put_parameters(out, key, expires, params, count, e);
    if (rc < 0) return rc;
    split(&u, buf_slice(out));
    if (u.malformed) return err_set(e, GIFD_EINVALID, "a parameter is there twice");
    if (u.prefix && !prefix_holds(u.prefix->value, u.path))
        return err_set(e, GIFD_EINVALID, "the prefix does not end where a segment of the path does, or is too short");
    sign(key, &u, signature);
    return buf_printf(out, e, "&signature=%s", signature);
}
