/* progress.h: how much of its question a child has done, told to the asker while it works.
 *
 *   render.c, fit.c --progress_at--> the share of the work that they are at --> at most MEDIA_PROGRESS_RATE messages a
 * second
 *
 * Work is nested: whoever hands out a part of it says from where to where in the whole that part goes. What is told
 * never falls. A process answers one question, so that there is one such state in it; before progress_open, as in tests
 * and benches, nothing is told. Single-threaded, in the sandbox. */
#ifndef GIFD_MEDIA_PROGRESS_H
#define GIFD_MEDIA_PROGRESS_H

#include <stdint.h>

struct progress_part {
    double from, to; /* of 0 to 1 */
};

void progress_open(int sock);
/* From now on 0 to 1 of progress_at mean from to to of the part until now. Returns that one, for progress_leave. */
struct progress_part progress_enter(double from, double to);
void progress_leave(struct progress_part before);
void progress_at(uint64_t done, uint64_t all);

#endif
