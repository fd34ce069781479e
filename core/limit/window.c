/* window.c: fixed windows, and sliding windows of counted parts. */
#include "limit/window_int.h"

static int bounded(const struct limit_policy *p, struct err *e)
{
    if (p->burst) return err_set(e, GIFD_EINVALID, "limit %s: burst is for token_bucket only", p->name);
    return 0;
}

int window__prepare_fixed(struct limit_policy *p, struct err *e)
{
    p->capacity = p->rate;
    p->span_kind = p->rate << 8 | LIMIT__FIXED;
    return bounded(p, e);
}

int window__prepare_sliding(struct limit_policy *p, struct err *e)
{
    unsigned places = p->rate <= UINT8_MAX ? 32 : p->rate <= UINT16_MAX ? 16 : p->rate <= UINT32_MAX ? 8 : 4;
    unsigned kind = p->rate <= UINT8_MAX    ? LIMIT__SLIDING8
                    : p->rate <= UINT16_MAX ? LIMIT__SLIDING16
                    : p->rate <= UINT32_MAX ? LIMIT__SLIDING32
                                            : LIMIT__SLIDING64;
    if (!p->resolution) p->resolution = places - 1;
    if (p->resolution >= places)
        return err_set(e, GIFD_EINVALID, "limit %s: resolution is at most %u at this rate", p->name, places - 1);
    p->capacity = p->rate;
    p->part_ns = (p->per_ns + p->resolution - 1) / p->resolution;
    p->span_kind = p->rate << 8 | kind;
    return bounded(p, e);
}

bool window__judge_fixed(const struct limit_policy *p, const struct limit__slot *s, uint64_t now, uint64_t cost,
                         struct limit_standing *out)
{
    bool live = s && now < s->until;
    uint64_t used = live ? s->u.n64[0] : 0;
    out->remaining = used < p->capacity ? p->capacity - used : 0;
    out->reset_ns = live ? s->until - now : 0;
    if (out->reset_ns > p->per_ns) out->reset_ns = p->per_ns;
    out->retry_ns = 0;
    if (cost <= out->remaining) return true;
    out->retry_ns = cost > p->capacity ? LIMIT_NEVER : out->reset_ns;
    return false;
}

void window__charge_fixed(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint64_t cost,
                          struct limit_standing *out)
{
    uint64_t used = cost;
    LIMIT__MARK();
    if (now < s->until) {
        used += s->u.n64[0];
    } else {
        s->until = now + p->per_ns;
        LIMIT__MARK();
    }
    s->u.n64[0] = used;
    LIMIT__MARK();
    out->remaining -= cost;
    out->reset_ns = s->until - now < p->per_ns ? s->until - now : p->per_ns;
}

static inline unsigned places_of(unsigned kind)
{
    return 32u >> (kind - LIMIT__SLIDING8);
}

static inline __attribute__((always_inline)) uint64_t count_at(const struct limit__slot *s, unsigned kind,
                                                               uint64_t part)
{
    switch (kind) {
    case LIMIT__SLIDING8: return s->u.n8[part & 31];
    case LIMIT__SLIDING16: return s->u.n16[part & 15];
    case LIMIT__SLIDING32: return s->u.n32[part & 7];
    default: return s->u.n64[part & 3];
    }
}

static inline void count_set(struct limit__slot *s, unsigned kind, uint64_t part, uint64_t count)
{
    switch (kind) {
    case LIMIT__SLIDING8: s->u.n8[part & 31] = (uint8_t)count; break;
    case LIMIT__SLIDING16: s->u.n16[part & 15] = (uint16_t)count; break;
    case LIMIT__SLIDING32: s->u.n32[part & 7] = (uint32_t)count; break;
    default: s->u.n64[part & 3] = count;
    }
    LIMIT__MARK();
}

/* Counts are added in lanes of a word: bytes in lanes of 16 bits (32 * 255 fits), those of 16 in lanes of 32. */
static inline uint64_t sum_all(const struct limit__slot *s, unsigned kind)
{
    const uint64_t *w = s->u.n64, bytes = 0x00ff00ff00ff00ffull, pairs = 0x0000ffff0000ffffull, low = UINT32_MAX;
    uint64_t sum = 0;
    switch (kind) {
    case LIMIT__SLIDING8:
        for (int i = 0; i < 4; i++) sum += (w[i] & bytes) + (w[i] >> 8 & bytes);
        return sum * 0x0001000100010001ull >> 48;
    case LIMIT__SLIDING16:
        for (int i = 0; i < 4; i++) sum += (w[i] & pairs) + (w[i] >> 16 & pairs);
        return (sum & low) + (sum >> 32);
    case LIMIT__SLIDING32:
        for (int i = 0; i < 4; i++) sum += (w[i] & low) + (w[i] >> 32);
        return sum;
    default: return w[0] + w[1] + w[2] + w[3];
    }
}

/* Where the window stands: the running part, the last charged one, and what is used. */
struct view {
    uint64_t part, head, used;
};

static struct view look(const struct limit_policy *p, const struct limit__slot *s, uint64_t now)
{
    unsigned kind = p->span_kind & 0xff;
    struct view v = {.part = now / p->part_ns};
    if (!s || s->until <= now) return v;
    v.head = s->until / p->part_ns - (p->resolution + 1);
    if (v.part < v.head) v.part = v.head;
    uint64_t back = v.part - p->resolution; /* the oldest part that counts; may wrap below 0, as the places do */
    uint64_t stale = places_of(kind) - (v.head - back + 1);
    v.used = sum_all(s, kind);
    for (uint64_t i = 1; i <= stale; i++) v.used -= count_at(s, kind, v.head + i);
    return v;
}

/* The part from `oldest` on whose end lets `cost` in: with it and all before it forgotten, there is room. */
static inline __attribute__((always_inline)) uint64_t last_to_leave(const struct limit__slot *s, unsigned kind,
                                                                    uint64_t oldest, uint64_t parts, uint64_t excess)
{
    uint64_t part = oldest, gone = 0;
    for (; part != oldest + parts; part++) {
        gone += count_at(s, kind, part);
        if (gone >= excess) break;
    }
    return part;
}

static uint64_t wait_for(const struct limit_policy *p, const struct limit__slot *s, uint64_t oldest, uint64_t parts,
                         uint64_t excess)
{
    switch (p->span_kind & 0xff) {
    case LIMIT__SLIDING8: return last_to_leave(s, LIMIT__SLIDING8, oldest, parts, excess);
    case LIMIT__SLIDING16: return last_to_leave(s, LIMIT__SLIDING16, oldest, parts, excess);
    case LIMIT__SLIDING32: return last_to_leave(s, LIMIT__SLIDING32, oldest, parts, excess);
    default: return last_to_leave(s, LIMIT__SLIDING64, oldest, parts, excess);
    }
}

bool window__judge_sliding(const struct limit_policy *p, const struct limit__slot *s, uint64_t now, uint64_t cost,
                           struct limit_standing *out)
{
    struct view v = look(p, s, now);
    out->remaining = v.used < p->capacity ? p->capacity - v.used : 0;
    out->reset_ns = v.used ? s->until - now : 0;
    out->retry_ns = 0;
    if (cost <= out->remaining) return true;
    out->retry_ns = LIMIT_NEVER;
    if (cost > p->capacity) return false;
    uint64_t oldest = v.part - p->resolution;
    uint64_t part = wait_for(p, s, oldest, v.head - oldest, v.used + cost - p->capacity);
    out->retry_ns = (part + p->resolution + 1) * p->part_ns - now;
    return false;
}

void window__charge_sliding(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint64_t cost,
                            struct limit_standing *out)
{
    unsigned kind = p->span_kind & 0xff;
    uint64_t part = now / p->part_ns;
    uint64_t head = s->until ? s->until / p->part_ns - (p->resolution + 1) : 0;
    if (part < head) part = head;
    LIMIT__MARK();
    s->until = (part + p->resolution + 1) * p->part_ns;
    LIMIT__MARK();
    if (part - head >= places_of(kind)) head = part - places_of(kind);
    while (head < part) count_set(s, kind, ++head, 0);
    count_set(s, kind, part, count_at(s, kind, part) + cost);
    out->remaining -= cost;
    out->reset_ns = s->until - now;
}

void window__start_fixed(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint32_t level,
                         uint64_t until)
{
    s->until = !level ? 0 : until < now + p->per_ns ? until : now + p->per_ns;
    s->span_kind = p->span_kind;
    s->u.n64[0] = limit__unshare(level, p->capacity);
}

void window__start_sliding(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint32_t level)
{
    uint64_t part = now / p->part_ns;
    s->until = level ? (part + p->resolution + 1) * p->part_ns : 0;
    s->span_kind = p->span_kind;
    memset(&s->u, 0, sizeof s->u);
    if (level) count_set(s, p->span_kind & 0xff, part, limit__unshare(level, p->capacity));
}

uint32_t window__level(const struct limit__slot *s)
{
    unsigned kind = s->span_kind & 0xff;
    return limit__share(kind == LIMIT__FIXED ? s->u.n64[0] : sum_all(s, kind), s->span_kind >> 8);
}
