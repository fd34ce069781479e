/* cidr.c: see cidr.h. */
#include "base/cidr.h"

static int parse_bits(struct slice digits, uint32_t most, uint32_t *out)
{
    uint32_t n = 0;
    if (digits.n == 0 || digits.n > 3 || (digits.n > 1 && digits.p[0] == '0')) return -1;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9') return -1;
        n = n * 10 + (uint32_t)(digits.p[i] - '0');
    }
    *out = n;
    return n <= most ? 0 : -1;
}

/* The first bits of an address, the rest zero. */
static struct ip prefix_of(const struct ip *ip, uint32_t bits)
{
    struct ip out = {0};
    memcpy(out.b, ip->b, bits / 8);
    if (bits % 8) out.b[bits / 8] = (uint8_t)(ip->b[bits / 8] & (0xff00 >> bits % 8));
    return out;
}

int cidr_parse(struct slice text, struct cidr *out, struct err *e)
{
    const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
    struct slice address = slice_of(text.p, slash ? (size_t)(slash - text.p) : text.n);
    int shown = text.n > 64 ? 64 : (int)text.n;
    if (ip_parse(address, &out->base) < 0)
        return err_set(e, GIFD_EINVALID, "\"%.*s\" is not an IP address or a range of them such as 10.0.0.0/8", shown,
                       text.p);
    bool v4 = !memchr(address.p, ':', address.n);
    uint32_t most = v4 ? 32 : 128;
    out->bits = most;
    if (slash && parse_bits(slice_of(slash + 1, text.n - address.n - 1), most, &out->bits) < 0)
        return err_set(e, GIFD_EINVALID, "\"%.*s\": behind the slash stands a number from 0 to %u", shown, text.p,
                       most);
    if (v4) out->bits += 96;
    struct ip base = prefix_of(&out->base, out->bits);
    if (!ip_eq(&base, &out->base)) {
        char meant[IP_TEXT_MAX];
        ip_text(&base, meant);
        return err_set(e, GIFD_EINVALID, "\"%.*s\" has bits behind its prefix; %s/%u is the range", shown, text.p,
                       meant, v4 ? out->bits - 96 : out->bits);
    }
    return GIFD_OK;
}

bool cidr_has(const struct cidr *c, const struct ip *ip)
{
    if (c->bits < 96 && ip_is_v4(ip)) return false;
    struct ip prefix = prefix_of(ip, c->bits);
    return ip_eq(&prefix, &c->base);
}

int cidr_list_add(struct cidr_list *l, struct slice text, struct err *e)
{
    if (l->count == CIDR_LIST_MAX) return err_set(e, GIFD_ETOOBIG, "more than %d ranges of addresses", CIDR_LIST_MAX);
    int rc = cidr_parse(text, &l->at[l->count], e);
    if (rc == GIFD_OK) l->count++;
    return rc;
}

bool cidr_list_has(const struct cidr_list *l, const struct ip *ip)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (cidr_has(&l->at[i], ip)) return true;
    return false;
}
