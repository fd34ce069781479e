/* cidr.h: ranges of addresses, "10.0.0.0/8", "2001:db8::/32", "::1" (RFC 4632, RFC 4291 section 2.3).
 *
 * Read strictly: what could be meant in two ways (bits behind the prefix, leading zeros, a zone) is refused. A range of
 * IPv4 holds mapped addresses too, since struct ip knows no difference; a range of IPv6 shorter than /96 never holds an
 * IPv4 address, so "::/0" is not "everything". Plain values, safe to copy between processes. Any thread. */
#ifndef GIFD_BASE_CIDR_H
#define GIFD_BASE_CIDR_H

#include "base/err.h"
#include "base/ip.h"

#define CIDR_LIST_MAX 64

struct cidr {
    struct ip base;
    uint32_t bits; /* of 128 */
};

struct cidr_list {
    uint32_t count;
    struct cidr at[CIDR_LIST_MAX];
};

int cidr_parse(struct slice text, struct cidr *out, struct err *e); /* GIFD_EINVALID; the text names what it read */
bool cidr_has(const struct cidr *c, const struct ip *ip);
int cidr_list_add(struct cidr_list *l, struct slice text, struct err *e); /* GIFD_ETOOBIG beyond CIDR_LIST_MAX */
bool cidr_list_has(const struct cidr_list *l, const struct ip *ip);

#endif
