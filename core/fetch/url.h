/* url.h: an absolute http or https URL, read once and written anew, so that what is checked is what is dialled.
 *
 * Stricter than RFC 3986 and the WHATWG's rules where readers disagree: no userinfo, no backslash, space or control
 * character, no percent-encoding or non-ASCII letter in the host, no zone, no trailing dot, no empty port; a host that
 * ends in a number is four decimal parts without leading zeros, or it is refused. The fragment is dropped; bytes beyond
 * ASCII in path and query are percent-encoded. Plain values. Any thread. */
#ifndef GIFD_FETCH_URL_H
#define GIFD_FETCH_URL_H

#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

#define URL_TEXT_MAX 8192
#define URL_HOST_MAX 253

struct url {
    bool tls; /* https */
    uint16_t port;
    char host[URL_HOST_MAX + 1]; /* lower case; IPv6 without brackets, as RFC 5952 writes it */
    size_t n;
    char text[URL_TEXT_MAX + 1]; /* all of it; the port only when it is not the scheme's own */
};

int url_parse(struct slice text, struct url *out, struct err *e); /* GIFD_EINVALID, GIFD_ETOOBIG */
bool url_same_origin(const struct url *a, const struct url *b);   /* RFC 9110 section 4.3.1 */

/* HOST, *.HOST (one label or more before it) or either with :PORT; lower case. Without a port: the scheme's own. */
bool url_matches(const struct url *u, struct slice pattern);

#endif
