/* bind_workbench.c: gifd.workbench, what commands for plugins' authors need: the files before them, a clock that can be
 * set, drafts of bytes, fresh databases, and the table of all primitives. Blocks: a command runs alone in its process.
 */
#include "base/clock.h"
#include "script/draft.h"
#include "script/host_int.h"
#include "script/sources.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)16 << 20)
#define LIST_MAX 4096
#define SECONDS_MAX 253402300799.0 /* the end of the year 9999 */
#define MIGRATIONS_MAX 256

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

static int l_stop_clock(lua_State *L)
{
    clock_stop(lua_isnoneornil(L, 1) ? 0 : (int64_t)(border_number(L, 1, "seconds", 1, SECONDS_MAX) * 1e6));
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

/* {{name, sql}, ...} at index 2; the texts stay the table's. */
static size_t read_migrations(lua_State *L, struct migration list[MIGRATIONS_MAX])
{
    size_t n = lua_objlen(L, 2);
    if (n > MIGRATIONS_MAX) border_argument(L, 2, "migrations", "must be at most %d", MIGRATIONS_MAX);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, 2, (int)i + 1);
        border_table(L, lua_gettop(L), "migration");
        struct slice name = border_field_string(L, lua_gettop(L), "name"), sql = border_field_string(L, -1, "sql");
        if (!name.p || !sql.p) border_argument(L, 2, "migrations", "each has a name and sql");
        list[i] = (struct migration){name.p, sql};
        lua_pop(L, 1);
    }
    return n;
}

static int l_fresh_database(lua_State *L)
{
    struct err e = {0};
    struct migration list[MIGRATIONS_MAX];
    char path[4096];
    struct slice plugin = border_string(L, 1, "plugin");
    const char *dir = gen_of(L)->host->s.data_dir;
    if (plugin.n < 1 || plugin.n > SHELF_NAME_MAX) border_argument(L, 1, "plugin", "is no name of a plugin");
    size_t count = read_migrations(L, list);
    if (!dir) return push_fault(L, GIFD_ECLOSED, "there is no data directory");
    snprintf(path, sizeof path, "%s/plugins", dir);
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        err_sys(&e, errno, "%s", path);
        return push_err(L, &e);
    }
    snprintf(path, sizeof path, "%s/plugins/%s.db", dir, plugin.p);
    if (db_remove(path, &e) < 0 && e.code != GIFD_ENOTFOUND) return push_err(L, &e);
    struct db_migration *m = db_migration_begin(path, true, list, count, &e);
    if (!m || db_migration_end(m, true, &e) < 0) return push_err(L, &e);
    return push_true(L, NULL);
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
    {"gifd.workbench.stop_clock", l_stop_clock, CTX_COMMAND,
     "stop_clock(seconds?: number) -- this process's wall time stands still at it; nothing: it goes on"},
    {"gifd.workbench.draft", l_draft, CTX_COMMAND,
     "draft(bytes: string) -> draft: gifd.Draft | nil, err -- to be committed or saved"},
    {"gifd.workbench.fresh_database", l_fresh_database, CTX_COMMAND,
     "fresh_database(plugin: string, migrations: {name: string, sql: string}[]) -> true | nil, err -- an empty one of "
     "a plugin's own"},
    {"gifd.workbench.primitives", l_primitives, CTX_COMMAND,
     "primitives() -> rows: {name: string, signature: string, contexts: string}[], codes: string[] -- all of them"},
    {NULL, NULL, 0, NULL},
};
