/* ip.c: see ip.h. */
#include "base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

void ip_of_v4(const void *four_bytes, struct ip *out)
{
    memcpy(out->b, mapped, 12);
    memcpy(out->b + 12, four_bytes, 4);
}

int ip_parse(struct slice text, struct ip *out)
{
    char copy[IP_TEXT_MAX];
    struct in_addr v4;
    if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, 0, text.n)) return -1;
    memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    if (memchr(text.p, ':', text.n)) return inet_pton(AF_INET6, copy, out->b) == 1 ? 0 : -1;
    if (inet_pton(AF_INET, copy, &v4) != 1) return -1;
    ip_of_v4(&v4, out);
    return 0;
}

void ip_of_socket(const struct sockaddr_storage *a, struct ip *out)
{
    *out = (struct ip){0};
    if (a->ss_family == AF_INET)
        ip_of_v4(&((const struct sockaddr_in *)a)->sin_addr, out);
    else if (a->ss_family == AF_INET6)
        memcpy(out->b, &((const struct sockaddr_in6 *)a)->sin6_addr, 16);
}

void ip_text(const struct ip *ip, char out[IP_TEXT_MAX])
{
    if (ip_is_v4(ip))
        inet_ntop(AF_INET, ip->b + 12, out, IP_TEXT_MAX);
    else
        inet_ntop(AF_INET6, ip->b, out, IP_TEXT_MAX);
}

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->b, mapped, 12) == 0;
}

bool ip_is_loopback(const struct ip *ip)
{
    static const struct ip six = {{[15] = 1}};
    return ip_is_v4(ip) ? ip->b[12] == 127 : ip_eq(ip, &six);
}

bool ip_eq(const struct ip *a, const struct ip *b)
{
    return memcmp(a->b, b->b, 16) == 0;
}
