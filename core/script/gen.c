/* gen.c: see gen.h. What a fresh VM holds: base, string, table, math and bit without the functions that load code or
 * reach outside, a strict _G, require over one source of files, and gifd.*. */
#include "script/gen.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "script/border.h"
#include "script/budget.h"
#include "script/host_int.h"
#include "script/pattern.h"
#include "script/secret.h"
#include "script/sort.h"
#include "script/value.h"

#include <lualib.h>
#include <luajit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_MS 600000 /* when boot says nothing */

struct door {
    gen_fn fn;
    void *arg;
};

/* What is easier said in Lua: protected calls that may be yielded across, and results of any number. */
static const char glue[] =
    "local gifd = ...\n"
    "local pcall, unpack, inner = pcall, unpack, gifd.inner\n"
    "local all, any, wait, normalise = inner.all, inner.any, inner.wait, inner.normalise\n"
    "local enter, leave, deadline = inner.enter, inner.leave, inner.deadline\n"
    "gifd.inner = nil\n"
    "local function caught(ok, ...)\n"
    "  if ok then return ... end\n"
    "  return nil, normalise((...))\n"
    "end\n"
    "local function spread(t, err)\n"
    "  if t == nil then return nil, err end\n"
    "  return unpack(t, 1, t.n)\n"
    "end\n"
    "function gifd.catch(fn, ...) return caught(pcall(fn, ...)) end\n"
    "if not all then return {} end\n"
    "function inner.arrive(handle, index, method, path, target, host, id, client_ip, scheme, host_told, has_body,\n"
    "    params, query, headers, content_length, asker, counted)\n"
    "  return handle(index, { method = method, path = path, target = target, host = host, id = id,\n"
    "    client_ip = client_ip, scheme = scheme, host_told = host_told, has_body = has_body, params = params,\n"
    "    query = query, headers = headers, content_length = content_length, asker = asker, counted = counted })\n"
    "end\n"
    "function gifd.plugin.call(plugin, what, fn, ...)\n"
    "  return leave(pcall(fn, enter(plugin, what, ...)))\n"
    "end\n"
    "function gifd.plugin.give(plugin, what, fn, ctx, value)\n"
    "  return leave(pcall(fn, enter(plugin, what, ctx), value))\n"
    "end\n"
    "function gifd.all(...) return spread(all(...)) end\n"
    "function gifd.any(...) return spread(any(...)) end\n"
    "function gifd.time.deadline(...) return spread(deadline(...)) end\n"
    "return { wait = function(handle) return spread(wait(handle)) end, cancel = inner.cancel }, inner.arrive\n";

static void account(struct gen *g, size_t old, size_t n)
{
    g->memory += n - old;
    if (!g->call) return;
    g->call->taken += (ptrdiff_t)(n - old);
    g->call->plugin->memory += (ptrdiff_t)(n - old);
}

static void *allocate(void *ud, void *p, size_t old, size_t n)
{
    struct gen *g = ud;
    if (!p) old = 0; /* it says what kind of object is wanted */
    if (n > old && g->memory + (n - old) > g->memory_max) return NULL;
    if (n > old && g->call && !budget_admits(g, n - old)) return NULL;
    void *q = slab_resize(&g->slab, p, old, n);
    if (q || n == 0) account(g, old, n);
    return q;
}

static int on_panic(lua_State *L)
{
    log_at(LOG_CRITICAL, "script.panic", LS("error", lua_tostring(L, -1)));
    abort();
}

struct gen *gen_of(lua_State *L)
{
    void *g;
    lua_getallocf(L, &g);
    return g;
}

/* ---- protected entry ---- */

static int door_call(lua_State *L)
{
    struct door *d = gen_of(L)->door;
    d->fn(L, d->arg);
    return 0;
}

int gen_protect(struct gen *g, gen_fn fn, void *arg, struct err *e)
{
    struct door here = {fn, arg}, *outer = g->door;
    lua_State *L = g->L;
    int top = lua_gettop(L), rc = GIFD_OK;
    g->door = &here;
    lua_rawgeti(L, LUA_REGISTRYINDEX, g->door_ref);
    int status = lua_pcall(L, 0, 0, 0);
    g->door = outer;
    call_unref(budget_pause(g)); /* a call that was left by an error of the host's */
    if (status) {
        char text[ERR_TEXT_MAX];
        const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        snprintf(text, sizeof text, "%s", message ? message : "an error that is no text");
        rc = err_set(e, status == LUA_ERRMEM ? GIFD_ENOMEM : GIFD_ESCRIPT, "%s", text);
    }
    lua_settop(L, top);
    return rc;
}

static int collect(lua_State *L, void *unused)
{
    (void)unused;
    lua_gc(L, LUA_GCCOLLECT, 0);
    return 0;
}

void gen_collect(struct gen *g)
{
    gen_protect(g, collect, NULL, NULL);
}

/* ---- the strict global table ---- */

static int refuse_write(lua_State *L)
{
    return luaL_error(L, "global \"%s\" may not be written", lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?");
}

static int refuse_read(lua_State *L)
{
    return luaL_error(L, "global \"%s\" does not exist", lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?");
}

static void open_libraries(lua_State *L)
{
    static const struct {
        const char *name;
        lua_CFunction open;
    } libraries[] = {{"", luaopen_base},     {"table", luaopen_table}, {"string", luaopen_string},
                     {"math", luaopen_math}, {"bit", luaopen_bit},     {"jit", luaopen_jit}};
    static const char *const hidden[] = {"coroutine", "jit",      "dofile", "loadfile", "load",    "loadstring",
                                         "module",    "newproxy", "print",  "gcinfo",   "require", "collectgarbage",
                                         "package"};
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        lua_pushcfunction(L, libraries[i].open);
        lua_pushstring(L, libraries[i].name);
        lua_call(L, 1, 0);
    }
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        lua_pushnil(L);
        lua_setglobal(L, hidden[i]);
    }
    lua_getglobal(L, "table");
    sort_install(L);
    lua_pop(L, 1);
    lua_getglobal(L, "string");
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    pattern_install(L);
    lua_pop(L, 1);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
    uint32_t seed;
    crypto_random(&seed, sizeof seed);
    lua_getglobal(L, "math");
    lua_getfield(L, -1, "randomseed");
    lua_pushnumber(L, seed);
    lua_call(L, 1, 0);
    lua_pop(L, 1);
}

static void lock_globals(lua_State *L)
{
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, refuse_write);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, refuse_read);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, LUA_GLOBALSINDEX);
}

/* ---- require ---- */

static char loading; /* its address marks a file that is being loaded */

void gen_require(lua_State *L, const char *name)
{
    char path[256];
    struct gen *g = gen_of(L);
    size_t n = strlen(name);
    if (n == 0 || n > 200 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") != n || strstr(name, ".."))
        luaL_error(L, "require: \"%s\" is no name of a module", name);
    lua_getfield(L, LUA_REGISTRYINDEX, "gifd.loaded");
    lua_getfield(L, -1, name);
    if (lua_touserdata(L, -1) == &loading) luaL_error(L, "require: \"%s\" needs itself", name);
    if (!lua_isnil(L, -1)) {
        lua_remove(L, -2);
        return;
    }
    lua_pop(L, 1);
    size_t at = (size_t)snprintf(path, sizeof path, "lua/");
    for (size_t i = 0; i < n; i++) path[at++] = name[i] == '.' ? '/' : name[i];
    snprintf(path + at, sizeof path - at, ".lua");
    struct slice text;
    bool bytecode = false;
    if (!g->source || !g->source(g, path, &text, &bytecode)) luaL_error(L, "require: there is no %s", path);
    lua_pushlightuserdata(L, &loading);
    lua_setfield(L, -2, name);
    lua_pushfstring(L, "@%s", path);
    const char *chunk = lua_tostring(L, -1);
    if (luaL_loadbufferx(L, text.p, text.n, chunk, bytecode ? "b" : "t")) lua_error(L);
    lua_remove(L, -2);
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name);
    lua_remove(L, -2);
}

static int l_require(lua_State *L)
{
    gen_require(L, luaL_checkstring(L, 1));
    return 1;
}

/* ---- birth ---- */

static int err_tostring(lua_State *L)
{
    char text[1024];
    border_text(L, 1, text, sizeof text);
    lua_pushstring(L, text);
    return 1;
}

static int furnish(lua_State *L)
{
    struct gen *g = gen_of(L);
    const struct binding *const *bindings = lua_touserdata(L, 1);
    lua_settop(L, 0);
    if (!lua_checkstack(L, 256)) return luaL_error(L, "stack");
    lua_pushcfunction(L, door_call);
    g->door_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    open_libraries(L);
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "gifd.loaded");
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, err_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    g->err_mt = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_createtable(L, 0, 1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    g->array_mt = luaL_ref(L, LUA_REGISTRYINDEX);

    lua_newtable(L);
    int gifd = lua_gettop(L);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, gifd, "null");
    for (; *bindings; bindings++) binding_install(L, gifd, *bindings);
    if (luaL_loadbufferx(L, glue, sizeof glue - 1, "=gifd", "t")) lua_error(L);
    lua_pushvalue(L, gifd);
    lua_call(L, 1, 2);
    g->arrive_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_createtable(L, 0, 3);
    lua_insert(L, -2);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, handle_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    g->handle_mt = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushvalue(L, gifd);
    lua_setglobal(L, "gifd");
    lua_pushcfunction(L, l_require);
    lua_setglobal(L, "require");
    lock_globals(L);
    return 0;
}

struct gen *gen_new(struct host *h, const struct binding *const *bindings, enum context context, size_t memory_max,
                    struct err *e)
{
    struct gen *g = calloc(1, sizeof *g);
    if (!g) {
        err_set(e, GIFD_ENOMEM, "generation");
        return NULL;
    }
    g->host = h;
    g->context = context;
    g->refs = 1;
    g->memory_max = memory_max ? memory_max : GEN_MEMORY_MAX;
    slab_init(&g->slab, 2 * g->memory_max);
    list_init(&g->node);
    list_init(&g->tasks);
    list_init(&g->idle);
    arena_init(&g->scratch, GEN_SCRATCH_MAX);
    buf_init(&g->out, VALUE_TEXT_MAX);
    budget_start();
    g->L = lua_newstate(allocate, g);
    if (!g->L) {
        slab_free(&g->slab);
        free(g);
        err_set(e, GIFD_ENOMEM, "Lua state");
        return NULL;
    }
    lua_atpanic(g->L, on_panic);
    if (lua_cpcall(g->L, furnish, (void *)bindings)) {
        const char *text = lua_tostring(g->L, -1);
        err_set(e, GIFD_EINTERNAL, "new Lua state: %s", text ? text : "?");
        gen_close(g);
        return NULL;
    }
    return g;
}

/* ---- loading a bundle ---- */

static bool bundle_source(struct gen *g, const char *path, struct slice *out, bool *bytecode)
{
    *bytecode = true;
    return bundle_find(g->bundle, path, out);
}

/* The route's table lies below its name. */
static void add_limits(lua_State *L, struct gen *g, int id, const char *name)
{
    struct err e = {0};
    lua_getfield(L, -2, "limits");
    if (lua_istable(L, -1)) {
        const struct limit_table *t = g->host && g->host->s.segment ? &g->host->limits : NULL;
        g->limits[id] = limits_read(L, lua_gettop(L), t, name, &e);
        if (!g->limits[id]) luaL_error(L, "limits[\"%s\"]: %s", name, e.text);
    }
    lua_pop(L, 1);
}

static void add_route(lua_State *L, struct gen *g, int id)
{
    struct err e = {0};
    if (!lua_istable(L, -1)) luaL_error(L, "boot: routes[%d] must be a table", id);
    lua_getfield(L, -1, "method");
    lua_getfield(L, -2, "pattern");
    const char *method = lua_tostring(L, -2), *pattern = lua_tostring(L, -1);
    if (!method || !pattern) luaL_error(L, "boot: routes[%d] needs method and pattern", id);
    enum http_method m = HTTP_GET;
    while (m <= HTTP_OPTIONS && strcmp(http_method_name(m), method) != 0) m++;
    if (m > HTTP_OPTIONS) luaL_error(L, "boot: routes[%d]: unknown method %s", id, method);
    if (router_add(g->router, m, pattern, id, &e) < 0) luaL_error(L, "boot: routes[%d]: %s", id, e.text);
    lua_pop(L, 2);
    uint8_t *grown = realloc(g->route_flags, (size_t)id + 1);
    if (grown) g->route_flags = grown;
    struct limits **limits = realloc(g->limits, ((size_t)id + 1) * sizeof *limits);
    if (limits) g->limits = limits;
    char **names = realloc(g->route_names, ((size_t)id + 1) * sizeof *names);
    if (names) g->route_names = names;
    struct meter *meters = realloc(g->meters, ((size_t)id + 1) * sizeof *meters);
    if (meters) g->meters = meters;
    if (!grown || !limits || !names || !meters) luaL_error(L, "not enough memory");
    for (size_t i = g->route_count; i <= (size_t)id; i++) {
        grown[i] = 0, limits[i] = NULL, names[i] = NULL;
        meters[i] = (struct meter){0};
    }
    g->route_count = (size_t)id + 1;
    static const struct {
        const char *name;
        uint8_t flag;
    } flags[] = {{"cache", ROUTE_CACHE},   {"classes", ROUTE_CLASSES}, {"cross", ROUTE_CROSS},
                 {"signed", ROUTE_SIGNED}, {"seldom", ROUTE_SELDOM},   {"intake", ROUTE_INTAKE}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        lua_getfield(L, -1, flags[i].name);
        if (lua_toboolean(L, -1)) grown[id] |= flags[i].flag;
        lua_pop(L, 1);
    }
    const char *name = lua_pushfstring(L, "%s %s", method, pattern);
    names[id] = strdup(name);
    meters[id].route = names[id];
    add_limits(L, g, id, name);
    lua_pop(L, 1);
}

static int boot(lua_State *L, void *arg)
{
    struct gen *g = arg;
    struct slice settings;
    struct err e = {0};
    gen_require(L, "gifd.boot");
    if (!bundle_find(g->bundle, "settings.json", &settings)) luaL_error(L, "bundle: there is no settings.json");
    if (value_decode(L, settings, settings.n, &e) < 0) luaL_error(L, "settings.json: %s", e.text);
    secrets_fill(L, g->host && g->host->s.role && !strcmp(g->host->s.role, "command"));
    gen_fetch_settings(L, &g->fetch);
    gen_span_rules(L, &g->spans);
    lua_call(L, 1, 1);
    if (!lua_istable(L, -1)) luaL_error(L, "boot must return a table");
    lua_getfield(L, -1, "handle");
    if (!lua_isfunction(L, -1)) luaL_error(L, "boot: handle must be a function");
    g->handle_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_getfield(L, -1, "routes");
    if (!lua_istable(L, -1)) luaL_error(L, "boot: routes must be a table");
    for (int i = 1;; i++) {
        lua_rawgeti(L, -1, i);
        if (lua_isnil(L, -1)) break;
        add_route(L, g, i);
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
    lua_getfield(L, -1, "drain");
    g->drain_ms = lua_isnumber(L, -1) ? (uint64_t)(lua_tonumber(L, -1) * 1000) : DRAIN_MS;
    lua_pop(L, 1);
    classes_read(L, "clients", &g->clients);
    lua_getfield(L, -1, "pages");
    g->pages = strdup(lua_isstring(L, -1) ? lua_tostring(L, -1) : "");
    lua_pop(L, 1);
    if (!g->pages) return luaL_error(L, "not enough memory");
    refusals_read(L, &g->refusals);
    intake_read_rules(L, &g->intake);
    g->app_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

/* Code that loads runs once and keeps nearly all that it makes: nothing to compile to machine code, nor to collect. */
static void quick_load(struct gen *g, bool quick)
{
    luaJIT_setmode(g->L, 0, LUAJIT_MODE_ENGINE | (quick ? LUAJIT_MODE_OFF : LUAJIT_MODE_ON));
    lua_gc(g->L, quick ? LUA_GCSTOP : LUA_GCRESTART, 0);
}

int gen_load(struct gen *g, const char *bundle_path, struct err *e)
{
    g->bundle = bundle_open(bundle_path, e);
    if (!g->bundle) return e->code;
    const char *name = strrchr(bundle_path, '/');
    snprintf(g->digest, sizeof g->digest, "%.64s", name ? name + 1 : bundle_path);
    g->digest[strcspn(g->digest, ".")] = 0;
    g->source = bundle_source;
    g->router = router_new();
    if (!g->router) return err_set(e, GIFD_ENOMEM, "router");
    quick_load(g, true);
    int rc = gen_protect(g, boot, g, e);
    quick_load(g, false);
    if (rc == GIFD_OK) g->state = GEN_PREPARED;
    return rc;
}

/* ---- references and the end ---- */

struct gen *gen_ref(struct gen *g)
{
    g->refs++;
    return g;
}

void gen_unref(struct gen *g)
{
    if (--g->refs) return;
    if (g->host) host_gen_drained(g);
    gen_close(g);
}

void gen_close(struct gen *g)
{
    if (!g) return;
    g->slab.ending = true;
    if (g->L) lua_close(g->L);
    slab_free(&g->slab);
    fetch_client_free(g->fetcher);
    fetch_client_free(g->exporter);
    LIST_EACH(n, &g->idle)
    {
        free(LIST_OF(n, struct task, node));
    }
    free(g->plugins);
    router_free(g->router);
    free(g->route_flags);
    free(g->meters);
    classes_free(&g->clients);
    free(g->pages);
    intake_free_rules(&g->intake);
    refusals_free(&g->refusals);
    for (size_t i = 0; i < g->route_count; i++) free(g->limits[i]), free(g->route_names[i]);
    free(g->limits);
    free(g->route_names);
    if (g->bundle) bundle_close(g->bundle);
    arena_free(&g->scratch);
    buf_free(&g->out);
    free(g);
}
