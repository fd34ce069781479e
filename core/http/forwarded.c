/* forwarded.c: see forwarded_int.h. */
#include "http/forwarded_int.h"
#include "http/head_int.h"

/* ---- entries of a list field, from the last to the first ---- */

struct entries {
    const struct http_header *headers;
    size_t line; /* fields before this one are still to come */
    struct slice name, rest;
    bool quotes; /* commas may be quoted */
    size_t bytes, hops;
};

static struct entries entries_of(const struct http_header *headers, size_t count, struct slice name, bool quotes)
{
    return (struct entries){.headers = headers, .line = count, .name = name, .quotes = quotes};
}

/* Empty entries are skipped (RFC 9110 section 5.6.1). False at the end, or at a bound. */
static bool next_entry(struct entries *it, struct slice *out)
{
    for (;;) {
        while (it->rest.n == 0) {
            if (it->line == 0) return false;
            const struct http_header *h = &it->headers[--it->line];
            if (slice_ieq(h->name, it->name)) it->rest = h->value;
        }
        size_t at = it->rest.n;
        bool quoted = false;
        while (at > 0 && (quoted || it->rest.p[at - 1] != ',')) {
            if (it->quotes && it->rest.p[at - 1] == '"') quoted = !quoted;
            if (++it->bytes > FORWARDED_BYTES) return false;
            at--;
        }
        if (++it->hops > FORWARDED_HOPS) return false;
        *out = slice_trim(slice_of(it->rest.p + at, it->rest.n - at));
        it->rest.n = at ? at - 1 : 0;
        if (out->n) return true;
    }
}

/* ---- nodes ---- */

static bool is_port(struct slice s)
{
    if (s.n == 0 || s.n > 5) return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9') return false;
    return true;
}

/* RFC 7239 section 6: IPv4, IPv6 in brackets, either with a port. X-Forwarded-For also has IPv6 without brackets. */
static int node_ip(struct slice node, bool bare_v6, struct ip *out)
{
    if (node.n && node.p[0] == '[') {
        const char *end = memchr(node.p, ']', node.n);
        if (!end) return -1;
        struct slice inner = slice_of(node.p + 1, (size_t)(end - node.p) - 1);
        struct slice rest = slice_of(end + 1, node.n - inner.n - 2);
        if (!memchr(inner.p, ':', inner.n)) return -1;
        if (rest.n && (rest.p[0] != ':' || !is_port(slice_of(rest.p + 1, rest.n - 1)))) return -1;
        return ip_parse(inner, out);
    }
    const char *colon = node.n ? memchr(node.p, ':', node.n) : NULL;
    if (!colon) return ip_parse(node, out);
    struct slice before = slice_of(node.p, (size_t)(colon - node.p));
    struct slice port = slice_of(colon + 1, node.n - before.n - 1);
    if (memchr(port.p, ':', port.n)) return bare_v6 ? ip_parse(node, out) : -1;
    return is_port(port) ? ip_parse(before, out) : -1;
}

static const char *scheme_of(struct slice s)
{
    return slice_ieq(s, SLICE("https")) ? "https" : slice_ieq(s, SLICE("http")) ? "http" : NULL;
}

static struct slice host_of(struct slice s)
{
    return s.n && head__host_valid(s) ? s : (struct slice){0};
}

/* ---- Forwarded ---- */

struct element {
    struct slice node, proto, host;
};

/* A token or a quoted string at the front of the rest. No escape: nothing said here needs one. */
static int take_value(struct slice *rest, struct slice *out)
{
    if (rest->n && rest->p[0] == '"') {
        const char *end = memchr(rest->p + 1, '"', rest->n - 1);
        if (!end) return -1;
        *out = slice_of(rest->p + 1, (size_t)(end - rest->p) - 1);
        if (memchr(out->p, '\\', out->n)) return -1;
        *rest = slice_of(end + 1, rest->n - out->n - 2);
        return 0;
    }
    const char *end = rest->n ? memchr(rest->p, ';', rest->n) : NULL;
    size_t n = end ? (size_t)(end - rest->p) : rest->n;
    *out = slice_trim(slice_of(rest->p, n));
    *rest = slice_of(rest->p + n, rest->n - n);
    return head__is_token(*out) ? 0 : -1;
}

/* RFC 7239 section 4; a parameter that stands there twice is malformed. */
static int read_element(struct slice text, struct element *out)
{
    static const char *const names[] = {"for", "proto", "host", "by"};
    struct slice value[4] = {{0}};
    while (text.n) {
        const char *eq = memchr(text.p, '=', text.n);
        if (!eq) return -1;
        struct slice name = slice_trim(slice_of(text.p, (size_t)(eq - text.p))), v;
        if (!head__is_token(name)) return -1;
        text = slice_of(eq + 1, text.n - (size_t)(eq - text.p) - 1);
        if (take_value(&text, &v) < 0) return -1;
        for (size_t i = 0; i < 4; i++) {
            if (!slice_ieq(name, slice_str(names[i]))) continue;
            if (value[i].p) return -1;
            value[i] = v;
        }
        text = slice_trim(text);
        if (text.n && text.p[0] != ';') return -1;
        if (text.n) text = slice_trim(slice_of(text.p + 1, text.n - 1));
    }
    *out = (struct element){value[0], value[1], value[2]};
    return 0;
}

/* Each of the two kinds: true when the request carries it. */
static bool by_forwarded(const struct cidr_list *trusted, const struct http_header *headers, size_t count,
                         struct forwarded *out)
{
    struct entries it = entries_of(headers, count, SLICE("Forwarded"), true);
    struct slice text;
    bool any = false;
    while (cidr_list_has(trusted, &out->client) && next_entry(&it, &text)) {
        struct element el;
        any = true;
        out->scheme = NULL;
        out->host = (struct slice){0};
        if (read_element(text, &el) < 0) break;
        out->scheme = scheme_of(el.proto);
        out->host = host_of(el.host);
        if (node_ip(el.node, false, &out->client) < 0) break;
    }
    return any;
}

/* ---- X-Forwarded-* ---- */

/* Proxies append to all of these, or the last one sets them: the hops-th from the right, or the first there is. */
static struct slice value_at(const struct http_header *headers, size_t count, struct slice name, size_t hops)
{
    struct entries it = entries_of(headers, count, name, false);
    struct slice text, found = {0};
    for (size_t i = 0; i < hops && next_entry(&it, &text); i++) found = text;
    return found;
}

static bool by_x_forwarded(const struct cidr_list *trusted, const struct http_header *headers, size_t count,
                           struct forwarded *out)
{
    struct entries it = entries_of(headers, count, SLICE("X-Forwarded-For"), false);
    struct slice text;
    size_t hops = 0;
    while (cidr_list_has(trusted, &out->client) && next_entry(&it, &text)) {
        hops++;
        if (node_ip(text, true, &out->client) < 0) break;
    }
    size_t at = hops ? hops : 1;
    out->scheme = scheme_of(value_at(headers, count, SLICE("X-Forwarded-Proto"), at));
    out->host = host_of(value_at(headers, count, SLICE("X-Forwarded-Host"), at));
    return hops > 0;
}

void forwarded__read(const struct cidr_list *trusted, const struct ip *peer, const struct http_header *headers,
                     size_t count, struct forwarded *out)
{
    struct forwarded x = {.client = *peer};
    *out = (struct forwarded){.client = *peer};
    if (!cidr_list_has(trusted, peer)) return;
    bool standard = by_forwarded(trusted, headers, count, out), older = by_x_forwarded(trusted, headers, count, &x);
    if (!standard) {
        *out = x;
    } else if (older) {
        if (!ip_eq(&out->client, &x.client)) {
            *out = (struct forwarded){.client = *peer};
            return;
        }
        if (out->scheme != x.scheme) out->scheme = NULL;
        if (!slice_ieq(out->host, x.host)) out->host = (struct slice){0};
    }
}
