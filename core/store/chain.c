/* chain.c: see chain_int.h. */
#include "store/chain_int.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define HEAD_MS 900
#define MESSAGE_MAX (256 * 1024)
#define LINE_MAX_ 256

/* ---- the key ---- */

static int path_of(const struct chain *c, const char *name, const char *ending, char out[4096])
{
    return snprintf(out, 4096, "%s/%s.%s", c->dir, name, ending) < 4096 ? GIFD_OK : GIFD_EINVALID;
}

static int sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0) close(fd);
    return rc;
}

static int read_key(struct chain *c, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    uint8_t more;
    bool whole = read(fd, c->key, sizeof c->key) == sizeof c->key && read(fd, &more, 1) == 0;
    close(fd);
    if (!whole) errno = EINVAL;
    return whole ? 0 : -1;
}

/* Under a name of our own first, then linked, so that of two processes one key becomes both's. */
static int make_key(struct chain *c, const char *path)
{
    uint8_t key[CHAIN__KEY_LEN];
    char draft[4128];
    snprintf(draft, sizeof draft, "%s.%d", path, (int)getpid());
    crypto_random(key, sizeof key);
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return -1;
    bool kept = write(fd, key, sizeof key) == sizeof key && fsync(fd) == 0;
    if (close(fd) < 0) kept = false;
    if (kept && link(draft, path) < 0 && errno != EEXIST) kept = false;
    int why = errno;
    unlink(draft);
    if (kept) kept = sync_folder(c->dir) == 0;
    if (!kept) errno = why;
    return kept ? 0 : -1;
}

struct chain *chain__open(const char *dir, struct err *e)
{
    char path[4096];
    struct chain *c = calloc(1, sizeof *c);
    if (c) c->dir = strdup(dir);
    if (!c || !c->dir) {
        err_set(e, GIFD_ENOMEM, "no memory for a chain");
        chain__close(c);
        return NULL;
    }
    c->due_ns = UINT64_MAX;
    int rc = path_of(c, "seal", "key", path);
    if (rc == GIFD_OK && read_key(c, path) < 0 && (errno != ENOENT || make_key(c, path) < 0 || read_key(c, path) < 0))
        rc = GIFD_EIO;
    if (rc == GIFD_OK) return c;
    err_sys(e, errno, "%s", path);
    chain__close(c);
    return NULL;
}

void chain__close(struct chain *c)
{
    if (!c) return;
    free(c->dir);
    memset(c->key, 0, sizeof c->key);
    free(c);
}

/* ---- the functions ---- */

static void put_size(uint8_t out[8], uint64_t n)
{
    for (int i = 0; i < 8; i++) out[i] = (uint8_t)(n >> (56 - 8 * i));
}

/* One value as bytes that no other list of values has. */
static int add_value(struct buf *b, sqlite3_value *v)
{
    uint8_t head[9];
    int type = sqlite3_value_type(v);
    size_t n = 0;
    const void *p = NULL;
    head[0] = (uint8_t)type;
    if (type == SQLITE_INTEGER) {
        put_size(head + 1, (uint64_t)sqlite3_value_int64(v));
    } else if (type == SQLITE_FLOAT) {
        double d = sqlite3_value_double(v);
        memcpy(head + 1, &d, 8);
    } else {
        p = type == SQLITE_TEXT ? (const void *)sqlite3_value_text(v) : sqlite3_value_blob(v);
        n = p ? (size_t)sqlite3_value_bytes(v) : 0;
        put_size(head + 1, n);
    }
    int rc = buf_append(b, head, sizeof head, NULL);
    return rc == 0 && n ? buf_append(b, p, n, NULL) : rc;
}

static void seal(sqlite3_context *x, int count, sqlite3_value **values)
{
    const struct chain *c = sqlite3_user_data(x);
    uint8_t mac[SHA256_LEN];
    struct buf b;
    buf_init(&b, MESSAGE_MAX);
    int rc = count > 0 ? 0 : -1;
    for (int i = 0; rc == 0 && i < count; i++) rc = add_value(&b, values[i]);
    if (rc == 0) {
        hmac_sha256(slice_of((const char *)c->key, sizeof c->key), buf_slice(&b), mac);
        sqlite3_result_blob(x, mac, sizeof mac, SQLITE_TRANSIENT);
    } else {
        sqlite3_result_error_toobig(x);
    }
    buf_free(&b);
}

static const char *name_of(sqlite3_value *v)
{
    const char *s = (const char *)sqlite3_value_text(v);
    size_t n = s ? strlen(s) : 0;
    return n > 0 && n <= CHAIN__NAME_MAX && strspn(s, "abcdefghijklmnopqrstuvwxyz_") == n ? s : NULL;
}

/* ---- the head ---- */

struct head {
    long long id;
    char mac[SHA256_HEX + 1]; /* "" for id 0 */
};

static void seal_head(const struct chain *c, const char *name, const struct head *h, char out[SHA256_HEX + 1])
{
    char text[LINE_MAX_];
    uint8_t mac[SHA256_LEN];
    int n = snprintf(text, sizeof text, "head %s %lld %s", name, h->id, h->mac);
    hmac_sha256(slice_of((const char *)c->key, sizeof c->key), slice_of(text, (size_t)n), mac);
    hex_encode(mac, sizeof mac, out);
}

/* GIFD_ENOTFOUND, or GIFD_ECORRUPT when we have not written it. */
static int read_head(const struct chain *c, const char *name, struct head *h)
{
    char path[4096], line[LINE_MAX_], sealed[SHA256_HEX + 1], expected[SHA256_HEX + 1];
    if (path_of(c, name, "head", path) < 0) return GIFD_EINVALID;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno == ENOENT ? GIFD_ENOTFOUND : GIFD_EIO;
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    line[n > 0 ? n : 0] = 0;
    if (sscanf(line, "%lld %64[0-9a-f] %64[0-9a-f]", &h->id, h->mac, sealed) != 3) {
        h->mac[0] = 0;
        if (sscanf(line, "%lld - %64[0-9a-f]", &h->id, sealed) != 2) return GIFD_ECORRUPT;
    }
    seal_head(c, name, h, expected);
    return strcmp(sealed, expected) == 0 ? GIFD_OK : GIFD_ECORRUPT;
}

static int write_head(const struct chain *c, const char *name, const struct head *h)
{
    char path[4096], draft[4128], line[LINE_MAX_], sealed[SHA256_HEX + 1];
    if (path_of(c, name, "head", path) < 0) return GIFD_EINVALID;
    snprintf(draft, sizeof draft, "%s.%d", path, (int)getpid());
    seal_head(c, name, h, sealed);
    int n = snprintf(line, sizeof line, "%lld %s %s\n", h->id, h->id ? h->mac : "-", sealed);
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return GIFD_EIO;
    bool kept = write(fd, line, (size_t)n) == n && fsync(fd) == 0;
    if (close(fd) < 0) kept = false;
    if (kept) kept = rename(draft, path) == 0 && sync_folder(c->dir) == 0;
    if (!kept) unlink(draft);
    return kept ? GIFD_OK : GIFD_EIO;
}

static void chain(sqlite3_context *x, int count, sqlite3_value **values)
{
    struct chain *c = sqlite3_user_data(x);
    const char *name = count > 1 ? name_of(values[0]) : NULL;
    if (!name || sqlite3_value_type(values[1]) != SQLITE_INTEGER) {
        sqlite3_result_error(x, "chain(NAME, ID, ...)", -1);
        return;
    }
    /* Rows without a head are a fault from the second on, so the first one has one before it is there. */
    struct head none = {0}, old;
    if (sqlite3_value_int64(values[1]) == 1 && read_head(c, name, &old) == GIFD_ENOTFOUND &&
        write_head(c, name, &none) < 0) {
        sqlite3_result_error_code(x, SQLITE_IOERR);
        return;
    }
    snprintf(c->name, sizeof c->name, "%s", name);
    if (c->due_ns == UINT64_MAX) c->due_ns = clock_mono_ns() + HEAD_MS * 1000000ull;
    seal(x, count, values);
}

static void chain_accept(sqlite3_context *x, int count, sqlite3_value **values)
{
    struct chain *c = sqlite3_user_data(x);
    const char *name = count == 1 ? name_of(values[0]) : NULL;
    if (!name) {
        sqlite3_result_error(x, "chain_accept(NAME)", -1);
        return;
    }
    snprintf(c->name, sizeof c->name, "%s", name);
    c->due_ns = 0;
    c->accept = true;
    c->complained = false;
    sqlite3_result_int(x, 1);
}

static void chain_head(sqlite3_context *x, int count, sqlite3_value **values)
{
    const struct chain *c = sqlite3_user_data(x);
    const char *name = count == 1 ? name_of(values[0]) : NULL;
    struct head h = {0};
    char text[LINE_MAX_];
    int rc = name ? read_head(c, name, &h) : GIFD_EINVALID;
    if (rc == GIFD_ENOTFOUND) return; /* NULL */
    snprintf(text, sizeof text, "%lld %s", h.id, h.mac);
    sqlite3_result_text(x, rc == GIFD_OK ? text : "", -1, SQLITE_TRANSIENT);
}

int chain__teach(struct chain *c, sqlite3 *db, bool writer)
{
    const int how = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    int rc = sqlite3_create_function_v2(db, "seal", -1, how | SQLITE_DETERMINISTIC, c, seal, NULL, NULL, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_create_function_v2(db, "chain_head", 1, how, c, chain_head, NULL, NULL, NULL);
    if (!writer || rc != SQLITE_OK) return rc;
    rc = sqlite3_create_function_v2(db, "chain", -1, how, c, chain, NULL, NULL, NULL);
    return rc == SQLITE_OK ? sqlite3_create_function_v2(db, "chain_accept", 1, how, c, chain_accept, NULL, NULL, NULL)
                           : rc;
}

/* The row of this id, or the last one: GIFD_ENOTFOUND when there is none. */
static int row_of(const struct chain *c, struct sql *s, long long id, struct head *out)
{
    char sql[160];
    struct arena arena;
    struct db_rows rows;
    struct value arg = {.type = VALUE_INT, .i = id};
    snprintf(sql, sizeof sql, "SELECT id, lower(hex(mac)) FROM %s %s", c->name,
             id ? "WHERE id = ?1" : "ORDER BY id DESC LIMIT 1");
    arena_init(&arena, 1 << 16);
    struct db_call call = {.sql = slice_str(sql), .args = &arg, .arg_count = id ? 1 : 0, .expect = -1};
    s->deadline_ns = 0;
    int rc = sql__run(s, &call, true, &arena, &rows, NULL);
    if (rc == GIFD_OK && (rows.count != 1 || rows.cells[0].type != VALUE_INT || rows.cells[1].s.n != SHA256_HEX))
        rc = rows.count == 0 ? GIFD_ENOTFOUND : GIFD_ECORRUPT;
    if (rc == GIFD_OK) {
        out->id = rows.cells[0].i;
        memcpy(out->mac, rows.cells[1].s.p, SHA256_HEX);
        out->mac[SHA256_HEX] = 0;
    }
    arena_free(&arena);
    return rc;
}

static int move_head(struct chain *c, struct sql *s)
{
    struct head old = {0}, there, last = {0};
    int rc = c->accept ? GIFD_OK : read_head(c, c->name, &old);
    if (rc == GIFD_OK && old.id) {
        rc = row_of(c, s, old.id, &there);
        if (rc == GIFD_ENOTFOUND || (rc == GIFD_OK && strcmp(there.mac, old.mac) != 0)) rc = GIFD_ECORRUPT;
    }
    if (rc == GIFD_OK) {
        rc = row_of(c, s, 0, &last);
        if (rc == GIFD_ENOTFOUND) rc = GIFD_OK; /* what was noted was undone */
    }
    if (rc == GIFD_OK && (c->accept || last.id > old.id)) rc = write_head(c, c->name, &last);
    return rc;
}

bool chain__keep(struct chain *c, struct sql *s)
{
    char path[4096];
    if (!c || c->due_ns == UINT64_MAX) return false;
    c->due_ns = UINT64_MAX;
    int lock = path_of(c, "seal", "key", path) < 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    int rc = lock < 0 || flock(lock, LOCK_EX) < 0 ? GIFD_EIO : move_head(c, s);
    if (lock >= 0) close(lock);
    c->accept = false;
    if (rc < 0 && !c->complained) log_error("chain.head", LS("chain", c->name), LS("error", err_name(rc)));
    c->complained = rc < 0;
    return true;
}
