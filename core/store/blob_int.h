/* blob_int.h: what drafts and their sweep agree on. Private to core/store. */
#ifndef GIFD_STORE_BLOB_INT_H
#define GIFD_STORE_BLOB_INT_H

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

#define BLOB__DRAFT_AGE_S 3600 /* no draft takes longer than this */

/* When a process started, in clock ticks after boot; 0 when there is no such process. With the pid it names one
 * process. */
uint64_t blob__process_started(pid_t pid);

#endif
