/* refusal.c: see refusal.h. */
#include "script/refusal.h"
#include "http/query.h"
#include "script/gen.h"

#include <lauxlib.h>
#include <stdio.h>

#define WORDS_MAX ((size_t)64 << 10)
#define LINES_MAX 4096

/* ---- compiling ---- */

static struct slice keep(lua_State *L, struct refusals *f, struct slice s)
{
    char *own = arena_strndup(&f->arena, s.p, s.n);
    if (!own) luaL_error(L, "boot: refusals: more than %d bytes", (int)WORDS_MAX);
    return slice_of(own, s.n);
}

static bool clean(const char *s)
{
    return s && !strpbrk(s, "\r\n");
}

/* {name = value} of a field as "\r\nname: value" after one another. */
static struct slice read_lines(lua_State *L, struct refusals *f, const char *field)
{
    char text[LINES_MAX];
    size_t n = 0;
    lua_getfield(L, -1, field);
    int table = lua_gettop(L);
    if (!lua_istable(L, table)) luaL_error(L, "boot: refusals.%s must be a table", field);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        const char *value = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        if (!clean(name) || !clean(value)) luaL_error(L, "boot: refusals.%s must be names and texts", field);
        int more = snprintf(text + n, sizeof text - n, "\r\n%s: %s", name, value);
        if (more < 0 || (size_t)more >= sizeof text - n) luaL_error(L, "boot: refusals.%s is too long", field);
        n += (size_t)more;
    }
    lua_pop(L, 1);
    return keep(L, f, slice_of(text, n));
}

static void read_replies(lua_State *L, struct refusals *f)
{
    lua_getfield(L, -1, "replies");
    for (lua_pushnil(L); lua_istable(L, -2) && lua_next(L, -2); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        const char *value = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        if (f->replies == REFUSAL_REPLIES_MAX || !clean(name) || !clean(value))
            luaL_error(L, "boot: refusals.replies must be up to %d names and texts", REFUSAL_REPLIES_MAX);
        f->reply[f->replies++] = (struct http_header){keep(L, f, slice_str(name)), keep(L, f, slice_str(value))};
    }
    lua_pop(L, 1);
}

static void read_origins(lua_State *L, struct refusals *f)
{
    lua_getfield(L, -1, "origins");
    for (int i = 1; lua_istable(L, -1); i++) {
        struct slice origin;
        lua_rawgeti(L, -1, i);
        bool there = lua_type(L, -1) == LUA_TSTRING;
        if (there && (f->origins == REFUSAL_ORIGINS_MAX || !clean(lua_tostring(L, -1))))
            luaL_error(L, "boot: refusals.origins must be up to %d texts", REFUSAL_ORIGINS_MAX);
        if (there) {
            origin.p = lua_tolstring(L, -1, &origin.n);
            f->origin[f->origins++] = keep(L, f, origin);
        }
        lua_pop(L, 1);
        if (!there) break;
    }
    lua_pop(L, 1);
    lua_getfield(L, -1, "exposed");
    if (f->origins && !clean(lua_tostring(L, -1))) luaL_error(L, "boot: refusals.exposed must be a text");
    if (f->origins) f->exposed = keep(L, f, slice_str(lua_tostring(L, -1)));
    lua_pop(L, 1);
}

void refusals_read(lua_State *L, struct refusals *f)
{
    lua_getfield(L, -1, "refusals");
    if (lua_istable(L, -1)) {
        arena_init(&f->arena, WORDS_MAX);
        f->fields = read_lines(L, f, "fields");
        f->secret = read_lines(L, f, "secret");
        read_replies(L, f);
        read_origins(L, f);
    }
    lua_pop(L, 1);
}

void refusals_free(struct refusals *f)
{
    arena_free(&f->arena);
    *f = (struct refusals){0};
}

/* ---- saying ---- */

static bool is_signed(struct request *r)
{
    struct query q = query_of(r->query, &r->arena);
    struct query_pair pair;
    while (query_next(&q, &pair, NULL) > 0)
        if (slice_is(pair.name, "signature")) return true;
    return false;
}

/* The first entry that the page's origin is, or that is for all; p == NULL: none. */
static struct slice known_origin(const struct refusals *f, struct slice origin)
{
    for (size_t i = 0; i < f->origins; i++)
        if (slice_is(f->origin[i], "*") || (origin.p && slice_eq(f->origin[i], origin))) return f->origin[i];
    return slice_of(NULL, 0);
}

static char *put(char *w, struct slice s)
{
    if (s.n) memcpy(w, s.p, s.n);
    return w + s.n;
}

void refusal_mark(const struct refusals *f, struct request *r, unsigned flags)
{
    static const struct slice allow = SLICE("\r\nAccess-Control-Allow-Origin: "),
                              expose = SLICE("\r\nAccess-Control-Expose-Headers: "), vary = SLICE("\r\nVary: Origin");
    struct slice fixed = flags & ROUTE_SIGNED && is_signed(r) ? f->secret : f->fields;
    struct slice origin = request_header(r, "Origin"), known = {NULL, 0};
    bool cross = flags & ROUTE_CROSS && f->origins, varies = false;
    if (cross) {
        known = known_origin(f, origin);
        varies = !slice_is(known, "*");
    }
    if (!origin.p) known.p = NULL;
    size_t n = r->fields.n + fixed.n + (varies ? vary.n : 0);
    if (known.p) n += allow.n + known.n + expose.n + f->exposed.n;
    char *out = n ? arena_alloc(&r->arena, n) : NULL, *w = out;
    if (!out) return; /* nothing is said, all is done */
    w = put(put(w, r->fields), fixed);
    if (varies) w = put(w, vary);
    if (known.p) w = put(put(put(put(w, allow), known), expose), f->exposed);
    r->fields = slice_of(out, (size_t)(w - out));
}
