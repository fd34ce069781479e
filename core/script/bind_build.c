/* bind_build.c: gifd.build, what lua/gifd/build.lua stands on, in the builder's VM only. */
#include "script/border.h"
#include "script/build_int.h"
#include "script/limits.h"

#include <stdio.h>
#include <stdlib.h>

#define RUN_STEPS 100 /* of RUN_STEP instructions: the budget of config.lua or a manifest */
#define RUN_STEP 1000000
#define FILE_MAX ((size_t)1 << 20)

static struct building *building_here(lua_State *L)
{
    return gen_of(L)->source_arg;
}

static int l_files(lua_State *L)
{
    struct building *b = building_here(L);
    struct slice prefix = border_string(L, 1, "prefix");
    int n = 0;
    lua_newtable(L);
    for (size_t i = 0; i < b->sources.count; i++) {
        if (strncmp(b->sources.list[i].path, prefix.p, prefix.n) != 0) continue;
        lua_pushstring(L, b->sources.list[i].path);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

static int l_read(lua_State *L)
{
    struct err e = {0};
    struct building *b = building_here(L);
    struct slice path = border_string(L, 1, "path");
    struct source *f = sources_find(&b->sources, path.p);
    if (!f) return push_fault(L, GIFD_ENOTFOUND, "there is no %s", path.p);
    if (sources_read(&b->sources, f, &e) < 0) return push_err(L, &e);
    push_slice(L, f->text);
    return 1;
}

static int l_origin(lua_State *L)
{
    struct slice path = border_string(L, 1, "path");
    struct source *f = sources_find(&building_here(L)->sources, path.p);
    lua_pushstring(L, f ? f->origin : path.p);
    return 1;
}

static int l_config(lua_State *L)
{
    struct building *b = building_here(L);
    if (!b->config.p) {
        lua_pushnil(L);
        return 1;
    }
    push_slice(L, b->config);
    lua_pushstring(L, b->o->config);
    return 2;
}

static int l_env(lua_State *L)
{
    struct slice name = border_string(L, 1, "name");
    const char *value = getenv(name.p);
    if (value)
        lua_pushstring(L, value);
    else
        lua_pushnil(L);
    return 1;
}

/* Relative to the folder of config.lua. */
static int l_file(lua_State *L)
{
    char file[2048];
    struct err e = {0};
    struct slice path = border_string(L, 1, "path"), text;
    struct building *b = building_here(L);
    const char *config = b->o->config ? b->o->config : "", *slash = strrchr(config, '/');
    int folder = path.p[0] == '/' || !slash ? 0 : (int)(slash - config) + 1;
    snprintf(file, sizeof file, "%.*s%s", folder, config, path.p);
    if (sources_slurp(b->sources.arena, file, FILE_MAX, &text, &e) < 0) return push_err(L, &e);
    push_slice(L, text);
    return 1;
}

/* Relative to the folder of config.lua, like file(). */
static int l_folder(lua_State *L)
{
    char folder[1024];
    struct err e = {0};
    struct slice path = border_string(L, 1, "path");
    struct building *b = building_here(L);
    const char *config = b->o->config ? b->o->config : "", *slash = strrchr(config, '/');
    int before = path.p[0] == '/' || !slash ? 0 : (int)(slash - config) + 1;
    if (snprintf(folder, sizeof folder, "%.*s%s", before, config, path.p) >= (int)sizeof folder)
        return push_fault(L, GIFD_ETOOBIG, "the path is too long");
    if (sources_add(&b->sources, folder, &e) < 0) return push_err(L, &e);
    lua_pushstring(L, folder);
    return 1;
}

/* nil, {file, line, message} from "file:line: message" at the top; without a place, the file is the chunk's. */
static int push_located(lua_State *L, struct slice chunk)
{
    char text[1024];
    border_text(L, -1, text, sizeof text);
    char *colon = text, *end = text;
    long line = 0;
    while ((colon = strchr(colon, ':'))) {
        line = strtol(colon + 1, &end, 10);
        if (end > colon + 1 && end[0] == ':' && line > 0) break;
        colon++;
    }
    lua_pushnil(L);
    lua_createtable(L, 0, 3);
    if (chunk.n && (chunk.p[0] == '@' || chunk.p[0] == '=')) chunk = slice_of(chunk.p + 1, chunk.n - 1);
    push_slice(L, colon ? slice_of(text, (size_t)(colon - text)) : chunk);
    lua_setfield(L, -2, "file");
    if (colon) {
        lua_pushinteger(L, line);
        lua_setfield(L, -2, "line");
    }
    const char *message = colon ? end + 1 : text;
    while (*message == ' ') message++;
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
    return 2;
}

static int append(lua_State *L, const void *p, size_t n, void *out)
{
    (void)L;
    return buf_append(out, p, n, NULL) < 0;
}

static int note_source(struct building *b, struct slice name, struct slice text)
{
    if (b->compiled_count == BUNDLE_ENTRIES_MAX) return -1;
    struct compiled *c = &b->compiled[b->compiled_count];
    if (name.n && name.p[0] == '@') name = slice_of(name.p + 1, name.n - 1);
    c->name = arena_strndup(b->sources.arena, name.p, name.n);
    sha256_of(text.p, text.n, c->digest);
    if (!c->name) return -1;
    b->compiled_count++;
    return 0;
}

static int l_compile(lua_State *L)
{
    struct gen *g = gen_of(L);
    struct slice text = border_string(L, 1, "text"), name = border_string(L, 2, "chunkname");
    if (luaL_loadbufferx(L, text.p, text.n, name.p, "t")) return push_located(L, name);
    buf_reset(&g->out);
    if (lua_dump(L, append, &g->out) || note_source(building_here(L), name, text) < 0)
        border_throw(L, "%s is too large", name.p);
    push_slice(L, buf_slice(&g->out));
    return 1;
}

/* Ends a run that goes on for ever: raised again every RUN_STEP instructions. */
static void on_step(lua_State *L, lua_Debug *at)
{
    struct building *b = building_here(L);
    if (++b->steps <= RUN_STEPS) return;
    lua_getinfo(L, "Sl", at);
    lua_pushfstring(L, "%s:%d: runs too long", at->short_src, at->currentline);
    lua_error(L);
}

static int l_run(lua_State *L)
{
    struct building *b = building_here(L);
    struct slice text = border_string(L, 1, "text"), name = border_string(L, 2, "chunkname");
    border_table(L, 3, "env");
    lua_pushfstring(L, "%s%s", name.p[0] == '@' || name.p[0] == '=' ? "" : "@", name.p);
    if (luaL_loadbufferx(L, text.p, text.n, lua_tostring(L, -1), "t")) return push_located(L, name);
    lua_pushvalue(L, 3);
    lua_setfenv(L, -2);
    b->steps = 0;
    lua_sethook(L, on_step, LUA_MASKCOUNT, RUN_STEP);
    int status = lua_pcall(L, 0, 1, 0);
    lua_sethook(L, NULL, 0, 0);
    return status ? push_located(L, name) : 1;
}

static int l_limit(lua_State *L)
{
    struct err e = {0};
    border_table(L, 1, "limits");
    struct limits *l = limits_read(L, 1, NULL, "", &e);
    free(l);
    if (l) return push_true(L, NULL);
    lua_pushnil(L);
    lua_pushstring(L, e.text);
    return 2;
}

const struct binding bind_build[] = {
    {"gifd.build.files", l_files, CTX_BUILD, "files(prefix) -> paths"},
    {"gifd.build.read", l_read, CTX_BUILD, "read(path) -> text | nil, err"},
    {"gifd.build.origin", l_origin, CTX_BUILD, "origin(path) -> real file name"},
    {"gifd.build.config", l_config, CTX_BUILD, "config() -> text, file name | nil"},
    {"gifd.build.env", l_env, CTX_BUILD, "env(name) -> text | nil"},
    {"gifd.build.file", l_file, CTX_BUILD, "file(path) -> text | nil, err"},
    {"gifd.build.folder", l_folder, CTX_BUILD, "folder(path) -> its whole path | nil, err; its plugins come above all"},
    {"gifd.build.compile", l_compile, CTX_BUILD, "compile(text, chunkname) -> bytecode | nil, {file, line, message}"},
    {"gifd.build.run", l_run, CTX_BUILD, "run(text, chunkname, env) -> value | nil, {file, line, message}"},
    {"gifd.build.limit", l_limit, CTX_BUILD, "limit(policies of a route) -> true | nil, message"},
    {NULL, NULL, 0, NULL},
};
