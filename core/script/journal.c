/* journal.c: see journal.h. */
#include "script/journal.h"

#include <stdlib.h>
#include <string.h>

struct journal *journal_new(void)
{
    struct journal *j = calloc(1, sizeof *j);
    if (j) j->refs = 1;
    return j;
}

struct journal *journal_ref(struct journal *j)
{
    if (j) j->refs++;
    return j;
}

void journal_unref(struct journal *j)
{
    if (!j || --j->refs) return;
    free(j->bytes);
    free(j);
}

void journal_add(struct journal *j, struct slice line)
{
    if (!j || line.n == 0 || line.n > JOURNAL_BYTES) return;
    if (!j->bytes) j->bytes = malloc(JOURNAL_BYTES);
    if (!j->bytes) return;
    size_t over = j->n + line.n > JOURNAL_BYTES ? j->n + line.n - JOURNAL_BYTES : 0;
    if (over) {
        const char *end = memchr(j->bytes + over - 1, '\n', j->n - over + 1);
        size_t gone = end ? (size_t)(end - j->bytes) + 1 : j->n;
        memmove(j->bytes, j->bytes + gone, j->n - gone);
        j->n -= gone;
    }
    memcpy(j->bytes + j->n, line.p, line.n);
    j->n += line.n;
}
