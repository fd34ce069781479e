/* bind_build.c: gifd.build, what lua/gifd/build.lua stands on, in the builder's VM only. */
#include "http/tls.h"
#include "script/border.h"
#include "script/build_int.h"
#include "script/limits.h"
#include "script/secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* The budget of config.lua or a manifest. */
#define RUN_STEP 1000000 /* instructions, */
#define RUN_STEPS 100    /* so many times; */
#define RUN_MS 500       /* processor time, looked at every */
#define RUN_LOOK 16      /* lines; */
#define RUN_MEMORY ((size_t)64 << 20)
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

/* Relative to the folder of config.lua. False: too long. */
static bool beside_config(const struct building *b, const char *path, char *out, size_t cap)
{
    const char *config = b->o->config ? b->o->config : "", *slash = strrchr(config, '/');
    int folder = path[0] == '/' || !slash ? 0 : (int)(slash - config) + 1;
    return (size_t)snprintf(out, cap, "%.*s%s", folder, config, path) < cap;
}

static int l_file(lua_State *L)
{
    char file[2048];
    struct err e = {0};
    struct slice path = border_string(L, 1, "path"), text;
    struct building *b = building_here(L);
    if (!beside_config(b, path.p, file, sizeof file)) return push_fault(L, GIFD_ETOOBIG, "the path is too long");
    if (sources_slurp(b->sources.arena, file, FILE_MAX, &text, &e) < 0) return push_err(L, &e);
    push_slice(L, text);
    return 1;
}

/* That it is there, not what it is. */
static int l_secret(lua_State *L)
{
    static struct secret s;
    char file[2048];
    struct err e = {0};
    struct slice from = border_string(L, 1, "from"), name = border_string(L, 2, "name");
    bool is_file = slice_is(from, "file");
    if (is_file && !beside_config(building_here(L), name.p, file, sizeof file))
        return push_fault(L, GIFD_ETOOBIG, "the path is too long");
    int rc = secret_read(from.p, is_file ? file : name.p, &s, &e);
    explicit_bzero(s.text, s.n);
    if (rc < 0) return push_err(L, &e);
    lua_pushinteger(L, (lua_Integer)s.n);
    lua_pushstring(L, s.stamp);
    lua_pushstring(L, is_file ? file : name.p);
    return 3;
}

static int l_folder(lua_State *L)
{
    char folder[1024];
    struct err e = {0};
    struct slice path = border_string(L, 1, "path");
    struct building *b = building_here(L);
    if (!beside_config(b, path.p, folder, sizeof folder)) return push_fault(L, GIFD_ETOOBIG, "the path is too long");
    if (sources_add(&b->sources, folder, &e) < 0) return push_err(L, &e);
    lua_pushstring(L, folder);
    return 1;
}

/* nil, {file, line, message} from "file:line: message" at the top. The file is the chunk's, by its whole name, which
 * messages may have cut short; where a message has none of its lines, last_line is told. */
static int push_located(lua_State *L, struct slice chunk, int last_line)
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
    push_slice(L, chunk);
    lua_setfield(L, -2, "file");
    const char *place = colon && !strncmp(text, "...", 3) ? text + 3 : text;
    size_t n = colon ? (size_t)(colon - place) : 0;
    bool here = colon && n <= chunk.n && memcmp(chunk.p + chunk.n - n, place, n) == 0;
    if (here || last_line) {
        lua_pushinteger(L, here ? line : last_line);
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

static const struct compiled *note_source(struct building *b, struct slice name, struct slice text)
{
    if (b->compiled_count == BUNDLE_ENTRIES_MAX) return NULL;
    struct compiled *c = &b->compiled[b->compiled_count];
    if (name.n && name.p[0] == '@') name = slice_of(name.p + 1, name.n - 1);
    c->name = arena_strndup(b->sources.arena, name.p, name.n);
    sha256_of(text.p, text.n, c->digest);
    if (!c->name) return NULL;
    b->compiled_count++;
    return c;
}

static int l_compile(lua_State *L)
{
    struct gen *g = gen_of(L);
    struct building *b = building_here(L);
    struct slice text = border_string(L, 1, "text"), name = border_string(L, 2, "chunkname"), made;
    const struct compiled *c = note_source(b, name, text);
    if (c && build__has_bytecode(b, c->name, c->digest, &made)) {
        push_slice(L, made);
        return 1;
    }
    if (luaL_loadbufferx(L, text.p, text.n, name.p, "t")) return push_located(L, name, 0);
    buf_reset(&g->out);
    if (!c || lua_dump(L, append, &g->out)) border_throw(L, "%s is too large", name.p);
    push_slice(L, buf_slice(&g->out));
    return 1;
}

static uint64_t processor_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Ends a run that goes on for ever, however few instructions it takes; raised again at every line. */
static void on_step(lua_State *L, lua_Debug *at)
{
    struct building *b = building_here(L);
    struct run *r = &b->run;
    if (at->event == LUA_HOOKLINE) r->line = at->currentline;
    r->steps += at->event == LUA_HOOKCOUNT;
    if (++r->hooks % RUN_LOOK == 0) r->late = r->late || processor_ms() > r->until_ms;
    if (r->steps <= RUN_STEPS && !r->late) return;
    lua_getinfo(L, "Sl", at);
    lua_pushfstring(L, "%s:%d: runs too long: data is written down, not computed for seconds", at->short_src,
                    at->currentline);
    lua_error(L);
}

static int l_run(lua_State *L)
{
    struct gen *g = gen_of(L);
    struct building *b = building_here(L);
    struct slice text = border_string(L, 1, "text"), name = border_string(L, 2, "chunkname");
    border_table(L, 3, "env");
    lua_pushfstring(L, "%s%s", name.p[0] == '@' || name.p[0] == '=' ? "" : "@", name.p);
    if (luaL_loadbufferx(L, text.p, text.n, lua_tostring(L, -1), "t")) return push_located(L, name, 0);
    lua_pushvalue(L, 3);
    lua_setfenv(L, -2);
    size_t memory_max = g->memory_max;
    if (memory_max > g->memory + RUN_MEMORY) g->memory_max = g->memory + RUN_MEMORY;
    b->run = (struct run){.until_ms = processor_ms() + RUN_MS};
    lua_sethook(L, on_step, LUA_MASKCOUNT | LUA_MASKLINE, RUN_STEP);
    int status = lua_pcall(L, 0, 1, 0);
    lua_sethook(L, NULL, 0, 0);
    g->memory_max = memory_max;
    if (!status) return 1;
    if (status == LUA_ERRMEM) {
        lua_settop(L, 0);
        lua_gc(L, LUA_GCCOLLECT, 0);
        lua_pushfstring(L, "takes more than %d MiB of memory", (int)(RUN_MEMORY >> 20));
    }
    return push_located(L, name, b->run.line);
}

/* Names in the bundle of links that were passed over, and what they are. */
static int l_links(lua_State *L)
{
    const struct sources *s = &building_here(L)->sources;
    lua_createtable(L, (int)s->link_count, 0);
    for (size_t i = 0; i < s->link_count; i++) {
        lua_createtable(L, 0, 2);
        lua_pushstring(L, s->links[i].path);
        lua_setfield(L, -2, "path");
        lua_pushstring(L, s->links[i].origin);
        lua_setfield(L, -2, "file");
        lua_rawseti(L, -2, (int)i + 1);
    }
    return 1;
}

static bool take_path(lua_State *L, const char *field, bool beside, char *out)
{
    lua_getfield(L, 1, field);
    const char *given = lua_tostring(L, -1);
    bool fits = !given || (beside ? beside_config(building_here(L), given, out, TLS_PATH_LEN)
                                  : snprintf(out, TLS_PATH_LEN, "%s", given) < TLS_PATH_LEN);
    lua_pop(L, 1);
    return fits;
}

static int bad_pair(lua_State *L, const char *message, const char *field)
{
    lua_pushnil(L);
    lua_pushstring(L, message);
    lua_pushstring(L, field);
    return 3;
}

/* A start goes on with a certificate that has expired: refused, it would take everything else down too. */
static int l_pair(lua_State *L)
{
    const struct build_options *o = building_here(L)->o;
    struct tls_pair pair = {0}, alone;
    struct tls_facts facts;
    struct err e = {0};
    border_table(L, 1, "pair");
    lua_getfield(L, 1, "key_in_env");
    pair.key_in_env = lua_toboolean(L, -1);
    if (!take_path(L, "cert", true, pair.cert)) return bad_pair(L, "a path that is too long", "cert");
    if (!take_path(L, "key", !pair.key_in_env, pair.key)) return bad_pair(L, "a path that is too long", "key");
    if (!take_path(L, "staple", true, pair.staple)) return bad_pair(L, "a path that is too long", "staple");
    alone = pair;
    alone.key[0] = 0;
    if (tls_pair_look(&alone, &facts, &e) < 0) return bad_pair(L, e.text, "cert");
    bool starts = o->out_dir && !o->live;
    if (!starts && tls_facts_now(&facts, pair.cert, &e) < 0) return bad_pair(L, e.text, "cert");
    if (tls_pair_look(&pair, &facts, &e) < 0) return bad_pair(L, e.text, "key");
    lua_createtable(L, 0, 3);
    lua_pushstring(L, pair.cert);
    lua_setfield(L, -2, "cert");
    lua_pushstring(L, pair.key);
    lua_setfield(L, -2, "key");
    if (pair.staple[0]) lua_pushstring(L, pair.staple), lua_setfield(L, -2, "staple");
    return 1;
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
    {"gifd.build.files", l_files, CTX_BUILD, "files(prefix: string) -> paths: string[] -- the sources below it"},
    {"gifd.build.read", l_read, CTX_BUILD, "read(path: string) -> text: string | nil, err -- a source"},
    {"gifd.build.origin", l_origin, CTX_BUILD, "origin(path: string) -> file?: string -- where a source comes from"},
    {"gifd.build.config", l_config, CTX_BUILD,
     "config() -> text?: string, file?: string -- config.lua, if there is one"},
    {"gifd.build.env", l_env, CTX_BUILD, "env(name: string) -> text?: string -- a variable of the environment"},
    {"gifd.build.secret", l_secret, CTX_BUILD,
     "secret(from: string, name: string) -> length: integer, stamp: string, whole_name: string | nil, err -- a "
     "secret that config.lua names, without its text"},
    {"gifd.build.links", l_links, CTX_BUILD,
     "links() -> links: {path: string, file: string}[] -- links among the sources, which are not followed"},
    {"gifd.build.file", l_file, CTX_BUILD,
     "file(path: string) -> text: string | nil, err -- a file that config.lua names"},
    {"gifd.build.folder", l_folder, CTX_BUILD,
     "folder(path: string) -> path: string | nil, err -- adds a folder of plugins above all others; its whole path"},
    {"gifd.build.compile", l_compile, CTX_BUILD,
     "compile(text: string, chunkname: string) -> bytecode?: string, fault?: {file: string, line: integer, message: "
     "string} -- text to bytecode"},
    {"gifd.build.run", l_run, CTX_BUILD,
     "run(text: string, chunkname: string, env: table) -> value: any, fault?: {file: string, line: integer, "
     "message: string} -- runs text that is data"},
    {"gifd.build.limit", l_limit, CTX_BUILD,
     "limit(policies: table) -> ok?: true, message?: string -- can C count by these policies of a route?"},
    {"gifd.build.pair", l_pair, CTX_BUILD,
     "pair(pair: {cert: string, key: string, staple?: string, key_in_env?: boolean}) -> whole?: {cert: string, key: "
     "string, staple?: string}, message?: string, field?: string -- a certificate and its key, held against each "
     "other; "
     "their whole paths"},
    {NULL, NULL, 0, NULL},
};
