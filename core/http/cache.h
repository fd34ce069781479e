/* cache.h: replies that are sent again without asking the app.
 *
 *   app: a reply with tags and a key --cache_put--> entry: head fields, bytes or an open file
 *   request: key --cache_find--> entry --cache_reply--> ranges, conditionals and HEAD as for any reply
 *   anybody, any process: epochs_raise(epochs, tag): entries with that tag are found no more
 *
 * Purging is raising the epoch of a tag (base/epoch.h), in effect in every process when it returns. An entry carries
 * the epoch from before its reply was begun, so that a reply which was begun before a purge and finished after it is
 * never served from here.
 *
 * An entry lives until it is expired, purged, or evicted: beyond the bounds of bytes or entries the oldest goes that
 * nobody has asked for since it was last its turn to go. One cache per process, loop thread only. */
#ifndef GIFD_HTTP_CACHE_H
#define GIFD_HTTP_CACHE_H

#include "base/epoch.h"
#include "http/reply.h"

#define CACHE_TAGS_MAX 8
#define CACHE_COUNTS_MAX 4

struct cache_bounds {
    size_t bytes;     /* of bodies in memory, heads and keys */
    size_t entries;   /* each may hold a descriptor */
    size_t in_memory; /* bodies of files up to this are read into memory, */
    size_t readable;  /* or up to this once they are asked for by TLS or HTTP/2, where each sending has to read them */
};
extern const struct cache_bounds cache_bounds_default; /* 64 MiB, 8192, 32 KiB, 256 KiB */

struct cache;
struct cache_entry;

struct cache *cache_new(struct epochs *epochs, const struct cache_bounds *bounds); /* NULL without memory */
void cache_free(struct cache *c);

/* The key of a request: scheme, host and who told it, path, query and a class of client. Lives in `out`, at most cap
 * bytes; 0 when it is longer (then nothing is cached). */
size_t cache_key(const struct request *r, uint8_t client_class, char *out, size_t cap);

/* Valid until the next call on this cache. `now_ms`: the loop's time. */
struct cache_entry *cache_find(struct cache *c, struct slice key, uint64_t now_ms);

struct cache_rules {
    struct slice tag[CACHE_TAGS_MAX];
    size_t tags;
    uint64_t count[CACHE_COUNTS_MAX]; /* what each hit counts that has the reply from its start (reply_from_start) */
    size_t counts;
    uint64_t began;   /* epochs_now() before the reply was begun */
    uint32_t seconds; /* how long it is fresh */
    bool anyone;      /* also for requests that carry credentials */
};

/* Copies the reply (status 200 only) under the key; a file's descriptor is duplicated or read. NULL when it does not
 * fit, or was purged meanwhile: the reply is then only sent. */
struct cache_entry *cache_put(struct cache *c, struct slice key, const struct reply *p, const struct cache_rules *rules,
                              uint64_t now_ms);
bool cache_for_anyone(const struct cache_entry *entry);
/* What this request counts, HEAD like GET; n is 0 when that is nothing. */
const uint64_t *cache_counts(const struct cache_entry *entry, const struct request *r, size_t *n);
void cache_reply(struct cache *c, struct cache_entry *entry, struct request *r); /* ends r */
void cache_clear(struct cache *c);                                               /* all entries go */

struct cache_stats {
    uint64_t hits, misses, stored, evicted, purged;
    size_t entries, bytes;
};
void cache_stats(const struct cache *c, struct cache_stats *out);

#endif
