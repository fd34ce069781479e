/* forwarded_int.h: who is behind the trusted proxies, as they tell it: Forwarded (RFC 7239) or X-Forwarded-For, -Proto
 * and -Host.
 *
 *   X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.2        peer 10.0.0.1
 *                    \_____/  \_________/  \______/
 *                    a claim   the client   trusted  <------ trusted: read from the right
 *
 * Each proxy adds at the right what it saw. So the text is walked from the right for as long as the one who wrote an
 * entry is trusted; what stands left of the first untrusted address was written by that stranger and is never parsed.
 * An entry that hides its address ("unknown", "_x") or is malformed ends the walk at the trusted hop that wrote it.
 *
 * A proxy keeps one of the two kinds and lets the other pass as it came from the client. When a request carries both,
 * only what both say is believed: where they differ the client is the peer itself, and scheme and host are not said.
 * At most FORWARDED_BYTES and FORWARDED_HOPS are looked at per field. Borrows all bytes. Any thread. */
#ifndef GIFD_HTTP_FORWARDED_INT_H
#define GIFD_HTTP_FORWARDED_INT_H

#include "base/cidr.h"
#include "http/request.h"

#define FORWARDED_BYTES 10240
#define FORWARDED_HOPS 1000

struct forwarded {
    struct ip client;
    const char *scheme; /* "http", "https"; NULL: not said */
    struct slice host;  /* valid as a Host field; empty: not said */
};

/* `peer` is where the connection comes from; when it is not trusted the answer is the peer and nothing more. */
void forwarded__read(const struct cidr_list *trusted, const struct ip *peer, const struct http_header *headers,
                     size_t count, struct forwarded *out);

#endif
