/* trail_keep.h: what is done to a trail's files beside its writer, on a thread of its own, so that nobody waits for it:
 * rows go from the log to the file (checkpoints), and files that are full are sealed. Private to core/store.
 *
 * Called by the writer's thread only. */
#ifndef GIFD_STORE_TRAIL_KEEP_H
#define GIFD_STORE_TRAIL_KEEP_H

#include "base/err.h"

#include <sqlite3.h>
#include <stdbool.h>

struct trail_keeper;
struct trail_keeper *trail_keeper_new(struct err *e);
void trail_keeper_free(struct trail_keeper *k); /* after what waits is done */

/* Asks for a checkpoint of a file that is added to; nothing while one is under way. */
void trail_keeper_checkpoint(struct trail_keeper *k, const char *path);
/* Once: the log has grown long, for rows came all the while; the writer is to make a checkpoint between two commits. */
bool trail_keeper_is_behind(struct trail_keeper *k);
/* Takes over a file: seals it, closes its database and its lock. */
void trail_keeper_seal(struct trail_keeper *k, sqlite3 *db, int own_fd, const char *path);

int trail__seal(sqlite3 *db, struct err *e);

#endif
