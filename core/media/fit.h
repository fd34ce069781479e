/* fit.h: an output of at most so many bytes that looks as good as can be.
 *
 *   what the recipe asks for --fits--> done
 *                            --else--> rungs: lossy level or quality, then size and pictures a second, each a little
 * worse the best rung that fits is found from the bytes of a few encodes
 *
 * Rungs are numbers; bytes fall as they rise. How far is guessed from a table and corrected by each encode, so that
 * most budgets are met with three encodes and none takes more than FIT_ENCODES_MAX. The same source, recipe and
 * libraries always take the same way. A source that fits, and of which nothing but that is asked, is kept as it is.
 *
 * With a floor, what was made is held against what the recipe asked for (ssim.h, at its size): what is under it is not
 * given out. Single-threaded, in the sandbox. */
#ifndef GIFD_MEDIA_FIT_H
#define GIFD_MEDIA_FIT_H

#include "base/err.h"
#include "media/ask.h"
#include "media/source.h"

#define FIT_ENCODES_MAX 10

/* GIFD_ETOOBIG when the budget cannot be met, or not above the floor: the text says what could. Fills out->facts, bytes
 * and choice. */
int fit(struct bytes in, const struct media_limits *l, const struct media_recipe *r, int fd, struct media_output *out,
        struct err *e);

/* The recipe of a rung of the ladder under r, for a source of that size: 0 to FIT_RUNGS, the last being the worst. */
#define FIT_RUNGS 96
struct media_recipe fit_rung(const struct media_recipe *r, const struct media_facts *source, unsigned rung);

#endif
