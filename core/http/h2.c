/* h2.c: see h2_int.h.
 *
 * What costs us more than it costs the peer is paid from `calm`, a bucket that time and sent DATA fill: resets (by the
 * peer, or by us for what it did wrong), PING, SETTINGS, PRIORITY, empty DATA and WINDOW_UPDATE. When it is empty, or
 * heads unfold to many times what is allowed, the connection ends with ENHANCE_YOUR_CALM. nghttp2 itself bounds
 * CONTINUATION frames, its answers that wait, and values in SETTINGS; frames of unknown types are but bytes to it. */
#include "http/h2_int.h"
#include "base/log.h"
#include "http/h2_fields_int.h"
#include "http/h2_memory_int.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <unistd.h>

#define STREAMS_MAX 100
#define STREAM_WINDOW (256 * 1024)
#define CONN_WINDOW (1024 * 1024)
#define FRAME_ROOM (16384 + 9)
#define QUEUE_MAX (128 * 1024)
#define CALM_MAX 500 /* ... and so many come back each second */
#define CALM_PER_S 50
#define SETTLE_MS 1000
#define HEAD_BOMB 16 /* heads of one connection in one turn may unfold to so many times head_bytes */

struct stream {
    struct conn c;
    struct list node;
    int32_t id;
    bool begun, ended, replied, streamed, finished, closed, deferred, drained, too_big, malformed;
    size_t head_at, head_n, head_lines; /* in h2.heads, until it is begun */
    struct buf queue;                   /* of what comes by h2__more */
};

struct h2 {
    struct conn *c;
    nghttp2_session *session;
    struct list streams, wake; /* wake: by c.ready */
    size_t count;
    struct buf line, fields, cookie; /* of the head that is being received */
    struct buf heads;                /* those of this turn, as text */
    struct slice method, path, authority;
    bool in_head, upset, shutting;
    bool told, asked, answered;             /* that no further stream is wanted */
    uint64_t told_ms, head_ms;              /* when it was; when the last head came; loop time */
    int32_t last_id, left_out, left_out_to; /* of streams; those that were left out last, up to one that was not */
    size_t lines;
    size_t unfolded; /* bytes of heads in this turn */
    double calm;
    uint64_t calm_at; /* loop time */
};

static struct stream *of(struct conn *c)
{
    return LIST_OF(c, struct stream, c);
}

static struct stream *find(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

static void upset_by(struct h2 *h, double cost)
{
    uint64_t now = loop_now_ms(h->c->server->loop);
    h->calm += (double)(now - h->calm_at) * CALM_PER_S / 1000;
    h->calm_at = now;
    if (h->calm > CALM_MAX) h->calm = CALM_MAX;
    h->calm -= cost;
    if (h->calm < 0) h->upset = true;
}

/* ---- streams ---- */

static void stream_free(struct stream *st)
{
    struct conn *c = &st->c;
    struct http_server *s = c->server;
    struct h2 *h = c->carrier->h2;
    list_remove(&c->wait);
    list_remove(&c->ready);
    list_remove(&st->node);
    c->state = CONN_CLOSED;
    if (c->stream)
        c->stream->gone(c->stream_to);
    else if (c->with_app)
        conn__left(c);
    conn__request_done(c);
    conn__drop_output(c);
    if (c->in.n) nghttp2_session_consume_connection(h->session, c->in.n);
    buf_free(&c->in);
    buf_free(&st->queue);
    h->count--;
    pool__put(&s->stream_pool, st);
}

static struct stream *stream_new(struct h2 *h, int32_t id)
{
    struct conn *carrier = h->c;
    struct http_server *s = carrier->server;
    struct stream *st = pool__take(&s->stream_pool, sizeof *st);
    if (!st) return NULL;
    memset(st, 0, sizeof *st);
    struct conn *c = &st->c;
    c->server = s;
    c->carrier = carrier;
    c->door = carrier->door;
    c->fd = c->file = -1;
    c->peer = carrier->peer;
    c->secure = carrier->secure;
    c->here = carrier->here;
    memcpy(c->client_ip, carrier->client_ip, sizeof c->client_ip);
    buf_init(&c->in, STREAM_WINDOW + READ_SIZE);
    buf_init(&st->queue, QUEUE_MAX);
    list_init(&c->node);
    list_init(&c->own);
    list_init(&c->wait);
    list_init(&c->ready);
    st->id = id;
    list_push(&h->streams, &st->node);
    h->count++;
    return st;
}

void h2__wake(struct conn *c)
{
    struct h2 *h = c->carrier->h2;
    if (c->state == CONN_CLOSED || !h) return;
    list_remove(&c->ready);
    list_push(&h->wake, &c->ready);
    conn__ready(c->carrier);
}

void h2__drop(struct conn *c)
{
    struct stream *st = of(c);
    list_remove(&c->wait);
    c->wait_kind = WAIT_NONE;
    uint32_t why = st->closed ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR; /* 8.1: a body that nobody wants */
    nghttp2_submit_rst_stream(c->carrier->h2->session, 0, st->id, why);
    conn__ready(c->carrier);
}

bool h2__ended(const struct conn *c)
{
    return LIST_OF(c, const struct stream, c)->ended;
}

/* ---- heads ---- */

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct h2 *h = arg;
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    h->in_head = true;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    struct stream *st = stream_new(h, frame->hd.stream_id);
    if (!st) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, st);
    buf_reset(&h->line);
    buf_reset(&h->fields);
    buf_reset(&h->cookie);
    h->method = h->path = h->authority = (struct slice){0};
    h->lines = 0;
    return 0;
}

/* Slices of `line` are offsets until it is whole. */
static int keep(struct h2 *h, struct slice *out, struct slice value)
{
    size_t at = h->line.n;
    if (buf_append(&h->line, value.p, value.n, NULL) < 0) return -1;
    *out = (struct slice){(const char *)at, value.n};
    return 0;
}

static struct slice kept(const struct h2 *h, struct slice s)
{
    return slice_of(h->line.p + (size_t)s.p, s.n);
}

static int take_field(struct h2 *h, struct stream *st, struct slice name, struct slice value)
{
    if (slice_is(name, ":method")) return keep(h, &h->method, value);
    if (slice_is(name, ":path")) return keep(h, &h->path, value);
    if (slice_is(name, ":authority")) return keep(h, &h->authority, value);
    if (name.n && name.p[0] == ':') return 0;
    if (slice_is(name, "host") && h->authority.n) {
        if (!slice_ieq(value, kept(h, h->authority))) st->malformed = true; /* RFC 9113 8.3.1 */
        return 0;
    }
    if (slice_is(name, "cookie")) { /* its crumbs, one field again: 8.2.3 */
        if (h->cookie.n && buf_append(&h->cookie, "; ", 2, NULL) < 0) return -1;
        return buf_append(&h->cookie, value.p, value.n, NULL);
    }
    h->lines++;
    if (buf_reserve(&h->fields, name.n + value.n + 4, NULL) < 0) return -1;
    char *w = h->fields.p + h->fields.n;
    memcpy(w, name.p, name.n);
    memcpy(w + name.n, ": ", 2);
    if (value.n) memcpy(w + name.n + 2, value.p, value.n);
    memcpy(w + name.n + 2 + value.n, "\r\n", 2);
    h->fields.n += name.n + value.n + 4;
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
                     const uint8_t *value, size_t value_n, uint8_t flags, void *arg)
{
    struct h2 *h = arg;
    (void)flags;
    h->unfolded += name_n + value_n + 32;
    if (h->unfolded > (size_t)h->c->server->limits.head_bytes * HEAD_BOMB) h->upset = true;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0; /* trailers */
    struct stream *st = find(session, frame->hd.stream_id);
    if (!st || st->too_big || h->upset) return 0;
    if (take_field(h, st, slice_of((const char *)name, name_n), slice_of((const char *)value, value_n)) < 0)
        st->too_big = true;
    return 0;
}

/* The head as text, at the end of `heads`. */
static int write_head(struct h2 *h, struct stream *st)
{
    struct buf *b = &h->heads;
    size_t at = b->n;
    struct err *none = NULL;
    struct slice method = h->method, path = h->path, authority = h->authority;
    if (buf_reserve(b, method.n + path.n + authority.n + h->fields.n + h->cookie.n + 64, none) < 0) return -1;
    method = kept(h, method), path = kept(h, path), authority = kept(h, authority);
    buf_append(b, method.p, method.n, none);
    buf_append(b, " ", 1, none);
    buf_append(b, path.p, path.n, none);
    buf_append(b, " HTTP/1.1\r\n", 11, none);
    if (authority.n) {
        buf_append(b, "Host: ", 6, none);
        buf_append(b, authority.p, authority.n, none);
        buf_append(b, "\r\n", 2, none);
    }
    if (h->fields.n) buf_append(b, h->fields.p, h->fields.n, none);
    if (h->cookie.n) {
        buf_append(b, "Cookie: ", 8, none);
        buf_append(b, h->cookie.p, h->cookie.n, none);
        buf_append(b, "\r\n", 2, none);
    }
    buf_append(b, "\r\n", 2, none);
    st->head_at = at;
    st->head_n = b->n - at;
    st->head_lines = h->lines + 4;
    return 0;
}

/* The request is handed over when nghttp2 is not on the stack any more; its head is read now. */
static void head_over(struct h2 *h, struct stream *st)
{
    const struct http_limits *l = &h->c->server->limits;
    struct slice path = kept(h, h->path);
    bool odd = st->malformed || (path.n && path.p[0] != '/' && !slice_is(path, "*"));
    if (odd) {
        nghttp2_submit_rst_stream(h->session, 0, st->id, NGHTTP2_PROTOCOL_ERROR);
        return;
    }
    if (!st->too_big && write_head(h, st) < 0) st->too_big = true;
    if (st->head_n > l->head_bytes || h->lines > l->head_fields) st->too_big = true;
    h2__wake(&st->c);
}

/* What nghttp2 passes over, and the RFC does not: names of streams that were left out (5.1.1), PRIORITY of no stream
 * (6.3). */
static bool in_order(struct h2 *h, const nghttp2_frame_hd *hd)
{
    int32_t id = hd->stream_id;
    if (hd->type == NGHTTP2_PRIORITY) return id != 0;
    if (hd->type != NGHTTP2_HEADERS) return true;
    if (id > h->last_id + 2) h->left_out = h->last_id + 2, h->left_out_to = id;
    if (id > h->last_id) h->last_id = id;
    return id < h->left_out || id >= h->left_out_to;
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct h2 *h = arg;
    bool is_head = frame->hd.type == NGHTTP2_HEADERS;
    if (is_head) h->in_head = false;
    if (is_head) h->head_ms = loop_now_ms(h->c->server->loop);
    if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK) h->answered = h->told;
    if (frame->hd.type == NGHTTP2_PRIORITY_UPDATE) {
        const nghttp2_ext_priority_update *p = frame->ext.payload;
        if (p->stream_id == 0) return NGHTTP2_ERR_CALLBACK_FAILURE; /* RFC 9218 7.1 */
    }
    if (!is_head && frame->hd.type != NGHTTP2_DATA) return 0;
    struct stream *st = find(session, frame->hd.stream_id);
    if (!st) return 0;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) st->ended = true;
    if (is_head && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        head_over(h, st);
    else if (st->ended)
        h2__wake(&st->c);
    return 0;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *arg)
{
    (void)session;
    struct h2 *h = arg;
    switch (hd->type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION: break;
    case NGHTTP2_DATA:
        if (hd->length == 0 && !(hd->flags & NGHTTP2_FLAG_END_STREAM)) upset_by(h, 1);
        break;
    case NGHTTP2_WINDOW_UPDATE: upset_by(h, 0.25); break;
    case NGHTTP2_SETTINGS: upset_by(h, hd->flags & NGHTTP2_FLAG_ACK ? 0.5 : 5); break;
    case NGHTTP2_RST_STREAM: upset_by(h, 2); break;
    default: upset_by(h, 1);
    }
    return h->upset || !in_order(h, hd) ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

/* ---- bodies of requests ---- */

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
    (void)flags, (void)arg;
    struct stream *st = find(session, id);
    bool unwanted = !st || st->c.state == CONN_DRAIN || st->c.state == CONN_CLOSING;
    if (unwanted || buf_append(&st->c.in, p, n, NULL) < 0) {
        nghttp2_session_consume_connection(session, n); /* dropped, and no more of it is asked for */
        return 0;
    }
    h2__wake(&st->c);
    return 0;
}

static void give_body(struct stream *st)
{
    struct conn *c = &st->c;
    nghttp2_session *session = c->carrier->h2->session;
    if (c->body_rc && c->state == CONN_BODY) h1__fail_body(c);
    while (c->state == CONN_BODY && !c->paused && c->in.n) {
        size_t n = c->in.n < READ_SIZE ? c->in.n : READ_SIZE;
        c->progress = true;
        h1__deliver(c, c->in.p, n);
        nghttp2_session_consume(session, st->id, n);
        buf_consume(&c->in, n);
        if (c->in.n == 0) buf_free(&c->in);
        if (c->body_rc && c->state == CONN_BODY) h1__fail_body(c);
    }
    if (c->state == CONN_BODY && !c->paused && st->ended && c->in.n == 0) h1__finish_body(c);
    if ((c->state == CONN_DRAIN || c->state == CONN_CLOSING) && c->in.n) {
        nghttp2_session_consume_connection(session, c->in.n);
        buf_free(&c->in);
    }
}

static void begin_request(struct stream *st)
{
    st->begun = true;
    if (st->too_big) {
        h1__refuse(&st->c, 431, "header_fields_too_large", "the head of the request is too large");
    } else {
        const struct buf *heads = &st->c.carrier->h2->heads;
        h1__accept(&st->c, slice_of(heads->p + st->head_at, st->head_n), st->head_lines);
    }
}

static void wait_as(struct stream *st)
{
    struct conn *c = &st->c;
    enum wait_kind kind = WAIT_NONE;
    if (c->state == CONN_BODY && !c->paused)
        kind = WAIT_BODY;
    else if (c->piece < c->piece_count || st->queue.n)
        kind = WAIT_SEND;
    else if (st->closed)
        kind = WAIT_LINGER;
    if (kind != c->wait_kind || c->progress) conn__wait_in(c, kind);
    c->progress = false;
}

/* ---- replies ---- */

static ssize_t read_source(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                           nghttp2_data_source *source, void *arg)
{
    (void)session, (void)id, (void)to, (void)arg;
    struct stream *st = source->ptr;
    struct conn *c = &st->c;
    uint64_t have;
    bool last;
    if (st->streamed) {
        have = st->queue.n;
        last = st->finished;
        if (have == 0 && !last) {
            st->deferred = true;
            return NGHTTP2_ERR_DEFERRED;
        }
    } else {
        have = c->piece < c->piece_count ? c->pieces[c->piece].n : 0;
        last = c->piece + 1 >= c->piece_count;
    }
    size_t n = have < room ? (size_t)have : room;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (last && n == have) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static int copy_body(struct stream *st, char *to, size_t n)
{
    struct conn *c = &st->c;
    if (n == 0) return 0;
    if (st->streamed) {
        memcpy(to, st->queue.p, n);
        buf_consume(&st->queue, n);
        if (st->queue.n == 0) {
            buf_free(&st->queue);
            st->drained = true;
        }
        return 0;
    }
    struct piece *p = &c->pieces[c->piece];
    if (p->p) {
        memcpy(to, p->p + p->at, n);
    } else {
        for (size_t done = 0; done < n;) {
            ssize_t got = pread(c->file, to + done, n - done, (off_t)(p->at + done));
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return -1; /* shorter than was promised */
            done += (size_t)got;
        }
    }
    p->at += n;
    p->n -= n;
    if (p->n == 0) c->piece++;
    return 0;
}

/* For one more frame. Whole records are sealed as they come to be, while they are near. */
static bool has_room(struct h2 *h, size_t n)
{
    struct conn *c = h->c;
    if (c->turn_bytes >= TURN_BYTES) return false;
    if (c->tls && c->out) conn__seal(c);
    return !c->out || OUT_SIZE - c->out->n >= n;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t n,
                        nghttp2_data_source *source, void *arg)
{
    (void)session;
    struct h2 *h = arg;
    struct stream *st = source->ptr;
    /* What nghttp2 may want to say behind it has room as well. */
    char *w = has_room(h, 9 + n + FRAME_ROOM) ? conn__room(h->c, 9 + n) : NULL;
    if (!w || frame->data.padlen) return NGHTTP2_ERR_WOULDBLOCK;
    memcpy(w, head, 9);
    if (copy_body(st, w + 9, n) < 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    h->c->out->n += 9 + n;
    st->c.sent += n;
    st->c.progress = true;
    if (h->calm < CALM_MAX) h->calm += 0.5; /* who takes much may say much */
    return 0;
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct h2 *h = arg;
    uint8_t type = frame->hd.type;
    if (type == NGHTTP2_GOAWAY && h->told && !h->asked) { /* before it went out, a PING would overtake it */
        h->asked = true;
        nghttp2_submit_ping(session, NGHTTP2_FLAG_NONE, NULL);
    }
    if (type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR) {
        h->c->server->traffic.reset++;
        upset_by(h, 2);
    }
    if ((type != NGHTTP2_DATA && type != NGHTTP2_HEADERS) || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    struct stream *st = find(session, frame->hd.stream_id);
    if (st) st->closed = st->c.progress = true; /* a client that sends on may read the reply first */
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t why, void *arg)
{
    (void)why, (void)arg;
    struct stream *st = find(session, id);
    if (!st) return 0;
    nghttp2_session_set_stream_user_data(session, id, NULL);
    stream_free(st);
    return 0;
}

/* Nothing is copied: names and values live as long as the stream. */
#define NV_USED (NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE)

static size_t add_fields(nghttp2_nv *nv, const struct http_header *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct slice name = fields[i].name, value = fields[i].value;
        bool once = name.n == 10 && memcmp(name.p, "request-id", 10) == 0;
        nv[i] = (nghttp2_nv){(uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.n, value.n,
                             once ? NV_USED | NGHTTP2_NV_FLAG_NO_INDEX : NV_USED};
    }
    return count;
}

/* "HTTP/1.1 200 OK\r\nName: value\r\n...\r\n\r\n" */
static int fields_of(const struct h2_head *head, nghttp2_nv *nv)
{
    struct http_header fields[H2_FIELDS_MAX];
    char *status = head->text + 9, *lines = memchr(status, '\r', head->n - 9);
    int n = lines ? h2__fields(lines, (size_t)(head->text + head->n - 4 - lines), fields, H2_FIELDS_MAX) : -1;
    if (n < 0 || (size_t)n + head->more_count > H2_FIELDS_MAX) return -1;
    nv[0] = (nghttp2_nv){(uint8_t *)(uintptr_t) ":status", (uint8_t *)status, 7, 3, NV_USED};
    size_t count = 1 + add_fields(nv + 1, fields, (size_t)n);
    return (int)(count + add_fields(nv + count, head->more, head->more_count));
}

int h2__respond(struct conn *c, const struct h2_head *head, bool body, bool streamed)
{
    struct stream *st = of(c);
    nghttp2_nv nv[H2_FIELDS_MAX + 1];
    int count = fields_of(head, nv);
    nghttp2_data_provider from = {.source.ptr = st, .read_callback = read_source};
    if (count < 0) return -1;
    st->replied = true;
    st->streamed = streamed;
    c->progress = true;
    int rc =
        nghttp2_submit_response(c->carrier->h2->session, st->id, nv, (size_t)count, body || streamed ? &from : NULL);
    h2__wake(c);
    return rc < 0 && nghttp2_is_fatal(rc) ? -1 : 0;
}

static void resume(struct stream *st)
{
    if (!st->deferred) return;
    st->deferred = false;
    nghttp2_session_resume_data(st->c.carrier->h2->session, st->id);
}

int h2__more(struct conn *c, struct slice bytes)
{
    struct stream *st = of(c);
    if (st->queue.n + bytes.n > QUEUE_MAX) return GIFD_EBUSY;
    if (buf_append(&st->queue, bytes.p, bytes.n, NULL) < 0) return GIFD_EBUSY;
    c->progress = true;
    resume(st);
    h2__wake(c);
    return GIFD_OK;
}

void h2__finish(struct conn *c)
{
    of(c)->finished = true;
    resume(of(c));
    h2__wake(c);
}

void h2__continue(struct conn *c)
{
    const nghttp2_nv nv = {(uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t) "100", 7, 3, NGHTTP2_NV_FLAG_NONE};
    nghttp2_submit_headers(c->carrier->h2->session, NGHTTP2_FLAG_NONE, of(c)->id, NULL, &nv, 1, NULL);
    conn__ready(c->carrier);
}

/* ---- the carrier ---- */

static nghttp2_session_callbacks *callbacks(void)
{
    static nghttp2_session_callbacks *k;
    if (k || nghttp2_session_callbacks_new(&k) != 0) return k;
    nghttp2_session_callbacks_set_on_begin_headers_callback(k, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(k, on_header);
    nghttp2_session_callbacks_set_on_begin_frame_callback(k, on_begin_frame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(k, on_frame_recv);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(k, on_data);
    nghttp2_session_callbacks_set_send_data_callback(k, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(k, on_frame_send);
    nghttp2_session_callbacks_set_on_stream_close_callback(k, on_stream_close);
    return k;
}

static nghttp2_option *choices(void)
{
    static nghttp2_option *o;
    if (o || nghttp2_option_new(&o) != 0) return o;
    nghttp2_option_set_no_auto_window_update(o, 1);
    nghttp2_option_set_no_closed_streams(o, 1);
    nghttp2_option_set_builtin_recv_extension_type(o, NGHTTP2_PRIORITY_UPDATE);
    nghttp2_option_set_max_outbound_ack(o, 100);
    return o;
}

int h2__begin(struct conn *c)
{
    struct h2 *h = calloc(1, sizeof *h);
    uint32_t head = c->server->limits.head_bytes;
    nghttp2_mem memory = h2__memory(c->server);
    if (!h || !callbacks() || !choices() ||
        nghttp2_session_server_new3(&h->session, callbacks(), h, choices(), &memory) != 0) {
        free(h);
        return GIFD_ENOMEM;
    }
    h->c = c;
    h->calm = CALM_MAX;
    h->calm_at = loop_now_ms(c->server->loop);
    list_init(&h->streams);
    list_init(&h->wake);
    buf_init(&h->line, head);
    buf_init(&h->heads, HEAD_BOMB * (size_t)head);
    buf_init(&h->fields, head);
    buf_init(&h->cookie, head);
    c->h2 = h;
    c->state = CONN_H2;
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS_MAX},
                                               {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
                                               {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, head},
                                               {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, sizeof settings / sizeof *settings);
    nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW);
    return GIFD_OK;
}

void h2__end(struct conn *c)
{
    struct h2 *h = c->h2;
    if (!h) return;
    while (!list_empty(&h->streams)) stream_free(LIST_OF(h->streams.next, struct stream, node));
    c->h2 = NULL;
    nghttp2_session_del(h->session);
    buf_free(&h->heads);
    buf_free(&h->line);
    buf_free(&h->fields);
    buf_free(&h->cookie);
    free(h);
}

static void enough(struct h2 *h, uint32_t code)
{
    if (h->shutting) return;
    h->shutting = true;
    h->c->server->traffic.ended++;
    log_info("http.h2_ended", LS("peer", h->c->client_ip), LS("why", nghttp2_http2_strerror(code)));
    nghttp2_session_terminate_session(h->session, code);
}

static void run_streams(struct h2 *h)
{
    struct list now;
    list_init(&now);
    while (!list_empty(&h->wake)) list_push(&now, list_shift(&h->wake));
    while (!list_empty(&now)) {
        struct stream *st = of(conn__of_ready(list_shift(&now)));
        if (!st->begun) begin_request(st);
        give_body(st);
        wait_as(st);
    }
}

void h2__input(struct conn *c)
{
    struct h2 *h = c->h2;
    h->unfolded = 0;
    if (c->input_n && !h->shutting) {
        ssize_t n = nghttp2_session_mem_recv(h->session, (const uint8_t *)c->input, c->input_n);
        if (h->upset || n == NGHTTP2_ERR_FLOODED || n == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS)
            enough(h, NGHTTP2_ENHANCE_YOUR_CALM);
        else if (n < 0)
            enough(h, NGHTTP2_PROTOCOL_ERROR);
    }
    c->input_n = 0;
    run_streams(h);
    if (h->heads.n > READ_SIZE)
        buf_free(&h->heads);
    else
        buf_reset(&h->heads);
}

static void tell_room(struct h2 *h)
{
    for (struct list *n = h->streams.next, *next; n != &h->streams; n = next) {
        struct stream *st = LIST_OF(n, struct stream, node);
        next = n->next;
        if (st->c.progress) wait_as(st);
        if (!st->drained || !st->c.stream) continue;
        st->drained = false;
        st->c.stream->room(st->c.stream_to);
    }
}

static int fill(struct h2 *h)
{
    struct conn *c = h->c;
    while (has_room(h, FRAME_ROOM)) {
        const uint8_t *p;
        ssize_t n = nghttp2_session_mem_send(h->session, &p);
        if (n <= 0) return (int)n;
        char *w = conn__room(c, (size_t)n);
        if (!w) return -1;
        memcpy(w, p, (size_t)n);
        c->out->n += (size_t)n;
    }
    return 0;
}

/* What only a head needs is not kept between requests. */
static void rest(struct h2 *h)
{
    if (h->count || h->in_head) return;
    buf_free(&h->heads);
    buf_free(&h->line);
    buf_free(&h->fields);
    buf_free(&h->cookie);
}

bool h2__output(struct conn *c)
{
    struct h2 *h = c->h2;
    bool clear = true;
    for (;;) {
        if (fill(h) < 0) {
            conn__close(c);
            return false;
        }
        if (h->upset) enough(h, NGHTTP2_ENHANCE_YOUR_CALM);
        bool some = c->out;
        clear = conn__flush(c);
        if (c->state == CONN_CLOSED) return false;
        if (!some || !clear || c->turn_bytes >= TURN_BYTES) break;
    }
    tell_room(h);
    rest(h);
    return clear;
}

bool h2__pending(struct conn *c)
{
    return !list_empty(&c->h2->wake) || nghttp2_session_want_write(c->h2->session);
}

bool h2__over(struct conn *c)
{
    return !nghttp2_session_want_write(c->h2->session) &&
           (c->h2->shutting || !nghttp2_session_want_read(c->h2->session));
}

bool h2__quiet(const struct conn *c)
{
    return c->h2->count == 0;
}

bool h2__in_head(const struct conn *c)
{
    return c->h2->in_head;
}

void h2__goodbye(struct conn *c)
{
    nghttp2_session_terminate_session(c->h2->session, NGHTTP2_NO_ERROR);
    if (fill(c->h2) == 0) conn__flush(c);
}

void h2__streams_over(struct conn *c)
{
    LIST_EACH(n, &c->h2->streams) conn__stream_over(&LIST_OF(n, struct stream, node)->c);
}

void h2__notice(struct conn *c)
{
    struct h2 *h = c->h2;
    uint64_t now = loop_now_ms(c->server->loop);
    if (h->told || (h2__quiet(c) && now - h->head_ms >= SETTLE_MS)) return;
    h->told = true;
    h->told_ms = now;
    nghttp2_submit_shutdown_notice(h->session);
    conn__ready(c);
}

bool h2__settled(const struct conn *c)
{
    const struct h2 *h = c->h2;
    uint64_t now = loop_now_ms(c->server->loop);
    return h->told ? h->answered || now - h->told_ms >= SETTLE_MS : now - h->head_ms >= SETTLE_MS;
}

bool h2__was_told(const struct conn *c)
{
    return c->h2->told;
}
