/* bind_crypto.c: gifd.crypto. The keys of signed URLs belong to the host: all generations of a process use the same. */
#include "base/clock.h"
#include "crypto/crypto.h"
#include "crypto/sign.h"
#include "script/border.h"
#include "script/host_int.h"

#include <string.h>

#define RANDOM_MAX 4096
#define ENCODE_MAX ((size_t)1 << 20)
#define BASE64_MAX ((size_t)4 << 20) /* a picture, for others */

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

static int l_base64(lua_State *L)
{
    struct slice s = border_string(L, 1, "bytes");
    size_t cap = (s.n + 2) / 3 * 4 + 1;
    if (s.n > BASE64_MAX) border_argument(L, 1, "bytes", "must be at most 4 MiB");
    char *out = lua_newuserdata(L, cap);
    lua_pushlstring(L, out, base64_encode((const uint8_t *)s.p, s.n, out, cap));
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

/* ---- signed URLs ---- */

static int add_key(lua_State *L, int at, struct sign_keys *keys, struct err *e)
{
    struct slice kid = border_field_string(L, at, "kid"), secret = border_field_string(L, at, "secret");
    lua_getfield(L, at, "signing");
    bool signing = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return sign_keys_add(keys, kid, secret, signing, e);
}

static int free_keys(lua_State *L)
{
    sign_keys_free(*(struct sign_keys **)lua_touserdata(L, 1));
    return 0;
}

static int l_use_keys(lua_State *L)
{
    struct err e = {0};
    border_table(L, 1, "keys");
    lua_settop(L, 1);
    struct sign_keys **keys = border_udata_new(L, sizeof *keys, "gifd.keys", free_keys, NULL);
    *keys = sign_keys_new();
    if (!*keys) return push_fault(L, GIFD_ENOMEM, "keys");
    for (size_t i = 1; i <= lua_objlen(L, 1); i++) {
        lua_rawgeti(L, 1, (int)i);
        if (!lua_istable(L, -1)) border_argument(L, 1, "keys", "keys[%zu] must be {kid, secret, signing}", i);
        if (add_key(L, 3, *keys, &e) < 0) return push_err(L, &e);
        lua_pop(L, 1);
    }
    struct host *h = gen_of(L)->host;
    struct sign_keys *old = h->keys;
    h->keys = *keys;
    *keys = old;
    lua_pushboolean(L, 1);
    return 1;
}

/* The text, number or boolean at the top; numbers are copied into the arena. */
static bool param_value(lua_State *L, struct arena *a, struct slice *out)
{
    int type = lua_type(L, -1);
    if (type == LUA_TBOOLEAN) {
        *out = slice_str(lua_toboolean(L, -1) ? "true" : "false");
        return true;
    }
    if (type != LUA_TSTRING && type != LUA_TNUMBER) return false;
    out->p = lua_tolstring(L, -1, &out->n);
    if (type == LUA_TNUMBER) out->p = arena_strndup(a, out->p, out->n);
    return out->p != NULL;
}

static bool after(struct slice a, struct slice b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order ? order > 0 : a.n > b.n;
}

/* By name, so that the same call gives the same URL. */
static size_t read_params(lua_State *L, struct arena *a, struct sign_param params[SIGN_PARAMS_MAX])
{
    size_t n = 0;
    lua_getfield(L, 2, "params");
    if (lua_isnil(L, -1)) return 0;
    if (!lua_istable(L, -1)) border_argument(L, 2, "options", "params must be a table");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        struct sign_param p;
        if (n == SIGN_PARAMS_MAX) border_argument(L, 2, "options", "more than %d params", SIGN_PARAMS_MAX);
        if (lua_type(L, -2) != LUA_TSTRING || !param_value(L, a, &p.value))
            border_argument(L, 2, "options", "params are texts, numbers or booleans by name");
        p.name.p = lua_tolstring(L, -2, &p.name.n);
        size_t at = n++;
        for (; at && after(params[at - 1].name, p.name); at--) params[at] = params[at - 1];
        params[at] = p;
    }
    return n; /* the table stays on the stack and keeps its texts */
}

static int l_sign_url(lua_State *L)
{
    struct err e = {0};
    struct gen *g = gen_of(L);
    struct sign_param params[SIGN_PARAMS_MAX];
    struct slice path = border_string(L, 1, "path");
    border_table(L, 2, "options");
    lua_settop(L, 2);
    int64_t expires = (int64_t)border_field_number(L, 2, "expires", 0, 253402300799, -1);
    struct slice kid = border_field_string(L, 2, "kid");
    if (expires < 0) border_argument(L, 2, "options", "expires is required, in seconds since 1970");
    arena_reset(&g->scratch);
    size_t n = read_params(L, &g->scratch, params);
    if (!g->host->keys) return push_fault(L, GIFD_ENOTFOUND, "there is no key that signs");
    if (sign_url(g->host->keys, path, kid, expires, params, n, &g->out, &e) < 0) return push_err(L, &e);
    push_slice(L, buf_slice(&g->out));
    return 1;
}

static int push_refusal(lua_State *L, enum sign_finding v)
{
    lua_pushnil(L);
    push_err_table(L, GIFD_EDENIED, v == SIGN_EXPIRED ? "the URL has expired" : "the URL is not validly signed");
    lua_pushstring(L, sign_finding_name(v));
    lua_setfield(L, -2, "code");
    return 2;
}

static int l_verify_url(lua_State *L)
{
    struct sign_claims claims;
    struct slice target = border_string(L, 1, "target");
    enum sign_finding v = sign_check(gen_of(L)->host->keys, target, clock_wall_us() / 1000000, &claims);
    if (v != SIGN_VALID) return push_refusal(L, v);
    lua_pushboolean(L, 1);
    lua_createtable(L, 0, 3);
    lua_pushnumber(L, (lua_Number)claims.expires);
    lua_setfield(L, -2, "expires");
    push_slice(L, claims.kid);
    lua_setfield(L, -2, "kid");
    if (claims.prefix.n) {
        push_slice(L, claims.prefix);
        lua_setfield(L, -2, "prefix");
    }
    return 2;
}

const struct binding bind_crypto[] = {
    {"gifd.crypto.sha256", l_sha256, CTX_ANY, "sha256(bytes: string) -> hex: string -- SHA-256"},
    {"gifd.crypto.hmac", l_hmac, CTX_ANY,
     "hmac(key: string, message: string) -> bytes: string -- HMAC-SHA-256, 32 bytes"},
    {"gifd.crypto.equal", l_equal, CTX_ANY, "equal(a: string, b: string) -> boolean -- in constant time"},
    {"gifd.crypto.random", l_random, CTX_ANY, "random(n: integer) -> bytes: string -- n cryptographic random bytes"},
    {"gifd.crypto.code", l_code, CTX_ANY, "code(n: integer) -> text: string -- n random characters of a-zA-Z0-9"},
    {"gifd.crypto.hex", l_hex, CTX_ANY, "hex(bytes: string) -> text: string -- lower-case hexadecimal"},
    {"gifd.crypto.base64", l_base64, CTX_ANY,
     "base64(bytes: string) -> text: string -- RFC 4648 section 4, padded; at most 4 MiB"},
    {"gifd.crypto.base64url", l_base64url, CTX_ANY,
     "base64url(bytes: string) -> text: string -- RFC 4648 section 5, without padding"},
    {"gifd.crypto.unbase64url", l_unbase64url, CTX_ANY,
     "unbase64url(text: string) -> bytes: string | nil, err -- back to bytes"},
    {"gifd.crypto.use_keys", l_use_keys, CTX_TASK,
     "use_keys(keys: {kid: string, secret: string, signing?: boolean}[]) -> true | nil, err -- what URLs of this "
     "process are signed with"},
    {"gifd.crypto.sign_url", l_sign_url, CTX_TASK,
     "sign_url(path: string, options: {expires: integer, kid?: string, params?: table<string, "
     "string|number|boolean>}) -> url: string | nil, err -- the path with a signed query; expires is in seconds "
     "since 1970"},
    {"gifd.crypto.verify_url", l_verify_url, CTX_TASK,
     "verify_url(target: string) -> true, claims: {expires: integer, kid: string, prefix?: string} | nil, err -- "
     "err.code says why not"},
    {NULL, NULL, 0, NULL},
};
