/* pieces_test.c: replies that a function writes (pieces.h), over real sockets. */
#include "script/rig_int.h"

static const char boot[] =
    "local seen = 'nothing'\n"
    "local function writer(times, size, last)\n"
    "  return { status = 200, type = 'text/plain', headers = { ['X-A'] = 'b' }, pieces = function()\n"
    "    for i = 1, times do\n"
    "      local done, err = gifd.request.write(string.rep(string.char(96 + i % 26 + 1), size))\n"
    "      if not done then seen = err.code return nil, err end\n"
    "      if i % 3 == 0 then gifd.time.sleep(0.001) end\n"
    "    end\n"
    "    if last == 'throw' then error('broken') end\n"
    "    return last\n"
    "  end }\n"
    "end\n"
    "local run = {\n"
    "  function() return writer(16, 60000, true) end,\n"
    "  function() return writer(2, 10, nil) end,\n"
    "  function() return writer(2, 10, 'throw') end,\n"
    "  function() return writer(100000, 60000, true) end,\n"
    "  function() return { status = 200, body = seen } end,\n"
    "  function() return writer(1, 65537, true) end,\n"
    "  function() local ok, err = pcall(gifd.request.write, 'x') return { status = 200, body = tostring(err) } end,\n"
    "  function() return { status = 200, pieces = 'text' } end,\n"
    "}\n"
    "local routes = {}\n"
    "for i, path in ipairs { '/whole', '/short', '/throw', '/endless', '/seen', '/big', '/none', '/text' } do\n"
    "  routes[i] = { method = 'GET', pattern = path }\n"
    "end\n"
    "return function() return { routes = routes, handle = function(i) return run[i]() end } end\n";

static void open_routes(struct rig *r)
{
    rig_open(r, "worker", 0, -1);
    rig_boot(r, boot);
    rig_serve(r);
}

/* Bytes of the chunks of an answer; whole: its last chunk is there. */
static size_t chunks(const char *answer, bool *whole)
{
    const char *at = rig_body(answer);
    size_t sum = 0, n;
    for (*whole = false; sscanf(at, "%zx", &n) == 1; at += n + 2) {
        at = strstr(at, "\r\n") + 2;
        if (n == 0) *whole = true;
        if (n == 0 || strlen(at) < n + 2) break;
        sum += n;
    }
    return sum;
}

TEST(what_the_function_writes_arrives_whole_and_in_order)
{
    struct rig r;
    bool whole;
    open_routes(&r);
    char *a = rig_get(&r, "/whole");
    CHECK(rig_status(a) == 200 && strstr(a, "Transfer-Encoding: chunked") && strstr(a, "X-A: b\r\n"));
    CHECK(chunks(a, &whole) == 16 * 60000 && whole);
    CHECK(strstr(a, "bbbb") < strstr(a, "cccc") && strstr(a, "cccc") < strstr(a, "qqqq"));
    free(a);
    a = rig_request(&r, "HEAD", "/whole", NULL, NULL);
    CHECK(rig_status(a) == 200 && rig_body(a)[0] == 0);
    free(a);
    rig_tasks(&r, 0);
    rig_close(&r);
}

TEST(one_that_fails_is_cut_so_that_nobody_takes_it_for_whole)
{
    static const char *const targets[] = {"/short", "/throw", "/big"};
    struct rig r;
    bool whole;
    open_routes(&r);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char *a = rig_get(&r, targets[i]);
        CHECK(rig_status(a) == 200 || !*a);
        chunks(a, &whole);
        CHECK(!whole);
        free(a);
    }
    rig_tasks(&r, 0);
    rig_close(&r);
}

TEST(a_client_that_leaves_ends_the_writer)
{
    static const char request[] = "GET /endless HTTP/1.1\r\nHost: a\r\n\r\n";
    struct rig r;
    struct rig_client c;
    open_routes(&r);
    rig_send(&r, &c, request, sizeof request - 1, true);
    rig_tasks(&r, 1);
    rig_turn(&r, 50); /* it is behind by now: nobody reads */
    rig_leave(&r, &c);
    rig_tasks(&r, 0);
    CHECK_GET(&r, "/seen", 200, "closed");
    rig_close(&r);
}

TEST(only_such_a_function_may_write)
{
    struct rig r;
    open_routes(&r);
    char *a = rig_get(&r, "/none");
    CHECK(strstr(rig_body(a), "writes no reply"));
    free(a);
    a = rig_get(&r, "/text");
    CHECK(rig_status(a) == 500);
    free(a);
    rig_close(&r);
}

TEST_MAIN()
