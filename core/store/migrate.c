/* migrate.c: forward-only migrations, all of them in one transaction. See db.h. */
#include "store/db_int.h"
#include "base/clock.h"
#include "crypto/crypto.h"
#include "store/kv.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define TURN_MS 60000
#define GUEST_NS (30ull * 1000000000) /* for one of a guest's migrations */

static const char table[] = "CREATE TABLE IF NOT EXISTS schema_migrations ("
                            "name TEXT PRIMARY KEY, digest TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT";

static void digest_of(struct slice text, char out[SHA256_HEX + 1])
{
    uint8_t digest[SHA256_LEN];
    sha256_of(text.p, text.n, digest);
    hex_encode(digest, sizeof digest, out);
}

/* How many of m are applied already, or what does not fit. */
static int applied(struct sql *s, const struct migration *m, size_t count, struct arena *a, struct err *e)
{
    struct db_rows rows;
    char digest[SHA256_HEX + 1];
    struct db_call call = {SLICE("SELECT name, digest FROM schema_migrations ORDER BY rowid"), NULL, 0, -1, true};
    int rc = sql__run(s, &call, true, a, &rows, e);
    if (rc < 0) return rc;
    for (size_t i = 0; i < rows.count; i++) {
        struct slice name = rows.cells[2 * i].s, was = rows.cells[2 * i + 1].s;
        if (i >= count || !slice_is(name, m[i].name))
            return err_set(e, GIFD_ECORRUPT, "migration %s is applied, but %s comes in its place here", name.p,
                           i < count ? m[i].name : "nothing");
        digest_of(m[i].sql, digest);
        if (!slice_is(was, digest))
            return err_set(e, GIFD_ECORRUPT, "migration %s was changed after it had been applied", m[i].name);
    }
    return (int)rows.count;
}

static int apply(struct sql *s, const struct migration *m, struct arena *a, struct err *e)
{
    struct db_rows rows;
    char digest[SHA256_HEX + 1];
    digest_of(m->sql, digest);
    struct value args[] = {{.type = VALUE_TEXT, .s = slice_str(m->name)},
                           {.type = VALUE_TEXT, .s = slice_str(digest)},
                           {.type = VALUE_INT, .i = clock_wall_us()}};
    struct db_call call = {SLICE("INSERT INTO schema_migrations (name, digest, applied_at) VALUES (?1, ?2, ?3)"), args,
                           3, 1, true};
    s->deadline_ns = s->guest ? clock_mono_ns() + GUEST_NS : 0;
    int rc = sql__script(s, m->sql, e);
    s->deadline_ns = 0;
    return rc < 0 ? rc : sql__run(s, &call, false, a, &rows, e);
}

struct db_migration {
    char *path;
    struct sql sql;
    struct turn turn;
    struct arena arena;
    bool held, made; /* the turn; the file, which was not there before */
    int done;
};

/* Looks what is next, since another process may have been here, and applies all that is left. */
static int advance(struct db_migration *g, const struct migration *m, size_t count, struct err *e)
{
    struct sql *s = &g->sql;
    int next, rc = sql__do(s, table, e);
    if (rc == GIFD_OK && s->guest) rc = sql__do(s, KV_TABLE, e);
    if (rc == GIFD_OK && s->guest) rc = sql__do(s, KV_INDEX, e);
    if (rc < 0) return rc;
    next = rc = applied(s, m, count, &g->arena, e);
    for (; rc >= 0 && (size_t)next < count; next++) {
        arena_reset(&g->arena);
        rc = apply(s, &m[next], &g->arena, e);
        if (rc < 0) err_wrap(e, "migration %s", m[next].name);
        g->done += rc == GIFD_OK;
    }
    return rc < 0 ? rc : GIFD_OK;
}

struct db_migration *db_migration_begin(const char *path, bool guest, const struct migration *m, size_t count,
                                        struct err *e)
{
    struct db_migration *g = calloc(1, sizeof *g);
    if (!g || !(g->path = strdup(path))) {
        err_set(e, GIFD_ENOMEM, "no memory for a migration");
        free(g);
        return NULL;
    }
    arena_init(&g->arena, DB_BYTES_MAX);
    g->made = guest && access(path, F_OK) < 0;
    turn__open(&g->turn, path);
    int rc = turn__take(&g->turn, TURN_MS, e);
    g->held = rc == GIFD_OK;
    if (rc == GIFD_OK)
        rc =
            sql__open(&g->sql, path, &(struct sql__options){.create = true, .busy_ms = DB__BUSY_MS, .guest = guest}, e);
    if (rc == GIFD_OK) rc = sql__do(&g->sql, "BEGIN IMMEDIATE", e);
    if (rc == GIFD_OK) rc = advance(g, m, count, e);
    if (rc == GIFD_OK) return g;
    db_migration_end(g, false, NULL);
    return NULL;
}

int db_migration_end(struct db_migration *g, bool commit, struct err *e)
{
    int rc = commit ? sql__do(&g->sql, "COMMIT", e) : GIFD_OK;
    if (g->sql.db && !sqlite3_get_autocommit(g->sql.db)) sql__do(&g->sql, "ROLLBACK", NULL);
    sql__close(&g->sql);
    if (g->made && (!commit || rc < 0)) db_remove(g->path, NULL);
    if (g->held) turn__give(&g->turn);
    turn__close(&g->turn);
    arena_free(&g->arena);
    if (rc == GIFD_OK) rc = g->done;
    free(g->path);
    free(g);
    return rc;
}

int db_migrate(const char *path, const struct migration *m, size_t count, struct err *e)
{
    struct err own = {0};
    if (!e) e = &own;
    struct db_migration *g = db_migration_begin(path, false, m, count, e);
    return g ? db_migration_end(g, true, e) : e->code;
}

int db_remove(const char *path, struct err *e)
{
    static const char *const beside[] = {"-wal", "-shm", ".turn"};
    char name[4096];
    int rc = unlink(path) < 0 ? err_sys(e, errno, "%s", path) : GIFD_OK;
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
        if (snprintf(name, sizeof name, "%s%s", path, beside[i]) < (int)sizeof name) unlink(name);
    return rc;
}
