/* bucket.c: token bucket as one point in time. */
#include "limit/bucket_int.h"

typedef unsigned __int128 fine; /* 2^-32 ns */

static inline fine fine_of(uint64_t ns)
{
    return (fine)ns << 32;
}

static inline uint64_t ns_up(fine t)
{
    return (uint64_t)((t + UINT32_MAX) >> 32);
}

int bucket__prepare(struct limit_policy *p, struct err *e)
{
    p->capacity = p->burst ? p->burst : p->rate;
    p->interval = fine_of(p->per_ns) / p->rate;
    p->span = p->interval * p->capacity;
    if (p->interval < 1u << 20)
        return err_set(e, GIFD_EINVALID, "limit %s: more than 4096 units per nanosecond", p->name);
    if (p->span > fine_of(LIMIT_PER_MAX_NS))
        return err_set(e, GIFD_EINVALID, "limit %s: the bucket takes more than 366 days to fill", p->name);
    p->per_interval = 4294967296.0 / (double)p->interval;
    p->span_kind = ns_up(p->span) << 8 | LIMIT__BUCKET;
    return 0;
}

/* room / interval rounded down. A wide division costs more than the rest of the decision, hence an estimate first. */
static inline uint64_t units_in(const struct limit_policy *p, fine room)
{
    double ns = (double)(uint64_t)(room >> 32) + (double)(uint32_t)room * 0x1p-32;
    uint64_t units = (uint64_t)(ns * p->per_interval);
    while (units && units * p->interval > room) units--;
    while ((units + 1) * p->interval <= room) units++;
    return units;
}

static inline fine full_at(const struct limit__slot *s)
{
    return fine_of(s->until) | (uint32_t)s->u.n64[0];
}

bool bucket__judge(const struct limit_policy *p, const struct limit__slot *s, uint64_t now, uint64_t cost,
                   struct limit_standing *out)
{
    fine owed = 0;
    if (s && full_at(s) > fine_of(now)) owed = full_at(s) - fine_of(now);
    fine room = owed < p->span ? p->span - owed : 0;
    out->remaining = units_in(p, room);
    out->reset_ns = ns_up(owed);
    out->retry_ns = 0;
    if (cost <= out->remaining) return true;
    out->retry_ns = cost > p->capacity ? LIMIT_NEVER : ns_up(owed + cost * p->interval - p->span);
    return false;
}

void bucket__charge(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint64_t cost,
                    struct limit_standing *out)
{
    fine from = full_at(s) > fine_of(now) ? full_at(s) : fine_of(now);
    fine full = from + cost * p->interval;
    LIMIT__MARK();
    s->until = (uint64_t)(full >> 32);
    LIMIT__MARK();
    s->u.n64[0] = (uint32_t)full;
    LIMIT__MARK();
    out->remaining -= cost;
    out->reset_ns = ns_up(full - fine_of(now));
}

void bucket__start(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint32_t level, uint64_t until)
{
    uint64_t owed = (uint64_t)(((p->span >> 32) + 1) * level / LIMIT__LEVEL_FULL) + 1;
    uint64_t left = until >= now ? until - now + 1 : 0; /* the evicted bucket may have had a fraction */
    s->until = level ? now + (owed < left ? owed : left) : 0;
    s->u.n64[0] = 0;
    s->span_kind = p->span_kind;
}

uint32_t bucket__level(const struct limit__slot *s, uint64_t now)
{
    if (s->until < now) return 0;
    return limit__share(s->until - now + 1, s->span_kind >> 8);
}
