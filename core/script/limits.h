/* limits.h: how often whoever calls may have a route. Private to core/script, but for limits_open.
 *
 *   request -> its route has limits?
 *     |no: nothing is looked at
 *     |all keys are known (address, route; nobody says who he is): charged in one step, before the reply cache
 *     |it carries credentials, and some limit is for users or tokens: refused here when the address or the route has
 *      nothing left, else only looked at. Lua finds out who asks, then gifd.limit.charge charges all keys in one step
 *
 * So an address pays for nothing that its user is refused, and the other way round. Where nobody is known (no
 * credentials, or wrong ones) the address stands in for user and token: wrong passwords cost too. What an answer says
 * about limits is put into request.fields and goes out with whatever reply there is, a kept one too.
 *
 * The counts lie in the segment (limit/table.h), so a reload and the death of a process change nothing about them. */
#ifndef GIFD_SCRIPT_LIMITS_H
#define GIFD_SCRIPT_LIMITS_H

#include "base/segment.h"
#include "limit/limit.h"

struct lua_State;
struct visit;

enum limits_kind { LIMITS_IP, LIMITS_USER, LIMITS_TOKEN, LIMITS_ROUTE };
#define LIMITS_KINDS 4
const char *limits_kind_name(enum limits_kind kind); /* "ip" */
int limits_kind_of(struct slice name);               /* -1 when it is none */

/* Of one route: its policies, each counted for each of its `by`. Belongs to its generation, then only read. */
struct limits {
    size_t count;
    bool asks_who; /* some are for a user or a token */
    enum limits_kind by[LIMIT_ASKS_MAX];
    uint64_t cost[LIMIT_ASKS_MAX]; /* of one request */
    /* The route is their scope. Named by their kind: "ip", and "ip-2" of the next policy that counts addresses. */
    struct limit_policy policy[LIMIT_ASKS_MAX];
    char route[]; /* "POST /api/v1/assets" */
};

/* Makes the segment's table unless there is one. Only by who opened the segment to serve, before anybody attaches. */
int limits_open(struct segment *s, struct err *e);
int limits_attach(struct limit_table *t, struct segment *s, struct err *e);

/* Reads strategy, rate, per (seconds, or a text such as "5m"), burst and resolution from the table at index and
 * prepares the policy; name and scope are the caller's. */
int limits_policy(struct lua_State *L, int index, struct limit_policy *out, struct err *e);
/* A route's list of the same with `by` and `cost`, at most LIMIT_ASKS_MAX counted together. NULL: e says why. Never
 * throws. t: NULL when nothing will be charged. */
struct limits *limits_read(struct lua_State *L, int index, const struct limit_table *t, const char *route,
                           struct err *e);

/* As soon as it is known that limits apply: fills `asks` and sends for the memory that limits_enter will look at. */
void limits_expect(const struct visit *v, const struct limits *l, struct limit_ask asks[LIMIT_ASKS_MAX]);
/* Before anything is done for a request. False: it was refused, and has ended. v->owed is set when Lua is to charge. */
bool limits_enter(struct visit *v, const struct limits *l, struct limit_ask asks[LIMIT_ASKS_MAX]);
/* Charges what v owes: user and token as they were found out, or "" for nobody. GIFD_ELIMITED, GIFD_EBUSY. */
int limits_charge(struct visit *v, struct slice user, struct slice token, struct err *e);

/* The key of "ip:192.0.2.7", "user:anna", "token:12", "route:GET /": its kind and what follows. GIFD_EINVALID. */
int limits_key(const struct limit_table *t, enum limits_kind kind, struct slice value, struct limit_key *out,
               struct err *e);

#endif
