/* request.c: see request.h. */
#include "http/h2_int.h"

const char *http_method_name(enum http_method m)
{
    static const char *const names[] = {"", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    return m >= HTTP_GET && m <= HTTP_OPTIONS ? names[m] : "";
}

struct slice request_header(const struct request *r, const char *name)
{
    struct slice want = slice_str(name);
    for (size_t i = 0; i < r->header_count; i++)
        if (slice_ieq(r->headers[i].name, want)) return r->headers[i].value;
    return (struct slice){0};
}

void request_body(struct request *r, const struct body_sink *sink)
{
    struct conn *c = r->conn;
    if (c->state != CONN_REQUEST || c->body_asked) return;
    c->body_asked = true;
    if (c->body_done) {
        sink->end(sink->to, GIFD_OK, NULL);
        return;
    }
    c->sink = *sink;
    c->state = CONN_BODY;
    c->paused = false;
    c->body_since = loop_now_ms(c->server->loop);
    if (r->content_length >= 0 && (uint64_t)r->content_length > sink->max) {
        c->body_rc = err_set(conn__body_err(c), GIFD_ETOOBIG, "the body is larger than the limit of %llu bytes",
                             (unsigned long long)sink->max);
    } else if (c->expect && c->carrier) {
        if (c->in.n == 0) h2__continue(c);
    } else if (c->expect && (c->busy ? c->input_n : c->in.n) == 0) {
        static const struct slice go_on = {"HTTP/1.1 100 Continue\r\n\r\n", 25};
        char *p = conn__room(c, go_on.n);
        if (p) {
            memcpy(p, go_on.p, go_on.n);
            c->out->n += go_on.n;
        }
    }
    if (!c->body_rc) c->expect = false; /* it will come: a reply before its end has something to drop */
    conn__ready(c);
}

void request_body_resume(struct request *r)
{
    struct conn *c = r->conn;
    if (!c->paused) return;
    c->paused = false;
    c->body_paused_ms += loop_now_ms(c->server->loop) - c->paused_at;
    conn__ready(c);
}
