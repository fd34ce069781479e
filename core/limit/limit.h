/* limit.h: may this request be served now?
 *
 *   struct limit_ask asks[] = {{&per_address, address_key, 1}, {&per_token, token_key, 1}};
 *   rc = limit_check(table, now, asks, 2, &answer);      // charged for both, or for neither
 *
 * Three strategies (`rate` units per `per_ns`; a unit is a request, a byte, a pixel: whatever the asks cost):
 *
 * Token bucket. Starts with `burst` tokens and gains `rate` of them per `per_ns`, evenly. Kept as one time (GCRA: when
 * the bucket will be full) in 2^-32 ns. The burst is exact. The time of one token is cut to 2^-32 ns: a token may come
 * early by less than 2^-32 ns for each one spent since the bucket was last full, and by the nanosecond that is the unit
 * of time here. Relative to the rate that is 2 in 10^10 at a token per ns, less at lower rates; 10^-6 at the highest
 * rate that is accepted.
 *
 * Fixed window. `rate` units in a window of `per_ns` that begins with a key's first charge. Exact. By its nature, two
 * windows' worth may pass in a short time around a border.
 *
 * Sliding window. Never more than `rate` units in any stretch of `per_ns`, wherever it begins: exact. What is
 * approximated is when a unit is forgotten. Time is counted in `resolution` parts of the window, and a unit counts for
 * at least `per_ns` and at most `per_ns` * (1 + 1 / resolution), each part rounded up to a nanosecond. So it may refuse
 * a little longer than a log of all requests would, and never admits more. How fine it can be depends on the rate, as
 * all counts of a key lie in 32 bytes:
 *
 *     rate        <= 255    <= 65535    < 2^32    above
 *     parts           31          15         7        3
 *
 * Time is the caller's: monotonic nanoseconds, the same clock in all processes. Small steps back (one process's loop
 * time is behind another's) never admit more; they are taken for no progress.
 *
 * All functions: any process, any thread, any time after limit_table_attach. None allocates; none waits longer than
 * LIMIT_WAIT_MS for a lock (table.h). */
#ifndef GIFD_LIMIT_LIMIT_H
#define GIFD_LIMIT_LIMIT_H

#include "limit/key.h"
#include "limit/table.h"

#include <stdbool.h>

#define LIMIT_ASKS_MAX 8
#define LIMIT_NAME_MAX 63
#define LIMIT_UNITS_MAX (1ull << 48)                   /* rate, burst */
#define LIMIT_PER_MIN_NS 1000000ull                    /* 1 ms */
#define LIMIT_PER_MAX_NS (366ull * 86400 * 1000000000) /* also for a whole bucket to fill */
#define LIMIT_NEVER UINT64_MAX                         /* as retry_ns: no waiting helps */

enum limit_strategy { LIMIT_TOKEN_BUCKET, LIMIT_FIXED_WINDOW, LIMIT_SLIDING_WINDOW };

struct limit_policy {
    /* Said by the owner. */
    char name[LIMIT_NAME_MAX + 1]; /* printable ASCII */
    uint64_t scope;                /* not shown. Two policies that differ in name, scope or number share no key */
    enum limit_strategy strategy;
    uint32_t resolution; /* sliding window: parts; 0: as fine as can be */
    uint64_t rate, per_ns;
    uint64_t burst; /* token bucket: its size; 0: rate. Windows: 0 */
    /* Filled by limit_policy_prepare. */
    uint64_t id[2];             /* fingerprint of all above */
    uint64_t capacity;          /* the most that can be had at once, hence the largest cost that is not "never" */
    unsigned __int128 interval; /* bucket: time of one unit in 2^-32 ns */
    unsigned __int128 span;     /* bucket: time to fill it, in 2^-32 ns */
    double per_interval;        /* bucket: units per ns */
    uint64_t part_ns;           /* sliding: length of a part */
    uint64_t span_kind;         /* as in a slot */
};
/* Checks and completes a policy; then it is read-only and may be shared. A policy with the same numbers and name, made
 * by another process or generation, goes on with the same counts. GIFD_EINVALID, with the bound in the text. */
int limit_policy_prepare(struct limit_policy *p, struct err *e);
int limit_strategy_of(struct slice name, enum limit_strategy *out, struct err *e); /* "token_bucket", ... */
const char *limit_strategy_name(enum limit_strategy s);

struct limit_ask {
    const struct limit_policy *policy;
    struct limit_key key;
    uint64_t cost; /* 1 for a request; 0 looks without charging */
};

/* How one ask's key stands: after the charge if the request was admitted, else without one. */
struct limit_standing {
    uint64_t remaining; /* units that could be had now */
    uint64_t reset_ns;  /* until the key is as good as untouched; 0: it is */
    uint64_t retry_ns;  /* until this ask would be admitted, if nobody else charges; 0: now; LIMIT_NEVER */
};

struct limit_answer {
    bool allowed;
    bool never;         /* refused, and would be at any time: the cost is above the capacity */
    unsigned which;     /* refused: the ask that has to wait longest; else the one with the least remaining */
    uint64_t remaining; /* these three: of ask `which` */
    uint64_t reset_ns;  /* */
    uint64_t retry_ns;  /* hence the time after which all asks would be admitted */
    struct limit_standing of[LIMIT_ASKS_MAX]; /* by ask; the others are not written */
};

/* Decides for 1 to LIMIT_ASKS_MAX asks in one step. Charged are all, if all allow; else none. The same key twice pays
 * twice. Returns 0 with *out filled, whatever the answer is. Errors (then nothing is charged and out->allowed is
 * false): GIFD_EINVALID: number of asks; GIFD_EBUSY: a lock was not to be had. */
int limit_check(const struct limit_table *t, uint64_t now_ns, const struct limit_ask asks[], size_t n,
                struct limit_answer *out);
/* The same for one key without charging: `cost` units more, could they be had? */
int limit_peek(const struct limit_table *t, uint64_t now_ns, const struct limit_policy *p, struct limit_key key,
               uint64_t cost, struct limit_answer *out);
/* Brings the key's lines towards the processor: call it as soon as the key is known, then parse, then check. */
void limit_prefetch(const struct limit_table *t, const struct limit_policy *p, struct limit_key key);
/* As if the key had never been seen under this policy. GIFD_EBUSY. limit_clear (table.h) does it for all. */
int limit_reset(const struct limit_table *t, uint64_t now_ns, const struct limit_policy *p, struct limit_key key);

/* Header values of draft-ietf-httpapi-ratelimit-headers-10, one item per ask:
 *
 *   RateLimit-Policy: "upload";q=100;w=60         q: the capacity, w: seconds in which all of it comes back, rounded up
 *   RateLimit: "upload";r=99;t=1                  r: remaining, t: seconds to reset, rounded up
 *
 * Retry-After (RFC 9110 section 10.2.3) is for refused requests. */
struct limit_fields {
    char policy[LIMIT_ASKS_MAX * (2 * LIMIT_NAME_MAX + 48)];
    char limit[LIMIT_ASKS_MAX * (2 * LIMIT_NAME_MAX + 48)];
    size_t policy_len, limit_len;
    uint64_t retry_after; /* seconds, rounded up; 0: send none (admitted, or never) */
};
void limit_fields(const struct limit_ask asks[], size_t n, const struct limit_answer *a, struct limit_fields *out);

#endif
