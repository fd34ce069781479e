/* ip.h: an address of either family as sixteen bytes; IPv4 is kept in its mapped form (::ffff:a.b.c.d, RFC 4291
 * section 2.5.5.2), so that the same machine has one value whichever way it came. Plain values. Any thread. */
#ifndef GIFD_BASE_IP_H
#define GIFD_BASE_IP_H

#include "base/slice.h"

#include <stdint.h>

#define IP_TEXT_MAX 46

struct ip {
    uint8_t b[16];
};

struct sockaddr_storage;

int ip_parse(struct slice text, struct ip *out); /* "10.0.0.1", "2001:db8::1", no zone: 0, or -1 */
void ip_of_v4(const void *four_bytes, struct ip *out);
void ip_of_socket(const struct sockaddr_storage *a, struct ip *out); /* all zero when of another family */
void ip_text(const struct ip *ip, char out[IP_TEXT_MAX]);            /* mapped ones as IPv4 */
bool ip_is_v4(const struct ip *ip);
bool ip_is_loopback(const struct ip *ip); /* 127.0.0.0/8, ::1 */
bool ip_eq(const struct ip *a, const struct ip *b);

#endif
