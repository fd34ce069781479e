/* metric.h: counters, gauges and histograms in memory that all processes of a server share.
 *
 *   lock, counts | series: kind, name{labels}, first cell | ... | first numbers | cells, once for each part: 64 bits
 * each
 *
 * Whoever counts looks its series up once, by name and labels, and keeps the cell that it gets; from then on an update
 * is one or two atomic instructions, in any thread of any process, and waits for nobody. The first to ask for a series
 * makes it: under a robust mutex, published by one store when it is whole, so that a maker that dies leaves nothing
 * half. Series are never removed: their number, and that of histograms, has a maximum, and so has what one group of
 * names (the names of one plugin) may take. What was counted outlives every process, as the memory does.
 *
 * Counters and histograms have their cells in each of METRIC_PARTS parts: processes that count much take parts of their
 * own, so that they do not wait for each other's caches, and whoever reads adds the parts up. A gauge is in the first.
 *
 * A counter is a whole number that grows; a gauge is a number that is set or moved, whoever writes last; a histogram
 * counts numbers by size in buckets of a fixed logarithmic scale, four in each doubling from 2^-20 (about 1e-6) to 2^40
 * (about 1e12), one for all that is smaller and one for all that is larger, and keeps the first METRIC_EXACT numbers as
 * they are. Up to that many, a quantile is one of the numbers that were observed; beyond, it is at most 12.5 % off,
 * within that range. Its count and sum are exact (the sum to the precision of a double). */
#ifndef GIFD_BASE_METRIC_H
#define GIFD_BASE_METRIC_H

#include "base/err.h"
#include "base/slice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define METRIC_SERIES 4096
#define METRIC_HISTOGRAMS 640 /* of them */
#define METRIC_PARTS 8
#define METRIC_GROUP_SERIES 64    /* of one group ... */
#define METRIC_GROUP_HISTOGRAMS 8 /* ... and of them histograms */
#define METRIC_GROUP_SPARE 8      /* series, all histograms if need be, on top for what had no room */
#define METRIC_KEY_MAX 216        /* name{labels} with its NUL */
#define METRIC_LABELS 8
#define METRIC_BUCKETS 242
#define METRIC_EXACT 1000

enum metric_kind { METRIC_COUNTER = 1, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metrics;
struct first;
size_t metrics_bytes(void);           /* its size, for whoever maps it; 64-byte aligned */
void metrics_init(struct metrics *m); /* of zeroed memory, once, before anybody else sees it */
/* This process, and what it forks, counts in that part from now on; before, in 0. Taken modulo METRIC_PARTS. */
void metrics_part(struct metrics *m, unsigned part);

struct metric_cell {
    _Atomic uint64_t word;
};

struct metric_label {
    struct slice name, value;
};

struct metric_want {
    enum metric_kind kind;
    struct slice name;                 /* [a-zA-Z_][a-zA-Z0-9_]* */
    const struct metric_label *labels; /* their names likewise, but "le" and "__..."; any order, no name twice */
    size_t label_count;
    struct slice group; /* "" or what the name begins with: the group's maximum applies, and groups together get three
                           quarters of everything */
    bool spare;         /* may use the group's spare room */
};

/* The cell of a series, made when there is none. Valid as long as the memory. GIFD_EINVALID for a bad name,
 * GIFD_ECONFLICT when the name is of another kind, GIFD_ETOOBIG at a maximum, GIFD_EBUSY when the lock was not to be
 * had in 100 ms. Any thread; compares hashes of all series: look up once, not at each update. */
int metric_find(struct metrics *m, const struct metric_want *want, struct metric_cell **out, struct err *e);
/* The same with one label, or none when `label` is NULL; NULL when it cannot be had, which then counts nowhere. */
struct metric_cell *metric_take(struct metrics *m, enum metric_kind kind, const char *name, const char *label,
                                const char *value);

/* Updates: any thread; a NULL cell counts nowhere. Numbers that are not finite are ignored. */
extern size_t metric__part; /* cells from a series' first to this process's part of it */
static inline void metric_add(struct metric_cell *c, uint64_t n)
{
    if (c) atomic_fetch_add_explicit(&c[metric__part].word, n, memory_order_relaxed);
}
void metric_set(struct metric_cell *gauge, double value);
void metric_move(struct metric_cell *gauge, double by);
void metric_raise(struct metric_cell *gauge, double value); /* unless it is as high already */
void metric_observe(struct metric_cell *histogram, double value);
/* Gauges with this label, or all when it is NULL, become 0: what they told of is no more. */
void metrics_forget(struct metrics *m, const char *label, const char *value);

struct metric_view {
    enum metric_kind kind;
    struct slice key, name,
        labels;     /* key: name{labels}, or the name; labels: a="b",c="d" sorted, \ " and newline escaped */
    double value;   /* counter, gauge */
    uint64_t count; /* histogram ... */
    double sum;
    uint64_t buckets[METRIC_BUCKETS];
    const struct first *first; /* what it keeps as it was */
};
/* Calls fn for each series, in the order of their making, until it returns false. The view is valid during the call.
 * Never waits; each number is read at its own moment. */
void metrics_each(const struct metrics *m, bool (*fn)(void *arg, const struct metric_view *v), void *arg);
/* The largest value that falls into the bucket; infinity for the last. */
double metric_bound(size_t bucket);
/* out[i]: the q[i]-th quantile, q from 0 to 1; 0 of an empty histogram. Beyond METRIC_EXACT, of the first and the last
 * bucket the bound that they have. */
void metric_quantiles(const struct metric_view *histogram, const double *q, double *out, size_t n);

#endif
