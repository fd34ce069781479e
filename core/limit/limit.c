/* limit.c: one decision over several keys.
 *
 *   locate all (prefetch) -> take their rows in order -> judge all -> charge all, if all allow -> leave the rows
 *
 * A key that is not in the table is judged on a slot on the stack, as untouched or as the row's ghosts say; it gets a
 * slot of its own only when it is charged. Looking and refusing write nothing but the lock. */
#include "limit/limit.h"

#include "limit/bucket_int.h"
#include "limit/sip_int.h"
#include "limit/table_int.h"
#include "limit/window_int.h"

#include <stdio.h>

static const char *const names[] = {"token_bucket", "fixed_window", "sliding_window"};

const char *limit_strategy_name(enum limit_strategy s)
{
    return s <= LIMIT_SLIDING_WINDOW ? names[s] : "unknown";
}

int limit_strategy_of(struct slice name, enum limit_strategy *out, struct err *e)
{
    for (int s = LIMIT_TOKEN_BUCKET; s <= LIMIT_SLIDING_WINDOW; s++)
        if (slice_is(name, names[s])) {
            *out = (enum limit_strategy)s;
            return 0;
        }
    return err_set(e, GIFD_EINVALID, "limit strategy must be token_bucket, fixed_window or sliding_window");
}

int limit_policy_prepare(struct limit_policy *p, struct err *e)
{
    size_t n = strnlen(p->name, sizeof p->name);
    if (!n || n == sizeof p->name)
        return err_set(e, GIFD_EINVALID, "limit: a name has 1 to %d characters", LIMIT_NAME_MAX);
    for (size_t i = 0; i < n; i++)
        if (p->name[i] < 0x20 || p->name[i] > 0x7e)
            return err_set(e, GIFD_EINVALID, "limit: a name is printable ASCII");
    if (!p->rate || p->rate > LIMIT_UNITS_MAX || p->burst > LIMIT_UNITS_MAX)
        return err_set(e, GIFD_EINVALID, "limit %s: rate and burst are 1 to %llu", p->name, LIMIT_UNITS_MAX);
    if (p->per_ns < LIMIT_PER_MIN_NS || p->per_ns > LIMIT_PER_MAX_NS)
        return err_set(e, GIFD_EINVALID, "limit %s: the time is 1 ms to 366 days", p->name);
    if (p->resolution && p->strategy != LIMIT_SLIDING_WINDOW)
        return err_set(e, GIFD_EINVALID, "limit %s: resolution is for sliding_window only", p->name);
    int rc;
    switch (p->strategy) {
    case LIMIT_TOKEN_BUCKET: rc = bucket__prepare(p, e); break;
    case LIMIT_FIXED_WINDOW: rc = window__prepare_fixed(p, e); break;
    case LIMIT_SLIDING_WINDOW: rc = window__prepare_sliding(p, e); break;
    default: rc = err_set(e, GIFD_EINVALID, "limit %s: no such strategy", p->name);
    }
    if (rc < 0) return rc;
    struct {
        uint64_t strategy, resolution, rate, per_ns, capacity, scope;
        char name[LIMIT_NAME_MAX + 1];
    } in = {p->strategy, p->resolution, p->rate, p->per_ns, p->capacity, p->scope, ""};
    memcpy(in.name, p->name, n);
    sip__hash((const uint64_t[2]){0, 0}, &in, sizeof in, p->id);
    return 0;
}

/* Where one ask's key is, while its row is held. */
struct place {
    uint64_t id[2];
    struct limit__row *row;
    int way;                  /* -1: not in the table */
    unsigned twin;            /* the first ask of the same key: it pays for all */
    uint64_t cost;            /* of all asks of this key */
    struct limit__slot start; /* way -1 and the row has ghosts: how it begins */
    struct limit__slot *slot; /* NULL: untouched */
};

static inline void locate(const struct limit_table *t, const struct limit_policy *p, struct limit_key key,
                          struct place *at)
{
    at->id[0] = key.h[0] ^ p->id[0];
    at->id[1] = key.h[1] ^ p->id[1];
    at->row = limit__row_of(t, at->id);
    __builtin_prefetch(at->row, 1);
    __builtin_prefetch(&at->row->slot[limit__home(at->id, 0)], 1);
    __builtin_prefetch(&at->row->slot[limit__home(at->id, 1)], 1);
}

static void start(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint32_t level, uint64_t until)
{
    switch (p->strategy) {
    case LIMIT_TOKEN_BUCKET: bucket__start(p, s, now, level, until); break;
    case LIMIT_FIXED_WINDOW: window__start_fixed(p, s, now, level, until); break;
    case LIMIT_SLIDING_WINDOW: window__start_sliding(p, s, now, level); break;
    }
}

static inline void look_up(const struct limit_policy *p, struct place *at, uint64_t now)
{
    const struct limit__row *row = at->row;
    at->way = limit__find(row, at->id);
    at->slot = at->way < 0 ? NULL : &at->row->slot[at->way];
    if (at->slot || (row->ghost_until[0] < now && row->ghost_until[1] < now)) return;
    uint32_t level = 0;
    uint64_t until = 0;
    for (int i = 0; i < 2; i++) {
        if (row->ghost_until[i] < now) continue;
        if (row->ghost_level[i] > level) level = row->ghost_level[i];
        if (row->ghost_until[i] > until) until = row->ghost_until[i];
    }
    start(p, &at->start, now, level, until);
    at->slot = &at->start;
}

static inline bool judge(const struct limit_policy *p, const struct place *at, uint64_t now, struct limit_standing *out)
{
    switch (p->strategy) {
    case LIMIT_TOKEN_BUCKET: return bucket__judge(p, at->slot, now, at->cost, out);
    case LIMIT_FIXED_WINDOW: return window__judge_fixed(p, at->slot, now, at->cost, out);
    case LIMIT_SLIDING_WINDOW: return window__judge_sliding(p, at->slot, now, at->cost, out);
    }
    return false;
}

/* Gives the key a slot. It is a copy of at->start, and the row's only when limit__publish says so. */
static void settle(const struct limit_table *t, const struct limit_policy *p, struct place *at, uint64_t now,
                   unsigned pinned)
{
    if (!at->slot) start(p, &at->start, now, 0, 0);
    memcpy(at->start.id, at->id, sizeof at->id);
    at->way = (int)limit__claim(t, at->row, at->id, now, pinned);
    at->slot = &at->row->slot[at->way];
    *at->slot = at->start;
    LIMIT__MARK();
}

static inline void charge(const struct limit_policy *p, struct place *at, uint64_t now, struct limit_standing *out)
{
    switch (p->strategy) {
    case LIMIT_TOKEN_BUCKET: bucket__charge(p, at->slot, now, at->cost, out); break;
    case LIMIT_FIXED_WINDOW: window__charge_fixed(p, at->slot, now, at->cost, out); break;
    case LIMIT_SLIDING_WINDOW: window__charge_sliding(p, at->slot, now, at->cost, out); break;
    }
}

static void charge_all(const struct limit_table *t, uint64_t now, const struct limit_ask asks[], struct place at[],
                       size_t n, struct limit_answer *out)
{
    for (size_t i = 0; i < n; i++) {
        if (at[i].twin != i) {
            out->of[i] = out->of[at[i].twin];
            continue;
        }
        if (!at[i].cost) continue;
        if (at[i].way >= 0) {
            charge(asks[i].policy, &at[i], now, &out->of[i]);
            continue;
        }
        unsigned pinned = 0;
        for (size_t k = 0; k < n; k++)
            if (at[k].row == at[i].row && at[k].way >= 0) pinned |= 1u << at[k].way;
        settle(t, asks[i].policy, &at[i], now, pinned);
        charge(asks[i].policy, &at[i], now, &out->of[i]);
        limit__publish(at[i].row, (unsigned)at[i].way);
    }
}

/* Asks in the order of their rows, and the same key's asks made one. */
static void arrange(struct place at[], size_t n, unsigned char order[])
{
    for (size_t i = 0; i < n; i++) {
        size_t k = i;
        for (; k && at[order[k - 1]].row > at[i].row; k--) order[k] = order[k - 1];
        order[k] = (unsigned char)i;
        for (size_t first = 0; first < i; first++) {
            if (memcmp(at[first].id, at[i].id, sizeof at[i].id) != 0 || at[first].twin != first) continue;
            at[i].twin = (unsigned)first;
            if (__builtin_add_overflow(at[first].cost, at[i].cost, &at[first].cost)) at[first].cost = UINT64_MAX;
        }
    }
}

static void leave_all(struct place at[], const unsigned char order[], size_t n)
{
    while (n--)
        if (!n || at[order[n]].row != at[order[n - 1]].row) limit__leave(at[order[n]].row);
}

static int enter_all(const struct limit_table *t, struct place at[], const unsigned char order[], size_t n)
{
    for (size_t k = 0; k < n; k++) {
        if (k && at[order[k]].row == at[order[k - 1]].row) continue;
        int rc = limit__enter(t, at[order[k]].row);
        if (rc == 0) continue;
        leave_all(at, order, k);
        return rc;
    }
    return 0;
}

static void summarize(struct limit_answer *out, size_t n)
{
    unsigned which = 0;
    for (unsigned i = 1; i < n; i++) {
        const struct limit_standing *a = &out->of[i], *b = &out->of[which];
        if (out->allowed ? a->remaining < b->remaining : a->retry_ns > b->retry_ns) which = i;
    }
    out->which = which;
    out->remaining = out->of[which].remaining;
    out->reset_ns = out->of[which].reset_ns;
    out->retry_ns = out->of[which].retry_ns;
    out->never = out->retry_ns == LIMIT_NEVER;
}

int limit_check(const struct limit_table *t, uint64_t now_ns, const struct limit_ask asks[], size_t n,
                struct limit_answer *out)
{
    struct place at[LIMIT_ASKS_MAX];
    unsigned char order[LIMIT_ASKS_MAX] = {0};
    out->allowed = out->never = false;
    if (!n || n > LIMIT_ASKS_MAX) return GIFD_EINVALID;
    for (unsigned i = 0; i < n; i++) {
        locate(t, asks[i].policy, asks[i].key, &at[i]);
        at[i].cost = asks[i].cost;
        at[i].twin = i;
    }
    if (n > 1) arrange(at, n, order);
    int rc = enter_all(t, at, order, n);
    if (rc < 0) return rc;
    bool all = true;
    for (size_t i = 0; i < n; i++) {
        if (at[i].twin != i) {
            at[i].way = -1;
            out->of[i] = out->of[at[i].twin];
            continue;
        }
        look_up(asks[i].policy, &at[i], now_ns);
        all &= judge(asks[i].policy, &at[i], now_ns, &out->of[i]);
    }
    out->allowed = all;
    if (all) charge_all(t, now_ns, asks, at, n, out);
    leave_all(at, order, n);
    summarize(out, n);
    return 0;
}

int limit_peek(const struct limit_table *t, uint64_t now_ns, const struct limit_policy *p, struct limit_key key,
               uint64_t cost, struct limit_answer *out)
{
    struct place at = {.cost = cost};
    out->allowed = out->never = false;
    locate(t, p, key, &at);
    int rc = limit__enter(t, at.row);
    if (rc < 0) return rc;
    look_up(p, &at, now_ns);
    out->allowed = judge(p, &at, now_ns, &out->of[0]);
    limit__leave(at.row);
    summarize(out, 1);
    return 0;
}

void limit_prefetch(const struct limit_table *t, const struct limit_policy *p, struct limit_key key)
{
    struct place at;
    locate(t, p, key, &at);
    __asm__ volatile("" ::"r"(&at) : "memory"); /* or the compiler sees no effect in all this, and drops it */
}

int limit_reset(const struct limit_table *t, uint64_t now_ns, const struct limit_policy *p, struct limit_key key)
{
    struct place at = {.cost = 0};
    locate(t, p, key, &at);
    int rc = limit__enter(t, at.row);
    if (rc < 0) return rc;
    look_up(p, &at, now_ns);
    if (at.way >= 0) {
        start(p, at.slot, now_ns, 0, 0);
    } else if (at.slot) {
        /* Ghosts would count against it: it gets a slot that says it has used nothing. */
        at.slot = NULL;
        settle(t, p, &at, now_ns, 0);
        limit__publish(at.row, (unsigned)at.way);
    }
    limit__leave(at.row);
    return 0;
}

static size_t parameter(char *out, size_t n, char name, uint64_t value)
{
    const uint64_t most = 999999999999999; /* of a structured field's integer */
    char digits[20];
    int i = 20;
    if (value > most) value = most;
    out[n++] = ';';
    out[n++] = name;
    out[n++] = '=';
    do digits[--i] = (char)('0' + value % 10);
    while (value /= 10);
    memcpy(out + n, digits + i, (size_t)(20 - i));
    return n + (size_t)(20 - i);
}

/* One structured-field item (RFC 9651): the name as a string, then two integer parameters. */
static size_t item(char *out, size_t n, const char *name, char first, uint64_t a, char second, uint64_t b)
{
    if (n) out[n++] = ',', out[n++] = ' ';
    out[n++] = '"';
    for (; *name; name++) {
        if (*name == '"' || *name == '\\') out[n++] = '\\';
        out[n++] = *name;
    }
    out[n++] = '"';
    n = parameter(out, n, first, a);
    n = parameter(out, n, second, b);
    out[n] = 0;
    return n;
}

static uint64_t seconds_up(uint64_t ns)
{
    return ns / 1000000000 + (ns % 1000000000 != 0);
}

void limit_fields(const struct limit_ask asks[], size_t n, const struct limit_answer *a, struct limit_fields *out)
{
    out->policy_len = out->limit_len = 0;
    out->policy[0] = out->limit[0] = 0;
    for (size_t i = 0; i < n && i < LIMIT_ASKS_MAX; i++) {
        const struct limit_policy *p = asks[i].policy;
        uint64_t whole = (uint64_t)((unsigned __int128)p->capacity * p->per_ns / p->rate);
        out->policy_len = item(out->policy, out->policy_len, p->name, 'q', p->capacity, 'w', seconds_up(whole));
        out->limit_len =
            item(out->limit, out->limit_len, p->name, 'r', a->of[i].remaining, 't', seconds_up(a->of[i].reset_ns));
    }
    out->retry_after = a->allowed || a->never ? 0 : seconds_up(a->retry_ns);
}
