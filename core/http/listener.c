/* listener.c: listening sockets, shared by the workers of a server.
 *
 * One connection is accepted per wake, so that the kernel wakes the others for the next; when the last wake was some
 * milliseconds ago more are, so that newcomers do not queue behind long work on those that are here already. A worker
 * that holds more than its fair share lets one chance pass: it looks away for a moment, and whoever is free takes the
 * connection; when it is still there afterwards nobody was free, and it is accepted. With no descriptor left, or at the
 * limit of connections, somebody who needs his connection least gives way (holder_int.h); when nobody does, the
 * listener is not watched for a while, so that nothing spins. */
#include "base/log.h"
#include "http/holder_int.h"
#include "http/tls_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define STEP_BACK_MS 2
#define EXHAUSTED_MS 100
#define SHARE_MARGIN 4
#define ACCEPT_PER_MS 16 /* of a turn that took longer than one */
#define ACCEPT_MAX 256

struct listener {
    struct list node;
    struct http_server *server;
    uv_poll_t poll;
    uv_timer_t timer;
    int fd, open_handles;
    bool stepped_back, full;
    struct door *door;
    uint64_t last_ms; /* loop time of the wake before */
};

static void on_readable(uv_poll_t *p, int status, int events);

static void watch(struct listener *l)
{
    uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

static void on_timer(uv_timer_t *t)
{
    watch(t->data);
}

static void look_away(struct listener *l, uint64_t ms)
{
    uv_poll_stop(&l->poll);
    uv_timer_start(&l->timer, on_timer, ms, 0);
}

static bool above_share(const struct http_server *s)
{
    if (!s->shared) return false;
    uint32_t sum = 0;
    for (uint32_t i = 0; i < s->share.workers; i++)
        sum += atomic_load_explicit(&s->share.held[i], memory_order_relaxed);
    uint32_t own = atomic_load_explicit(&s->share.held[s->share.self], memory_order_relaxed);
    return own > sum / s->share.workers + SHARE_MARGIN;
}

/* Another worker may have been quicker, and nobody is sent away for nobody. */
static bool somebody_waits(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

/* False when there is no more to accept now. */
static bool accept_one(struct listener *l)
{
    struct http_server *s = l->server;
    struct sockaddr_storage from = {0};
    socklen_t len = sizeof from;
    int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED || errno == EPROTO) return false;
        int why = errno;
        if ((why == EMFILE || why == ENFILE) && somebody_waits(l->fd) && holder__make_room(s)) return true;
        log_warn("http.accept", LS("error", strerror(why)), LI("connections", s->conn_count));
        look_away(l, EXHAUSTED_MS);
        return false;
    }
    struct ip peer;
    ip_of_socket(&from, &peer);
    if (l->door->proxied && s->trusted.count && !cidr_list_has(&s->trusted, &peer)) {
        close(fd); /* a stranger has no business at this door */
        return true;
    }
    return conn__open(s, fd, &peer, l->door) == GIFD_OK;
}

static void on_readable(uv_poll_t *p, int status, int events)
{
    struct listener *l = p->data;
    struct http_server *s = l->server;
    (void)events;
    if (status < 0) {
        log_warn("http.accept", LS("error", uv_strerror(status)));
        look_away(l, EXHAUSTED_MS);
        return;
    }
    uint64_t now = loop_now_ms(s->loop), most = (now - l->last_ms) * ACCEPT_PER_MS;
    if (most == 0) most = 1;
    if (most > ACCEPT_MAX) most = ACCEPT_MAX;
    l->last_ms = now;
    for (uint64_t i = 0; i < most; i++) {
        if (s->conn_count >= s->limits.connections && !somebody_waits(l->fd)) return;
        if (s->conn_count >= s->limits.connections && !holder__make_room(s)) {
            uv_poll_stop(&l->poll);
            l->full = true; /* until a connection ends, or may be ended */
            return;
        }
        bool above = above_share(s);
        if (above && i) return;
        if (above && !l->stepped_back) {
            l->stepped_back = true;
            look_away(l, STEP_BACK_MS);
            return;
        }
        l->stepped_back = false;
        if (!accept_one(l)) return;
    }
}

static void on_handle_closed(uv_handle_t *h)
{
    struct listener *l = h->data;
    struct http_server *s = l->server;
    if (--l->open_handles == 0) free(l);
    server__handle_closed(s);
}

static struct door *door_open(struct http_server *s, const struct http_listening *how, struct err *e)
{
    struct door *d = calloc(1, sizeof *d);
    if (!d) {
        err_set(e, GIFD_ENOMEM, "no memory for a listener");
        return NULL;
    }
    d->proxied = how->proxy_protocol;
    d->to_https = how->to_https;
    if (how->hsts_s) snprintf(d->hsts, sizeof d->hsts, "\r\nStrict-Transport-Security: max-age=%u", how->hsts_s);
    if (how->pair_count && !(d->tls = tls__door(how, e))) {
        free(d);
        return NULL;
    }
    list_push(&s->doors, &d->node);
    return d;
}

void listener__doors_look(struct http_server *s)
{
    LIST_EACH(n, &s->doors)
    {
        struct door *d = LIST_OF(n, struct door, node);
        if (d->tls) tls__door_look(d->tls);
    }
}

void listener__doors_free(struct http_server *s)
{
    while (!list_empty(&s->doors)) {
        struct door *d = LIST_OF(list_shift(&s->doors), struct door, node);
        tls__door_free(d->tls);
        free(d);
    }
}

int listener__open(struct http_server *s, int fd, const struct http_listening *how, struct err *e)
{
    struct door *door = door_open(s, how, e);
    struct listener *l = door ? calloc(1, sizeof *l) : NULL;
    if (!l) {
        close(fd);
        return door ? err_set(e, GIFD_ENOMEM, "no memory for a listener") : e->code;
    }
    l->door = door;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* inherited by what is accepted */
    int rc = uv_poll_init(&s->loop->uv, &l->poll, fd);
    if (rc < 0) {
        close(fd);
        free(l);
        return err_uv(e, rc, "watch a listening socket");
    }
    uv_timer_init(&s->loop->uv, &l->timer);
    l->poll.data = l->timer.data = l;
    l->server = s;
    l->fd = fd;
    l->open_handles = 2;
    s->handles += 2;
    list_push(&s->listeners, &l->node);
    watch(l);
    return GIFD_OK;
}

/* Whoever is through to us is not sent away: perhaps nobody listens here any more when we are gone. */
static void accept_waiting(struct listener *l)
{
    for (int i = 0; i < ACCEPT_MAX && l->server->conn_count < l->server->limits.connections; i++)
        if (!accept_one(l)) return;
}

void listener__close_all(struct http_server *s)
{
    LIST_EACH(n, &s->listeners)
    {
        struct listener *l = LIST_OF(n, struct listener, node);
        if (!s->freed) accept_waiting(l);
    }
    while (!list_empty(&s->listeners)) {
        struct listener *l = LIST_OF(list_shift(&s->listeners), struct listener, node);
        uv_poll_stop(&l->poll);
        uv_close((uv_handle_t *)&l->poll, on_handle_closed);
        uv_close((uv_handle_t *)&l->timer, on_handle_closed);
        close(l->fd);
    }
}

void listener__resume_all(struct http_server *s)
{
    LIST_EACH(n, &s->listeners)
    {
        struct listener *l = LIST_OF(n, struct listener, node);
        if (!l->full) continue;
        l->full = false;
        watch(l);
    }
}

/* Splits "HOST:PORT" or "[HOST]:PORT". */
static int split_address(const char *address, char host[64], char port[8], struct err *e)
{
    const char *colon = strrchr(address, ':'), *begin = address, *end = colon;
    if (colon && *address == '[') {
        begin = address + 1;
        end = colon - 1;
        if (end < begin || *end != ']') colon = NULL;
    }
    if (!colon || end <= begin || end - begin >= 64 || !colon[1] || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) || atoi(colon + 1) > 65535)
        return err_set(e, GIFD_EINVALID, "%s is not ADDRESS:PORT", address);
    memcpy(host, begin, (size_t)(end - begin));
    host[end - begin] = 0;
    strcpy(port, colon + 1);
    return GIFD_OK;
}

static int bind_socket(const char *address, const struct sockaddr *a, socklen_t len, struct err *e)
{
    int on = 1, fd = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return err_sys(e, errno, "listen on %s", address);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, a, len) < 0 || listen(fd, BACKLOG) < 0) {
        int rc = err_sys(e, errno, "listen on %s", address);
        close(fd);
        return rc;
    }
    return fd;
}

int http_listen_socket(const char *address, char *url, size_t cap, struct err *e)
{
    char host[64], port[8];
    struct sockaddr_storage a = {0};
    int rc = split_address(address, host, port, e);
    if (rc < 0) return rc;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;
    socklen_t len = address[0] == '[' ? sizeof *v6 : sizeof *v4;
    if (address[0] == '[' ? inet_pton(AF_INET6, host, &v6->sin6_addr) != 1
                          : inet_pton(AF_INET, host, &v4->sin_addr) != 1)
        return err_set(e, GIFD_EINVALID, "%s is not an IP address and a port", address);
    a.ss_family = address[0] == '[' ? AF_INET6 : AF_INET;
    if (a.ss_family == AF_INET)
        v4->sin_port = htons((uint16_t)atoi(port));
    else
        v6->sin6_port = htons((uint16_t)atoi(port));
    int fd = bind_socket(address, (struct sockaddr *)&a, len, e);
    if (fd < 0) return fd;
    getsockname(fd, (struct sockaddr *)&a, &len);
    int real = ntohs(a.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
    snprintf(url, cap, address[0] == '[' ? "http://[%s]:%d" : "http://%s:%d", host, real);
    return fd;
}
