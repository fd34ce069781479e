/* h2_fuzz.c: any bytes behind the preface of HTTP/2, on a real connection of a real server: frames, heads that unfold,
 * bodies, resets. The app answers, waits, takes bodies or streams, by the path's second byte; whatever comes, every
 * request ends exactly once. */
#include "http/h2_int.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int open_requests;

static int on_body(void *to, const uint8_t *bytes, size_t n, struct err *e)
{
    (void)to, (void)bytes, (void)n, (void)e;
    return GIFD_OK;
}

static void answer(struct request *r)
{
    open_requests--;
    reply_send(r, &(struct reply){.status = 200, .body = REPLY_BYTES, .bytes = r->path});
}

static void on_body_end(void *to, int rc, const struct err *e)
{
    (void)rc, (void)e;
    answer(to);
}

static void on_request(void *to, struct request *r)
{
    (void)to;
    open_requests++;
    char kind = r->path.n > 1 ? r->path.p[1] : 0;
    if (kind == 'w') return;
    if (kind == 'b')
        request_body(r, &(struct body_sink){.to = r, .max = 1000, .data = on_body, .end = on_body_end});
    else
        answer(r);
}

static void on_gone(void *to, struct request *r)
{
    (void)to, (void)r;
    open_requests--;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_app app = {.on_request = on_request, .on_gone = on_gone};
    static struct door door;
    struct loop loop;
    struct err e;
    int pair[2];
    if (size > 60000 || loop_init(&loop, &e) < 0) return 0;
    struct http_server *s = http_server_new(&loop, &http_limits_default, &app, NULL, &e);
    if (!s || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) abort();
    struct ip peer = {{0}};
    conn__open(s, pair[0], &peer, &door);
    if (send(pair[1], H2_PREFACE, H2_PREFACE_LEN, MSG_NOSIGNAL) < 0 ||
        (size && send(pair[1], data, size, MSG_NOSIGNAL) < 0))
        size = 0;
    for (int i = 0; i < 4; i++) uv_run(&loop.uv, UV_RUN_NOWAIT);
    close(pair[1]);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    http_server_free(s);
    while (uv_run(&loop.uv, UV_RUN_NOWAIT)) {
    }
    loop_close(&loop);
    if (open_requests) abort();
    return 0;
}
