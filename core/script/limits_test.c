/* limits_test.c: what whoever calls too often notices, and what neither a death nor a new generation changes. */
#include "script/limits.h"
#include "script/rig_int.h"

#include <signal.h>
#include <sys/wait.h>

static const char boot[] =
    "local function limit(rate, by, more)\n"
    "  local l = { strategy = 'fixed_window', rate = rate, per = '1m', by = by }\n"
    "  for k, v in pairs(more or {}) do l[k] = v end\n"
    "  return { l }\n"
    "end\n"
    "local ran = 0\n"
    "local per_plugin\n"
    "local routes = {\n"
    "  { method = 'GET', pattern = '/open' },\n"
    "  { method = 'GET', pattern = '/ip', limits = limit(3, { 'ip' }) },\n"
    "  { method = 'GET', pattern = '/kept', cache = true, limits = limit(3, { 'ip' }) },\n"
    "  { method = 'GET', pattern = '/route', limits = limit(2, { 'route' }) },\n"
    "  { method = 'GET', pattern = '/both', cache = true, limits = limit(3, { 'ip', 'user' }) },\n"
    "  { method = 'GET', pattern = '/dear', limits = limit(5, { 'ip' }, { cost = 2 }) },\n"
    "  { method = 'GET', pattern = '/limiter/{key}/{cost}' },\n"
    "  { method = 'GET', pattern = '/list', limits = { limit(2, { 'ip' })[1], limit(9, { 'ip', 'route' }, "
    "{ per = '1h', cost = 3 })[1] } },\n"
    "  { method = 'GET', pattern = '/ran' },\n"
    "}\n"
    "return function(settings)\n"
    "  per_plugin = gifd.limit.limiter({ strategy = 'token_bucket', rate = 2, per = '1m', burst = 4 }, 'one')\n"
    "  local other = gifd.limit.limiter({ strategy = 'token_bucket', rate = 2, per = '1m', burst = 4 }, 'two')\n"
    "  return { routes = routes, handle = function(i, req)\n"
    "    if req.path == '/ran' then return { body = tostring(ran) } end\n"
    "    ran = ran + 1\n"
    "    if req.path == '/both' then\n"
    "      local ok, err = gifd.limit.charge(req.headers.authorization, nil)\n"
    "      if not ok then return { status = 429, body = err.code } end\n"
    "      return { body = 'in', cache = { tags = { 't' }, seconds = 60, anyone = true } }\n"
    "    end\n"
    "    if req.path == '/kept' then return { body = 'kept', cache = { tags = { 't' }, seconds = 60 } } end\n"
    "    if not req.path:match('^/limiter') then return { body = 'in' } end\n"
    "    local ok, s = per_plugin:check(req.params.key, tonumber(req.params.cost))\n"
    "    local _, peeked = per_plugin:peek(req.params.key)\n"
    "    local free = select(2, other:peek(req.params.key)).remaining\n"
    "    if req.query.reset then assert(per_plugin:reset(req.params.key)) end\n"
    "    return { body = ('%s %d %s %d %d'):format(tostring(ok), s.remaining, s.retry_after and s.retry_after > 0 and "
    "'later'\n"
    "      or s.retry_after and 'now' or 'never', peeked.remaining, free) }\n"
    "  end }\n"
    "end\n";

static void open_rig(struct rig *r)
{
    rig_open(r, "worker", 0, -1);
    rig_serve(r);
    rig_boot(r, boot);
}

static int status_of(struct rig *r, const char *target, const char *headers)
{
    char *a = rig_request(r, "GET", target, headers, NULL);
    int status = rig_status(a);
    free(a);
    return status;
}

TEST(who_asks_too_often_is_refused_without_lua_and_told_when_to_come_back)
{
    struct rig r;
    open_rig(&r);
    char *a = rig_get(&r, "/ip");
    CHECK(rig_status(a) == 200);
    CHECK(strstr(a, "\r\nRateLimit-Policy: \"ip\";q=3;w=60\r\n"));
    CHECK(strstr(a, "\r\nRateLimit: \"ip\";r=2;t=60\r\n"));
    CHECK(!strstr(a, "Retry-After"));
    free(a);
    CHECK(status_of(&r, "/ip", NULL) == 200 && status_of(&r, "/ip", "X-Forwarded-For: 192.0.2.1\r\n") == 200);
    for (int i = 0; i < 3; i++) {
        a = rig_request(&r, "GET", "/ip", "X-Forwarded-For: 192.0.2.2\r\nForwarded: for=192.0.2.3\r\n", NULL);
        CHECK(rig_status(a) == 429);
        CHECK(strstr(a, "Content-Type: application/problem+json\r\n") && strstr(a, "Cache-Control: no-store\r\n"));
        CHECK(strstr(a, "\r\nRateLimit: \"ip\";r=0;t=") && strstr(a, "\r\nRetry-After: "));
        CHECK(strstr(a, "\"status\":429") && strstr(a, "\"code\":\"rate_limited\"") && strstr(a, "\"request_id\":\""));
        free(a);
    }
    CHECK_GET(&r, "/ran", 200, "3");
    a = rig_get(&r, "/open");
    CHECK(rig_status(a) == 200 && !strstr(a, "RateLimit"));
    free(a);
    rig_close(&r);
}

TEST(kept_replies_are_charged_too_and_say_how_much_is_left)
{
    struct rig r;
    open_rig(&r);
    for (int left = 2; left >= 0; left--) {
        char want[64], *a = rig_get(&r, "/kept");
        snprintf(want, sizeof want, "\r\nRateLimit: \"ip\";r=%d;", left);
        CHECK(rig_status(a) == 200 && strstr(a, want));
        CHECK_STR(rig_body(a), "kept");
        free(a);
    }
    CHECK(status_of(&r, "/kept", NULL) == 429);
    CHECK_GET(&r, "/ran", 200, "1");
    rig_close(&r);
}

TEST(a_route_counts_everybody_and_a_cost_is_charged_whole_or_not_at_all)
{
    struct rig r;
    open_rig(&r);
    CHECK(status_of(&r, "/route", NULL) == 200 && status_of(&r, "/route", NULL) == 200);
    CHECK(status_of(&r, "/route", NULL) == 429);
    CHECK(status_of(&r, "/dear", NULL) == 200 && status_of(&r, "/dear", NULL) == 200);
    char *a = rig_get(&r, "/dear");
    CHECK(rig_status(a) == 429 && strstr(a, "\"ip\";r=1;"));
    free(a);
    rig_close(&r);
}

TEST(address_and_user_are_charged_together_or_not_at_all)
{
    struct rig r;
    open_rig(&r);
    char *a = rig_request(&r, "GET", "/both", "Authorization: anna\r\n", NULL);
    CHECK(rig_status(a) == 200 && strstr(a, "RateLimit: \"ip\";r=2;t=60, \"user\";r=2;t=60\r\n"));
    free(a);
    CHECK(status_of(&r, "/both", "Authorization: anna\r\n") == 200); /* a kept reply would have charged nobody */
    struct limit_policy *p = &r.host->live->limits[5]->policy[1];
    struct limit_answer answer;
    struct limit_key anna = limit_key_text(&r.host->limits, "user", SLICE("anna"));
    CHECK(limit_check(&r.host->limits, clock_mono_ns(), &(struct limit_ask){p, anna, 1}, 1, &answer) == 0);
    CHECK(answer.allowed && answer.remaining == 0);
    for (int i = 0; i < 5; i++) { /* her user has nothing left: the address does not pay */
        a = rig_request(&r, "GET", "/both", "Authorization: anna\r\n", NULL);
        CHECK(rig_status(a) == 429 && strstr(a, "RateLimit: \"ip\";r=1;t="));
        free(a);
    }
    CHECK(status_of(&r, "/both", "Authorization: bert\r\n") == 200);
    CHECK_GET(&r, "/ran", 200, "8");
    CHECK(status_of(&r, "/both", "Authorization: carl\r\n") ==
          429); /* the address has nothing left: Lua is not asked */
    CHECK_GET(&r, "/ran", 200, "8");
    rig_close(&r);
}

TEST(a_route_with_several_policies_charges_all_or_none_and_names_each)
{
    struct rig r;
    struct limit_answer answer;
    open_rig(&r);
    char *a = rig_get(&r, "/list");
    CHECK(rig_status(a) == 200);
    CHECK(strstr(a, "\r\nRateLimit-Policy: \"ip\";q=2;w=60, \"ip-2\";q=9;w=3600, \"route\";q=9;w=3600\r\n"));
    CHECK(strstr(a, "\r\nRateLimit: \"ip\";r=1;t=60, \"ip-2\";r=6;t=3600, \"route\";r=6;t=3600\r\n"));
    free(a);
    CHECK(status_of(&r, "/list", NULL) == 200);
    for (int i = 0; i < 3; i++) { /* the first has nothing left: the others do not pay */
        a = rig_get(&r, "/list");
        CHECK(rig_status(a) == 429 && strstr(a, "RateLimit: \"ip\";r=0;t=") && strstr(a, "\"ip-2\";r=3;t="));
        free(a);
    }
    const struct limits *l = r.host->live->limits[8];
    CHECK(l->count == 3);
    struct limit_key all = limit_key_text(&r.host->limits, "route", slice_str(l->route));
    CHECK(limit_check(&r.host->limits, clock_mono_ns(), &(struct limit_ask){&l->policy[2], all, 1}, 1, &answer) == 0);
    CHECK(answer.allowed && answer.remaining == 2);
    struct limit_key me = limit_key_ip6(&r.host->limits, (uint8_t[16]){[10] = 255, 255, 127, 0, 0, 1});
    CHECK(limit_reset(&r.host->limits, clock_mono_ns(), &l->policy[0], me) == 0);
    a = rig_get(&r, "/list"); /* now the last one refuses, for the others */
    CHECK(rig_status(a) == 429 && strstr(a, "\"ip\";r=2;t=") && strstr(a, "\"route\";r=2;t="));
    free(a);
    rig_close(&r);
}

TEST(without_a_user_the_address_stands_in)
{
    struct rig r;
    open_rig(&r);
    for (int i = 0; i < 3; i++) CHECK(status_of(&r, "/both", NULL) == 200);
    char *a = rig_get(&r, "/both");
    CHECK(rig_status(a) == 429 && strstr(a, "\"ip\";r=0;t=") && strstr(a, "\"user\";r=0;t="));
    free(a);
    CHECK_GET(&r, "/ran", 200, "1"); /* the rest were kept */
    rig_close(&r);
}

TEST(a_limiter_of_lua_counts_by_key_and_by_name_space)
{
    struct rig r;
    open_rig(&r);
    CHECK_GET(&r, "/limiter/a/1", 200, "true 3 now 3 4");
    CHECK_GET(&r, "/limiter/a/3", 200, "true 0 now 0 4");
    CHECK_GET(&r, "/limiter/a/1", 200, "false 0 later 0 4");
    CHECK_GET(&r, "/limiter/b/5", 200, "false 4 never 4 4");
    CHECK_GET(&r, "/limiter/b/0", 200, "true 4 now 4 4");
    CHECK(status_of(&r, "/limiter/a/0?reset=1", NULL) == 200);
    CHECK_GET(&r, "/limiter/a/1", 200, "true 3 now 3 4");
    rig_close(&r);
}

TEST(a_new_generation_goes_on_with_the_same_counts)
{
    struct rig r;
    open_rig(&r);
    CHECK(status_of(&r, "/ip", NULL) == 200 && status_of(&r, "/ip", NULL) == 200);
    rig_boot(&r, boot);
    CHECK(status_of(&r, "/ip", NULL) == 200 && status_of(&r, "/ip", NULL) == 429);
    rig_close(&r);
}

TEST(limits_that_make_no_sense_do_not_load)
{
    static const char *const wrong[][2] = {
        {"strategy = 'leaky', rate = 1, per = 1, by = { 'ip' }", "token_bucket"},
        {"strategy = 'fixed_window', rate = 0, per = 1, by = { 'ip' }", "rate"},
        {"strategy = 'fixed_window', rate = 1.5, per = 1, by = { 'ip' }", "rate"},
        {"strategy = 'fixed_window', rate = 1, per = '1x', by = { 'ip' }", "per"},
        {"strategy = 'fixed_window', rate = 1, per = 1", "by"},
        {"strategy = 'fixed_window', rate = 1, per = 1, by = { 'ip', 'ip' }", "by"},
        {"strategy = 'fixed_window', rate = 1, per = 1, burst = 2, by = { 'ip' }", "burst"},
        {"strategy = 'fixed_window', rate = 1, per = 1, resolution = 3, by = { 'ip' }", "resolution"},
        {"strategy = 'sliding_window', rate = 1, per = 1, cost = 2, by = { 'ip' }", "cost"},
        {"strategy = 'fixed_window', rate = 1, per = 1, by = { 'ip' } }, { rate = 1", "by"},
        {"strategy = 'fixed_window', rate = 1, per = 1, by = { 'ip', 'user', 'token', 'route' } },\n"
         "{ strategy = 'fixed_window', rate = 1, per = 2, by = { 'ip', 'user', 'token', 'route' } },\n"
         "{ strategy = 'fixed_window', rate = 1, per = 3, by = { 'ip' }",
         "at most 8"},
    };
    struct rig r;
    rig_open(&r, "worker", 0, -1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[512], path[256];
        struct err e = {0};
        snprintf(text, sizeof text,
                 "return function() return { handle = function() end, routes = { { method = 'GET', pattern = '/x',\n"
                 "  limits = { { %s } } } } } end\n",
                 wrong[i][0]);
        struct rig_file f = {"lua/gifd/boot.lua", text};
        rig_bundle(&r, &f, 1, path);
        CHECK(host_prepare(r.host, path, 0, NULL, &e) < 0);
        CHECK(strstr(e.text, "limits[\"GET /x\"]") && strstr(e.text, wrong[i][1]));
    }
    rig_close(&r);
}

TEST(counts_outlive_every_process_but_not_another_layout)
{
    char path[64];
    struct err e = {0};
    struct limit_table t;
    struct limit_answer a;
    struct limit_policy p = {.name = "ip", .strategy = LIMIT_FIXED_WINDOW, .rate = 3, .per_ns = 3600000000000ull};
    CHECK(limit_policy_prepare(&p, &e) == 0);
    snprintf(path, sizeof path, "/tmp/gifd-limits-%d", (int)getpid());
    unlink(path);
    struct segment *s = segment_open(path, true, &e);
    CHECK(s && limits_attach(&t, s, &e) == GIFD_ECORRUPT);
    CHECK(limits_open(s, &e) == 0);
    for (int i = 0; i < 2; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (limits_attach(&t, s, &e) < 0) _exit(1);
            struct limit_ask ask = {&p, limit_key_text(&t, "ip", SLICE("x")), 1};
            if (limit_check(&t, clock_mono_ns(), &ask, 1, &a) < 0 || !a.allowed) _exit(1);
            kill(getpid(), SIGKILL);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    }
    segment_close(s);
    s = segment_open(path, true, &e); /* the supervisor was killed too, and is started again */
    CHECK(s && limits_open(s, &e) == 0 && limits_attach(&t, s, &e) == 0);
    struct limit_stats stats;
    limit_stats(&t, clock_mono_ns(), &stats);
    CHECK(stats.slots >= 65536 && stats.taken == 1);
    CHECK(limit_peek(&t, clock_mono_ns(), &p, limit_key_text(&t, "ip", SLICE("x")), 1, &a) == 0 && a.remaining == 1);
    size_t bytes;
    ((uint64_t *)segment_limits(s, &bytes))[1] += 1; /* its layout */
    CHECK(limits_open(s, &e) == 0 && limits_attach(&t, s, &e) == 0);
    CHECK(limit_peek(&t, clock_mono_ns(), &p, limit_key_text(&t, "ip", SLICE("x")), 1, &a) == 0 && a.remaining == 3);
    segment_close(s);
    unlink(path);
}

TEST_MAIN()
