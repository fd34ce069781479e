/* rollup.h: what rows of trails add up to, so that a question costs the same whatever came before.
 *
 *   files of trails (trail.h), and one more table --rollup_fold, about once a second, one process--> PATH
 *
 *   total (axis, key, kind)            n      kind: bits 0..31 of the row's
 *   step  (size, axis, key, at, kind)  n      kind: bits 0..15; at: minutes, hours or days since 1970
 *   delta (bucket, id)                 sums of large folds that are not in the two above yet (rollup_delta.c)
 *   sum   (key)                        t1 t2 t3: by type, of counted classes, for what leads
 *   board (name, rank)                 key t1 t2 t3: what leads, as of when it was refreshed
 *   mark  (file)                       the last row that is in here; one transaction with all of the above
 *
 * axis 0: everything (key 0); 1: subjects; 2: parts. A row without a subject adds to its part alone. An answer is what
 * is in here and, read in the same snapshot of the marks, the rows beyond them. Whoever dies in a fold leaves the marks
 * and the sums as they were.
 *
 * A struct rollup is for one thread at a time; several may be open. Everything blocks: use the thread pool. */
#ifndef GIFD_STORE_ROLLUP_H
#define GIFD_STORE_ROLLUP_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define ROLLUP_FOLD_MAX 500000   /* rows in one transaction */
#define ROLLUP_TAIL_MAX 200000   /* rows beyond the marks, of all files, that a question reads */
#define ROLLUP_ROWS_MAX 200000   /* of one answer */
#define ROLLUP_BOARD_MAX 1000    /* what leads, of each board */
#define ROLLUP_MINUTES (48 * 60) /* steps of minutes are kept for so long */

enum rollup_axis { ROLLUP_ALL, ROLLUP_SUBJECT, ROLLUP_PART };
enum rollup_size { ROLLUP_MINUTE, ROLLUP_HOUR, ROLLUP_DAY };

struct rollup_options {
    const char *path;              /* the database, made when it is missing */
    const char *folder;            /* of trails */
    const char *also, *also_table; /* a further database and its table, laid out like that of a trail; or NULL */
};

struct rollup;
struct rollup *rollup_open(const struct rollup_options *o, struct err *e);
void rollup_close(struct rollup *r);

struct rollup_fold {
    int64_t now;      /* microseconds */
    uint32_t counted; /* bit c: rows of class c (bits 12..15 of a kind) count for what leads */
    bool boards;      /* refresh what leads */
    uint64_t rows;    /* out: how many were folded */
    bool more;        /* out: there were more than ROLLUP_FOLD_MAX */
};
int rollup_fold(struct rollup *r, struct rollup_fold *f, struct err *e);
/* Makes the index of one file that is sealed and folded to its end, so that raw rows of a subject or a part are found
 * -> 1, or 0: there is none. Takes as long as a second for each million rows, beside folds. */
int rollup_index(struct rollup *r, struct err *e);

struct rollup_row {
    int64_t at; /* of a step; else 0 */
    int64_t kind, n;
};
struct rollup_answer {
    struct rollup_row *rows; /* on the heap: rollup_answer_free */
    size_t count;
    bool behind; /* more than ROLLUP_TAIL_MAX rows wait to be folded: they are not in it */
};
void rollup_answer_free(struct rollup_answer *a);
/* Sums by kind. */
int rollup_totals(struct rollup *r, enum rollup_axis axis, int64_t key, struct rollup_answer *out, struct err *e);
/* What counts, by type, of many keys at a time; counted: as in a fold. ROLLUP_SUBJECT and ROLLUP_PART. */
struct rollup_sum {
    int64_t key, t[3];
};
int rollup_sums(struct rollup *r, enum rollup_axis axis, struct rollup_sum *out, size_t n, uint32_t counted,
                struct err *e);
/* Sums by step and kind & mask (bits 0..15), of the classes whose bits are set, for from <= at <= to, in order.
 * GIFD_ETOOBIG: more than ROLLUP_ROWS_MAX. */
int rollup_series(struct rollup *r, enum rollup_axis axis, int64_t key, enum rollup_size size, int64_t from, int64_t to,
                  int64_t mask, uint32_t classes, struct rollup_answer *out, struct err *e);

struct rollup_leader {
    int64_t key, t[3];
};
/* name: "1", "2", "3" by a type's sum; "3/1" by a ratio. Returns how many; *as_of 0: never refreshed. */
int rollup_board(struct rollup *r, const char *name, struct rollup_leader *out, size_t max, int64_t *as_of,
                 struct err *e);
extern const char *const rollup_boards[]; /* ended by NULL */

/* Raw rows of a subject or a part, newest last: those after the cursor (file, id), at most max. */
struct rollup_raw {
    uint32_t file; /* 0: the further table */
    int64_t id, at, subject, part, kind, n;
    char *extra; /* on the heap, or NULL */
};
int rollup_raw(struct rollup *r, enum rollup_axis axis, int64_t key, int64_t from, int64_t to, uint32_t file,
               int64_t id, struct rollup_raw *out, size_t max, size_t *count, struct err *e);
void rollup_raw_free(struct rollup_raw *rows, size_t count);

/* Adds all raw rows up again and compares with the totals -> how many (axis, key, kind) differ; mend: puts them right,
 * with sums and the steps of what was wrong. */
int64_t rollup_verify(struct rollup *r, uint32_t counted, bool mend, uint64_t *rows, struct err *e);
/* Kinds of rows since `from`, all bits, with their events. */
int rollup_kinds(struct rollup *r, int64_t from, struct rollup_answer *out, struct err *e);
/* Rows since `from` of a part (0: of any) that have a kind become another, and all sums with them -> rows. Sorts the
 * changes. also_only: rows of the further table alone, which are in order of their time. */
struct rollup_change {
    int64_t part, kind, becomes, since; /* since: of rows from this time on, if it is later than `from` */
};
int64_t rollup_revise(struct rollup *r, int64_t from, struct rollup_change *changes, size_t n, bool also_only,
                      uint32_t counted, struct err *e);
/* Forgets everything of a subject (ROLLUP_SUBJECT), or all (ROLLUP_ALL): rows that were folded, and sums. */
int rollup_clear(struct rollup *r, enum rollup_axis axis, int64_t key, struct err *e);
/* Removes raw rows before `at` -> files removed. Sums stay. */
int rollup_expire(struct rollup *r, int64_t at, struct err *e);

#endif
