/* limits.c: see limits.h. */
#include "script/limits.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "script/visit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static const char *const kinds[LIMITS_KINDS] = {"ip", "user", "token", "route"};

const char *limits_kind_name(enum limits_kind kind)
{
    return kinds[kind];
}

int limits_kind_of(struct slice name)
{
    for (int i = 0; i < LIMITS_KINDS; i++)
        if (slice_is(name, kinds[i])) return i;
    return -1;
}

/* ---- the table ---- */

int limits_attach(struct limit_table *t, struct segment *s, struct err *e)
{
    size_t bytes;
    void *memory = segment_limits(s, &bytes);
    return limit_table_attach(t, memory, bytes, e);
}

int limits_open(struct segment *s, struct err *e)
{
    struct limit_table t;
    uint64_t seed[2];
    size_t bytes;
    void *memory = segment_limits(s, &bytes);
    if (limit_table_attach(&t, memory, bytes, NULL) == GIFD_OK) return GIFD_OK;
    crypto_random(seed, sizeof seed);
    int rc = limit_table_init(&t, memory, bytes, seed, e);
    madvise(memory, bytes, MADV_DONTNEED); /* shared: only this process's view of its pages goes */
    return rc;
}

/* ---- policies ---- */

static int number_field(lua_State *L, int index, const char *name, bool wanted, double max, uint64_t *out,
                        struct err *e)
{
    lua_pushstring(L, name);
    lua_rawget(L, index);
    bool absent = lua_isnil(L, -1);
    double v = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;
    lua_pop(L, 1);
    if (absent && !wanted) return GIFD_OK;
    if (!(v >= 1 && v <= max) || v != floor(v))
        return err_set(e, GIFD_EINVALID, "%s must be a whole number from 1 to %.0f", name, max);
    *out = (uint64_t)v;
    return GIFD_OK;
}

/* "5m" or a number of seconds. */
static double seconds_of(lua_State *L, int index)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
    if (lua_type(L, index) == LUA_TNUMBER) return lua_tonumber(L, index);
    const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "";
    char *unit;
    if (*text < '0' || *text > '9') return -1;
    double v = strtod(text, &unit);
    while (*unit == ' ') unit++;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].unit) == 0) return v * units[i].seconds;
    return -1;
}

int limits_policy(lua_State *L, int index, struct limit_policy *out, struct err *e)
{
    struct slice strategy = {NULL, 0};
    uint64_t resolution = 0;
    lua_pushliteral(L, "strategy");
    lua_rawget(L, index);
    if (lua_type(L, -1) == LUA_TSTRING) strategy.p = lua_tolstring(L, -1, &strategy.n);
    int rc = limit_strategy_of(strategy, &out->strategy, e);
    lua_pop(L, 1);
    lua_pushliteral(L, "per");
    lua_rawget(L, index);
    double per = seconds_of(L, lua_gettop(L));
    lua_pop(L, 1);
    if (rc == GIFD_OK) rc = number_field(L, index, "rate", true, (double)LIMIT_UNITS_MAX, &out->rate, e);
    if (rc == GIFD_OK) rc = number_field(L, index, "burst", false, (double)LIMIT_UNITS_MAX, &out->burst, e);
    if (rc == GIFD_OK) rc = number_field(L, index, "resolution", false, 31, &resolution, e);
    if (rc == GIFD_OK && !(per >= 0.001 && per <= (double)LIMIT_PER_MAX_NS / 1e9))
        rc = err_set(e, GIFD_EINVALID, "per must be a length of time such as \"5m\", from 1 ms to 366 days");
    if (rc < 0) return rc;
    out->resolution = (uint32_t)resolution;
    out->per_ns = (uint64_t)llround(per * 1e9);
    return limit_policy_prepare(out, e);
}

/* Adds one ask for each of the policy's `by`. */
static int read_by(lua_State *L, int index, struct limits *l, struct err *e)
{
    lua_pushliteral(L, "by");
    lua_rawget(L, index);
    int list = lua_gettop(L), rc = GIFD_OK;
    unsigned seen = 0;
    for (int i = 1; rc == GIFD_OK && lua_istable(L, list); i++) {
        lua_rawgeti(L, list, i);
        if (lua_isnil(L, -1)) break;
        struct slice name = {NULL, 0};
        if (lua_type(L, -1) == LUA_TSTRING) name.p = lua_tolstring(L, -1, &name.n);
        int kind = limits_kind_of(name);
        lua_pop(L, 1);
        if (kind < 0 || seen >> kind & 1) {
            rc = err_set(e, GIFD_EINVALID, "by lists ip, user, token, route, each once");
        } else if (l->count == LIMIT_ASKS_MAX) {
            rc = err_set(e, GIFD_EINVALID, "a route's policies count at most %d things together", LIMIT_ASKS_MAX);
        } else {
            seen |= 1u << kind;
            l->asks_who |= kind == LIMITS_USER || kind == LIMITS_TOKEN;
            l->by[l->count++] = (enum limits_kind)kind;
        }
    }
    lua_settop(L, list - 1);
    if (rc == GIFD_OK && !seen) rc = err_set(e, GIFD_EINVALID, "by must name whom to count");
    return rc;
}

static void name_policy(struct limits *l, size_t at)
{
    unsigned of_kind = 1;
    for (size_t i = 0; i < at; i++) of_kind += l->by[i] == l->by[at];
    struct limit_policy *p = &l->policy[at];
    if (of_kind == 1)
        snprintf(p->name, sizeof p->name, "%s", kinds[l->by[at]]);
    else
        snprintf(p->name, sizeof p->name, "%s-%u", kinds[l->by[at]], of_kind);
}

/* One policy of the list, at index. */
static int read_policy(lua_State *L, int index, const struct limit_table *t, struct limits *l, struct err *e)
{
    uint64_t cost = 1;
    size_t first = l->count;
    int rc = number_field(L, index, "cost", false, (double)LIMIT_UNITS_MAX, &cost, e);
    if (rc == GIFD_OK) rc = read_by(L, index, l, e);
    for (size_t i = first; rc == GIFD_OK && i < l->count; i++) {
        struct limit_policy *p = &l->policy[i];
        name_policy(l, i);
        p->scope = t ? limit_key_text(t, "route", slice_str(l->route)).h[0] : 0;
        l->cost[i] = cost;
        rc = limits_policy(L, index, p, e);
        if (rc == GIFD_OK && cost > p->capacity)
            rc = err_set(e, GIFD_EINVALID, "cost is more than can ever be had at once: %llu",
                         (unsigned long long)p->capacity);
    }
    return rc;
}

struct limits *limits_read(lua_State *L, int index, const struct limit_table *t, const char *route, struct err *e)
{
    size_t n = strlen(route) + 1;
    struct limits *l = calloc(1, sizeof *l + n);
    if (!l) {
        err_set(e, GIFD_ENOMEM, "limits");
        return NULL;
    }
    memcpy(l->route, route, n);
    int rc = GIFD_OK;
    for (int i = 1; rc == GIFD_OK; i++) {
        lua_rawgeti(L, index, i);
        bool there = lua_istable(L, -1);
        if (there) rc = read_policy(L, lua_gettop(L), t, l, e);
        lua_pop(L, 1);
        if (!there) break;
    }
    if (rc == GIFD_OK && !l->count) rc = err_set(e, GIFD_EINVALID, "must be a list of policies");
    if (rc == GIFD_OK) return l;
    free(l);
    return NULL;
}

/* ---- what replies say ---- */

static char *put(char *w, const char *p, size_t n)
{
    memcpy(w, p, n);
    return w + n;
}

#define PUT(w, literal) put(w, literal, sizeof(literal) - 1)

static void say(struct request *r, const struct limit_ask asks[], size_t n, const struct limit_answer *a)
{
    struct limit_fields f;
    char digits[24];
    limit_fields(asks, n, a, &f);
    char *out = arena_alloc(&r->arena, f.policy_len + f.limit_len + 96), *w = out;
    if (!out) return; /* nothing is said, all is done */
    w = PUT(w, "\r\nRateLimit-Policy: ");
    w = put(w, f.policy, f.policy_len);
    w = PUT(w, "\r\nRateLimit: ");
    w = put(w, f.limit, f.limit_len);
    if (f.retry_after) {
        int i = sizeof digits;
        for (uint64_t v = f.retry_after; v; v /= 10) digits[--i] = (char)('0' + v % 10);
        w = PUT(w, "\r\nRetry-After: ");
        w = put(w, digits + i, sizeof digits - (size_t)i);
    }
    r->fields = slice_of(out, (size_t)(w - out));
}

static const char *detail_of(const struct limit_answer *a)
{
    return a->never ? "This costs more than the limit ever allows at once."
                    : "This was asked for too often. Retry-After says in how many seconds to ask again.";
}

/* As reply_problem would say it, but of parts that are there already: refusing must not be dear. */
static void refuse(struct request *r, const struct limit_answer *a)
{
    static const struct http_header headers[] = {{SLICE("Cache-Control"), SLICE("no-store")},
                                                 {SLICE("X-Content-Type-Options"), SLICE("nosniff")}};
    char body[384], *w = body;
    w = PUT(w, "{\"type\":\"about:blank\",\"title\":\"Too Many Requests\",\"status\":429,\"detail\":\"");
    w = put(w, detail_of(a), strlen(detail_of(a)));
    w = PUT(w, "\",\"code\":\"rate_limited\",\"request_id\":\"");
    w = put(w, r->id, strlen(r->id));
    w = PUT(w, "\"}");
    struct reply p = {.status = 429,
                      .type = SLICE("application/problem+json"),
                      .headers = headers,
                      .header_count = 2,
                      .body = REPLY_BYTES,
                      .bytes = slice_of(body, (size_t)(w - body)),
                      .fd = -1};
    reply_send(r, &p);
}

/* ---- deciding ---- */

static void count_refusal(struct host *h, const struct limits *l, const struct limit_ask *ask)
{
    enum limits_kind by = l->by[ask->policy - l->policy];
    if (!h->limited[by])
        h->limited[by] = metric_take(h->metrics, METRIC_COUNTER, "gifd_limit_refusals_total", "by", kinds[by]);
    metric_add(h->limited[by], 1);
}

static struct limit_key key_of(const struct limit_table *t, const struct request *r, const struct limits *l,
                               enum limits_kind kind, struct slice user, struct slice token)
{
    if (kind == LIMITS_ROUTE) return limit_key_text(t, kinds[kind], slice_str(l->route));
    if (kind == LIMITS_USER && user.n) return limit_key_text(t, kinds[kind], user);
    if (kind == LIMITS_TOKEN && token.n) return limit_key_text(t, kinds[kind], token);
    return limit_key_ip6(t, r->client.b);
}

static size_t asks_of(const struct limit_table *t, const struct request *r, const struct limits *l, struct slice user,
                      struct slice token, struct limit_ask asks[LIMIT_ASKS_MAX])
{
    for (size_t i = 0; i < l->count; i++)
        asks[i] = (struct limit_ask){&l->policy[i], key_of(t, r, l, l->by[i], user, token), l->cost[i]};
    return l->count;
}

/* Of what can be seen without knowing who asks: has any nothing left? Charges nothing. */
static int look(const struct limit_table *t, const struct request *r, const struct limits *l, struct limit_ask asks[1],
                struct limit_answer *a)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->by[i] != LIMITS_IP && l->by[i] != LIMITS_ROUTE) continue;
        asks[0] = (struct limit_ask){&l->policy[i], key_of(t, r, l, l->by[i], SLICE(""), SLICE("")), l->cost[i]};
        int rc = limit_peek(t, r->started_ns, &l->policy[i], asks[0].key, l->cost[i], a);
        if (rc < 0 || !a->allowed) return rc;
    }
    a->allowed = true;
    return GIFD_OK;
}

static bool is_charged_later(const struct visit *v, const struct limits *l)
{
    return l->asks_who && v->credentials;
}

void limits_expect(const struct visit *v, const struct limits *l, struct limit_ask asks[LIMIT_ASKS_MAX])
{
    const struct limit_table *t = &v->host->limits;
    if (is_charged_later(v, l)) return;
    asks_of(t, v->r, l, SLICE(""), SLICE(""), asks);
    for (size_t i = 0; i < l->count; i++) limit_prefetch(t, asks[i].policy, asks[i].key);
}

bool limits_enter(struct visit *v, const struct limits *l, struct limit_ask asks[LIMIT_ASKS_MAX])
{
    const struct limit_table *t = &v->host->limits;
    struct request *r = v->r;
    struct limit_answer a;
    bool later = is_charged_later(v, l);
    size_t n = later ? 1 : l->count;
    int rc = later ? look(t, r, l, asks, &a) : limit_check(t, r->started_ns, asks, n, &a);
    if (later) v->owed = l;
    if (rc < 0) {
        log_error("limit.busy", LS("request_id", r->id), LS("route", l->route));
        refusal_mark(&v->host->live->refusals, r, v->flags);
        reply_problem(r, 503, "busy", "The server could not count this request now.");
        return false;
    }
    if (!later || !a.allowed) say(r, asks, n, &a);
    if (!a.allowed) {
        count_refusal(v->host, l, &asks[a.which]);
        refusal_mark(&v->host->live->refusals, r, v->flags);
        refuse(r, &a);
    }
    return a.allowed;
}

int limits_charge(struct visit *v, struct slice user, struct slice token, struct err *e)
{
    const struct limits *l = v->owed;
    struct limit_ask asks[LIMIT_ASKS_MAX];
    struct limit_answer a;
    if (!l) return GIFD_OK;
    v->owed = NULL;
    size_t n = asks_of(&v->host->limits, v->r, l, user, token, asks);
    int rc = limit_check(&v->host->limits, clock_mono_ns(), asks, n, &a);
    if (rc < 0) return err_set(e, GIFD_EBUSY, "the server could not count this request now");
    say(v->r, asks, n, &a);
    if (!a.allowed) count_refusal(v->host, l, &asks[a.which]);
    return a.allowed ? GIFD_OK : err_set(e, GIFD_ELIMITED, "%s", detail_of(&a));
}

int limits_key(const struct limit_table *t, enum limits_kind kind, struct slice value, struct limit_key *out,
               struct err *e)
{
    if (kind == LIMITS_IP) return limit_key_ip(t, value, out, e);
    *out = limit_key_text(t, kinds[kind], value);
    return GIFD_OK;
}
