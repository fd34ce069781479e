/* blob_int.h: what blobs and their sweeps agree on. Private to core/store. */
#ifndef GIFD_STORE_BLOB_INT_H
#define GIFD_STORE_BLOB_INT_H

#include "store/blob.h"

#include <stdatomic.h>
#include <sys/types.h>

#define BLOB__NAME_LEN 64

struct blobs {
    struct loop *loop;
    int dir, tmp;
    uint64_t started, drafts; /* of this process: its start; drafts so far */
    uint64_t checked_ms;
    bool checked, full;
    size_t users;                        /* open drafts, running commits and the owner */
    _Atomic uint64_t synced[65536 / 64]; /* folders ab/cd whose way down is on disk */
};

bool blob__is_digest(const char *s);
void blob__path(const char *digest, char out[BLOB_DIGEST_HEX + 8]); /* below dir */
void blob__draft_name(struct blobs *b, char out[BLOB__NAME_LEN]);   /* a new one, below tmp */
/* operation: LOCK_SH or LOCK_EX. The lock's descriptor: close() lets go. -1 and errno. Any thread. */
int blob__lock(const struct blobs *b, int operation);

#define BLOB__DRAFT_AGE_S 3600 /* no draft takes longer than this */

/* When a process started, in clock ticks after boot; 0 when there is no such process. With the pid it names one
 * process. */
uint64_t blob__process_started(pid_t pid);

#endif
