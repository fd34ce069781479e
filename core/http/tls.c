/* tls.c: see tls_int.h. */
#include "base/log.h"
#include "http/tls_door_int.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SEALED_MAX (TLS_BATCH + 24576) /* and what records and a handshake add */
#define LEFT_MAX (SEALED_MAX + 65536)  /* of a peer that makes us answer and does not read */

struct tls {
    SSL *ssl;
    struct tls_door *door;
    struct buf left;  /* sealed, and not yet with the kernel */
    struct buf early; /* came with a PROXY header */
    bool shaken;
    bool dry; /* the socket had no more, in this turn */
    bool dead;
    unsigned char first; /* byte that the client sent */
    bool spoke;
};

/* ---- the BIO ---- */

static int bio_read(BIO *b, char *to, int room)
{
    struct conn *c = BIO_get_data(b);
    struct tls *t = c->tls;
    BIO_clear_retry_flags(b);
    ssize_t n = -1;
    if (t->early.n) {
        n = (ssize_t)(t->early.n < (size_t)room ? t->early.n : (size_t)room);
        memcpy(to, t->early.p, (size_t)n);
        buf_consume(&t->early, (size_t)n);
        if (t->early.n == 0) buf_free(&t->early);
    } else if (!t->dry) {
        do n = recv(c->fd, to, (size_t)room, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n > 0) c->server->traffic.received += (uint64_t)n;
        if (n < room) t->dry = true;
        if (n < 0 && errno != EAGAIN) return -1;
    }
    if (n < 0) {
        BIO_set_retry_read(b);
        return -1;
    }
    if (n > 0 && !t->spoke) {
        t->first = (unsigned char)to[0];
        t->spoke = true;
    }
    return (int)n;
}

static int bio_write(BIO *b, const char *p, int n)
{
    struct conn *c = BIO_get_data(b);
    struct http_server *s = c->server;
    if (n < 0 || s->sealed_n + (size_t)n > SEALED_MAX) return -1;
    memcpy(s->sealed + s->sealed_n, p, (size_t)n);
    s->sealed_n += (size_t)n;
    return n;
}

static long bio_ctrl(BIO *b, int command, long n, void *p)
{
    (void)b, (void)n, (void)p;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method(void)
{
    static BIO_METHOD *m;
    if (m) return m;
    m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
    if (!m) return NULL;
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_ctrl);
    return m;
}

/* ---- life ---- */

void tls__count_into(struct tls_door *d, struct metrics *m)
{
    static const char *const versions[] = {"1.2", "1.3", "1.2", "1.3", ""};
    static const char *const results[] = {"full", "full", "resumed", "resumed", "failed"};
    for (int i = 0; m && i < TLS_COUNTS; i++) {
        const struct metric_label labels[] = {{SLICE("version"), slice_str(versions[i])},
                                              {SLICE("result"), slice_str(results[i])}};
        const struct metric_want want = {METRIC_COUNTER, SLICE("gifd_tls_handshakes_total"), labels, 2, {0}, false};
        metric_find(m, &want, &d->counts[i], NULL);
    }
}

int tls__begin(struct conn *c, struct tls_door *d)
{
    struct http_server *s = c->server;
    if (!s->sealed) s->sealed = malloc(SEALED_MAX);
    if (!s->plain) s->plain = malloc(TLS_BATCH);
    struct tls *t = calloc(1, sizeof *t);
    BIO *bio = bio_method() ? BIO_new(bio_method()) : NULL;
    SSL *ssl = SSL_new(d->loaded[0].ctx);
    if (!s->sealed || !s->plain || !t || !bio || !ssl) {
        free(t);
        BIO_free(bio);
        SSL_free(ssl);
        return GIFD_ENOMEM;
    }
    t->ssl = ssl;
    t->door = d;
    buf_init(&t->left, LEFT_MAX);
    buf_init(&t->early, READ_SIZE);
    BIO_set_data(bio, c);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    c->tls = t;
    c->secure = true;
    return GIFD_OK;
}

void tls__end(struct conn *c)
{
    struct tls *t = c->tls;
    if (!t) return;
    c->server->sealed_n = 0; /* of nobody else */
    SSL_free(t->ssl);
    buf_free(&t->left);
    buf_free(&t->early);
    free(t);
    c->tls = NULL;
}

int tls__early(struct conn *c, const char *p, size_t n)
{
    return n ? buf_append(&c->tls->early, p, n, NULL) : GIFD_OK;
}

static enum tls_step failed(struct conn *c)
{
    struct tls *t = c->tls;
    unsigned long code = ERR_peek_last_error();
    const char *why = code ? ERR_reason_error_string(code) : NULL;
    metric_add(t->door->counts[TLS_COUNT_FAILED], 1);
    log_debug("tls.refused", LS("peer", c->client_ip), LS("why", why ? why : "closed"));
    ERR_clear_error();
    t->dead = true;
    if (t->spoke && t->first >= 'A' && t->first <= 'Z') {
        c->server->sealed_n = 0; /* an alert that such a client would not understand */
        return TLS_PLAIN_HTTP;
    }
    tls__push(c);
    return TLS_FAILED;
}

enum tls_step tls__shake(struct conn *c)
{
    struct tls *t = c->tls;
    t->dry = false;
    ERR_clear_error();
    int rc = SSL_do_handshake(t->ssl), why = rc == 1 ? 0 : SSL_get_error(t->ssl, rc);
    if (rc != 1 && why != SSL_ERROR_WANT_READ) return failed(c);
    if (rc != 1) return tls__push(c) < 0 ? TLS_FAILED : TLS_MORE;
    t->shaken = true;
    bool newest = SSL_version(t->ssl) == TLS1_3_VERSION;
    metric_add(t->door->counts[(SSL_session_reused(t->ssl) ? TLS_COUNT_RESUMED_12 : TLS_COUNT_12) + newest], 1);
    return TLS_DONE;
}

bool tls__chose_h2(const struct conn *c)
{
    const unsigned char *p = NULL;
    unsigned n = 0;
    SSL_get0_alpn_selected(c->tls->ssl, &p, &n);
    return n == 2 && memcmp(p, "h2", 2) == 0;
}

/* ---- bytes ---- */

ssize_t tls__read(struct conn *c, char *to, size_t room)
{
    struct tls *t = c->tls;
    size_t n = 0, sealed = c->server->sealed_n;
    int why = 0;
    if (t->dead) {
        errno = ECONNRESET;
        return -1;
    }
    t->dry = false;
    ERR_clear_error();
    while (n < room) {
        size_t got = 0;
        int rc = SSL_read_ex(t->ssl, to + n, room - n, &got);
        n += got;
        if (rc == 1) continue;
        why = SSL_get_error(t->ssl, rc);
        break;
    }
    if (c->server->sealed_n > sealed && tls__push(c) < 0) why = SSL_ERROR_SSL; /* it wants new keys, or hears why not */
    if (why == SSL_ERROR_SSL || why == SSL_ERROR_SYSCALL) {
        ERR_clear_error();
        t->dead = true;
    }
    if (n) return (ssize_t)n;
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    errno = t->dead ? ECONNRESET : EAGAIN;
    return -1;
}

bool tls__holds(const struct conn *c)
{
    return c->tls->shaken && !c->tls->dead && SSL_has_pending(c->tls->ssl);
}

ssize_t tls__seal(struct conn *c, const char *p, size_t n)
{
    struct tls *t = c->tls;
    if (t->dead) return -1;
    if (t->left.n || c->server->sealed_n >= TLS_BATCH) return 0;
    size_t room = TLS_BATCH - c->server->sealed_n, done = 0;
    if (n > room) n = room;
    ERR_clear_error();
    while (done < n) {
        size_t wrote = 0;
        if (SSL_write_ex(t->ssl, p + done, n - done, &wrote) != 1) {
            t->dead = true;
            c->server->sealed_n = 0;
            return -1;
        }
        done += wrote;
    }
    return (ssize_t)n;
}

static ssize_t to_kernel(struct conn *c, const char *p, size_t n)
{
    ssize_t sent;
    do sent = send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    if (sent > 0) {
        c->progress = true;
        c->sent += (uint64_t)sent;
        c->server->traffic.sent += (uint64_t)sent;
    }
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

int tls__push(struct conn *c)
{
    struct tls *t = c->tls;
    struct http_server *s = c->server;
    size_t n = s->sealed_n;
    s->sealed_n = 0;
    if (t->left.n) {
        if (n && buf_append(&t->left, s->sealed, n, NULL) < 0) return -1;
        ssize_t sent = to_kernel(c, t->left.p, t->left.n);
        if (sent < 0) return -1;
        buf_consume(&t->left, (size_t)sent);
        if (t->left.n) return 0;
        buf_free(&t->left);
        return 1;
    }
    if (n == 0) return 1;
    ssize_t sent = to_kernel(c, s->sealed, n);
    if (sent < 0) return -1;
    if ((size_t)sent == n) return 1;
    return buf_append(&t->left, s->sealed + sent, n - (size_t)sent, NULL) < 0 ? -1 : 0;
}

bool tls__left(const struct conn *c)
{
    return c->tls->left.n > 0;
}

void tls__say_goodbye(struct conn *c)
{
    struct tls *t = c->tls;
    if (!t->shaken || t->dead || t->left.n || SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) return;
    SSL_shutdown(t->ssl);
    ERR_clear_error();
}
