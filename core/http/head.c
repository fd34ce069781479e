/* head.c: see head_int.h. */
#include "http/head_int.h"

#include <arpa/inet.h>

enum { TOKEN = 1, TEXT = 2, TARGET = 4, HOST = 8, DIGIT = 16 };

/* TEXT is what may stand in a field value (RFC 9110 5.5, obs-text included). TARGET is printable ASCII without space
 * and without the five bytes that no sender may leave bare and that some readers give a meaning: " < > \ #. HOST is the
 * reg-name of RFC 3986 without percent-encoding and sub-delims, which no name in use has. */
static const unsigned char kind[256] = {
    ['\t'] = TEXT,
    [' '] = TEXT,
    ['!'] = TOKEN | TEXT | TARGET,
    ['"'] = TEXT,
    ['#'] = TOKEN | TEXT,
    ['$' ... '\''] = TOKEN | TEXT | TARGET,
    ['(' ... ')'] = TEXT | TARGET,
    ['*' ... '+'] = TOKEN | TEXT | TARGET,
    [','] = TEXT | TARGET,
    ['-' ... '.'] = TOKEN | TEXT | TARGET | HOST,
    ['/'] = TEXT | TARGET,
    ['0' ... '9'] = TOKEN | TEXT | TARGET | HOST | DIGIT,
    [':' ... ';'] = TEXT | TARGET,
    ['<'] = TEXT,
    ['='] = TEXT | TARGET,
    ['>'] = TEXT,
    ['?' ... '@'] = TEXT | TARGET,
    ['A' ... 'Z'] = TOKEN | TEXT | TARGET | HOST,
    ['['] = TEXT | TARGET,
    ['\\'] = TEXT,
    [']'] = TEXT | TARGET,
    ['^'] = TOKEN | TEXT | TARGET,
    ['_'] = TOKEN | TEXT | TARGET | HOST,
    ['`'] = TOKEN | TEXT | TARGET,
    ['a' ... 'z'] = TOKEN | TEXT | TARGET | HOST,
    ['{'] = TEXT | TARGET,
    ['|'] = TOKEN | TEXT | TARGET,
    ['}'] = TEXT | TARGET,
    ['~'] = TOKEN | TEXT | TARGET | HOST,
    [0x80 ... 0xff] = TEXT,
};

static bool all(struct slice s, unsigned char want)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(kind[(unsigned char)s.p[i]] & want)) return false;
    return true;
}

bool head__is_token(struct slice s)
{
    return s.n && all(s, TOKEN);
}

static int refuse(struct refusal *why, int status, const char *code, const char *detail)
{
    *why = (struct refusal){status, code, detail};
    return -1;
}

static int bad(struct refusal *why, const char *detail)
{
    return refuse(why, 400, "bad_request", detail);
}

#define LINE_EXTRA 64 /* a request line beside its target */

static int too_long(const struct head_scan *s, size_t at, const struct http_limits *l, struct refusal *why)
{
    if (s->lines == 0 && !s->trailer && at - s->start > (size_t)l->target_bytes + LINE_EXTRA)
        return refuse(why, 414, "target_too_long", "the request target is longer than this server reads");
    if (at > l->head_bytes)
        return refuse(why, 431, "head_too_large", "the header fields together are larger than this server reads");
    return 0;
}

ptrdiff_t head__scan(struct head_scan *s, const char *p, size_t n, const struct http_limits *l, struct refusal *why)
{
    size_t i = s->at;
    while (i < n) {
        unsigned char b = (unsigned char)p[i];
        if (kind[b] & TEXT) {
            i++;
            continue;
        }
        if (b == '\n') return bad(why, "a line ends in a bare line feed");
        if (b != '\r') return bad(why, "a control byte in the head");
        if (i + 1 == n) break;
        if (p[i + 1] != '\n') return bad(why, "a carriage return without its line feed");
        if (too_long(s, i, l, why) < 0) return -1;
        i += 2;
        if (i - 2 != s->line) {
            s->lines++;
            if (s->lines > l->head_fields + (s->trailer ? 0 : 1))
                return refuse(why, 431, "too_many_fields", "more header fields than this server reads");
        } else if (s->lines || s->trailer) {
            s->at = i;
            return (ptrdiff_t)i;
        } else {
            if (s->start) return bad(why, "more than one empty line before the request line");
            s->start = i;
        }
        s->line = i;
    }
    s->at = i;
    return too_long(s, i, l, why);
}

static struct slice cut(struct slice *rest, char at)
{
    const char *end = memchr(rest->p, at, rest->n);
    struct slice first = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t taken = end ? first.n + 1 : first.n;
    rest->p += taken;
    rest->n -= taken;
    return first;
}

int head__fields(struct slice text, struct http_header *headers, size_t *count, struct refusal *why)
{
    size_t k = 0;
    while (text.n) {
        struct slice line = cut(&text, '\n');
        line.n -= line.n && line.p[line.n - 1] == '\r';
        if (line.n == 0) break;
        if (line.p[0] == ' ' || line.p[0] == '\t') return bad(why, "a folded or indented header line");
        struct slice value = line, name = cut(&value, ':');
        if (name.n == line.n) return bad(why, "a header line without a colon");
        if (!head__is_token(name)) return bad(why, "a header name that is not a token");
        headers[k++] = (struct http_header){name, slice_trim(value)};
    }
    *count = k;
    return 0;
}

static enum http_method method_of(struct slice s)
{
    for (int m = HTTP_GET; m <= HTTP_OPTIONS; m++)
        if (slice_is(s, http_method_name((enum http_method)m))) return (enum http_method)m;
    return (enum http_method)0;
}

static bool port_valid(struct slice port)
{
    unsigned long v = 0;
    if (port.n > 5 || !all(port, DIGIT)) return false;
    for (size_t i = 0; i < port.n; i++) v = v * 10 + (unsigned long)(port.p[i] - '0');
    return v <= 65535;
}

bool head__host_valid(struct slice host)
{
    if (host.n && host.p[0] == '[') {
        char text[INET6_ADDRSTRLEN];
        struct in6_addr ip;
        const char *end = memchr(host.p, ']', host.n);
        if (!end || (size_t)(end - host.p) > sizeof text) return false;
        size_t len = (size_t)(end - host.p) - 1;
        memcpy(text, host.p + 1, len);
        text[len] = 0;
        if (strlen(text) != len || inet_pton(AF_INET6, text, &ip) != 1) return false;
        struct slice rest = {end + 1, host.n - len - 2};
        return rest.n == 0 || (rest.p[0] == ':' && port_valid(slice_of(rest.p + 1, rest.n - 1)));
    }
    struct slice port = host, name = cut(&port, ':');
    return name.n <= 255 && all(name, HOST) && port_valid(port);
}

static int split_target(struct head *h, struct refusal *why)
{
    struct slice t = h->target;
    if (!all(t, TARGET)) return bad(why, "a byte in the request target that must be percent-encoded");
    if (slice_is(t, "*")) {
        if (h->method != HTTP_OPTIONS) return bad(why, "the target * is for OPTIONS only");
        h->asterisk = true;
        return 0;
    }
    if (t.p[0] != '/') { /* absolute-form: its authority counts, whatever Host says (RFC 9112 3.2.2) */
        size_t scheme = t.n >= 7 && strncasecmp(t.p, "http://", 7) == 0    ? 7
                        : t.n >= 8 && strncasecmp(t.p, "https://", 8) == 0 ? 8
                                                                           : 0;
        if (!scheme) return bad(why, "the request target is neither a path nor a URL");
        size_t i = scheme;
        while (i < t.n && t.p[i] != '/' && t.p[i] != '?') i++;
        h->host = slice_of(t.p + scheme, i - scheme);
        if (h->host.n == 0 || !head__host_valid(h->host)) return bad(why, "the host of the request target is invalid");
        t = slice_of(t.p + i, t.n - i);
    }
    h->query = t;
    h->path = cut(&h->query, '?');
    if (h->path.n == 0) h->path = SLICE("/");
    return 0;
}

static int parse_line(struct slice line, const struct http_limits *l, struct head *h, struct refusal *why)
{
    struct slice rest = line, method = cut(&rest, ' ');
    h->target = cut(&rest, ' ');
    if (!head__is_token(method)) return bad(why, "the method is not a token");
    if (h->target.n == 0 || rest.n == 0) return bad(why, "the request line is not METHOD TARGET VERSION");
    if (rest.n != 8 || memcmp(rest.p, "HTTP/", 5) != 0 || !all(slice_of(rest.p + 5, 1), DIGIT) || rest.p[6] != '.' ||
        !all(slice_of(rest.p + 7, 1), DIGIT))
        return bad(why, "the version is not HTTP/1.1");
    if (rest.p[5] != '1' || rest.p[7] > '1')
        return refuse(why, 505, "version_not_supported", "this server speaks HTTP/1.1 and HTTP/1.0 here");
    h->minor_zero = rest.p[7] == '0';
    if (h->target.n > l->target_bytes)
        return refuse(why, 414, "target_too_long", "the request target is longer than this server reads");
    h->method = method_of(method);
    if (!h->method) return refuse(why, 501, "method_not_implemented", "this server does not know that method");
    return split_target(h, why);
}

static int parse_length(struct slice v, int64_t *out, struct refusal *why)
{
    uint64_t n = 0;
    if (v.n == 0 || !all(v, DIGIT)) return bad(why, "Content-Length is not a number");
    for (size_t i = 0; i < v.n; i++) {
        uint64_t digit = (uint64_t)(v.p[i] - '0');
        if (n > ((uint64_t)INT64_MAX - digit) / 10) return bad(why, "Content-Length is beyond any body");
        n = n * 10 + digit;
    }
    *out = (int64_t)n;
    return 0;
}

/* Transfer-Encoding is one line that says chunked, or nothing. */
static int parse_coding(struct slice v, struct head *h, struct refusal *why)
{
    if (h->minor_zero) return bad(why, "Transfer-Encoding in HTTP/1.0");
    if (h->chunked) return bad(why, "more than one Transfer-Encoding");
    if (!slice_ieq(v, SLICE("chunked"))) {
        if (head__is_token(v) && !slice_ieq(v, SLICE("identity")))
            return refuse(why, 501, "coding_not_implemented", "the only transfer coding known here is chunked");
        return bad(why, "Transfer-Encoding is not chunked");
    }
    h->chunked = true;
    return 0;
}

static void parse_connection(struct slice v, bool *close, bool *keep)
{
    while (v.n) {
        struct slice option = slice_trim(cut(&v, ','));
        if (slice_ieq(option, SLICE("close"))) *close = true;
        if (slice_ieq(option, SLICE("keep-alive"))) *keep = true;
    }
}

static int parse_meaning(struct head *h, const struct http_header *headers, struct refusal *why)
{
    struct slice host = {0};
    bool close = false, keep = false, hosts = false;
    h->content_length = -1;
    for (size_t i = 0; i < h->header_count; i++) {
        struct slice name = headers[i].name, value = headers[i].value;
        switch (name.n) {
        case 4:
            if (!slice_ieq(name, SLICE("Host"))) break;
            if (hosts) return bad(why, "more than one Host");
            if (!head__host_valid(value)) return bad(why, "Host is not a host name with an optional port");
            host = value;
            hosts = true;
            break;
        case 6:
            if (!slice_ieq(name, SLICE("Expect"))) break;
            if (!slice_ieq(value, SLICE("100-continue")))
                return refuse(why, 417, "expectation_failed", "the only expectation known here is 100-continue");
            h->expect_continue = !h->minor_zero;
            break;
        case 10:
            if (slice_ieq(name, SLICE("Connection"))) parse_connection(value, &close, &keep);
            if (slice_ieq(name, SLICE("Request-Id"))) h->request_id = value;
            break;
        case 14:
            if (!slice_ieq(name, SLICE("Content-Length"))) break;
            if (h->content_length >= 0) return bad(why, "more than one Content-Length");
            if (parse_length(value, &h->content_length, why) < 0) return -1;
            break;
        case 17:
            if (slice_ieq(name, SLICE("Transfer-Encoding")) && parse_coding(value, h, why) < 0) return -1;
            break;
        default: break;
        }
    }
    if (h->chunked && h->content_length >= 0) return bad(why, "Content-Length beside Transfer-Encoding");
    if (!hosts && !h->minor_zero) return bad(why, "no Host");
    if (!h->host.n) h->host = host;
    h->keep_alive = h->minor_zero ? keep && !close : !close;
    return 0;
}

int head__parse(struct slice text, const struct http_limits *l, struct head *h, struct http_header *headers,
                struct refusal *why)
{
    *h = (struct head){0};
    struct slice line = cut(&text, '\n');
    line.n -= line.n && line.p[line.n - 1] == '\r';
    if (parse_line(line, l, h, why) < 0) return -1;
    if (head__fields(text, headers, &h->header_count, why) < 0) return -1;
    return parse_meaning(h, headers, why);
}
