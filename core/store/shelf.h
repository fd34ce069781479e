/* shelf.h: guests' databases by name, FOLDER/NAME.db, opened when somebody asks for one.
 *
 * A database has two threads and two connections at most, so only SHELF_OPEN_MAX are open at a time; one that nobody
 * has asked for during SHELF_IDLE_MS is closed. A file that was removed or replaced meanwhile is noticed, and the old
 * one let go. Only db_migration_begin makes files. Loop thread only. */
#ifndef GIFD_STORE_SHELF_H
#define GIFD_STORE_SHELF_H

#include "store/db.h"

#define SHELF_OPEN_MAX 8
#define SHELF_IDLE_MS 30000
#define SHELF_NAME_MAX 64

struct shelf;
struct shelf *shelf_new(struct loop *l, const char *folder, struct metrics *counts, struct err *e); /* or NULL */
void shelf_free(struct shelf *s); /* as db_close for each */
/* Valid until the loop turns again: ask for it anew each time. GIFD_ENOTFOUND when there is no such file; GIFD_EBUSY
 * when others keep all that may be open busy; GIFD_EINVALID for a name that is no [a-z][a-z0-9-]*. */
struct db *shelf_take(struct shelf *s, struct slice name, struct err *e);

#endif
