/* kv.c: see kv.h. */
#include "store/kv.h"

#define SWEEP_MAX 200 /* expired keys that one set takes away */

static struct value text(struct slice s)
{
    return (struct value){.type = VALUE_TEXT, .s = s};
}

static struct value real(double d)
{
    return (struct value){.type = VALUE_REAL, .d = d};
}

static struct value whole(int64_t i)
{
    return (struct value){.type = VALUE_INT, .i = i};
}

static void add(struct kv_calls *c, struct slice sql, const struct value *args, size_t count, int64_t expect)
{
    c->call[c->count++] =
        (struct db_call){.sql = sql, .args = args, .arg_count = count, .expect = expect, .ours = true};
}

void kv_get(struct kv_calls *c, struct slice key, double now)
{
    c->count = 0;
    c->arg[0] = text(key);
    c->arg[1] = real(now);
    add(c, SLICE("SELECT value FROM gifd_kv WHERE key = ?1 AND (expires IS NULL OR expires > ?2)"), c->arg, 2, -1);
}

void kv_set(struct kv_calls *c, struct slice key, struct slice value, double expires, double now)
{
    c->count = 0;
    c->swept[0] = real(now);
    c->swept[1] = whole(SWEEP_MAX);
    c->arg[0] = text(key);
    c->arg[1] = text(value);
    c->arg[2] = expires > 0 ? real(expires) : (struct value){.type = VALUE_NULL};
    c->arg[3] = whole(KV_KEYS_MAX);
    add(c,
        SLICE("DELETE FROM gifd_kv WHERE id IN (SELECT id FROM gifd_kv WHERE expires <= ?1 ORDER BY expires LIMIT ?2)"),
        c->swept, 2, -1);
    add(c,
        SLICE("INSERT INTO gifd_kv (key, value, expires) SELECT ?1, ?2, ?3"
              " WHERE EXISTS (SELECT 1 FROM gifd_kv WHERE key = ?1) OR (SELECT count(*) FROM gifd_kv) < ?4"
              " ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires"),
        c->arg, 4, 1);
}

void kv_delete(struct kv_calls *c, struct slice key, double now)
{
    c->count = 0;
    c->arg[0] = text(key);
    c->arg[1] = real(now);
    add(c, SLICE("DELETE FROM gifd_kv WHERE key = ?1 AND (expires IS NULL OR expires > ?2)"), c->arg, 2, -1);
}

/* The first text that is greater than all that begin with the prefix; empty when there is none. */
static struct slice end_of(struct kv_calls *c, struct slice prefix)
{
    size_t n = prefix.n;
    while (n && (unsigned char)prefix.p[n - 1] == 0xff) n--;
    if (n) {
        memcpy(c->end, prefix.p, n);
        c->end[n - 1] = (char)((unsigned char)c->end[n - 1] + 1);
    }
    return slice_of(c->end, n);
}

void kv_list(struct kv_calls *c, struct slice prefix, struct slice after, size_t limit, double now)
{
    struct slice end = end_of(c, prefix);
    bool more = after.n > 0;
    c->count = 0;
    c->arg[0] = text(more ? after : prefix);
    c->arg[1] = end.n ? text(end) : (struct value){.type = VALUE_NULL};
    c->arg[2] = real(now);
    c->arg[3] = whole((int64_t)limit);
    add(c,
        more ? SLICE("SELECT key, value FROM gifd_kv WHERE key > ?1 AND (?2 IS NULL OR key < ?2)"
                     " AND (expires IS NULL OR expires > ?3) ORDER BY key LIMIT ?4")
             : SLICE("SELECT key, value FROM gifd_kv WHERE key >= ?1 AND (?2 IS NULL OR key < ?2)"
                     " AND (expires IS NULL OR expires > ?3) ORDER BY key LIMIT ?4"),
        c->arg, 4, -1);
}
