/* client_test.c: fetches from a stand-in on loopback. */
#include "base/clock.h"
#include "fetch/client_int.h"
#include "fetch/stand_int.h"

struct told {
    bool done;
    int rc, code;
    struct fetch_answer a;
    char body[4096], fields[1024], url[256], text[ERR_TEXT_MAX];
};

struct rig {
    struct loop loop;
    struct stand here, there; /* two origins */
    struct fetch_settings s;
    struct fetch_client *c;
};

static void open_client(struct rig *r)
{
    struct err e = {0};
    r->c = fetch_client_new(&r->loop, &r->s, &e);
    if (!r->c) fprintf(stderr, "%s\n", e.text);
    CHECK(r->c);
}

static void begin(struct rig *r)
{
    *r = (struct rig){.s = fetch_settings_default};
    CHECK(loop_init(&r->loop, NULL) == GIFD_OK);
    stand_begin(&r->here, "127.0.0.1", 0);
    stand_begin(&r->there, "127.0.0.1", 0);
    CHECK(cidr_list_add(&r->s.guard.allow, SLICE("127.0.0.1"), NULL) == GIFD_OK);
    open_client(r);
}

static void finish(struct rig *r)
{
    fetch_client_free(r->c);
    loop_close(&r->loop);
    stand_end(&r->here);
    stand_end(&r->there);
}

static void tell(void *arg, int rc, const struct fetch_answer *a, const struct err *e)
{
    struct told *t = arg;
    CHECK(!t->done);
    t->done = true;
    t->rc = rc;
    if (rc < 0) {
        CHECK(!a && e->code == rc);
        snprintf(t->text, sizeof t->text, "%s", e->text);
        return;
    }
    t->a = *a;
    snprintf(t->body, sizeof t->body, "%.*s", (int)a->body.n, a->body.p ? a->body.p : "");
    snprintf(t->url, sizeof t->url, "%.*s", (int)a->url.n, a->url.p);
    for (size_t i = 0, n = 0; i < a->header_count && n < sizeof t->fields; i++)
        n += (size_t)snprintf(t->fields + n, sizeof t->fields - n, "%.*s=%.*s;", (int)a->headers[i].name.n,
                              a->headers[i].name.p, (int)a->headers[i].value.n, a->headers[i].value.p);
}

static void until(struct rig *r, bool *flag)
{
    uint64_t end = clock_mono_ns() + 10000000000ull;
    while (!*flag && clock_mono_ns() < end)
        if (!uv_run(&r->loop.uv, UV_RUN_NOWAIT) || true) usleep(200);
    CHECK(*flag);
}

static void turn(struct rig *r, unsigned ms)
{
    for (uint64_t end = clock_mono_ns() + ms * 1000000ull; clock_mono_ns() < end; usleep(200))
        uv_run(&r->loop.uv, UV_RUN_NOWAIT);
}

static const char *at(const struct stand *s, const char *target)
{
    static char text[8][512];
    static unsigned i;
    char *out = text[i++ % 8];
    snprintf(out, 512, "http://127.0.0.1:%d%s", s->port, target);
    return out;
}

static struct fetch_request get(const char *url)
{
    return (struct fetch_request){.url = slice_str(url), .redirects = -1, .timeout_ms = 5000};
}

static struct fetch *start(struct rig *r, const struct fetch_request *q, struct told *t)
{
    struct err e = {0};
    *t = (struct told){0};
    struct fetch *f = fetch_start(r->c, q, tell, t, &e);
    t->code = e.code;
    snprintf(t->text, sizeof t->text, "%s", e.text);
    CHECK(f || e.code < 0);
    CHECK(!t->done);
    return f;
}

/* The code, or 0 and *t. */
static int ask(struct rig *r, const struct fetch_request *q, struct told *t)
{
    if (!start(r, q, t)) return t->code;
    until(r, &t->done);
    return t->rc;
}

static int ask_url(struct rig *r, const char *url, struct told *t)
{
    struct fetch_request q = get(url);
    return ask(r, &q, t);
}

TEST(an_answer_comes_whole_and_the_connection_is_kept)
{
    struct rig r;
    struct told t;
    begin(&r);
    for (int i = 0; i < 5; i++) {
        CHECK(ask_url(&r, at(&r.here, "/hello"), &t) == GIFD_OK);
        CHECK(t.a.status == 200 && t.a.bytes == 5 && t.a.attempts == 1 && t.a.redirects == 0);
        CHECK_STR(t.body, "hello");
        CHECK_STR(t.fields, "Content-Length=5;X-Kind=cat;x-kind=dog;");
        CHECK_STR(t.a.version, "1.1");
        CHECK_STR(t.url, at(&r.here, "/hello"));
    }
    CHECK(r.here.requests == 5 && r.here.connections == 1);
    CHECK(ask_url(&r, at(&r.here, "/status/404"), &t) == GIFD_OK && t.a.status == 404);
    CHECK_STR(t.body, "told");
    finish(&r);
}

TEST(a_question_is_sent_as_it_was_asked)
{
    struct rig r;
    struct told t;
    struct fetch_header fields[] = {{SLICE("X-One"), SLICE("1")}, {SLICE("X-Empty"), SLICE("")}};
    begin(&r);
    struct fetch_request q = get(at(&r.here, "/echo"));
    q.method = SLICE("PUT");
    q.body = SLICE("a\0b");
    q.headers = fields;
    q.header_count = 2;
    CHECK(ask(&r, &q, &t) == GIFD_OK);
    CHECK(strncmp(t.body, "PUT /echo HTTP/1.1\r\nHost: 127.0.0.1:", 36) == 0);
    CHECK(strstr(t.body, "\r\nX-One: 1\r\n") && strstr(t.body, "\r\nX-Empty:") &&
          strstr(t.body, "Content-Length: 3\r\n"));
    CHECK(!strcasestr(t.body, "content-type") && !strcasestr(t.body, "expect:"));
    CHECK(t.a.body.n > 3);
    q = get(at(&r.here, "/echo"));
    q.method = SLICE("POST");
    CHECK(ask(&r, &q, &t) == GIFD_OK && strncmp(t.body, "POST /echo", 10) == 0 && strstr(t.body, "Content-Length: 0"));
    q.method = SLICE("DELETE");
    CHECK(ask(&r, &q, &t) == GIFD_OK && strncmp(t.body, "DELETE /echo", 12) == 0);
    q = get(at(&r.here, "/hello"));
    q.method = SLICE("HEAD");
    CHECK(ask(&r, &q, &t) == GIFD_OK && t.a.status == 200 && t.a.bytes == 0);
    finish(&r);
}

TEST(what_would_split_or_forge_a_request_is_refused)
{
    static const struct fetch_header bad[] = {
        {SLICE("X"), SLICE("a\r\nY: b")},      {SLICE("X"), SLICE("a\nb")},
        {SLICE("X: y"), SLICE("a")},           {SLICE(""), SLICE("a")},
        {SLICE("X\r\n"), SLICE("a")},          {SLICE("Host"), SLICE("other")},
        {SLICE("content-length"), SLICE("5")}, {SLICE("Transfer-Encoding"), SLICE("chunked")},
        {SLICE("CONNECTION"), SLICE("x")},     {SLICE("X"), SLICE("a\0b")},
    };
    struct rig r;
    struct told t;
    begin(&r);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fetch_request q = get(at(&r.here, "/hello"));
        q.headers = &bad[i];
        q.header_count = 1;
        CHECK(!start(&r, &q, &t) && t.code == GIFD_EINVALID);
    }
    struct fetch_request q = get(at(&r.here, "/hello"));
    q.method = SLICE("get");
    CHECK(!start(&r, &q, &t) && t.code == GIFD_EINVALID);
    q.method = SLICE("GET");
    q.body = SLICE("x");
    CHECK(!start(&r, &q, &t) && t.code == GIFD_EINVALID);
    q = get("http://user@127.0.0.1/");
    CHECK(!start(&r, &q, &t) && t.code == GIFD_EINVALID);
    CHECK(r.here.connections == 0);
    finish(&r);
}

TEST(redirects_are_followed_by_the_rules)
{
    struct rig r;
    struct told t;
    char url[512];
    begin(&r);
    CHECK(ask_url(&r, at(&r.here, "/to//hello"), &t) == GIFD_OK && t.a.status == 200 && t.a.redirects == 1);
    CHECK_STR(t.url, at(&r.here, "/hello"));
    struct fetch_request q = get(at(&r.here, "/to//hello"));
    q.redirects = 0;
    CHECK(ask(&r, &q, &t) == GIFD_OK && t.a.status == 302);
    CHECK_STR(t.body, "moved");
    q = get(at(&r.here, "/to//to//to//hello"));
    q.redirects = 2;
    CHECK(ask(&r, &q, &t) == GIFD_ETOOBIG);
    q.redirects = 3;
    CHECK(ask(&r, &q, &t) == GIFD_OK && t.a.redirects == 3);
    static const struct {
        const char *target, *method, *seen;
    } rules[] = {{"/to//echo", "POST", "GET"},     {"/to303//echo", "POST", "GET"},     {"/to303//echo", "PUT", "GET"},
                 {"/to307//echo", "POST", "POST"}, {"/to308//echo", "PUT", "PUT"},      {"/to301//echo", "POST", "GET"},
                 {"/to301//echo", "PUT", "PUT"},   {"/to302//echo", "DELETE", "DELETE"}};
    struct fetch_header typed = {SLICE("Content-Type"), SLICE("text/x")};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        q = get(at(&r.here, rules[i].target));
        q.method = slice_str(rules[i].method);
        q.body = SLICE("the body");
        q.headers = &typed;
        q.header_count = 1;
        CHECK(ask(&r, &q, &t) == GIFD_OK);
        bool same = !strcmp(rules[i].method, rules[i].seen);
        CHECK(strncmp(t.body, rules[i].seen, strlen(rules[i].seen)) == 0);
        CHECK((strstr(t.body, "the body") != NULL) == same && (strstr(t.body, "text/x") != NULL) == same);
    }
    snprintf(url, sizeof url, "/to/http://127.0.0.1:%d/hello", r.there.port);
    CHECK(ask_url(&r, at(&r.here, url), &t) == GIFD_OK && r.there.requests == 1);
    finish(&r);
}

TEST(secrets_stay_with_their_origin)
{
    struct rig r;
    struct told t;
    char url[512];
    struct fetch_header fields[] = {{SLICE("Authorization"), SLICE("Bearer s3cret")},
                                    {SLICE("X-Api-Key"), SLICE("s3cret")},
                                    {SLICE("Cookie"), SLICE("a=s3cret")},
                                    {SLICE("Accept"), SLICE("image/gif")}};
    begin(&r);
    struct fetch_request q = get(at(&r.here, "/to//echo"));
    q.headers = fields;
    q.header_count = 4;
    CHECK(ask(&r, &q, &t) == GIFD_OK && strstr(t.body, "Bearer s3cret") && strstr(t.body, "X-Api-Key"));
    /* there, and back again: what was dropped stays so */
    snprintf(url, sizeof url, "/to/http://127.0.0.1:%d/to/http://127.0.0.1:%d/echo", r.there.port, r.here.port);
    q.url = slice_str(at(&r.here, url));
    CHECK(ask(&r, &q, &t) == GIFD_OK && t.a.redirects == 2);
    CHECK(!strstr(t.body, "s3cret") && strstr(t.body, "Accept: image/gif"));
    finish(&r);
}

TEST(no_redirect_leads_past_the_guard_or_the_hosts)
{
    static const struct {
        const char *target;
        int rc;
    } bad[] = {
        {"/to/http://127.0.0.2/", GIFD_EADDRESS},       {"/to/http://169.254.169.254/latest/meta-data/", GIFD_EADDRESS},
        {"/to/http://10.0.0.1/", GIFD_EADDRESS},        {"/to/http://[::1]/", GIFD_EADDRESS},
        {"/to/http://[fd00:ec2::254]/", GIFD_EADDRESS}, {"/to/http://0/", GIFD_EINVALID},
        {"/to///2130706433/", GIFD_EINVALID},           {"/to///127.0.0.2/", GIFD_EADDRESS},
        {"/to/HTTP://127.1/", GIFD_EINVALID},           {"/to/http:127.0.0.1/", GIFD_EINVALID},
        {"/to/\\\\127.0.0.1/", GIFD_EINVALID},          {"/to/http://2130706433/", GIFD_EINVALID},
        {"/to/file:///etc/passwd", GIFD_EINVALID},      {"/to/gopher://127.0.0.1/", GIFD_EINVALID},
        {"/to/http://a@127.0.0.1/", GIFD_EINVALID}};
    struct rig r;
    struct told t;
    char url[512];
    begin(&r);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int rc = ask_url(&r, at(&r.here, bad[i].target), &t);
        if (rc != bad[i].rc) fprintf(stderr, "%s: %d %s\n", bad[i].target, rc, t.text);
        CHECK(rc == bad[i].rc);
    }
    char host[64];
    snprintf(host, sizeof host, "127.0.0.1:%d", r.here.port);
    struct slice hosts[] = {slice_str("api.example.org"), slice_str(host)};
    snprintf(url, sizeof url, "/to/http://127.0.0.1:%d/hello", r.there.port);
    struct fetch_request q = get(at(&r.here, url));
    q.hosts = hosts;
    q.host_count = 2;
    CHECK(ask(&r, &q, &t) == GIFD_EDENIED && r.there.connections == 0);
    q.url = slice_str(at(&r.here, "/to//hello"));
    CHECK(ask(&r, &q, &t) == GIFD_OK);
    q.url = slice_str(at(&r.there, "/hello"));
    CHECK(!start(&r, &q, &t) && t.code == GIFD_EDENIED);
    finish(&r);
}

TEST(a_name_that_changes_its_address_gains_nothing)
{
    struct rig r;
    struct told t;
    char url[128], good[64], evil[64], both[64];
    struct stand inside;
    begin(&r);
    stand_begin(&inside, "127.0.0.2", r.here.port);
    snprintf(url, sizeof url, "http://turns.test:%d/close", r.here.port);
    snprintf(good, sizeof good, "turns.test:%d:127.0.0.1", r.here.port);
    snprintf(evil, sizeof evil, "turns.test:%d:127.0.0.2", r.here.port);
    snprintf(both, sizeof both, "turns.test:%d:127.0.0.2,127.0.0.1", r.here.port);
    r.c->pin = good;
    CHECK(ask_url(&r, url, &t) == GIFD_OK);
    r.c->pin = evil;
    CHECK(ask_url(&r, url, &t) == GIFD_EADDRESS);
    r.c->pin = both;
    CHECK(ask_url(&r, url, &t) == GIFD_OK);
    CHECK(r.here.requests == 2 && inside.connections == 0);
    finish(&r);
    stand_end(&inside);
}

TEST(what_is_too_much_is_cut_off)
{
    struct rig r;
    struct told t;
    begin(&r);
    struct fetch_request q = get(at(&r.here, "/big/1000"));
    q.max_bytes = 1000;
    CHECK(ask(&r, &q, &t) == GIFD_OK && t.a.bytes == 1000);
    q.max_bytes = 999;
    CHECK(ask(&r, &q, &t) == GIFD_ETOOBIG);
    q.url = slice_str(at(&r.here, "/endless"));
    CHECK(ask(&r, &q, &t) == GIFD_ETOOBIG);
    q.url = slice_str(at(&r.here, "/bomb"));
    q.max_bytes = 1 << 20;
    CHECK(ask(&r, &q, &t) == GIFD_ETOOBIG);
    CHECK(ask_url(&r, at(&r.here, "/heads"), &t) == GIFD_ETOOBIG);
    finish(&r);
}

TEST(what_takes_too_long_is_ended)
{
    struct rig r;
    struct told t;
    begin(&r);
    struct fetch_request q = get(at(&r.here, "/hang"));
    q.timeout_ms = 200;
    uint64_t from = clock_mono_ns();
    CHECK(ask(&r, &q, &t) == GIFD_ETIMEOUT);
    q.url = slice_str(at(&r.here, "/drip"));
    CHECK(ask(&r, &q, &t) == GIFD_ETIMEOUT);
    q.retries = 3; /* the time is that of all tries */
    CHECK(ask(&r, &q, &t) == GIFD_ETIMEOUT);
    CHECK(clock_mono_ns() - from < 3000000000ull);
    fetch_client_free(r.c);
    r.s.slow_ms = 1000;
    open_client(&r);
    q = get(at(&r.here, "/drip"));
    CHECK(ask(&r, &q, &t) == GIFD_ETIMEOUT);
    finish(&r);
}

TEST(an_origin_gets_so_many_at_a_time_and_others_do_not_wait_for_it)
{
    struct rig r;
    struct told t[6], other;
    struct fetch *f[6];
    begin(&r);
    fetch_client_free(r.c);
    r.s.per_host = 2;
    r.s.queue = 3;
    open_client(&r);
    struct fetch_request q = get(at(&r.here, "/hang"));
    for (int i = 0; i < 2; i++) CHECK(f[i] = start(&r, &q, &t[i]));
    turn(&r, 100);
    for (int i = 2; i < 5; i++) CHECK(f[i] = start(&r, &q, &t[i]));
    CHECK(!start(&r, &q, &t[5]) && t[5].code == GIFD_EBUSY);
    turn(&r, 100);
    CHECK(r.here.requests == 2 && r.c->idle_count == 3);
    fetch_cancel(f[2]);
    CHECK(ask_url(&r, at(&r.there, "/hello"), &other) == GIFD_OK);
    fetch_cancel(f[0]);
    turn(&r, 100);
    CHECK(r.here.requests == 3 && r.c->running_count == 2 && r.c->idle_count == 1);
    q.timeout_ms = 100; /* time that is spent waiting counts */
    CHECK(ask(&r, &q, &other) == GIFD_ETIMEOUT && r.here.requests == 3);
    for (int i = 0; i < 5; i++) CHECK(!t[i].done);
    finish(&r);
    for (int i = 0; i < 5; i++) CHECK(!t[i].done);
}

TEST(tries_are_repeated_only_on_request_and_as_told)
{
    struct rig r;
    struct told t;
    begin(&r);
    CHECK(ask_url(&r, at(&r.here, "/flaky/2/0"), &t) == GIFD_OK && t.a.status == 503 && t.a.attempts == 1);
    r.here.requests = 0;
    struct fetch_request q = get(at(&r.here, "/flaky/2/0"));
    q.retries = 2;
    CHECK(ask(&r, &q, &t) == GIFD_OK && t.a.status == 200 && t.a.attempts == 3);
    CHECK_STR(t.body, "at last");
    r.here.requests = 0;
    q.url = slice_str(at(&r.here, "/flaky/1/1"));
    uint64_t from = clock_mono_ns();
    CHECK(ask(&r, &q, &t) == GIFD_OK && t.a.status == 200 && t.a.attempts == 2);
    CHECK(clock_mono_ns() - from >= 1000000000ull);
    r.here.requests = 0;
    q.url = slice_str(at(&r.here, "/flaky/1/3600")); /* longer than anybody waits */
    CHECK(ask(&r, &q, &t) == GIFD_OK && t.a.status == 503 && t.a.attempts == 1);
    q.url = slice_str(at(&r.here, "/status/404"));
    CHECK(ask(&r, &q, &t) == GIFD_OK && t.a.attempts == 1);
    struct stand gone;
    stand_begin(&gone, "127.0.0.1", 0);
    stand_end(&gone);
    q.url = slice_str(at(&gone, "/hello"));
    q.retries = 1;
    CHECK(ask(&r, &q, &t) == GIFD_EREFUSED);
    q.url = SLICE("http://127.0.0.2/");
    CHECK(ask(&r, &q, &t) == GIFD_EADDRESS);
    finish(&r);
}

/* ---- sinks ---- */

struct pail {
    int begun;
    size_t n;
    int fails;
};

static int pail_begin(void *to, struct err *e)
{
    struct pail *p = to;
    (void)e;
    p->begun++;
    p->n = 0;
    return GIFD_OK;
}

static int pail_write(void *to, const void *bytes, size_t n, struct err *e)
{
    struct pail *p = to;
    (void)bytes;
    p->n += n;
    return p->fails ? err_set(e, p->fails, "the pail is full") : GIFD_OK;
}

TEST(a_body_goes_to_the_sink_if_it_is_what_was_asked_for)
{
    static const struct fetch_sink pail = {pail_begin, pail_write};
    struct rig r;
    struct told t;
    struct pail p = {0};
    begin(&r);
    struct fetch_request q = get(at(&r.here, "/to//big/3000000"));
    q.sink = &pail;
    q.to = &p;
    CHECK(ask(&r, &q, &t) == GIFD_OK && t.a.sunk && t.a.bytes == 3000000 && p.n == 3000000 && p.begun == 1);
    CHECK(t.a.body.n == 0);
    q.url = slice_str(at(&r.here, "/status/404"));
    CHECK(ask(&r, &q, &t) == GIFD_OK && !t.a.sunk && p.begun == 1);
    CHECK_STR(t.body, "told");
    q.url = slice_str(at(&r.here, "/flaky/1/0"));
    q.retries = 1;
    r.here.requests = 0;
    CHECK(ask(&r, &q, &t) == GIFD_OK && t.a.sunk && t.a.attempts == 2 && p.begun == 2 && p.n == 7);
    p.fails = GIFD_ENOSPACE;
    CHECK(ask(&r, &q, &t) == GIFD_ENOSPACE);
    finish(&r);
}

/* ---- done() may do what it likes ---- */

struct chain {
    struct rig *r;
    int left;
    bool done, frees;
    struct fetch *other;
};

static void link_done(void *arg, int rc, const struct fetch_answer *a, const struct err *e)
{
    struct chain *c = arg;
    (void)a, (void)e;
    CHECK(rc == GIFD_OK);
    if (c->other) fetch_cancel(c->other);
    c->other = NULL;
    if (c->frees) {
        fetch_client_free(c->r->c);
        c->r->c = NULL;
        c->done = true;
        return;
    }
    if (--c->left == 0) {
        c->done = true;
        return;
    }
    struct fetch_request q = get(at(&c->r->here, "/hello")), slow = get(at(&c->r->there, "/hang"));
    c->other = fetch_start(c->r->c, &slow, link_done, c, NULL);
    CHECK(fetch_start(c->r->c, &q, link_done, c, NULL));
}

TEST(done_may_start_cancel_and_free)
{
    struct rig r;
    begin(&r);
    struct chain c = {.r = &r, .left = 20};
    struct fetch_request q = get(at(&r.here, "/hello"));
    CHECK(fetch_start(r.c, &q, link_done, &c, NULL));
    until(&r, &c.done);
    CHECK(r.here.requests == 20 && r.here.connections == 1);
    c = (struct chain){.r = &r, .frees = true};
    q = get(at(&r.here, "/hello"));
    for (int i = 0; i < 5; i++) CHECK(fetch_start(r.c, &q, link_done, &c, NULL));
    until(&r, &c.done);
    turn(&r, 50);
    CHECK(!r.c);
    finish(&r);
}

TEST(a_cancelled_fetch_closes_its_connection)
{
    struct rig r;
    struct told t;
    begin(&r);
    struct fetch_request q = get(at(&r.here, "/hang"));
    struct fetch *f = start(&r, &q, &t);
    for (int i = 0; i < 5000 && r.here.requests == 0; i++) turn(&r, 1);
    CHECK(r.here.open == 1);
    fetch_cancel(f);
    for (int i = 0; i < 5000 && r.here.open; i++) turn(&r, 1);
    CHECK(r.here.open == 0 && !t.done && r.c->running_count == 0 && list_empty(&r.c->origins));
    finish(&r);
}

TEST_MAIN()
