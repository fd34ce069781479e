/* words.h: which words and phrases of a list a text has, whole words only, case folded, in time linear in the text.
 *
 *   text --letters--> words --hash--> numbers --Aho-Corasick over numbers--> entries of the list
 *
 * A star behind a word of a list ("porn*") lets it stand for all words that begin so; within a phrase, what is listed
 * whole goes first. "graphic-violence" in a list is a phrase of two words, and so is "graphic violence" in a text.
 * Built once, then only read. */
#ifndef GIFD_SCRIPT_WORDS_H
#define GIFD_SCRIPT_WORDS_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define WORDS_ENTRIES_MAX 50000
#define WORDS_PHRASE_MAX 16   /* words in a phrase */
#define WORDS_STEM_MIN 3      /* letters before a star */
#define WORDS_LETTERS_MAX 128 /* bytes of one word, folded */

struct words;
struct words *words_new(void);
void words_free(struct words *w);
/* number: what find gives back. GIFD_EINVALID without a letter or with a too long word; GIFD_ETOOBIG. */
int words_add(struct words *w, struct slice entry, uint32_t number, struct err *e);
int words_seal(struct words *w, struct err *e); /* after the last add, before find */
/* Calls fn for each occurrence, in order of their ends; bytes from..to (first and past the last). Stops on false. */
void words_find(const struct words *w, struct slice text,
                bool (*fn)(void *arg, uint32_t number, size_t from, size_t to), void *arg);

#endif
