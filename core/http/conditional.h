/* conditional.h: If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since and If-Range, in the order of RFC 9110
 * section 13.2.2. Pure functions of the request's fields and the current validators; any thread. */
#ifndef GIFD_HTTP_CONDITIONAL_H
#define GIFD_HTTP_CONDITIONAL_H

#include "http/request.h"

enum conditional {
    CONDITIONAL_GO,           /* as if nothing had been asked */
    CONDITIONAL_NOT_MODIFIED, /* 304; only for GET and HEAD */
    CONDITIONAL_FAILED,       /* 412 */
};

/* For a resource that exists, with its validators: etag with its quotes or "", last_modified in seconds or 0. A handler
 * that changes things (PUT, PATCH, DELETE) asks before it does. */
enum conditional conditional_check(const struct request *r, struct slice etag, int64_t last_modified);

/* May Range be applied (13.1.5)? True without If-Range; else the validator must match, strongly and exactly. */
bool conditional_range(const struct request *r, struct slice etag, int64_t last_modified);

/* Does a list of entity tags, or "*", hold this one? weak: compare by 8.8.3.2's weak comparison. */
bool conditional_tag_listed(struct slice list, struct slice etag, bool weak);

#endif
