/* budget_test.c: what the door promises, without host Lua: the boot below lets functions of its own in as a plugin's.
 */
#include "script/budget.h"
#include "script/rig_int.h"

static const char boot[] =
    "local small = gifd.plugin.register('small', { slice = 0.03, call = 0.2, memory = 2 ^ 20 })\n"
    "local other = gifd.plugin.register('other', { slice = 0.05, call = 1, memory = 4 * 2 ^ 20 })\n"
    "local call, hoard = gifd.plugin.call, {}\n"
    "local function spin() while true do pcall(function() while true do end end) end end\n"
    "local function rest(n) for _ = 1, n do for i = 1, 1e5 do local _ = i * i end gifd.time.sleep(0) end end\n"
    "local function show(value, err) return err and err.code .. ': ' .. err.message or tostring(value) end\n"
    "local cases = {\n"
    "  value = function() return show(call(small, 'x', function(_, a) return a end, nil, 7)) end,\n"
    "  spin = function() return show(call(small, 'x', spin)) end,\n"
    "  slices = function() return show(call(small, 'x', rest, 1e6)) end,\n"
    "  waits = function() return show(call(small, 'x', function() return gifd.time.sleep(0.5) end)) end,\n"
    "  after = function()\n" /* the host's own time has no bound */
    "    call(small, 'x', spin)\n"
    "    local n = 0\n"
    "    for i = 1, 4e7 do n = n + i % 7 end\n"
    "    return tostring(n > 0)\n"
    "  end,\n"
    "  inner = function()\n" /* the outer plugin pays for the inner, and outlives it */
    "    return show(call(other, 'y', function()\n"
    "      local _, err = call(small, 'x', spin)\n"
    "      return err.message\n"
    "    end))\n"
    "  end,\n"
    "  outer = function()\n" /* the inner one ends with the outer one's time */
    "    return show(call(small, 'x', function() return call(other, 'y', spin) end))\n"
    "  end,\n"
    "  children = function()\n"
    "    return show(call(small, 'x', function() return gifd.all(function() gifd.time.sleep(0.01) spin() end) end))\n"
    "  end,\n"
    "  memory = function() return show(call(small, 'x', function() return ('x'):rep(2e6) end)) end,\n"
    "  caught = function() return show(call(small, 'x', function() return (pcall(string.rep, 'x', 2e6)) end)) end,\n"
    "  garbage = function()\n" /* what is not kept is not counted for ever */
    "    return show(call(other, 'y', function() for i = 1, 60 do local _ = ('x'):rep(2e5) .. i end return 'done' "
    "end))\n"
    "  end,\n"
    "  hoard = function()\n"
    "    return show(call(other, 'y', function() hoard[#hoard + 1] = ('x'):rep(2 ^ 20) .. #hoard return #hoard end))\n"
    "  end,\n"
    "  copies = function()\n"
    "    local mine = { list = { 1 }, f = pcall }\n"
    "    local theirs = call(small, 'x', function(_, t)\n"
    "      t.list[1] = 2\n"
    "      t.more = setmetatable({}, { __index = function() return 'ran' end })\n"
    "      return t\n"
    "    end, nil, mine)\n"
    "    return table.concat({ mine.list[1], tostring(mine.more), theirs.list[1], tostring(theirs.more.x),\n"
    "      tostring(theirs.f == pcall), tostring(getmetatable(theirs.more)) }, ' ')\n"
    "  end,\n"
    "  errors = function()\n"
    "    local spinning = setmetatable({ code = 'busy', message = 'later' }, { __index = spin, __tostring = spin })\n"
    "    local _, err = call(small, 'x', function() return nil, spinning end)\n"
    "    local _, thrown = call(small, 'x', function() error(spinning) end)\n"
    "    return err.code .. tostring(err.none) .. ' ' .. tostring(thrown)\n"
    "  end,\n"
    "}\n"
    "gifd.plugin.interpret(spin) gifd.plugin.interpret(rest)\n"
    "for _, case in pairs(cases) do gifd.plugin.interpret(case) end\n"
    "return function()\n"
    "  return { routes = { { method = 'GET', pattern = '/{case}' } }, handle = function(_, req)\n"
    "    return { body = cases[req.params.case]() }\n"
    "  end }\n"
    "end\n";

static void begin(struct rig *r, size_t memory_max)
{
    rig_open(r, "worker", memory_max, -1);
    segment_beat(r->segment, 0);
    rig_boot(r, boot);
    rig_serve(r);
}

#define SPUN "ran for more than 30 ms without a pause (at lua/gifd/boot.lua:4)"

TEST(a_call_ends_when_its_time_is_up_whatever_it_catches)
{
    struct rig r;
    begin(&r, 0);
    CHECK_GET(&r, "/value", 200, "7");
    CHECK_GET(&r, "/spin", 200, "budget: plugin small: x " SPUN);
    CHECK_GET(&r, "/waits", 200, "true");
    CHECK_GET(&r, "/after", 200, "true");
    char *a = rig_get(&r, "/slices");
    CHECK(strstr(a, "budget: plugin small: x ran for more than 200 ms in all"));
    free(a);
    a = rig_get(&r, "/children");
    CHECK(strstr(a, "budget: plugin small: x ran for more than 30 ms without a pause"));
    free(a);
    rig_close(&r);
}

TEST(calls_nest_and_each_has_its_own_bounds)
{
    struct rig r;
    begin(&r, 0);
    CHECK_GET(&r, "/inner", 200, "plugin small: x " SPUN);
    char *a = rig_get(&r, "/outer");
    CHECK(strstr(a, "budget: plugin small: x ran for more than 30 ms"));
    free(a);
    CHECK_GET(&r, "/value", 200, "7");
    rig_close(&r);
}

TEST(memory_is_charged_to_the_call_that_takes_it)
{
    struct rig r;
    begin(&r, 0);
    CHECK_GET(&r, "/memory", 200, "budget: plugin small: x took more than 1 MiB");
    CHECK_GET(&r, "/caught", 200, "false");
    CHECK_GET(&r, "/garbage", 200, "done");
    CHECK_GET(&r, "/value", 200, "7");
    rig_close(&r);
}

static char recycled[64];

static void on_recycle(void *arg, const char *plugin, size_t memory)
{
    (void)memory;
    snprintf(recycled, sizeof recycled, "%s", plugin);
    *(int *)arg += 1;
}

TEST(a_plugin_that_holds_too_much_is_named_before_anybody_else_lacks_memory)
{
    struct rig r;
    int calls = 0;
    begin(&r, 32 << 20);
    r.host->s.recycle = on_recycle;
    r.host->s.recycle_arg = &calls;
    for (int i = 0; i < 14; i++) {
        char *a = rig_get(&r, "/hoard");
        CHECK(rig_status(a) == 200 && !calls);
        free(a);
    }
    for (int i = 0; i < 8; i++) free(rig_get(&r, "/hoard"));
    CHECK(calls > 0);
    CHECK_STR(recycled, "other");
    CHECK_GET(&r, "/value", 200, "7");
    rig_close(&r);
}

TEST(what_passes_the_door_is_plain)
{
    struct rig r;
    begin(&r, 0);
    CHECK_GET(&r, "/copies", 200, "1 nil 2 nil true nil");
    CHECK_GET(&r, "/errors", 200, "busynil busy: later");
    rig_close(&r);
}

struct watching {
    struct segment *segment;
    volatile bool seen, stop;
};

static void *watch(void *arg)
{
    struct watching *w = arg;
    char blame[SEGMENT_BLAME_LEN];
    while (!w->stop) {
        segment_slot_blame(w->segment, 0, blame);
        if (!strcmp(blame, "small/x")) w->seen = true;
    }
    return NULL;
}

TEST(the_segment_says_what_runs_and_nothing_while_it_waits)
{
    struct rig r;
    struct rig_client c;
    static const char waits[] = "GET /waits HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
    char blame[SEGMENT_BLAME_LEN];
    pthread_t thread;
    begin(&r, 0);
    struct watching w = {.segment = r.segment};
    CHECK(pthread_create(&thread, NULL, watch, &w) == 0);
    for (int i = 0; i < 100 && !w.seen; i++) free(rig_get(&r, "/spin")); /* until the watcher had a turn meanwhile */
    w.stop = true;
    pthread_join(thread, NULL);
    CHECK(w.seen);
    rig_send(&r, &c, waits, sizeof waits - 1, false);
    rig_tasks(&r, 1);
    segment_slot_blame(r.segment, 0, blame);
    CHECK_STR(blame, "");
    free(rig_answer(&r, &c));
    rig_close(&r);
}

TEST_MAIN()
