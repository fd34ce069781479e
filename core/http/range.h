/* range.h: the Range field against a representation of known size (RFC 9110 section 14). Pure; any thread. */
#ifndef GIFD_HTTP_RANGE_H
#define GIFD_HTTP_RANGE_H

#include "base/slice.h"

#include <stdint.h>

#define RANGES_MAX 16       /* parts of one reply, after coalescing */
#define RANGE_SPECS_MAX 200 /* ranges of one field; what asks for more gets the whole */
#define RANGE_GAP 80        /* parts closer than this are sent as one: a part's head costs as much (15.3.7.2) */

struct range {
    uint64_t first, last; /* inclusive */
};

enum range_answer {
    RANGE_WHOLE,         /* not bytes, malformed, abusive: as if there were no Range (14.2 allows it), 200 */
    RANGE_PARTIAL,       /* 206 */
    RANGE_UNSATISFIABLE, /* 416 */
};

/* Overlapping and close ranges become one, in the order of the first of them (15.3.7.2), so that the parts together are
 * never longer than the representation. */
enum range_answer range_parse(struct slice value, uint64_t size, struct range out[RANGES_MAX], size_t *count);

#endif
