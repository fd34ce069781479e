/* migrate.c: forward-only migrations. See db.h. */
#include "store/db_int.h"
#include "base/clock.h"
#include "crypto/crypto.h"

#define TURN_MS 60000

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
    struct db_call call = {SLICE("SELECT name, digest FROM schema_migrations ORDER BY rowid"), NULL, 0, -1};
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
                           3, 1};
    int rc = sql__script(s, m->sql, e);
    return rc < 0 ? rc : sql__run(s, &call, false, a, &rows, e);
}

/* In a transaction of its own: looks what is next, since another process may have been here, and applies it.
 * Returns 1 when it did, 0 when nothing is left. */
static int advance(struct sql *s, const struct migration *m, size_t count, struct arena *a, struct err *e)
{
    int rc = sql__do(s, "BEGIN IMMEDIATE", e), next;
    if (rc < 0) return rc;
    next = rc = applied(s, m, count, a, e);
    if (rc >= 0 && (size_t)next < count) {
        rc = apply(s, &m[next], a, e);
        if (rc == GIFD_OK) rc = sql__do(s, "COMMIT", e);
        if (rc < 0) err_wrap(e, "migration %s", m[next].name);
    }
    if (!sqlite3_get_autocommit(s->db)) sql__do(s, "ROLLBACK", NULL);
    if (rc < 0) return rc;
    return (size_t)next < count;
}

int db_migrate(const char *path, const struct migration *m, size_t count, struct err *e)
{
    struct sql s = {0};
    struct turn turn;
    struct arena a;
    int done = 0, rc;
    arena_init(&a, DB_BYTES_MAX);
    turn__open(&turn, path);
    bool held = (rc = turn__take(&turn, TURN_MS, e)) == GIFD_OK;
    if (rc == GIFD_OK) rc = sql__open(&s, path, &(struct sql__options){.create = true, .busy_ms = DB__BUSY_MS}, e);
    if (rc == GIFD_OK) rc = sql__do(&s, table, e);
    while (rc == GIFD_OK && (rc = advance(&s, m, count, &a, e)) == 1) {
        done++;
        rc = GIFD_OK;
        arena_reset(&a);
    }
    sql__close(&s);
    if (held) turn__give(&turn);
    turn__close(&turn);
    arena_free(&a);
    return rc < 0 ? rc : done;
}
