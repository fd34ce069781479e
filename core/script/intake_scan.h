/* intake_scan.h: one event as plain JSON, read in one pass and without a tree. Private to core/script.
 *
 * What is unusual (escapes, bytes that are not ASCII, fractions, deep metadata, mistakes) is left to base/json.h:
 * whatever is scanned here would be read the same there. */
#ifndef GIFD_SCRIPT_INTAKE_SCAN_H
#define GIFD_SCRIPT_INTAKE_SCAN_H

#include "base/json.h"

/* Members of one event by name, the last of each; a NULL value is none. */
struct intake_members {
    const struct json *type, *subject, *part, *platform, *at, *meta;
    struct slice meta_text; /* as it is written, when it was scanned */
    struct json nodes[6];   /* of what was scanned; the pointers are into it */
};

/* The member's place among the pointers above, or -1. */
int intake_member(struct slice key);

const char *intake_space(const char *p, const char *end); /* skips white space */
/* An object at p -> behind it; NULL: not plain. A member "events" is not plain either. */
const char *intake_scan(const char *p, const char *end, struct intake_members *m);
/* The brace of {"events": at p -> at the value; or NULL. */
const char *intake_events(const char *p, const char *end);

#endif
