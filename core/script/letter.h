/* letter.h: code points in UTF-8, as much of Unicode as whole-word matching needs. Any thread. */
#ifndef GIFD_SCRIPT_LETTER_H
#define GIFD_SCRIPT_LETTER_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define LETTER_BAD 0xFFFFFFFFu

/* The code point at *at, which moves on; LETTER_BAD for a byte that starts none (*at moves by one). */
uint32_t letter_next(struct slice s, size_t *at);
size_t letter_put(uint32_t c, char out[4]); /* as UTF-8 */
/* Simple lower case of Latin, Greek, Cyrillic, Armenian and full-width letters; final sigma becomes sigma. */
uint32_t letter_fold(uint32_t c);
/* Letters, digits and marks; every code point from U+00AA on that is not known punctuation, symbol or space. */
bool letter_is_word(uint32_t c);
bool letter_is_apostrophe(uint32_t c); /* part of a word between two letters: don't */

#endif
