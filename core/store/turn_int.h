/* turn_int.h: whose turn it is to write. Private to core/store.
 *
 *   PATH.turn    | magic, layout, boot id | pthread mutex: robust, shared by processes |
 *
 * Writers of all processes wait in one futex instead of SQLite's sleep and retry. It orders, it does not protect:
 * SQLite's own lock stays underneath. A holder that died is noticed by the next one. When the file cannot be used
 * (another layout, a read-only folder), every call succeeds at once and SQLite's busy timeout is left. Any thread. */
#ifndef GIFD_STORE_TURN_INT_H
#define GIFD_STORE_TURN_INT_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct turn__page;
struct turn {
    struct turn__page *page; /* NULL: not usable */
};

void turn__open(struct turn *t, const char *database_path);
void turn__close(struct turn *t);
int turn__take(struct turn *t, uint32_t wait_ms, struct err *e); /* GIFD_EBUSY after wait_ms */
void turn__give(struct turn *t);

#endif
