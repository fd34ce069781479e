/* signature.c: see signature.h. */
#include "script/signature.h"
#include "base/slice.h"
#include "script/border.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    KIND_STRING = 1,
    KIND_NUMBER = 2,
    KIND_BOOLEAN = 4,
    KIND_TABLE = 8,
    KIND_FUNCTION = 16,
    KIND_USERDATA = 32,
    KIND_NIL = 64,
    KIND_ANY = 128,
};

static const struct {
    const char *word;
    unsigned kind;
} words[] = {{"string", KIND_STRING},  {"gifd.Code", KIND_STRING},  {"number", KIND_NUMBER},
             {"integer", KIND_NUMBER}, {"boolean", KIND_BOOLEAN},   {"true", KIND_BOOLEAN},
             {"false", KIND_BOOLEAN},  {"function", KIND_FUNCTION}, {"gifd.Draft", KIND_USERDATA},
             {"nil", KIND_NIL},        {"any", KIND_ANY},           {"T", KIND_ANY},
             {"T?", KIND_ANY}};

static unsigned kind_of(struct slice type)
{
    if (type.n && type.p[0] == '"') return KIND_STRING;
    if (type.n > 4 && !memcmp(type.p, "fun(", 4)) return KIND_FUNCTION;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_is(type, words[i].word)) return words[i].kind;
    return KIND_TABLE; /* {...}, T[], table<K, V>, a class */
}

/* Bytes of p up to one of `ends` that stands in no bracket and no quotes. */
static size_t span(const char *p, const char *ends)
{
    size_t n = 0;
    int depth = 0;
    for (bool quoted = false; p[n]; n++) {
        if (p[n] == '"') quoted = !quoted;
        if (quoted) continue;
        if (depth == 0 && strchr(ends, p[n])) break;
        if (strchr("([{<", p[n])) depth++;
        if (strchr(")]}>", p[n])) depth--;
    }
    return n;
}

static unsigned kinds_of(const char *p, size_t n)
{
    unsigned kinds = 0;
    for (size_t at = 0; at < n;) {
        size_t part = span(p + at, "|,)");
        kinds |= kind_of(slice_of(p + at, part));
        at += part + 1;
    }
    return kinds & KIND_ANY ? 0 : kinds;
}

void signature_read(struct signature *s, const char *text)
{
    const char *p = strchr(text, '(');
    *s = (struct signature){.first = 1, .said = 1};
    if (!p) return;
    if (memchr(text, ':', (size_t)(p - text))) s->first = s->said = 2;
    for (p++; *p && *p != ')' && *p != '.' && s->count < SIGNATURE_ARGS;) {
        size_t name = strcspn(p, "?:,)");
        bool optional = p[name] == '?';
        const char *type = p + name + (optional ? 1 : 0);
        type += strspn(type, ": ");
        size_t n = span(type, ",)");
        unsigned kinds = kinds_of(type, n);
        s->arg[s->count].name = p;
        s->arg[s->count].name_len = (uint8_t)name;
        s->arg[s->count++].kinds = (uint16_t)(kinds && optional ? kinds | KIND_NIL : kinds);
        p = type + n;
        p += strspn(p, ", ");
    }
    if (s->count && s->arg[0].name_len == 6 && !memcmp(s->arg[0].name, "plugin", 6)) s->said = 0;
}

static unsigned kind_at(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL: return KIND_NIL;
    case LUA_TSTRING: return KIND_STRING;
    case LUA_TNUMBER: return KIND_NUMBER;
    case LUA_TBOOLEAN: return KIND_BOOLEAN;
    case LUA_TTABLE: return KIND_TABLE;
    case LUA_TFUNCTION: return KIND_FUNCTION;
    case LUA_TUSERDATA: return KIND_USERDATA;
    default: return KIND_ANY;
    }
}

static void refuse(lua_State *L, const struct signature *s, int i) __attribute__((noreturn));
static void refuse(lua_State *L, const struct signature *s, int i)
{
    static const char *const said[] = {"a string", "a number", "true or false", "a table", "a function", "a draft"};
    char wanted[128] = "", name[64];
    size_t n = 0;
    for (size_t k = 0; k < sizeof said / sizeof *said; k++)
        if (s->arg[i].kinds & (1u << k))
            n += (size_t)snprintf(wanted + n, sizeof wanted - n, "%s%s", n ? " or " : "", said[k]);
    snprintf(name, sizeof name, "%.*s", s->arg[i].name_len, s->arg[i].name);
    border_argument(L, i + s->said, name, "must be %s, not a %s", wanted, luaL_typename(L, i + s->first));
}

void signature_check(lua_State *L, const struct signature *s)
{
    for (int i = 0; i < s->count; i++)
        if (s->arg[i].kinds && !(s->arg[i].kinds & kind_at(L, i + s->first))) refuse(L, s, i);
}
