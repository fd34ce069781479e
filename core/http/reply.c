/* reply.c: see reply.h. A reply is planned (conditionals, ranges, length), its head written behind what already waits
 * on the connection, and its body put behind that: copied when small, else left as pieces that conn.c sends. */
#include "base/clock.h"
#include "base/log.h"
#include "http/conditional.h"
#include "http/h2_int.h"
#include "http/range.h"
#include "http/utf8_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECES_MAX (2 * RANGES_MAX + 1)
#define PART_HEAD_MAX 512

struct plan {
    int status;
    bool whole;      /* of the representation's own fields: all; else only those that a 304, 412 or 416 may have */
    uint64_t length; /* of the body, also when it is not sent */
    struct range range[RANGES_MAX];
    size_t ranges;
    char boundary[REQUEST_ID_LEN + 1]; /* of multipart/byteranges */
    struct piece piece[PIECES_MAX];
    size_t pieces;
    bool streamed; /* of no length */
};

static uint64_t size_of(const struct reply *p)
{
    return p->body == REPLY_FILE ? p->size : p->body == REPLY_BYTES ? p->bytes.n : 0;
}

static bool has_no_length(int status)
{
    return status == 204 || status == 304;
}

/* ---- planning ---- */

static void plan_piece(struct plan *plan, const char *bytes, uint64_t at, uint64_t n)
{
    plan->piece[plan->pieces++] = (struct piece){bytes, n, at};
    plan->length += n;
}

static int plan_parts(struct plan *plan, struct request *r, const struct reply *p)
{
    const char *bytes = p->body == REPLY_BYTES ? p->bytes.p : NULL;
    server__random_id(r->conn->server, plan->boundary);
    for (size_t i = 0; i <= plan->ranges; i++) {
        bool end = i == plan->ranges;
        char *head = arena_alloc(&r->arena, PART_HEAD_MAX);
        if (!head) return -1;
        int n = end ? snprintf(head, PART_HEAD_MAX, "\r\n--%s--\r\n", plan->boundary)
                    : snprintf(head, PART_HEAD_MAX, "%s--%s\r\n%s%.*s%sContent-Range: bytes %llu-%llu/%llu\r\n\r\n",
                               i ? "\r\n" : "", plan->boundary, p->type.n ? "Content-Type: " : "", (int)p->type.n,
                               p->type.n ? p->type.p : "", p->type.n ? "\r\n" : "",
                               (unsigned long long)plan->range[i].first, (unsigned long long)plan->range[i].last,
                               (unsigned long long)size_of(p));
        if (n < 0 || n >= PART_HEAD_MAX) return -1;
        plan_piece(plan, head, 0, (uint64_t)n);
        if (!end) plan_piece(plan, bytes, plan->range[i].first, plan->range[i].last - plan->range[i].first + 1);
    }
    return 0;
}

static const struct http_header *only_header(const struct request *r, const char *name)
{
    const struct http_header *found = NULL;
    struct slice want = slice_str(name);
    for (size_t i = 0; i < r->header_count; i++) {
        if (!slice_ieq(r->headers[i].name, want)) continue;
        if (found) return NULL;
        found = &r->headers[i];
    }
    return found;
}

/* Decides 200, 206, 304, 412 or 416. */
static void plan_selection(struct plan *plan, struct request *r, const struct reply *p)
{
    switch (conditional_check(r, p->etag, p->last_modified)) {
    case CONDITIONAL_NOT_MODIFIED: plan->status = 304; return;
    case CONDITIONAL_FAILED: plan->status = 412; return;
    case CONDITIONAL_GO: break;
    }
    if (r->method != HTTP_GET) return;
    const struct http_header *range = only_header(r, "Range");
    if (!range || !conditional_range(r, p->etag, p->last_modified)) return;
    switch (range_parse(range->value, size_of(p), plan->range, &plan->ranges)) {
    case RANGE_WHOLE: plan->ranges = 0; return;
    case RANGE_UNSATISFIABLE: plan->status = 416; return;
    case RANGE_PARTIAL: plan->status = 206; return;
    }
}

static bool chooses(struct slice name)
{
    return slice_ieq(name, SLICE("Range")) || slice_ieq(name, SLICE("If-Match")) ||
           slice_ieq(name, SLICE("If-Unmodified-Since"));
}

bool reply_from_start(const struct request *r, const struct reply *p)
{
    struct range ranges[RANGES_MAX];
    size_t n = 0, chosen = 0;
    if (r->method != HTTP_GET || p->status != 200) return false;
    for (size_t i = 0; i < r->header_count && !chosen; i++) chosen = chooses(r->headers[i].name);
    if (!chosen || !(p->etag.n || p->last_modified)) return true;
    if (conditional_check(r, p->etag, p->last_modified) == CONDITIONAL_FAILED) return false;
    const struct http_header *range = only_header(r, "Range");
    if (!range || !conditional_range(r, p->etag, p->last_modified)) return true;
    if (range_parse(range->value, size_of(p), ranges, &n) == RANGE_WHOLE) return true;
    while (n > 0 && ranges[n - 1].first > 0) n--;
    return n > 0;
}

static int plan_reply(struct plan *plan, struct request *r, const struct reply *p)
{
    const char *bytes = p->body == REPLY_BYTES ? p->bytes.p : NULL;
    plan->status = p->status;
    plan->whole = true;
    plan->streamed = false;
    plan->ranges = plan->pieces = 0;
    plan->length = 0;
    bool selectable = (r->method == HTTP_GET || r->method == HTTP_HEAD) && (p->etag.n || p->last_modified);
    if (selectable && p->status == 200 && r->header_count > 1) plan_selection(plan, r, p);
    if (has_no_length(plan->status)) {
        plan->whole = p->status == plan->status;
        return 0;
    }
    if (plan->ranges > 1) return plan_parts(plan, r, p);
    if (plan->ranges == 1)
        plan_piece(plan, bytes, plan->range[0].first, plan->range[0].last - plan->range[0].first + 1);
    else if (size_of(p))
        plan_piece(plan, bytes, 0, size_of(p));
    return 0;
}

/* ---- the head ---- */

static char *put(char *w, const char *p, size_t n)
{
    memcpy(w, p, n);
    return w + n;
}

static char *put_slice(char *w, struct slice s)
{
    return s.n ? put(w, s.p, s.n) : w;
}

#define PUT(w, literal) put(w, literal, sizeof(literal) - 1)

static char *put_number(char *w, uint64_t v)
{
    char digits[20];
    int i = 20;
    do digits[--i] = (char)('0' + v % 10);
    while (v /= 10);
    return put(w, digits + i, (size_t)(20 - i));
}

/* Fields that describe a body which a 304, 412 or 416 does not have; and freshness, which is only the 304's to keep. */
static bool field_stays(const struct plan *plan, struct slice name)
{
    if (plan->whole) return true;
    if (name.n > 8 && strncasecmp(name.p, "Content-", 8) == 0)
        return slice_ieq(name, SLICE("Content-Security-Policy")) ||
               (plan->status == 304 && slice_ieq(name, SLICE("Content-Location")));
    return plan->status == 304 || !(slice_ieq(name, SLICE("Cache-Control")) || slice_ieq(name, SLICE("Expires")));
}

static bool is_ours(struct slice name)
{
#define IS(text) (name.n == sizeof(text) - 1 && strncasecmp(name.p, text, sizeof(text) - 1) == 0)
    return IS("Content-Length") || IS("Transfer-Encoding") || IS("Connection") || IS("Date") || IS("Request-Id") ||
           IS("Content-Range") || IS("Keep-Alive") || IS("Upgrade");
#undef IS
}

static bool value_clean(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f) return false;
    return true;
}

/* An upper bound of the head's length, or 0 when it cannot be sent. */
static size_t head_bound(const struct request *r, const struct reply *p)
{
    if (p->ready.n) return 1024 + p->type.n + p->ready.n + r->fields.n <= REPLY_HEAD_MAX; /* checked when it was made */
    size_t n = 768 + p->type.n + p->etag.n + r->fields.n;
    if (p->status < 200 || p->status > 599 || !value_clean(p->type) || !value_clean(p->etag)) return 0;
    for (size_t i = 0; i < p->header_count; i++) {
        const struct http_header *h = &p->headers[i];
        if (!head__is_token(h->name) || is_ours(h->name) || !value_clean(h->value)) return 0;
        n += h->name.n + h->value.n + 4;
    }
    return n <= REPLY_HEAD_MAX ? n : 0;
}

static char *put_status(char *w, const struct conn *c, const struct request *r, int status)
{
    const char *title = http_status_title(status);
    if (status == 200) {
        w = PUT(w, "HTTP/1.1 200 OK\r\nDate: ");
    } else {
        w = PUT(w, "HTTP/1.1 ");
        w = put_number(w, (uint64_t)status);
        *w++ = ' ';
        w = put(w, title, strlen(title));
        w = PUT(w, "\r\nDate: ");
    }
    w = put(w, c->server->loop->date, 29);
    w = PUT(w, "\r\nRequest-Id: ");
    return put(w, r->id, strlen(r->id));
}

static char *put_body_fields(char *w, const struct plan *plan, const struct reply *p, bool close_delimited)
{
    if (plan->ranges > 1) {
        w = PUT(w, "\r\nContent-Type: multipart/byteranges; boundary=");
        w = put(w, plan->boundary, REQUEST_ID_LEN);
    } else if (p->type.n && plan->whole) {
        w = PUT(w, "\r\nContent-Type: ");
        w = put_slice(w, p->type);
    }
    if (plan->ranges == 1) {
        w = PUT(w, "\r\nContent-Range: bytes ");
        w = put_number(w, plan->range[0].first);
        *w++ = '-';
        w = put_number(w, plan->range[0].last);
        *w++ = '/';
        w = put_number(w, size_of(p));
    }
    if (plan->streamed) {
        if (!close_delimited) w = PUT(w, "\r\nTransfer-Encoding: chunked");
    } else if (!has_no_length(plan->status)) {
        w = PUT(w, "\r\nContent-Length: ");
        w = put_number(w, plan->length);
    }
    return w;
}

/* What does not change from one sending of a reply to the next. date: of last_modified. */
static char *put_fields(char *w, const struct plan *plan, const struct reply *p, const char *date)
{
    if (p->etag.n) {
        w = PUT(w, "\r\nETag: ");
        w = put_slice(w, p->etag);
    }
    if (p->last_modified) {
        w = PUT(w, "\r\nLast-Modified: ");
        w = put(w, date, 29);
    }
    if ((p->etag.n || p->last_modified) && (plan->status == 200 || plan->status == 206))
        w = PUT(w, "\r\nAccept-Ranges: bytes");
    for (size_t i = 0; i < p->header_count; i++) {
        if (!field_stays(plan, p->headers[i].name)) continue;
        w = PUT(w, "\r\n");
        w = put_slice(w, p->headers[i].name);
        w = PUT(w, ": ");
        w = put_slice(w, p->headers[i].value);
    }
    return w;
}

size_t reply_prepare(const struct reply *p, int status, char *out, size_t cap)
{
    struct request none = {0};
    struct plan plan = {.status = status, .whole = status != 304};
    char date[30];
    if (!p->etag.n && !p->last_modified) return 0; /* it would differ by method and range */
    size_t bound = head_bound(&none, p);
    if (bound == 0 || bound > cap) return 0;
    clock_http_date(p->last_modified, date);
    return (size_t)(put_fields(out, &plan, p, date) - out);
}

static struct slice ready_fields(const struct plan *plan, const struct reply *p)
{
    if (plan->status == 200 || plan->status == 206) return p->ready;
    return plan->status == 304 ? p->ready_304 : SLICE("");
}

/* Are its fields given to HTTP/2 as they are kept? */
static bool listed(const struct conn *c, const struct plan *plan, const struct reply *p)
{
    return c->carrier && p->listed_count && (plan->status == 200 || plan->status == 206);
}

/* The reply is as good as sent: its head is where it goes out from. */
static void account(const struct request *r, int status)
{
    const struct http_app *app = &r->conn->server->app;
    if (app->on_reply) app->on_reply(app->to, r, status);
    if (!log_says(LOG_DEBUG, "http.request")) return;
    char trace[TRACE_ID_LEN + 1] = "";
    if (r->trace.on) trace_id_text(&r->trace, trace);
    log_debug("http.request", LS("request_id", r->id), LS("trace_id", trace), LS("method", http_method_name(r->method)),
              LN("path", r->path.p, r->path.n), LI("status", status),
              LI("us", (clock_mono_ns() - r->started_ns) / 1000));
}

static char *put_head(char *w, struct conn *c, const struct request *r, const struct plan *plan, const struct reply *p,
                      bool close, int64_t complete)
{
    w = put_status(w, c, r, plan->status);
    w = put_body_fields(w, plan, p, r->minor_zero);
    if (complete >= 0) {
        w = PUT(w, "\r\nContent-Range: bytes */");
        w = put_number(w, (uint64_t)complete);
    }
    struct slice ready = ready_fields(plan, p);
    if (!listed(c, plan, p))
        w = ready.n ? put_slice(w, ready)
                    : put_fields(w, plan, p, p->last_modified ? server__date(c->server, p->last_modified) : "");
    w = put_slice(w, r->fields);
    if ((c->carrier ? c->carrier : c)->tls && c->door->hsts[0]) w = put_slice(w, slice_str(c->door->hsts));
    if (close)
        w = PUT(w, "\r\nConnection: close");
    else if (r->minor_zero)
        w = PUT(w, "\r\nConnection: keep-alive");
    return PUT(w, "\r\n\r\n");
}

/* ---- the body ---- */

static int copy_piece(char *to, const struct piece *piece, int fd)
{
    if (piece->p) {
        memcpy(to, piece->p + piece->at, piece->n);
        return 0;
    }
    for (uint64_t done = 0; done < piece->n;) {
        ssize_t n = pread(fd, to + done, piece->n - done, (off_t)(piece->at + done));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        done += (uint64_t)n;
    }
    return 0;
}

/* Long bytes go out at once as far as the socket takes them, so that only the rest has to be copied. An error shows
 * again, and is dealt with, when the turn ends. */
static void send_now(struct conn *c, struct piece *piece)
{
    if (c->tls) {
        conn__send_bytes(c, piece);
        return;
    }
    size_t waiting = c->out->n - c->out_sent;
    struct iovec v[2] = {{c->out->bytes + c->out_sent, waiting}, {(char *)(uintptr_t)(piece->p + piece->at), piece->n}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    ssize_t n = sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n <= 0) return;
    size_t sent = (size_t)n, of_out = sent < waiting ? sent : waiting;
    c->turn_bytes += sent;
    c->out_sent += of_out;
    piece->at += sent - of_out;
    piece->n -= sent - of_out;
}

static void use_kept(struct conn *c, struct kept *k)
{
    if (c->kept || !k) return;
    c->kept = k;
    k->users++;
}

static int keep_file(struct conn *c, struct reply *p)
{
    use_kept(c, p->kept);
    c->file = p->keep_fd && !p->kept ? fcntl(p->fd, F_DUPFD_CLOEXEC, 3) : p->fd;
    if (c->file < 0) return -1;
    if (!p->keep_fd) p->fd = -1;
    return 0;
}

static int keep_pieces(struct conn *c, struct request *r, struct plan *plan, const struct reply *p)
{
    if (p->body == REPLY_BYTES && plan->pieces == 1 && !c->carrier) send_now(c, &plan->piece[0]);
    if (p->body == REPLY_BYTES && p->kept) {
        use_kept(c, p->kept);
    } else if (p->body == REPLY_BYTES) {
        const struct piece *first = &plan->piece[0];
        size_t from = plan->pieces == 1 ? first->at : 0, n = plan->pieces == 1 ? first->n : p->bytes.n;
        c->big = malloc(n ? n : 1);
        if (!c->big) return -1;
        memcpy(c->big, p->bytes.p + from, n);
        for (size_t i = 0; i < plan->pieces; i++) {
            if (plan->piece[i].p != p->bytes.p) continue;
            plan->piece[i].p = c->big;
            plan->piece[i].at -= from;
        }
    }
    if (plan->pieces == 1) {
        c->one = plan->piece[0];
        c->pieces = &c->one;
    } else {
        c->pieces = arena_alloc(&r->arena, plan->pieces * sizeof *c->pieces);
        if (!c->pieces) return -1;
        memcpy(c->pieces, plan->piece, plan->pieces * sizeof *c->pieces);
    }
    c->piece = 0;
    c->piece_count = plan->pieces;
    return 0;
}

static int put_body(struct conn *c, struct request *r, struct plan *plan, struct reply *p)
{
    if (plan->length <= SMALL_BODY) {
        for (size_t i = 0; i < plan->pieces; i++) {
            if (copy_piece(c->out->bytes + c->out->n, &plan->piece[i], p->fd) < 0) return -1;
            c->out->n += plan->piece[i].n;
        }
        return 0;
    }
    if (p->body == REPLY_FILE) {
        /* Mostly all of it can go now, and a file that others keep open need not be kept open for this. */
        if (p->keep_fd && plan->pieces == 1 && conn__send_file(c, p->fd, &plan->piece[0])) return 0;
        if (keep_file(c, p) < 0) return -1;
    }
    return keep_pieces(c, r, plan, p);
}

/* ---- sending ---- */

static bool must_close(struct conn *c, const struct reply *p)
{
    bool body_open = !c->body_done && (c->body_rc || c->expect || !h1__body_small(c));
    bool ends = p->close || !c->keep_alive || c->server->draining || body_open;
    if (ends && !c->body_done)
        c->linger = true; /* else what still arrives resets the connection before the reply is read */
    return ends;
}

static void after_reply(struct conn *c, bool close)
{
    c->with_app = false;
    c->paused = false;
    c->body_rc = 0;
    if (c->carrier) {
        c->state = c->body_done ? CONN_CLOSING : CONN_DRAIN;
        conn__ready(c);
        return;
    }
    if (close)
        c->state = CONN_CLOSING;
    else
        c->state = c->body_done ? CONN_HEAD : CONN_DRAIN;
    if (c->piece == c->piece_count) conn__request_done(c);
    c->progress = true;
    conn__ready(c);
}

struct problem {
    int status;
    const char *code;
    const struct http_header *headers;
    size_t header_count;
    int64_t complete;    /* of a 416: the length of the representation; else -1 */
    const char *pointer; /* JSON Pointer of the field that is wrong, or NULL */
};

static void send_problem(struct request *r, const struct problem *b, const char *detail);

static void abandon(struct conn *c)
{
    c->with_app = false;
    conn__close(c);
}

static void fail(struct request *r, const char *why)
{
    log_error("http.reply", LN("path", r->path.p, r->path.n), LS("request_id", r->id), LS("error", why));
    send_problem(r, &(struct problem){500, "internal", NULL, 0, -1, NULL}, "the reply could not be built");
}

static void selection_failed(struct request *r, const struct plan *plan, const struct reply *p)
{
    struct http_header kept[32];
    struct plan bare = {.status = plan->status};
    struct problem b = {plan->status, "precondition_failed", kept, 0, -1, NULL};
    for (size_t i = 0; i < p->header_count && b.header_count < 31; i++) {
        struct slice name = p->headers[i].name;
        if (slice_ieq(name, SLICE("X-Content-Type-Options"))) continue; /* every problem says so */
        if (field_stays(&bare, name)) kept[b.header_count++] = p->headers[i];
    }
    if (plan->status == 416) {
        b.code = "range_not_satisfiable";
        b.complete = (int64_t)size_of(p);
        send_problem(r, &b, "no byte of the range is in the representation");
    } else {
        send_problem(r, &b, "a precondition of the request does not hold");
    }
}

/* ---- as a stream of HTTP/2 ---- */

/* Small bodies that are not kept are copied, to lie in the request's memory until flow control lets them go. */
static int hold_body(struct conn *c, struct request *r, struct plan *plan, struct reply *p)
{
    if (plan->length > SMALL_BODY || p->kept)
        return p->body == REPLY_FILE && keep_file(c, p) < 0 ? -1 : keep_pieces(c, r, plan, p);
    char *all = arena_alloc(&r->arena, plan->length), *w = all;
    if (!all) return -1;
    for (size_t i = 0; i < plan->pieces; i++) {
        if (copy_piece(w, &plan->piece[i], p->fd) < 0) return -1;
        w += plan->piece[i].n;
    }
    c->one = (struct piece){all, plan->length, 0};
    c->pieces = &c->one;
    c->piece = 0;
    c->piece_count = 1;
    return 0;
}

/* In the request's memory, which lives as long as the stream does. */
static int frame_head(struct h2_head *out, struct conn *c, struct request *r, const struct plan *plan,
                      const struct reply *p, int64_t complete)
{
    char text[REPLY_HEAD_MAX];
    bool as_listed = listed(c, plan, p);
    out->n = (size_t)(put_head(text, c, r, plan, p, false, complete) - text);
    out->text = arena_alloc(&r->arena, out->n);
    out->more = p->listed;
    out->more_count = as_listed ? p->listed_count : 0;
    if (!out->text) return -1;
    memcpy(out->text, text, out->n);
    return 0;
}

static void send_framed(struct conn *c, struct request *r, struct plan *plan, struct reply *p, int64_t complete)
{
    struct h2_head head;
    bool body = r->method != HTTP_HEAD && plan->length > 0 && plan->pieces;
    if (frame_head(&head, c, r, plan, p, complete) < 0) {
        abandon(c);
        return;
    }
    if (body && hold_body(c, r, plan, p) < 0) {
        conn__drop_output(c);
        fail(r, "the body could not be read");
        return;
    }
    if (head.more_count) use_kept(c, p->kept);
    if (h2__respond(c, &head, body, false) < 0) {
        abandon(c);
        return;
    }
    account(r, plan->status);
    after_reply(c, false);
}

/* complete: see struct problem. */
static void send_reply(struct request *r, struct reply *p, int64_t complete)
{
    struct conn *c = r->conn;
    struct plan plan;
    if (!head_bound(r, p) || plan_reply(&plan, r, p) < 0) {
        fail(r, "a field that cannot be sent, or no memory");
        return;
    }
    if (p->status == 200 && (plan.status == 412 || plan.status == 416)) {
        selection_failed(r, &plan, p);
        return;
    }
    if (c->carrier) {
        send_framed(c, r, &plan, p, complete);
        return;
    }
    char *w = conn__room(c, REPLY_HEAD_MAX + (plan.length <= SMALL_BODY ? plan.length : 0));
    if (!w) {
        abandon(c);
        return;
    }
    size_t mark = c->out->n;
    bool close = must_close(c, p);
    c->out->n += (size_t)(put_head(w, c, r, &plan, p, close, complete) - w);
    if (r->method != HTTP_HEAD && put_body(c, r, &plan, p) < 0) {
        c->out->n = mark;
        if (c->out_sent > mark)
            abandon(c);
        else
            fail(r, "the body could not be read");
        return;
    }
    account(r, plan.status);
    after_reply(c, close);
}

void reply_send(struct request *r, const struct reply *p)
{
    struct reply own = *p;
    if (own.body != REPLY_FILE) own.fd = -1;
    send_reply(r, &own, -1);
    if (own.fd >= 0 && !own.keep_fd) close(own.fd);
}

/* ---- piece by piece ---- */

#define CHUNK_ROOM 32 /* the size before a piece, its end, and the last chunk */

static struct conn *begin_framed(struct conn *c, struct request *r, const struct reply *p,
                                 const struct reply_calls *calls, void *to)
{
    struct plan plan = {.status = p->status, .whole = true, .streamed = true};
    struct h2_head head;
    if (!head_bound(r, p)) {
        fail(r, "a stream whose head cannot be sent");
        return NULL;
    }
    bool body = r->method != HTTP_HEAD;
    if (frame_head(&head, c, r, &plan, p, -1) < 0 || h2__respond(c, &head, body, body) < 0) {
        abandon(c);
        return NULL;
    }
    account(r, p->status);
    if (!body) {
        after_reply(c, false);
        return NULL;
    }
    c->stream = calls;
    c->stream_to = to;
    return c;
}

struct conn *reply_begin(struct request *r, const struct reply *p, const struct reply_calls *calls, void *to)
{
    struct conn *c = r->conn;
    struct plan plan = {.status = p->status, .whole = true, .streamed = true};
    if (c->carrier) return begin_framed(c, r, p, calls, to);
    char *w = head_bound(r, p) ? conn__room(c, REPLY_HEAD_MAX) : NULL;
    if (!w) {
        fail(r, "a stream whose head cannot be sent");
        return NULL;
    }
    bool close = must_close(c, p) || r->minor_zero;
    c->out->n += (size_t)(put_head(w, c, r, &plan, p, close, -1) - w);
    account(r, p->status);
    if (r->method == HTTP_HEAD) {
        after_reply(c, close);
        return NULL;
    }
    c->stream = calls;
    c->stream_to = to;
    c->stream_close = close;
    c->progress = true;
    conn__ready(c);
    return c;
}

int reply_more(struct conn *c, struct slice bytes)
{
    bool plain = c->request->minor_zero;
    if (bytes.n == 0) return GIFD_OK;
    if (bytes.n > REPLY_PIECE_MAX) return GIFD_ETOOBIG;
    if (c->carrier) return h2__more(c, bytes);
    char *w = conn__room(c, bytes.n + CHUNK_ROOM);
    if (!w) return GIFD_EBUSY;
    const char *from = w;
    if (!plain) w += snprintf(w, CHUNK_ROOM, "%zx\r\n", bytes.n);
    w = put_slice(w, bytes);
    if (!plain) w = PUT(w, "\r\n");
    c->out->n += (size_t)(w - from);
    c->progress = true;
    conn__ready(c);
    return GIFD_OK;
}

void reply_end(struct conn *c)
{
    if (c->carrier) {
        c->stream = NULL;
        h2__finish(c);
        after_reply(c, false);
        return;
    }
    char *w = conn__room(c, 5);
    c->stream = NULL;
    if (!w) {
        abandon(c); /* a body without its last chunk is one that was cut */
        return;
    }
    if (!c->request->minor_zero) c->out->n += (size_t)(PUT(w, "0\r\n\r\n") - w);
    after_reply(c, c->stream_close || c->server->draining);
}

void reply_cut(struct conn *c)
{
    c->stream = NULL;
    abandon(c);
}

void conn__stream_over(struct conn *c)
{
    const struct reply_calls *calls = c->stream;
    void *to = c->stream_to;
    if (!calls || calls->whole) return;
    reply_end(c);
    calls->gone(to);
}

/* ---- problems ---- */

static char *put_json(char *w, const char *end, const char *s)
{
    bool utf8 = utf8__valid(slice_str(s));
    for (; *s && end - w > 8; s++) {
        unsigned char b = (unsigned char)*s;
        if (b == '"' || b == '\\') {
            *w++ = '\\';
            *w++ = (char)b;
        } else if (b < 0x20) {
            w += snprintf(w, 8, "\\u%04x", b);
        } else {
            *w++ = b >= 0x80 && !utf8 ? '?' : (char)b;
        }
    }
    return w;
}

static void send_problem(struct request *r, const struct problem *b, const char *detail)
{
    char json[6144], *w = json, *end = json + sizeof json - 128;
    struct http_header headers[34];
    size_t n = b->header_count < 32 ? b->header_count : 32;
    if (n) memcpy(headers, b->headers, n * sizeof *headers);
    headers[n++] = (struct http_header){SLICE("X-Content-Type-Options"), SLICE("nosniff")};
    headers[n++] = (struct http_header){SLICE("Cache-Control"), SLICE("no-store")};
    w += snprintf(w, 512, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"",
                  http_status_title(b->status), b->status);
    w = put_json(w, end - 128, detail);
    w = PUT(w, "\",\"code\":\"");
    w = put_json(w, end, b->code);
    if (b->pointer) {
        w = PUT(w, "\",\"errors\":[{\"pointer\":\"");
        w = put_json(w, end, b->pointer);
        w = PUT(w, "\",\"detail\":\"");
        w = put_json(w, end, detail);
        w = PUT(w, "\"}],\"request_id\":\"");
    } else {
        w = PUT(w, "\",\"request_id\":\"");
    }
    w += snprintf(w, 64, "%s\"}", r->id);
    struct reply p = {
        .status = b->status,
        .type = SLICE("application/problem+json"),
        .headers = headers,
        .header_count = n,
        .body = REPLY_BYTES,
        .bytes = {json, (size_t)(w - json)},
        .fd = -1,
    };
    send_reply(r, &p, b->complete);
}

void reply_problem(struct request *r, int status, const char *code, const char *fmt, ...)
{
    char detail[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    send_problem(r, &(struct problem){status, code, NULL, 0, -1, NULL}, detail);
}

void reply_problem_at(struct request *r, int status, const char *code, const char *pointer, const char *fmt, ...)
{
    char detail[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    send_problem(r, &(struct problem){status, code, NULL, 0, -1, pointer}, detail);
}

void reply_problem_with(struct request *r, int status, const char *code, const struct http_header *headers,
                        size_t count, const char *fmt, ...)
{
    char detail[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(detail, sizeof detail, fmt, ap);
    va_end(ap);
    send_problem(r, &(struct problem){status, code, headers, count, -1, NULL}, detail);
}
