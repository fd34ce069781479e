/* bind_blob.c: gifd.blob, and the draft that Lua holds between an upload and its commit. */
#include "crypto/crypto.h"
#include "script/draft.h"
#include "script/host_int.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_MAX (1 << 20)
#define AT_REST_MAX 256
#define KIND "gifd.draft"

static int draft_gc(lua_State *L)
{
    struct draft *d = lua_touserdata(L, 1);
    if (d->d) blob_draft_drop(d->d);
    d->d = NULL;
    return 0;
}

struct draft *draft_push(lua_State *L)
{
    return border_udata_new(L, sizeof(struct draft), KIND, draft_gc, NULL);
}

struct draft *draft_arg(lua_State *L, int arg)
{
    struct draft *d = border_udata(L, arg, "draft", KIND);
    if (!d->d) border_argument(L, arg, "draft", "was committed already");
    return d;
}

bool draft_digest(struct slice s)
{
    return s.n == BLOB_DIGEST_HEX && strspn(s.p, "0123456789abcdef") == BLOB_DIGEST_HEX;
}

static const char *digest_arg(lua_State *L, int arg)
{
    struct slice s = border_string(L, arg, "digest");
    if (!draft_digest(s)) border_argument(L, arg, "digest", "must be 64 lower-case hex digits");
    return s.p;
}

int draft_or_digest(lua_State *L, int arg, struct blobs *b, bool *opened, struct err *e)
{
    uint64_t size;
    *opened = false;
    if (border_udata_try(L, arg, KIND)) return blob_draft_fd(draft_arg(L, arg)->d);
    const char *digest = digest_arg(L, arg);
    if (!b) return err_set(e, GIFD_ECLOSED, "there are no blobs");
    int fd = blob_open(b, digest, &size, e);
    *opened = fd >= 0;
    return fd;
}

static struct blobs *blobs_here(lua_State *L)
{
    return gen_of(L)->host->s.blobs;
}

/* ---- commit ---- */

struct commit {
    struct wait wait;
    struct blob_commit *job;
    const char *digest;
    uint64_t size;
};

static void undo_commit(struct wait *w)
{
    struct commit *c = LIST_OF(w, struct commit, wait);
    blob_commit_forget(c->job);
    free(c);
}

static int push_committed(lua_State *L, void *arg)
{
    struct commit *c = arg;
    lua_pushstring(L, c->digest);
    lua_pushnumber(L, (lua_Number)c->size);
    return 2;
}

static void on_committed(void *arg, int rc, const char *digest, uint64_t size, const struct err *e)
{
    struct commit *c = arg;
    c->digest = digest;
    c->size = size;
    if (rc < 0)
        wait_fail(&c->wait, e);
    else
        wait_done(&c->wait, push_committed, c);
    free(c);
}

static int l_commit(lua_State *L)
{
    struct err e = {0};
    struct draft *d = draft_arg(L, 1);
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    struct commit *c = calloc(1, sizeof *c);
    if (!c) return push_fault(L, GIFD_ENOMEM, "commit");
    struct blob_draft *taken = d->d;
    d->d = NULL;
    c->job = blob_draft_commit(taken, on_committed, c, &e);
    if (!c->job) {
        free(c);
        return push_err(L, &e);
    }
    wait_begin(&c->wait, t, "gifd.blob.commit", undo_commit);
    return wait_yield(L);
}

/* ---- the rest ---- */

static int l_digest(lua_State *L)
{
    const char *digest = blob_draft_digest(draft_arg(L, 1)->d);
    if (!digest) return push_fault(L, GIFD_ECLOSED, "others may write to this draft");
    lua_pushstring(L, digest);
    return 1;
}

static int l_stat(lua_State *L)
{
    struct err e = {0};
    uint64_t size;
    const char *digest = digest_arg(L, 1);
    if (!blobs_here(L)) return push_fault(L, GIFD_ECLOSED, "there are no blobs");
    int fd = blob_open(blobs_here(L), digest, &size, &e);
    if (fd < 0) return push_err(L, &e);
    close(fd);
    lua_pushnumber(L, (lua_Number)size);
    return 1;
}

static int l_read(lua_State *L)
{
    struct err e = {0};
    uint64_t size;
    const char *digest = digest_arg(L, 1);
    int64_t offset = border_integer(L, 2, "offset", 0, INT64_C(1) << 52);
    size_t n = (size_t)border_integer(L, 3, "n", 1, READ_MAX), got = 0;
    if (!blobs_here(L)) return push_fault(L, GIFD_ECLOSED, "there are no blobs");
    char *out = lua_newuserdata(L, n);
    int fd = blob_open(blobs_here(L), digest, &size, &e);
    if (fd < 0) return push_err(L, &e);
    for (ssize_t k; got < n; got += (size_t)k) {
        k = pread(fd, out + got, n - got, (off_t)(offset + (int64_t)got));
        if (k < 0 && errno == EINTR)
            k = 0;
        else if (k < 0)
            err_sys(&e, errno, "blob %s", digest);
        if (k < 0 || (k == 0 && (uint64_t)offset + got >= size)) break;
    }
    close(fd);
    if (e.code < 0) return push_err(L, &e);
    lua_pushlstring(L, out, got);
    return 1;
}

static int l_at_rest(lua_State *L)
{
    char found[AT_REST_MAX][BLOB_DIGEST_HEX + 1];
    unsigned at = (unsigned)border_integer(L, 1, "from", 0, BLOB_FOLDERS);
    if (!blobs_here(L)) return push_fault(L, GIFD_ECLOSED, "there are no blobs");
    size_t n = blobs_at_rest(blobs_here(L), &at, found, AT_REST_MAX);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushstring(L, found[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
    if (at == BLOB_FOLDERS) return 1;
    lua_pushinteger(L, (lua_Integer)at);
    return 2;
}

static int l_drop(lua_State *L)
{
    struct err e = {0};
    const char *digest = digest_arg(L, 1);
    if (!blobs_here(L)) return push_fault(L, GIFD_ECLOSED, "there are no blobs");
    int rc = blob_drop(blobs_here(L), digest, &e);
    if (rc < 0) return push_err(L, &e);
    lua_pushboolean(L, rc);
    return 1;
}

static int l_remove(lua_State *L)
{
    struct err e = {0};
    const char *digest = digest_arg(L, 1);
    if (!blobs_here(L)) return push_fault(L, GIFD_ECLOSED, "there are no blobs");
    int rc = blob_remove(blobs_here(L), digest, &e);
    if (rc < 0) return push_err(L, &e);
    lua_pushboolean(L, rc);
    return 1;
}

/* Blocks: for commands. */
static int l_hash(lua_State *L)
{
    struct err e = {0};
    uint64_t size;
    uint8_t buf[1 << 15], sum[SHA256_LEN];
    char hex[SHA256_HEX + 1];
    const char *digest = digest_arg(L, 1);
    if (!blobs_here(L)) return push_fault(L, GIFD_ECLOSED, "there are no blobs");
    int fd = blob_open(blobs_here(L), digest, &size, &e);
    if (fd < 0) return push_err(L, &e);
    struct sha256 *h = sha256_new();
    ssize_t n = h ? 1 : 0;
    if (!h) err_set(&e, GIFD_ENOMEM, "no memory for a digest");
    while (n > 0 && (n = read(fd, buf, sizeof buf)) > 0) sha256_update(h, buf, (size_t)n);
    if (n < 0) err_sys(&e, errno, "blob %s", digest);
    close(fd);
    if (e.code == GIFD_OK) {
        sha256_final(h, sum);
        hex_encode(sum, sizeof sum, hex);
        lua_pushstring(L, hex);
    }
    sha256_free(h);
    return e.code < 0 ? push_err(L, &e) : 1;
}

static int l_free(lua_State *L)
{
    const char *dir = gen_of(L)->host->s.data_dir;
    lua_pushnumber(L, (lua_Number)(dir ? blobs_free_bytes(dir) : 0));
    return 1;
}

const struct binding bind_blob[] = {
    {"gifd.blob.commit", l_commit, CTX_TASK,
     "commit(draft: gifd.Draft) -> digest: string, size: integer | nil, err -- durable when it returns; the draft "
     "is spent"},
    {"gifd.blob.digest", l_digest, CTX_TASK,
     "digest(draft: gifd.Draft) -> digest: string | nil, err -- of what was written; before anything else looks at "
     "it"},
    {"gifd.blob.stat", l_stat, CTX_TASK,
     "stat(digest: string) -> size: integer | nil, err -- how many bytes a blob has"},
    {"gifd.blob.read", l_read, CTX_TASK,
     "read(digest: string, offset: integer, n: integer) -> bytes: string | nil, err -- up to n bytes from offset "
     "(0: the first); n is at most 1 MiB"},
    {"gifd.blob.hash", l_hash, CTX_COMMAND,
     "hash(digest: string) -> sha256: string | nil, err -- that its bytes have now"},
    {"gifd.blob.at_rest", l_at_rest, CTX_TASK,
     "at_rest(from: integer) -> digests: string[], next?: integer -- blobs that nobody committed for an hour, from "
     "0 on; next says where to go on, nil: all seen"},
    {"gifd.blob.drop", l_drop, CTX_TASK,
     "drop(digest: string) -> gone: boolean | nil, err -- removes a blob that is at rest, no other"},
    {"gifd.blob.remove", l_remove, CTX_TASK,
     "remove(digest: string) -> gone: boolean | nil, err -- removes a blob whoever may need it"},
    {"gifd.blob.free", l_free, CTX_HOST, "free() -> bytes: integer -- free on the file system"},
    {NULL, NULL, 0, NULL},
};
