/* build.c: see build.h. What to build and what to refuse is said by lua/gifd/build.lua; here are its VM and the file.
 *
 *   sources -> VM (require "gifd.build") -> { settings, put } -> sorted entries, digest, checksum -> DIR/DIGEST.gen
 *                                       \-> { faults }        -> JSON and text */
#include "base/json.h"
#include "script/build.h"
#include "script/build_int.h"
#include "script/rehearsal.h"
#include "script/value.h"

#include <luajit.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BUILD_ARENA_MAX ((size_t)256 << 20)
#define CONFIG_MAX ((size_t)1 << 20)
#define AGAIN_MAX 5 /* builds while files change under our eyes */
#define AGAIN_MS 30
#define SOURCE_KEY "sha256/" /* before the name of an entry that is bytecode */
#define BOOT_PART "\n"       /* lua/gifd/boot.lua: between the errors of several plugins, each of which is a line */

static const struct binding *const bindings[] = {bind_build, bind_crypto, bind_err,  bind_json,
                                                 bind_log,   bind_text,   bind_time, NULL};

static const char *keep(struct building *b, struct slice s)
{
    return arena_strndup(&b->result->arena, s.p ? s.p : "", s.n);
}

bool build__has_bytecode(const struct building *b, const char *name, const uint8_t digest[SHA256_LEN],
                         struct slice *out)
{
    char key[512];
    struct slice was;
    return b->live && (size_t)snprintf(key, sizeof key, SOURCE_KEY "%s", name) < sizeof key &&
           bundle_find(b->live, key, &was) && was.n == SHA256_LEN && !memcmp(was.p, digest, SHA256_LEN) &&
           bundle_find(b->live, name, out);
}

static bool read_source(struct gen *g, const char *path, struct slice *out, bool *bytecode)
{
    uint8_t digest[SHA256_LEN];
    struct building *b = g->source_arg;
    struct source *f = sources_find(&b->sources, path);
    if (!f || sources_read(&b->sources, f, NULL) < 0) return false;
    if (b->live) sha256_of(f->text.p, f->text.n, digest);
    *bytecode = b->live && build__has_bytecode(b, path, digest, out);
    if (!*bytecode) *out = f->text;
    return true;
}

/* ---- refused ---- */

static void add_text(lua_State *L, const char *field, const char *before, const char *after, struct buf *out)
{
    lua_getfield(L, -1, field);
    const char *s = lua_isnil(L, -1) || lua_islightuserdata(L, -1) ? NULL : lua_tostring(L, -1);
    if (s && *s) buf_printf(out, NULL, "%s%s%s", before, s, after);
    lua_pop(L, 1);
}

static void keep_faults(lua_State *L, struct building *b)
{
    struct err e = {0};
    struct buf *out = &b->g->out;
    int faults = lua_gettop(L);
    buf_reset(out);
    if (value_encode(L, faults, out, &e) < 0) luaL_error(L, "faults: %s", e.text);
    b->result->faults = keep(b, buf_slice(out));
    buf_reset(out);
    for (size_t i = 1; i <= lua_objlen(L, faults); i++) {
        lua_rawgeti(L, faults, (int)i);
        if (i > 1) buf_puts(out, "\n", NULL);
        add_text(L, "file", "", ":", out);
        add_text(L, "line", "", ":", out);
        if (out->n && out->p[out->n - 1] == ':') buf_puts(out, " ", NULL);
        add_text(L, "path", "", ": ", out);
        add_text(L, "message", "", "", out);
        add_text(L, "nearest", " (did you mean ", "?)", out);
        lua_pop(L, 1);
    }
    b->result->text = keep(b, buf_slice(out));
}

/* ---- accepted ---- */

static void put_entry(lua_State *L, struct building *b, const char *name, struct slice bytes)
{
    if (b->put_count == BUNDLE_ENTRIES_MAX) luaL_error(L, "more than %d entries", BUNDLE_ENTRIES_MAX);
    char *copy = arena_alloc(&b->result->arena, bytes.n + 1);
    const char *own = keep(b, slice_str(name));
    if (!copy || !own) luaL_error(L, "not enough memory");
    memcpy(copy, bytes.p, bytes.n);
    b->put[b->put_count++] = (struct bundle_put){own, slice_of(copy, bytes.n)};
}

static void keep_put(lua_State *L, struct building *b)
{
    struct err e = {0};
    int result = lua_gettop(L);
    lua_getfield(L, result, "put");
    for (size_t i = 1; lua_istable(L, -1) && i <= lua_objlen(L, -1); i++) {
        struct slice bytes;
        lua_rawgeti(L, -1, (int)i);
        if (!lua_istable(L, -1)) luaL_error(L, "put[%d] must be a table", (int)i);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "put[%d] must be {name, bytes}", (int)i);
        bytes.p = lua_tolstring(L, -1, &bytes.n);
        put_entry(L, b, lua_tostring(L, -2), bytes);
        lua_pop(L, 3);
    }
    lua_settop(L, result);
    for (size_t i = 0; i < b->compiled_count; i++)
        put_entry(L, b, lua_pushfstring(L, SOURCE_KEY "%s", b->compiled[i].name),
                  slice_of((const char *)b->compiled[i].digest, SHA256_LEN));
    lua_settop(L, result);
    lua_getfield(L, result, "settings");
    buf_reset(&b->g->out);
    if (value_encode(L, -1, &b->g->out, &e) < 0) luaL_error(L, "settings: %s", e.text);
    put_entry(L, b, "settings.json", buf_slice(&b->g->out));
    b->result->settings = keep(b, buf_slice(&b->g->out));
}

static int run_build(lua_State *L, void *arg)
{
    struct building *b = arg;
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    gen_require(L, "gifd.build");
    if (!lua_isfunction(L, -1)) luaL_error(L, "gifd.build must return a function");
    lua_pushboolean(L, b->o->sources);
    lua_call(L, 1, 1);
    if (!lua_istable(L, -1)) luaL_error(L, "gifd.build must give a table");
    lua_getfield(L, -1, "faults");
    if (lua_istable(L, -1)) {
        keep_faults(L, b);
        return 0;
    }
    lua_pop(L, 1);
    keep_put(L, b);
    b->result->ok = true;
    return 0;
}

/* ---- the digest: over sources, so that it does not depend on how bytecode happens to be laid out ---- */

static const uint8_t *source_digest(const struct building *b, const char *name)
{
    for (size_t i = 0; i < b->compiled_count; i++)
        if (strcmp(b->compiled[i].name, name) == 0) return b->compiled[i].digest;
    return NULL;
}

static int name_digest(struct building *b, struct err *e)
{
    uint8_t own[SHA256_LEN];
    struct sha256 *d = sha256_new();
    if (!d) return err_set(e, GIFD_ENOMEM, "digest");
    sha256_update(d, LUAJIT_VERSION, sizeof LUAJIT_VERSION);
    for (size_t i = 0; i < b->put_count; i++) {
        const uint8_t *from = source_digest(b, b->put[i].name);
        if (!from) {
            sha256_of(b->put[i].bytes.p, b->put[i].bytes.n, own);
            from = own;
        }
        sha256_update(d, b->put[i].name, strlen(b->put[i].name) + 1);
        sha256_update(d, from, SHA256_LEN);
    }
    sha256_final(d, own);
    sha256_free(d);
    hex_encode(own, sizeof own, b->result->digest);
    return GIFD_OK;
}

/* ---- a fault without a place gets one: "plugin NAME: ..." is in its init.lua, at what it quotes ---- */

static unsigned line_of(struct slice text, struct slice word)
{
    unsigned line = 1;
    for (size_t i = 0; word.n && i + word.n <= text.n; i++) {
        if (text.p[i] == '\n') line++;
        if (memcmp(text.p + i, word.p, word.n) == 0) return line;
    }
    return 1;
}

static struct slice quoted(const char *message)
{
    const char *from = strchr(message, '"'), *to = from ? strchr(from + 1, '"') : NULL;
    return to ? slice_of(from + 1, (size_t)(to - from - 1)) : slice_of("", 0);
}

/* The first "plugins/x/init.lua:3" in a text. */
static struct source *find_place(struct building *b, const char *text, const char **end, unsigned *line)
{
    char path[512];
    int n;
    for (const char *p = text; (p = strpbrk(p, "lp")); p++) {
        n = 0;
        if (p > text && p[-1] != ' ') continue;
        if (sscanf(p, "%511[^: ]:%u%n", path, line, &n) != 2 || !n) continue;
        struct source *file = sources_find(&b->sources, path);
        *end = p + n;
        if (file) return file;
    }
    return NULL;
}

/* What went wrong while loading -> the message, its file (NULL when it is of none) and line. */
static const char *split_place(struct building *b, const char *text, struct source **file, unsigned *line)
{
    char path[512], plugin[80];
    const char *end = text;
    *line = 0;
    *file = find_place(b, text, &end, line);
    if (*file) return !strncmp(end, ": ", 2) ? end + 2 : text;
    if (sscanf(text, "plugins %64[a-z0-9-] and", plugin) != 1 && sscanf(text, "plugin %64[a-z0-9-]:", plugin) != 1)
        return text;
    snprintf(path, sizeof path, "plugins/%s/init.lua", plugin);
    *file = sources_find(&b->sources, path);
    *line = *file && sources_read(&b->sources, *file, NULL) == GIFD_OK ? line_of((*file)->text, quoted(text)) : 1;
    return text;
}

/* ---- faults found by C, told as keep_faults tells those of Lua ---- */

struct telling {
    struct building *b;
    struct buf json, text;
    struct json_writer w;
};

static void telling_begin(struct telling *t, struct building *b)
{
    t->b = b;
    buf_init(&t->json, 1 << 20);
    buf_init(&t->text, 1 << 20);
    json_write_begin(&t->w, &t->json, NULL);
    json_write_array(&t->w);
}

static void telling_add(struct telling *t, const char *file, unsigned line, struct slice message)
{
    json_write_object(&t->w);
    json_write_key(&t->w, SLICE("file"));
    json_write_string(&t->w, slice_str(file));
    json_write_key(&t->w, SLICE("line"));
    if (line)
        json_write_int(&t->w, line);
    else
        json_write_null(&t->w);
    json_write_key(&t->w, SLICE("path"));
    json_write_null(&t->w);
    json_write_key(&t->w, SLICE("message"));
    json_write_string(&t->w, message);
    json_write_key(&t->w, SLICE("nearest"));
    json_write_null(&t->w);
    json_write_object_end(&t->w);
    buf_printf(&t->text, NULL, "%s:", file);
    if (line) buf_printf(&t->text, NULL, "%u:", line);
    buf_printf(&t->text, NULL, " %.*s\n", (int)message.n, message.p);
}

static void telling_end(struct telling *t)
{
    json_write_array_end(&t->w);
    json_write_end(&t->w);
    t->b->result->faults = keep(t->b, buf_slice(&t->json));
    t->b->result->text = keep(t->b, buf_slice(&t->text));
    t->b->result->ok = false;
    buf_free(&t->json);
    buf_free(&t->text);
}

static void keep_fault(struct building *b, const char *file, unsigned line, const char *message)
{
    struct telling t;
    telling_begin(&t, b);
    telling_add(&t, file, line, slice_str(message));
    telling_end(&t);
}

/* What the rehearsal refused: one fault for each plugin that did not load (boot.lua parts them by PART). */
static void keep_refusal(struct building *b, char *text)
{
    struct telling t;
    telling_begin(&t, b);
    for (char *rest = text, *one; (one = strsep(&rest, BOOT_PART));) {
        struct source *file;
        unsigned line;
        const char *message = split_place(b, one, &file, &line);
        const char *name = file ? file->origin : b->o->config ? b->o->config : "";
        telling_add(&t, name, line, slice_str(message));
    }
    telling_end(&t);
}

static int try_bundle(struct building *b, struct slice bytes, struct err *e)
{
    struct err why = {0};
    int rc = rehearse(bytes, &b->result->checks, &why);
    if (rc != GIFD_ESCRIPT && rc != GIFD_ENOMEM) return rc < 0 ? err_set(e, rc, "%s", why.text) : GIFD_OK;
    keep_refusal(b, why.text);
    return GIFD_OK;
}

static bool is_live(const struct building *b)
{
    const char *slash = b->live ? strrchr(b->o->live, '/') : NULL, *name = slash ? slash + 1 : b->o->live;
    size_t n = strlen(b->result->digest);
    return b->live && !strncmp(name, b->result->digest, n) && !strcmp(name + n, ".gen");
}

static int write_bundle(struct building *b, struct err *e)
{
    char path[1100];
    struct buf out;
    buf_init(&out, BUNDLE_MAX);
    int rc = bundle__encode(b->put, b->put_count, &out, e);
    if (rc == GIFD_OK) rc = name_digest(b, e);
    bool live = rc == GIFD_OK && is_live(b);
    if (live) {
        b->result->checks = true; /* nobody has looked */
        b->result->bundle = keep(b, slice_str(b->o->live));
    } else if (rc == GIFD_OK) {
        rc = try_bundle(b, buf_slice(&out), e);
    }
    if (rc == GIFD_OK && !live && b->result->ok && b->o->out_dir) {
        rc = bundle__write(b->o->out_dir, b->result->digest, buf_slice(&out), path, sizeof path, e);
        if (rc == GIFD_OK) b->result->bundle = keep(b, slice_str(path));
    }
    buf_free(&out);
    return rc;
}

/* ---- all of it ---- */

static int begin(struct building *b, struct err *e)
{
    struct arena *a = &b->result->arena;
    b->compiled = arena_alloc(a, BUNDLE_ENTRIES_MAX * sizeof *b->compiled);
    b->put = arena_alloc(a, BUNDLE_ENTRIES_MAX * sizeof *b->put);
    if (!b->compiled || !b->put) return err_set(e, GIFD_ENOMEM, "build");
    int rc = sources_collect(&b->sources, a, b->o, e);
    if (rc < 0) return rc;
    b->g = gen_new(NULL, bindings, CTX_BUILD, 0, e);
    if (!b->g) return e->code;
    b->live = b->o->live ? bundle_open(b->o->live, NULL) : NULL;
    b->g->source = read_source;
    b->g->source_arg = b;
    return GIFD_OK;
}

/* The configuration, when there is one to read. False: it cannot be read, which is a fault. */
static bool read_config(struct building *b)
{
    struct err e = {0};
    if (!b->o->config || sources_slurp(&b->result->arena, b->o->config, CONFIG_MAX, &b->config, &e) == GIFD_OK)
        return true;
    keep_fault(b, b->o->config, 0, e.text);
    return false;
}

static int begin_result(struct building *b, struct err *e)
{
    *b->result = (struct build_result){.settings = "", .faults = "[]", .text = "", .said = ""};
    arena_init(&b->result->arena, BUILD_ARENA_MAX);
    return begin(b, e);
}

/* moved: what was read has changed meanwhile, so that what was made of it may be half of this and half of that. */
static int build_once(const struct build_options *o, struct build_result *out, const char **moved, bool last,
                      struct err *e)
{
    struct building b = {.o = o, .result = out};
    int rc = begin_result(&b, e);
    if (rc == GIFD_OK && read_config(&b)) rc = gen_protect(b.g, run_build, &b, e);
    if (rc == GIFD_OK && out->ok) rc = write_bundle(&b, e);
    if (rc < 0) out->ok = false;
    *moved = b.sources.list ? sources_moved(&b.sources) : NULL;
    if (*moved && last) keep_fault(&b, *moved, 0, "changes all the time while it is read; try again when it is whole");
    gen_close(b.g);
    bundle_close(b.live);
    return rc;
}

int build_generation(const struct build_options *o, struct build_result *out, struct err *e)
{
    struct err own = {0};
    const char *moved;
    if (!e) e = &own;
    int rc = build_once(o, out, &moved, false, e);
    for (int again = 1; moved && again <= AGAIN_MAX; again++) {
        build_result_free(out);
        usleep(AGAIN_MS * 1000);
        *e = (struct err){0};
        rc = build_once(o, out, &moved, again == AGAIN_MAX, e);
    }
    return rc;
}

/* ---- a question about the configuration ---- */

struct question {
    struct building *b;
    int argc;
    char **argv;
};

static int run_question(lua_State *L, void *arg)
{
    struct question *q = arg;
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    gen_require(L, "gifd.build.ask");
    lua_createtable(L, q->argc, 0);
    for (int i = 0; i < q->argc; i++) {
        lua_pushstring(L, q->argv[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_call(L, 1, 3);
    if (lua_istable(L, -1)) {
        keep_faults(L, q->b);
        return 0;
    }
    q->b->result->ok = true;
    q->b->result->code = (int)lua_tointeger(L, -3);
    q->b->result->said = keep(q->b, slice_str(lua_isstring(L, -2) ? lua_tostring(L, -2) : ""));
    return 0;
}

int build_ask(const struct build_options *o, int argc, char **argv, struct build_result *out, struct err *e)
{
    struct err own = {0};
    struct building b = {.o = o, .result = out};
    if (!e) e = &own;
    int rc = begin_result(&b, e);
    if (rc == GIFD_OK && read_config(&b)) rc = gen_protect(b.g, run_question, &(struct question){&b, argc, argv}, e);
    gen_close(b.g);
    bundle_close(b.live);
    return rc;
}

void build_result_free(struct build_result *r)
{
    arena_free(&r->arena);
    *r = (struct build_result){0};
}
