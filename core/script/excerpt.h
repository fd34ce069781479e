/* excerpt.h: the source that a message of Lua names, out of a bundle that has sources (struct build_options). */
#ifndef GIFD_SCRIPT_EXCERPT_H
#define GIFD_SCRIPT_EXCERPT_H

#include "base/excerpt.h"
#include "script/build.h"

/* -> bytes written; 0: the message names no place, or the bundle has no source of it. b may be NULL. */
size_t bundle_excerpt(const struct bundle *b, struct slice message, char out[EXCERPT_MAX], struct slice *path,
                      unsigned *line);

#endif
