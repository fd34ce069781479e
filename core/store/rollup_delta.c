/* rollup_delta.c: sums of one fold that are not in the tables yet. See rollup.h.
 *
 * A second's rows are of nearly as many subjects, and each of these has its own place in every table: adding each row
 * at once would write a page for each of them, every second. So a large fold leaves its sums as they are, as one blob
 * for each of BUCKETS groups of keys; a second later one group, and so on round, gets all of its blobs added up and put
 * into the tables. A question reads the blobs of its group.
 *
 *   blob   base (minute), then for each (key, kind, minute), in that order: the key's distance from the one before,
 *          kind, minute's distance from base (zigzag), n: all varints, seven bits a byte, the lowest first
 */
#include "store/rollup_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELL_MAX 40           /* bytes of four varints */
#define PENDING_MAX (8 << 20) /* cells in blobs; more are put into the tables sooner */
#define CATCH_UP 32           /* groups in one fold, when it is late or there is too much, */
#define FIRST 4               /* groups in the first fold after a long time: there may be no second */
#define SETTLE_MAX 100000     /* unless they have more cells than this, or than came: a fold is not to take seconds */

static unsigned bucket_of(int64_t key)
{
    return (unsigned)(key >> 4) & (BUCKETS - 1); /* neighbours together: they lie on the same pages */
}

static uint64_t joint(const struct rollup__cell *c)
{
    return (uint64_t)c->key << 1 | (c->axis == ROLLUP_PART);
}

static int by_joint(const void *a, const void *b)
{
    const struct rollup__cell *x = a, *y = b;
    uint64_t kx = joint(x), ky = joint(y);
    if (kx != ky) return kx < ky ? -1 : 1;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static uint8_t *put(uint8_t *p, uint64_t n)
{
    for (; n > 127; n >>= 7) *p++ = (uint8_t)(n | 128);
    *p++ = (uint8_t)n;
    return p;
}

static const uint8_t *get(const uint8_t *p, const uint8_t *end, uint64_t *out)
{
    uint64_t n = 0;
    for (int shift = 0; p < end && shift < 64; shift += 7) {
        n |= (uint64_t)(*p & 127) << shift;
        if (!(*p++ & 128)) {
            *out = n;
            return p;
        }
    }
    return NULL;
}

static size_t encode(const struct rollup__cell *c, size_t n, uint8_t *out)
{
    uint64_t last = 0;
    int64_t base = c->at;
    uint8_t *p = put(out, (uint64_t)base);
    for (size_t i = 0; i < n; i++, c++) {
        int64_t off = c->at - base;
        p = put(p, joint(c) - last);
        p = put(p, (uint64_t)c->kind);
        p = put(p, (uint64_t)off << 1 ^ (uint64_t)(off >> 63));
        p = put(p, (uint64_t)c->n);
        last = joint(c);
    }
    return (size_t)(p - out);
}

static int decode(const uint8_t *p, size_t n, uint64_t from, uint64_t to, rollup__unit_fn each, void *arg)
{
    const uint8_t *end = p + n;
    uint64_t base, key = 0, step, kind, off, count;
    if (!(p = get(p, end, &base))) return -1;
    while (p < end) {
        if (!(p = get(p, end, &step)) || !(p = get(p, end, &kind)) || !(p = get(p, end, &off)) ||
            !(p = get(p, end, &count)))
            return -1;
        key += step;
        if (key > to) break;
        if (key < from) continue;
        struct rollup__cell c = {.size = UNIT,
                                 .axis = key & 1 ? ROLLUP_PART : ROLLUP_SUBJECT,
                                 .key = (int64_t)(key >> 1),
                                 .at = (int64_t)base + (int64_t)(off >> 1 ^ -(off & 1)),
                                 .kind = (int64_t)kind,
                                 .n = (int64_t)count};
        if (each(arg, &c) < 0) return -1;
    }
    return 0;
}

static int put_told(struct rollup *r, const char *name, int64_t value, struct err *e)
{
    char sql[128];
    snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO told VALUES ('%s', %lld)", name, (long long)value);
    return rollup__run(r->db, sql, e);
}

static int64_t get_told(struct rollup *r, const char *name)
{
    char sql[96];
    snprintf(sql, sizeof sql, "SELECT value FROM told WHERE name = '%s'", name);
    int64_t n = rollup__number(r->db, sql);
    return n < 0 ? 0 : n;
}

static int put_blob(struct rollup *r, unsigned bucket, int64_t id, const uint8_t *p, size_t n, struct err *e)
{
    sqlite3_stmt *s = rollup__statement(r, DELTA_PUT, "INSERT INTO delta VALUES (?1, ?2, ?3)", e);
    if (!s) return e->code;
    sqlite3_bind_int64(s, 1, bucket);
    sqlite3_bind_int64(s, 2, id);
    sqlite3_bind_blob(s, 3, p, (int)n, SQLITE_STATIC);
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return rc == SQLITE_DONE ? GIFD_OK : rollup__fail(e, r->db, rc, "delta");
}

/* By bucket, each in order: a pass of counting, then small sorts. */
static struct rollup__cell *grouped(const struct rollup__cell *c, size_t n, size_t begin[BUCKETS + 1])
{
    struct rollup__cell *out = malloc((n + 1) * sizeof *out);
    size_t at[BUCKETS];
    if (!out) return NULL;
    memset(begin, 0, (BUCKETS + 1) * sizeof *begin);
    for (size_t i = 0; i < n; i++) begin[bucket_of(c[i].key) + 1]++;
    for (size_t b = 0; b < BUCKETS; b++) begin[b + 1] += begin[b];
    memcpy(at, begin, sizeof at);
    for (size_t i = 0; i < n; i++) out[at[bucket_of(c[i].key)]++] = c[i];
    for (size_t b = 0; b < BUCKETS; b++) qsort(out + begin[b], begin[b + 1] - begin[b], sizeof *out, by_joint);
    return out;
}

int rollup__delta_put(struct rollup *r, const struct rollup__cell *units, size_t count, struct err *e)
{
    size_t begin[BUCKETS + 1], most = 0;
    struct rollup__cell *c = grouped(units, count, begin);
    int64_t id = get_told(r, "deltas") + 1;
    int rc = GIFD_OK;
    for (size_t b = 0; c && b < BUCKETS; b++)
        if (begin[b + 1] - begin[b] > most) most = begin[b + 1] - begin[b];
    uint8_t *blob = malloc((most + 1) * CELL_MAX);
    if (!c || !blob) rc = err_set(e, GIFD_ENOMEM, "rollup");
    for (size_t b = 0; b < BUCKETS && rc == GIFD_OK; b++) {
        size_t n = begin[b + 1] - begin[b];
        if (n) rc = put_blob(r, (unsigned)b, id, blob, encode(c + begin[b], n, blob), e);
    }
    free(blob);
    free(c);
    if (rc == GIFD_OK) rc = put_told(r, "deltas", id, e);
    return rc < 0 ? rc : put_told(r, "pending", get_told(r, "pending") + (int64_t)count, e);
}

static int read_bucket(struct rollup *r, unsigned bucket, uint64_t from, uint64_t to, rollup__unit_fn each, void *arg,
                       struct err *e)
{
    sqlite3_stmt *s = rollup__statement(r, DELTA_GET, "SELECT cells FROM delta WHERE bucket = ?1", e);
    if (!s) return e->code;
    sqlite3_bind_int64(s, 1, bucket);
    int rc, broken = 0;
    while (!broken && (rc = sqlite3_step(s)) == SQLITE_ROW)
        broken = decode(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0), from, to, each, arg);
    sqlite3_reset(s);
    if (broken) return err_set(e, GIFD_ENOMEM, "rollup: no memory, or sums that cannot be read");
    return rc == SQLITE_DONE ? GIFD_OK : rollup__fail(e, r->db, rc, "delta");
}

int rollup__delta_of(struct rollup *r, enum rollup_axis axis, int64_t key, rollup__unit_fn each, void *arg,
                     struct err *e)
{
    if (axis == ROLLUP_ALL) return GIFD_OK;
    uint64_t k = (uint64_t)key << 1 | (axis == ROLLUP_PART);
    return read_bucket(r, bucket_of(key), k, k, each, arg, e);
}

int rollup__delta_all(struct rollup *r, rollup__unit_fn each, void *arg, struct err *e)
{
    for (unsigned b = 0; b < BUCKETS; b++)
        if (read_bucket(r, b, 0, UINT64_MAX, each, arg, e) < 0) return e->code;
    return GIFD_OK;
}

struct settling {
    struct rollup__cells *cells;
    int64_t oldest, count;
};

static int settle_unit(void *arg, const struct rollup__cell *unit)
{
    struct settling *s = arg;
    s->count++;
    return rollup__expand(s->cells, unit, s->oldest);
}

/* -> cells of a bucket, added to t, whose blobs are gone; or negative */
static int64_t take_bucket(struct rollup *r, unsigned bucket, struct rollup__cells *t, int64_t oldest, struct err *e)
{
    struct settling s = {.cells = t, .oldest = oldest};
    if (read_bucket(r, bucket, 0, UINT64_MAX, settle_unit, &s, e) < 0) return e->code;
    if (!s.count) return 0;
    sqlite3_stmt *drop = rollup__statement(r, DELTA_DROP, "DELETE FROM delta WHERE bucket = ?1", e);
    if (!drop) return e->code;
    sqlite3_bind_int64(drop, 1, bucket);
    int rc = sqlite3_step(drop);
    sqlite3_reset(drop);
    return rc == SQLITE_DONE ? s.count : rollup__fail(e, r->db, rc, "delta");
}

int rollup__delta_due(struct rollup *r, int64_t now, size_t came, struct rollup__cells *t, int64_t oldest,
                      struct err *e)
{
    int64_t pending = get_told(r, "pending"), had = pending, second = now / 1000000, last = get_told(r, "settled");
    int64_t most = pending > PENDING_MAX ? SETTLE_MAX + (int64_t)came : SETTLE_MAX;
    if (!pending) return GIFD_OK;
    if (last < second - BUCKETS || last > second + BUCKETS) last = second - FIRST; /* new, or long asleep */
    for (int i = 0; i < CATCH_UP && pending > 0 && had - pending < most; i++) {
        if (last >= second && pending <= PENDING_MAX) break;
        int64_t n = take_bucket(r, (unsigned)(++last & (BUCKETS - 1)), t, oldest, e);
        if (n < 0) return (int)n;
        pending -= n;
    }
    if (pending != had && put_told(r, "pending", pending, e) < 0) return e->code;
    return put_told(r, "settled", last, e);
}

int rollup__delta_settle(struct rollup *r, int64_t key, int64_t oldest, struct err *e)
{
    struct rollup__cells t = {0};
    int64_t n = take_bucket(r, bucket_of(key), &t, oldest, e);
    int rc = n < 0 ? (int)n : GIFD_OK;
    if (n > 0) rc = put_told(r, "pending", get_told(r, "pending") - n, e);
    if (n > 0 && rc == GIFD_OK) rc = rollup__cells_write(r, &t, e);
    free(t.cells);
    return rc;
}
