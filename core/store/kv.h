/* kv.h: small values by key, with expiry, in a table of a guest's database: the statements for it.
 *
 * Each function makes the calls for db_read or db_write (`count` of them, one batch). Keys and values are borrowed.
 * Expired keys are not seen, and go when something is set. Times are seconds since 1970. */
#ifndef GIFD_STORE_KV_H
#define GIFD_STORE_KV_H

#include "store/db.h"

#define KV_KEY_MAX 256
#define KV_VALUE_MAX (64 * 1024)
#define KV_KEYS_MAX 10000
#define KV_LIST_MAX 1000

/* What db_migration_begin makes in a guest's database. */
#define KV_TABLE                                                                                                       \
    "CREATE TABLE IF NOT EXISTS gifd_kv(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, value TEXT NOT NULL,"        \
    " expires REAL) STRICT"
#define KV_INDEX "CREATE INDEX IF NOT EXISTS gifd_kv_expires ON gifd_kv(expires) WHERE expires IS NOT NULL"

struct kv_calls {
    struct db_call call[2];
    size_t count;
    struct value arg[4], swept[2];
    char end[KV_KEY_MAX]; /* of a prefix's range */
};

void kv_get(struct kv_calls *c, struct slice key, double now); /* rows: value */
/* expires 0: never. GIFD_ECONFLICT when there are KV_KEYS_MAX keys and this is none of them. */
void kv_set(struct kv_calls *c, struct slice key, struct slice value, double expires, double now);
void kv_delete(struct kv_calls *c, struct slice key, double now); /* changes: 1 when there was one */
/* rows: key, value, in order of keys, after `after` (or from the first), at most limit. */
void kv_list(struct kv_calls *c, struct slice prefix, struct slice after, size_t limit, double now);

#endif
