/* http_probe.c: a server of files and echoes and nothing else, for the conformance suites and for measuring.
 *
 *   http_probe [ADDRESS:PORT]      prints `ready http://...`, ends on SIGINT or SIGTERM after draining
 *
 *   GET  /t.bin  200,000 bytes     GET /s.bin  4,096      GET /m.bin  100 KiB    GET /l.bin  8 MiB    GET /e.bin  none
 *   GET  /link   a redirect        POST /p/echo/  the request's body, up to 1 MiB, held in memory
 *
 * Files have an entity tag and a date, and are opened once. */
#include "base/buf.h"
#include "http/reply.h"
#include "http/router.h"
#include "http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ECHO_MAX (1u << 20)
#define MODIFIED 1700000000

enum route { ROUTE_FILE, ROUTE_LINK = 100, ROUTE_ECHO };

struct file {
    const char *path, *etag;
    size_t size;
    int fd;
};

static struct file files[] = {
    {"/t.bin", "\"t-200000\"", 200000, -1},    {"/s.bin", "\"s-4096\"", 4096, -1},
    {"/m.bin", "\"m-102400\"", 102400, -1},    {"/l.bin", "\"l-8388608\"", 8 << 20, -1},
    {"/1m.bin", "\"m-1048576\"", 1 << 20, -1}, {"/e.bin", "\"e-0\"", 0, -1},
};

static struct router *router;
static struct loop loop;
static struct http_server *server;

struct echo {
    struct request *r;
    struct buf body;
};

static int open_file(struct file *f)
{
    char *bytes = malloc(f->size + 1);
    unsigned x = 12345;
    f->fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (!bytes || f->fd < 0) return -1;
    for (size_t i = 0; i < f->size; i++) {
        x = x * 1103515245 + 12345;
        bytes[i] = (char)(x >> 16);
    }
    for (size_t done = 0; done < f->size;) {
        ssize_t n = write(f->fd, bytes + done, f->size - done);
        if (n <= 0) return -1;
        done += (size_t)n;
    }
    free(bytes);
    return 0;
}

static void send_file(struct request *r, const struct file *f)
{
    struct http_header cache = {SLICE("Cache-Control"), SLICE("public, max-age=86400")};
    reply_send(r, &(struct reply){
                      .status = 200,
                      .type = SLICE("application/octet-stream"),
                      .etag = slice_str(f->etag),
                      .last_modified = MODIFIED,
                      .headers = &cache,
                      .header_count = 1,
                      .body = REPLY_FILE,
                      .fd = f->fd,
                      .keep_fd = true,
                      .size = f->size,
                  });
}

static int echo_data(void *to, const uint8_t *bytes, size_t n, struct err *e)
{
    struct echo *echo = to;
    return buf_append(&echo->body, bytes, n, e);
}

static void echo_end(void *to, int rc, const struct err *e)
{
    struct echo *echo = to;
    if (rc == 0)
        reply_send(echo->r, &(struct reply){.status = 200,
                                            .type = SLICE("application/octet-stream"),
                                            .body = REPLY_BYTES,
                                            .bytes = buf_slice(&echo->body)});
    else
        reply_problem(echo->r, rc == GIFD_ETOOBIG ? 413 : rc == GIFD_ETIMEOUT ? 408 : 400, err_name(rc), "%s", e->text);
}

static void echo_free(void *arg)
{
    struct echo *echo = arg;
    buf_free(&echo->body);
}

static void start_echo(struct request *r)
{
    struct echo *echo = arena_zalloc(&r->arena, sizeof *echo);
    if (!echo || arena_defer(&r->arena, echo_free, echo) < 0) {
        reply_problem(r, 503, "out_of_memory", "no memory");
        return;
    }
    echo->r = r;
    buf_init(&echo->body, ECHO_MAX);
    request_body(r, &(struct body_sink){echo, ECHO_MAX, echo_data, echo_end});
}

static void on_request(void *to, struct request *r)
{
    struct route_match m;
    (void)to;
    router_match(router, r->method, r->path, &m);
    if (m.id == ROUTE_NOT_FOUND) {
        reply_problem(r, 404, "not_found", "there is nothing at this address");
    } else if (m.id == ROUTE_BAD_METHOD) {
        char allow[64];
        router_allow(m.methods, allow);
        struct http_header h = {SLICE("Allow"), slice_str(allow)};
        if (r->method == HTTP_OPTIONS)
            reply_send(r, &(struct reply){.status = 204, .headers = &h, .header_count = 1});
        else
            reply_problem_with(r, 405, "method_not_allowed", &h, 1, "this address answers %s", allow);
    } else if (m.id == ROUTE_ECHO) {
        start_echo(r);
    } else if (m.id == ROUTE_LINK) {
        struct http_header h = {SLICE("Location"), SLICE("/s.bin")};
        reply_send(r, &(struct reply){.status = 302, .headers = &h, .header_count = 1});
    } else {
        send_file(r, &files[m.id]);
    }
}

static void on_gone(void *to, struct request *r)
{
    (void)to;
    (void)r;
}

static void on_drained(void *arg)
{
    (void)arg;
    http_server_free(server);
    loop_stop(&loop);
}

static void on_signal(uv_signal_t *sig, int number)
{
    (void)number;
    uv_signal_stop(sig);
    http_server_drain(server, on_drained, NULL);
}

int main(int argc, char **argv)
{
    struct err e = {0};
    char url[96];
    const struct http_app app = {.on_request = on_request, .on_gone = on_gone};
    int fd = http_listen_socket(argc > 1 ? argv[1] : "127.0.0.1:0", url, sizeof url, &e);
    router = router_new();
    if (fd < 0 || !router || loop_init(&loop, &e) < 0) goto failed;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (open_file(&files[i]) < 0 || router_add(router, HTTP_GET, files[i].path, ROUTE_FILE + (int)i, &e) < 0)
            goto failed;
    if (router_add(router, HTTP_GET, "/link", ROUTE_LINK, &e) < 0 ||
        router_add(router, HTTP_POST, "/p/echo/{rest...}", ROUTE_ECHO, &e) < 0)
        goto failed;
    server = http_server_new(&loop, &http_limits_default, &app, NULL, &e);
    if (!server || http_server_listen(server, fd, &e) < 0) goto failed;
    static uv_signal_t interrupt, terminate;
    uv_signal_init(&loop.uv, &interrupt);
    uv_signal_init(&loop.uv, &terminate);
    uv_signal_start(&interrupt, on_signal, SIGINT);
    uv_signal_start(&terminate, on_signal, SIGTERM);
    printf("ready %s\n", url);
    fflush(stdout);
    loop_run(&loop);
    loop_close(&loop);
    router_free(router);
    return 0;
failed:
    fprintf(stderr, "http_probe: %s\n", e.code ? e.text : strerror(errno));
    return 1;
}
