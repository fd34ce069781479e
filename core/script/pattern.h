/* pattern.h: string.find, match, gmatch and gsub with Lua 5.1's patterns, whose work is bounded. Private to
 * core/script.
 *
 * A pattern of a few bytes can keep a backtracking matcher busy for years, and C code looks at no hook. So every step
 * is counted: a call may take PATTERN_STEPS and PATTERN_STEPS_PER_BYTE of its subject, and one that belongs to a plugin
 * ends when the plugin's time does (budget.h). What they find, and the texts of their errors, are those of LuaJIT's own
 * (pattern_test.c, pattern_fuzz.c compare). The manual: https://www.lua.org/manual/5.1/manual.html#5.4.1
 *
 * Loop thread only. */
#ifndef GIFD_SCRIPT_PATTERN_H
#define GIFD_SCRIPT_PATTERN_H

#include <lua.h>

#define PATTERN_STEPS 10000000
#define PATTERN_STEPS_PER_BYTE 32

/* Puts the four into the table on top of the stack. */
void pattern_install(lua_State *L);

#endif
