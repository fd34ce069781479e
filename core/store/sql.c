/* sql.c: one connection: how it is opened, what it may run, how long, and what its errors are called. See sql_int.h.
 *
 * Statements from outside pass an authorizer when they are prepared: transactions, ATTACH and all but a few PRAGMAs
 * belong to this floor. A statement that runs is looked at every STEP_OPS operations of SQLite's machine and stopped at
 * its deadline. */
#include "store/chain_int.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP_OPS 1000
#define PAGE_CACHE_KIB 512
#define MAPPED_BYTES (8 << 20) /* of the database file, shared by all processes through the page cache */
#define WAL_KEPT_BYTES (32 << 20)
#define CELLS_KEPT 1024 /* values of the row buffer kept between statements */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_initialize();
}

static int of_constraint(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return GIFD_ECONFLICT;
    default: return GIFD_EINVALID;
    }
}

static bool out_of_room(int sys)
{
    return sys == ENOSPC || sys == EDQUOT || sys == EFBIG;
}

int sql__error(struct sql *s, int rc, const char *what, struct err *e)
{
    int extended = s->db ? sqlite3_extended_errcode(s->db) : rc, sys = s->db ? sqlite3_system_errno(s->db) : 0;
    int code = GIFD_EINTERNAL;
    switch (rc & 0xff) {
    case SQLITE_CONSTRAINT: code = of_constraint(extended); break;
    case SQLITE_FULL: code = GIFD_ENOSPACE; break;
    case SQLITE_IOERR: code = out_of_room(sys) ? GIFD_ENOSPACE : GIFD_EIO; break;
    case SQLITE_CANTOPEN: code = sys == ENOENT ? GIFD_ENOTFOUND : out_of_room(sys) ? GIFD_ENOSPACE : GIFD_EIO; break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: code = GIFD_EBUSY; break;
    case SQLITE_INTERRUPT: code = GIFD_ETIMEOUT; break;
    case SQLITE_NOMEM: code = GIFD_ENOMEM; break;
    case SQLITE_TOOBIG: code = GIFD_ETOOBIG; break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: code = GIFD_ECORRUPT; break;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: code = GIFD_EDENIED; break;
    case SQLITE_ERROR:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH: code = GIFD_EINVALID; break;
    }
    if (code == GIFD_ETIMEOUT) return err_set(e, code, "%s: the statement was over its time budget", what);
    return err_set(e, code, "%s: %s", what, s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
}

static int on_step(void *arg)
{
    const struct sql *s = arg;
    return s->deadline_ns && clock_mono_ns() >= s->deadline_ns;
}

static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct sql *)arg)->wal_pages = pages;
    return SQLITE_OK;
}

static bool pragma_allowed(const char *name)
{
    /* The full-text index asks for data_version by itself. */
    static const char *const allowed[] = {
        "data_version", "defer_foreign_keys", "foreign_key_check", "integrity_check", "quick_check",
        "page_count",   "freelist_count",     "table_info",        "table_xinfo",     "index_list",
        "index_info",   "user_version",       "foreign_key_list",  "table_list",      "optimize"};
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (name && sqlite3_stricmp(name, allowed[i]) == 0) return true;
    return false;
}

static bool is_ours(const char *name)
{
    return name && (sqlite3_strnicmp(name, "gifd_", 5) == 0 || sqlite3_stricmp(name, "schema_migrations") == 0);
}

/* What else a guest may not do. `a` and `b` are whatever the action names: tables, indexes, functions, modules. */
static int of_guest(int action, const char *a, const char *b)
{
    static const char *const describing[] = {"data_version", "table_info",       "table_xinfo", "index_list",
                                             "index_info",   "foreign_key_list", "table_list"};
    if (is_ours(a) || is_ours(b)) return SQLITE_DENY;
    switch (action) {
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW: return SQLITE_DENY;
    case SQLITE_CREATE_VTABLE: return b && sqlite3_stricmp(b, "fts5") == 0 ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_FUNCTION:
        return b && (!sqlite3_stricmp(b, "load_extension") || !sqlite3_stricmp(b, "fts3_tokenizer")) ? SQLITE_DENY
                                                                                                     : SQLITE_OK;
    case SQLITE_PRAGMA:
        for (size_t i = 0; i < sizeof describing / sizeof *describing; i++)
            if (a && sqlite3_stricmp(a, describing[i]) == 0) return SQLITE_OK;
        return SQLITE_DENY;
    default: return SQLITE_OK;
    }
}

static int on_prepare(void *arg, int action, const char *a, const char *b, const char *database, const char *trigger)
{
    const struct sql *s = arg;
    (void)database;
    (void)trigger;
    if (s->inner) return SQLITE_OK;
    if (s->guest && of_guest(action, a, b) != SQLITE_OK) return SQLITE_DENY;
    switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH: return SQLITE_DENY;
    case SQLITE_PRAGMA: return pragma_allowed(a) ? SQLITE_OK : SQLITE_DENY;
    default: return SQLITE_OK;
    }
}

/* A guest's connection: small values, a file with a maximum, and no log to be written back when it closes. */
static int confine(struct sql *s, struct err *e)
{
    static const struct {
        int id, max;
    } limits[] = {{SQLITE_LIMIT_LENGTH, DB_GUEST_VALUE_MAX},
                  {SQLITE_LIMIT_SQL_LENGTH, DB_GUEST_VALUE_MAX},
                  {SQLITE_LIMIT_ATTACHED, 0},
                  {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256},
                  {SQLITE_LIMIT_TRIGGER_DEPTH, 16},
                  {SQLITE_LIMIT_COLUMN, 100},
                  {SQLITE_LIMIT_COMPOUND_SELECT, 50},
                  {SQLITE_LIMIT_EXPR_DEPTH, 100},
                  {SQLITE_LIMIT_WORKER_THREADS, 0}};
    char text[64];
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) sqlite3_limit(s->db, limits[i].id, limits[i].max);
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    snprintf(text, sizeof text, "PRAGMA max_page_count=%lld;", (long long)(DB_GUEST_FILE_MAX / 4096));
    int rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? GIFD_OK : sql__error(s, rc, "opening", e);
}

static int settle(struct sql *s, const struct sql__options *o, struct err *e)
{
    char text[512];
    snprintf(text, sizeof text,
             "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
             "PRAGMA cache_size=-%d; PRAGMA mmap_size=%d; PRAGMA journal_size_limit=%d; PRAGMA query_only=%d;",
             PAGE_CACHE_KIB, MAPPED_BYTES, WAL_KEPT_BYTES, o->read_only);
    int rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? GIFD_OK : sql__error(s, rc, "opening", e);
}

/* SQLite would make the file as the umask says, and its journals like the file: rows hold secrets. */
static void make_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
}

int sql__open(struct sql *s, const char *path, const struct sql__options *o, struct err *e)
{
    pthread_once(&once, configure);
    if (o->create) make_private(path);
    *s = (struct sql){.inner = true,
                      .guest = o->guest,
                      .rows_max = o->guest ? DB_GUEST_ROWS_MAX : DB_ROWS_MAX,
                      .bytes_max = o->guest ? DB_GUEST_BYTES_MAX : DB_BYTES_MAX};
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (o->create ? SQLITE_OPEN_CREATE : 0);
    int rc = sqlite3_open_v2(path, &s->db, flags, NULL), code;
    if (rc != SQLITE_OK) {
        code = sql__error(s, rc, path, e);
    } else {
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        sqlite3_busy_timeout(s->db, (int)o->busy_ms);
        sqlite3_wal_hook(s->db, on_commit, s);
        code = settle(s, o, e);
        if (code == GIFD_OK && o->guest) code = confine(s, e);
        if (code == GIFD_OK && o->chain && (rc = chain__teach(o->chain, s->db, !o->read_only)) != SQLITE_OK)
            code = sql__error(s, rc, "functions", e);
        if (code < 0) err_wrap(e, "%s", path);
    }
    if (code < 0) {
        sql__close(s);
        return code;
    }
    sqlite3_set_authorizer(s->db, on_prepare, s);
    sqlite3_progress_handler(s->db, STEP_OPS, on_step, s);
    s->inner = false;
    return GIFD_OK;
}

void sql__close(struct sql *s)
{
    for (size_t i = 0; i < s->cached; i++) sqlite3_finalize(s->cache[i].stmt);
    if (s->db) sqlite3_close(s->db);
    free(s->cells);
    *s = (struct sql){0};
}

static uint64_t hash_of(struct slice text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.n; i++) h = (h ^ (unsigned char)text.p[i]) * 0x100000001b3u;
    return h;
}

static bool blank(const char *p, const char *end)
{
    while (p < end && (strchr(" \t\r\n;", *p) && *p)) p++;
    return p == end;
}

static int prepare(struct sql *s, struct slice text, sqlite3_stmt **out, struct err *e)
{
    const char *tail = NULL;
    *out = NULL;
    if (text.n > INT32_MAX) return err_set(e, GIFD_ETOOBIG, "a statement of more than 2 GiB");
    int rc = sqlite3_prepare_v3(s->db, text.p, (int)text.n, SQLITE_PREPARE_PERSISTENT, out, &tail);
    if (rc != SQLITE_OK) return sql__error(s, rc, "statement", e);
    if (!*out) return err_set(e, GIFD_EINVALID, "statement: nothing to run");
    if (!blank(tail, text.p + text.n)) {
        sqlite3_finalize(*out);
        *out = NULL;
        return err_set(e, GIFD_EINVALID, "statement: more than one statement in a call");
    }
    return GIFD_OK;
}

static int cached(struct sql *s, struct slice text, sqlite3_stmt **out, struct err *e)
{
    while (text.n && strchr(" \t\r\n", text.p[text.n - 1]) && text.p[text.n - 1]) text.n--; /* as sqlite3_sql has it */
    uint64_t hash = hash_of(text);
    size_t oldest = 0;
    for (size_t i = 0; i < s->cached; i++) {
        struct sql__cached *c = &s->cache[i];
        if (c->hash == hash && c->inner == s->inner && slice_is(text, sqlite3_sql(c->stmt))) {
            c->used = ++s->uses;
            *out = c->stmt;
            return GIFD_OK;
        }
        if (c->used < s->cache[oldest].used) oldest = i;
    }
    int rc = prepare(s, text, out, e);
    if (rc < 0) return rc;
    if (s->cached < SQL__CACHE_MAX)
        oldest = s->cached++;
    else
        sqlite3_finalize(s->cache[oldest].stmt);
    s->cache[oldest] = (struct sql__cached){hash, ++s->uses, *out, s->inner};
    return GIFD_OK;
}

static int bind_args(struct sql *s, sqlite3_stmt *stmt, const struct db_call *call, struct err *e)
{
    int wanted = sqlite3_bind_parameter_count(stmt);
    if (call->arg_count > (size_t)wanted)
        return err_set(e, GIFD_EINVALID, "statement: %zu arguments for %d parameters", call->arg_count, wanted);
    for (size_t i = 0; i < call->arg_count; i++) {
        const struct value *v = &call->args[i];
        int at = (int)i + 1, rc = SQLITE_MISUSE;
        switch (v->type) {
        case VALUE_NULL: rc = sqlite3_bind_null(stmt, at); break;
        case VALUE_INT: rc = sqlite3_bind_int64(stmt, at, v->i); break;
        case VALUE_REAL: rc = sqlite3_bind_double(stmt, at, v->d); break;
        case VALUE_TEXT:
            rc = sqlite3_bind_text64(stmt, at, v->s.n ? v->s.p : "", v->s.n, SQLITE_STATIC, SQLITE_UTF8);
            break;
        case VALUE_BLOB: rc = sqlite3_bind_blob64(stmt, at, v->s.n ? v->s.p : "", v->s.n, SQLITE_STATIC); break;
        }
        if (rc != SQLITE_OK) return sql__error(s, rc, "argument", e);
    }
    return GIFD_OK;
}

static int copy_value(struct sql *s, sqlite3_stmt *stmt, int column, struct arena *arena, struct value *out,
                      size_t *bytes)
{
    const char *p = NULL;
    *out = (struct value){.type = VALUE_NULL};
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER: *out = (struct value){.type = VALUE_INT, .i = sqlite3_column_int64(stmt, column)}; return 0;
    case SQLITE_FLOAT: *out = (struct value){.type = VALUE_REAL, .d = sqlite3_column_double(stmt, column)}; return 0;
    case SQLITE_NULL: return 0;
    case SQLITE_TEXT:
        out->type = VALUE_TEXT;
        p = (const char *)sqlite3_column_text(stmt, column);
        break;
    default:
        out->type = VALUE_BLOB;
        p = sqlite3_column_blob(stmt, column);
        break;
    }
    size_t n = (size_t)sqlite3_column_bytes(stmt, column);
    if (n && !p) return GIFD_ENOMEM;
    *bytes += n;
    if (*bytes > s->bytes_max) return GIFD_ETOOBIG;
    char *copy = arena_strndup(arena, p, n);
    if (!copy) return GIFD_ENOMEM;
    out->s = slice_of(copy, n);
    return 0;
}

static int collect(struct sql *s, sqlite3_stmt *stmt, struct arena *arena, struct db_rows *out, size_t *bytes,
                   struct err *e)
{
    size_t used = out->count * out->columns;
    if (out->count == s->rows_max) return err_set(e, GIFD_ETOOBIG, "more than %zu rows", s->rows_max);
    if (used + out->columns > s->cell_cap) {
        size_t cap = s->cell_cap ? s->cell_cap * 2 : 256;
        while (cap < used + out->columns) cap *= 2;
        struct value *grown = realloc(s->cells, cap * sizeof *grown);
        if (!grown) return err_set(e, GIFD_ENOMEM, "no memory for %zu values", cap);
        s->cells = grown;
        s->cell_cap = cap;
    }
    *bytes += out->columns * sizeof(struct value);
    for (size_t i = 0; i < out->columns; i++) {
        int rc = copy_value(s, stmt, (int)i, arena, &s->cells[used + i], bytes);
        if (rc == GIFD_ETOOBIG) return err_set(e, rc, "a result of more than %zu bytes", s->bytes_max);
        if (rc < 0) return err_set(e, rc, "no memory for a result");
    }
    out->count++;
    return GIFD_OK;
}

static int keep(struct sql *s, sqlite3_stmt *stmt, struct arena *arena, struct db_rows *out)
{
    size_t n = out->count * out->columns;
    if (n) {
        out->cells = arena_alloc(arena, n * sizeof *out->cells);
        if (!out->cells) return GIFD_ENOMEM;
        memcpy(out->cells, s->cells, n * sizeof *out->cells);
    }
    if (!out->columns) return GIFD_OK;
    out->names = arena_alloc(arena, out->columns * sizeof *out->names);
    for (size_t i = 0; out->names && i < out->columns; i++) {
        const char *name = sqlite3_column_name(stmt, (int)i);
        out->names[i] = name ? arena_strndup(arena, name, strlen(name)) : NULL;
        if (!out->names[i]) return GIFD_ENOMEM;
    }
    return out->names ? GIFD_OK : GIFD_ENOMEM;
}

static int step(struct sql *s, sqlite3_stmt *stmt, const struct db_call *call, struct arena *arena, struct db_rows *out,
                struct err *e)
{
    int64_t before = sqlite3_total_changes64(s->db);
    size_t bytes = 0;
    int rc, code = bind_args(s, stmt, call, e);
    out->columns = (size_t)sqlite3_column_count(stmt);
    while (code == GIFD_OK && (rc = sqlite3_step(stmt)) != SQLITE_DONE)
        code = rc == SQLITE_ROW ? collect(s, stmt, arena, out, &bytes, e) : sql__error(s, rc, "statement", e);
    if (code == GIFD_OK) {
        out->changes = sqlite3_total_changes64(s->db) == before ? 0 : sqlite3_changes64(s->db);
        out->last_id = sqlite3_last_insert_rowid(s->db);
        if (keep(s, stmt, arena, out) < 0) code = err_set(e, GIFD_ENOMEM, "no memory for a result");
    }
    if (code == GIFD_OK && call->expect >= 0 && out->changes != call->expect)
        code = err_set(e, GIFD_ECONFLICT, "a statement changed %lld rows where %lld were expected",
                       (long long)out->changes, (long long)call->expect);
    return code;
}

int sql__run(struct sql *s, const struct db_call *call, bool read_only, struct arena *arena, struct db_rows *out,
             struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    *out = (struct db_rows){0};
    s->inner = call->ours; /* while it runs too: SQLite may prepare it again */
    int rc = cached(s, call->sql, &stmt, e);
    if (rc == GIFD_OK && read_only && !sqlite3_stmt_readonly(stmt))
        rc = err_set(e, GIFD_EINVALID, "a statement that writes in a read");
    else if (rc == GIFD_OK)
        rc = step(s, stmt, call, arena, out, e);
    s->inner = false;
    if (stmt) {
        sqlite3_reset(stmt);
        sqlite3_clear_bindings(stmt);
    }
    if (s->cell_cap > CELLS_KEPT) {
        free(s->cells);
        s->cells = NULL;
        s->cell_cap = 0;
    }
    return rc;
}

int sql__do(struct sql *s, const char *text, struct err *e)
{
    sqlite3_stmt *stmt = NULL;
    s->inner = true; /* while it runs too: SQLite may prepare it again */
    s->deadline_ns = 0;
    int rc = cached(s, slice_str(text), &stmt, e);
    if (rc == GIFD_OK) {
        int status = sqlite3_step(stmt);
        if (status != SQLITE_DONE && status != SQLITE_ROW) rc = sql__error(s, status, text, e);
        sqlite3_reset(stmt);
    }
    s->inner = false;
    return rc;
}

static unsigned line_of(struct slice text, const char *at)
{
    unsigned line = 1;
    for (const char *p = text.p; p < at; p++) line += *p == '\n';
    return line;
}

int sql__script(struct sql *s, struct slice text, struct err *e)
{
    const char *at = text.p, *end = text.p + text.n;
    int code = GIFD_OK;
    if (text.n > INT32_MAX) return err_set(e, GIFD_ETOOBIG, "more than 2 GiB of statements");
    while (code == GIFD_OK && at < end) {
        sqlite3_stmt *stmt = NULL;
        const char *tail = end;
        int rc = sqlite3_prepare_v2(s->db, at, (int)(end - at), &stmt, &tail);
        if (rc == SQLITE_OK && stmt) do
                rc = sqlite3_step(stmt);
            while (rc == SQLITE_ROW);
        if (rc != SQLITE_OK && rc != SQLITE_DONE) {
            while (at < end && strchr(" \t\r\n", *at)) at++;
            code = sql__error(s, rc, "statement", e);
            err_wrap(e, "line %u", line_of(text, at));
        }
        sqlite3_finalize(stmt);
        at = tail;
    }
    return code;
}
