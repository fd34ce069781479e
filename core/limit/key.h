/* key.h: whom a limit counts. A key is a 128-bit SipHash-2-4 under the table's secret, so that neither two keys meet by
 * chance nor can a stranger choose keys that do.
 *
 * Make a key once (for an address: once per connection) and use it for every decision. The same name gives the same key
 * in every process, as long as the table lives. A key of an address and one of a text never meet, nor do two name
 * spaces. */
#ifndef GIFD_LIMIT_KEY_H
#define GIFD_LIMIT_KEY_H

#include "base/slice.h"
#include "limit/table.h"

struct limit_key {
    uint64_t h[2];
};

/* Any text or bytes in a name space ("user", "token", "route"). space: at most 255 bytes count. */
struct limit_key limit_key_text(const struct limit_table *t, const char *space, struct slice text);

/* Network byte order. An IPv6 address counts as its /64, for that is what one customer is given; an IPv4 address in
 * IPv6 clothing (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2) as the IPv4 address. */
struct limit_key limit_key_ip4(const struct limit_table *t, const uint8_t address[4]);
struct limit_key limit_key_ip6(const struct limit_table *t, const uint8_t address[16]);
/* "192.0.2.7", "2001:db8::1", "[2001:db8::1]", "fe80::1%eth0". GIFD_EINVALID: not an address. */
int limit_key_ip(const struct limit_table *t, struct slice text, struct limit_key *out, struct err *e);

#endif
