/* cache.c: see cache.h. A chained hash table whose entries also stand in one queue: who gets to its front is dropped,
 * or sent to the end once more if it was found since it last stood there. So finding an entry writes to no other, and
 * reads one piece of memory: what goes out lies behind the entry, in the order of its going. */
#include "http/cache.h"
#include "base/list.h"
#include "http/conn_int.h"
#include "http/h2_fields_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

const struct cache_bounds cache_bounds_default = {64u << 20, 8192, 32768, 262144};

struct cache_entry {
    struct kept kept;         /* the cache is one of its users */
    struct cache_entry *next; /* of the same bucket */
    uint64_t hash, began, expires_ms;
    struct slice key;
    uint8_t slots, counts;
    bool anyone, found;
    uint8_t wanted; /* how often it was asked for where its file has to be read */
    char *read;     /* the file */
    uint32_t slot[CACHE_TAGS_MAX];
    uint64_t count[CACHE_COUNTS_MAX];
    struct reply reply;
    struct list queue;
    size_t cost;
    char memory[]; /* key, fields as they are sent, body; then what is rarely looked at: headers, texts */
};

#define LISTED_MAX 32
#define WANTED 2
#define FETCHED 1536 /* bytes of an entry sent for at once: most entries have left the processor's caches since */

struct cache {
    struct epochs *epochs;
    struct cache_bounds bounds;
    struct cache_entry **bucket;
    size_t mask;
    struct list queue;
    struct cache_stats stats;
};

/* FNV-1a, with a last mix: keys are the clients' choice, but a long chain costs only them a comparison of hashes. */
static uint64_t hash_of(struct slice s)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)s.p[i]) * 1099511628211u;
    h ^= h >> 32;
    return h * 0x9e3779b97f4a7c15u;
}

struct cache *cache_new(struct epochs *epochs, const struct cache_bounds *bounds)
{
    struct cache *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->epochs = epochs;
    c->bounds = bounds ? *bounds : cache_bounds_default;
    size_t buckets = 64;
    while (buckets < c->bounds.entries) buckets *= 2;
    c->mask = buckets - 1;
    c->bucket = calloc(buckets, sizeof *c->bucket);
    list_init(&c->queue);
    if (c->bucket) return c;
    free(c);
    return NULL;
}

static void on_unused(struct kept *k)
{
    struct cache_entry *entry = LIST_OF(k, struct cache_entry, kept);
    if (entry->reply.fd >= 0) close(entry->reply.fd);
    free(entry->read);
    free(entry);
}

static void drop(struct cache *c, struct cache_entry *entry)
{
    struct cache_entry **at = &c->bucket[entry->hash & c->mask];
    while (*at != entry) at = &(*at)->next;
    *at = entry->next;
    list_remove(&entry->queue);
    c->stats.entries--;
    c->stats.bytes -= entry->cost;
    kept_leave(&entry->kept);
}

void cache_clear(struct cache *c)
{
    while (!list_empty(&c->queue)) drop(c, LIST_OF(c->queue.next, struct cache_entry, queue));
}

void cache_free(struct cache *c)
{
    if (!c) return;
    cache_clear(c);
    free(c->bucket);
    free(c);
}

size_t cache_key(const struct request *r, uint8_t client_class, char *out, size_t cap)
{
    size_t n = r->host.n + r->path.n + r->query.n + 4;
    if (n > cap) return 0;
    char *w = out;
    *w++ = (char)client_class;
    *w++ = (char)(1 + slice_is(slice_str(r->scheme), "https") + 2 * r->host_told);
    for (size_t i = 0; i < r->host.n; i++) {
        char b = r->host.p[i];
        *w++ = b >= 'A' && b <= 'Z' ? (char)(b | 32) : b;
    }
    memcpy(w, r->path.p, r->path.n);
    w += r->path.n;
    if (r->query.n) {
        *w++ = '?';
        memcpy(w, r->query.p, r->query.n);
        w += r->query.n;
    }
    return (size_t)(w - out);
}

static bool purged(const struct cache *c, const uint32_t *slot, size_t n, uint64_t began)
{
    for (size_t i = 0; i < n; i++)
        if (epochs_raised(c->epochs, slot[i], began)) return true;
    return false;
}

static struct cache_entry *lookup(struct cache *c, struct slice key, uint64_t hash)
{
    for (struct cache_entry *entry = c->bucket[hash & c->mask]; entry; entry = entry->next) {
        for (size_t i = 0; i < FETCHED; i += 64) __builtin_prefetch((const char *)entry + i);
        if (entry->hash == hash && slice_eq(entry->key, key)) return entry;
    }
    return NULL;
}

struct cache_entry *cache_find(struct cache *c, struct slice key, uint64_t now_ms)
{
    struct cache_entry *entry = lookup(c, key, hash_of(key));
    if (!entry) {
        c->stats.misses++;
        return NULL;
    }
    bool stale = purged(c, entry->slot, entry->slots, entry->began);
    if (stale || now_ms >= entry->expires_ms) {
        c->stats.purged += stale;
        c->stats.misses++;
        drop(c, entry);
        return NULL;
    }
    c->stats.hits++;
    entry->found = true;
    return entry;
}

/* ---- filling ---- */

static char *keep(char **w, struct slice from, struct slice *to)
{
    if (from.n) memcpy(*w, from.p, from.n);
    *to = slice_of(*w, from.n);
    *w += from.n;
    return *w;
}

static bool read_whole(int fd, char *to, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, to + done, n - done, (off_t)done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        done += (size_t)got;
    }
    return true;
}

/* The body: in the entry's memory, or behind a descriptor of its own. */
static bool keep_body(struct cache_entry *entry, char **w, const struct reply *p, size_t in_memory)
{
    if (p->body == REPLY_EMPTY) return true;
    if (p->body == REPLY_FILE && !in_memory) {
        entry->reply.fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 0);
        entry->reply.keep_fd = true;
        return entry->reply.fd >= 0;
    }
    if (p->body == REPLY_FILE) {
        if (!read_whole(p->fd, *w, in_memory)) return false;
        entry->reply.body = REPLY_BYTES;
        entry->reply.bytes = slice_of(*w, in_memory);
        *w += in_memory;
    } else {
        keep(w, p->bytes, &entry->reply.bytes);
    }
    return true;
}

static void *keep_array(char **w, size_t size)
{
    char *at = (char *)(((uintptr_t)*w + 15) & ~(uintptr_t)15);
    *w = at + size;
    return at;
}

static void keep_texts(struct cache_entry *entry, char *w, const struct reply *p)
{
    struct http_header *headers = keep_array(&w, p->header_count * sizeof *headers);
    entry->reply.headers = headers;
    keep(&w, p->type, &entry->reply.type);
    keep(&w, p->etag, &entry->reply.etag);
    for (size_t i = 0; i < p->header_count; i++) {
        keep(&w, p->headers[i].name, &headers[i].name);
        keep(&w, p->headers[i].value, &headers[i].value);
    }
}

/* The fields are written once for all sendings, and listed for HTTP/2; when they cannot be, the reply is merely
 * slower. */
struct fields {
    char text[4096], text_304[4096], lower[4096];
    size_t n, n_304, names;
    struct http_header list[LISTED_MAX]; /* of lower */
    int count;
};

static void write_fields(struct fields *f, const struct reply *p)
{
    f->n = reply_prepare(p, 200, f->text, sizeof f->text);
    f->n_304 = f->n ? reply_prepare(p, 304, f->text_304, sizeof f->text_304) : 0;
    memcpy(f->lower, f->text, f->n);
    f->count = h2__fields(f->lower, f->n, f->list, LISTED_MAX);
    f->names = 0;
    for (int i = 0; i < f->count; i++) f->names += f->list[i].name.n;
}

/* Values are those of `ready`. */
static void keep_list(struct cache_entry *entry, char **w, const struct fields *f)
{
    if (f->count <= 0) return;
    struct http_header *list = keep_array(w, (size_t)f->count * sizeof *list);
    for (int i = 0; i < f->count; i++) {
        keep(w, f->list[i].name, &list[i].name);
        list[i].value = slice_of(entry->reply.ready.p + (f->list[i].value.p - f->lower), f->list[i].value.n);
    }
    entry->reply.listed = list;
    entry->reply.listed_count = (size_t)f->count;
}

static struct cache_entry *make(const struct cache *c, struct slice key, const struct reply *p)
{
    struct fields f;
    write_fields(&f, p);
    size_t texts = p->type.n + p->etag.n + p->header_count * sizeof *p->headers + 16;
    for (size_t i = 0; i < p->header_count; i++) texts += p->headers[i].name.n + p->headers[i].value.n;
    if (f.count > 0) texts += (size_t)f.count * sizeof *f.list + f.names + 16;
    size_t body = p->body == REPLY_BYTES ? p->bytes.n : 0;
    if (p->body == REPLY_FILE && p->size <= c->bounds.in_memory) body = (size_t)p->size;
    size_t cost = sizeof(struct cache_entry) + key.n + f.n + f.n_304 + body + texts;
    if (cost > c->bounds.bytes / 4) return NULL;
    struct cache_entry *entry = malloc(cost);
    if (!entry) return NULL;
    *entry = (struct cache_entry){.kept = {1, on_unused}, .cost = cost, .reply = *p};
    entry->reply.kept = &entry->kept;
    entry->reply.fd = -1;
    entry->reply.close = false;
    char *w = entry->memory;
    keep(&w, key, &entry->key);
    keep(&w, slice_of(f.text_304, f.n_304), &entry->reply.ready_304);
    keep(&w, slice_of(f.text, f.n), &entry->reply.ready);
    if (!keep_body(entry, &w, p, body)) {
        free(entry);
        return NULL;
    }
    keep_list(entry, &w, &f);
    keep_texts(entry, w, p);
    return entry;
}

/* What nobody has asked for since it was last at the front. */
static void evict(struct cache *c)
{
    for (;;) {
        struct cache_entry *front = LIST_OF(c->queue.next, struct cache_entry, queue);
        if (!front->found) {
            drop(c, front);
            c->stats.evicted++;
            return;
        }
        front->found = false;
        list_remove(&front->queue);
        list_push(&c->queue, &front->queue);
    }
}

struct cache_entry *cache_put(struct cache *c, struct slice key, const struct reply *p, const struct cache_rules *rules,
                              uint64_t now_ms)
{
    uint32_t slot[CACHE_TAGS_MAX];
    if (p->status != 200 || key.n == 0 || rules->tags > CACHE_TAGS_MAX || rules->counts > CACHE_COUNTS_MAX) return NULL;
    for (size_t i = 0; i < rules->tags; i++) slot[i] = epochs_slot(rules->tag[i]);
    if (purged(c, slot, rules->tags, rules->began)) return NULL;
    struct cache_entry *entry = make(c, key, p);
    if (!entry) return NULL;
    entry->hash = hash_of(key);
    entry->began = rules->began;
    entry->expires_ms = now_ms + (uint64_t)rules->seconds * 1000;
    entry->slots = (uint8_t)rules->tags;
    entry->counts = (uint8_t)rules->counts;
    entry->anyone = rules->anyone;
    memcpy(entry->slot, slot, sizeof *slot * rules->tags);
    memcpy(entry->count, rules->count, sizeof *rules->count * rules->counts);
    struct cache_entry *old = lookup(c, key, entry->hash);
    if (old) drop(c, old);
    while (!list_empty(&c->queue) &&
           (c->stats.entries >= c->bounds.entries || c->stats.bytes + entry->cost > c->bounds.bytes))
        evict(c);
    entry->next = c->bucket[entry->hash & c->mask];
    c->bucket[entry->hash & c->mask] = entry;
    list_push(&c->queue, &entry->queue);
    c->stats.entries++;
    c->stats.bytes += entry->cost;
    c->stats.stored++;
    return entry;
}

bool cache_for_anyone(const struct cache_entry *entry)
{
    return entry->anyone;
}

const uint64_t *cache_counts(const struct cache_entry *entry, const struct request *r, size_t *n)
{
    *n = entry->counts && (r->method == HTTP_HEAD || reply_from_start(r, &entry->reply)) ? entry->counts : 0;
    return entry->count;
}

/* Not at the first time: most files are asked for once. */
static void read_file(struct cache *c, struct cache_entry *entry)
{
    size_t n = (size_t)entry->reply.size;
    if (entry->read || entry->reply.body != REPLY_FILE || entry->reply.size > c->bounds.readable) return;
    if (entry->wanted == WANTED || ++entry->wanted < WANTED || entry->cost + n > c->bounds.bytes / 4) return;
    list_remove(&entry->queue);
    while (!list_empty(&c->queue) && c->stats.bytes + n > c->bounds.bytes) evict(c);
    list_push(&c->queue, &entry->queue);
    char *all = malloc(n ? n : 1);
    if (!all || !read_whole(entry->reply.fd, all, n)) {
        free(all);
        return;
    }
    entry->read = all;
    entry->cost += n;
    c->stats.bytes += n;
}

void cache_reply(struct cache *c, struct cache_entry *entry, struct request *r)
{
    struct reply p = entry->reply;
    if (r->conn->tls || r->conn->carrier) {
        read_file(c, entry);
        if (entry->read) {
            p.body = REPLY_BYTES;
            p.bytes = slice_of(entry->read, (size_t)p.size);
        }
    }
    reply_send(r, &p);
}

void cache_stats(const struct cache *c, struct cache_stats *out)
{
    *out = c->stats;
}
