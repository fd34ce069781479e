/* guard.c: see guard.h. */
#include "fetch/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const struct {
    const char *range, *why;
} refused[] = {
    {"0.0.0.0/8", "this network"},
    {"10.0.0.0/8", "private"},
    {"100.64.0.0/10", "shared behind a carrier's NAT"},
    {"127.0.0.0/8", "loopback"},
    {"168.63.129.16/32", "metadata of a cloud"},
    {"169.254.0.0/16", "link-local"},
    {"172.16.0.0/12", "private"},
    {"192.0.0.0/24", "protocol assignments"},
    {"192.0.2.0/24", "documentation"},
    {"192.31.196.0/24", "AS112"},
    {"192.52.193.0/24", "AMT"},
    {"192.88.99.0/24", "6to4 relays"},
    {"192.168.0.0/16", "private"},
    {"192.175.48.0/24", "AS112"},
    {"198.18.0.0/15", "benchmarks"},
    {"198.51.100.0/24", "documentation"},
    {"203.0.113.0/24", "documentation"},
    {"224.0.0.0/4", "multicast"},
    {"255.255.255.255/32", "broadcast"},
    {"240.0.0.0/4", "reserved"},
    {"::/128", "unspecified"},
    {"::1/128", "loopback"},
    {"::/96", "IPv4-compatible"},
    {"64:ff9b::/96", "NAT64"},
    {"64:ff9b:1::/48", "local NAT64"},
    {"100::/64", "discarded"},
    {"100:0:0:1::/64", "dummy"},
    {"2001::/32", "Teredo"},
    {"2001:2::/48", "benchmarks"},
    {"2001::/23", "protocol assignments"},
    {"2001:db8::/32", "documentation"},
    {"2002::/16", "6to4"},
    {"2620:4f:8000::/48", "AS112"},
    {"3fff::/20", "documentation"},
    {"5f00::/16", "segment routing"},
    {"fc00::/7", "private"},
    {"fe80::/10", "link-local"},
    {"fec0::/10", "site-local"},
    {"ff00::/8", "multicast"},
};

static int refuse(const struct ip *ip, const char *why, struct err *e)
{
    char text[IP_TEXT_MAX];
    ip_text(ip, text);
    return err_set(e, GIFD_EADDRESS, "%s is not dialled: %s", text, why);
}

static int check_ip(const struct ip *ip, struct err *e)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct cidr c;
        cidr_parse(slice_str(refused[i].range), &c, NULL);
        if (cidr_has(&c, ip)) return refuse(ip, refused[i].why, e);
    }
    bool global = ip_is_v4(ip) || (ip->b[0] & 0xe0) == 0x20;
    return global ? GIFD_OK : refuse(ip, "not global unicast", e);
}

static int check_port(const struct guard *g, uint16_t port, struct err *e)
{
    for (uint32_t i = 0; i < g->port_count; i++)
        if (g->ports[i] == port) return GIFD_OK;
    return g->port_count ? err_set(e, GIFD_EADDRESS, "port %u is not dialled", port) : GIFD_OK;
}

int guard_check(const struct guard *g, const struct sockaddr_storage *to, struct err *e)
{
    struct ip ip;
    uint16_t port;
    ip_of_socket(to, &ip);
    if (to->ss_family == AF_INET)
        port = ntohs(((const struct sockaddr_in *)to)->sin_port);
    else if (to->ss_family == AF_INET6)
        port = ntohs(((const struct sockaddr_in6 *)to)->sin6_port);
    else
        return err_set(e, GIFD_EADDRESS, "only addresses of the internet are dialled");
    if (to->ss_family == AF_INET6 && ip_is_v4(&ip)) return refuse(&ip, "IPv4-mapped", e);
    if (cidr_list_has(&g->allow, &ip)) return GIFD_OK;
    int rc = check_ip(&ip, e);
    return rc == GIFD_OK ? check_port(g, port, e) : rc;
}
