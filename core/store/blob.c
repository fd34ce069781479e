/* blob.c: drafts and finished blobs. See blob.h.
 *
 * Order of a commit, on the thread pool: hash what another process wrote, fdatasync, folders, rename, fsync of the
 * folder. A folder that exists may have been made a moment ago by somebody who has not yet synced its parent, so a
 * process syncs the parents of each folder once, whoever made it. The same holds for a digest that is there already:
 * its folder is synced before anybody is told. */
#include "store/blob.h"
#include "crypto/crypto.h"
#include "store/blob_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Drafts are refused below this (of a small file system: an eighth), or below 1 / FREE_PART_MIN of the file system. */
#define FREE_BYTES_MIN (64ull << 20)
#define FREE_PART_MIN 100
#define FREE_CHECK_MS 1000
#define HASH_BYTES 65536
#define CLOSE_ELSEWHERE_BYTES (1 << 20) /* freeing the blocks of a larger file may wait for the disk */

struct blob_draft {
    struct blobs *b;
    int fd;
    bool handed_out;
    uint64_t max, size;
    struct sha256 *sha;
    char digest[BLOB_DIGEST_HEX + 1]; /* "": still to be told */
    struct work closing;
    char name[BLOB__NAME_LEN];
};

struct blob_commit {
    struct work work;
    struct blob_draft *draft;
    blob_done_fn done;
    void *arg;
    bool forgotten;
    int rc;
    struct err e;
    uint64_t size;
    char digest[BLOB_DIGEST_HEX + 1];
};

static void release(struct blobs *b)
{
    if (--b->users) return;
    close(b->dir);
    close(b->tmp);
    free(b);
}

static int sync_folder(int at, const char *path)
{
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -1;
    int rc = fsync(fd), failed = errno;
    close(fd);
    errno = failed;
    return rc;
}

/* Makes `path` below `at` when missing, and syncs what holds it. */
static int make_folder(int at, const char *path, const char *parent)
{
    if (mkdirat(at, path, 0700) < 0 && errno != EEXIST) return -1;
    return sync_folder(at, parent);
}

struct blobs *blobs_open(struct loop *l, const char *dir, struct err *e)
{
    char parent[PATH_MAX];
    struct blobs *b = calloc(1, sizeof *b);
    if (!b || snprintf(parent, sizeof parent, "%s/..", dir) >= (int)sizeof parent) {
        free(b);
        err_set(e, GIFD_ENOMEM, "no memory for the blobs of %s", dir);
        return NULL;
    }
    b->loop = l;
    b->users = 1;
    b->started = blob__process_started(getpid());
    b->dir = b->tmp = -1;
    bool made = mkdir(dir, 0700) == 0;
    if ((made || errno == EEXIST) && (!made || sync_folder(AT_FDCWD, parent) == 0))
        b->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->dir >= 0 && make_folder(b->dir, "tmp", ".") == 0)
        b->tmp = openat(b->dir, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (b->tmp >= 0) return b;
    err_sys(e, errno, "%s", dir);
    if (b->dir >= 0) close(b->dir);
    free(b);
    return NULL;
}

void blobs_close(struct blobs *b)
{
    if (b) release(b);
}

static bool is_full(const struct statvfs *s)
{
    uint64_t available = (uint64_t)s->f_bavail * s->f_frsize, all = (uint64_t)s->f_blocks * s->f_frsize;
    uint64_t part = all / FREE_PART_MIN, least = all / 8 < FREE_BYTES_MIN ? all / 8 : FREE_BYTES_MIN;
    return available < (part > least ? part : least);
}

static int look_for_room(struct blobs *b, struct err *e)
{
    uint64_t now = loop_now_ms(b->loop);
    struct statvfs s;
    if (!b->checked || now - b->checked_ms >= FREE_CHECK_MS) {
        if (fstatvfs(b->tmp, &s) < 0) return err_sys(e, errno, "free space");
        b->full = is_full(&s);
        b->checked = true;
        b->checked_ms = now;
    }
    return b->full ? err_set(e, GIFD_ENOSPACE, "the disk has too little room left") : GIFD_OK;
}

void blob__draft_name(struct blobs *b, char out[BLOB__NAME_LEN])
{
    snprintf(out, BLOB__NAME_LEN, "%d.%llu.%llu", (int)getpid(), (unsigned long long)b->started,
             (unsigned long long)b->drafts++);
}

struct blob_draft *blob_draft_new(struct blobs *b, uint64_t max, struct err *e)
{
    if (look_for_room(b, e) < 0) return NULL;
    struct blob_draft *d = calloc(1, sizeof *d);
    if (d) d->sha = sha256_new();
    if (!d || !d->sha) {
        free(d);
        err_set(e, GIFD_ENOMEM, "no memory for a draft");
        return NULL;
    }
    d->b = b;
    d->max = max;
    blob__draft_name(b, d->name);
    d->fd = openat(b->tmp, d->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (d->fd < 0) {
        err_sys(e, errno, "draft");
        sha256_free(d->sha);
        free(d);
        return NULL;
    }
    b->users++;
    return d;
}

int blob_draft_write(struct blob_draft *d, const void *p, size_t n, struct err *e)
{
    const char *at = p;
    if (*d->digest) return err_set(e, GIFD_ECLOSED, "the draft is whole");
    if (n > d->max || d->size > d->max - n)
        return err_set(e, GIFD_ETOOBIG, "more than %llu bytes", (unsigned long long)d->max);
    while (n) {
        ssize_t wrote = write(d->fd, at, n);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return err_sys(e, errno, "draft");
        sha256_update(d->sha, at, (size_t)wrote);
        d->size += (uint64_t)wrote;
        at += wrote;
        n -= (size_t)wrote;
    }
    return GIFD_OK;
}

int blob_draft_fd(struct blob_draft *d)
{
    d->handed_out = true;
    return d->fd;
}

uint64_t blob_draft_size(const struct blob_draft *d)
{
    struct stat st;
    if (!d->handed_out) return d->size;
    return fstat(d->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

const char *blob_draft_digest(struct blob_draft *d)
{
    uint8_t digest[SHA256_LEN];
    if (d->handed_out) return NULL;
    if (!*d->digest) {
        sha256_final(d->sha, digest);
        hex_encode(digest, sizeof digest, d->digest);
    }
    return d->digest;
}

static void draft_free(struct blob_draft *d)
{
    struct blobs *b = d->b;
    if (d->fd >= 0) close(d->fd);
    sha256_free(d->sha);
    free(d);
    release(b);
}

static void run_close(struct work *w)
{
    struct blob_draft *d = LIST_OF(w, struct blob_draft, closing);
    close(d->fd);
    d->fd = -1;
}

static void closed(struct work *w)
{
    draft_free(LIST_OF(w, struct blob_draft, closing));
}

void blob_draft_drop(struct blob_draft *d)
{
    if (!d) return;
    unlinkat(d->b->tmp, d->name, 0);
    d->closing = (struct work){.run = run_close, .done = closed};
    if (blob_draft_size(d) < CLOSE_ELSEWHERE_BYTES || work_submit(d->b->loop, &d->closing, NULL) < 0) draft_free(d);
}

static int hash_file(struct blob_commit *c)
{
    struct blob_draft *d = c->draft;
    uint8_t digest[SHA256_LEN];
    struct sha256 *sha = sha256_new();
    char *block = malloc(HASH_BYTES);
    ssize_t n = 0;
    int rc = sha && block ? GIFD_OK : err_set(&c->e, GIFD_ENOMEM, "no memory to hash a draft");
    for (c->size = 0; rc == GIFD_OK && c->size <= d->max; c->size += (uint64_t)n) {
        while ((n = pread(d->fd, block, HASH_BYTES, (off_t)c->size)) < 0 && errno == EINTR) {
        }
        if (n < 0) rc = err_sys(&c->e, errno, "draft");
        if (n <= 0) break;
        sha256_update(sha, block, (size_t)n);
    }
    if (rc == GIFD_OK && c->size > d->max)
        rc = err_set(&c->e, GIFD_ETOOBIG, "more than %llu bytes", (unsigned long long)d->max);
    if (rc == GIFD_OK) {
        sha256_final(sha, digest);
        hex_encode(digest, sizeof digest, c->digest);
    }
    if (sha) sha256_free(sha);
    free(block);
    return rc;
}

static int make_way(struct blobs *b, const char *digest)
{
    uint8_t start[2];
    size_t n;
    char outer[3], inner[6];
    if (hex_decode(slice_of(digest, 4), start, sizeof start, &n, NULL) < 0) return -1;
    unsigned bit = (unsigned)start[0] << 8 | start[1];
    if (atomic_load(&b->synced[bit / 64]) & 1ull << bit % 64) return 0;
    snprintf(outer, sizeof outer, "%.2s", digest);
    snprintf(inner, sizeof inner, "%.2s/%.2s", digest, digest + 2);
    if (make_folder(b->dir, outer, ".") < 0 || make_folder(b->dir, inner, outer) < 0) return -1;
    atomic_fetch_or(&b->synced[bit / 64], 1ull << bit % 64);
    return 0;
}

void blob__path(const char *digest, char out[BLOB_DIGEST_HEX + 8])
{
    snprintf(out, BLOB_DIGEST_HEX + 8, "%.2s/%.2s/%.64s", digest, digest + 2, digest);
}

int blob__lock(const struct blobs *b, int operation)
{
    int fd = openat(b->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc; /* a lock belongs to what open gave */
    if (fd < 0) return -1;
    do rc = flock(fd, operation);
    while (rc < 0 && errno == EINTR);
    if (rc == 0) return fd;
    int failed = errno;
    close(fd);
    errno = failed;
    return -1;
}

/* 0: the draft is the blob now; 1: a blob of that size was there before; -1 and errno. Either way its time is now. */
static int give_name(struct blob_commit *c, const char *path)
{
    struct blob_draft *d = c->draft;
    struct stat st;
    int lock = blob__lock(d->b, LOCK_SH), named = 1;
    if (lock < 0) return -1;
    bool there = fstatat(d->b->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && (uint64_t)st.st_size == c->size &&
                 utimensat(d->b->dir, path, NULL, AT_SYMLINK_NOFOLLOW) == 0;
    if (!there) /* replaces a damaged one, or the same by another process */
        named = futimens(d->fd, NULL) < 0 ? -1 : renameat(d->b->tmp, d->name, d->b->dir, path);
    int failed = errno;
    close(lock);
    errno = failed;
    return named;
}

static int store(struct blob_commit *c)
{
    struct blob_draft *d = c->draft;
    char path[BLOB_DIGEST_HEX + 8], folder[6];
    int rc = d->handed_out ? hash_file(c) : GIFD_OK;
    if (rc < 0) return rc;
    blob__path(c->digest, path);
    snprintf(folder, sizeof folder, "%.5s", path);
    if (fchmod(d->fd, 0400) < 0 || fdatasync(d->fd) < 0) return err_sys(&c->e, errno, "draft");
    if (make_way(d->b, c->digest) < 0) return err_sys(&c->e, errno, "folder of blob %s", c->digest);
    int named = give_name(c, path);
    if (named < 0 || sync_folder(d->b->dir, folder) < 0) return err_sys(&c->e, errno, "blob %s", c->digest);
    if (named == 0) d->name[0] = 0;
    return GIFD_OK;
}

static void run_commit(struct work *w)
{
    struct blob_commit *c = LIST_OF(w, struct blob_commit, work);
    struct blob_draft *d = c->draft;
    c->rc = store(c);
    if (d->name[0]) unlinkat(d->b->tmp, d->name, 0);
    close(d->fd);
    d->fd = -1;
}

static void committed(struct work *w)
{
    struct blob_commit *c = LIST_OF(w, struct blob_commit, work);
    if (!c->forgotten) c->done(c->arg, c->rc, c->rc < 0 ? NULL : c->digest, c->size, &c->e);
    draft_free(c->draft);
    free(c);
}

struct blob_commit *blob_draft_commit(struct blob_draft *d, blob_done_fn done, void *arg, struct err *e)
{
    struct blob_commit *c = calloc(1, sizeof *c);
    int rc = c ? GIFD_OK : err_set(e, GIFD_ENOMEM, "no memory for a commit");
    if (c) {
        *c = (struct blob_commit){.work = {.run = run_commit, .done = committed}, .draft = d, .done = done, .arg = arg};
        c->size = d->size;
        if (!d->handed_out) memcpy(c->digest, blob_draft_digest(d), sizeof c->digest);
        rc = work_submit(d->b->loop, &c->work, e);
    }
    if (rc == GIFD_OK) return c;
    free(c);
    blob_draft_drop(d);
    return NULL;
}

void blob_commit_forget(struct blob_commit *c)
{
    c->forgotten = true;
}

bool blob__is_digest(const char *s)
{
    for (int i = 0; i < BLOB_DIGEST_HEX; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f'))) return false;
    return s[BLOB_DIGEST_HEX] == 0;
}

int blob_open(struct blobs *b, const char *digest, uint64_t *size, struct err *e)
{
    char path[BLOB_DIGEST_HEX + 8];
    struct stat st;
    if (!blob__is_digest(digest)) return err_set(e, GIFD_EINVALID, "a digest is 64 lower-case hexadecimal digits");
    blob__path(digest, path);
    int fd = openat(b->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int rc = err_sys(e, errno, "blob %s", digest);
        if (fd >= 0) close(fd);
        return rc;
    }
    *size = (uint64_t)st.st_size;
    return fd;
}

uint64_t blobs_free_bytes(const char *dir)
{
    struct statvfs s;
    return statvfs(dir, &s) == 0 ? (uint64_t)s.f_bavail * s.f_frsize : 0;
}
