/* usage.h: what a usage line says about options and words, read from the line itself, and what was typed held against
 * it.
 *
 *   FILE... [--under SIZE] [-o OUT] [--kind judge|route] KEY | --all [--json]
 *
 * In [] what may be left out; "..." behind what may be repeated; words in lower case with | between are all that may be
 * said there; a | of its own between alternatives, of which none is needed. Behind a "[ARG]..." everything is the
 * command's own. Nothing is copied: a usage points into its line. */
#ifndef GIFD_APP_USAGE_H
#define GIFD_APP_USAGE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>

#define USAGE_ITEMS 96

struct usage_item {
    struct slice name;  /* "--data", "-o"; of a plain word: "FILE", "bash|zsh|fish" */
    struct slice value; /* of an option: "DIR"; empty: it takes none */
    bool option, needed, repeats;
};
struct usage {
    struct usage_item item[USAGE_ITEMS];
    size_t count;
    bool own; /* what follows the first plain word is the command's own */
};

void usage_add(struct usage *u,
               const char *line); /* to what u has; beyond USAGE_ITEMS it is a bug, and ends the program */
const struct usage_item *usage_option(const struct usage *u, struct slice name); /* NULL: there is none */
/* Index of the first argument (from 1 on) that is neither an option nor the value of one; 0: there is none. */
int usage_word(const struct usage *u, int argc, char **argv);
/* EXIT_OK, or EXIT_USAGE after saying on stderr what is wrong, with the nearest right word. argv: behind the command.
 */
int usage_check(const struct usage *u, const char *command, int argc, char **argv);
/* The n-th of "a|b|c"; empty: there are no more. Words that begin in upper case are no choice. */
struct slice usage_choice(struct slice words, size_t n);

/* Of several words the one that a mistyped one most likely meant: at most two letters off, and less than all. */
struct nearest {
    const char *word, *best;
    size_t n, distance; /* n: of best; 0: none is near */
};
struct nearest nearest_begin(const char *word);
void nearest_try(struct nearest *near, const char *candidate, size_t n);

#endif
