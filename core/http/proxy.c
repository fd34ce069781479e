/* proxy.c: see proxy_int.h. Section numbers are of haproxy's document. */
#include "http/proxy_int.h"

#define V2_HEAD 16
#define TLV_HEAD 3
#define TLV_SSL 0x20
#define CLIENT_SSL 0x01

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static ptrdiff_t refuse(const char **why, const char *text)
{
    *why = text;
    return -1;
}

/* ---- version 1 (section 2.1) ---- */

static struct slice word(struct slice *rest)
{
    const char *space = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;
    struct slice w = slice_of(rest->p, space ? (size_t)(space - rest->p) : rest->n);
    *rest = space ? slice_of(space + 1, rest->n - w.n - 1) : slice_of(rest->p + w.n, 0);
    return w;
}

static bool is_port(struct slice s)
{
    uint32_t n = 0;
    if (s.n == 0 || s.n > 5 || (s.n > 1 && s.p[0] == '0')) return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return false;
        n = n * 10 + (uint32_t)(s.p[i] - '0');
    }
    return n <= 65535;
}

static bool is_ip(struct slice s, bool v6, struct ip *out)
{
    return s.n && !memchr(s.p, ':', s.n) == !v6 && ip_parse(s, out) == 0;
}

static int read_line(struct slice line, struct proxy *out, const char **why)
{
    struct ip destination;
    word(&line); /* PROXY */
    struct slice family = word(&line);
    if (slice_is(family, "UNKNOWN")) return 0; /* the rest of the line means nothing */
    bool v6 = slice_is(family, "TCP6");
    if (!v6 && !slice_is(family, "TCP4")) return (int)refuse(why, "the family is not TCP4, TCP6 or UNKNOWN");
    struct slice source = word(&line), target = word(&line), from = word(&line), to = word(&line);
    if (!is_ip(source, v6, &out->client) || !is_ip(target, v6, &destination))
        return (int)refuse(why, "an address of another family");
    if (!is_port(from) || !is_port(to) || line.n || to.p[to.n] != '\r') return (int)refuse(why, "a malformed port");
    out->named = true;
    return 0;
}

static ptrdiff_t read_v1(const char *p, size_t n, struct proxy *out, const char **why)
{
    size_t seen = n < PROXY_V1_MAX ? n : PROXY_V1_MAX;
    const char *end = memchr(p, '\n', seen);
    if (!end) return seen < PROXY_V1_MAX ? 0 : refuse(why, "a version 1 header of more than 107 bytes");
    if (end[-1] != '\r') return refuse(why, "a version 1 header that does not end in CR LF");
    size_t line = (size_t)(end - p) - 1;
    if (memchr(p, '\r', line)) return refuse(why, "a bare CR");
    return read_line(slice_of(p, line), out, why) < 0 ? -1 : (ptrdiff_t)line + 2;
}

/* ---- version 2 (section 2.2) ---- */

static size_t number16(const uint8_t *p)
{
    return (size_t)p[0] << 8 | p[1];
}

static int read_tlvs(const uint8_t *p, size_t n, struct proxy *out, const char **why)
{
    while (n) {
        if (n < TLV_HEAD || number16(p + 1) > n - TLV_HEAD) return (int)refuse(why, "a cut TLV");
        size_t length = number16(p + 1);
        if (p[0] == TLV_SSL) {
            if (length < 5) return (int)refuse(why, "a cut TLV of TLS facts");
            out->secure = p[TLV_HEAD] & CLIENT_SSL;
        }
        p += TLV_HEAD + length;
        n -= TLV_HEAD + length;
    }
    return 0;
}

static int read_block(uint8_t family, const uint8_t *p, size_t n, struct proxy *out, const char **why)
{
    size_t addresses = 0;
    switch (family) {
    case 0x00: return 0;               /* unspecified: "the receiver MUST ignore everything presented after" */
    case 0x11: addresses = 12; break;  /* TCP over IPv4 */
    case 0x21: addresses = 36; break;  /* TCP over IPv6 */
    case 0x31: addresses = 216; break; /* a stream over a UNIX socket */
    default: return (int)refuse(why, "a family that this server does not accept");
    }
    if (n < addresses) return (int)refuse(why, "too short for its family");
    if (family == 0x11) ip_of_v4(p, &out->client);
    if (family == 0x21) memcpy(out->client.b, p, 16);
    out->named = family != 0x31;
    return read_tlvs(p + addresses, n - addresses, out, why);
}

static ptrdiff_t read_v2(const uint8_t *p, size_t n, struct proxy *out, const char **why)
{
    if (n > 12 && p[12] != 0x20 && p[12] != 0x21) return refuse(why, "not version 2 with LOCAL or PROXY");
    if (n < V2_HEAD) return 0;
    size_t length = number16(p + 14);
    if (length > PROXY_V2_MAX - V2_HEAD) return refuse(why, "a version 2 header longer than this server reads");
    if (n < V2_HEAD + length) return 0;
    bool local = p[12] == 0x20;
    if (!local && read_block(p[13], p + V2_HEAD, length, out, why) < 0) return -1;
    return (ptrdiff_t)(V2_HEAD + length);
}

static bool begins(const char *p, size_t n, const void *with, size_t length)
{
    return memcmp(p, with, n < length ? n : length) == 0;
}

ptrdiff_t proxy__read(const char *p, size_t n, struct proxy *out, const char **why)
{
    *out = (struct proxy){0};
    if (n == 0) return 0;
    if (begins(p, n, signature, sizeof signature))
        return n < sizeof signature ? 0 : read_v2((const uint8_t *)p, n, out, why);
    if (begins(p, n, "PROXY ", 6)) return n < 6 ? 0 : read_v1(p, n, out, why);
    return refuse(why, "no PROXY header");
}
