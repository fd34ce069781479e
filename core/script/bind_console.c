/* bind_console.c: gifd.console, for commands. */
#include "script/border.h"

#include <stdio.h>
#include <unistd.h>

static int print(lua_State *L, FILE *to)
{
    struct slice s = border_string(L, 1, "text");
    fwrite(s.p, 1, s.n, to);
    fflush(to);
    return 0;
}

static int l_write(lua_State *L)
{
    return print(L, stdout);
}

static int l_error(lua_State *L)
{
    return print(L, stderr);
}

static int l_is_terminal(lua_State *L)
{
    lua_pushboolean(L, isatty(STDOUT_FILENO));
    return 1;
}

const struct binding bind_console[] = {
    {"gifd.console.write", l_write, CTX_COMMAND, "write(text)"},
    {"gifd.console.error", l_error, CTX_COMMAND, "error(text)"},
    {"gifd.console.is_terminal", l_is_terminal, CTX_COMMAND, "is_terminal() -> boolean"},
    {NULL, NULL, 0, NULL},
};
