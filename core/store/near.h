/* near.h: which of many 256-bit hashes lie near one: a file that every process of a server maps.
 *
 *   DATA/near   | page: head | block 0 | block 1 | ...
 *   block       | of 4096 hashes: first 8 bytes each | next 4 | the other 20 | keys |
 *
 *   near_append: rows after `mark` --under flock--> places without a key, then new ones; then count, then mark
 *   near_search: thread pool; the first halves of all, one after another; the second half only of what may still be
 * near near_remove: keys become 0; the places are used again
 *
 * The file is a copy of rows that live elsewhere, and says up to which row it has them (the mark). Whoever appends says
 * what mark he saw, so that of two that append the same rows one is told GIFD_ECONFLICT. A process may be killed at any
 * point: what it wrote without counting does not count, and what it counted without marking is appended again, which
 * finds it twice. After a power failure nobody knows which pages reached the disk, so a file of another boot, like one
 * that is damaged, is emptied when it is opened, and whoever has the rows fills it again; until near_ready was called
 * since, a search answers GIFD_EBUSY, not half the truth.
 *
 * Readers take no lock. One that meets a place while it is used again may miss what was removed from it, or take the
 * new hash for near: what is found is a hint, and rows decide. */
#ifndef GIFD_STORE_NEAR_H
#define GIFD_STORE_NEAR_H

#include "base/err.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

#define NEAR_BYTES 32
#define NEAR_HASHES_MAX ((uint64_t)1 << 24) /* 655 MB of file */
#define NEAR_APPEND_MAX 1000
#define NEAR_FOUND_MAX 100

struct near_row {
    uint64_t key; /* not 0; several hashes may have the same */
    uint8_t hash[NEAR_BYTES];
};

struct near;
/* Makes the file when it is missing. */
struct near *near_open(struct loop *l, const char *path, struct err *e);
void near_close(struct near *n); /* when no search is out; NULL is fine */

struct near_state {
    uint64_t mark, rows; /* rows: without those removed */
    bool ready;
};
void near_state(const struct near *n, struct near_state *out);
/* GIFD_ECONFLICT when the mark is no longer `seen`, GIFD_ETOOBIG, GIFD_ENOSPACE; GIFD_EBUSY: another process is at it.
 */
int near_append(struct near *n, uint64_t seen, const struct near_row *rows, size_t count, uint64_t mark, struct err *e);
int near_remove(struct near *n, uint64_t key, struct err *e); /* how many went; or GIFD_EBUSY */
int near_ready(struct near *n, uint64_t seen, struct err *e); /* everything up to the mark is in it */
int near_reset(struct near *n, struct err *e);                /* as if it were new */

struct near_found {
    uint64_t key;
    uint32_t distance;
};
/* Each key once, at its least distance, the nearest first; more than NEAR_FOUND_MAX: the nearest of them. */
typedef void (*near_done_fn)(void *arg, int rc, const struct near_found *found, size_t count, const struct err *e);
struct near_search;
/* done() once, later, on the loop, unless forgotten. NULL: GIFD_EBUSY. */
struct near_search *near_search(struct near *n, const uint8_t hash[NEAR_BYTES], uint32_t distance, near_done_fn done,
                                void *arg, struct err *e);
void near_forget(struct near_search *s); /* done() is not called */

#endif
