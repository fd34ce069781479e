/* conn.c: see conn_int.h. Bytes in and out of one socket, and its time-outs; what the bytes mean is h1.c's matter. */
#include "base/log.h"
#include "http/h2_int.h"
#include "http/holder_int.h"
#include "http/proxy_int.h"
#include "http/tls_int.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

struct conn *conn__of_node(struct list *node)
{
    return LIST_OF(node, struct conn, node);
}

struct conn *conn__of_wait(struct list *node)
{
    return LIST_OF(node, struct conn, wait);
}

struct conn *conn__of_ready(struct list *node)
{
    return LIST_OF(node, struct conn, ready);
}

uint64_t conn__since(const struct conn *c)
{
    return c->since;
}

static bool output_pending(const struct conn *c)
{
    return c->out || c->piece < c->piece_count || (c->tls && tls__left(c));
}

bool conn__idle(const struct conn *c)
{
    if (c->state == CONN_H2) return h2__quiet(c) && !output_pending(c) && !c->busy;
    return (c->state == CONN_HEAD || c->state == CONN_PROXY || c->state == CONN_SHAKE) && c->in.n == 0 &&
           !output_pending(c) && !c->busy;
}

/* Bytes that the peer's machine has. What only lies in our send queue is no progress of its reader. */
static uint64_t acknowledged(const struct conn *c)
{
    int queued = 0;
    if (c->carrier) return c->sent;
    if (ioctl(c->fd, SIOCOUTQ, &queued) < 0 || queued < 0 || (uint64_t)queued > c->sent) return c->sent;
    return c->sent - (uint64_t)queued;
}

void conn__wait_in(struct conn *c, enum wait_kind kind)
{
    list_remove(&c->wait);
    c->since = loop_now_ms(c->server->loop);
    if (kind == WAIT_SEND && c->wait_kind != WAIT_SEND) {
        c->send_since = c->since;
        c->send_base = c->acked = acknowledged(c);
    }
    c->wait_kind = kind;
    if (kind) list_push(&c->server->waits[kind], &c->wait);
    holder__place(c);
}

void conn__awaited(struct conn *c)
{
    list_remove(&c->wait);
    list_remove(&c->own);
    c->wait_kind = WAIT_NONE;
}

void conn__ready(struct conn *c)
{
    if (c->carrier) {
        h2__wake(c);
        return;
    }
    if (c->busy || c->state == CONN_CLOSED) return;
    list_remove(&c->ready);
    list_push(&c->server->ready, &c->ready);
}

/* ---- output ---- */

char *conn__room(struct conn *c, size_t n)
{
    if (!c->out) {
        c->out = pool__take(&c->server->out_pool, sizeof *c->out);
        if (!c->out) return NULL;
        c->out->n = 0;
        c->out_sent = 0;
    }
    return OUT_SIZE - c->out->n >= n ? c->out->bytes + c->out->n : NULL;
}

void conn__drop_output(struct conn *c)
{
    pool__put(&c->server->out_pool, c->out);
    c->out = NULL;
    if (c->file >= 0 && !c->kept) close(c->file);
    free(c->big);
    kept_leave(c->kept);
    c->kept = NULL;
    c->file = -1;
    c->big = NULL;
    c->piece = c->piece_count = 0;
}

void conn__request_done(struct conn *c)
{
    struct request *r = c->request;
    if (!r) return;
    c->request = NULL;
    c->with_app = false;
    arena_reset(&r->arena);
    struct http_server *s = c->server;
    if (s->request_pool.count >= s->request_pool.max) arena_free(&r->arena);
    pool__put(&s->request_pool, (char *)r - offsetof(struct request_slot, r));
}

/* How many bytes went out, 0 when the socket is full, -1 when it is broken. Never MSG_MORE: a head glued to the pages
 * of its file costs more than its own small segment (100 KB on loopback: 62 us of CPU against 37). */
static ssize_t push(struct conn *c, const char *p, size_t n)
{
    ssize_t sent;
    if (c->tls) { /* sealed until the batch is full */
        sent = tls__seal(c, p, n);
        if (sent != 0) return sent;
        int rc = tls__push(c);
        return rc > 0 ? tls__seal(c, p, n) : rc;
    }
    do sent = send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN) return 0;
    if (sent > 0) c->server->traffic.sent += (uint64_t)sent;
    return sent;
}

/* The same of a file, under TLS. What is read is sealed, or read again. */
static ssize_t push_file(struct conn *c, off_t at, size_t n)
{
    char *plain = c->server->plain;
    ssize_t got;
    int rc;
    if (tls__left(c) && (rc = tls__push(c)) <= 0) return rc;
    size_t room = TLS_BATCH - c->server->sealed_n;
    if (room == 0) room = TLS_BATCH;
    do got = pread(c->file, plain, n < room ? n : room, at);
    while (got < 0 && errno == EINTR);
    return got <= 0 ? -1 : push(c, plain, (size_t)got);
}

static ssize_t push_piece(struct conn *c, struct piece *p)
{
    size_t most = c->server->sent < BUSY_BYTES ? TURN_BYTES : TURN_BYTES_BUSY;
    size_t room = c->turn_bytes < most ? most - c->turn_bytes : 0;
    size_t n = p->n < room ? (size_t)p->n : room;
    if (n == 0) return 0;
    if (p->p) return push(c, p->p + p->at, n);
    off_t at = (off_t)p->at;
    ssize_t sent;
    if (c->tls) return push_file(c, at, n);
    do sent = sendfile(c->fd, c->file, &at, n);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN) return 0;
    if (sent > 0) c->server->traffic.sent += (uint64_t)sent;
    if (sent == 0) return -1; /* the file is shorter than was promised: only a broken connection can say so */
    return sent;
}

static bool broken(struct conn *c)
{
    conn__close(c);
    return false;
}

/* 1: `out` is empty now, 0: the socket is full, -1: it is broken. */
static int push_out(struct conn *c)
{
    while (c->out && c->out_sent < c->out->n) {
        ssize_t sent = push(c, c->out->bytes + c->out_sent, c->out->n - c->out_sent);
        if (sent < 0) return -1;
        if (sent == 0) return 0;
        c->progress = true;
        if (!c->tls) c->sent += (uint64_t)sent;
        c->out_sent += (size_t)sent;
        c->turn_bytes += (size_t)sent;
        if (c->out_sent < c->out->n && !c->tls) return 0;
    }
    return 1;
}

/* An error shows again when the turn ends. */
void conn__seal(struct conn *c)
{
    struct out *o = c->out;
    size_t n = (o->n - c->out_sent) / TLS_RECORD * TLS_RECORD;
    if (n == 0 || tls__left(c)) return;
    if (c->server->sealed_n + n > TLS_BATCH && tls__push(c) <= 0) return;
    ssize_t sealed = tls__seal(c, o->bytes + c->out_sent, n);
    if (sealed <= 0) return;
    c->progress = true;
    c->turn_bytes += (size_t)sealed;
    c->out_sent += (size_t)sealed;
    o->n -= c->out_sent;
    memmove(o->bytes, o->bytes + c->out_sent, o->n);
    c->out_sent = 0;
}

/* The same of a piece: 1 when all of it is out. */
static int push_some(struct conn *c, struct piece *p)
{
    ssize_t sent = p->n ? push_piece(c, p) : 0;
    if (sent < 0) return -1;
    if (sent > 0) c->progress = true;
    p->at += (uint64_t)sent;
    p->n -= (uint64_t)sent;
    if (!c->tls) c->sent += (uint64_t)sent;
    c->turn_bytes += (size_t)sent;
    c->server->sent += (size_t)sent;
    return p->n == 0;
}

/* The same, and under TLS as many batches as the socket takes. */
static int push_pieces(struct conn *c, struct piece *p)
{
    int rc;
    uint64_t n;
    do n = p->n, rc = push_some(c, p);
    while (rc == 0 && c->tls && p->n < n);
    return rc;
}

bool conn__send_file(struct conn *c, int fd, struct piece *p)
{
    if (push_out(c) <= 0) return false;
    c->file = fd;
    int rc = push_pieces(c, p);
    c->file = -1;
    if (c->tls) tls__push(c);
    return rc > 0;
}

void conn__send_bytes(struct conn *c, struct piece *p)
{
    if (push_out(c) > 0) push_pieces(c, p);
    if (c->tls) tls__push(c);
}

bool conn__flush(struct conn *c)
{
    int rc = push_out(c);
    if (rc == 0 && c->tls && tls__push(c) < 0) rc = -1;
    if (rc < 0) return broken(c);
    if (rc == 0) return false;
    if (c->out) { /* a reader may take long for the pieces: they lie elsewhere */
        pool__put(&c->server->out_pool, c->out);
        c->out = NULL;
    }
    for (; c->piece < c->piece_count && rc > 0; c->piece += rc > 0) rc = push_pieces(c, &c->pieces[c->piece]);
    if (c->tls && rc >= 0) {
        if (rc > 0 && c->state == CONN_CLOSING) tls__say_goodbye(c); /* with the last bytes */
        int pushed = tls__push(c);
        if (pushed <= 0) rc = pushed;
    }
    if (rc < 0) return broken(c);
    if (c->piece < c->piece_count) return false;
    conn__drop_output(c); /* all is sealed at least */
    if (rc == 0) return false;
    if (!c->with_app) conn__request_done(c);
    return true;
}

/* ---- life ---- */

static void on_conn_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    struct http_server *s = c->server;
    pool__put(&s->conn_pool, c);
    server__handle_closed(s);
}

void conn__close(struct conn *c)
{
    struct http_server *s = c->server;
    if (c->state == CONN_CLOSED) return;
    if (c->carrier) {
        h2__drop(c);
        return;
    }
    c->state = CONN_CLOSED;
    h2__end(c);
    list_remove(&c->node);
    list_remove(&c->wait);
    list_remove(&c->ready);
    holder__leave(c);
    uv_poll_stop(&c->poll);
    uv_close((uv_handle_t *)&c->poll, on_conn_closed);
    tls__end(c);
    close(c->fd);
    if (c->stream)
        c->stream->gone(c->stream_to);
    else if (c->with_app)
        conn__left(c);
    conn__request_done(c);
    conn__drop_output(c);
    buf_free(&c->in);
    c->input_n = 0;
    server__conn_gone(s);
}

void conn__left(struct conn *c)
{
    struct http_server *s = c->server;
    s->traffic.left++;
    s->app.on_gone(s->app.to, c->request);
}

void conn__abort(struct conn *c)
{
    const struct linger now = {.l_onoff = 1};
    if (c->state != CONN_CLOSED && !c->carrier) setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    conn__close(c);
}

/* All is sent and nothing more will be said. */
static void end_output(struct conn *c)
{
    if (c->tls) {
        tls__say_goodbye(c);
        tls__push(c);
    }
    if (!c->linger || c->eof) {
        conn__close(c);
        return;
    }
    shutdown(c->fd, SHUT_WR);
    tls__end(c);
    c->state = CONN_LINGER;
    c->linger_until = loop_now_ms(c->server->loop) + LINGER_TOTAL_MS;
}

static void on_event(uv_poll_t *p, int status, int events)
{
    struct conn *c = p->data;
    if (status < 0 || (events & UV_PRIORITIZED)) {
        conn__close(c);
        return;
    }
    conn__turn(c, events & UV_READABLE);
}

/* A reader that takes nothing can hold 4 MB of kernel memory by default, and all sockets share one budget. Few may:
 * it is what makes long files cheap. In a crowd each gets less. */
static void limit_send_queue(const struct http_server *s, int fd)
{
    int unsent = CROWD_UNSENT;
    if (s->conn_count >= CROWD) setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

int conn__open(struct http_server *s, int fd, const struct ip *peer, const struct door *door)
{
    bool trusted = cidr_list_has(&s->trusted, peer);
    if (!trusted) holder__welcome(s, peer);
    struct conn *c = pool__take(&s->conn_pool, sizeof *c);
    if (!c) {
        close(fd);
        return GIFD_ENOMEM;
    }
    memset(c, 0, sizeof *c);
    c->server = s;
    c->fd = fd;
    c->file = -1;
    buf_init(&c->in, (size_t)s->limits.head_bytes + 2 * READ_SIZE);
    if (uv_poll_init(&s->loop->uv, &c->poll, fd) < 0) {
        close(fd);
        pool__put(&s->conn_pool, c);
        return GIFD_EIO;
    }
    c->poll.data = c;
    c->peer = *peer;
    c->here = ip_is_loopback(peer);
    ip_text(peer, c->client_ip);
    c->door = door;
    c->state = door->proxied ? CONN_PROXY : door->tls ? CONN_SHAKE : CONN_HEAD;
    list_init(&c->own);
    list_init(&c->wait);
    list_init(&c->ready);
    list_push(&s->conns, &c->node);
    s->handles++;
    s->conn_count++;
    if (s->shared) atomic_fetch_add_explicit(&s->share.held[s->share.self], 1, memory_order_relaxed);
    limit_send_queue(s, fd);
    conn__wait_in(c, door->proxied ? WAIT_HEAD : door->tls ? WAIT_SHAKE : WAIT_IDLE);
    if (!trusted) holder__join(c, peer);
    c->interest = UV_READABLE;
    uv_poll_start(&c->poll, UV_READABLE, on_event);
    if (c->state == CONN_SHAKE && tls__begin(c, door->tls) < 0) {
        conn__close(c);
        return GIFD_ENOMEM;
    }
    return GIFD_OK;
}

/* ---- a turn ---- */

/* A client that sends no more may have left, or may be reading on: RFC 9112 lets it, and the two look alike. So its
 * request goes on, but from now on its system is asked every few seconds whether anybody is there: one that has left
 * answers with a reset once it has forgotten the connection (a minute, as systems come). */
static void ask_whether_there(const struct conn *c)
{
    static const struct {
        int level, option, value;
    } options[] = {{SOL_SOCKET, SO_KEEPALIVE, 1},
                   {IPPROTO_TCP, TCP_KEEPIDLE, 2},
                   {IPPROTO_TCP, TCP_KEEPINTVL, 2},
                   {IPPROTO_TCP, TCP_KEEPCNT, 5}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        setsockopt(c->fd, options[i].level, options[i].option, &options[i].value, sizeof(int));
}

static void receive(struct conn *c)
{
    char *to = c->server->scratch;
    size_t room = READ_SIZE;
    if (c->in.n && c->state != CONN_LINGER) {
        if (c->in.n < MORE_SIZE) room = MORE_SIZE; /* a trickle is not worth more memory */
        if (buf_reserve(&c->in, room, NULL) < 0) {
            conn__close(c);
            return;
        }
        to = c->in.p + c->in.n;
    }
    ssize_t n;
    do n = c->tls ? tls__read(c, to, room) : recv(c->fd, to, room, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        if (errno != EAGAIN) conn__close(c);
        return;
    }
    c->progress = true;
    if (!c->tls) c->server->traffic.received += (uint64_t)n;
    if (n == 0) {
        c->eof = true;
        if (c->stream) { /* who reads on for ever keeps its side open */
            conn__close(c);
            return;
        }
        if (c->state == CONN_REQUEST) ask_whether_there(c);
    }
    if (c->state == CONN_LINGER) return;
    if (to == c->server->scratch) {
        c->input = to;
        c->input_n = (size_t)n;
        c->input_own = false;
    } else {
        c->in.n += (size_t)n;
        c->input = c->in.p;
        c->input_n = c->in.n;
    }
}

static bool read_proxy(struct conn *c)
{
    struct proxy said;
    const char *why = "closed before its PROXY header";
    ptrdiff_t n = proxy__read(c->input, c->input_n, &said, &why);
    if (n < 0 || (n == 0 && c->eof)) {
        log_info("http.proxy_refused", LS("peer", c->client_ip), LS("why", why));
        conn__close(c);
        return false;
    }
    if (n == 0) return false;
    c->input += n;
    c->input_n -= (size_t)n;
    c->state = CONN_HEAD;
    c->secure = said.secure;
    if (c->door->tls) {
        if (tls__begin(c, c->door->tls) < 0 || tls__early(c, c->input, c->input_n) < 0) {
            conn__close(c);
            return false;
        }
        c->input_n = 0;
        c->state = CONN_SHAKE;
    }
    if (!said.named) return true;
    struct http_server *s = c->server;
    c->peer = said.client;
    c->here = false;
    ip_text(&said.client, c->client_ip);
    holder__leave(c);
    if (cidr_list_has(&s->trusted, &said.client)) return true;
    holder__welcome(s, &said.client);
    holder__join(c, &said.client);
    return true;
}

/* The handshake, as far as it gets now. */
static bool shake(struct conn *c)
{
    switch (tls__shake(c)) {
    case TLS_MORE: return false;
    case TLS_FAILED: conn__close(c); return false;
    case TLS_PLAIN_HTTP:
        tls__end(c);
        c->secure = false;
        h1__refuse(c, 400, "plain_http", "this port speaks HTTPS: the request came without TLS");
        return true;
    case TLS_DONE: break;
    }
    c->state = CONN_HEAD;
    if (tls__chose_h2(c) && h2__begin(c) < 0) {
        conn__close(c);
        return false;
    }
    receive(c);
    return c->state == CONN_HEAD || c->state == CONN_H2;
}

/* Prior knowledge (RFC 9113 3.3): the first bytes are the preface. */
static bool begins_h2(const struct conn *c)
{
    size_t n = c->input_n < H2_PREFACE_LEN ? c->input_n : H2_PREFACE_LEN;
    return !c->spoken && n >= 3 && memcmp(c->input, H2_PREFACE, n) == 0;
}

static bool step_h2(struct conn *c)
{
    h2__input(c);
    if (c->eof && c->state == CONN_H2) conn__close(c);
    return false;
}

static bool step(struct conn *c)
{
    switch (c->state) {
    case CONN_SHAKE: return shake(c);
    case CONN_H2: return step_h2(c);
    case CONN_PROXY: return read_proxy(c);
    case CONN_HEAD:
        if (!conn__has_room(c)) {
            c->blocked = true;
            return false;
        }
        if (begins_h2(c)) {
            if (c->input_n < H2_PREFACE_LEN) break;
            if (h2__begin(c) < 0) conn__close(c);
            return c->state == CONN_H2;
        }
        if (c->input_n && h1__head(c)) return true;
        if (c->eof && c->state == CONN_HEAD) c->state = CONN_CLOSING;
        return false;
    case CONN_BODY:
    case CONN_DRAIN:
        if (h1__body(c)) return true;
        if (c->eof && (c->state == CONN_BODY || c->state == CONN_DRAIN) && !c->paused && !c->body_rc) conn__close(c);
        return false;
    case CONN_LINGER:
        if (c->eof || loop_now_ms(c->server->loop) >= c->linger_until) conn__close(c);
        return false;
    default: break;
    }
    return false;
}

static void keep_input(struct conn *c)
{
    if (c->state == CONN_CLOSING || c->state == CONN_LINGER) {
        if (c->input_n) c->linger = true; /* it sent more than it will get answers for */
        c->input_n = 0;
    }
    if (c->input_n == 0) {
        if (c->in.p) buf_free(&c->in);
    } else if (c->input_own) {
        buf_consume(&c->in, (size_t)(c->input - c->in.p));
    } else if (buf_append(&c->in, c->input, c->input_n, NULL) < 0) {
        conn__close(c);
    }
}

static void rearm(struct conn *c)
{
    enum wait_kind kind = WAIT_NONE;
    int interest = UV_READABLE;
    bool pending = output_pending(c);
    switch (c->state) {
    case CONN_PROXY: kind = WAIT_HEAD; break;
    case CONN_SHAKE: kind = WAIT_SHAKE; break;
    case CONN_H2: kind = h2__in_head(c) ? WAIT_HEAD : h2__quiet(c) ? WAIT_IDLE : WAIT_NONE; break;
    case CONN_HEAD: kind = c->in.n ? WAIT_HEAD : WAIT_IDLE; break;
    case CONN_REQUEST: interest = c->in.n || c->eof ? UV_PRIORITIZED : UV_READABLE; break;
    case CONN_BODY:
        kind = c->paused ? WAIT_NONE : WAIT_BODY;
        interest = c->paused ? UV_PRIORITIZED : UV_READABLE;
        break;
    case CONN_DRAIN: kind = WAIT_BODY; break;
    case CONN_LINGER: kind = WAIT_LINGER; break;
    default: break;
    }
    if (pending) {
        kind = WAIT_SEND;
        interest = UV_WRITABLE;
    }
    if (kind != c->wait_kind || (c->progress && kind != WAIT_HEAD && kind != WAIT_IDLE && kind != WAIT_SHAKE))
        conn__wait_in(c, kind);
    if (c->tls && interest == UV_READABLE && tls__holds(c)) conn__ready(c);
    if (interest != c->interest) {
        c->interest = interest;
        uv_poll_start(&c->poll, interest, on_event);
    }
}

/* The server ends, and nothing is asked for here. A client of HTTP/2 that was busy a moment ago has said more than
 * requests since: to close now would be a reset, and could cost it the last replies. */
static void part(struct conn *c)
{
    bool was_busy = c->h2 && h2__was_told(c);
    if (c->h2) h2__goodbye(c);
    if (c->state == CONN_CLOSED) return;
    if (!was_busy || output_pending(c)) {
        conn__close(c);
        return;
    }
    c->state = CONN_CLOSING;
    h2__end(c);
    c->linger = true;
    end_output(c);
    if (c->state != CONN_CLOSED) rearm(c);
}

void conn__turn(struct conn *c, bool readable)
{
    if (c->state == CONN_CLOSED) return;
    if (c->carrier) {
        h2__wake(c);
        return;
    }
    c->busy = true;
    c->progress = false;
    c->turn_bytes = 0;
    c->input = c->in.p;
    c->input_n = c->in.n;
    c->input_own = true;
    bool wants = c->state == CONN_HEAD || c->state == CONN_BODY || c->state == CONN_DRAIN || c->state == CONN_REQUEST ||
                 c->state == CONN_H2;
    if (c->state != CONN_SHAKE && (readable || (c->tls && wants && c->interest == UV_READABLE && tls__holds(c))))
        receive(c);
    while (c->state != CONN_CLOSED) {
        c->blocked = false;
        while (step(c)) {
        }
        if (c->state == CONN_CLOSED) break;
        if (c->h2 && !h2__output(c)) break;
        if (!c->h2 && !conn__flush(c)) break;
        if (c->h2 && h2__over(c)) {
            c->state = CONN_CLOSING;
            h2__end(c);
            c->linger = true;
        }
        if (c->state == CONN_CLOSING) {
            if (c->input_n) c->linger = true;
            end_output(c);
            break;
        }
        if (!c->blocked) break;
    }
    if (c->state != CONN_CLOSED) keep_input(c);
    c->busy = false;
    if (c->state == CONN_CLOSED) return;
    if (c->server->draining && !c->server->patient && conn__idle(c) && (!c->h2 || h2__settled(c))) {
        part(c);
    } else {
        rearm(c);
        if (c->h2 && !output_pending(c) && h2__pending(c)) conn__ready(c);
    }
    if (c->state != CONN_CLOSED && c->stream && !output_pending(c)) c->stream->room(c->stream_to);
}

/* ---- time ---- */

static void body_too_slow(struct conn *c, const char *what)
{
    if (c->state != CONN_BODY) {
        conn__close(c);
        return;
    }
    c->body_rc = err_set(conn__body_err(c), GIFD_ETIMEOUT, "%s", what);
    conn__turn(c, false);
}

void conn__expire(struct conn *c)
{
    switch (c->wait_kind) {
    case WAIT_HEAD:
        if (c->state == CONN_PROXY || c->h2) {
            conn__close(c);
            break;
        }
        conn__wait_in(c, WAIT_NONE);
        c->busy = true;
        h1__refuse(c, 408, "request_timeout", "the head of the request took too long");
        c->busy = false;
        conn__turn(c, false);
        break;
    case WAIT_BODY:
        conn__wait_in(c, WAIT_NONE);
        body_too_slow(c, "no byte of the body came for too long");
        break;
    case WAIT_SEND:
        if (acknowledged(c) > c->acked) {
            c->acked = acknowledged(c);
            conn__wait_in(c, WAIT_SEND);
            break;
        }
        conn__abort(c);
        break;
    default:
        if (c->h2) h2__goodbye(c);
        conn__close(c);
    }
}

#define RATE_GRACE_MS 10000

static void check_reader(struct conn *c)
{
    uint64_t ms = loop_now_ms(c->server->loop) - c->send_since;
    if (ms >= RATE_GRACE_MS && acknowledged(c) - c->send_base < ms * c->server->limits.body_rate / 1000) conn__abort(c);
}

void conn__check_rate(struct conn *c)
{
    if (c->wait_kind == WAIT_SEND) {
        check_reader(c);
        return;
    }
    if (c->state != CONN_BODY && c->state != CONN_DRAIN) return;
    uint64_t ms = loop_now_ms(c->server->loop) - c->body_since - c->body_paused_ms;
    if (ms < RATE_GRACE_MS || c->body_seen >= ms * c->server->limits.body_rate / 1000) return;
    conn__wait_in(c, WAIT_NONE);
    body_too_slow(c, "the body came more slowly than this server waits for");
}
