/* near.c: see near.h. */
#include "store/near.h"

#include <errno.h>
#include <fcntl.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYOUT 2
#define HEAD_BYTES 4096
#define BLOCK 4096 /* hashes */
#define GROW 8     /* blocks at a time */
#define AHEAD 2048 /* bytes */

struct block {
    uint64_t first[BLOCK];
    uint32_t second[BLOCK];
    uint32_t rest[BLOCK][5];
    _Atomic uint64_t key[BLOCK];
};

struct head {
    char magic[8];
    uint32_t layout, block_bytes;
    char boot[40];
    _Atomic uint64_t places, free, blocks, mark, ready; /* free: places without a key */
};

struct near {
    struct loop *loop;
    struct head *head;
    struct block *block;
    int fd;
};

#define MAPPED (HEAD_BYTES + NEAR_HASHES_MAX / BLOCK * sizeof(struct block))

/* ---- the file ---- */

static struct head head_now(void)
{
    struct head h = {.magic = "nearfile", .layout = LAYOUT, .block_bytes = sizeof(struct block)};
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, h.boot, 36) != 36) h.boot[0] = 0;
        close(fd);
    }
    return h;
}

static bool is_whole(int fd, const struct head *want)
{
    struct head have;
    struct stat st;
    if (pread(fd, &have, sizeof have, 0) != (ssize_t)sizeof have || fstat(fd, &st) < 0) return false;
    return memcmp(&have, want, offsetof(struct head, places)) == 0 && have.free <= have.places &&
           have.places <= have.blocks * BLOCK && have.places <= NEAR_HASHES_MAX &&
           (uint64_t)st.st_size >= HEAD_BYTES + have.blocks * sizeof(struct block);
}

/* The file stays the same one, since others may have mapped it: it is never cut. */
static int make_whole(int fd, struct err *e)
{
    struct head want = head_now();
    if (is_whole(fd, &want)) return GIFD_OK;
    int rc = posix_fallocate(fd, 0, HEAD_BYTES);
    if (rc) return err_sys(e, rc, "near");
    return pwrite(fd, &want, sizeof want, 0) == (ssize_t)sizeof want ? GIFD_OK : err_sys(e, errno, "near");
}

struct near *near_open(struct loop *l, const char *path, struct err *e)
{
    struct near *n = calloc(1, sizeof *n);
    if (!n) {
        err_set(e, GIFD_ENOMEM, "near");
        return NULL;
    }
    n->loop = l;
    n->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (n->fd < 0 || flock(n->fd, LOCK_EX) < 0) {
        err_sys(e, errno, "%s", path);
        near_close(n);
        return NULL;
    }
    int rc = make_whole(n->fd, e);
    flock(n->fd, LOCK_UN);
    void *p = rc < 0 ? MAP_FAILED : mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, n->fd, 0);
    if (p == MAP_FAILED) {
        if (rc == GIFD_OK) err_sys(e, errno, "mapping %s", path);
        near_close(n);
        return NULL;
    }
    n->head = p;
    n->block = (struct block *)(void *)((char *)p + HEAD_BYTES);
    return n;
}

void near_close(struct near *n)
{
    if (!n) return;
    if (n->head) munmap(n->head, MAPPED);
    if (n->fd >= 0) close(n->fd);
    free(n);
}

void near_state(const struct near *n, struct near_state *out)
{
    *out = (struct near_state){.mark = n->head->mark, .ready = n->head->ready != 0};
    uint64_t places = n->head->places, without = n->head->free;
    out->rows = places > without ? places - without : 0;
}

/* ---- changes, under the lock ---- */

static int lock(const struct near *n, struct err *e)
{
    if (flock(n->fd, LOCK_EX | LOCK_NB) == 0) return GIFD_OK;
    return err_set(e, GIFD_EBUSY, "another process changes the index");
}

static void unlock(const struct near *n)
{
    flock(n->fd, LOCK_UN);
}

static int grow(struct near *n, uint64_t places, struct err *e)
{
    struct head *h = n->head;
    if (places > NEAR_HASHES_MAX)
        return err_set(e, GIFD_ETOOBIG, "the index holds %llu hashes", (unsigned long long)NEAR_HASHES_MAX);
    if (places <= h->blocks * BLOCK) return GIFD_OK;
    uint64_t blocks = (places + BLOCK - 1) / BLOCK + GROW - 1;
    if (blocks > NEAR_HASHES_MAX / BLOCK) blocks = NEAR_HASHES_MAX / BLOCK;
    /* Not a hole: writing into one on a full disk would be a signal, not an error. */
    int rc = posix_fallocate(n->fd, HEAD_BYTES, (off_t)(blocks * sizeof(struct block)));
    if (rc) return err_sys(e, rc, "near");
    h->blocks = blocks;
    return GIFD_OK;
}

static void put(struct near *n, uint64_t place, const struct near_row *row)
{
    struct block *b = &n->block[place / BLOCK];
    memcpy(&b->first[place % BLOCK], row->hash, 8);
    memcpy(&b->second[place % BLOCK], row->hash + 8, 4);
    memcpy(&b->rest[place % BLOCK], row->hash + 12, 20);
    atomic_store_explicit(&b->key[place % BLOCK], row->key, memory_order_release);
}

static _Atomic uint64_t *key_at(const struct near *n, uint64_t place)
{
    return &n->block[place / BLOCK].key[place % BLOCK];
}

int near_append(struct near *n, uint64_t seen, const struct near_row *rows, size_t count, uint64_t mark, struct err *e)
{
    struct head *h = n->head;
    int rc = lock(n, e);
    if (rc < 0) return rc;
    if (h->mark != seen) rc = err_set(e, GIFD_ECONFLICT, "the index has moved on");
    size_t reused = h->free < count ? h->free : count; /* or fewer, where a writer was killed */
    if (rc == GIFD_OK) rc = grow(n, h->places + count, e);
    if (rc == GIFD_OK) {
        size_t i = 0;
        for (uint64_t place = 0, places = h->places; place < places && i < reused; place++) {
            if (*key_at(n, place)) continue;
            put(n, place, &rows[i++]);
            h->free--;
        }
        for (; i < count; i++, h->places++) put(n, h->places, &rows[i]);
        h->mark = mark;
    }
    unlock(n);
    return rc;
}

int near_remove(struct near *n, uint64_t key, struct err *e)
{
    int rc = lock(n, e), gone = 0;
    if (rc < 0) return rc;
    for (uint64_t place = 0, places = n->head->places; place < places; place++) {
        if (*key_at(n, place) != key) continue;
        *key_at(n, place) = 0;
        n->head->free++;
        gone++;
    }
    unlock(n);
    return gone;
}

int near_ready(struct near *n, uint64_t seen, struct err *e)
{
    int rc = lock(n, e);
    if (rc < 0) return rc;
    if (n->head->mark == seen)
        n->head->ready = 1;
    else
        rc = err_set(e, GIFD_ECONFLICT, "the index has moved on");
    unlock(n);
    return rc;
}

int near_reset(struct near *n, struct err *e)
{
    int rc = lock(n, e);
    if (rc < 0) return rc;
    n->head->ready = n->head->places = n->head->free = n->head->mark = 0;
    unlock(n);
    return GIFD_OK;
}

/* ---- search ---- */

struct near_search {
    struct work work;
    struct near *near;
    uint8_t hash[NEAR_BYTES];
    uint32_t distance;
    near_done_fn done; /* NULL: forgotten */
    void *arg;
    size_t count;
    struct near_found found[NEAR_FOUND_MAX]; /* the nearest first */
};

static void keep(struct near_search *s, uint64_t key, uint32_t distance)
{
    struct near_found *f = s->found;
    size_t i = 0, to;
    while (i < s->count && f[i].key != key) i++;
    if (i < s->count && f[i].distance <= distance) return;
    if (i == s->count && s->count < NEAR_FOUND_MAX) s->count++;
    if (i == NEAR_FOUND_MAX) i--;
    for (to = i; to > 0 && f[to - 1].distance > distance; to--) f[to] = f[to - 1];
    f[to] = (struct near_found){key, distance};
    if (s->count == NEAR_FOUND_MAX && f[NEAR_FOUND_MAX - 1].distance)
        s->distance = f[NEAR_FOUND_MAX - 1].distance - 1; /* no more of those at the end */
}

/* What is looked for, cut as a block is. */
struct cut {
    uint64_t first;
    uint32_t second, rest[5];
};

/* Of the first twelve bytes. */
static inline uint32_t apart(const struct cut *c, const struct block *b, size_t i)
{
    return (uint32_t)(__builtin_popcountll(c->first ^ b->first[i]) + __builtin_popcount(c->second ^ b->second[i]));
}

static void compare(struct near_search *s, const struct cut *c, const struct block *b, size_t i)
{
    uint32_t d = apart(c, b, i);
    for (int k = 0; k < 5; k++) d += (uint32_t)__builtin_popcount(c->rest[k] ^ b->rest[i][k]);
    uint64_t key = atomic_load_explicit(&b->key[i], memory_order_acquire);
    if (d <= s->distance && key) keep(s, key, d);
}

static void scan_plain(struct near_search *s, const struct cut *c, const struct block *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (apart(c, b, i) <= s->distance) compare(s, c, b, i);
}

#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,popcnt")))

static inline AVX2 __m256i load(const void *p)
{
    return _mm256_loadu_si256(p);
}

/* Bits that are set, in each byte (Mula, Kurz, Lemire, "Faster Population Counts Using AVX2 Instructions"). */
static inline AVX2 __m256i count(__m256i v)
{
    const __m256i low = _mm256_set1_epi8(15), bits = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0,
                                                                      1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    return _mm256_add_epi8(_mm256_shuffle_epi8(bits, _mm256_and_si256(v, low)),
                           _mm256_shuffle_epi8(bits, _mm256_and_si256(_mm256_srli_epi16(v, 4), low)));
}

/* Eight times apart(), in 32 bits each. */
static inline AVX2 __m256i apart_of_eight(__m256i first, __m256i second, const struct block *b, size_t i)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i low = _mm256_sad_epu8(count(_mm256_xor_si256(first, load(&b->first[i]))), zero);
    __m256i high = _mm256_sad_epu8(count(_mm256_xor_si256(first, load(&b->first[i + 4]))), zero);
    __m256i pairs = _mm256_maddubs_epi16(count(_mm256_xor_si256(second, load(&b->second[i]))), _mm256_set1_epi8(1));
    __m256 both = _mm256_shuffle_ps(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high), 0x88);
    return _mm256_add_epi32(_mm256_permute4x64_epi64(_mm256_castps_si256(both), 0xd8),
                            _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* Of eight at a time hardly ever one may be near. Memory is what this waits for, so it is asked for ahead. */
static AVX2 void scan_avx2(struct near_search *s, const struct cut *c, const struct block *b, size_t n)
{
    __m256i first = _mm256_set1_epi64x((long long)c->first), second = _mm256_set1_epi32((int)c->second);
    for (size_t i = 0; i < n; i += 8) {
        _mm_prefetch((const char *)&b->first[i] + AHEAD, _MM_HINT_T0);
        _mm_prefetch((const char *)&b->second[i] + AHEAD / 2, _MM_HINT_T0);
        __m256i near = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)s->distance + 1), apart_of_eight(first, second, b, i));
        if (_mm256_testz_si256(near, near)) continue;
        unsigned which = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(near));
        for (; which; which &= which - 1)
            if (i + (size_t)__builtin_ctz(which) < n) compare(s, c, b, i + (size_t)__builtin_ctz(which));
    }
}
#endif

static void run(struct work *w)
{
    struct near_search *s = LIST_OF(w, struct near_search, work);
    void (*best)(struct near_search *, const struct cut *, const struct block *, size_t) = scan_plain;
    struct cut c;
    memcpy(&c.first, s->hash, 8);
    memcpy(&c.second, s->hash + 8, 4);
    memcpy(c.rest, s->hash + 12, 20);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) best = scan_avx2;
#endif
    uint64_t places = s->near->head->places;
    for (uint64_t at = 0; at < places; at += BLOCK)
        best(s, &c, &s->near->block[at / BLOCK], places - at < BLOCK ? places - at : BLOCK);
}

static void done(struct work *w)
{
    struct near_search *s = LIST_OF(w, struct near_search, work);
    if (s->done) s->done(s->arg, GIFD_OK, s->found, s->count, NULL);
    free(s);
}

struct near_search *near_search(struct near *n, const uint8_t hash[NEAR_BYTES], uint32_t distance, near_done_fn fn,
                                void *arg, struct err *e)
{
    if (!n->head->ready) {
        err_set(e, GIFD_EBUSY, "the index of hashes is being filled");
        return NULL;
    }
    struct near_search *s = calloc(1, sizeof *s);
    if (!s) {
        err_set(e, GIFD_ENOMEM, "search");
        return NULL;
    }
    s->near = n;
    memcpy(s->hash, hash, NEAR_BYTES);
    s->distance = distance;
    s->done = fn;
    s->arg = arg;
    s->work.run = run;
    s->work.done = done;
    if (work_submit(n->loop, &s->work, e) == GIFD_OK) return s;
    free(s);
    return NULL;
}

void near_forget(struct near_search *s)
{
    s->done = NULL;
}
