/* bind_workbench.c: gifd.workbench, what commands for plugins' authors need: the files before them, a clock that can be
 * set, drafts of bytes, and the table of all primitives. */
#include "base/clock.h"
#include "script/draft.h"
#include "script/host_int.h"
#include "script/sources.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define FILE_MAX ((size_t)16 << 20)
#define LIST_MAX 4096

static int l_read(lua_State *L)
{
    struct err e = {0};
    struct slice text, path = border_string(L, 1, "path");
    struct arena *scratch = &gen_of(L)->scratch;
    arena_reset(scratch);
    if (sources_slurp(scratch, path.p, FILE_MAX, &text, &e) < 0) return push_err(L, &e);
    push_slice(L, text);
    return 1;
}

static int l_list(lua_State *L)
{
    struct err e = {0};
    struct slice path = border_string(L, 1, "path");
    struct arena *scratch = &gen_of(L)->scratch;
    const char *names[LIST_MAX];
    size_t n = 0;
    DIR *d = opendir(path.p);
    if (!d) {
        err_sys(&e, errno, "%s", path.p);
        return push_err(L, &e);
    }
    arena_reset(scratch);
    for (struct dirent *entry; n < LIST_MAX && (entry = readdir(d));)
        if (entry->d_name[0] != '.' && (names[n] = arena_strndup(scratch, entry->d_name, strlen(entry->d_name)))) n++;
    closedir(d);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushstring(L, names[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static int l_shift_clock(lua_State *L)
{
    clock_shift((int64_t)(border_number(L, 1, "seconds", -1e10, 1e10) * 1e6));
    return 0;
}

static int l_draft(lua_State *L)
{
    struct err e = {0};
    struct slice bytes = border_string(L, 1, "bytes");
    struct blobs *b = gen_of(L)->host->s.blobs;
    if (!b) return push_fault(L, GIFD_ECLOSED, "there are no blobs");
    struct draft *d = draft_push(L);
    d->d = blob_draft_new(b, FILE_MAX, &e);
    if (!d->d || blob_draft_write(d->d, bytes.p, bytes.n, &e) < 0) return push_err(L, &e);
    return 1;
}

/* ---- the reference ---- */

static void push_row(lua_State *L, const struct binding *b)
{
    char contexts[96];
    binding_contexts(b->contexts, contexts, sizeof contexts);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, b->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, b->signature);
    lua_setfield(L, -2, "signature");
    lua_pushstring(L, contexts);
    lua_setfield(L, -2, "contexts");
}

static int l_primitives(lua_State *L)
{
    static const char *const codes[] = {
#define CODE_NAME(constant, value, name, retryable) name,
        ERR_CODES(CODE_NAME)
#undef CODE_NAME
    };
    int n = 0;
    lua_newtable(L);
    for (size_t i = 0; host_bindings[i]; i++)
        for (const struct binding *b = host_bindings[i]; b->name; b++) {
            push_row(L, b);
            lua_rawseti(L, -2, ++n);
        }
    for (const struct binding *b = bind_build; b->name; b++) {
        push_row(L, b);
        lua_rawseti(L, -2, ++n);
    }
    lua_newtable(L);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        lua_pushstring(L, codes[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 2;
}

const struct binding bind_workbench[] = {
    {"gifd.workbench.read", l_read, CTX_COMMAND,
     "read(path: string) -> text: string | nil, err -- a file, up to 16 MiB"},
    {"gifd.workbench.list", l_list, CTX_COMMAND, "list(path: string) -> names: string[] | nil, err -- of a folder"},
    {"gifd.workbench.shift_clock", l_shift_clock, CTX_COMMAND,
     "shift_clock(seconds: number) -- this process's wall time is the system's and so much more"},
    {"gifd.workbench.draft", l_draft, CTX_COMMAND,
     "draft(bytes: string) -> draft: gifd.Draft | nil, err -- to be committed or saved"},
    {"gifd.workbench.primitives", l_primitives, CTX_COMMAND,
     "primitives() -> rows: {name: string, signature: string, contexts: string}[], codes: string[] -- all of them"},
    {NULL, NULL, 0, NULL},
};
