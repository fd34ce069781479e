/* server_test.c: a server and its clients in one process, over real sockets of the loopback. Clients never block; every
 * wait is for a condition, with the loop turning meanwhile, and has an end. */
#include "http/reply.h"
#include "http/rig_int.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define FILE_SIZE 3000000
#define BODY_MAX (16u << 20)

static int file;
static char *file_bytes;
static _Atomic uint32_t held[2];

/* ---- the app ---- */

static struct request *held_request; /* of GET /hold */
static unsigned requests, gones, ended;
static int end_rc;
static struct buf body;
static bool pause_body, done_called;
static size_t data_calls;
static struct request *body_request;

static int on_data(void *to, const uint8_t *bytes, size_t n, struct err *e)
{
    (void)to;
    data_calls++;
    int rc = buf_append(&body, bytes, n, e);
    return rc < 0 ? rc : pause_body ? BODY_PAUSE : 0;
}

static void text_reply(struct request *r, int status, const char *text)
{
    reply_send(r, &(struct reply){
                      .status = status, .type = SLICE("text/plain"), .body = REPLY_BYTES, .bytes = slice_str(text)});
}

static void on_end(void *to, int rc, const struct err *e)
{
    struct request *r = to;
    ended++;
    end_rc = rc;
    body_request = NULL;
    if (rc < 0)
        reply_problem(r, rc == GIFD_ETOOBIG ? 413 : rc == GIFD_ETIMEOUT ? 408 : 400, err_name(rc), "%s", e->text);
    else
        text_reply(r, 200, "taken");
}

static void read_body(struct request *r, uint64_t max)
{
    body_request = r;
    request_body(r, &(struct body_sink){r, max, on_data, on_end});
}

static void on_request(void *to, struct request *r)
{
    (void)to;
    requests++;
    if (slice_is(r->path, "/hold")) {
        held_request = r;
    } else if (slice_is(r->path, "/release")) {
        text_reply(held_request, 200, "held");
        text_reply(r, 200, "released");
    } else if (slice_is(r->path, "/body")) {
        read_body(r, BODY_MAX);
    } else if (slice_is(r->path, "/small")) {
        read_body(r, 10);
    } else if (slice_is(r->path, "/file")) {
        reply_send(r, &(struct reply){.status = 200,
                                      .type = SLICE("image/gif"),
                                      .etag = SLICE("\"f\""),
                                      .last_modified = 1700000000,
                                      .body = REPLY_FILE,
                                      .fd = dup(file),
                                      .size = FILE_SIZE});
    } else if (slice_is(r->path, "/short")) {
        reply_send(r, &(struct reply){.status = 200, .body = REPLY_FILE, .fd = dup(file), .size = FILE_SIZE + 1000});
    } else if (slice_is(r->path, "/bytes")) {
        reply_send(r,
                   &(struct reply){
                       .status = 200, .etag = SLICE("\"b\""), .body = REPLY_BYTES, .bytes = {file_bytes, FILE_SIZE}});
    } else if (slice_is(r->path, "/evil")) {
        struct http_header h = {SLICE("X-A"), SLICE("a\r\nSet-Cookie: b")};
        reply_send(r, &(struct reply){.status = 200, .headers = &h, .header_count = 1});
    } else if (slice_is(r->path, "/problem")) {
        reply_problem(r, 404, "not_found", "no \"%s\"\n", "thing");
    } else {
        char text[256];
        snprintf(text, sizeof text, "%s %.*s?%.*s %s", http_method_name(r->method), (int)r->path.n, r->path.p,
                 (int)r->query.n, r->query.p, r->client_ip);
        text_reply(r, 200, text);
    }
}

static void on_gone(void *to, struct request *r)
{
    (void)to;
    gones++;
    if (held_request == r) held_request = NULL;
    if (body_request == r) body_request = NULL;
}

static void on_done(void *arg)
{
    (void)arg;
    done_called = true;
}

/* ---- the frame ---- */

static void start(const struct http_limits *limits, const struct http_share *share)
{
    struct err e = {0};
    char url[64];
    const struct http_app app = {.on_request = on_request, .on_gone = on_gone};
    requests = gones = ended = 0;
    data_calls = 0;
    pause_body = done_called = false;
    held_request = NULL;
    if (!body.max) buf_init(&body, BODY_MAX);
    buf_reset(&body);
    CHECK(loop_init(&loop, &e) == 0);
    server = http_server_new(&loop, limits, &app, share, &e);
    CHECK(server);
    int fd = http_listen_socket("127.0.0.1:0", url, sizeof url, &e);
    CHECK(fd >= 0);
    CHECK(http_server_listen(server, fd, &e) == 0);
    port = atoi(strrchr(url, ':') + 1);
    if (file_bytes) return;
    file_bytes = malloc(FILE_SIZE);
    for (size_t i = 0; i < FILE_SIZE; i++) file_bytes[i] = (char)(i * 2654435761u >> 13);
    file = memfd_create("file", MFD_CLOEXEC);
    CHECK(write(file, file_bytes, FILE_SIZE) == FILE_SIZE);
}

static void stop(void)
{
    http_server_free(server);
    loop_close(&loop);
    buf_free(&body);
}

#define HOST "Host: x\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

/* ---- requests and replies ---- */

TEST(a_request_is_answered_and_the_connection_kept)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, "GET /a%20b?q=1 HTTP/1.1\r\n" HOST "Request-Id: my-id_0001\r\n\r\n");
    UNTIL(has(&c, "GET /a b?q=1 127.0.0.1"));
    CHECK(has(&c, "HTTP/1.1 200 OK\r\n") && has(&c, "\r\nRequest-Id: my-id_0001\r\n") && has(&c, "\r\nDate: "));
    CHECK(!has(&c, "Connection:"));
    say(&c, "GET /2 HTTP/1.1\r\n" HOST "Request-Id: no good\r\nConnection: close\r\n\r\n");
    UNTIL(receive(&c));
    CHECK(has(&c, "GET /2") && has(&c, "Connection: close") && !has(&c, "no good"));
    CHECK(count(&c, "HTTP/1.1 200") == 2);
    hang_up(&c);
    stop();
}

TEST(head_has_the_same_head_and_no_body)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, "HEAD /file HTTP/1.1\r\n" HOST "\r\nHEAD /problem HTTP/1.1\r\n" HOST "\r\n" GET("/after"));
    UNTIL(has(&c, "GET /after"));
    CHECK(has(&c, "Content-Length: 3000000\r\n") && has(&c, "HTTP/1.1 404") && !has(&c, "about:blank"));
    hang_up(&c);
    stop();
}

TEST(pipelined_requests_wait_for_the_reply_before)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, GET("/hold") GET("/b") GET("/c"));
    UNTIL(held_request);
    for (int i = 0; i < 20; i++) turn();
    CHECK(requests == 1);
    text_reply(held_request, 200, "first");
    UNTIL(has(&c, "GET /c"));
    const char *p = buf_str(&c.in);
    CHECK(strstr(p, "first") < strstr(p, "GET /b") && strstr(p, "GET /b") < strstr(p, "GET /c"));
    hang_up(&c);
    stop();
}

TEST(a_reply_may_come_from_inside_another_connections_request)
{
    start(&http_limits_default, NULL);
    struct client a = connected(0), b = connected(0);
    say(&a, GET("/hold") GET("/next"));
    UNTIL(held_request);
    say(&b, GET("/release"));
    UNTIL(has(&b, "released") && has(&a, "held") && has(&a, "GET /next"));
    hang_up(&a);
    hang_up(&b);
    stop();
}

static void check_transfer(const char *path, int receive_buffer)
{
    char text[256];
    struct client c = connected(receive_buffer);
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n" HOST "\r\n" GET("/after"), path);
    say(&c, text);
    UNTIL(has(&c, "GET /after"));
    const char *at = reply_body(&c);
    CHECK(memcmp(at, file_bytes, FILE_SIZE) == 0);
    CHECK(strncmp(at + FILE_SIZE, "HTTP/1.1 200", 12) == 0);
    hang_up(&c);
}

TEST(long_files_and_bytes_arrive_whole_also_at_slow_readers)
{
    start(&http_limits_default, NULL);
    check_transfer("/file", 0);
    check_transfer("/file", 4096);
    check_transfer("/bytes", 0);
    check_transfer("/bytes", 4096);
    stop();
}

TEST(several_ranges_of_a_long_file)
{
    start(&http_limits_default, NULL);
    static const char *const paths[] = {"/file", "/bytes"};
    for (int i = 0; i < 2; i++) {
        char text[256];
        struct client c = connected(4096);
        snprintf(text, sizeof text,
                 "GET %s HTTP/1.1\r\n" HOST "Range: bytes=1000000-2000000,0-9\r\nConnection: close\r\n\r\n", paths[i]);
        say(&c, text);
        UNTIL(receive(&c));
        CHECK(has(&c, "HTTP/1.1 206 Partial Content") && has(&c, "multipart/byteranges; boundary="));
        const char *first = memmem(c.in.p, c.in.n, "bytes 1000000-2000000/3000000\r\n\r\n", 33);
        const char *second = memmem(c.in.p, c.in.n, "bytes 0-9/3000000\r\n\r\n", 21);
        CHECK(first && memcmp(first + 33, file_bytes + 1000000, 1000001) == 0);
        CHECK(second && memcmp(second + 21, file_bytes, 10) == 0);
        size_t length = (size_t)atoll(strstr(buf_str(&c.in), "Content-Length: ") + 16);
        CHECK((size_t)(c.in.p + c.in.n - reply_body(&c)) == length);
        hang_up(&c);
    }
    stop();
}

TEST(selection_problems_are_complete_replies)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, "GET /file HTTP/1.1\r\n" HOST "Range: bytes=3000000-\r\n\r\n");
    UNTIL(has(&c, "range_not_satisfiable"));
    CHECK(has(&c, "HTTP/1.1 416") && has(&c, "Content-Range: bytes */3000000\r\n"));
    say(&c, "GET /file HTTP/1.1\r\n" HOST "If-Match: \"x\"\r\n\r\n");
    UNTIL(has(&c, "precondition_failed"));
    say(&c, "GET /file HTTP/1.1\r\n" HOST "If-None-Match: \"f\"\r\n\r\n" GET("/after"));
    UNTIL(has(&c, "GET /after"));
    CHECK(has(&c, "HTTP/1.1 304 Not Modified"));
    hang_up(&c);
    stop();
}

TEST(a_header_that_would_split_the_reply_is_not_sent)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, GET("/evil") GET("/problem"));
    UNTIL(has(&c, "not_found"));
    CHECK(has(&c, "HTTP/1.1 500") && !has(&c, "Set-Cookie"));
    CHECK(has(&c, "\"detail\":\"no \\\"thing\\\"\\u000a\"") && has(&c, "\"request_id\":\""));
    hang_up(&c);
    stop();
}

TEST(a_file_shorter_than_promised_breaks_the_connection)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, GET("/short") GET("/after"));
    UNTIL(receive(&c));
    CHECK(!has(&c, "GET /after"));
    hang_up(&c);
    stop();
}

TEST(refusals_close_and_say_why)
{
    start(&http_limits_default, NULL);
    static const char *const heads[] = {"GET / HTTP/1.1\r\n\r\n", "GET  / HTTP/1.1\r\n" HOST "\r\n",
                                        "FOO / HTTP/1.1\r\n" HOST "\r\n", "GET /a//b HTTP/1.1\r\n" HOST "\r\n"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct client c = connected(0);
        say(&c, heads[i]);
        say(&c, GET("/canary"));
        UNTIL(receive(&c));
        CHECK(has(&c, "Connection: close") && has(&c, "application/problem+json") && !has(&c, "canary"));
        CHECK(count(&c, "HTTP/1.1") == 1);
        hang_up(&c);
    }
    CHECK(requests == 0);
    stop();
}

TEST(options_asterisk_is_answered_here)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n" GET("/after"));
    UNTIL(has(&c, "GET /after"));
    CHECK(has(&c, "HTTP/1.1 204") && has(&c, "Allow: GET, HEAD"));
    hang_up(&c);
    stop();
}

/* ---- bodies ---- */

TEST(bodies_arrive_by_length_and_in_chunks)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello" GET("/after"));
    UNTIL(has(&c, "GET /after"));
    say(&c, "POST /body HTTP/1.1\r\n" HOST
            "Transfer-Encoding: chunked\r\n\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n" GET("/later"));
    UNTIL(has(&c, "GET /later"));
    CHECK(slice_is(buf_slice(&body), "hello world"));
    CHECK(count(&c, "taken") == 2);
    say(&c, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n");
    UNTIL(has(&c, "GET /later") && ended == 3);
    hang_up(&c);
    stop();
}

TEST(a_paused_body_holds_the_sender_back)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 12000000\r\n\r\n");
    UNTIL(body_request);
    pause_body = true;
    char block[65536];
    memset(block, 'x', sizeof block);
    size_t sent = 0;
    for (int idle = 0; idle < 200 && sent < 12000000;) { /* until nothing moves any more */
        size_t n = 12000000 - sent < sizeof block ? 12000000 - sent : sizeof block;
        ssize_t k = send(c.fd, block, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (k > 0) sent += (size_t)k, idle = 0;
        idle += k <= 0;
        turn();
    }
    CHECK(data_calls == 1 && body.n <= 65536);
    CHECK(sent < 12000000);
    pause_body = false;
    request_body_resume(body_request);
    uint64_t end = clock_mono_ns() + WAIT_NS;
    while (sent < 12000000 && clock_mono_ns() < end) {
        size_t n = 12000000 - sent < sizeof block ? 12000000 - sent : sizeof block;
        ssize_t k = send(c.fd, block, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (k > 0) sent += (size_t)k;
        turn();
    }
    UNTIL(has(&c, "taken"));
    CHECK(body.n == 12000000);
    hang_up(&c);
    stop();
}

TEST(too_large_by_length_is_answered_before_a_byte)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, "POST /small HTTP/1.1\r\n" HOST "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n");
    UNTIL(receive(&c) || has(&c, "too_large"));
    CHECK(has(&c, "HTTP/1.1 413") && !has(&c, "100 Continue") && has(&c, "limit of 10 bytes"));
    CHECK(data_calls == 0 && end_rc == GIFD_ETOOBIG);
    hang_up(&c);
    stop();
}

TEST(too_large_while_streaming_reaches_no_sink)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, "POST /small HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n");
    UNTIL(body.n == 8);
    say(&c, "3\r\nabc\r\n0\r\n\r\n");
    UNTIL(receive(&c));
    CHECK(has(&c, "HTTP/1.1 413") && body.n == 8 && ended == 1);
    hang_up(&c);
    stop();
}

TEST(one_hundred_continue_comes_when_the_body_is_wanted)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, "POST /hold HTTP/1.1\r\n" HOST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    UNTIL(held_request);
    for (int i = 0; i < 20; i++) turn();
    CHECK(!receive(&c) && c.in.n == 0);
    read_body(held_request, 100);
    UNTIL(has(&c, "HTTP/1.1 100 Continue\r\n\r\n"));
    say(&c, "ok" GET("/after"));
    UNTIL(has(&c, "GET /after"));
    CHECK(has(&c, "taken") && slice_is(buf_slice(&body), "ok"));
    hang_up(&c);
    stop();
}

TEST(an_unwanted_body_is_dropped_when_small_and_ends_the_connection_when_not)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 43\r\n\r\n" GET("/smuggled"));
    say(&c, "12345678" GET("/after"));
    UNTIL(has(&c, "GET /after"));
    CHECK(!has(&c, "smuggled") && !c.closed);
    say(&c, "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET("/again"));
    UNTIL(has(&c, "GET /again"));
    say(&c, "POST /x HTTP/1.1\r\n" HOST "Content-Length: 10000000\r\n\r\n");
    UNTIL(has(&c, "Connection: close"));
    hang_up(&c);
    stop();
}

TEST(a_malformed_chunk_fails_the_body_and_runs_nothing_behind_it)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, "POST /body HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n" GET("/canary"));
    UNTIL(receive(&c));
    CHECK(has(&c, "HTTP/1.1 400") && !has(&c, "canary") && end_rc == GIFD_EPROTOCOL && ended == 1);
    hang_up(&c);
    stop();
}

/* ---- clients that go away ---- */

TEST(a_client_gone_in_the_middle_of_its_body_is_told_to_the_app)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nhalf");
    UNTIL(body.n == 4);
    hang_up(&c);
    UNTIL(gones == 1);
    CHECK(ended == 0 && http_server_connections(server) == 0);
    stop();
}

TEST(a_reset_ends_a_waiting_request)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, GET("/hold"));
    UNTIL(held_request);
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    hang_up(&c);
    UNTIL(gones == 1);
    stop();
}

TEST(a_reset_after_the_clients_end_ends_a_waiting_request_too)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, GET("/hold"));
    UNTIL(held_request);
    shutdown(c.fd, SHUT_WR);
    for (int i = 0; i < 20; i++) turn();
    CHECK(held_request && gones == 0);
    setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    hang_up(&c);
    UNTIL(gones == 1);
    stop();
}

TEST(of_two_who_send_no_more_the_one_that_left_is_noticed_and_the_other_answered)
{
    start(&http_limits_default, NULL);
    struct client left = connected(0), stays = connected(0);
    int seconds = 1; /* in which its system forgets a connection that was closed; a minute, commonly */
    setsockopt(left.fd, IPPROTO_TCP, TCP_LINGER2, &seconds, sizeof seconds);
    say(&left, GET("/hold"));
    UNTIL(held_request);
    say(&stays, GET("/hold"));
    UNTIL(requests == 2);
    shutdown(stays.fd, SHUT_WR);
    hang_up(&left); /* an end like the other's */
    UNTIL(gones == 1);
    for (uint64_t until = clock_mono_ns() + 5000000000u; clock_mono_ns() < until;) {
        turn();
        usleep(10000);
    }
    CHECK(gones == 1 && held_request);
    text_reply(held_request, 200, "late");
    UNTIL(receive(&stays));
    CHECK(has(&stays, "late"));
    hang_up(&stays);
    stop();
}

TEST(a_half_closed_client_gets_its_answer)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, GET("/hold"));
    shutdown(c.fd, SHUT_WR);
    UNTIL(held_request);
    for (int i = 0; i < 20; i++) turn();
    text_reply(held_request, 200, "late");
    UNTIL(receive(&c));
    CHECK(has(&c, "late") && gones == 0);
    hang_up(&c);
    stop();
}

/* ---- time and limits ---- */

static struct http_limits quick(void)
{
    struct http_limits l = http_limits_default;
    l.head_ms = l.idle_ms = l.body_ms = l.send_ms = l.drain_ms = 300;
    return l;
}

TEST(slow_heads_bodies_and_idlers_are_ended)
{
    struct http_limits l = quick();
    start(&l, NULL);
    struct client idle = connected(0), head = connected(0), slow = connected(0), kept = connected(0);
    say(&head, "GET / HTTP/1.1\r\nHo");
    say(&slow, "POST /body HTTP/1.1\r\n" HOST "Content-Length: 100\r\n\r\nx");
    say(&kept, GET("/a"));
    UNTIL(receive(&idle));
    UNTIL(receive(&head));
    UNTIL(receive(&slow));
    UNTIL(receive(&kept));
    CHECK(idle.in.n == 0);
    CHECK(has(&head, "HTTP/1.1 408") && has(&head, "Connection: close"));
    CHECK(has(&slow, "HTTP/1.1 408") && end_rc == GIFD_ETIMEOUT);
    CHECK(has(&kept, "GET /a") && count(&kept, "HTTP/1.1") == 1);
    hang_up(&idle);
    hang_up(&head);
    hang_up(&slow);
    hang_up(&kept);
    stop();
}

TEST(a_reader_that_takes_nothing_is_ended)
{
    struct http_limits l = quick();
    start(&l, NULL);
    struct client c = connected(4096);
    say(&c, GET("/file"));
    UNTIL(requests == 1);
    CHECK(http_server_connections(server) == 1);
    UNTIL(http_server_connections(server) == 0);
    hang_up(&c);
    stop();
}

TEST(a_held_request_has_no_time_of_ours)
{
    struct http_limits l = quick();
    start(&l, NULL);
    struct client c = connected(0);
    say(&c, GET("/hold"));
    UNTIL(held_request);
    uint64_t end = clock_mono_ns() + 900000000u;
    while (clock_mono_ns() < end) turn();
    CHECK(held_request && gones == 0);
    text_reply(held_request, 200, "late");
    UNTIL(has(&c, "late"));
    hang_up(&c);
    stop();
}

TEST(connections_beyond_the_limit_wait_their_turn)
{
    struct http_limits l = http_limits_default;
    l.connections = 2;
    start(&l, NULL);
    struct client a = connected(0), b = connected(0), c = connected(0);
    say(&a, GET("/a"));
    say(&b, GET("/b"));
    say(&c, GET("/c"));
    UNTIL(has(&a, "GET /a") && has(&b, "GET /b"));
    for (int i = 0; i < 50; i++) turn();
    CHECK(http_server_connections(server) == 2 && !receive(&c) && c.in.n == 0);
    hang_up(&a);
    UNTIL(has(&c, "GET /c"));
    hang_up(&b);
    hang_up(&c);
    stop();
}

TEST(without_descriptors_the_listener_rests_and_comes_back)
{
    start(&http_limits_default, NULL);
    struct client a = connected(0), b = connected(0);
    struct rlimit old, none;
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    uint64_t turns = 0, end = clock_mono_ns() + 300000000u;
    while (clock_mono_ns() < end) {
        uv_run(&loop.uv, UV_RUN_ONCE); /* sleeps when nothing is watched */
        turns++;
    }
    setrlimit(RLIMIT_NOFILE, &old);
    CHECK(turns < 50 && http_server_connections(server) == 0);
    say(&a, GET("/a"));
    say(&b, GET("/b"));
    UNTIL(has(&a, "GET /a") && has(&b, "GET /b"));
    hang_up(&a);
    hang_up(&b);
    stop();
}

TEST(a_worker_above_its_share_still_takes_what_nobody_takes)
{
    atomic_store(&held[0], 100);
    atomic_store(&held[1], 0);
    start(&http_limits_default, &(struct http_share){held, 2, 0});
    struct client c = connected(0);
    say(&c, GET("/a"));
    UNTIL(has(&c, "GET /a"));
    CHECK(atomic_load(&held[0]) == 101);
    hang_up(&c);
    UNTIL(atomic_load(&held[0]) == 100);
    stop();
}

TEST(draining_finishes_what_has_begun)
{
    start(&http_limits_default, NULL);
    struct client idle = connected(0), busy = connected(0);
    say(&idle, GET("/a"));
    say(&busy, GET("/hold"));
    UNTIL(has(&idle, "GET /a") && held_request);
    http_server_drain(server, on_done, NULL);
    UNTIL(receive(&idle));
    CHECK(!done_called && !receive(&busy));
    CHECK(dial(0) < 0);
    text_reply(held_request, 200, "last");
    UNTIL(receive(&busy));
    CHECK(has(&busy, "last") && has(&busy, "Connection: close"));
    UNTIL(done_called);
    hang_up(&idle);
    hang_up(&busy);
    stop();
}

TEST(draining_answers_what_has_arrived)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, GET("/a"));
    UNTIL(has(&c, "GET /a"));
    static const char next[] = GET("/b");
    CHECK(send(c.fd, next, sizeof next - 1, MSG_NOSIGNAL) > 0); /* in the kernel, unread by the server */
    http_server_drain(server, on_done, NULL);
    UNTIL(done_called);
    receive(&c);
    CHECK(has(&c, "GET /b") && has(&c, "Connection: close"));
    hang_up(&c);
    stop();
}

TEST(retiring_lets_an_idle_client_ask_once_more)
{
    start(&http_limits_default, NULL);
    struct client silent = connected(0), asks = connected(0);
    say(&silent, GET("/a"));
    say(&asks, GET("/a"));
    UNTIL(has(&silent, "GET /a") && has(&asks, "GET /a"));
    http_server_retire(server, 300, 60000, on_done, NULL);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    CHECK(http_server_connections(server) == 2 && dial(0) < 0);
    say(&asks, GET("/b"));
    UNTIL(receive(&asks));
    CHECK(has(&asks, "GET /b") && has(&asks, "Connection: close"));
    CHECK(!done_called && http_server_connections(server) == 1);
    UNTIL(done_called);
    CHECK(receive(&silent));
    hang_up(&silent);
    hang_up(&asks);
    stop();
}

TEST(retiring_gives_a_request_its_time_and_no_more)
{
    start(&http_limits_default, NULL);
    struct client c = connected(0);
    say(&c, GET("/hold"));
    UNTIL(held_request);
    uint64_t begin = clock_mono_ns();
    http_server_retire(server, 50, 400, on_done, NULL);
    UNTIL(done_called);
    CHECK(clock_mono_ns() - begin >= 350000000u && gones == 1);
    hang_up(&c);
    stop();
}

TEST(draining_has_an_end)
{
    struct http_limits l = quick();
    start(&l, NULL);
    struct client c = connected(0);
    say(&c, GET("/hold"));
    UNTIL(held_request);
    http_server_drain(server, on_done, NULL);
    UNTIL(done_called);
    CHECK(gones == 1 && http_server_connections(server) == 0);
    hang_up(&c);
    stop();
}

TEST(listening_addresses)
{
    struct err e = {0};
    char url[64];
    static const char *const bad[] = {
        "", "x", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:x", "127.0.0.1:70000", "localhost:1", "[::1]", "[::1:1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(http_listen_socket(bad[i], url, sizeof url, &e) == GIFD_EINVALID);
    int fd = http_listen_socket("127.0.0.1:0", url, sizeof url, &e);
    CHECK(fd >= 0 && strncmp(url, "http://127.0.0.1:", 17) == 0 && atoi(url + 17) > 0);
    CHECK(http_listen_socket(url + 7, url, sizeof url, &e) < 0);
    close(fd);
}

TEST_MAIN()
