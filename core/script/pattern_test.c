/* pattern_test.c: our patterns find what LuaJIT's own find, and fail with the same words; bombs end. */
#include "base/clock.h"
#include "base/test.h"
#include "script/budget.h"
#include "script/pattern.h"

#include <lauxlib.h>
#include <lualib.h>

/* same(name, ...): calls both and compares what they return or throw; compared: how often. */
static const char prelude[] =
    "compared = 0\n"
    "local function show(ok, ...)\n"
    "  local out = { tostring(ok) }\n"
    "  for i = 1, select('#', ...) do\n"
    "    local v = select(i, ...)\n"
    "    out[i + 1] = type(v) .. (type(v) == 'function' and '' or ':' .. tostring(v))\n"
    "  end\n"
    "  return table.concat(out, '|')\n"
    "end\n"
    "local function quoted(v) return type(v) == 'string' and ('%q'):format(v) or tostring(v) end\n"
    "local function fail(name, theirs, mine, ...)\n"
    "  local args = {}\n"
    "  for i = 1, select('#', ...) do args[i] = quoted((select(i, ...))) end\n"
    "  error(('%s(%s)\\n  stock %s\\n  ours  %s'):format(name, table.concat(args, ', '), theirs, mine), 0)\n"
    "end\n"
    "function same(name, ...)\n"
    "  local theirs, mine = show(pcall(string[name], ...)), show(pcall(ours[name], ...))\n"
    "  compared = compared + 1\n"
    "  if theirs ~= mine then fail(name, theirs, mine, ...) end\n"
    "end\n"
    "function all_of(iterate, s, p)\n"
    "  local out = {}\n"
    "  for a, b, c in iterate(s, p) do out[#out + 1] = show(a, b, c) end\n"
    "  return table.concat(out, ';')\n"
    "end\n"
    "function same_all(s, p)\n"
    "  local theirs, mine = show(pcall(all_of, string.gmatch, s, p)), show(pcall(all_of, ours.gmatch, s, p))\n"
    "  compared = compared + 1\n"
    "  if theirs ~= mine then fail('gmatch', theirs, mine, s, p) end\n"
    "end\n"
    "function everything(s, p)\n"
    "  same('find', s, p) same('match', s, p) same('gsub', s, p, '<%0>') same_all(s, p)\n"
    "end\n";

static const char listed[] =
    "local subjects = { '', 'a', 'abc', 'hello world', 'THE (quick) fox', 'a\\0b', '[]', 'a-z', '^$*+?.([%-', 'aaab',\n"
    "  'f(a(b)c)d', 'x = 10, y = 20', '\\200\\255\\n\\t', ('ab'):rep(20), '  trim  ', '%d', '2026-11-25T19:02:52Z' }\n"
    "local patterns = { '', '.', 'a', '^a', 'a$', '^$', '$', '^', '%a+', '%A+', '%w*', '(%w+)', '%s*$', "
    "'^%s*(.-)%s*$',\n"
    "  '.-b', 'a*', 'a-', 'a?', 'a+', '[%a_][%w_]*', '[^]]', '[]]', '[]a]', '[a-]', '[-a]', '[%a-z]', '[a-c]', "
    "'[^a-c]+',\n"
    "  '[%z]', '%z', '%g', '%x+', '%p', '%P', '%c', '%u%l', '()', '()a()', '(a)(b)', '((a)b)', '%b()', '%bxx', '%b', "
    "'%bx',\n"
    "  '%f[%a]%a+', '%f[%A]', '%f', '%f[', '%fa', '(a)%1', '%1', '(%1)', '(a', 'a)', '.)', '[a', '[', '[]', '[^]', "
    "'[%',\n"
    "  '[a-', '%', 'a%', '%%', '[%]]', '[%^]', '[^%^]', '*', '+', '-', '?', '**', 'a**', 'a-?', '(.*)(.*)', '(.-)%1', "
    "'.-(l+)',\n"
    "  '(%d+)%-(%d+)', '%d%d?', '\\0', 'a\\0', 'a\\0.', '[\\0]', '[a\\0]', ('(.)'):rep(32), ('(.?)'):rep(33), "
    "'[\\128-\\255]',\n"
    "  '.\\200', '%Z', '%G', '%k', '%.', '%-', ('a?'):rep(8) .. ('a'):rep(8), ('a-'):rep(210), '(()())', '^%w+ ', "
    "'$a', 'a$b' }\n"
    "for _, s in ipairs(subjects) do\n"
    "  for _, p in ipairs(patterns) do\n"
    "    everything(s, p)\n"
    "    for _, init in ipairs { -100, -2, -1, 0, 1, 2, 3, 100, 1.5 } do same('find', s, p, init) same('match', s, p, "
    "init) end\n"
    "    same('find', s, p, 1, true) same('find', s, p, 2, true)\n"
    "    for _, r in ipairs { '', '%1', '%2', '%%', '%x', '%', 'x%', '-%0-', 5, {}, { a = 'x', ab = 7 }, { a = true } "
    "} do\n"
    "      same('gsub', s, p, r) same('gsub', s, p, r, 1) same('gsub', s, p, r, 0) same('gsub', s, p, r, -1)\n"
    "    end\n"
    "    same('gsub', s, p, function(a) return a ~= 'a' and a or nil end)\n"
    "    same('gsub', s, p, function() return false end)\n"
    "    same('gsub', s, p, function() return {} end)\n"
    "  end\n"
    "end\n"
    "for _, name in ipairs { 'find', 'match', 'gmatch', 'gsub' } do\n"
    "  same(name) same(name, 'a') same(name, {}, 'a') same(name, 'a', {}) same(name, 12, 2) same(name, 'a', 'a', {})\n"
    "  same(name, 'a', 'a', nil) same(name, 'a', 'a', true) same(name, 'aa', 'a', 'b', {}) same(name, 'aa', 'a', 'b', "
    "'1')\n"
    "end\n";

static const char random_ones[] = "math.randomseed(7)\n"
                                  "local parts = { 'a', 'b', '.', '%a', '%d', '[ab]', '[^a]', '[%w-]', '(', ')', '()', "
                                  "'*', '+', '-', '?', '^', '$', '%1',\n"
                                  "  '%b()', '%f[%w]', '%', '[', ']', '1', ' ', '\\0' }\n"
                                  "local letters = { 'a', 'b', '1', ' ', '(', ')', '-', '\\0' }\n"
                                  "local function word(from, most)\n"
                                  "  local out = {}\n"
                                  "  for i = 1, math.random(0, most) do out[i] = from[math.random(#from)] end\n"
                                  "  return table.concat(out)\n"
                                  "end\n"
                                  "for i = 1, 60000 do everything(word(letters, 12), word(parts, 8)) end\n";

static lua_State *open_both(void)
{
    lua_State *L = luaL_newstate();
    CHECK(L);
    luaL_openlibs(L);
    lua_newtable(L);
    pattern_install(L);
    lua_setglobal(L, "ours");
    return L;
}

static void run(lua_State *L, const char *text)
{
    if (luaL_dostring(L, text)) fprintf(stderr, "%s\n", lua_tostring(L, -1));
    CHECK(lua_gettop(L) == 0);
}

static void run_both(const char *text, int least)
{
    lua_State *L = open_both();
    run(L, prelude);
    run(L, text);
    lua_getglobal(L, "compared");
    CHECK(lua_tointeger(L, -1) >= least);
    lua_close(L);
}

TEST(chosen_patterns_find_what_stock_ones_find)
{
    run_both(listed, 100000);
}

TEST(random_patterns_find_what_stock_ones_find)
{
    run_both(random_ones, 240000);
}

static const char bombs[] =
    "local a = ('a'):rep(100000)\n"
    "local function ends(f, ...)\n"
    "  local ok, why = pcall(f, ...)\n"
    "  assert(not ok and why:find('pattern too complex', 1, true), why)\n"
    "end\n"
    "ends(ours.find, a, '.-.-.-b')\n"
    "ends(ours.match, a, '(.-)(.-)%1%2b')\n"
    "ends(ours.find, a, ('a?'):rep(40) .. ('a'):rep(40) .. 'b')\n"
    "ends(ours.gsub, a, '.-b', '')\n"
    "ends(ours.find, ('('):rep(100000), '%b()')\n"
    "ends(ours.find, a, ('(a)'):rep(16) .. ('a-'):rep(100) .. 'b')\n"
    "ends(ours.find, a .. a, '[' .. ('%d'):rep(100000) .. ']')\n"
    "ends(ours.find, a, ('a*'):rep(300))\n"
    "assert(not ours.find(('a'):rep(3e6), ('a'):rep(1e6) .. 'b', 1, true))\n" /* linear, however alike */
    "assert(select(2, ours.gsub(a, 'a', 'b')) == 100000)\n"
    "assert(#ours.gsub(('word '):rep(2e5), '%w+', '%0%0') == 2e5 * 9)\n";

TEST(bombs_end_and_long_texts_do_not)
{
    lua_State *L = open_both();
    uint64_t start = clock_mono_ns();
    run(L, bombs);
    CHECK(clock_mono_ns() - start < 20000000000ull);
    lua_close(L);
}

TEST(a_call_ends_with_the_time_of_its_plugin)
{
    lua_State *L = open_both();
    budget_over = 1;
    run(L, "local ok, why = pcall(ours.find, ('a'):rep(1e4), '.-b')\n"
           "assert(not ok and why:find('time budget', 1, true), why)\n");
    budget_over = 0;
    lua_close(L);
}

TEST_MAIN()
