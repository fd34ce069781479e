/* bind_jwt.c: gifd.crypto.jwt_sign, jwt_verify and ed25519_verify. Signatures are core/crypto/jwt.c's; what claims say
 * of time, issuer and audience is judged here. */
#include "crypto/jwt.h"
#include "base/clock.h"
#include "script/border.h"
#include "script/gen.h"
#include "script/value.h"

#define LEEWAY_MAX 600.0

static struct slice required(lua_State *L, const char *field)
{
    struct slice s = border_field_string(L, 2, field);
    if (!s.p) border_argument(L, 2, "options", "%s is required", field);
    return s;
}

static enum jwt_algorithm algorithm(lua_State *L)
{
    struct slice name = required(L, "alg");
    enum jwt_algorithm a = jwt_algorithm(name);
    if (!a) border_argument(L, 2, "options", "alg must be HS256, RS256, ES256 or EdDSA");
    return a;
}

static int l_sign(lua_State *L)
{
    struct err e = {0};
    struct gen *g = gen_of(L);
    struct buf token;
    border_table(L, 1, "claims");
    border_table(L, 2, "options");
    struct slice secret = required(L, "key");
    if (algorithm(L) != JWT_HS256) border_argument(L, 2, "options", "only HS256 signs");
    buf_reset(&g->out);
    if (value_encode(L, 1, &g->out, &e) < 0) return push_err(L, &e);
    buf_init(&token, JWT_TOKEN_MAX);
    int rc = jwt_sign(buf_slice(&g->out), secret, &token, &e);
    if (rc == GIFD_OK) { /* from here on the VM's own buffer holds it, for pushing may throw */
        buf_reset(&g->out);
        rc = buf_append(&g->out, token.p, token.n, &e);
    }
    buf_free(&token);
    if (rc == GIFD_EINVALID) border_argument(L, 2, "options", "%s", e.text);
    if (rc < 0) return push_err(L, &e);
    push_slice(L, buf_slice(&g->out));
    return 1;
}

/* ---- claims: the table on the top of the stack ---- */

static int refuse(lua_State *L, const char *code, const char *message)
{
    lua_pushnil(L);
    push_err_table(L, GIFD_EDENIED, message);
    lua_pushstring(L, code);
    lua_setfield(L, -2, "code");
    return 2;
}

/* A NumericDate (RFC 7519 section 2). False when there is one that is none. */
static bool read_time(lua_State *L, int claims, const char *name, lua_Number fallback, lua_Number *out)
{
    lua_getfield(L, claims, name);
    int type = lua_type(L, -1);
    *out = type == LUA_TNUMBER ? lua_tonumber(L, -1) : fallback;
    lua_pop(L, 1);
    return type == LUA_TNUMBER || type == LUA_TNIL;
}

static bool is_text(lua_State *L, struct slice want)
{
    struct slice s = {NULL, 0};
    if (lua_type(L, -1) == LUA_TSTRING) s.p = lua_tolstring(L, -1, &s.n);
    return s.p && slice_eq(s, want);
}

/* Is the claim this text, or (an audience) a list that has it? */
static bool names(lua_State *L, int claims, const char *claim, struct slice want, bool list)
{
    lua_getfield(L, claims, claim);
    bool found = is_text(L, want);
    if (list && lua_istable(L, -1)) {
        for (int i = 1; !found; i++) {
            lua_rawgeti(L, -1, i);
            bool end = lua_isnil(L, -1);
            found = is_text(L, want);
            lua_pop(L, 1);
            if (end) break;
        }
    }
    lua_pop(L, 1);
    return found;
}

static int judge(lua_State *L, int claims)
{
    lua_Number now = (lua_Number)clock_wall_us() / 1e6, leeway = border_field_number(L, 2, "leeway", 0, LEEWAY_MAX, 0);
    lua_Number expires, begins;
    struct slice issuer = border_field_string(L, 2, "issuer"), audience = border_field_string(L, 2, "audience");
    if (!read_time(L, claims, "exp", now + 1, &expires) || !read_time(L, claims, "nbf", 0, &begins))
        return refuse(L, "invalid", "exp or nbf is no time");
    if (now >= expires + leeway) return refuse(L, "expired", "the token has expired");
    if (now < begins - leeway) return refuse(L, "denied", "the token is not valid yet");
    if (issuer.p && !names(L, claims, "iss", issuer, false))
        return refuse(L, "denied", "the token is of another issuer");
    if (audience.p && !names(L, claims, "aud", audience, true))
        return refuse(L, "denied", "the token is for another audience");
    return 0;
}

static int l_verify(lua_State *L)
{
    struct err e = {0};
    struct gen *g = gen_of(L);
    struct slice token = border_string(L, 1, "token");
    border_table(L, 2, "options");
    lua_settop(L, 2);
    struct slice key = required(L, "key");
    enum jwt_algorithm a = algorithm(L);
    buf_reset(&g->out);
    if (jwt_verify(token, a, key, &g->out, &e) < 0) return push_err(L, &e);
    if (value_decode(L, buf_slice(&g->out), JWT_TOKEN_MAX, &e) < 0) return push_err(L, &e);
    if (lua_gettop(L) != 3 || !lua_istable(L, 3)) return push_fault(L, GIFD_EINVALID, "the claims are no JSON object");
    int refused = judge(L, 3);
    if (refused) return refused;
    lua_settop(L, 3);
    return 1;
}

static int l_ed25519(lua_State *L)
{
    struct slice key = border_string(L, 1, "key"), message = border_string(L, 2, "message"),
                 signature = border_string(L, 3, "signature");
    lua_pushboolean(L, ed25519_verify(key, message, signature));
    return 1;
}

const struct binding bind_jwt[] = {
    {"gifd.crypto.jwt_sign", l_sign, CTX_TASK,
     "jwt_sign(claims: table<string, any>, options: {alg: \"HS256\", key: string}) -> token: string | nil, err -- a "
     "JSON Web Token"},
    {"gifd.crypto.jwt_verify", l_verify, CTX_TASK,
     "jwt_verify(token: string, options: {alg: \"HS256\"|\"RS256\"|\"ES256\"|\"EdDSA\", key: string, issuer?: "
     "string, audience?: string, leeway?: number}) -> claims: table<string, any> | nil, err -- key: a secret, BEGIN "
     "PUBLIC KEY, or the 32 bytes of Ed25519"},
    {"gifd.crypto.ed25519_verify", l_ed25519, CTX_TASK,
     "ed25519_verify(key: string, message: string, signature: string) -> boolean -- key is 32 bytes, signature 64"},
    {NULL, NULL, 0, NULL},
};
