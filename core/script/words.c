/* words.c: see words.h. */
#include "script/words.h"
#include "script/letter.h"

#include <stdlib.h>

#define NODES_MAX (1u << 20)
#define NO_ENTRY UINT32_MAX
#define NO_WORD UINT32_MAX

struct spelling {   /* a word of the list, in the order of their numbers */
    uint32_t at, n; /* in letters */
};

struct node {
    uint32_t fail, report; /* report: the next suffix that is an entry; 0 for none */
    uint32_t entry, depth;
    uint32_t parent, word; /* the edge that leads here */
};

struct table { /* open addressing; slots hold number + 1 */
    uint32_t *slots;
    uint32_t cap, used;
};

struct words {
    char *letters;
    uint32_t letters_n, letters_cap;
    struct spelling *spellings;
    uint32_t spelling_count, spelling_cap;
    struct table by_letters, by_edge;
    bool stem_lengths[WORDS_LETTERS_MAX + 1], stem_heads[1024]; /* of the entries that end in a star */
    struct node *nodes;
    uint32_t node_count, node_cap;
};

static uint32_t mix(uint64_t v)
{
    v ^= v >> 33;
    v *= 0xff51afd7ed558ccdull;
    v ^= v >> 29;
    return (uint32_t)v;
}

#define HASH_BEGIN 1469598103934665603ull

static uint64_t hash_add(uint64_t h, char c)
{
    return (h ^ (unsigned char)c) * 1099511628211ull;
}

static uint32_t hash_letters(struct slice s)
{
    uint64_t h = HASH_BEGIN;
    for (size_t i = 0; i < s.n; i++) h = hash_add(h, s.p[i]);
    return mix(h);
}

static uint32_t stem_head(const char *p) /* of the first letters, so that most words need no look further */
{
    return ((unsigned char)p[0] * 961u + (unsigned char)p[1] * 31u + (unsigned char)p[2]) & 1023;
}

static uint32_t hash_edge(uint32_t parent, uint32_t word)
{
    return mix((uint64_t)parent << 32 | word);
}

/* ---- growing ---- */

static bool grow(void **p, uint32_t *cap, uint32_t need, size_t size)
{
    if (need <= *cap) return true;
    uint32_t next = *cap ? *cap * 2 : 64;
    while (next < need) next *= 2;
    void *q = realloc(*p, next * size);
    if (!q) return false;
    *p = q;
    *cap = next;
    return true;
}

static uint32_t number_hash(const struct words *w, const struct table *t, uint32_t number)
{
    if (t == &w->by_letters)
        return hash_letters(slice_of(w->letters + w->spellings[number].at, w->spellings[number].n));
    return hash_edge(w->nodes[number].parent, w->nodes[number].word);
}

static bool table_add(struct words *w, struct table *t, uint32_t number)
{
    if ((t->used + 1) * 2 > t->cap) {
        struct table next = {calloc(t->cap ? t->cap * 2 : 256, sizeof *next.slots), t->cap ? t->cap * 2 : 256, t->used};
        if (!next.slots) return false;
        for (uint32_t i = 0; i < t->cap; i++) {
            if (!t->slots[i]) continue;
            uint32_t at = number_hash(w, t, t->slots[i] - 1) & (next.cap - 1);
            while (next.slots[at]) at = (at + 1) & (next.cap - 1);
            next.slots[at] = t->slots[i];
        }
        free(t->slots);
        *t = next;
    }
    uint32_t at = number_hash(w, t, number) & (t->cap - 1);
    while (t->slots[at]) at = (at + 1) & (t->cap - 1);
    t->slots[at] = number + 1;
    t->used++;
    return true;
}

/* ---- looking up ---- */

static uint32_t word_at(const struct words *w, struct slice s, uint32_t hash)
{
    if (!w->by_letters.cap) return NO_WORD;
    for (uint32_t at = hash;; at++) {
        uint32_t found = w->by_letters.slots[at & (w->by_letters.cap - 1)];
        if (!found) return NO_WORD;
        const struct spelling *p = &w->spellings[found - 1];
        if (slice_eq(slice_of(w->letters + p->at, p->n), s)) return found - 1;
    }
}

static uint32_t word_of(const struct words *w, struct slice s)
{
    return word_at(w, s, hash_letters(s));
}

/* The longest stem of the list ("porn*") that s begins with; the star is a letter here. */
static uint32_t stem_of(const struct words *w, struct slice s)
{
    char stem[WORDS_LETTERS_MAX + 1];
    uint32_t found = NO_WORD;
    uint64_t h = HASH_BEGIN;
    if (s.n < WORDS_STEM_MIN || !w->stem_heads[stem_head(s.p)]) return NO_WORD;
    for (size_t n = 0; n < s.n; n++) {
        stem[n] = s.p[n];
        h = hash_add(h, s.p[n]);
        if (!w->stem_lengths[n + 1]) continue;
        stem[n + 1] = '*';
        uint32_t longer = word_at(w, slice_of(stem, n + 2), mix(hash_add(h, '*')));
        if (longer != NO_WORD) found = longer;
    }
    return found;
}

static uint32_t child_of(const struct words *w, uint32_t parent, uint32_t word) /* 0: none */
{
    if (!w->by_edge.cap) return 0;
    for (uint32_t at = hash_edge(parent, word);; at++) {
        uint32_t found = w->by_edge.slots[at & (w->by_edge.cap - 1)];
        if (!found) return 0;
        if (w->nodes[found - 1].parent == parent && w->nodes[found - 1].word == word) return found - 1;
    }
}

/* The next word of text from *at on, folded; false at the end. A word too long for any list has n = 0. */
static bool next_word(struct slice text, size_t *at, char out[WORDS_LETTERS_MAX], size_t *n, size_t *from, size_t *to)
{
    bool inside = false, fits = true;
    *n = 0;
    while (*at < text.n) {
        size_t here = *at, after;
        char plain = text.p[here];
        if ((plain >= 'a' && plain <= 'z') || (plain >= '0' && plain <= '9')) { /* most of them */
            if (!inside) *from = here;
            inside = true;
            *to = ++*at;
            fits = fits && *n < WORDS_LETTERS_MAX;
            if (fits) out[(*n)++] = plain;
            continue;
        }
        uint32_t c = letter_next(text, at);
        if (inside && letter_is_apostrophe(c) && *at < text.n) {
            after = *at;
            if (letter_is_word(letter_next(text, &after))) c = '\'';
        } else if (!letter_is_word(c)) {
            if (!inside) continue;
            break;
        }
        if (letter_is_apostrophe(c) && c != '\'') break;
        if (!inside) *from = here;
        inside = true;
        *to = *at;
        char bytes[4];
        size_t k = letter_put(letter_fold(c), bytes);
        if (*n + k > WORDS_LETTERS_MAX) fits = false;
        if (fits) {
            memcpy(out + *n, bytes, k);
            *n += k;
        }
    }
    if (!fits) *n = 0;
    return inside;
}

/* ---- building ---- */

struct words *words_new(void)
{
    struct words *w = calloc(1, sizeof *w);
    if (w && !grow((void **)&w->nodes, &w->node_cap, 1, sizeof *w->nodes)) {
        free(w);
        return NULL;
    }
    if (w) {
        w->nodes[0] = (struct node){.entry = NO_ENTRY, .word = NO_WORD};
        w->node_count = 1;
    }
    return w;
}

void words_free(struct words *w)
{
    if (!w) return;
    free(w->letters);
    free(w->spellings);
    free(w->by_letters.slots);
    free(w->by_edge.slots);
    free(w->nodes);
    free(w);
}

static uint32_t intern(struct words *w, struct slice s)
{
    uint32_t found = word_of(w, s);
    if (found != NO_WORD) return found;
    if (!grow((void **)&w->letters, &w->letters_cap, w->letters_n + (uint32_t)s.n, 1) ||
        !grow((void **)&w->spellings, &w->spelling_cap, w->spelling_count + 1, sizeof *w->spellings))
        return NO_WORD;
    memcpy(w->letters + w->letters_n, s.p, s.n);
    w->spellings[w->spelling_count] = (struct spelling){w->letters_n, (uint32_t)s.n};
    w->letters_n += (uint32_t)s.n;
    return table_add(w, &w->by_letters, w->spelling_count) ? w->spelling_count++ : NO_WORD;
}

static uint32_t step(struct words *w, uint32_t parent, uint32_t word)
{
    uint32_t found = child_of(w, parent, word);
    if (found) return found;
    if (w->node_count >= NODES_MAX || !grow((void **)&w->nodes, &w->node_cap, w->node_count + 1, sizeof *w->nodes))
        return 0;
    w->nodes[w->node_count] =
        (struct node){.entry = NO_ENTRY, .depth = w->nodes[parent].depth + 1, .parent = parent, .word = word};
    return table_add(w, &w->by_edge, w->node_count) ? w->node_count++ : 0;
}

int words_add(struct words *w, struct slice entry, uint32_t number, struct err *e)
{
    char word[WORDS_LETTERS_MAX];
    size_t at = 0, n, from, to;
    uint32_t node = 0;
    while (next_word(entry, &at, word, &n, &from, &to)) {
        if (n == 0 || w->nodes[node].depth == WORDS_PHRASE_MAX)
            return err_set(e, GIFD_EINVALID, "\"%.*s\": a word or phrase that is too long",
                           (int)(entry.n < 40 ? entry.n : 40), entry.p);
        if (to < entry.n && entry.p[to] == '*' && n >= WORDS_STEM_MIN && n < WORDS_LETTERS_MAX) {
            word[n++] = '*';
            w->stem_lengths[n - 1] = w->stem_heads[stem_head(word)] = true;
        }
        uint32_t id = intern(w, slice_of(word, n));
        node = id == NO_WORD ? 0 : step(w, node, id);
        if (!node) return err_set(e, GIFD_ETOOBIG, "the list is too long");
    }
    if (!node) return err_set(e, GIFD_EINVALID, "\"%.*s\" has no letter", (int)(entry.n < 40 ? entry.n : 40), entry.p);
    if (w->nodes[node].entry == NO_ENTRY) w->nodes[node].entry = number;
    return GIFD_OK;
}

static uint32_t go(const struct words *w, uint32_t node, uint32_t word)
{
    for (;;) {
        uint32_t next = child_of(w, node, word);
        if (next || node == 0) return next;
        node = w->nodes[node].fail;
    }
}

/* Nodes in order of depth, so that a node's fail is ready before it is needed. */
int words_seal(struct words *w, struct err *e)
{
    uint32_t *order = malloc(w->node_count * sizeof *order), count = 0;
    if (!order) return err_set(e, GIFD_ENOMEM, "words");
    for (uint32_t depth = 1; depth <= WORDS_PHRASE_MAX; depth++)
        for (uint32_t i = 1; i < w->node_count; i++)
            if (w->nodes[i].depth == depth) order[count++] = i;
    for (uint32_t i = 0; i < count; i++) {
        struct node *n = &w->nodes[order[i]];
        n->fail = n->parent == 0 ? 0 : go(w, w->nodes[n->parent].fail, n->word);
        n->report = w->nodes[n->fail].entry != NO_ENTRY ? n->fail : w->nodes[n->fail].report;
    }
    free(order);
    return GIFD_OK;
}

void words_find(const struct words *w, struct slice text,
                bool (*fn)(void *arg, uint32_t number, size_t from, size_t to), void *arg)
{
    char word[WORDS_LETTERS_MAX];
    size_t at = 0, n, from = 0, to = 0, starts[WORDS_PHRASE_MAX] = {0}, seen = 0;
    uint32_t node = 0;
    while (next_word(text, &at, word, &n, &from, &to)) {
        uint32_t exact = n ? word_of(w, slice_of(word, n)) : NO_WORD,
                 stem = n ? stem_of(w, slice_of(word, n)) : NO_WORD;
        uint32_t id = exact == NO_WORD ? stem : exact;
        starts[seen++ % WORDS_PHRASE_MAX] = from;
        node = id == NO_WORD ? 0 : go(w, node, id);
        uint32_t alone =
            exact == NO_WORD || stem == NO_WORD ? 0 : child_of(w, 0, stem); /* a phrase has the whole word */
        if (alone && w->nodes[alone].entry != NO_ENTRY && !fn(arg, w->nodes[alone].entry, from, to)) return;
        for (uint32_t hit = node; hit; hit = w->nodes[hit].report) {
            if (w->nodes[hit].entry == NO_ENTRY) continue;
            size_t first = starts[(seen - w->nodes[hit].depth) % WORDS_PHRASE_MAX];
            if (!fn(arg, w->nodes[hit].entry, first, to)) return;
        }
    }
}
