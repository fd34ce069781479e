/* pattern_fuzz.c: any subject and pattern: no step out of bounds, and the same outcome as LuaJIT's own. The first byte
 * says how long the pattern is. Both are kept short, for the stock matcher has no bound. */
#include "script/pattern.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static const char compare[] = "return function(s, p)\n"
                              "  local function show(f, ...)\n"
                              "    local out = { pcall(f, ...) }\n"
                              "    for i = 1, 40 do out[i] = tostring(out[i]) end\n"
                              "    return table.concat(out, '|')\n"
                              "  end\n"
                              "  for _, name in ipairs { 'find', 'match', 'gsub' } do\n"
                              "    local theirs, mine = show(string[name], s, p, name == 'gsub' and s or nil), nil\n"
                              "    mine = show(ours[name], s, p, name == 'gsub' and s or nil)\n"
                              "    if theirs ~= mine then error(name .. ': ' .. theirs .. ' / ' .. mine, 0) end\n"
                              "  end\n"
                              "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static lua_State *L;
    if (!L) {
        L = luaL_newstate();
        luaL_openlibs(L);
        lua_newtable(L);
        pattern_install(L);
        lua_setglobal(L, "ours");
        if (luaL_dostring(L, compare)) abort();
    }
    if (n < 1 || n > 32) return 0;
    size_t pattern_n = data[0] % n;
    lua_pushvalue(L, 1);
    lua_pushlstring(L, (const char *)data + 1 + pattern_n, n - 1 - pattern_n);
    lua_pushlstring(L, (const char *)data + 1, pattern_n);
    if (lua_pcall(L, 2, 0, 0)) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
    return 0;
}
