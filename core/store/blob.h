/* blob.h: bytes by their SHA-256.
 *
 *   DIR/tmp/PID.TIME.N          a draft: written, hashed on the way
 *   DIR/ab/cd/abcd...64        a blob: complete and on disk, read-only, never changed
 *
 * Commit: fdatasync the draft, make the folders (fsync of each parent that is new), rename, fsync the folder; only then
 * is done() called with rc 0. A digest that exists already is success, only its time changes, and the draft goes away.
 * Writing and hashing happen on the loop (page cache, 64 KiB at a time), everything that waits for the disk on the
 * thread pool. */
#ifndef GIFD_STORE_BLOB_H
#define GIFD_STORE_BLOB_H

#include "base/err.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

#define BLOB_DIGEST_HEX 64

struct blobs;
/* Makes DIR and DIR/tmp when missing. */
struct blobs *blobs_open(struct loop *l, const char *dir, struct err *e);
void blobs_close(struct blobs *b);
/* Removes drafts whose maker is dead or that are older than an hour (drafts carry their maker's pid and start time).
 * Blocks; called once at start. Returns how many went. */
int blobs_sweep(const char *dir, struct err *e);

struct blob_draft;
/* max: GIFD_ETOOBIG beyond. The file exists from now on; an unfinished draft goes with blob_draft_drop or the sweep. */
struct blob_draft *blob_draft_new(struct blobs *b, uint64_t max, struct err *e);
int blob_draft_write(struct blob_draft *d, const void *p, size_t n,
                     struct err *e); /* GIFD_ENOSPACE when the disk is full */
/* For somebody else to write (another process): the descriptor stays the draft's; commit then hashes the file itself.
 */
int blob_draft_fd(struct blob_draft *d);
uint64_t blob_draft_size(const struct blob_draft *d);
/* Of what was written, in hex; nothing more is written then. NULL once the descriptor was handed out. */
const char *blob_draft_digest(struct blob_draft *d);
void blob_draft_drop(struct blob_draft *d);

typedef void (*blob_done_fn)(void *arg, int rc, const char *digest, uint64_t size, const struct err *e);
/* Takes the draft. done() exactly once, later; `done` may be told to keep quiet by blob_commit_forget. */
struct blob_commit;
struct blob_commit *blob_draft_commit(struct blob_draft *d, blob_done_fn done, void *arg, struct err *e);
void blob_commit_forget(struct blob_commit *c);

/* A read-only descriptor, the caller's to close, and the size; GIFD_ENOTFOUND. digest: 64 lower-case hex digits. */
int blob_open(struct blobs *b, const char *digest, uint64_t *size, struct err *e);

/* Blobs that nobody names are found by looking at all that are at rest, asking who names them, and dropping the rest:
 *
 *   commit (any process)   shared lock: [ it is there: its time is now | else rename ]       --> rows that name it
 *   drop (any process)     exclusive lock: [ its time is BLOB_REST_S ago: away with it ]
 *
 * Whoever commits, also what exists already, has BLOB_REST_S to write the row: until then no drop takes it. A drop that
 * came first leaves no file, and the commit puts its own. The lock is the folder's (flock), which the kernel takes from
 * the dead, and is held for a few system calls that do not wait for the disk. */
#define BLOB_REST_S 3600
#define BLOB_FOLDERS 65536
/* Digests of blobs at rest from folder *at (0 to begin) on, at most max, for a millisecond or two; *at is where to go
 * on, BLOB_FOLDERS at the end. Returns how many. */
size_t blobs_at_rest(struct blobs *b, unsigned *at, char out[][BLOB_DIGEST_HEX + 1], size_t max);
/* 1: removed; 0: it is not at rest, or not there. Does not wait for the file's blocks to be freed but in unlink. */
int blob_drop(struct blobs *b, const char *digest, struct err *e);
/* The same of a blob that must go although somebody may have committed it a moment ago. 0: it is not there. */
int blob_remove(struct blobs *b, const char *digest, struct err *e);
uint64_t blobs_free_bytes(const char *dir); /* of the file system, for an ordinary user */

#endif
