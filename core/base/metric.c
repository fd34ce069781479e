/* metric.c: see metric.h. A bucket is the exponent of a double and two bits of its mantissa: no logarithm is taken. */
#include "base/metric.h"
#include "base/shared_lock.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_MS 100
#define STEP_BITS 50 /* of a double below exponent and two bits */
#define FIRST_STEP ((uint64_t)(1023 - 20) * 4)
#define STEPS (METRIC_BUCKETS - 2)
#define SUM METRIC_BUCKETS         /* the cell behind the buckets */
#define WHERE (METRIC_BUCKETS + 1) /* of the first part: which of m->first is this histogram's */
#define HISTOGRAM_CELLS (METRIC_BUCKETS + 2)
#define CELLS (METRIC_SERIES + METRIC_HISTOGRAMS * HISTOGRAM_CELLS) /* of a part */
#define GROUPS_SHARE(max) ((max) / 4 * 3)

size_t metric__part;

struct series {
    uint64_t hash, name_hash;
    uint32_t cell;
    uint16_t name_len;
    uint8_t kind, group_len; /* 0: of no group */
    char key[METRIC_KEY_MAX];
};

/* The first numbers of a histogram as they were; seen: how many there are, or more. */
struct first {
    _Alignas(64) struct metric_cell seen;
    struct metric_cell n[METRIC_EXACT];
};

struct metrics {
    pthread_mutex_t lock;
    _Alignas(64) _Atomic uint32_t count; /* of series that are whole */
    _Atomic uint32_t parts;              /* that are in use, less one */
    _Alignas(64) struct series series[METRIC_SERIES];
    struct first first[METRIC_HISTOGRAMS];
    struct metric_cell cells[METRIC_PARTS][CELLS];
};

size_t metrics_bytes(void)
{
    return sizeof(struct metrics);
}

void metrics_init(struct metrics *m)
{
    shared_lock_init(&m->lock);
}

void metrics_part(struct metrics *m, unsigned part)
{
    uint32_t own = part % METRIC_PARTS, seen = atomic_load(&m->parts);
    while (seen < own && !atomic_compare_exchange_weak(&m->parts, &seen, own)) {
    }
    metric__part = own * (size_t)CELLS;
}

/* ---- looking up ---- */

static uint64_t hash_of(const char *p, size_t n)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)p[i]) * 1099511628211u;
    return h;
}

static uint32_t cells_of(int kind)
{
    return kind == METRIC_HISTOGRAM ? HISTOGRAM_CELLS : 1;
}

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) return false;
    }
    return s.n > 0;
}

static int compare(struct slice a, struct slice b)
{
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

struct writer {
    char *out;
    size_t n;
};

static void put(struct writer *w, const char *p, size_t n)
{
    if (w->n + n < METRIC_KEY_MAX) memcpy(w->out + w->n, p, n);
    w->n += n;
}

static void put_value(struct writer *w, struct slice v)
{
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] == '\n')
            put(w, "\\n", 2);
        else {
            if (v.p[i] == '\\' || v.p[i] == '"') put(w, "\\", 1);
            put(w, v.p + i, 1);
        }
    }
}

/* name{labels}, labels sorted, into the series. */
static int write_key(const struct metric_want *want, struct series *s, struct err *e)
{
    const struct metric_label *order[METRIC_LABELS];
    struct writer w = {s->key, 0};
    if (want->group.n > UINT8_MAX || !slice_starts(want->name, want->group))
        return err_set(e, GIFD_EINVALID, "a metric's name begins with its group");
    if (!is_name(want->name)) return err_set(e, GIFD_EINVALID, "a metric's name is made of letters, digits and _");
    if (want->label_count > METRIC_LABELS)
        return err_set(e, GIFD_EINVALID, "a metric has at most %d labels", METRIC_LABELS);
    for (size_t i = 0; i < want->label_count; i++) {
        const struct metric_label *l = &want->labels[i];
        size_t at = i;
        if (!is_name(l->name) || slice_is(l->name, "le") || slice_starts(l->name, SLICE("__")) ||
            memchr(l->value.p ? l->value.p : "", 0, l->value.n))
            return err_set(e, GIFD_EINVALID, "\"%.*s\" is no label, or its value has a NUL",
                           (int)(l->name.n < 64 ? l->name.n : 64), l->name.p);
        for (; at && compare(order[at - 1]->name, l->name) > 0; at--) order[at] = order[at - 1];
        if (at && slice_eq(order[at - 1]->name, l->name)) return err_set(e, GIFD_EINVALID, "a label is given twice");
        order[at] = l;
    }
    put(&w, want->name.p, want->name.n);
    for (size_t i = 0; i < want->label_count; i++) {
        put(&w, i ? "," : "{", 1);
        put(&w, order[i]->name.p, order[i]->name.n);
        put(&w, "=\"", 2);
        put_value(&w, order[i]->value);
        put(&w, "\"", 1);
    }
    if (want->label_count) put(&w, "}", 1);
    if (w.n >= METRIC_KEY_MAX)
        return err_set(e, GIFD_ETOOBIG, "a metric's name and labels may have %d characters together",
                       METRIC_KEY_MAX - 1);
    s->key[w.n] = 0;
    s->name_len = (uint16_t)want->name.n;
    s->hash = hash_of(s->key, w.n);
    s->name_hash = hash_of(want->name.p, want->name.n);
    return GIFD_OK;
}

static bool same_name(const struct series *a, const struct series *b)
{
    return a->name_hash == b->name_hash && a->name_len == b->name_len && !memcmp(a->key, b->key, a->name_len);
}

/* Among series [from, to): GIFD_OK with *out set, or still NULL when there is none. */
static int look(struct metrics *m, const struct series *wanted, uint32_t from, uint32_t to, struct metric_cell **out,
                struct err *e)
{
    for (uint32_t i = from; i < to; i++) {
        const struct series *s = &m->series[i];
        if (!same_name(s, wanted)) continue;
        if (s->kind != wanted->kind)
            return err_set(e, GIFD_ECONFLICT, "the metric %.*s is of another kind", s->name_len, s->key);
        if (s->hash == wanted->hash && !strcmp(s->key, wanted->key)) {
            *out = &m->cells[0][s->cell];
            return GIFD_OK;
        }
    }
    return GIFD_OK;
}

struct room {
    uint32_t series, histograms, cells;
};

static void take(struct room *r, const struct series *s)
{
    r->series++;
    r->histograms += s->kind == METRIC_HISTOGRAM;
    r->cells += cells_of(s->kind);
}

/* Under the lock: room for one more? s->cell becomes its place, *place that of its first numbers. */
static int check_room(struct metrics *m, struct series *s, const struct metric_want *want, uint32_t count,
                      uint32_t *place, struct err *e)
{
    struct slice group = want->group;
    struct room all = {0}, grouped = {0}, own = {0};
    uint32_t spare = want->spare ? METRIC_GROUP_SPARE : 0;
    uint32_t one = s->kind == METRIC_HISTOGRAM; /* histogram more */
    for (uint32_t i = 0; i < count; i++) {
        const struct series *other = &m->series[i];
        take(&all, other);
        if (!other->group_len) continue;
        take(&grouped, other);
        if (other->group_len == group.n && !memcmp(other->key, group.p, group.n)) take(&own, other);
    }
    s->cell = all.cells;
    *place = all.histograms;
    if (count == METRIC_SERIES || all.histograms + one > METRIC_HISTOGRAMS)
        return err_set(e, GIFD_ETOOBIG, "there are %d series or %d histograms already", METRIC_SERIES,
                       METRIC_HISTOGRAMS);
    if (!group.n) return GIFD_OK;
    if (own.series >= METRIC_GROUP_SERIES + spare || own.histograms + one > METRIC_GROUP_HISTOGRAMS + spare)
        return err_set(e, GIFD_ETOOBIG, "%.*s has its %d series already, or its %d histograms: fewer labels, please",
                       (int)group.n, group.p, METRIC_GROUP_SERIES, METRIC_GROUP_HISTOGRAMS);
    if (grouped.series >= GROUPS_SHARE(METRIC_SERIES) || grouped.histograms + one > GROUPS_SHARE(METRIC_HISTOGRAMS))
        return err_set(e, GIFD_ETOOBIG, "the room for such series is taken");
    return GIFD_OK;
}

static int lock(struct metrics *m, struct err *e)
{
    /* What a dead owner was making had not been published. */
    return shared_lock_take(&m->lock, LOCK_MS) ? err_set(e, GIFD_EBUSY, "the list of metrics is locked") : GIFD_OK;
}

int metric_find(struct metrics *m, const struct metric_want *want, struct metric_cell **out, struct err *e)
{
    struct series s = {.kind = (uint8_t)want->kind, .group_len = (uint8_t)want->group.n};
    uint32_t seen = atomic_load_explicit(&m->count, memory_order_acquire);
    *out = NULL;
    int rc = write_key(want, &s, e);
    if (rc == GIFD_OK) rc = look(m, &s, 0, seen, out, e);
    if (rc < 0 || *out) return rc;
    rc = lock(m, e);
    if (rc < 0) return rc;
    uint32_t count = atomic_load_explicit(&m->count, memory_order_acquire), place = 0;
    rc = look(m, &s, seen, count, out, e);
    if (rc == GIFD_OK && !*out) rc = check_room(m, &s, want, count, &place, e);
    if (rc == GIFD_OK && !*out) {
        m->series[count] = s;
        *out = &m->cells[0][s.cell];
        if (s.kind == METRIC_HISTOGRAM) atomic_store(&(*out)[WHERE].word, (char *)&m->first[place] - (char *)*out);
        atomic_store_explicit(&m->count, count + 1, memory_order_release);
    }
    pthread_mutex_unlock(&m->lock);
    return rc;
}

struct metric_cell *metric_take(struct metrics *m, enum metric_kind kind, const char *name, const char *label,
                                const char *value)
{
    struct metric_cell *cell = NULL;
    struct metric_label l = {slice_str(label ? label : ""), slice_str(value ? value : "")};
    struct metric_want want = {.kind = kind, .name = slice_str(name), .labels = &l, .label_count = label != NULL};
    return m && metric_find(m, &want, &cell, NULL) == GIFD_OK ? cell : NULL;
}

/* ---- counting ---- */

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

void metric_set(struct metric_cell *gauge, double value)
{
    if (gauge && isfinite(value)) atomic_store_explicit(&gauge->word, bits_of(value), memory_order_relaxed);
}

void metric_move(struct metric_cell *gauge, double by)
{
    if (!gauge || !isfinite(by)) return;
    uint64_t seen = atomic_load_explicit(&gauge->word, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&gauge->word, &seen, bits_of(double_of(seen) + by),
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
}

void metric_raise(struct metric_cell *gauge, double value)
{
    if (!gauge || !isfinite(value)) return;
    uint64_t seen = atomic_load_explicit(&gauge->word, memory_order_relaxed);
    while (double_of(seen) < value &&
           !atomic_compare_exchange_weak_explicit(&gauge->word, &seen, bits_of(value), memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

static size_t bucket_of(double value)
{
    if (!(value > 0)) return 0;
    uint64_t step = (bits_of(value) - 1) >> STEP_BITS; /* a bound itself belongs to the bucket below it */
    if (step < FIRST_STEP) return 0;
    return step - FIRST_STEP < STEPS ? (size_t)(step - FIRST_STEP) + 1 : METRIC_BUCKETS - 1;
}

double metric_bound(size_t bucket)
{
    return bucket < METRIC_BUCKETS - 1 ? double_of((FIRST_STEP + bucket) << STEP_BITS) : INFINITY;
}

/* It lies elsewhere in each process, so that only how far it is from the histogram is kept. */
static struct first *first_of(struct metric_cell *histogram)
{
    int64_t away = (int64_t)atomic_load_explicit(&histogram[WHERE].word, memory_order_relaxed);
    return (struct first *)(void *)((char *)histogram + away);
}

void metric_observe(struct metric_cell *histogram, double value)
{
    if (!histogram || !isfinite(value)) return;
    struct metric_cell *own = histogram + metric__part;
    atomic_fetch_add_explicit(&own[bucket_of(value)].word, 1, memory_order_relaxed);
    metric_move(&own[SUM], value);
    struct first *first = first_of(histogram);
    if (atomic_load_explicit(&first->seen.word, memory_order_relaxed) >= METRIC_EXACT) return;
    uint64_t at = atomic_fetch_add_explicit(&first->seen.word, 1, memory_order_relaxed);
    if (at >= METRIC_EXACT) return;
    atomic_store_explicit(&first->n[at].word, ~bits_of(value), memory_order_relaxed); /* 0: not there yet */
}

static bool has_label(const struct series *s, const char *text)
{
    const char *at = strstr(s->key + s->name_len, text);
    return at && (at[-1] == '{' || at[-1] == ',');
}

void metrics_forget(struct metrics *m, const char *label, const char *value)
{
    char text[METRIC_KEY_MAX];
    uint32_t count = atomic_load_explicit(&m->count, memory_order_acquire);
    if (label) snprintf(text, sizeof text, "%s=\"%s\"", label, value);
    for (uint32_t i = 0; i < count; i++) {
        const struct series *s = &m->series[i];
        if (s->kind == METRIC_GAUGE && (!label || has_label(s, text))) metric_set(&m->cells[0][s->cell], 0);
    }
}

/* ---- reading ---- */

static uint64_t word_of(const struct metric_cell *c)
{
    return atomic_load_explicit(&c->word, memory_order_relaxed);
}

static void view(const struct metrics *m, const struct series *s, struct metric_view *v)
{
    const struct metric_cell *c = &m->cells[0][s->cell];
    uint32_t parts = s->kind == METRIC_GAUGE ? 0 : atomic_load_explicit(&m->parts, memory_order_relaxed);
    *v = (struct metric_view){
        .kind = (enum metric_kind)s->kind, .key = slice_str(s->key), .name = slice_of(s->key, s->name_len)};
    if (v->key.n > v->name.n) v->labels = slice_of(s->key + s->name_len + 1, v->key.n - v->name.n - 2);
    if (s->kind == METRIC_GAUGE) v->value = double_of(word_of(c));
    if (s->kind == METRIC_HISTOGRAM)
        v->first = (const struct first *)(const void *)((const char *)c + (int64_t)word_of(&c[WHERE]));
    for (uint32_t k = 0; k <= parts; k++, c += CELLS) {
        if (s->kind == METRIC_COUNTER) v->value += (double)word_of(c);
        if (s->kind != METRIC_HISTOGRAM) continue;
        for (size_t i = 0; i < METRIC_BUCKETS; i++) {
            uint64_t n = word_of(&c[i]);
            v->buckets[i] += n;
            v->count += n;
        }
        v->sum += double_of(word_of(&c[SUM]));
    }
}

void metrics_each(const struct metrics *m, bool (*fn)(void *arg, const struct metric_view *v), void *arg)
{
    struct metric_view v;
    uint32_t count = atomic_load_explicit(&m->count, memory_order_acquire);
    for (uint32_t i = 0; i < count; i++) {
        view(m, &m->series[i], &v);
        if (!fn(arg, &v)) return;
    }
}

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The numbers themselves, sorted -> how many; 0 when they are not all kept. */
static size_t exact(const struct metric_view *h, double out[METRIC_EXACT])
{
    size_t n = 0;
    if (h->count > METRIC_EXACT) return 0;
    for (size_t i = 0; i < METRIC_EXACT; i++) {
        uint64_t word = word_of(&h->first->n[i]);
        if (word) out[n++] = double_of(~word);
    }
    qsort(out, n, sizeof *out, ascending);
    return n;
}

static double estimate(const struct metric_view *h, double q)
{
    double rank = q * (double)h->count;
    uint64_t below = 0;
    size_t i = 0;
    for (; i < METRIC_BUCKETS - 1; i++)
        if ((below += h->buckets[i]) && (double)below >= rank) break;
    if (i == 0) return metric_bound(0);
    if (i == METRIC_BUCKETS - 1) return metric_bound(METRIC_BUCKETS - 2);
    return (metric_bound(i - 1) + metric_bound(i)) / 2;
}

void metric_quantiles(const struct metric_view *histogram, const double *q, double *out, size_t n)
{
    double first[METRIC_EXACT];
    size_t known = histogram->count ? exact(histogram, first) : 0;
    for (size_t i = 0; i < n; i++) {
        size_t rank = (size_t)ceil(q[i] * (double)known);
        if (!histogram->count)
            out[i] = 0;
        else if (known)
            out[i] = first[rank ? rank - 1 : 0];
        else
            out[i] = estimate(histogram, q[i]);
    }
}
