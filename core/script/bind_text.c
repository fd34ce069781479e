/* bind_text.c: gifd.text. Everything here takes time linear in its text. */
#include "script/border.h"
#include "script/gen.h"
#include "script/letter.h"
#include "script/unmask.h"
#include "script/words.h"

#define KIND "gifd.matcher"
#define FIND_MAX 1000         /* occurrences given back */
#define FIND_UNMASKED_MAX 250 /* the same of disguised texts, whose words have several readings */

/* An empty gen->out to write a text into; push_out makes it a string. Nothing leaks when Lua throws. */
static struct buf *out_of(lua_State *L)
{
    struct gen *g = gen_of(L);
    buf_reset(&g->out);
    return &g->out;
}

static int push_out(lua_State *L, struct buf *b, int rc)
{
    if (rc < 0) border_throw(L, "the text is longer than %d MiB", (int)(b->max >> 20));
    push_slice(L, buf_slice(b));
    if (b->cap > 1 << 20) buf_free(b);
    return 1;
}

/* What a byte becomes; NULL: it stays. Control characters cannot stand in HTML, not even as references: U+FFFD. */
#define NO_CHAR "\xef\xbf\xbd"
static const char *const html[256] = {
    [0 ... 8] = NO_CHAR, [11 ... 12] = NO_CHAR, [14 ... 31] = NO_CHAR, [127] = NO_CHAR,  ['&'] = "&amp;",
    ['<'] = "&lt;",      ['>'] = "&gt;",        ['"'] = "&quot;",      ['\''] = "&#39;", ['`'] = "&#96;",
};

static int l_escape_html(lua_State *L)
{
    struct slice s = border_string(L, 1, "text");
    size_t at = 0;
    while (at < s.n && !html[(unsigned char)s.p[at]]) at++;
    if (at == s.n) {
        lua_pushvalue(L, 1);
        return 1;
    }
    struct buf *b = out_of(L);
    int rc = 0;
    for (size_t from = 0; from < s.n && rc == 0; from = ++at) {
        while (at < s.n && !html[(unsigned char)s.p[at]]) at++;
        rc = buf_append(b, s.p + from, at - from, NULL);
        if (rc == 0 && at < s.n) rc = buf_puts(b, html[(unsigned char)s.p[at]], NULL);
    }
    return push_out(L, b, rc);
}

static int l_uri(lua_State *L)
{
    static const char hex[] = "0123456789ABCDEF";
    struct slice s = border_string(L, 1, "text");
    struct buf *b = out_of(L);
    int rc = 0;
    for (size_t i = 0; i < s.n && rc == 0; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '.' ||
                     c == '_' || c == '~';
        char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
        rc = plain ? buf_append(b, s.p + i, 1, NULL) : buf_append(b, escape, 3, NULL);
    }
    return push_out(L, b, rc);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static int l_unuri(lua_State *L)
{
    struct slice s = border_string(L, 1, "text");
    struct buf *b = out_of(L);
    int rc = 0;
    for (size_t i = 0; i < s.n && rc == 0; i++) {
        char c = s.p[i];
        if (c == '%') {
            int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1, low = high < 0 ? -1 : hex_digit(s.p[i + 2]);
            if (low < 0) return push_fault(L, GIFD_EINVALID, "a %% without two hexadecimal digits");
            c = (char)(high << 4 | low);
            i += 2;
        }
        rc = buf_append(b, &c, 1, NULL);
    }
    return push_out(L, b, rc);
}

static int l_fold(lua_State *L)
{
    struct slice s = border_string(L, 1, "text");
    struct buf *b = out_of(L);
    int rc = 0;
    for (size_t at = 0; at < s.n && rc == 0;) {
        char bytes[4];
        size_t from = at;
        uint32_t c = letter_next(s, &at);
        rc = c == LETTER_BAD ? buf_append(b, s.p + from, 1, NULL)
                             : buf_append(b, bytes, letter_put(letter_fold(c), bytes), NULL);
    }
    return push_out(L, b, rc);
}

static int l_valid_utf8(lua_State *L)
{
    struct slice s = border_string(L, 1, "text");
    bool valid = true;
    for (size_t at = 0; at < s.n && valid;) valid = letter_next(s, &at) != LETTER_BAD;
    lua_pushboolean(L, valid);
    return 1;
}

static int l_length(lua_State *L)
{
    struct slice s = border_string(L, 1, "text");
    size_t n = 0;
    for (size_t at = 0; at < s.n; n++) letter_next(s, &at);
    lua_pushnumber(L, (lua_Number)n);
    return 1;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int l_trim(lua_State *L)
{
    struct slice s = border_string(L, 1, "text");
    while (s.n && is_space(s.p[0])) s.p++, s.n--;
    while (s.n && is_space(s.p[s.n - 1])) s.n--;
    push_slice(L, s);
    return 1;
}

/* ---- words ---- */

struct matcher {
    struct words *w;
    bool unmasks; /* list and texts are read as unmask.h says */
};

static int matcher_gc(lua_State *L)
{
    struct matcher *m = lua_touserdata(L, 1);
    words_free(m->w);
    m->w = NULL;
    return 0;
}

struct finding {
    lua_State *L;
    int list, n;
    const struct unmasked *read;
};

static bool add_find(void *arg, uint32_t number, size_t from, size_t to)
{
    struct finding *f = arg;
    lua_State *L = f->L;
    if (f->read) unmask_place(f->read, &from, &to);
    lua_createtable(L, 0, 3);
    lua_rawgeti(L, f->list, (int)number);
    lua_setfield(L, -2, "word");
    lua_pushnumber(L, (lua_Number)from + 1);
    lua_setfield(L, -2, "from");
    lua_pushnumber(L, (lua_Number)to);
    lua_setfield(L, -2, "to");
    lua_rawseti(L, -2, ++f->n);
    return f->n < (f->read ? FIND_UNMASKED_MAX : FIND_MAX);
}

static int unmasked_gc(lua_State *L)
{
    unmask_free(lua_touserdata(L, 1));
    return 0;
}

/* A text as it is read, which goes with its userdata, whatever Lua throws meanwhile; it stays on the stack. */
static struct unmasked *push_unmasked(lua_State *L, struct slice text, bool alone)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    struct err e = {0};
    struct unmasked *read = border_udata_new(L, sizeof *read, "gifd.unmasked", unmasked_gc, none);
    if (unmask(text, alone, read, &e) < 0) luaL_error(L, "%s", e.text);
    return read;
}

static int find_unmasked(lua_State *L, const struct words *w, struct slice text, struct finding *f)
{
    struct unmasked *read = push_unmasked(L, text, false);
    f->read = read;
    lua_insert(L, 4);
    words_find(w, buf_slice(&read->plain), add_find, f);
    unmask_free(read);
    lua_settop(L, 5);
    return 1;
}

static int matcher_find(lua_State *L)
{
    struct matcher *m = border_udata(L, 1, "matcher", KIND);
    struct slice text = border_string(L, 2, "text");
    lua_settop(L, 2);
    lua_getfenv(L, 1);
    lua_newtable(L);
    struct finding f = {L, 3, 0, NULL};
    if (!m->w) return 1;
    if (!m->unmasks) {
        words_find(m->w, text, add_find, &f);
        return 1;
    }
    return find_unmasked(L, m->w, text, &f);
}

static int add_entry(lua_State *L, struct matcher *m, struct slice s, uint32_t number, struct err *e)
{
    if (!m->unmasks) return words_add(m->w, s, number, e);
    struct unmasked *read = push_unmasked(L, s, true);
    int rc = 0;
    while (read->plain.n && read->plain.p[read->plain.n - 1] == ' ') read->plain.n--;
    if (s.n && s.p[s.n - 1] == '*') rc = buf_puts(&read->plain, "*", e);
    if (rc == 0) rc = words_add(m->w, buf_slice(&read->plain), number, e);
    unmask_free(read);
    lua_pop(L, 1);
    return rc;
}

static int l_words(lua_State *L)
{
    static const luaL_Reg methods[] = {{"find", matcher_find}, {NULL, NULL}};
    struct err e = {0};
    border_table(L, 1, "list");
    lua_settop(L, 2);
    bool unmasks = lua_toboolean(L, 2);
    lua_settop(L, 1);
    size_t count = lua_objlen(L, 1);
    if (count > WORDS_ENTRIES_MAX) border_argument(L, 1, "list", "has more than %d entries", WORDS_ENTRIES_MAX);
    struct matcher *m = border_udata_new(L, sizeof *m, KIND, matcher_gc, methods);
    m->unmasks = unmasks;
    m->w = words_new();
    if (!m->w) luaL_error(L, "not enough memory");
    lua_createtable(L, (int)count, 0);
    for (size_t i = 1; i <= count; i++) {
        struct slice s;
        lua_rawgeti(L, 1, (int)i);
        if (lua_type(L, -1) != LUA_TSTRING) border_argument(L, 1, "list", "entry %d is no text", (int)i);
        s.p = lua_tolstring(L, -1, &s.n);
        if (add_entry(L, m, s, (uint32_t)i, &e) < 0) border_argument(L, 1, "list", "entry %d: %s", (int)i, e.text);
        lua_rawseti(L, -2, (int)i);
    }
    if (words_seal(m->w, &e) < 0) luaL_error(L, "not enough memory");
    lua_setfenv(L, -2);
    return 1;
}

const struct binding bind_text[] = {
    {"gifd.text.escape_html", l_escape_html, CTX_ANY,
     "escape_html(text: string) -> text: string -- inert between tags and in quoted attributes"},
    {"gifd.text.uri", l_uri, CTX_ANY,
     "uri(text: string) -> text: string -- all but unreserved characters percent-encoded"},
    {"gifd.text.unuri", l_unuri, CTX_ANY, "unuri(text: string) -> text: string | nil, err -- what uri was given"},
    {"gifd.text.words", l_words, CTX_ANY,
     "words(list: string[], unmask?: boolean) -> matcher: gifd.Matcher -- whole words and phrases, case ignored, in "
     "time "
     "linear in the text; word*: whatever begins so; unmask: also what is hidden by accents, look-alikes, leetspeak, "
     "separators or repeated letters"},
    {"gifd.text.fold", l_fold, CTX_ANY, "fold(text: string) -> text: string -- in lower case"},
    {"gifd.text.valid_utf8", l_valid_utf8, CTX_ANY, "valid_utf8(text: string) -> boolean -- is it UTF-8?"},
    {"gifd.text.length", l_length, CTX_ANY, "length(text: string) -> points: integer -- code points"},
    {"gifd.text.trim", l_trim, CTX_ANY, "trim(text: string) -> text: string -- without white space at its ends"},
    {"gifd.Matcher.find", NULL, CTX_ANY,
     "matcher:find(text: string) -> hits: {word: string, from: integer, to: integer}[] -- each occurrence, in order "
     "of their ends"},
    {NULL, NULL, 0, NULL},
};
