/* rig_int.h: for tests only: clients of a server in the same process, over real sockets of the loopback. Clients never
 * block; every wait is for a condition, with the loop turning meanwhile, and has an end. */
#ifndef GIFD_HTTP_RIG_INT_H
#define GIFD_HTTP_RIG_INT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/test.h"
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop loop;
static struct http_server *server;
static int port;

static inline int dial_from(const char *from, int receive_buffer)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in own = {.sin_family = AF_INET};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    inet_pton(AF_INET, from, &own.sin_addr);
    bind(fd, (struct sockaddr *)&own, sizeof own);
    if (receive_buffer) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) return -1;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static inline int dial(int receive_buffer)
{
    return dial_from("127.0.0.1", receive_buffer);
}

static inline void turn(void)
{
    uv_run(&loop.uv, UV_RUN_NOWAIT);
}

#define WAIT_NS 8000000000u
#define UNTIL(condition)                                                                                               \
    do {                                                                                                               \
        uint64_t until_ = clock_mono_ns() + WAIT_NS;                                                                   \
        while (!(condition) && clock_mono_ns() < until_) turn();                                                       \
        CHECK(condition);                                                                                              \
    } while (0)

struct client {
    int fd;
    bool closed;
    struct buf in;
};

static inline struct client connected_from(const char *from)
{
    struct client c = {.fd = dial_from(from, 0)};
    buf_init(&c.in, 32u << 20);
    CHECK(c.fd >= 0);
    return c;
}

static inline struct client connected(int receive_buffer)
{
    struct client c = {.fd = dial(receive_buffer)};
    buf_init(&c.in, 32u << 20);
    CHECK(c.fd >= 0);
    return c;
}

static inline void hang_up(struct client *c)
{
    close(c->fd);
    buf_free(&c->in);
}

static inline bool receive(struct client *c)
{
    char bytes[65536];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) buf_append(&c->in, bytes, (size_t)n, NULL);
    if (n == 0 || (n < 0 && errno != EAGAIN)) c->closed = true;
    return c->closed;
}

static inline bool has(struct client *c, const char *text)
{
    receive(c);
    return c->in.n && memmem(c->in.p, c->in.n, text, strlen(text));
}

static inline void say(struct client *c, const char *text)
{
    size_t n = strlen(text), at = 0;
    while (at < n) {
        ssize_t sent = send(c->fd, text + at, n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) at += (size_t)sent;
        turn();
    }
}

static inline size_t count(struct client *c, const char *text)
{
    size_t n = 0;
    const char *p = buf_str(&c->in);
    while ((p = strstr(p, text))) n++, p++;
    return n;
}

static inline const char *reply_body(struct client *c)
{
    const char *end = strstr(buf_str(&c->in), "\r\n\r\n");
    return end ? end + 4 : "";
}

#endif
