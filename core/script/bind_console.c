/* bind_console.c: gifd.console, for commands. */
#include "script/gen.h"
#include "script/border.h"
#include "script/sources.h"

#include <stdio.h>
#include <unistd.h>

#define FILE_MAX ((size_t)16 << 20)

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

/* The file of whoever runs the command: what it may do is for its environment to say. */
static int l_load(lua_State *L)
{
    struct err e = {0};
    struct slice text, path = border_string(L, 1, "path");
    struct arena *scratch = &gen_of(L)->scratch;
    border_table(L, 2, "env");
    arena_reset(scratch);
    if (sources_slurp(scratch, path.p, FILE_MAX, &text, &e) < 0) return push_err(L, &e);
    if (text.n && text.p[0] == '#') { /* #!/usr/bin/env -S gifd lua */
        const char *end = memchr(text.p, '\n', text.n);
        text = slice_of(end ? end : text.p + text.n, end ? text.n - (size_t)(end - text.p) : 0);
    }
    lua_pushfstring(L, "@%s", path.p);
    if (luaL_loadbufferx(L, text.p, text.n, lua_tostring(L, -1), "t"))
        return push_fault(L, GIFD_ESCRIPT, "%s", lua_tostring(L, -1));
    lua_pushvalue(L, 2);
    lua_setfenv(L, -2);
    return 1;
}

const struct binding bind_console[] = {
    {"gifd.console.write", l_write, CTX_COMMAND | CTX_CHECK, "write(text)"},
    {"gifd.console.error", l_error, CTX_COMMAND, "error(text)"},
    {"gifd.console.is_terminal", l_is_terminal, CTX_COMMAND, "is_terminal() -> boolean"},
    {"gifd.console.load", l_load, CTX_COMMAND, "load(path, env) -> function | nil, err"},
    {NULL, NULL, 0, NULL},
};
