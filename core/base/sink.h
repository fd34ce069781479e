/* sink.h: where the lines of the log go: stderr or a file. Whoever writes never waits.
 *
 *   line --sink_write--> pipe, socket, terminal: without blocking ----------------> whoever reads
 *                        nobody reads: --> queue of SINK_QUEUE bytes --sink_flush--^
 *                        the queue is full: dropped, and counted
 *                        file: --> the same queue --> a thread of its own --> the disk, however long it takes
 *
 * A pipe or terminal on stderr is opened anew, so that our not blocking is nobody else's. Until sink_open, lines go to
 * stderr as it is. Lines are at most SINK_LINE_MAX bytes, what a pipe takes whole (pipe(7), PIPE_BUF), so that lines of
 * several processes never mix. Each process has a sink of its own; any thread, but sink_open, sink_reopen and
 * sink_forked are for the main one. The thread is started with the first line for a file; a process that ends by exit
 * gives it SINK_LAST_MS for what waits, one that ends otherwise calls sink_drain. */
#ifndef GIFD_BASE_SINK_H
#define GIFD_BASE_SINK_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SINK_LINE_MAX 4096
#define SINK_QUEUE ((size_t)256 * 1024)
#define SINK_LAST_MS 1000

/* path: appended to, made (0640) when missing; NULL: stderr. On failure what was open stays. */
int sink_open(const char *path, struct err *e);
void sink_reopen(void);     /* the file, which may have been moved away, soon; nothing for stderr */
int sink_fd(void);          /* for a child that closes what it does not need; -1: none of its own */
void sink_forked(void);     /* in a child: what waits is the parent's to write */
bool sink_is_journal(void); /* stderr is a stream of the journal (systemd.exec(5), JOURNAL_STREAM) */

/* False: dropped. */
bool sink_write(const char *p, size_t n);
void sink_flush(void); /* what waits, as far as it goes */
void sink_drain(void); /* waits for the file's thread, SINK_LAST_MS at most */
/* Why the file could not be opened anew, once; what was open stays. */
bool sink_take_fault(struct err *e);
/* Lines that were dropped since the last call, and 0 while some still wait. */
uint64_t sink_take_dropped(void);

#endif
