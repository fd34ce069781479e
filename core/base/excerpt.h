/* excerpt.h: the lines of a source around the one that a message names, for people.
 *
 *     1 | local function greet(who)
 *   > 2 |   return "hello " .. who.name
 *     3 | end
 *
 * Pure; nothing is allocated. */
#ifndef GIFD_BASE_EXCERPT_H
#define GIFD_BASE_EXCERPT_H

#include "base/slice.h"

#define EXCERPT_MAX 1024
#define EXCERPT_AROUND 1    /* lines before and after */
#define EXCERPT_COLUMNS 160 /* of a line; the rest is cut */

/* The first "PATH.lua:LINE" of a message; false: it has none. */
bool excerpt_place(struct slice message, struct slice *path, unsigned *line);
/* -> bytes written, without a NUL; 0: the text has no such line. Bytes that a terminal would obey become "?". */
size_t excerpt_write(struct slice text, unsigned line, char out[EXCERPT_MAX]);

#endif
