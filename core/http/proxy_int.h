/* proxy_int.h: the PROXY protocol, versions 1 and 2 (haproxy's doc/proxy-protocol.txt): what a load balancer says about
 * a connection before its first byte.
 *
 *   v1   PROXY TCP4 203.0.113.9 10.0.0.1 51234 80\r\n            at most 107 bytes
 *   v2   12 bytes of signature, version and command, family, length (16 bits), addresses, TLVs
 *
 * Read strictly; what is left over of the length must be whole TLVs. Of those only PP2_TYPE_SSL means something here.
 * Borrows all bytes. Any thread. */
#ifndef GIFD_HTTP_PROXY_INT_H
#define GIFD_HTTP_PROXY_INT_H

#include "base/ip.h"

#include <stddef.h>

#define PROXY_V1_MAX 107
#define PROXY_V2_MAX 4096 /* of a version 2 header; ours, the protocol allows 65,551 */

struct proxy {
    bool named;       /* client is known; else LOCAL, UNKNOWN or a family without addresses: the peer's own */
    struct ip client; /* when named */
    bool secure;      /* the client came over TLS */
};

/* The length of the header at the front of the bytes, 0 when more is needed, -1 when there is none: `why` says why.
 * Needs no memory of earlier calls, and looks at no more than PROXY_V2_MAX bytes. */
ptrdiff_t proxy__read(const char *p, size_t n, struct proxy *out, const char **why);

#endif
