/* journal.h: what a task has logged, the last JOURNAL_BYTES of it, whole lines. Private to core/script.
 *
 * gifd.log.journal() begins one for the running task; tasks that it starts from then on write into the same one. It
 * lives as long as a task or Lua holds it. Loop thread only. */
#ifndef GIFD_SCRIPT_JOURNAL_H
#define GIFD_SCRIPT_JOURNAL_H

#include "base/slice.h"

#define JOURNAL_BYTES 8192

struct journal {
    size_t refs, n;
    char *bytes; /* JOURNAL_BYTES, from the first line on */
};

struct journal *journal_new(void); /* with one reference; NULL without memory */
struct journal *journal_ref(struct journal *j);
void journal_unref(struct journal *j);                  /* NULL is fine */
void journal_add(struct journal *j, struct slice line); /* the oldest lines give way; NULL is fine */
static inline void journal_clear(struct journal *j)
{
    j->n = 0;
}

#endif
