/* h2_test.c: streams of HTTP/2 as the app sees them: bodies that wait, replies piece by piece, clients that leave.
 * Frames are written by hand; what a real client does is in spec/e2e/h2_spec.lua. */
#include "http/cache.h"
#include "http/h2_int.h"
#include "http/rig_int.h"

#include <stdlib.h>
#include <sys/mman.h>

static struct request *asked;
static struct conn *stream;
static size_t got, gones, stream_gones, ends, rooms;
static bool hold;
static struct epochs epochs;
static struct cache *cache;

static int on_body(void *to, const uint8_t *bytes, size_t n, struct err *e)
{
    (void)to, (void)bytes, (void)e;
    got += n;
    return hold ? BODY_PAUSE : GIFD_OK;
}

static void on_body_end(void *to, int rc, const struct err *e)
{
    (void)to, (void)e;
    ends++;
    if (rc == GIFD_OK) reply_send(asked, &(struct reply){.status = 200, .body = REPLY_BYTES, .bytes = SLICE("taken")});
}

static void on_room(void *to)
{
    (void)to;
    rooms++;
}

static void on_stream_gone(void *to)
{
    (void)to;
    stream_gones++;
}

static void on_request(void *to, struct request *r)
{
    static const struct reply_calls calls = {.room = on_room, .gone = on_stream_gone};
    static const struct body_sink sink = {.max = 8 << 20, .data = on_body, .end = on_body_end};
    (void)to;
    asked = r;
    if (slice_is(r->path, "/file"))
        cache_reply(cache, cache_find(cache, SLICE("f"), 0), r);
    else if (slice_is(r->path, "/body"))
        request_body(r, &sink);
    else if (slice_is(r->path, "/kept"))
        cache_reply(cache, cache_find(cache, SLICE("k"), 0), r);
    else if (slice_is(r->path, "/pieces"))
        stream = reply_begin(r, &(struct reply){.status = 200, .type = SLICE("text/plain"), .fd = -1}, &calls, NULL);
}

static void on_gone(void *to, struct request *r)
{
    (void)to, (void)r;
    gones++;
}

static void start(void)
{
    struct err e = {0};
    char url[64];
    const struct http_app app = {.on_request = on_request, .on_gone = on_gone};
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    server = http_server_new(&loop, &http_limits_default, &app, NULL, &e);
    int fd = http_listen_socket("127.0.0.1:0", url, sizeof url, &e);
    port = atoi(strrchr(url, ':') + 1);
    CHECK(http_server_listen(server, fd, &e) == GIFD_OK);
    got = gones = stream_gones = ends = rooms = 0;
    hold = false;
    asked = NULL;
    stream = NULL;
}

static void stop(void)
{
    http_server_free(server);
    while (uv_run(&loop.uv, UV_RUN_NOWAIT)) {
    }
    loop_close(&loop);
}

static void put(struct client *c, const char *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t sent = send(c->fd, p + at, n - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) at += (size_t)sent;
        turn();
    }
}

static void frame(struct client *c, int type, int flags, int id, const char *p, size_t n)
{
    char head[9] = {(char)(n >> 16), (char)(n >> 8), (char)n, (char)type, (char)flags, 0, 0, (char)(id >> 8), (char)id};
    put(c, head, 9);
    put(c, p, n);
}

static struct client speaks_h2(void)
{
    struct client c = connected(0);
    put(&c, H2_PREFACE, H2_PREFACE_LEN);
    frame(&c, 4, 0, 0, "", 0);
    UNTIL(receive(&c) || c.in.n > 9);
    frame(&c, 4, 1, 0, "", 0); /* its settings hold from now on */
    return c;
}

/* flags: 4 the head is whole, 1 there is no body */
static void ask(struct client *c, int id, int flags, const char *method, const char *path)
{
    char block[256];
    char *w = block;
    *w++ = 0x02, *w++ = (char)strlen(method); /* :method, not indexed */
    w = (char *)memcpy(w, method, strlen(method)) + strlen(method);
    *w++ = 0x04, *w++ = (char)strlen(path); /* :path */
    w = (char *)memcpy(w, path, strlen(path)) + strlen(path);
    *w++ = (char)0x86, *w++ = 0x01, *w++ = 1, *w++ = 'x'; /* :scheme http, :authority */
    frame(c, 1, flags, id, block, (size_t)(w - block));
}

TEST(a_sink_that_pauses_stops_the_client_and_goes_on)
{
    static char chunk[16384];
    start();
    hold = true;
    struct client c = speaks_h2();
    ask(&c, 1, 4, "POST", "/body");
    for (int i = 0; i < 16; i++) frame(&c, 0, 0, 1, chunk, sizeof chunk); /* the whole window of a stream */
    UNTIL(got > 0);
    for (int i = 0; i < 50; i++) turn();
    CHECK(got <= READ_SIZE);
    hold = false;
    request_body_resume(asked);
    UNTIL(got == 16 * sizeof chunk);
    frame(&c, 0, 1, 1, "end", 3);
    UNTIL(has(&c, "taken"));
    CHECK(ends == 1 && got == 16 * sizeof chunk + 3 && gones == 0);
    hang_up(&c);
    stop();
}

TEST(a_reply_comes_piece_by_piece_beside_others)
{
    start();
    struct client c = speaks_h2();
    ask(&c, 1, 5, "GET", "/pieces");
    UNTIL(stream);
    struct conn *first = stream;
    CHECK(reply_more(first, SLICE("piece one")) == GIFD_OK);
    UNTIL(has(&c, "piece one"));
    UNTIL(rooms > 0);
    ask(&c, 3, 4, "POST", "/body");
    frame(&c, 0, 1, 3, "x", 1);
    UNTIL(has(&c, "taken"));
    CHECK(reply_more(first, SLICE("piece two")) == GIFD_OK);
    reply_end(first);
    UNTIL(has(&c, "piece two"));
    CHECK(stream_gones == 0 && gones == 0);
    hang_up(&c);
    stop();
}

TEST(a_client_that_resets_a_stream_or_leaves_is_told_to_the_app_once)
{
    start();
    struct client c = speaks_h2();
    ask(&c, 1, 5, "GET", "/wait");
    UNTIL(asked);
    frame(&c, 3, 0, 1, "\0\0\0\10", 4);
    UNTIL(gones == 1);
    ask(&c, 3, 5, "GET", "/pieces");
    UNTIL(stream);
    frame(&c, 3, 0, 3, "\0\0\0\10", 4);
    UNTIL(stream_gones == 1);
    ask(&c, 5, 4, "POST", "/body");
    frame(&c, 0, 0, 5, "half", 4);
    UNTIL(got == 4);
    hang_up(&c);
    UNTIL(gones == 2);
    CHECK(ends == 0 && stream_gones == 1);
    stop();
}

/* Nobody else's memory is sent when the entry of a reply is dropped under it: the sanitizer sees to that. */
TEST(a_kept_reply_is_sent_to_its_end_when_it_is_purged_meanwhile)
{
    static char body[200000];
    const struct cache_rules rules = {.seconds = 10};
    const struct http_header more[] = {{SLICE("X-Word"), SLICE("of the entry")}};
    const struct reply p = {.status = 200,
                            .type = SLICE("text/plain"),
                            .etag = SLICE("\"tag\""),
                            .headers = more,
                            .header_count = 1,
                            .body = REPLY_BYTES,
                            .bytes = {body, sizeof body},
                            .fd = -1};
    memset(body, '.', sizeof body);
    memcpy(body + sizeof body - 8, "the-end.", 8);
    start();
    cache = cache_new(&epochs, NULL);
    CHECK(cache_put(cache, SLICE("k"), &p, &rules, 0));
    struct client c = speaks_h2();
    ask(&c, 1, 5, "GET", "/kept");
    ask(&c, 3, 5, "GET", "/kept");
    UNTIL(receive(&c) || c.in.n > 65535); /* the window of the connection */
    cache_clear(cache);
    frame(&c, 3, 0, 1, "\0\0\0\10", 4);
    frame(&c, 8, 0, 0, "\0\7\0\0", 4);
    frame(&c, 8, 0, 3, "\0\7\0\0", 4);
    UNTIL(has(&c, "the-end."));
    hang_up(&c);
    stop();
    cache_free(cache);
}

TEST(a_kept_file_that_is_asked_for_again_is_read_once)
{
    const struct cache_rules rules = {.seconds = 10};
    const size_t n = 60000;
    int fd = memfd_create("x", MFD_CLOEXEC);
    CHECK(fd >= 0 && ftruncate(fd, (off_t)n - 8) == 0 && pwrite(fd, "the-end.", 8, (off_t)n - 8) == 8);
    const struct reply p = {.status = 200, .body = REPLY_FILE, .fd = fd, .size = n, .etag = SLICE("\"tag\"")};
    start();
    cache = cache_new(&epochs, NULL);
    CHECK(cache_put(cache, SLICE("f"), &p, &rules, 0));
    struct client c = speaks_h2();
    frame(&c, 8, 0, 0, "\0\7\0\0", 4);
    for (int i = 0; i < 4; i++) {
        ask(&c, 2 * i + 1, 5, "GET", "/file");
        UNTIL(has(&c, "the-end."));
        CHECK(c.in.n > n);
        buf_reset(&c.in);
        if (i == 1) CHECK(ftruncate(fd, 0) == 0); /* whoever reads it now has nothing to send */
    }
    hang_up(&c);
    stop();
    cache_free(cache);
    close(fd);
}

TEST_MAIN()
