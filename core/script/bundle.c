/* bundle.c: see build.h. Reading maps the file and keeps a sorted table of its entries; names end with a NUL of ours.
 */
#include "crypto/crypto.h"
#include "script/bundle_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct entry {
    char *name;
    struct slice bytes;
};

struct bundle {
    const uint8_t *map;
    size_t n;
    struct entry *entries; /* sorted by name */
    size_t count;
};

static uint64_t number(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = bytes; i-- > 0;) v = v << 8 | p[i];
    return v;
}

static int map_file(struct bundle *b, const char *path, struct err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "bundle %s", path);
    int rc = fstat(fd, &st) < 0 ? err_sys(e, errno, "bundle %s", path) : GIFD_OK;
    if (rc == GIFD_OK && (st.st_size < BUNDLE_MAGIC_LEN + SHA256_LEN || st.st_size > BUNDLE_MAX))
        rc = err_set(e, GIFD_ECORRUPT, "bundle %s: of a wrong size", path);
    if (rc == GIFD_OK) {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) {
            rc = err_sys(e, errno, "bundle %s", path);
        } else {
            b->map = p;
            b->n = (size_t)st.st_size;
        }
    }
    close(fd);
    return rc;
}

static int add_entry(struct bundle *b, struct slice name, struct slice bytes, struct err *e)
{
    if (b->count == BUNDLE_ENTRIES_MAX) return err_set(e, GIFD_ECORRUPT, "more than %d entries", BUNDLE_ENTRIES_MAX);
    if (!b->entries) b->entries = malloc(BUNDLE_ENTRIES_MAX * sizeof *b->entries);
    char *copy = b->entries ? strndup(name.p, name.n) : NULL;
    if (!copy) return err_set(e, GIFD_ENOMEM, "bundle");
    if (b->count && strcmp(b->entries[b->count - 1].name, copy) >= 0) {
        free(copy);
        return err_set(e, GIFD_ECORRUPT, "entries out of order");
    }
    b->entries[b->count++] = (struct entry){copy, bytes};
    return GIFD_OK;
}

static int read_entries(struct bundle *b, struct err *e)
{
    size_t at = BUNDLE_MAGIC_LEN, end = b->n - SHA256_LEN;
    while (at < end) {
        if (end - at < 12) return err_set(e, GIFD_ECORRUPT, "cut off");
        size_t name_n = (size_t)number(b->map + at, 4);
        uint64_t bytes_n = number(b->map + at + 4, 8);
        at += 12;
        if (name_n > end - at || bytes_n > end - at - name_n) return err_set(e, GIFD_ECORRUPT, "cut off");
        struct slice name = slice_of((const char *)b->map + at, name_n);
        struct slice bytes = slice_of((const char *)b->map + at + name_n, (size_t)bytes_n);
        int rc = add_entry(b, name, bytes, e);
        if (rc < 0) return rc;
        at += name_n + (size_t)bytes_n;
    }
    struct entry *fitting = realloc(b->entries, (b->count ? b->count : 1) * sizeof *b->entries);
    if (fitting) b->entries = fitting;
    return GIFD_OK;
}

struct bundle *bundle_open(const char *path, struct err *e)
{
    struct err own = {0};
    uint8_t digest[SHA256_LEN];
    struct bundle *b = calloc(1, sizeof *b);
    if (!e) e = &own;
    int rc = b ? map_file(b, path, e) : err_set(e, GIFD_ENOMEM, "bundle");
    if (rc == GIFD_OK) {
        sha256_of(b->map, b->n - SHA256_LEN, digest);
        if (memcmp(b->map, BUNDLE_MAGIC, BUNDLE_MAGIC_LEN) != 0 ||
            memcmp(digest, b->map + b->n - SHA256_LEN, SHA256_LEN) != 0)
            rc = err_set(e, GIFD_ECORRUPT, "bundle %s: does not match its checksum", path);
    }
    if (rc == GIFD_OK && (rc = read_entries(b, e)) < 0) err_wrap(e, "bundle %s", path);
    if (rc == GIFD_OK) return b;
    bundle_close(b);
    return NULL;
}

void bundle_close(struct bundle *b)
{
    if (!b) return;
    for (size_t i = 0; i < b->count; i++) free(b->entries[i].name);
    free(b->entries);
    if (b->map) munmap((void *)b->map, b->n);
    free(b);
}

/* The first entry whose name is not below. */
static size_t lower_bound(const struct bundle *b, const char *name)
{
    size_t from = 0, to = b->count;
    while (from < to) {
        size_t mid = (from + to) / 2;
        if (strcmp(b->entries[mid].name, name) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

bool bundle_find(const struct bundle *b, const char *name, struct slice *out)
{
    size_t i = lower_bound(b, name);
    if (i == b->count || strcmp(b->entries[i].name, name) != 0) return false;
    *out = b->entries[i].bytes;
    return true;
}

int bundle_each(const struct bundle *b, const char *prefix, int (*fn)(void *, const char *name, struct slice bytes),
                void *arg)
{
    size_t n = strlen(prefix);
    for (size_t i = lower_bound(b, prefix); i < b->count && strncmp(b->entries[i].name, prefix, n) == 0; i++) {
        int rc = fn(arg, b->entries[i].name, b->entries[i].bytes);
        if (rc) return rc;
    }
    return 0;
}

/* ---- migrations ---- */

struct collecting {
    struct arena *arena;
    struct migration *list;
    size_t count;
};

static int collect(void *arg, const char *name, struct slice bytes)
{
    struct collecting *c = arg;
    const char *base = strrchr(name, '/') + 1;
    size_t n = strlen(base);
    if (n <= 4 || strcmp(base + n - 4, ".sql") != 0) return 0;
    if (c->list) c->list[c->count] = (struct migration){arena_strndup(c->arena, base, n - 4), bytes};
    c->count++;
    return 0;
}

size_t bundle_migrations(const struct bundle *b, const char *folder, struct arena *arena, struct migration **out)
{
    struct collecting c = {arena, NULL, 0};
    bundle_each(b, folder, collect, &c);
    c.list = arena_alloc(arena, (c.count ? c.count : 1) * sizeof *c.list);
    *out = c.list;
    c.count = 0;
    if (c.list) bundle_each(b, folder, collect, &c);
    return c.count;
}

/* ---- writing ---- */

static void put_number(uint8_t *p, size_t bytes, uint64_t v)
{
    for (size_t i = 0; i < bytes; i++, v >>= 8) p[i] = (uint8_t)v;
}

static int by_name(const void *a, const void *b)
{
    const struct bundle_put *x = a, *y = b;
    return strcmp(x->name, y->name);
}

int bundle__encode(struct bundle_put *put, size_t count, struct buf *out, struct err *e)
{
    uint8_t head[12], digest[SHA256_LEN];
    qsort(put, count, sizeof *put, by_name);
    int rc = buf_append(out, BUNDLE_MAGIC, BUNDLE_MAGIC_LEN, e);
    for (size_t i = 0; rc == GIFD_OK && i < count; i++) {
        if (i && strcmp(put[i].name, put[i - 1].name) == 0)
            return err_set(e, GIFD_ECONFLICT, "bundle: %s is there twice", put[i].name);
        put_number(head, 4, strlen(put[i].name));
        put_number(head + 4, 8, put[i].bytes.n);
        rc = buf_append(out, head, sizeof head, e);
        if (rc == GIFD_OK) rc = buf_puts(out, put[i].name, e);
        if (rc == GIFD_OK) rc = buf_append(out, put[i].bytes.p, put[i].bytes.n, e);
    }
    if (rc < 0) return rc;
    sha256_of(out->p, out->n, digest);
    return buf_append(out, digest, sizeof digest, e);
}

static int write_all(int fd, struct slice s)
{
    while (s.n) {
        ssize_t k = write(fd, s.p, s.n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return -1;
        s.p += k;
        s.n -= (size_t)k;
    }
    return 0;
}

int bundle__write(const char *dir, const char *digest, struct slice bytes, char *path, size_t cap, struct err *e)
{
    char temporary[1100];
    if (mkdir(dir, 0700) < 0 && errno != EEXIST) return err_sys(e, errno, "%s", dir);
    snprintf(path, cap, "%s/%s.gen", dir, digest);
    snprintf(temporary, sizeof temporary, "%s/%s.%d.tmp", dir, digest, (int)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return err_sys(e, errno, "%s", temporary);
    int rc = write_all(fd, bytes) < 0 || fsync(fd) < 0 ? err_sys(e, errno, "%s", temporary) : GIFD_OK;
    close(fd);
    if (rc == GIFD_OK && rename(temporary, path) < 0) rc = err_sys(e, errno, "%s", path);
    if (rc < 0) unlink(temporary);
    fd = rc == GIFD_OK ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd >= 0) {
        if (fsync(fd) < 0) rc = err_sys(e, errno, "%s", dir);
        close(fd);
    }
    return rc;
}
