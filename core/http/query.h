/* query.h: pairs of an application/x-www-form-urlencoded text: a query, or the body of a form.
 *
 *   struct query q = query_of(r->query, &r->arena);
 *   while ((rc = query_next(&q, &pair, e)) > 0) ...
 *
 * Strict: a broken escape, a NUL or other control byte but HTAB, CR, LF, and what is not UTF-8 are GIFD_EINVALID; more
 * than QUERY_PAIRS_MAX pairs are GIFD_ETOOBIG. '+' is a space. Empty pairs ("a=1&&b=2") are passed over; a name without
 * '=' has the value "". Repeated names are given each time: what they mean is the caller's matter. */
#ifndef GIFD_HTTP_QUERY_H
#define GIFD_HTTP_QUERY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

#define QUERY_PAIRS_MAX 256

struct query {
    struct slice rest;
    struct arena *arena; /* holds what had to be decoded */
    unsigned pairs;
};

struct query_pair {
    struct slice name, value; /* in the arena or in the text itself */
};

static inline struct query query_of(struct slice text, struct arena *arena)
{
    return (struct query){text, arena, 0};
}

int query_next(struct query *q, struct query_pair *out, struct err *e); /* 1: a pair, 0: no more, negative: error */

#endif
