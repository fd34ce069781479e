/* unmask.h: a text as people read it, not as it is spelled: for matching words that somebody hides.
 *
 *   "P0ŔN, s.e.x, freePorn"  ->  porn s e x freeporn | sex | free | porn      (| stands for a barrier)
 *
 * Case, accents, look-alikes (Cyrillic, Greek, full-width, mathematical), zero-width characters and leetspeak are
 * undone. Behind the text stand further readings of its words, each between barriers, so that no phrase spans them:
 * spelled letters joined, what separators part within a word, repeated letters, capitals inside, digits at the end.
 * Each word has a constant number of readings, so time and length stay linear in the text. Nothing waits; any thread.
 */
#ifndef GIFD_SCRIPT_UNMASK_H
#define GIFD_SCRIPT_UNMASK_H

#include "base/buf.h"

#include <stdint.h>

#define UNMASK_MAX (1u << 20) /* bytes of a text; what is behind them is not read */

struct reading {           /* one word of `plain` */
    uint32_t at, from, to; /* where it begins there; the bytes of the text that it stands for */
};

struct unmasked {
    struct buf plain;
    struct reading *readings; /* in the order of at */
    uint32_t count, cap;
};

/* Owns memory until unmask_free, also after an error (GIFD_ENOMEM). alone: without the further readings. */
int unmask(struct slice text, bool alone, struct unmasked *out, struct err *e);
void unmask_free(struct unmasked *u);
/* The bytes of the text that the bytes from..to of plain stand for. */
void unmask_place(const struct unmasked *u, size_t *from, size_t *to);
/* lookalike.c: the letters that c is read as, or NULL when it is one of its own. */
const char *lookalike(uint32_t c);

#endif
