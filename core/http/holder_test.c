/* holder_test.c: who gives way to whom when connections are many, and who the client is: PROXY headers and what trusted
 * proxies forward, over a real server. See rig_int.h. */
#include "http/reply.h"
#include "http/rig_int.h"

#include <stdlib.h>

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static struct request *held_request;
static unsigned gones;

static void on_request(void *to, struct request *r)
{
    (void)to;
    if (slice_is(r->path, "/hold")) {
        held_request = r;
        return;
    }
    char *text = arena_alloc(&r->arena, 512);
    int n = snprintf(text, 512, "client=%s scheme=%s host=%.*s%s.", r->client_ip, r->scheme, (int)r->host.n, r->host.p,
                     r->host_told ? " told" : "");
    reply_send(r, &(struct reply){.status = 200, .body = REPLY_BYTES, .bytes = {text, (size_t)n}});
}

static void on_gone(void *to, struct request *r)
{
    (void)to;
    (void)r;
    gones++;
}

static void start(const struct http_limits *limits, const char *trusted, bool proxied)
{
    struct err e = {0};
    char url[64];
    const struct http_app app = {.on_request = on_request, .on_gone = on_gone};
    struct cidr_list proxies = {0};
    held_request = NULL;
    gones = 0;
    CHECK(loop_init(&loop, &e) == 0);
    server = http_server_new(&loop, limits, &app, NULL, &e);
    CHECK(server);
    if (trusted) CHECK(cidr_list_add(&proxies, slice_str(trusted), &e) == 0);
    http_server_trust(server, &proxies);
    int fd = http_listen_socket("127.0.0.1:0", url, sizeof url, &e);
    CHECK(fd >= 0);
    CHECK(http_server_listen_with(server, fd, &(struct http_listening){.proxy_protocol = proxied}, &e) == 0);
    port = atoi(strrchr(url, ':') + 1);
}

static void stop(void)
{
    http_server_free(server);
    loop_close(&loop);
}

static struct http_limits limits_of(uint32_t connections, uint32_t per_address)
{
    struct http_limits l = http_limits_default;
    l.connections = connections;
    l.per_address = per_address;
    l.head_ms = 1500;
    return l;
}

static struct client idle_from(const char *from)
{
    struct client c = connected_from(from);
    say(&c, GET);
    UNTIL(has(&c, "200 OK"));
    buf_reset(&c.in);
    return c;
}

static bool answered(struct client *c)
{
    buf_reset(&c->in);
    say(c, GET);
    UNTIL(c->closed || has(c, "200 OK"));
    return !c->closed;
}

static void pass_ms(uint64_t ms)
{
    uint64_t end = clock_mono_ns() + ms * 1000000;
    while (clock_mono_ns() < end) turn();
}

TEST(an_address_with_its_part_loses_its_own_oldest_idle_one)
{
    struct http_limits l = limits_of(100, 3);
    start(&l, NULL, false);
    struct client other = idle_from("127.0.0.2"), a = idle_from("127.0.0.1"), b = idle_from("127.0.0.1"),
                  c = idle_from("127.0.0.1");
    CHECK(answered(&a)); /* now b is the oldest */
    struct client d = idle_from("127.0.0.1");
    UNTIL(receive(&b));
    CHECK(http_server_connections(server) == 4);
    CHECK(answered(&a) && answered(&c) && answered(&d) && answered(&other));
    struct client *all[] = {&other, &a, &b, &c, &d};
    for (size_t i = 0; i < 5; i++) hang_up(all[i]);
    stop();
}

TEST(without_an_idle_one_it_is_the_slowest)
{
    struct http_limits l = limits_of(100, 2);
    l.head_ms = 60000;
    start(&l, NULL, false);
    struct client a = connected(0), b = connected(0);
    say(&a, "GET / HT");
    UNTIL(http_server_connections(server) == 2);
    pass_ms(50);
    say(&b, "POST / HTTP/1.1\r\nHo");
    struct client early = connected(0); /* nobody is slow yet: one more than the part, and no refusal */
    say(&early, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(held_request);
    CHECK(http_server_connections(server) == 3 && !receive(&a) && !receive(&b));
    pass_ms(1100);
    struct client c = idle_from("127.0.0.1");
    CHECK(receive(&a) && !receive(&b) && gones == 0);
    struct client *all[] = {&early, &a, &b, &c};
    for (size_t i = 0; i < 4; i++) hang_up(all[i]);
    stop();
}

TEST(requests_being_worked_on_are_left_alone)
{
    struct http_limits l = limits_of(100, 1);
    start(&l, NULL, false);
    struct client a = idle_from("127.0.0.1");
    say(&a, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    UNTIL(held_request);
    struct client b = idle_from("127.0.0.1"), c = idle_from("127.0.0.1");
    UNTIL(receive(&b));
    CHECK(!receive(&a) && gones == 0 && answered(&c));
    struct client *all[] = {&a, &b, &c};
    for (size_t i = 0; i < 3; i++) hang_up(all[i]);
    stop();
}

TEST(a_part_nobody_asked_for_counts_only_when_little_is_left)
{
    struct http_limits l = limits_of(96, 0); /* a part is 64 */
    struct client c[80];
    start(&l, NULL, false);
    for (int i = 0; i < 72; i++) c[i] = idle_from("127.0.0.1");
    for (int i = 0; i < 72; i++) CHECK(!receive(&c[i]));
    for (int i = 72; i < 80; i++) c[i] = idle_from("127.0.0.1");
    CHECK(http_server_connections(server) == 72);
    for (int i = 0; i < 8; i++) UNTIL(receive(&c[i]));
    for (int i = 0; i < 80; i++) hang_up(&c[i]);
    stop();
}

TEST(at_the_limit_whoever_has_most_gives_way)
{
    struct http_limits l = limits_of(6, 4);
    start(&l, NULL, false);
    struct client many[5], few = idle_from("127.0.0.3");
    for (int i = 0; i < 4; i++) many[i] = idle_from("127.0.0.1");
    say(&many[0], "GET / HTTP/1.1\r\n"); /* four that are busy in a way, and one more */
    for (int i = 1; i < 4; i++) say(&many[i], "GET / HTTP/1.1\r\n");
    pass_ms(20);
    many[4] = idle_from("127.0.0.1");
    CHECK(http_server_connections(server) == 6);
    struct client newcomer = idle_from("127.0.0.2");
    UNTIL(receive(&many[4]));
    CHECK(!receive(&few) && answered(&few));
    for (int i = 0; i < 5; i++) hang_up(&many[i]);
    hang_up(&few);
    hang_up(&newcomer);
    stop();
}

TEST(at_the_limit_of_many_small_ones_the_longest_idle_gives_way)
{
    struct http_limits l = limits_of(3, 0);
    start(&l, NULL, false);
    struct client a = idle_from("127.0.0.2"), b = idle_from("127.0.0.3"), c = idle_from("127.0.0.4");
    struct client d = connected_from("127.0.0.5");
    say(&d, GET);
    pass_ms(100);
    CHECK(!receive(&a) && !receive(&b) && !receive(&c) && d.in.n == 0); /* a request may be under way */
    UNTIL(has(&d, "200 OK"));
    CHECK(receive(&a) && !receive(&b) && !receive(&c));
    struct client *all[] = {&a, &b, &c, &d};
    for (size_t i = 0; i < 4; i++) hang_up(all[i]);
    stop();
}

TEST(trusted_proxies_hold_as_many_as_they_like)
{
    struct http_limits l = limits_of(100, 1);
    start(&l, "127.0.0.1", false);
    struct client a = idle_from("127.0.0.1"), b = idle_from("127.0.0.1"), c = idle_from("127.0.0.1");
    struct client d = idle_from("127.0.0.2"), e = idle_from("127.0.0.2");
    UNTIL(receive(&d));
    CHECK(answered(&a) && answered(&b) && answered(&c) && answered(&e));
    struct client *all[] = {&a, &b, &c, &d, &e};
    for (size_t i = 0; i < 5; i++) hang_up(all[i]);
    stop();
}

/* ---- who the client is ---- */

static void expect(struct client *c, const char *request, const char *want)
{
    buf_reset(&c->in);
    say(c, request);
    UNTIL(c->closed || has(c, want));
    CHECK(!c->closed);
}

TEST(only_trusted_proxies_are_heard)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n"
                                  "X-Forwarded-Proto: https\r\nX-Forwarded-Host: g.example\r\n\r\n";
    start(&http_limits_default, "127.0.0.1", false);
    struct client proxy = connected_from("127.0.0.1"), stranger = connected_from("127.0.0.2");
    expect(&proxy, request, "client=203.0.113.9 scheme=https host=g.example told.");
    expect(&proxy, GET, "client=127.0.0.1 scheme=http host=x.");
    expect(&stranger, request, "client=127.0.0.2 scheme=http host=x.");
    hang_up(&proxy);
    hang_up(&stranger);
    stop();
}

TEST(a_proxy_header_in_any_pieces)
{
    static const char text[] = "PROXY TCP4 203.0.113.9 10.0.0.1 51234 80\r\n" GET;
    struct http_limits l = limits_of(100, 0);
    start(&l, NULL, true);
    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        struct client c = connected(0);
        CHECK(send(c.fd, text, cut, MSG_NOSIGNAL) == (ssize_t)cut);
        for (int i = 0; i < 3; i++) turn();
        say(&c, text + cut);
        UNTIL(c.closed || has(&c, "client=203.0.113.9 scheme=http"));
        CHECK(!c.closed);
        expect(&c, GET, "client=203.0.113.9");
        hang_up(&c);
    }
    stop();
}

TEST(a_version_2_header_and_a_request)
{
    static const char bytes[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\xcb\x00\x71\x09\x0a\x00\x00\x01\xc8\x22\x00\x50"
                                "\x20\0\5\1\0\0\0\0" GET;
    static const char local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0" GET;
    start(&http_limits_default, "127.0.0.1", true);
    struct client c = connected(0), health = connected(0);
    CHECK(send(c.fd, bytes, sizeof bytes - 1, MSG_NOSIGNAL) == sizeof bytes - 1);
    UNTIL(has(&c, "client=203.0.113.9 scheme=https"));
    CHECK(send(health.fd, local, sizeof local - 1, MSG_NOSIGNAL) == sizeof local - 1);
    UNTIL(has(&health, "client=127.0.0.1 scheme=http "));
    hang_up(&c);
    hang_up(&health);
    stop();
}

TEST(without_a_proxy_header_there_is_no_answer)
{
    struct http_limits l = limits_of(100, 0);
    start(&l, NULL, true);
    struct client plain = connected(0), half = connected(0), nothing = connected(0), ended = connected(0);
    uint64_t begun = clock_mono_ns();
    say(&plain, GET);
    say(&half, "PROXY TCP4 203.0");
    say(&ended, "PROXY TCP4 203.0");
    shutdown(ended.fd, SHUT_WR);
    UNTIL(receive(&plain));
    UNTIL(receive(&ended));
    CHECK(clock_mono_ns() - begun < 1000000000u);
    UNTIL(receive(&half));
    UNTIL(receive(&nothing));
    CHECK(plain.in.n == 0 && half.in.n == 0 && nothing.in.n == 0 && ended.in.n == 0);
    struct client *all[] = {&plain, &half, &nothing, &ended};
    for (size_t i = 0; i < 4; i++) hang_up(all[i]);
    stop();
}

TEST(strangers_may_not_speak_the_proxy_protocol)
{
    start(&http_limits_default, "127.0.0.1", true);
    struct client stranger = connected_from("127.0.0.2");
    UNTIL(receive(&stranger));
    CHECK(stranger.in.n == 0);
    hang_up(&stranger);
    stop();
}

TEST(clients_behind_a_proxy_header_have_a_part_each)
{
    static const char *const names[] = {"2001:db8:1:1::1", "2001:db8:1:1:ffff::2", "2001:db8:1:2::1"};
    struct http_limits l = limits_of(100, 1);
    struct client c[3];
    char text[256];
    start(&l, "127.0.0.1", true);
    for (int i = 0; i < 3; i++) {
        c[i] = connected(0);
        snprintf(text, sizeof text, "PROXY TCP6 %s ::1 1 2\r\n" GET, names[i]);
        say(&c[i], text);
        UNTIL(has(&c[i], "200 OK"));
    }
    UNTIL(receive(&c[0])); /* the same /64 as the second */
    CHECK(answered(&c[1]) && answered(&c[2]));
    for (int i = 0; i < 3; i++) hang_up(&c[i]);
    stop();
}

TEST_MAIN()
