/* h1.c: HTTP/1.1 on a connection: heads to requests, bodies to sinks.
 *
 * Two parsers read every head: head.c, which is strict, and llhttp, in its strict mode. A request exists only when both
 * see the same method, version and framing. A trailer section is read by head.c too, checked and dropped
 * (RFC 9112 7.1.2). */
#include "http/h2_int.h"
#include "base/clock.h"
#include "http/forwarded_int.h"
#include "http/framing_int.h"
#include "http/path_int.h"
#include "http/router.h"

static struct request *request_new(struct conn *c)
{
    struct http_server *s = c->server;
    bool reused = s->request_pool.first;
    struct request_slot *slot = pool__take(&s->request_pool, sizeof *slot);
    if (!slot) return NULL;
    struct request *r = &slot->r;
    struct arena arena;
    if (reused)
        arena = r->arena;
    else
        arena_init(&arena, REQUEST_MEMORY);
    *r = (struct request){.arena = arena, .conn = c, .content_length = -1, .started_ns = clock_mono_ns()};
    memcpy(r->client_ip, c->client_ip, sizeof r->client_ip);
    r->client = c->peer;
    r->here = c->here;
    r->scheme = c->secure ? "https" : "http";
    c->request = r;
    return r;
}

static void use_input(struct conn *c, size_t n)
{
    c->input += n;
    c->input_n -= n;
}

static void no_body(struct conn *c)
{
    c->body_asked = c->chunked = c->paused = c->expect = false;
    c->body_done = true;
    c->body_rc = 0;
    c->body_left = c->body_seen = c->body_paused_ms = 0;
}

void h1__refuse(struct conn *c, int status, const char *code, const char *detail)
{
    struct request *r = c->request ? c->request : request_new(c);
    c->scan = (struct head_scan){0};
    c->keep_alive = false;
    c->linger = true;
    c->state = CONN_REQUEST;
    no_body(c);
    if (!r || (!c->carrier && !conn__room(c, 0))) {
        conn__close(c);
        return;
    }
    if (!r->method) r->method = HTTP_GET;
    if (!r->id[0]) server__random_id(c->server, r->id);
    reply_problem(r, status, code, "%s", detail);
}

static bool refuse(struct conn *c, const struct refusal *why)
{
    h1__refuse(c, why->status, why->code, why->detail);
    return true;
}

static bool id_is_sane(struct slice s)
{
    if (s.n < 8 || s.n > REQUEST_ID_LEN) return false;
    for (size_t i = 0; i < s.n; i++) {
        char b = s.p[i];
        if (!((b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '-' || b == '_'))
            return false;
    }
    return true;
}

/* White space behind a value may hold tabs (RFC 9112 5.1), which llhttp does not take behind a number. */
static void tabs_to_spaces(char *text, const struct head *h, const struct http_header *headers)
{
    for (size_t i = 0; i < h->header_count; i++)
        for (char *p = text + (headers[i].value.p - text) + headers[i].value.n; *p != '\r'; p++) *p = ' ';
}

static bool readers_agree(struct slice text, const struct head *h)
{
    struct framing other;
    if (framing__read(text, &other) < 0) return false;
    return strcmp(other.method, http_method_name(h->method)) == 0 && other.minor == !h->minor_zero &&
           other.chunked == h->chunked && other.has_length == (h->content_length >= 0) &&
           (h->content_length < 0 || other.length == (uint64_t)h->content_length);
}

static void fill(struct conn *c, struct request *r, const struct head *h)
{
    r->method = h->method;
    r->target = h->target;
    r->query = h->query;
    r->host = h->host;
    r->header_count = h->header_count;
    r->content_length = h->content_length;
    r->has_body = h->chunked || h->content_length > 0;
    r->minor_zero = h->minor_zero;
    if (id_is_sane(h->request_id)) {
        memcpy(r->id, h->request_id.p, h->request_id.n);
        r->id[h->request_id.n] = 0;
    } else {
        server__random_id(c->server, r->id);
    }
    no_body(c);
    c->linger = false;
    c->keep_alive = h->keep_alive;
    c->body_done = !r->has_body;
    c->chunked = h->chunked;
    c->expect = h->expect_continue && r->has_body;
    c->body_left = h->content_length > 0 ? (uint64_t)h->content_length : 0;
    c->chunks = (struct chunks){0};
}

/* Under HTTP/2 frames say whether there is a body. */
static void frame_body(struct conn *c, struct request *r, const struct head *h)
{
    r->has_body = !h2__ended(c) || c->in.n;
    c->body_done = !r->has_body;
    c->expect = h->expect_continue && r->has_body;
}

/* What trusted proxies say about who asks. */
static void hear_proxies(struct conn *c, struct request *r)
{
    struct forwarded f;
    if (!cidr_list_has(&c->server->trusted, &c->peer)) return;
    forwarded__read(&c->server->trusted, &c->peer, r->headers, r->header_count, &f);
    r->client = f.client;
    ip_text(&f.client, r->client_ip);
    if (f.scheme) r->scheme = f.scheme;
    if (!f.host.n) return;
    r->host = f.host;
    r->host_told = true;
}

static bool answer_asterisk(struct conn *c, struct request *r)
{
    char allow[64];
    router_allow(~0u, allow);
    struct http_header header = {SLICE("Allow"), slice_str(allow)};
    reply_send(r, &(struct reply){.status = 204, .headers = &header, .header_count = 1});
    return c->state != CONN_CLOSED;
}

/* A host is what head.c let through: no byte of it could end a field. */
static bool answer_elsewhere(struct conn *c, struct request *r)
{
    static const struct slice https = {"https://", 8};
    struct slice host = r->host, target = r->target;
    const char *port = host.n ? memrchr(host.p, ':', host.n) : NULL;
    if (port && !memchr(port, ']', (size_t)(host.p + host.n - port))) host.n = (size_t)(port - host.p);
    char *to = host.n && target.n && target.p[0] == '/' ? arena_alloc(&r->arena, https.n + host.n + target.n) : NULL;
    if (!to) {
        reply_problem(r, 400, "https_only", "ask by https");
        return c->state != CONN_CLOSED;
    }
    memcpy(to, https.p, https.n);
    memcpy(to + https.n, host.p, host.n);
    memcpy(to + https.n + host.n, target.p, target.n);
    struct http_header header = {SLICE("Location"), slice_of(to, https.n + host.n + target.n)};
    int status = r->method == HTTP_GET || r->method == HTTP_HEAD ? 301 : 308;
    reply_send(r, &(struct reply){.status = status, .headers = &header, .header_count = 1});
    return c->state != CONN_CLOSED;
}

/* Reads the head at the front of the input, which head__scan found to be whole. */
static bool begin_request(struct conn *c, size_t start, size_t end)
{
    struct slice text = slice_of(c->input + start, end - start);
    size_t lines = c->scan.lines;
    c->scan = (struct head_scan){0};
    c->spoken = true;
    use_input(c, end);
    return h1__accept(c, text, lines);
}

bool h1__accept(struct conn *c, struct slice raw, size_t lines)
{
    const struct http_limits *l = &c->server->limits;
    struct refusal why = {500, "out_of_memory", "no memory for this request"};
    struct head h;
    size_t n = raw.n;
    struct request *r = request_new(c);
    char *text = r ? arena_alloc(&r->arena, n) : NULL;
    struct http_header *headers = r ? arena_alloc(&r->arena, (lines + 1) * sizeof *headers) : NULL;
    if (!text || !headers) return refuse(c, &why);
    memcpy(text, raw.p, n);
    if (head__parse(slice_of(text, n), l, &h, headers, &why) < 0) {
        r->method = h.method;
        return refuse(c, &why);
    }
    r->headers = headers;
    fill(c, r, &h);
    why = (struct refusal){400, "bad_request", "two readers would not agree on this request"};
    tabs_to_spaces(text, &h, headers);
    if (c->carrier)
        frame_body(c, r, &h);
    else if (!readers_agree(slice_of(text, n), &h))
        return refuse(c, &why);
    hear_proxies(c, r);
    if (h.asterisk) {
        r->path = SLICE("*");
    } else {
        char *path = arena_alloc(&r->arena, h.path.n);
        r->path.p = path;
        if (!path || path__normalise(h.path, path, &r->path.n, &why.detail) < 0) return refuse(c, &why);
    }
    conn__awaited(c);
    c->state = CONN_REQUEST;
    if (h.asterisk) return answer_asterisk(c, r);
    if (c->door->to_https) return answer_elsewhere(c, r);
    c->with_app = true;
    c->server->app.on_request(c->server->app.to, r);
    return true;
}

bool h1__head(struct conn *c)
{
    struct refusal why;
    ptrdiff_t end = head__scan(&c->scan, c->input, c->input_n, &c->server->limits, &why);
    if (end < 0) {
        refuse(c, &why);
        return true;
    }
    return end > 0 && begin_request(c, c->scan.start, (size_t)end);
}

/* ---- bodies ---- */

bool h1__body_small(const struct conn *c)
{
    return c->chunked ? c->body_seen < DRAIN_BODY : c->body_left <= DRAIN_BODY;
}

/* Bytes of the body, to the sink or to nowhere. */
void h1__deliver(struct conn *c, const char *p, size_t n)
{
    c->body_seen += n;
    if (c->state != CONN_BODY) return;
    if (c->body_seen > c->sink.max) {
        c->body_rc = err_set(conn__body_err(c), GIFD_ETOOBIG, "the body is larger than the limit of %llu bytes",
                             (unsigned long long)c->sink.max);
        return;
    }
    int rc = c->sink.data(c->sink.to, (const uint8_t *)p, n, conn__body_err(c));
    if (c->state != CONN_BODY) return; /* replied meanwhile */
    if (rc < 0) {
        c->body_rc = rc;
    } else if (rc == BODY_PAUSE) {
        c->paused = true;
        c->paused_at = loop_now_ms(c->server->loop);
    }
}

void h1__finish_body(struct conn *c)
{
    bool asked = c->state == CONN_BODY;
    c->body_done = true;
    c->scan = (struct head_scan){0};
    c->state = asked ? CONN_REQUEST : CONN_HEAD;
    if (asked) c->sink.end(c->sink.to, GIFD_OK, NULL);
}

void h1__fail_body(struct conn *c)
{
    int rc = c->body_rc;
    bool asked = c->state == CONN_BODY;
    c->keep_alive = false;
    c->linger = true;
    c->body_rc = rc;
    c->state = asked ? CONN_REQUEST : CONN_CLOSING;
    if (asked) c->sink.end(c->sink.to, rc, conn__body_err(c));
}

static bool read_trailers(struct conn *c)
{
    struct http_limits limits = c->server->limits;
    struct refusal why;
    limits.head_bytes = limits.head_bytes < 8192 ? limits.head_bytes : 8192;
    struct http_header fields[128];
    size_t count;
    if (limits.head_fields > 127) limits.head_fields = 127;
    ptrdiff_t end = head__scan(&c->scan, c->input, c->input_n, &limits, &why);
    if (end == 0) return false;
    if (end < 0 || head__fields(slice_of(c->input, (size_t)end), fields, &count, &why) < 0) {
        c->body_rc = err_set(conn__body_err(c), GIFD_EPROTOCOL, "trailer section: %s", why.detail);
        return true;
    }
    use_input(c, (size_t)end);
    h1__finish_body(c);
    return true;
}

static bool read_chunks(struct conn *c)
{
    size_t data;
    if (c->chunks.last) return read_trailers(c);
    if (c->input_n == 0) return false;
    ptrdiff_t used = chunk__next(&c->chunks, c->input, c->input_n, &data);
    if (used < 0) {
        c->body_rc = err_set(conn__body_err(c), GIFD_EPROTOCOL, "a malformed chunk");
        return true;
    }
    use_input(c, (size_t)used);
    const char *p = c->input;
    use_input(c, data);
    if (data) h1__deliver(c, p, data);
    if (c->chunks.last) c->scan = (struct head_scan){.trailer = true};
    return true;
}

static bool read_length(struct conn *c)
{
    size_t n = c->body_left < c->input_n ? (size_t)c->body_left : c->input_n;
    if (n) {
        const char *p = c->input;
        c->body_left -= n;
        use_input(c, n);
        h1__deliver(c, p, n);
        if (c->body_rc) return true;
    }
    if (c->body_left == 0 && !c->paused && (c->state == CONN_BODY || c->state == CONN_DRAIN)) {
        h1__finish_body(c);
        return true;
    }
    return false;
}

bool h1__body(struct conn *c)
{
    if (c->body_rc) {
        h1__fail_body(c);
        return true;
    }
    if (c->paused) return false;
    bool more = c->chunked ? read_chunks(c) : read_length(c);
    if (c->state == CONN_DRAIN && c->body_seen > 2 * DRAIN_BODY) {
        c->linger = true;
        c->state = CONN_CLOSING;
    }
    return more;
}
