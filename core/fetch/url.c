/* url.c: see url.h. */
#include "fetch/url.h"
#include "base/ip.h"

#include <stdio.h>
#include <stdlib.h>

static int malformed(struct err *e, const char *why)
{
    return err_set(e, GIFD_EINVALID, "URL: %s", why);
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c | 32 : c);
}

static bool put(struct url *u, const char *p, size_t n)
{
    if (n > URL_TEXT_MAX - u->n) return false;
    memcpy(u->text + u->n, p, n);
    u->n += n;
    u->text[u->n] = 0;
    return true;
}

/* No control character, space, quote, angle or backslash in any part: readers disagree about them. */
static int check_bytes(struct slice s, struct err *e)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c <= 0x20 || c == 0x7f || strchr("\"<>\\", c))
            return err_set(e, GIFD_EINVALID, "URL: byte 0x%02x at %zu must be percent-encoded or go", c, i);
    }
    return GIFD_OK;
}

static int read_scheme(struct slice *s, struct url *out, struct err *e)
{
    if (s->n >= 8 && strncasecmp(s->p, "https://", 8) == 0) {
        out->tls = true;
        *s = slice_of(s->p + 8, s->n - 8);
    } else if (s->n >= 7 && strncasecmp(s->p, "http://", 7) == 0) {
        *s = slice_of(s->p + 7, s->n - 7);
    } else {
        return malformed(e, "must begin with http:// or https://");
    }
    return GIFD_OK;
}

static int read_port(struct slice s, struct url *out, struct err *e)
{
    unsigned port = 0;
    if (s.n < 1 || s.n > 5 || s.p[0] == '0') return malformed(e, "the port must be a number from 1 to 65535");
    for (size_t i = 0; i < s.n; i++) {
        if (!digit(s.p[i])) return malformed(e, "the port must be a number from 1 to 65535");
        port = port * 10 + (unsigned)(s.p[i] - '0');
    }
    if (port > 65535) return malformed(e, "the port must be a number from 1 to 65535");
    out->port = (uint16_t)port;
    return GIFD_OK;
}

/* "127.1", "0x7f.0.0.1" and the like: numbers to some resolvers, names to others. */
static bool numeric_end(struct slice host)
{
    size_t at = host.n;
    while (at && host.p[at - 1] != '.') at--;
    struct slice last = slice_of(host.p + at, host.n - at);
    bool all = last.n > 0;
    for (size_t i = 0; i < last.n; i++) all = all && digit(last.p[i]);
    return all || (last.n >= 2 && last.p[0] == '0' && lower(last.p[1]) == 'x');
}

static int read_v4(struct slice s, struct url *out, struct err *e)
{
    struct ip ip;
    char text[IP_TEXT_MAX];
    if (ip_parse(s, &ip) < 0) return malformed(e, "a host that ends in a number must be four of them, as in 192.0.2.1");
    ip_text(&ip, text);
    if (!slice_is(s, text)) return malformed(e, "an address is written without leading zeros");
    memcpy(out->host, s.p, s.n);
    return GIFD_OK;
}

static int read_v6(struct slice s, struct url *out, struct err *e)
{
    struct ip ip;
    if (s.n < 2 || s.p[s.n - 1] != ']') return malformed(e, "the host has an open bracket");
    struct slice inner = slice_of(s.p + 1, s.n - 2);
    if (!memchr(inner.p, ':', inner.n) || ip_parse(inner, &ip) < 0)
        return malformed(e, "between brackets stands an IPv6 address, without a zone");
    if (ip_is_v4(&ip)) return malformed(e, "an IPv4 address is written as such, not inside IPv6");
    ip_text(&ip, out->host);
    return GIFD_OK;
}

static int read_name(struct slice s, struct url *out, struct err *e)
{
    size_t label = 0;
    if (s.n > URL_HOST_MAX) return malformed(e, "the host is longer than 253 bytes");
    for (size_t i = 0; i < s.n; i++) {
        char c = lower(s.p[i]);
        bool letter = (c >= 'a' && c <= 'z') || digit(c) || c == '-' || c == '_';
        if (!letter && c != '.') return malformed(e, "the host has a character that is no letter, digit, -, _ or .");
        if (c == '.' && label == 0) return malformed(e, "the host has an empty part");
        label = c == '.' ? 0 : label + 1;
        if (label > 63) return malformed(e, "a part of the host is longer than 63 bytes");
        out->host[i] = c;
    }
    if (s.n == 0) return malformed(e, "there is no host");
    return label ? GIFD_OK : malformed(e, "the host ends in a dot");
}

static int read_authority(struct slice s, struct url *out, struct err *e)
{
    if (memchr(s.p, '@', s.n)) return malformed(e, "user and password do not belong in it");
    const char *from = s.n && s.p[0] == '[' ? memchr(s.p, ']', s.n) : s.p;
    if (!from) return malformed(e, "the host has an open bracket");
    const char *colon = memchr(from, ':', s.n - (size_t)(from - s.p));
    struct slice host = slice_of(s.p, colon ? (size_t)(colon - s.p) : s.n);
    out->port = out->tls ? 443 : 80;
    int rc = colon ? read_port(slice_of(colon + 1, s.n - host.n - 1), out, e) : GIFD_OK;
    if (rc < 0) return rc;
    if (host.n && host.p[0] == '[') return read_v6(host, out, e);
    return numeric_end(host) ? read_v4(host, out, e) : read_name(host, out, e);
}

static bool put_origin(struct url *u)
{
    char text[URL_HOST_MAX + 24];
    bool v6 = strchr(u->host, ':') != NULL;
    int n =
        snprintf(text, sizeof text, "%s://%s%s%s", u->tls ? "https" : "http", v6 ? "[" : "", u->host, v6 ? "]" : "");
    if (u->port != (u->tls ? 443 : 80)) n += snprintf(text + n, sizeof text - (size_t)n, ":%u", u->port);
    return put(u, text, (size_t)n);
}

static bool put_rest(struct url *u, struct slice rest)
{
    bool ok = rest.n && rest.p[0] == '/' ? true : put(u, "/", 1);
    for (size_t i = 0; ok && i < rest.n; i++) {
        char coded[4];
        unsigned char c = (unsigned char)rest.p[i];
        if (c < 0x80)
            ok = put(u, rest.p + i, 1);
        else
            ok = put(u, coded, (size_t)snprintf(coded, sizeof coded, "%%%02X", c));
    }
    return ok;
}

int url_parse(struct slice text, struct url *out, struct err *e)
{
    *out = (struct url){0};
    if (text.n > URL_TEXT_MAX) return err_set(e, GIFD_ETOOBIG, "URL: longer than %d bytes", URL_TEXT_MAX);
    int rc = check_bytes(text, e);
    if (rc == GIFD_OK) rc = read_scheme(&text, out, e);
    if (rc < 0) return rc;
    size_t n = 0;
    while (n < text.n && !strchr("/?#", text.p[n])) n++;
    rc = read_authority(slice_of(text.p, n), out, e);
    if (rc < 0) return rc;
    struct slice rest = slice_of(text.p + n, text.n - n);
    const char *hash = rest.n ? memchr(rest.p, '#', rest.n) : NULL;
    if (hash) rest.n = (size_t)(hash - rest.p);
    if (!put_origin(out) || !put_rest(out, rest))
        return err_set(e, GIFD_ETOOBIG, "URL: longer than %d bytes", URL_TEXT_MAX);
    return GIFD_OK;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return a->tls == b->tls && a->port == b->port && strcmp(a->host, b->host) == 0;
}

bool url_matches(const struct url *u, struct slice pattern)
{
    const char *colon = pattern.n ? memchr(pattern.p, ':', pattern.n) : NULL;
    struct slice host = slice_of(pattern.p, colon ? (size_t)(colon - pattern.p) : pattern.n);
    char port[8];
    snprintf(port, sizeof port, "%u", u->port);
    if (colon ? !slice_is(slice_of(colon + 1, pattern.n - host.n - 1), port) : u->port != (u->tls ? 443 : 80))
        return false;
    struct slice own = slice_str(u->host);
    if (host.n < 2 || host.p[0] != '*' || host.p[1] != '.') return slice_eq(own, host);
    host = slice_of(host.p + 1, host.n - 1); /* ".example.org" */
    return own.n > host.n && slice_eq(slice_of(own.p + own.n - host.n, host.n), host);
}
