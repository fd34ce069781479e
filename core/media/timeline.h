/* timeline.h: which pictures of a source one recipe shows, and when.
 *
 *   for each picture of the source, in order:   timeline_take  -> TAKE (from *at on), or PASS
 *   after the last of a pass:                   timeline_again -> true: show the source once more
 *   t->end                                      when the last taken picture ends
 *
 * A taken picture is shown until the next one is taken. Times are in the source's time base, from 0 where the recipe
 * begins. A picture is passed over when it is the one that is shown already, lies outside what the recipe wants, or
 * comes and goes faster than the recipe allows; one that stays long enough is shown as soon as it may be. */
#ifndef GIFD_MEDIA_TIMELINE_H
#define GIFD_MEDIA_TIMELINE_H

#include "media/source.h"

struct timeline {
    int64_t from, to;    /* of the source */
    int64_t step;        /* least distance of two pictures */
    int64_t length;      /* wanted in all; 0: one pass */
    int64_t offset, end; /* of this pass; of what was taken */
    int64_t shown_at;
    bool showing; /* a picture was taken */
    bool current; /* and it is the last one that the source gave */
};

enum timeline_choice { TIMELINE_PASS, TIMELINE_TAKE };

void timeline_init(struct timeline *t, const struct source *s, const struct media_recipe *r);
/* `same`: the picture looks like the one before it. */
enum timeline_choice timeline_take(struct timeline *t, const struct picture *p, bool same, int64_t *at);
bool timeline_again(struct timeline *t);

#endif
