/* build_test.c: from files to a bundle, and every way to be refused. */
#include "script/rig_int.h"

static const char small_build[] =
    "return function()\n"
    "  local faults, put = {}, {}\n"
    "  local text, name = gifd.build.config()\n"
    "  local settings = {}\n"
    "  if text then\n"
    "    local value, err = gifd.build.run(text, name, { env = gifd.build.env, file = function(p) return "
    "(gifd.build.file(p)) end })\n"
    "    if err then faults[1] = { file = err.file, line = err.line, message = err.message }\n"
    "    elseif value.bogus then faults[1] = { file = name, line = 3, path = 'limits.bogus', message = 'unknown key', "
    "nearest = 'bytes' }\n"
    "    else settings = value end\n"
    "  end\n"
    "  for _, path in ipairs(gifd.build.files('')) do\n"
    "    local source = gifd.build.read(path)\n"
    "    if path:match('%.lua$') then\n"
    "      local code, err = gifd.build.compile(source, '@' .. path)\n"
    "      if code then put[#put + 1] = { path, code }\n"
    "      else faults[#faults + 1] = { file = gifd.build.origin(path), line = err.line, message = err.message } end\n"
    "    else put[#put + 1] = { path, source } end\n"
    "  end\n"
    "  if #faults > 0 then return { faults = faults } end\n"
    "  return { settings = settings, put = put }\n"
    "end\n";

static char dir[64];

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    for (char *slash = path + strlen(dir) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        mkdir(path, 0700);
    }
    FILE *f = fopen(path, "w");
    CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static const char *below(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, 256, "%s/%s", dir, name);
    return path;
}

static void begin(void)
{
    strcpy(dir, "/tmp/gifd-build-XXXXXX");
    CHECK(mkdtemp(dir));
    write_file("lua/gifd/build.lua", small_build);
    write_file("lua/gifd/boot.lua", "return function(s) return { handle = function() end, routes = {} } end");
    write_file("lua/gifd/sql/0001_cats.sql", "CREATE TABLE cats(id);");
    write_file("lua/gifd/sql/0002_dogs.sql", "CREATE TABLE dogs(id);");
    write_file("plugins/shy/plugin.lua", "return { name = 'shy' }");
    write_file("plugins/shy/old.txt", "old");
}

static void end(struct build_result *r)
{
    char command[128];
    build_result_free(r);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    CHECK(system(command) == 0);
}

static void build(struct build_result *r, const char *config, const char *const *plugin_dirs)
{
    struct err e = {0};
    char root[64], out[128];
    strcpy(root, dir);
    snprintf(out, sizeof out, "%s/generations", dir);
    struct build_options o = {.root = root, .config = config, .plugin_dirs = plugin_dirs, .out_dir = out};
    int rc = build_generation(&o, r, &e);
    if (rc < 0) fprintf(stderr, "build: %s\n", e.text);
    CHECK(rc == GIFD_OK);
}

TEST(the_same_sources_give_the_same_digest_and_other_ones_another)
{
    struct build_result r, again;
    begin();
    write_file("config.lua", "return { b = { 2, 1 }, a = 'x' }");
    build(&r, below("config.lua"), NULL);
    CHECK(r.ok && strlen(r.digest) == 64 && strstr(r.bundle, r.digest));
    CHECK_STR(r.settings, "{\"a\":\"x\",\"b\":[2,1]}");
    for (int i = 0; i < 5; i++) {
        build(&again, below("config.lua"), NULL);
        CHECK_STR(again.digest, r.digest);
        build_result_free(&again);
    }
    write_file("lua/gifd/boot.lua", "return function(s) return  { handle = function() end, routes = {} } end");
    build(&again, below("config.lua"), NULL);
    CHECK(again.ok && strcmp(again.digest, r.digest) != 0);
    build_result_free(&again);
    end(&r);
}

static int count_entry(void *n, const char *name, struct slice bytes)
{
    (void)name;
    (void)bytes;
    ++*(int *)n;
    return 0;
}

TEST(a_bundle_has_what_was_put_and_the_migrations_in_order)
{
    struct build_result r;
    struct err e = {0};
    struct slice bytes;
    struct migration *m;
    int n = 0;
    begin();
    build(&r, NULL, NULL);
    CHECK(r.ok);
    struct bundle *b = bundle_open(r.bundle, &e);
    CHECK(b);
    CHECK(bundle_find(b, "plugins/shy/old.txt", &bytes) && slice_is(bytes, "old"));
    CHECK(bundle_find(b, "settings.json", &bytes) && slice_is(bytes, "{}"));
    CHECK(bundle_find(b, "lua/gifd/boot.lua", &bytes) && bytes.p[0] == 27);
    CHECK(bundle_each(b, "plugins/", count_entry, &n) == 0 && n == 2);
    struct arena arena;
    arena_init(&arena, 1 << 16);
    CHECK(bundle_migrations(b, "lua/gifd/sql/", &arena, &m) == 2);
    CHECK_STR(m[0].name, "0001_cats");
    CHECK(slice_is(m[1].sql, "CREATE TABLE dogs(id);"));
    arena_free(&arena);
    bundle_close(b);
    end(&r);
}

static void refused(const char *config, const char *want)
{
    struct build_result r;
    write_file("config.lua", config);
    build(&r, below("config.lua"), NULL);
    CHECK(!r.ok && !r.bundle);
    if (!strstr(r.text, want)) fprintf(stderr, "got: %s\n", r.text);
    CHECK(strstr(r.text, want));
    CHECK(strstr(r.faults, "\"file\":"));
    build_result_free(&r);
}

TEST(a_refusal_names_file_and_line)
{
    struct build_result r;
    begin();
    refused("return {\n  a = 1,\n  b = = 2,\n}", "config.lua:3: unexpected symbol near '='");
    refused("local x\nreturn x.y", "config.lua:2: attempt to index local 'x'");
    refused("\nreturn { bogus = 1 }", "config.lua:3: limits.bogus: unknown key (did you mean bytes?)");
    refused("while true do end", "config.lua:1: runs too long");
    refused("local s = ('x'):rep(2^20) while true do s = s .. s end", "config.lua:1: takes more than 64 MiB");
    refused("return os.time()", "config.lua:1: attempt to index global 'os'");
    refused("\27LJ", "config.lua");
    CHECK(access(below("generations"), F_OK) != 0);
    write_file("config.lua", "return {}");
    write_file("lua/gifd/flow.lua", "local a = 1\nlocal b = = 2\n");
    build(&r, below("config.lua"), NULL);
    CHECK(!r.ok && strstr(r.text, "lua/gifd/flow.lua:2: unexpected symbol near '='"));
    build_result_free(&r);
    build(&r, below("none.lua"), NULL);
    CHECK(!r.ok && strstr(r.text, "none.lua"));
    end(&r);
}

TEST(config_may_read_files_beside_it_and_the_environment)
{
    struct build_result r;
    begin();
    write_file("conf/key.txt", "k3y");
    write_file("conf/config.lua",
               "return { key = file('key.txt'), none = file('missing') == nil, home = env('GIFD_TEST_X') }");
    setenv("GIFD_TEST_X", "here", 1);
    build(&r, below("conf/config.lua"), NULL);
    CHECK(r.ok);
    CHECK_STR(r.settings, "{\"home\":\"here\",\"key\":\"k3y\",\"none\":true}");
    end(&r);
}

TEST(an_operators_plugin_replaces_a_bundled_one_whole)
{
    struct build_result r;
    struct err e = {0};
    struct slice bytes;
    begin();
    write_file("mine/shy/plugin.lua", "return { name = 'shy', version = 2 }");
    write_file("mine/bold/plugin.lua", "return {}");
    char mine[256];
    strcpy(mine, below("mine"));
    const char *dirs[] = {mine, NULL};
    build(&r, NULL, dirs);
    CHECK(r.ok);
    struct bundle *b = bundle_open(r.bundle, &e);
    CHECK(b && bundle_find(b, "plugins/bold/plugin.lua", &bytes) && !bundle_find(b, "plugins/shy/old.txt", &bytes));
    bundle_close(b);
    end(&r);
}

TEST(embedded_files_build_the_same_and_check_only_writes_nothing)
{
    struct build_result r, embedded;
    struct err e = {0};
    begin();
    build(&r, NULL, NULL);
    static const char boot[] = "return function(s) return { handle = function() end, routes = {} } end",
                      cats[] = "CREATE TABLE cats(id);", dogs[] = "CREATE TABLE dogs(id);",
                      plugin[] = "return { name = 'shy' }";
#define EMBED(path, text)                                                                                              \
    {                                                                                                                  \
        path, (const unsigned char *)(text), sizeof(text) - 1                                                          \
    }
    const struct embedded_file files[] = {EMBED("lua/gifd/build.lua", small_build),
                                          EMBED("lua/gifd/boot.lua", boot),
                                          EMBED("lua/gifd/sql/0001_cats.sql", cats),
                                          EMBED("lua/gifd/sql/0002_dogs.sql", dogs),
                                          EMBED("plugins/shy/plugin.lua", plugin),
                                          EMBED("plugins/shy/old.txt", "old"),
                                          {NULL, NULL, 0}};
    struct build_options o = {.embedded = files};
    CHECK(build_generation(&o, &embedded, &e) == GIFD_OK && embedded.ok && !embedded.bundle);
    CHECK_STR(embedded.digest, r.digest);
    build_result_free(&embedded);
    end(&r);
}

static void build_after(struct build_result *r, const char *live)
{
    struct err e = {0};
    char out[256];
    snprintf(out, sizeof out, "%s/out", dir);
    struct build_options o = {.root = dir, .out_dir = out, .live = live};
    CHECK(build_generation(&o, r, &e) == GIFD_OK);
}

static bool entry_is(const char *bundle, const char *name, const char *text)
{
    struct err e = {0};
    struct slice bytes;
    struct bundle *b = bundle_open(bundle, &e);
    bool has = b && bundle_find(b, name, &bytes) && memmem(bytes.p, bytes.n, text, strlen(text));
    bundle_close(b);
    return has;
}

TEST(what_has_not_changed_is_taken_from_the_live_bundle)
{
    struct build_result first, again;
    struct stat before, after;
    begin();
    write_file("lua/gifd/word.lua", "return 'unheard'");
    build_after(&first, NULL);
    CHECK(first.ok && stat(first.bundle, &before) == 0);
    build_after(&again, first.bundle);
    CHECK(again.ok && stat(again.bundle, &after) == 0);
    CHECK_STR(again.bundle, first.bundle);
    CHECK(after.st_ino == before.st_ino);
    build_result_free(&again);

    write_file("lua/gifd/word.lua", "return 'changed'");
    build_after(&again, first.bundle);
    CHECK(again.ok && strcmp(again.digest, first.digest) != 0);
    CHECK(entry_is(again.bundle, "lua/gifd/word.lua", "changed"));
    CHECK(!entry_is(again.bundle, "lua/gifd/word.lua", "unheard"));
    char fresh[65];
    strcpy(fresh, again.digest);
    build_result_free(&again);
    build_after(&again, NULL);
    CHECK_STR(again.digest, fresh);
    build_result_free(&again);

    write_file("lua/gifd/word.lua", "return nothing at all");
    build_after(&again, first.bundle);
    CHECK(!again.ok);
    build_result_free(&again);
    write_file("lua/gifd/boot.lua", "return function(s) error('no boot') end");
    write_file("lua/gifd/word.lua", "return 'unheard'");
    build_after(&again, first.bundle);
    CHECK(!again.ok);
    build_result_free(&again);
    end(&first);
}

TEST(a_live_bundle_that_is_spoilt_is_made_again)
{
    struct build_result first, again;
    struct err e = {0};
    begin();
    build_after(&first, NULL);
    CHECK(first.ok && truncate(first.bundle, 200) == 0);
    build_after(&again, first.bundle);
    CHECK(again.ok);
    CHECK_STR(again.bundle, first.bundle);
    struct bundle *b = bundle_open(again.bundle, &e);
    CHECK(b);
    bundle_close(b);
    build_result_free(&again);
    end(&first);
}

TEST_MAIN()
