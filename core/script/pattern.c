/* pattern.c: see pattern.h.
 *
 *   %a+ ( %d* ) $      an item is a single (a byte, ., %x or [set]) with an optional * + - ?, a capture's border,
 *                      %bxy, %f[set], %1 or $; match_here walks items and goes deeper only where it may have to return
 *
 * A subject or pattern is a Lua string, so the byte behind its end is a NUL that may be read. A NUL ends a pattern. */
#include "script/pattern.h"
#include "script/budget.h"

#include <lauxlib.h>
#include <string.h>

#define CAPTURES_MAX 32
#define DEPTH_MAX 200
#define STEPS_AT_ONCE 4096

enum { OPEN = -1, POSITION = -2 };

struct matcher {
    lua_State *L;
    const char *subject, *end;
    ptrdiff_t steps, left; /* until the next look at the clock; after it */
    int depth, level;
    struct {
        const char *from;
        ptrdiff_t length; /* or OPEN, or POSITION */
    } capture[CAPTURES_MAX];
};

static const char *match_here(struct matcher *m, const char *s, const char *p);

/* ---- the budget ---- */

static void begin(struct matcher *m, lua_State *L, const char *subject, size_t n)
{
    m->L = L;
    m->subject = subject;
    m->end = subject + n;
    m->steps = 0;
    m->left = PATTERN_STEPS + PATTERN_STEPS_PER_BYTE * (ptrdiff_t)n;
    m->depth = m->level = 0;
}

static __attribute__((noinline, cold)) void more_steps(struct matcher *m)
{
    if (budget_over) budget_spent(m->L);
    if (m->left < 0) luaL_error(m->L, "pattern too complex: more than %d steps", PATTERN_STEPS);
    m->left += m->steps - STEPS_AT_ONCE;
    m->steps = STEPS_AT_ONCE;
}

static inline void spend(struct matcher *m, ptrdiff_t steps)
{
    m->steps -= steps;
    if (m->steps < 0) more_steps(m);
}

/* ---- singles ---- */

/* Where the single at p ends. */
static inline const char *single_end(struct matcher *m, const char *p)
{
    if (*p == '%') {
        if (!p[1]) luaL_error(m->L, "malformed pattern (ends with '%%')");
        return p + 2;
    }
    if (*p++ != '[') return p;
    if (*p == '^') p++;
    do { /* a ] that comes first is a member */
        if (!*p) luaL_error(m->L, "malformed pattern (missing ']')");
        if (*p++ == '%' && *p) p++;
    } while (*p != ']');
    return p + 1;
}

/* Of ASCII, whatever the locale. */
static inline bool is_between(int c, int from, int to)
{
    return (unsigned)(c - from) <= (unsigned)(to - from);
}

static inline bool is_letter(int c)
{
    return is_between(c | 32, 'a', 'z');
}

static inline bool in_class(int c, int class)
{
    bool is;
    switch (class | 32) {
    case 'a': is = is_letter(c); break;
    case 'c': is = c < 32 || c == 127; break;
    case 'd': is = is_between(c, '0', '9'); break;
    case 'g': is = is_between(c, 33, 126); break;
    case 'l': is = is_between(c, 'a', 'z'); break;
    case 'p': is = is_between(c, 33, 126) && !is_letter(c) && !is_between(c, '0', '9'); break;
    case 's': is = c == ' ' || is_between(c, 9, 13); break;
    case 'u': is = is_between(c, 'A', 'Z'); break;
    case 'w': is = is_letter(c) || is_between(c, '0', '9'); break;
    case 'x': is = is_between(c, '0', '9') || is_between(c | 32, 'a', 'f'); break;
    case 'z': is = c == 0; break;
    default: return c == class;
    }
    return is == is_between(class, 'a', 'z');
}

/* from is the [, to behind the ]. */
static bool in_set(int c, const char *from, const char *to)
{
    const unsigned char *p = (const unsigned char *)from + 1, *last = (const unsigned char *)to - 1;
    bool found = true;
    if (*p == '^') {
        found = false;
        p++;
    }
    for (; p < last; p++) {
        if (*p == '%') {
            if (in_class(c, *++p)) return found;
        } else if (p[1] == '-' && p + 2 < last) {
            if (p[0] <= c && c <= p[2]) return found;
            p += 2;
        } else if (*p == c) {
            return found;
        }
    }
    return !found;
}

static inline bool is_single(struct matcher *m, const char *s, const char *p, const char *p_end)
{
    spend(m, 1 + ((p_end - p) >> 3));
    if (s >= m->end) return false;
    int c = (unsigned char)*s;
    switch (*p) {
    case '.': return true;
    case '%': return in_class(c, (unsigned char)p[1]);
    case '[': return in_set(c, p, p_end);
    default: return (unsigned char)*p == c;
    }
}

/* ---- repetitions; p is behind the sign ---- */

static const char *most_first(struct matcher *m, const char *s, const char *single, const char *single_to)
{
    ptrdiff_t n = 0;
    while (is_single(m, s + n, single, single_to)) n++;
    for (; n >= 0; n--) {
        const char *end = match_here(m, s + n, single_to + 1);
        if (end) return end;
    }
    return NULL;
}

static const char *fewest_first(struct matcher *m, const char *s, const char *single, const char *single_to)
{
    for (;; s++) {
        const char *end = match_here(m, s, single_to + 1);
        if (end) return end;
        if (!is_single(m, s, single, single_to)) return NULL;
    }
}

/* ---- captures ---- */

static const char *open_capture(struct matcher *m, const char *s, const char *p, ptrdiff_t kind)
{
    if (m->level == CAPTURES_MAX) luaL_error(m->L, "too many captures");
    m->capture[m->level].from = s;
    m->capture[m->level].length = kind;
    m->level++;
    const char *end = match_here(m, s, p);
    if (!end) m->level--;
    return end;
}

static const char *close_capture(struct matcher *m, const char *s, const char *p)
{
    int i = m->level;
    while (--i >= 0 && m->capture[i].length != OPEN) {
    }
    if (i < 0) luaL_error(m->L, "invalid pattern capture");
    m->capture[i].length = s - m->capture[i].from;
    const char *end = match_here(m, s, p);
    if (!end) m->capture[i].length = OPEN;
    return end;
}

/* The end of the text that capture `digit` had, when it is there again at s. */
static const char *match_again(struct matcher *m, const char *s, int digit)
{
    int i = digit - '1';
    if (i < 0 || i >= m->level || m->capture[i].length == OPEN) luaL_error(m->L, "invalid capture index");
    size_t n = (size_t)m->capture[i].length;
    if ((size_t)(m->end - s) < n) return NULL;
    spend(m, (ptrdiff_t)(n >> 3));
    return memcmp(m->capture[i].from, s, n) == 0 ? s + n : NULL;
}

/* ---- %bxy and %f[set] ---- */

static const char *match_balanced(struct matcher *m, const char *s, const char *pair)
{
    ptrdiff_t open = 1;
    if (!pair[0] || !pair[1]) luaL_error(m->L, "unbalanced pattern");
    if (s >= m->end || *s != pair[0]) return NULL;
    while (++s < m->end) {
        spend(m, 1);
        if (*s == pair[1]) {
            if (--open == 0) return s + 1;
        } else if (*s == pair[0]) {
            open++;
        }
    }
    return NULL;
}

static bool is_frontier(struct matcher *m, const char *s, const char *set, const char *set_end)
{
    int before = s == m->subject ? 0 : (unsigned char)s[-1];
    spend(m, 1 + ((set_end - set) >> 2));
    return !in_set(before, set, set_end) && in_set((unsigned char)*s, set, set_end);
}

/* ---- items ---- */

/* %b, %f and %1: true when p was one of them; *s is NULL then, or where it ended, and *p is behind it. */
static bool match_special(struct matcher *m, const char **s, const char **p)
{
    int kind = (unsigned char)(*p)[1];
    if (kind == 'b') {
        *s = match_balanced(m, *s, *p + 2);
        *p += 4;
    } else if (kind == 'f') {
        const char *set = *p + 2;
        if (*set != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
        *p = single_end(m, set);
        if (!is_frontier(m, *s, set, *p)) *s = NULL;
    } else if (is_between(kind, '0', '9')) {
        *s = match_again(m, *s, kind);
        *p += 2;
    } else {
        return false;
    }
    return true;
}

static const char *match_items(struct matcher *m, const char *s, const char *p)
{
    for (;;) {
        spend(m, 1);
        if (!*p) return s;
        if (*p == '(') return p[1] == ')' ? open_capture(m, s, p + 2, POSITION) : open_capture(m, s, p + 1, OPEN);
        if (*p == ')') return close_capture(m, s, p + 1);
        if (*p == '$' && !p[1]) return s == m->end ? s : NULL;
        if (*p == '%' && match_special(m, &s, &p)) {
            if (!s) return NULL;
            continue;
        }
        const char *to = single_end(m, p);
        if (*to == '*') return most_first(m, s, p, to);
        if (*to == '-') return fewest_first(m, s, p, to);
        bool fits = is_single(m, s, p, to);
        if (*to == '+') return fits ? most_first(m, s + 1, p, to) : NULL;
        if (*to == '?') {
            const char *end = fits ? match_here(m, s + 1, to + 1) : NULL;
            if (end) return end;
            p = to + 1;
            continue;
        }
        if (!fits) return NULL;
        s++;
        p = to;
    }
}

static const char *match_here(struct matcher *m, const char *s, const char *p)
{
    if (++m->depth > DEPTH_MAX) luaL_error(m->L, "pattern too complex");
    const char *end = match_items(m, s, p);
    m->depth--;
    return end;
}

/* The first match at or after s; NULL: none. Its end is in *end. */
static const char *search(struct matcher *m, const char *s, const char *p, const char **end)
{
    bool anchored = *p == '^';
    for (p += anchored; s <= m->end; s++) {
        m->level = 0;
        if ((*end = match_here(m, s, p))) return s;
        if (anchored) break;
    }
    return NULL;
}

/* ---- results ---- */

/* Capture i, or all of the match for i == 0 when there is none. */
static void push_capture(struct matcher *m, int i, const char *s, const char *end)
{
    if (i >= m->level) {
        if (i != 0) luaL_error(m->L, "invalid capture index");
        lua_pushlstring(m->L, s, (size_t)(end - s));
        return;
    }
    ptrdiff_t length = m->capture[i].length;
    if (length == OPEN) luaL_error(m->L, "unfinished capture");
    if (length == POSITION)
        lua_pushinteger(m->L, m->capture[i].from - m->subject + 1);
    else
        lua_pushlstring(m->L, m->capture[i].from, (size_t)length);
}

static int push_captures(struct matcher *m, const char *s, const char *end)
{
    int n = m->level == 0 && s ? 1 : m->level;
    luaL_checkstack(m->L, n, "too many captures");
    for (int i = 0; i < n; i++) push_capture(m, i, s, end);
    return n;
}

static size_t start_of(lua_State *L, int arg, size_t n)
{
    lua_Integer at = luaL_optinteger(L, arg, 1);
    if (at < 0) at += (lua_Integer)n + 1;
    if (at < 1) at = 1;
    return (size_t)at - 1 < n ? (size_t)at - 1 : n;
}

static bool is_pattern(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] && strchr("^$*+?.([%-", p[i])) return true;
    return false;
}

static int l_find(lua_State *L)
{
    size_t n, p_n;
    const char *s = luaL_checklstring(L, 1, &n), *p = luaL_checklstring(L, 2, &p_n), *end, *at;
    size_t start = start_of(L, 3, n);
    if (lua_toboolean(L, 4) || !is_pattern(p, p_n)) {
        at = memmem(s + start, n - start, p, p_n);
        if (!at) return lua_pushnil(L), 1;
        lua_pushinteger(L, at - s + 1);
        lua_pushinteger(L, at - s + (lua_Integer)p_n);
        return 2;
    }
    struct matcher m;
    begin(&m, L, s, n);
    at = search(&m, s + start, p, &end);
    if (!at) return lua_pushnil(L), 1;
    lua_pushinteger(L, at - s + 1);
    lua_pushinteger(L, end - s);
    return 2 + push_captures(&m, NULL, NULL);
}

static int l_match(lua_State *L)
{
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n), *p = luaL_checkstring(L, 2), *end;
    struct matcher m;
    begin(&m, L, s, n);
    const char *at = search(&m, s + start_of(L, 3, n), p, &end);
    if (!at) return lua_pushnil(L), 1;
    return push_captures(&m, at, end);
}

/* The iterator: its upvalues are subject, pattern and where to go on. */
static int l_gmatch_next(lua_State *L)
{
    size_t n;
    const char *s = lua_tolstring(L, lua_upvalueindex(1), &n), *p = lua_tostring(L, lua_upvalueindex(2)), *end;
    struct matcher m;
    begin(&m, L, s, n);
    for (const char *at = s + (size_t)lua_tointeger(L, lua_upvalueindex(3)); at <= m.end; at++) {
        m.level = 0;
        if (!(end = match_here(&m, at, p))) continue;
        lua_pushinteger(L, end - s + (end == at));
        lua_replace(L, lua_upvalueindex(3));
        return push_captures(&m, at, end);
    }
    return 0;
}

static int l_gmatch(lua_State *L)
{
    luaL_checkstring(L, 1);
    luaL_checkstring(L, 2);
    lua_settop(L, 2);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, l_gmatch_next, 3);
    return 1;
}

/* ---- gsub: the replacement is argument 3 ---- */

static void add_text(struct matcher *m, luaL_Buffer *out, const char *s, const char *end)
{
    size_t n;
    const char *text = lua_tolstring(m->L, 3, &n);
    for (size_t i = 0; i < n; i++) {
        if (text[i] != '%') {
            luaL_addchar(out, text[i]);
        } else if (!is_between((unsigned char)text[++i], '0', '9')) {
            luaL_addchar(out, text[i]);
        } else if (text[i] == '0') {
            luaL_addlstring(out, s, (size_t)(end - s));
        } else {
            push_capture(m, text[i] - '1', s, end);
            luaL_addvalue(out);
        }
    }
    spend(m, (ptrdiff_t)(n >> 3));
}

static void add_value(struct matcher *m, luaL_Buffer *out, const char *s, const char *end)
{
    lua_State *L = m->L;
    int type = lua_type(L, 3);
    if (type == LUA_TSTRING || type == LUA_TNUMBER) {
        add_text(m, out, s, end);
        return;
    }
    budget_depth(L);
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        int n = push_captures(m, s, end);
        lua_call(L, n, 1);
        spend(m, 16);
    } else {
        push_capture(m, 0, s, end);
        lua_gettable(L, 3);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        lua_pushlstring(L, s, (size_t)(end - s));
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
    luaL_addvalue(out);
}

static int l_gsub(lua_State *L)
{
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n), *p = luaL_checkstring(L, 2);
    int type = lua_type(L, 3);
    luaL_argcheck(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
                  "string/function/table expected");
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)n + 1), count = 0;
    bool anchored = *p == '^';
    struct matcher m;
    luaL_Buffer out;
    begin(&m, L, s, n);
    luaL_buffinit(L, &out);
    p += anchored;
    while (count < most) {
        m.level = 0;
        const char *end = match_here(&m, s, p);
        if (end) {
            count++;
            add_value(&m, &out, s, end);
        }
        if (end && end > s)
            s = end;
        else if (s < m.end)
            luaL_addchar(&out, *s++);
        else
            break;
        if (anchored) break;
    }
    luaL_addlstring(&out, s, (size_t)(m.end - s));
    luaL_pushresult(&out);
    lua_pushinteger(L, count);
    return 2;
}

void pattern_install(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"find", l_find}, {"match", l_match}, {"gmatch", l_gmatch}, {"gsub", l_gsub}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
