/* path_int.h: the path of a request, decoded once and for all.
 *
 * Whoever routes, authorises or opens sees only the result, so no second reading can differ from the first:
 *   - percent-encoding is undone once (%252e stays %2e); a broken escape is refused;
 *   - %2F, a backslash in any form, NUL and every other control byte are refused, and so is what is not UTF-8;
 *   - "." and ".." are resolved after decoding (RFC 3986 5.2.4); above the root is refused;
 *   - an empty segment inside the path ("//") is refused: some readers drop it and some do not, and at the beginning it
 *     turns into somebody else's host in a redirect. A slash at the end is kept. */
#ifndef GIFD_HTTP_PATH_INT_H
#define GIFD_HTTP_PATH_INT_H

#include "base/slice.h"

/* `out` has room for raw.n bytes. Returns 0 with *n set, or -1 with *why naming the rule. raw begins with '/'. */
int path__normalise(struct slice raw, char *out, size_t *n, const char **why);

#endif
