/* bind_console.c: gifd.console, for commands: the terminal, and the files that their caller names. Blocks: a command
 * runs alone in its process. */
#include "script/draft.h"
#include "script/host_int.h"
#include "script/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
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
    bool err = !lua_isnoneornil(L, 1) && slice_is(border_string(L, 1, "which"), "stderr");
    lua_pushboolean(L, isatty(err ? STDERR_FILENO : STDOUT_FILENO));
    return 1;
}

static int copy_bytes(int from, int to, const char *path, struct err *e)
{
    off_t at = 0;
    for (ssize_t n = 1; n > 0 || (n < 0 && errno == EINTR);) {
        n = sendfile(to, from, &at, 1 << 24);
        if (n < 0 && errno != EINTR) return err_sys(e, errno, "%s", path);
    }
    return GIFD_OK;
}

static struct blob_draft *read_draft(struct blobs *b, const char *path, uint64_t *size, struct err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_sys(e, errno, "%s", path);
        if (fd >= 0) close(fd);
        return NULL;
    }
    struct blob_draft *d = NULL;
    if (!S_ISREG(st.st_mode))
        err_set(e, GIFD_EINVALID, "%s: not a file", path);
    else
        d = blob_draft_new(b, *size = (uint64_t)st.st_size, e);
    if (d && copy_bytes(fd, blob_draft_fd(d), path, e) < 0) {
        blob_draft_drop(d);
        d = NULL;
    }
    close(fd);
    return d;
}

static int l_open(lua_State *L)
{
    struct err e = {0};
    uint64_t size;
    struct slice path = border_string(L, 1, "path");
    struct blobs *b = gen_of(L)->host->s.blobs;
    if (!b) return push_fault(L, GIFD_ECLOSED, "there are no blobs");
    struct draft *d = draft_push(L);
    d->d = read_draft(b, path.p, &size, &e);
    if (!d->d) return push_err(L, &e);
    lua_pushnumber(L, (lua_Number)size);
    return 2;
}

/* Under a name beside it first, so that whoever looks sees all of it or nothing. */
static int write_file(int from, const char *path, struct err *e)
{
    char beside[4096];
    mode_t mask = umask(0);
    umask(mask);
    if (snprintf(beside, sizeof beside, "%s.XXXXXX", path) >= (int)sizeof beside)
        return err_set(e, GIFD_EINVALID, "%s: too long", path);
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "%s", path);
    int rc = copy_bytes(from, fd, path, e);
    if (rc == GIFD_OK && fchmod(fd, 0666 & ~mask) < 0) rc = err_sys(e, errno, "%s", path);
    if (close(fd) < 0 && rc == GIFD_OK) rc = err_sys(e, errno, "%s", path);
    if (rc == GIFD_OK && rename(beside, path) < 0) rc = err_sys(e, errno, "%s", path);
    if (rc < 0) unlink(beside);
    return rc;
}

static int l_save(lua_State *L)
{
    struct err e = {0};
    bool opened = false;
    struct slice path = border_string(L, 2, "path");
    int fd = draft_or_digest(L, 1, gen_of(L)->host->s.blobs, &opened, &e);
    if (fd < 0) return push_err(L, &e);
    int rc = write_file(fd, path.p, &e);
    if (opened) close(fd);
    return rc < 0 ? push_err(L, &e) : push_true(L, NULL);
}

static int l_folder(lua_State *L)
{
    struct err e = {0};
    struct slice path = border_string(L, 1, "path");
    if (mkdir(path.p, 0777) == 0 || errno == EEXIST) return push_true(L, NULL);
    err_sys(&e, errno, "%s", path.p);
    return push_err(L, &e);
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
    {"gifd.console.write", l_write, CTX_COMMAND | CTX_CHECK, "write(text: string) -- to standard output"},
    {"gifd.console.error", l_error, CTX_COMMAND, "error(text: string) -- to standard error"},
    {"gifd.console.is_terminal", l_is_terminal, CTX_COMMAND,
     "is_terminal(which?: \"stderr\") -> boolean -- is standard output one, or standard error?"},
    {"gifd.console.open", l_open, CTX_COMMAND,
     "open(path: string) -> draft: gifd.Draft, size: integer | nil, err -- a copy of a file"},
    {"gifd.console.save", l_save, CTX_COMMAND,
     "save(what: gifd.Draft|string, path: string) -> true | nil, err -- a draft, or a blob by its digest, as a "
     "file, in one step"},
    {"gifd.console.folder", l_folder, CTX_COMMAND,
     "folder(path: string) -> true | nil, err -- makes one where there is none"},
    {"gifd.console.load", l_load, CTX_COMMAND,
     "load(path: string, env: table) -> chunk: function | nil, err -- a file of whoever runs the command"},
    {NULL, NULL, 0, NULL},
};
