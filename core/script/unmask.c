/* unmask.c: see unmask.h. Words are gathered letter by letter; a chunk is what stands between white space, a spelling
 * is words of one letter with the same bytes between them. */
#include "script/unmask.h"
#include "script/letter.h"

#include <stdlib.h>
#include <string.h>

#define WORD_MAX 96        /* bytes of a word; longer ones are in no list */
#define BARRIER " \ue000 " /* a word that is in no list */

struct word {
    uint32_t n, bare_n, from, to, letters, points;
    bool plain;          /* ASCII only */
    char raw[WORD_MAX];  /* read as Latin where it looks so; digits and signs as they are */
    char bare[WORD_MAX]; /* letters with their case, for capitals inside; ASCII only */
};

static void begin(struct word *w, size_t from) /* the letters need no clearing */
{
    w->n = w->bare_n = w->letters = w->points = 0;
    w->from = (uint32_t)from;
    w->plain = true;
}

struct unmasking {
    struct slice text;
    struct unmasked *out;
    struct buf further; /* readings that come behind the text */
    struct reading *later;
    uint32_t later_count, later_cap;
    struct word word, chunk, spelling;
    uint32_t chunk_words, spelling_words, gap_from, gap_n; /* the bytes between the letters of the spelling */
    uint32_t before_gap;
    bool inside, alone;
    int rc;
    struct err *e;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}
static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static bool is_sign(uint32_t c)
{
    return c == '!' || c == '|';
}

/* ---- writing ---- */

static void note(struct unmasking *u, struct reading **list, uint32_t *count, uint32_t *cap, struct reading r)
{
    if (*count == *cap) {
        uint32_t next = *cap ? *cap * 2 : 64;
        struct reading *p = realloc(*list, next * sizeof *p);
        if (!p) {
            u->rc = err_set(u->e, GIFD_ENOMEM, "a text to be judged");
            return;
        }
        *list = p;
        *cap = next;
    }
    (*list)[(*count)++] = r;
}

static void put(struct unmasking *u, struct buf *b, const char *p, size_t n)
{
    if (u->rc == 0) u->rc = buf_append(b, p, n, u->e);
}

static void put_word(struct unmasking *u, const char *p, size_t n, const struct word *w, bool later)
{
    struct buf *b = later ? &u->further : &u->out->plain;
    struct reading r = {(uint32_t)b->n, w->from, w->to};
    if (later)
        note(u, &u->later, &u->later_count, &u->later_cap, r);
    else
        note(u, &u->out->readings, &u->out->count, &u->out->cap, r);
    put(u, b, p, n);
    if (later)
        put(u, b, BARRIER, sizeof BARRIER - 1);
    else
        put(u, b, " ", 1);
}

/* Digits and signs as letters, where letters are among them; one: what 1, ! and | are. */
static size_t read_leet(const struct word *w, size_t n, char one, char *out)
{
    static const char read[128] = {['0'] = 'o', ['3'] = 'e', ['4'] = 'a', ['5'] = 's', ['7'] = 't',
                                   ['8'] = 'b', ['9'] = 'g', ['@'] = 'a', ['$'] = 's'};
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)w->raw[i];
        bool is_one = c == '1' || c == '!' || c == '|';
        out[i] = (char)(!w->letters          ? c
                        : is_one             ? (unsigned char)one
                        : c < 128 && read[c] ? (unsigned char)read[c]
                                             : c);
    }
    return n;
}

static size_t squeeze(const char *p, size_t n, size_t most, char *out)
{
    size_t run = 0, k = 0;
    for (size_t i = 0; i < n; i++) {
        run = i > 0 && p[i] == p[i - 1] ? run + 1 : 1;
        if (run <= most) out[k++] = p[i];
    }
    return k;
}

static void put_repeated(struct unmasking *u, const char *p, size_t n, const struct word *w)
{
    char out[WORD_MAX];
    for (size_t i = 2; i < n; i++) {
        if (p[i] != p[i - 1] || p[i] != p[i - 2] || (unsigned char)p[i] >= 0x80) continue;
        put_word(u, out, squeeze(p, n, 1, out), w, true);
        put_word(u, out, squeeze(p, n, 2, out), w, true);
        return;
    }
}

static void put_capitals(struct unmasking *u, const struct word *w)
{
    char part[WORD_MAX];
    size_t n = 0, parts = 0;
    if (!w->plain) return;
    for (size_t i = 0; i <= w->bare_n; i++) {
        bool ends = i == w->bare_n || (i > 0 && is_upper(w->bare[i]) && is_lower(w->bare[i - 1]));
        if (ends && (parts || i < w->bare_n)) {
            if (n >= 3) put_word(u, part, n, w, true);
            parts++;
            n = 0;
        }
        if (i < w->bare_n) part[n++] = (char)(is_upper(w->bare[i]) ? w->bare[i] + 32 : w->bare[i]);
    }
}

static bool has_one(const struct word *w)
{
    for (uint32_t i = 0; i < w->n; i++)
        if (w->raw[i] == '1' || w->raw[i] == '!' || w->raw[i] == '|') return true;
    return false;
}

/* All ways to read one word; first: where it stands in the text, too. */
static void put_readings(struct unmasking *u, const struct word *w, bool first)
{
    char out[WORD_MAX];
    size_t n = read_leet(w, w->n, 'i', out), letters = w->n;
    put_word(u, out, n, w, !first);
    if (u->alone || w->n < 3) return;
    put_repeated(u, out, n, w);
    if (w->letters && has_one(w)) {
        read_leet(w, w->n, 'l', out);
        put_word(u, out, n, w, true);
    }
    while (letters && is_digit(w->raw[letters - 1])) letters--;
    if (letters >= 3 && letters < w->n) put_word(u, out, read_leet(w, letters, 'i', out), w, true);
    if (first) put_capitals(u, w);
}

/* ---- what belongs together ---- */

static void append(struct word *to, const struct word *w, bool first)
{
    if (first) begin(to, w->from);
    to->to = w->to;
    to->letters += w->letters;
    if (to->n + w->n >= WORD_MAX)
        to->n = WORD_MAX; /* too long to be a word */
    else
        memcpy(to->raw + to->n, w->raw, w->n), to->n += w->n;
}

static bool is_word(const struct word *w)
{
    return w->n > 0 && w->n < WORD_MAX;
}

static void end_chunk(struct unmasking *u)
{
    if (u->chunk_words > 1 && is_word(&u->chunk)) put_readings(u, &u->chunk, false);
    u->chunk_words = 0;
}

static void end_spelling(struct unmasking *u)
{
    if (u->spelling_words > 2 && is_word(&u->spelling)) {
        put_readings(u, &u->spelling, false);
        char first = u->spelling.raw[0];
        if (u->spelling_words > 3 && (first == 'a' || first == 'i')) { /* I s p e l l */
            struct word rest = u->spelling;
            memmove(rest.raw, rest.raw + 1, --rest.n);
            put_readings(u, &rest, false);
        }
    }
    u->spelling_words = 0;
}

static void join_spelling(struct unmasking *u, const struct word *w)
{
    uint32_t gap = u->before_gap, gap_n = w->from - gap;
    bool goes_on = u->spelling_words == 1 || (u->spelling_words > 1 && gap_n == u->gap_n &&
                                              !memcmp(u->text.p + gap, u->text.p + u->gap_from, gap_n));
    if (u->spelling_words && (w->points != 1 || !goes_on)) end_spelling(u);
    if (w->points == 1) {
        append(&u->spelling, w, u->spelling_words == 0);
        if (++u->spelling_words == 2) u->gap_from = gap, u->gap_n = gap_n;
    }
}

static void end_word(struct unmasking *u)
{
    if (!u->inside) return;
    u->inside = false;
    struct word *w = &u->word;
    if (w->n == WORD_MAX)
        put_word(u, BARRIER, sizeof BARRIER - 1, w, false);
    else
        put_readings(u, w, true);
    if (!u->alone) {
        append(&u->chunk, w, u->chunk_words == 0);
        u->chunk_words++;
        join_spelling(u, w);
    }
    u->before_gap = w->to;
}

/* ---- reading ---- */

static bool is_invisible(uint32_t c)
{
    return c == 0xAD || c == 0x34F || c == 0x61C || c == 0x180E || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x2069) || c == 0xFEFF ||
           (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0x300 && c <= 0x36F) || (c >= 0x483 && c <= 0x489) ||
           (c >= 0x20D0 && c <= 0x20F0) || (c >= 0xE0000 && c <= 0xE0FFF);
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x3000 ||
           c == 0x2028 || c == 0x2029;
}

static void add_letter(struct unmasking *u, uint32_t c, size_t from, size_t to)
{
    struct word *w = &u->word;
    if (!u->inside) begin(w, from);
    u->inside = true;
    w->to = (uint32_t)to;
    w->points++;
    char bytes[4];
    const char *read = c == '+' ? "plus" : c < 0x80 ? NULL : lookalike(c);
    size_t n = read ? strlen(read) : letter_put(letter_fold(c), bytes);
    if (!read) read = bytes;
    if (w->n + n >= WORD_MAX) {
        w->n = WORD_MAX;
        return;
    }
    memcpy(w->raw + w->n, read, n);
    w->n += (uint32_t)n;
    for (size_t i = 0; i < n; i++) w->letters += (unsigned char)read[i] >= 0x80 || is_lower(read[i]);
    if (c < 0x80)
        w->bare[w->bare_n++] = (char)c;
    else
        w->plain = false;
}

/* A sign that stands for a letter: before or inside a word, and "18+". */
static bool joins(struct unmasking *u, uint32_t c, size_t after)
{
    uint32_t next = after < u->text.n ? (unsigned char)u->text.p[after] : ' ';
    bool before_word = next >= 0x80 || (letter_is_word(next) && !is_digit((char)next)) || next == '@' || next == '$';
    if (c == '+') return u->inside && is_digit(u->word.raw[u->word.n ? u->word.n - 1 : 0]) && !letter_is_word(next);
    if (c == '$') return before_word || u->inside;
    if (c == '@') return before_word;
    return is_sign(c) && u->inside && before_word;
}

static void read_text(struct unmasking *u)
{
    for (size_t at = 0; at < u->text.n && u->rc == 0;) {
        size_t from = at;
        uint32_t c = letter_next(u->text, &at);
        if (c >= 0x80 && is_invisible(c)) continue;
        bool letter = c < 0x80 ? letter_is_word(c) || joins(u, c, at) : letter_is_word(c) || lookalike(c) != NULL;
        if (letter) {
            add_letter(u, c, from, at);
            continue;
        }
        end_word(u);
        if (is_space(c)) end_chunk(u);
    }
    end_word(u);
    end_chunk(u);
    end_spelling(u);
}

int unmask(struct slice text, bool alone, struct unmasked *out, struct err *e)
{
    *out = (struct unmasked){0};
    struct unmasking u = {.text = text, .out = out, .alone = alone, .e = e};
    if (text.n > UNMASK_MAX) u.text.n = UNMASK_MAX;
    buf_init(&out->plain, 256u << 20);
    buf_init(&u.further, 128u << 20);
    read_text(&u);
    if (u.further.n) {
        put(&u, &out->plain, BARRIER, sizeof BARRIER - 1);
        for (uint32_t i = 0, base = (uint32_t)out->plain.n; i < u.later_count && u.rc == 0; i++) {
            u.later[i].at += base;
            note(&u, &out->readings, &out->count, &out->cap, u.later[i]);
        }
        put(&u, &out->plain, u.further.p, u.further.n);
    }
    buf_free(&u.further);
    free(u.later);
    return u.rc;
}

void unmask_free(struct unmasked *u)
{
    buf_free(&u->plain);
    free(u->readings);
    *u = (struct unmasked){0};
}

static const struct reading *reading_at(const struct unmasked *u, size_t at)
{
    uint32_t low = 0, high = u->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (u->readings[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    return &u->readings[low];
}

void unmask_place(const struct unmasked *u, size_t *from, size_t *to)
{
    if (u->count == 0) return;
    *from = reading_at(u, *from)->from;
    *to = reading_at(u, *to - 1)->to;
}
