/* bus.h: messages of all processes of a server, heard on a loop.
 *
 *   any process: broadcast_publish --futex--> a thread of each process that listens --async--> fn(message) on its loop
 *
 * The messages are those of base/broadcast.h: what a loop is too slow to hear is overwritten, and the next message says
 * how many were. Nobody waits for a listener, and no process has to forward anything. Loop thread only. */
#ifndef GIFD_LOOP_BUS_H
#define GIFD_LOOP_BUS_H

#include "base/broadcast.h"
#include "loop/loop.h"

struct bus;
typedef void (*bus_fn)(void *arg, const struct broadcast_message *m);

/* Hears what is published from now on. Does not keep the loop running. NULL: e says why. */
struct bus *bus_open(struct loop *l, struct broadcast *b, bus_fn fn, void *arg, struct err *e);
void bus_close(struct bus *bus); /* fn is not called any more. NULL is fine */

#endif
