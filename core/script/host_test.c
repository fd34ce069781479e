/* host_test.c: generations, tasks and requests as a user of the server notices them. */
#include "script/rig_int.h"

#define FILES(...) ((const struct rig_file[]){__VA_ARGS__})

static const char routes_boot[] =
    "local seen = 'nothing'\n"
    "local handlers = {\n"
    "  function(req) return { body = gifd.json.encode({ method = req.method, path = req.path, query = req.query, host "
    "= req.host,\n"
    "    cookie = req.headers.cookie, two = req.headers['x-two'], name = req.params.name,\n"
    "    has_body = req.has_body, ip = req.client_ip }) } end,\n"
    "  function(req)\n"
    "    local ok, err = gifd.time.sleep(60)\n"
    "    local again, err2 = gifd.db.row('SELECT 1 AS one')\n"
    "    seen = tostring(ok) .. ' ' .. err.code .. ' ' .. tostring(again) .. ' ' .. err2.code\n"
    "    return { body = 'late' }\n"
    "  end,\n"
    "  function() return { body = seen } end,\n"
    "  function() local t = nil return t.field end,\n"
    "  function() error(gifd.err('busy', { message = 'secret detail' })) end,\n"
    "  function() return { status = 201, type = 'text/plain', etag = '\"x\"', headers = { ['X-N'] = 7, ['Set-Cookie'] "
    "= { 'a=1', 'b=2' } }, body = 'made' } end,\n"
    "  function(req) return { headers = { ['X-Bad'] = 'a\\r\\nX-Evil: 1' }, body = 'x' } end,\n"
    "  function(req) return ({ n = 5, s = { status = 99 }, t = { headers = 1 }, u = { body = 1 }, b = { blob = 'zz' } "
    "})[req.params.k] end,\n"
    "  function(req)\n"
    "    local up, err = gifd.request.upload({ max = 4096, fields = 3, field_bytes = 16 })\n"
    "    if not up then return { status = 400, body = tostring(err) } end\n"
    "    local names = {}\n"
    "    for _, f in ipairs(up.files) do\n"
    "      local digest, size = gifd.blob.commit(f.draft)\n"
    "      names[#names + 1] = { f.field or '', f.filename or '', f.type, f.bytes, size, gifd.blob.read(digest, 0, 5), "
    "digest }\n"
    "    end\n"
    "    return { body = gifd.json.encode({ raw = up.raw, fields = up.fields, repeated = up.repeated, files = names }) "
    "}\n"
    "  end,\n"
    "  function(req) return { blob = req.params.digest, type = 'image/gif', etag = '\"d\"' } end,\n"
    "  function(req) local text, err = gifd.request.body(8) return { body = text or tostring(err) } end,\n"
    "  function() while true do local ok = gifd.time.sleep(60) seen = 'stubborn ' .. tostring(ok) end end,\n"
    "  function() local t = {} for i = 1, 1e9 do t[i] = { i, i, i, i } end end,\n"
    "  function() return gifd.all(function() local _, err = gifd.time.sleep(60) seen = 'child ' .. err.code end,\n"
    "    function() gifd.time.sleep(60) end) end,\n"
    "  function() gifd.all(function() local _, err = gifd.time.sleep(60) seen = 'sibling ' .. err.code end,\n"
    "    function() gifd.time.sleep(0.001) return nil, gifd.err('io') end) return { body = seen } end,\n"
    "}\n"
    "local patterns = { '/echo/{name}', '/wait', '/seen', '/crash', '/throw', '/made', '/header', '/reply/{k}', 'POST "
    "/up', '/blob/{digest}',\n"
    "  'POST /body', '/stubborn', '/eat', '/parent', '/siblings' }\n"
    "return function(settings)\n"
    "  assert(settings.answer == 42 and gifd.json.is_array(settings.list) and settings.none == gifd.null)\n"
    "  local routes = {}\n"
    "  for i, p in ipairs(patterns) do routes[i] = { method = p:match('^%u+') or 'GET', pattern = p:match('/.*$') } "
    "end\n"
    "  return { routes = routes, handle = function(i, req) return handlers[i](req) end }\n"
    "end\n";

static void routes_open(struct rig *r, size_t memory_max)
{
    rig_open(r, "worker", memory_max, -1);
    rig_serve(r);
    rig_boot(r, routes_boot);
}

TEST(a_handler_sees_the_request)
{
    struct rig r;
    routes_open(&r, 0);
    char *a = rig_request(&r, "GET", "/echo/t%20m?a=1&b=%C3%A4+x&a=2", "Cookie: c=1\r\nX-Two: p\r\nX-Two: q\r\n", NULL);
    CHECK(rig_status(a) == 200);
    CHECK_STR(rig_body(a), "{\"cookie\":\"c=1\",\"has_body\":false,\"host\":\"a.example\",\"ip\":\"127.0.0.1\","
                           "\"method\":\"GET\","
                           "\"name\":\"t m\",\"path\":\"/echo/t "
                           "m\",\"query\":{\"a\":\"2\",\"b\":\"\xc3\xa4 x\"},"
                           "\"two\":\"p, q\"}");
    free(a);
    a = rig_get(&r, "/echo/x?a=%ZZ");
    CHECK(rig_status(a) == 400);
    free(a);
    a = rig_request(&r, "HEAD", "/made", NULL, NULL);
    CHECK(rig_status(a) == 201 && strstr(a, "Content-Length: 4\r\n"));
    CHECK_STR(rig_body(a), "");
    free(a);
    rig_close(&r);
}

TEST(unknown_paths_and_methods_are_answered_without_lua)
{
    struct rig r;
    routes_open(&r, 0);
    char *a = rig_get(&r, "/nowhere");
    CHECK(rig_status(a) == 404 && strstr(a, "\"code\":\"not_found\""));
    free(a);
    a = rig_request(&r, "DELETE", "/made", NULL, NULL);
    CHECK(rig_status(a) == 405 && strstr(a, "Allow: GET, HEAD, OPTIONS\r\n") && strstr(a, "method_not_allowed"));
    free(a);
    a = rig_request(&r, "OPTIONS", "/up", NULL, NULL);
    CHECK(rig_status(a) == 204 && strstr(a, "Allow: POST, OPTIONS\r\n"));
    free(a);
    rig_close(&r);
}

TEST(replies_are_checked_and_a_bad_one_is_a_500_without_details)
{
    static const char *const bad[] = {"/crash",   "/throw",   "/header",  "/reply/n",   "/reply/s",
                                      "/reply/t", "/reply/u", "/reply/b", "/reply/none"};
    struct rig r;
    routes_open(&r, 0);
    char *a = rig_get(&r, "/made");
    CHECK(rig_status(a) == 201);
    CHECK(strstr(a, "Content-Type: text/plain\r\n") && strstr(a, "ETag: \"x\"\r\n") && strstr(a, "X-N: 7\r\n"));
    CHECK(strstr(a, "Set-Cookie: a=1\r\n") && strstr(a, "Set-Cookie: b=2\r\n"));
    CHECK_STR(rig_body(a), "made");
    free(a);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        a = rig_get(&r, bad[i]);
        CHECK(rig_status(a) == 500);
        CHECK(strstr(a, "\"code\":\"internal\"") && !strstr(a, "secret") && !strstr(a, "Evil") && !strstr(a, "lua"));
        free(a);
    }
    rig_close(&r);
}

/* ---- bodies ---- */

TEST(an_upload_becomes_drafts_and_a_blob_is_sent)
{
    static const char form[] = "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nfirst\r\n"
                               "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"c.gif\"\r\n"
                               "Content-Type: image/gif\r\n\r\nGIF89a...\r\n"
                               "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nlast\r\n--b--\r\n";
    struct rig r;
    char target[128];
    routes_open(&r, 0);
    char *a = rig_request(&r, "POST", "/up", "Content-Type: multipart/form-data; boundary=b\r\n", form);
    CHECK(rig_status(a) == 200);
    const char *body = rig_body(a);
    CHECK(strstr(body, "\"fields\":{\"title\":\"last\"}") && strstr(body, "\"repeated\":[\"title\"]"));
    CHECK(strstr(body, "[\"file\",\"c.gif\",\"image/gif\",9,9,\"GIF89\",\"") && strstr(body, "\"raw\":false"));
    snprintf(target, sizeof target, "/blob/%.64s", strstr(body, "\"GIF89\",\"") + 9);
    free(a);
    a = rig_get(&r, target);
    CHECK(rig_status(a) == 200 && strstr(a, "Content-Type: image/gif\r\n"));
    CHECK_STR(rig_body(a), "GIF89a...");
    free(a);
    a = rig_request(&r, "GET", target, "Range: bytes=1-3\r\n", NULL);
    CHECK(rig_status(a) == 206);
    CHECK_STR(rig_body(a), "IF8");
    free(a);
    a = rig_request(&r, "POST", "/up", "Content-Type: image/gif\r\n", "rawbytes");
    CHECK(strstr(a, "\"raw\":true") && strstr(a, "[\"\",\"\",\"image/gif\",8,8,\"rawby\",\""));
    free(a);
    rig_close(&r);
}

/* Files below dir/blobs/tmp. */
static int drafts_left(const struct rig *r)
{
    char command[160], line[32] = "";
    snprintf(command, sizeof command, "ls %s/blobs/tmp | wc -l", r->dir);
    FILE *p = popen(command, "r");
    CHECK(p && fgets(line, sizeof line, p));
    pclose(p);
    return atoi(line);
}

TEST(a_refused_upload_says_why_and_leaves_no_draft)
{
    static const char *const multipart = "Content-Type: multipart/form-data; boundary=b\r\n";
    static char large[6000];
    struct rig r;
    memset(large, 'x', sizeof large - 1);
    routes_open(&r, 0);
    char *a = rig_request(&r, "POST", "/up", "Content-Type: image/gif\r\n", large);
    CHECK(rig_status(a) == 400 && strstr(a, "too_large: "));
    free(a);
    a = rig_request(&r, "POST", "/up", multipart,
                    "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nabc");
    CHECK(rig_status(a) == 400 && strstr(a, "invalid: "));
    free(a);
    a = rig_request(&r, "POST", "/up", multipart,
                    "--b\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n0123456789abcdefg\r\n--b--\r\n");
    CHECK(rig_status(a) == 400 && strstr(a, "the field \"t\" is longer than 16 bytes"));
    free(a);
    a = rig_request(&r, "POST", "/up", "Content-Type: multipart/form-data\r\n", "x");
    CHECK(rig_status(a) == 400 && strstr(a, "invalid: "));
    free(a);
    CHECK(drafts_left(&r) == 0);
    a = rig_request(&r, "POST", "/body", NULL, "12345678");
    CHECK_STR(rig_body(a), "12345678");
    free(a);
    a = rig_request(&r, "POST", "/body", NULL, "123456789");
    CHECK(strstr(rig_body(a), "too_large: "));
    free(a);
    rig_close(&r);
}

TEST(a_client_that_leaves_in_an_upload_leaves_no_draft)
{
    static const char part[] =
        "POST /up HTTP/1.1\r\nHost: a\r\nContent-Type: image/gif\r\nContent-Length: 4000\r\n\r\nGIF89a";
    struct rig r;
    struct rig_client c;
    routes_open(&r, 0);
    rig_send(&r, &c, part, sizeof part - 1, true);
    rig_tasks(&r, 1);
    CHECK(drafts_left(&r) == 1);
    rig_leave(&r, &c);
    rig_tasks(&r, 0);
    for (int i = 0; i < 500 && drafts_left(&r); i++) rig_turn(&r, 20);
    CHECK(drafts_left(&r) == 0);
    rig_close(&r);
}

/* ---- cancelling ---- */

static void leave(struct rig *r, const char *target, size_t tasks, const char *want)
{
    char request[128];
    struct rig_client c;
    int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    rig_send(r, &c, request, (size_t)n, true);
    rig_tasks(r, tasks);
    rig_leave(r, &c);
    rig_tasks(r, 0);
    CHECK_GET(r, "/seen", 200, want);
}

TEST(a_task_whose_client_left_sees_cancelled_from_each_wait)
{
    struct rig r;
    routes_open(&r, 0);
    leave(&r, "/wait", 1, "nil cancelled nil cancelled");
    leave(&r, "/parent", 3, "child cancelled");
    leave(&r, "/stubborn", 1, "stubborn nil"); /* and is dropped: it would never end */
    rig_close(&r);
}

TEST(one_failure_in_all_cancels_the_others)
{
    struct rig r;
    routes_open(&r, 0);
    char *a = rig_get(&r, "/siblings");
    CHECK(rig_status(a) == 200);
    free(a);
    CHECK_GET(&r, "/seen", 200, "sibling cancelled");
    CHECK(r.host->tasks == 0);
    rig_close(&r);
}

/* A wait whose completion comes after its task was cancelled: refused, nothing else happens. */
struct late {
    struct wait wait;
    bool undone;
};
static struct late late;

static void undo_late(struct wait *w)
{
    LIST_OF(w, struct late, wait)->undone = true;
}

static int l_late(lua_State *L)
{
    wait_begin(&late.wait, task_here(L), "late", undo_late);
    return wait_yield(L);
}

static int push_late(lua_State *L, void *unused)
{
    (void)unused;
    lua_pushcfunction(L, l_late);
    return 1;
}

static enum task_outcome late_outcome;
static int late_ends;

static void on_late_end(struct task *t, enum task_outcome outcome, int results, const char *text)
{
    (void)t;
    (void)results;
    (void)text;
    late_outcome = outcome;
    late_ends++;
}

TEST(a_late_completion_is_refused)
{
    struct rig r;
    struct err e = {0};
    routes_open(&r, 0);
    struct task *t = task_start(r.host->live, CTX_JOB, "late", push_late, NULL, &e);
    CHECK(t);
    t->end = on_late_end;
    late_ends = 0;
    host_settle(r.host);
    CHECK(t->state == TASK_WAITING && r.host->tasks == 1);
    task_cancel(t);
    host_settle(r.host);
    CHECK(late.undone && late_ends == 1 && late_outcome == TASK_RETURNED && r.host->tasks == 0);
    CHECK(!wait_done(&late.wait, push_true, NULL));
    CHECK(late_ends == 1);
    rig_close(&r);
}

/* ---- memory ---- */

TEST(a_task_that_eats_all_memory_fails_alone)
{
    struct rig r;
    routes_open(&r, (size_t)24 << 20);
    for (int i = 0; i < 3; i++) {
        char *a = rig_get(&r, "/eat");
        CHECK(rig_status(a) == 500);
        free(a);
        CHECK_GET(&r, "/seen", 200, "nothing");
    }
    struct host_status st;
    host_status(r.host, &st);
    CHECK(st.memory < (size_t)24 << 20);
    rig_close(&r);
}

/* ---- generations ---- */

static const char gen_a[] =
    "return function() return { routes = { { method = 'GET', pattern = '/' }, { method = 'GET', pattern = '/slow' } "
    "},\n"
    "  handle = function(i) if i == 2 then gifd.time.sleep(1) end return { body = 'A' } end } end";
static const char gen_b[] = "return function() return { routes = { { method = 'GET', pattern = '/' } },\n"
                            "  handle = function() return { body = 'B' } end } end";

TEST(a_request_ends_on_the_generation_that_it_began_in)
{
    static const char slow[] = "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    struct rig r;
    struct rig_client c;
    struct host_status st;
    rig_open(&r, "worker", 0, -1);
    rig_serve(&r);
    rig_boot(&r, gen_a);
    CHECK_GET(&r, "/", 200, "A");
    rig_send(&r, &c, slow, sizeof slow - 1, false);
    rig_tasks(&r, 1);
    rig_boot(&r, gen_b);
    host_status(r.host, &st);
    CHECK(st.live == 2 && st.draining == 1 && st.tasks == 1);
    CHECK_GET(&r, "/", 200, "B");
    char *a = rig_answer(&r, &c);
    CHECK(rig_status(a) == 200);
    CHECK_STR(rig_body(a), "A");
    free(a);
    host_status(r.host, &st);
    CHECK(st.draining == 0 && st.tasks == 0);
    rig_close(&r);
}

TEST(at_most_two_generations_drain)
{
    static const char *const boot = "return function() return { routes = { { method = 'GET', pattern = '/' } },\n"
                                    "  handle = function() local ok = gifd.time.sleep(30) return { body = ok and "
                                    "'slept' or 'cancelled' } end } end";
    static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    struct rig r;
    struct rig_client c[3];
    struct host_status st;
    rig_open(&r, "worker", 0, -1);
    rig_serve(&r);
    for (int i = 0; i < 3; i++) {
        rig_boot(&r, boot);
        rig_send(&r, &c[i], get, sizeof get - 1, false);
        rig_tasks(&r, (size_t)i + 1);
    }
    host_status(r.host, &st);
    CHECK(st.draining == 2 && st.tasks == 3);
    rig_boot(&r, boot);
    char *a = rig_answer(&r, &c[0]);
    CHECK_STR(rig_body(a), "cancelled");
    free(a);
    host_status(r.host, &st);
    CHECK(st.draining == 2 && st.tasks == 2);
    http_server_free(r.server);
    r.server = NULL;
    host_status(r.host, &st);
    CHECK(st.draining == 0 && st.tasks == 0);
    for (int i = 1; i < 3; i++) free(rig_answer(&r, &c[i]));
    rig_close(&r);
}

TEST(a_bundle_that_does_not_load_changes_nothing)
{
    static const struct {
        const char *boot, *want;
    } bad[] = {
        {"error('no luck')", "lua/gifd/boot.lua:1: no luck"},
        {"return 5", "attempt to call"},
        {"return function() return 1 end", "boot must return a table"},
        {"return function() return { handle = 1 } end", "boot: handle must be a function"},
        {"return function() return { handle = function() end } end", "boot: routes must be a table"},
        {"return function() return { handle = function() end, routes = { { method = 'BREW', pattern = '/' } } } end",
         "boot: routes[1]: unknown method BREW"},
        {"return function() return { handle = function() end, routes = { { method = 'GET', pattern = 'x' } } } end",
         "boot: routes[1]: "},
        {"return function() gifd.time.sleep(1) end", "gifd.time.sleep: not allowed in context load"},
        {"return function() gifd.db.row('SELECT 1') end", "gifd.db.row: not allowed in context load"},
        {"typo = 1", "lua/gifd/boot.lua:1: global \"typo\" may not be written"},
        {"require('gifd.boot')", "needs itself"},
    };
    struct rig r;
    char path[256];
    rig_open(&r, "worker", 0, -1);
    rig_serve(&r);
    rig_boot(&r, gen_a);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = {0};
        struct rig_file f = {"lua/gifd/boot.lua", bad[i].boot};
        rig_bundle(&r, &f, 1, path);
        CHECK(host_prepare(r.host, path, 0, NULL, &e) < 0);
        if (!strstr(e.text, bad[i].want)) fprintf(stderr, "got: %s\n", e.text);
        CHECK(strstr(e.text, bad[i].want));
        CHECK_GET(&r, "/", 200, "A");
    }
    struct rig_file good = {"lua/gifd/boot.lua", gen_b};
    struct err e = {0};
    rig_bundle(&r, &good, 1, path);
    CHECK(host_prepare(r.host, path, 0, NULL, &e) == GIFD_OK);
    CHECK_GET(&r, "/", 200, "A");
    host_abandon(r.host);
    host_commit(r.host);
    CHECK_GET(&r, "/", 200, "A");
    rig_close(&r);
}

TEST(a_bundle_with_a_flipped_bit_is_refused)
{
    struct rig r;
    struct err e = {0};
    char path[256];
    rig_open(&r, "worker", 0, -1);
    struct rig_file f = {"lua/gifd/boot.lua", gen_a};
    rig_bundle(&r, &f, 1, path);
    struct bundle *b = bundle_open(path, &e);
    CHECK(b);
    struct slice bytes;
    CHECK(bundle_find(b, "lua/gifd/boot.lua", &bytes) && !bundle_find(b, "lua/gifd/boot", &bytes));
    bundle_close(b);
    FILE *file = fopen(path, "r+");
    CHECK(file && fseek(file, 40, SEEK_SET) == 0);
    int c = fgetc(file);
    CHECK(fseek(file, 40, SEEK_SET) == 0 && fputc(c ^ 1, file) != EOF && fclose(file) == 0);
    CHECK(host_prepare(r.host, path, 0, NULL, &e) == GIFD_ECORRUPT && strstr(e.text, "does not match its checksum"));
    CHECK(host_prepare(r.host, "/nonexistent", 0, NULL, &e) == GIFD_ENOTFOUND);
    rig_close(&r);
}

/* ---- roles, commands, drain ---- */

static const char role_boot[] =
    "local log = {}\n"
    "return function() return { routes = { { method = 'GET', pattern = '/' } },\n"
    "  handle = function() return { body = table.concat(log, ' ') } end,\n"
    "  roles = { runner = function()\n"
    "    local child = gifd.task.spawn(function() gifd.time.sleep(0.01) return 'child', 2 end)\n"
    "    local a, b = child:wait()\n"
    "    log[#log + 1] = a .. b .. select(2, child:wait())\n"
    "    local lost = gifd.task.spawn(function() return gifd.time.sleep(60) end)\n"
    "    lost:cancel()\n"
    "    log[#log + 1] = tostring(select(2, lost:wait()).code)\n"
    "    gifd.task.spawn(function() gifd.time.sleep(60) end)\n"
    "    while true do\n"
    "      local woken, err = gifd.jobs.wait(30)\n"
    "      if err then log[#log + 1] = err.code return end\n"
    "      log[#log + 1] = tostring(woken and true)\n"
    "    end\n"
    "  end },\n"
    "  commands = { add = function(args) gifd.time.sleep(0.001) return tonumber(args[1]) + tonumber(args[2]) end,\n"
    "    fall = function() error('oops') end, quiet = function() end } } end";

/* Asks GET / until it answers that, at most 10 s. */
static void until_body(struct rig *r, const char *want)
{
    for (int i = 0; i < 1000; i++) {
        char *a = rig_get(r, "/");
        bool right = strcmp(rig_body(a), want) == 0;
        free(a);
        if (right) return;
        rig_turn(r, 10);
    }
    CHECK_GET(r, "/", 200, want);
}

static void set_flag(void *flag)
{
    *(volatile bool *)flag = true;
}

TEST(a_role_runs_in_the_background_until_its_generation_drains)
{
    struct rig r;
    volatile bool drained = false;
    uint64_t one = 1;
    int bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rig_open(&r, "runner", 0, bell);
    rig_serve(&r);
    rig_boot(&r, role_boot);
    CHECK(write(bell, &one, sizeof one) == sizeof one);
    until_body(&r, "child22 cancelled true");
    CHECK(r.host->tasks == 2);
    rig_boot(&r, role_boot);
    struct host_status st;
    host_status(r.host, &st);
    CHECK(st.draining == 0 && st.live == 2);
    until_body(&r, "child22 cancelled");
    host_drain(r.host, 5000, set_flag, (void *)&drained);
    rig_until(&r, &drained);
    CHECK(r.host->tasks == 0);
    rig_close(&r);
    close(bell);
}

TEST(a_role_that_fails_is_started_again)
{
    static const char *const boot =
        "local n = 0\n"
        "return function() return { routes = { { method = 'GET', pattern = '/' } }, handle = function() return { body "
        "= tostring(n) } end,\n"
        "  roles = { worker = function() n = n + 1 if n == 1 then error('first') end gifd.time.sleep(60) end } } end";
    struct rig r;
    rig_open(&r, "worker", 0, -1);
    rig_serve(&r);
    rig_boot(&r, boot);
    CHECK_GET(&r, "/", 200, "1");
    until_body(&r, "2");
    rig_close(&r);
}

static int command_code;

static void on_command(void *flag, int code)
{
    command_code = code;
    set_flag(flag);
}

TEST(a_command_gives_its_exit_code)
{
    struct rig r;
    struct err e = {0};
    char *args[] = {"3", "4", NULL};
    rig_open(&r, "command", 0, -1);
    rig_boot(&r, role_boot);
    volatile bool ended = false;
    CHECK(host_command(r.host, "add", 2, args, on_command, (void *)&ended, &e) == GIFD_OK);
    rig_until(&r, &ended);
    CHECK(command_code == 7);
    ended = false;
    CHECK(host_command(r.host, "fall", 0, args, on_command, (void *)&ended, &e) == GIFD_OK);
    rig_until(&r, &ended);
    CHECK(command_code == 1);
    ended = false;
    CHECK(host_command(r.host, "quiet", 0, args, on_command, (void *)&ended, &e) == GIFD_OK);
    rig_until(&r, &ended);
    CHECK(command_code == 0);
    CHECK(host_command(r.host, "missing", 0, args, on_command, (void *)&ended, &e) < 0);
    CHECK(strstr(e.text, "there is no command missing"));
    rig_close(&r);
}

TEST(a_drain_cancels_what_does_not_end_in_time)
{
    static const char slow[] = "GET /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    struct rig r;
    struct rig_client c;
    volatile bool drained = false;
    routes_open(&r, 0);
    rig_send(&r, &c, slow, sizeof slow - 1, false);
    rig_tasks(&r, 1);
    uint64_t began = clock_mono_ns();
    host_drain(r.host, 200, set_flag, (void *)&drained);
    rig_until(&r, &drained);
    CHECK(clock_mono_ns() - began >= 199000000ull);
    char *a = rig_answer(&r, &c);
    CHECK_STR(rig_body(a), "late");
    free(a);
    rig_close(&r);
}

TEST_MAIN()
