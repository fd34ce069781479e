/* guard.h: which addresses may be dialled.
 *
 *   URL --url.h--> name, port --resolver--> addresses --guard_check--> socket
 *
 * Asked about the very address that a socket is about to be connected to, after every resolution and at every hop of a
 * redirect, so that a name that changes its address gains nothing. Refused is whatever the registries of
 * special-purpose addresses name (IANA, "iana-ipv4-special-registry" and "iana-ipv6-special-registry"; RFC 6890),
 * multicast, IPv6 outside the block of global unicast (RFC 4291 section 2.5.4), forms of IPv6 that carry an IPv4
 * address, and where clouds keep their metadata; unless the operator allows it. Plain values. Any thread. */
#ifndef GIFD_FETCH_GUARD_H
#define GIFD_FETCH_GUARD_H

#include "base/cidr.h"

#define GUARD_PORTS_MAX 32

struct sockaddr_storage;

struct guard {
    struct cidr_list allow; /* dialled whatever else is said, on any port */
    uint32_t port_count;    /* 0: every port */
    uint16_t ports[GUARD_PORTS_MAX];
};

/* GIFD_EADDRESS, with a text that names the address and why. An IPv4 address in IPv6 clothes (::ffff:a.b.c.d) is
 * refused even if the address itself is allowed. */
int guard_check(const struct guard *g, const struct sockaddr_storage *to, struct err *e);

#endif
