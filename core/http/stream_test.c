/* stream_test.c: replies that are written piece by piece (reply.h), over real sockets. */
#include "http/reply.h"
#include "http/rig_int.h"

#include <stdlib.h>

static struct conn *stream;
static int rooms, gones, frees, left; /* left: pieces that on_room still writes */

static void on_room(void *to)
{
    (void)to;
    rooms++;
    if (left > 0 && --left >= 0) reply_more(stream, SLICE("next"));
}

static void on_gone(void *to)
{
    (void)to;
    stream = NULL;
    gones++;
}

static const struct reply_calls calls = {.room = on_room, .gone = on_gone};

static void on_request(void *to, struct request *r)
{
    struct reply p = {.status = 200, .type = SLICE("text/event-stream"), .fd = -1};
    (void)to;
    stream = reply_begin(r, &p, &calls, NULL);
}

static void on_request_gone(void *to, struct request *r)
{
    (void)to, (void)r;
    frees++;
}

static void on_drained(void *arg)
{
    *(bool *)arg = true;
}

static void start(uint32_t send_ms)
{
    struct err e = {0};
    char url[64];
    struct http_limits limits = http_limits_default;
    struct http_app app = {.on_request = on_request, .on_gone = on_request_gone};
    limits.send_ms = send_ms;
    limits.drain_ms = 2000;
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    server = http_server_new(&loop, &limits, &app, NULL, &e);
    int fd = http_listen_socket("127.0.0.1:0", url, sizeof url, &e);
    port = atoi(strrchr(url, ':') + 1);
    CHECK(http_server_listen(server, fd, &e) == GIFD_OK);
    rooms = gones = frees = left = 0;
    stream = NULL;
}

static void stop(void)
{
    http_server_free(server);
    for (int i = 0; i < 20; i++) turn();
    loop_close(&loop);
}

TEST(pieces_arrive_as_chunks_and_the_connection_goes_on)
{
    start(5000);
    struct client c = connected(0);
    say(&c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(has(&c, "\r\n\r\n"));
    CHECK(has(&c, "Transfer-Encoding: chunked") && !has(&c, "Content-Length"));
    CHECK(reply_more(stream, SLICE("one")) == GIFD_OK);
    UNTIL(has(&c, "3\r\none\r\n"));
    UNTIL(rooms > 0);
    CHECK(reply_more(stream, SLICE("twenty-two bytes long\n")) == GIFD_OK);
    UNTIL(has(&c, "16\r\ntwenty-two bytes long\n\r\n"));
    reply_end(stream);
    UNTIL(has(&c, "\r\n0\r\n\r\n"));
    say(&c, "HEAD /b HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL((receive(&c), count(&c, "HTTP/1.1 200") == 2));
    CHECK(!stream && !c.closed && gones == 0 && frees == 0);
    hang_up(&c);
    stop();
}

TEST(one_that_writes_when_there_is_room_never_waits_for_the_clock)
{
    start(5000);
    struct client c = connected(0);
    say(&c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(stream && rooms > 0);
    left = 200;
    uint64_t began = clock_mono_ns();
    CHECK(reply_more(stream, SLICE("first")) == GIFD_OK);
    while (left > 0) uv_run(&loop.uv, UV_RUN_ONCE); /* sleeps when nobody is ready */
    CHECK(clock_mono_ns() - began < 2000000000ull);
    reply_end(stream);
    hang_up(&c);
    stop();
}

TEST(an_old_client_gets_it_as_it_is_until_the_end)
{
    start(5000);
    struct client c = connected(0);
    say(&c, "GET /a HTTP/1.0\r\n\r\n");
    UNTIL(has(&c, "\r\n\r\n"));
    CHECK(reply_more(stream, SLICE("one")) == GIFD_OK && reply_more(stream, SLICE("two")) == GIFD_OK);
    reply_end(stream);
    UNTIL(receive(&c));
    CHECK_STR(reply_body(&c), "onetwo");
    hang_up(&c);
    stop();
}

TEST(a_client_that_leaves_ends_it)
{
    start(5000);
    struct client c = connected(0);
    say(&c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(stream);
    hang_up(&c);
    UNTIL(gones == 1);
    CHECK(frees == 0 && http_server_connections(server) == 0);
    stop();
}

TEST(one_that_does_not_read_is_told_apart_and_then_ended)
{
    static char piece[REPLY_PIECE_MAX];
    start(300);
    memset(piece, 'x', sizeof piece);
    struct client c = connected(4096);
    say(&c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(stream);
    int behind = 0; /* turns in a row; the kernel takes some megabytes before it says no */
    for (int i = 0; i < 20000 && behind < 50; i++) {
        int rc = reply_more(stream, slice_of(piece, sizeof piece));
        CHECK(rc == GIFD_OK || rc == GIFD_EBUSY);
        behind = rc == GIFD_EBUSY ? behind + 1 : 0;
        turn();
    }
    CHECK(behind == 50 && gones == 0);
    UNTIL(gones == 1);
    hang_up(&c);
    stop();
}

TEST(a_server_that_drains_ends_it_properly)
{
    bool drained = false;
    start(5000);
    struct client c = connected(0);
    say(&c, "GET /a HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(has(&c, "\r\n\r\n"));
    http_server_drain(server, on_drained, &drained);
    UNTIL(has(&c, "0\r\n\r\n"));
    UNTIL(receive(&c));
    UNTIL(drained);
    CHECK(gones == 1);
    hang_up(&c);
    stop();
}

TEST_MAIN()
