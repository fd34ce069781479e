/* bind_crypto.c: gifd.crypto. */
#include "crypto/crypto.h"
#include "script/border.h"

#include <string.h>

#define RANDOM_MAX 4096
#define ENCODE_MAX ((size_t)1 << 20)

static int l_sha256(lua_State *L)
{
    struct slice s = border_string(L, 1, "bytes");
    uint8_t digest[SHA256_LEN];
    char hex[SHA256_HEX + 1];
    sha256_of(s.p, s.n, digest);
    hex_encode(digest, sizeof digest, hex);
    lua_pushlstring(L, hex, SHA256_HEX);
    return 1;
}

static int l_hmac(lua_State *L)
{
    struct slice key = border_string(L, 1, "key"), message = border_string(L, 2, "message");
    uint8_t mac[SHA256_LEN];
    hmac_sha256(key, message, mac);
    lua_pushlstring(L, (char *)mac, sizeof mac);
    return 1;
}

static int l_equal(lua_State *L)
{
    struct slice a = border_string(L, 1, "a"), b = border_string(L, 2, "b");
    lua_pushboolean(L, a.n == b.n && crypto_equal(a.p, b.p, a.n));
    return 1;
}

static int l_random(lua_State *L)
{
    char bytes[RANDOM_MAX];
    size_t n = (size_t)border_integer(L, 1, "n", 1, RANDOM_MAX);
    crypto_random(bytes, n);
    lua_pushlstring(L, bytes, n);
    return 1;
}

static int l_code(lua_State *L)
{
    char text[129];
    size_t n = (size_t)border_integer(L, 1, "n", 1, sizeof text - 1);
    crypto_code(text, n);
    lua_pushlstring(L, text, n);
    return 1;
}

/* Room for a result, owned by the VM. */
static char *room(lua_State *L, struct slice s, size_t n)
{
    if (s.n > ENCODE_MAX) border_argument(L, 1, "bytes", "must be at most 1 MiB");
    return lua_newuserdata(L, n);
}

static int l_hex(lua_State *L)
{
    struct slice s = border_string(L, 1, "bytes");
    char *out = room(L, s, 2 * s.n + 1);
    hex_encode((const uint8_t *)s.p, s.n, out);
    lua_pushlstring(L, out, 2 * s.n);
    return 1;
}

static int l_base64url(lua_State *L)
{
    struct slice s = border_string(L, 1, "bytes");
    size_t cap = s.n * 4 / 3 + 8;
    char *out = room(L, s, cap);
    lua_pushlstring(L, out, base64url_encode((const uint8_t *)s.p, s.n, out, cap));
    return 1;
}

static int l_unbase64url(lua_State *L)
{
    struct slice s = border_string(L, 1, "text");
    struct err e = {0};
    size_t n = 0;
    char *out = room(L, s, s.n + 8);
    if (base64url_decode(s, (uint8_t *)out, s.n + 8, &n, &e) < 0) return push_err(L, &e);
    lua_pushlstring(L, out, n);
    return 1;
}

const struct binding bind_crypto[] = {
    {"gifd.crypto.sha256", l_sha256, CTX_ANY, "sha256(bytes) -> hex"},
    {"gifd.crypto.hmac", l_hmac, CTX_ANY, "hmac(key, message) -> 32 bytes (HMAC-SHA-256)"},
    {"gifd.crypto.equal", l_equal, CTX_ANY, "equal(a, b) -> boolean, in constant time"},
    {"gifd.crypto.random", l_random, CTX_ANY, "random(n) -> bytes"},
    {"gifd.crypto.code", l_code, CTX_ANY, "code(n) -> n characters of a-zA-Z0-9"},
    {"gifd.crypto.hex", l_hex, CTX_ANY, "hex(bytes) -> text"},
    {"gifd.crypto.base64url", l_base64url, CTX_ANY, "base64url(bytes) -> text"},
    {"gifd.crypto.unbase64url", l_unbase64url, CTX_ANY, "unbase64url(text) -> bytes | nil, err"},
    {NULL, NULL, 0, NULL},
};
