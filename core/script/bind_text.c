/* bind_text.c: gifd.text. Everything here takes time linear in its text. */
#include "script/border.h"
#include "script/gen.h"
#include "script/letter.h"
#include "script/unmask.h"
#include "script/words.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define KIND "gifd.matcher"
#define FIND_MAX 1000           /* occurrences given back */
#define FIND_UNMASKED_MAX 250   /* the same of disguised texts, whose words have several readings */
#define EXCEPTED_MAX (1u << 16) /* places of what is excepted */

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

struct use { /* of one entry, in the search that has this stamp */
    uint32_t stamp, hits;
};

struct matcher {
    struct words *w;
    bool unmasks;     /* list and texts are read as unmask.h says */
    struct use *uses; /* of each entry, once a search counts them */
    uint32_t entries, stamp;
};

static int matcher_gc(lua_State *L)
{
    struct matcher *m = lua_touserdata(L, 1);
    words_free(m->w);
    free(m->uses);
    m->w = NULL;
    m->uses = NULL;
    return 0;
}

struct hit { /* bytes from..to of the text: the first, and past the last */
    uint32_t number, from, to;
};

/* One text: all of it happens before Lua hears of it, so that nothing is owned when Lua throws. */
struct search {
    struct matcher *m;
    const struct matcher *except; /* or NULL */
    struct slice text;            /* as it is matched */
    struct unmasked read;         /* of it, where m->unmasks */
    struct hit *spans; /* what `except` found, by their beginnings; `to` is the furthest end of all up to there */
    uint32_t span_count, span_cap;
    bool spanned;
    uint32_t each, most, count;
    struct hit hits[FIND_MAX]; /* 12 KiB, of which most is never touched: not cleared */
};

static struct hit placed(const struct search *s, uint32_t number, size_t from, size_t to)
{
    if (s->m->unmasks) unmask_place(&s->read, &from, &to);
    return (struct hit){number, (uint32_t)from, (uint32_t)to};
}

static bool add_span(void *arg, uint32_t number, size_t from, size_t to)
{
    struct search *s = arg;
    if (s->span_count == s->span_cap) {
        uint32_t next = s->span_cap ? s->span_cap * 2 : 64;
        struct hit *p = next > EXCEPTED_MAX ? NULL : realloc(s->spans, next * sizeof *p);
        if (!p) return false; /* what was not seen excuses nothing */
        s->spans = p;
        s->span_cap = next;
    }
    s->spans[s->span_count++] = placed(s, number, from, to);
    return true;
}

static int by_beginning(const void *a, const void *b)
{
    const struct hit *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

static void find_spans(struct search *s)
{
    s->spanned = true;
    words_find(s->except->w, s->text, add_span, s);
    if (s->span_count) qsort(s->spans, s->span_count, sizeof *s->spans, by_beginning);
    for (uint32_t i = 1; i < s->span_count; i++)
        if (s->spans[i].to < s->spans[i - 1].to) s->spans[i].to = s->spans[i - 1].to;
}

static bool excepted(struct search *s, const struct hit *h)
{
    if (!s->except || !s->except->w) return false;
    if (!s->spanned) find_spans(s);
    uint32_t low = 0, high = s->span_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->spans[middle].from <= h->from)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && s->spans[low - 1].to >= h->to;
}

/* Has this entry been told often enough, or here already? */
static bool told(struct search *s, const struct hit *h)
{
    struct use *use = &s->m->uses[h->number - 1];
    if (use->stamp != s->m->stamp) *use = (struct use){s->m->stamp, 0};
    if (use->hits >= s->each) return true;
    for (uint32_t i = 0, of_it = 0; of_it < use->hits; i++) {
        if (s->hits[i].number != h->number) continue;
        if (s->hits[i].from == h->from) return true;
        of_it++;
    }
    return false;
}

static bool add_hit(void *arg, uint32_t number, size_t from, size_t to)
{
    struct search *s = arg;
    if (s->each && s->m->uses[number - 1].stamp == s->m->stamp && s->m->uses[number - 1].hits >= s->each) return true;
    struct hit h = placed(s, number, from, to);
    if ((s->each && told(s, &h)) || excepted(s, &h)) return true;
    if (s->each) s->m->uses[number - 1].hits++;
    s->hits[s->count++] = h;
    return s->count < s->most;
}

static int run_search(struct search *s, struct slice text, struct err *e)
{
    struct matcher *m = s->m;
    if (s->each && !m->uses && !(m->uses = calloc(m->entries + 1, sizeof *m->uses)))
        return err_set(e, GIFD_ENOMEM, "words");
    if (s->each && ++m->stamp == 0) memset(m->uses, 0, m->entries * sizeof *m->uses), m->stamp = 1;
    int rc = m->unmasks ? unmask(text, false, &s->read, e) : GIFD_OK;
    s->text = m->unmasks ? buf_slice(&s->read.plain) : text;
    if (rc == GIFD_OK) words_find(m->w, s->text, add_hit, s);
    if (m->unmasks) unmask_free(&s->read);
    free(s->spans);
    return rc;
}

static void search_options(lua_State *L, struct search *s)
{
    if (lua_isnoneornil(L, 3)) return;
    border_table(L, 3, "options");
    lua_getfield(L, 3, "each");
    if (!lua_isnil(L, -1)) s->each = (uint32_t)border_integer(L, -1, "each", 1, FIND_MAX);
    lua_getfield(L, 3, "except");
    if (!lua_isnil(L, -1)) s->except = border_udata(L, -1, "except", KIND);
    if (s->except && s->except->unmasks != s->m->unmasks)
        border_argument(L, 3, "options", "except reads texts in another way");
}

static int matcher_find(lua_State *L)
{
    struct err e = {0};
    struct search s;
    struct matcher *m = border_udata(L, 1, "matcher", KIND);
    struct slice text = border_string(L, 2, "text");
    memset(&s, 0, offsetof(struct search, hits));
    s.m = m;
    s.most = m->unmasks ? FIND_UNMASKED_MAX : FIND_MAX;
    search_options(L, &s);
    if (m->w && run_search(&s, text, &e) < 0) luaL_error(L, "%s", e.text);
    lua_settop(L, 2);
    lua_getfenv(L, 1);
    lua_createtable(L, (int)s.count, 0);
    for (uint32_t i = 0; i < s.count; i++) {
        lua_createtable(L, 0, 3);
        lua_rawgeti(L, 3, (int)s.hits[i].number);
        lua_setfield(L, -2, "word");
        lua_pushnumber(L, (lua_Number)s.hits[i].from + 1);
        lua_setfield(L, -2, "from");
        lua_pushnumber(L, (lua_Number)s.hits[i].to);
        lua_setfield(L, -2, "to");
        lua_rawseti(L, 4, (int)i + 1);
    }
    return 1;
}

static int unmasked_gc(lua_State *L)
{
    unmask_free(lua_touserdata(L, 1));
    return 0;
}

/* A text as it is read, which goes with its userdata, whatever Lua throws meanwhile; it stays on the stack. */
static struct unmasked *push_unmasked(lua_State *L, struct slice text)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    struct err e = {0};
    struct unmasked *read = border_udata_new(L, sizeof *read, "gifd.unmasked", unmasked_gc, none);
    if (unmask(text, true, read, &e) < 0) luaL_error(L, "%s", e.text);
    return read;
}

static int add_entry(lua_State *L, struct matcher *m, struct slice s, uint32_t number, struct err *e)
{
    if (!m->unmasks) return words_add(m->w, s, number, e);
    struct unmasked *read = push_unmasked(L, s);
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
    m->entries = (uint32_t)count;
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
     "matcher:find(text: string, options?: {each?: integer, except?: gifd.Matcher}) -> hits: {word: string, from: "
     "integer, to: integer}[] -- each occurrence, in order of their ends; each: so many different places of an entry "
     "at most; except: not what lies within a hit of that one"},
    {NULL, NULL, 0, NULL},
};
