/* bind_metric.c: gifd.metric. A handle keeps the cell of one series in the memory that all processes share; without
 * shared memory (a command) the numbers are this process's own, and in the builder they count nowhere. */
#include "base/metric.h"
#include "script/border.h"
#include "script/host_int.h"

#include <math.h>
#include <stdio.h>

#define COUNT_MAX INT64_C(9007199254740991)

struct handle {
    struct metric_cell *cell;
};

static const char *const kinds[] = {NULL, "gifd.counter", "gifd.gauge", "gifd.histogram"};

static int keep_nothing(lua_State *L)
{
    (void)L;
    return 0;
}

static struct metric_cell *cell_of(lua_State *L, enum metric_kind kind)
{
    struct handle *h = border_udata(L, 1, kinds[kind] + 5, kinds[kind]);
    return h->cell;
}

static lua_Number number_arg(lua_State *L, int arg, const char *name)
{
    return border_number(L, arg, name, -1e300, 1e300);
}

static int counter_add(lua_State *L)
{
    struct metric_cell *c = cell_of(L, METRIC_COUNTER);
    metric_add(c, lua_isnoneornil(L, 2) ? 1 : (uint64_t)border_integer(L, 2, "n", 0, COUNT_MAX));
    return 0;
}

static int gauge_set(lua_State *L)
{
    struct metric_cell *c = cell_of(L, METRIC_GAUGE);
    metric_set(c, number_arg(L, 2, "value"));
    return 0;
}

static int gauge_add(lua_State *L)
{
    struct metric_cell *c = cell_of(L, METRIC_GAUGE);
    metric_move(c, lua_isnoneornil(L, 2) ? 1 : number_arg(L, 2, "by"));
    return 0;
}

static int gauge_raise(lua_State *L)
{
    struct metric_cell *c = cell_of(L, METRIC_GAUGE);
    metric_raise(c, number_arg(L, 2, "value"));
    return 0;
}

static int histogram_observe(lua_State *L)
{
    struct metric_cell *c = cell_of(L, METRIC_HISTOGRAM);
    metric_observe(c, number_arg(L, 2, "value"));
    return 0;
}

static const luaL_Reg methods[][4] = {{{NULL, NULL}},
                                      {{"add", counter_add}, {NULL, NULL}},
                                      {{"set", gauge_set}, {"add", gauge_add}, {"raise", gauge_raise}, {NULL, NULL}},
                                      {{"observe", histogram_observe}, {NULL, NULL}}};

/* The table of labels at index 2. Numbers are made texts there, in copies on the stack. */
static size_t read_labels(lua_State *L, struct metric_label labels[METRIC_LABELS])
{
    size_t n = 0;
    if (lua_isnoneornil(L, 2)) return 0;
    border_table(L, 2, "labels");
    luaL_checkstack(L, METRIC_LABELS + 4, "labels");
    lua_pushnil(L);
    while (lua_next(L, 2)) {
        int type = lua_type(L, -1);
        if (n == METRIC_LABELS) border_argument(L, 2, "labels", "must be at most %d", METRIC_LABELS);
        if (lua_type(L, -2) != LUA_TSTRING || (type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN))
            border_argument(L, 2, "labels", "are texts, numbers or booleans by name");
        if (type == LUA_TBOOLEAN) {
            lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false");
            lua_replace(L, -2);
        }
        struct metric_label *l = &labels[n++];
        l->name.p = lua_tolstring(L, -2, &l->name.n);
        l->value.p = lua_tolstring(L, -1, &l->value.n);
        lua_insert(L, -2); /* the value stays below the key */
    }
    return n;
}

#define OTHER "gifd_metric_other_total"

/* A group has no room for these labels: it is counted under "other", in each of them, and that it was so is counted. */
static int find_other(struct metrics *m, struct metric_want *want, struct metric_label labels[METRIC_LABELS],
                      struct metric_cell **out, struct err *e)
{
    char group[64];
    for (size_t i = 0; i < want->label_count; i++) labels[i].value = SLICE("other");
    want->spare = true;
    int rc = metric_find(m, want, out, e);
    snprintf(group, sizeof group, "%.*s", (int)(want->group.n ? want->group.n - 1 : 0), want->group.p);
    metric_add(metric_take(m, METRIC_COUNTER, OTHER, "group", group), 1);
    return rc;
}

static int look_up(lua_State *L, enum metric_kind kind)
{
    struct err e = {0};
    struct metric_label labels[METRIC_LABELS];
    struct metric_want want = {.kind = kind, .name = border_string(L, 1, "name"), .labels = labels};
    struct host *host = gen_of(L)->host;
    lua_settop(L, 3);
    if (!lua_isnil(L, 3)) want.group = border_string(L, 3, "group");
    want.label_count = read_labels(L, labels);
    struct handle *h = border_udata_new(L, sizeof *h, kinds[kind], keep_nothing, methods[kind]);
    int rc = host ? metric_find(host->metrics, &want, &h->cell, &e) : GIFD_OK;
    if (rc == GIFD_ETOOBIG && want.group.n && want.label_count)
        rc = find_other(host->metrics, &want, labels, &h->cell, &e);
    if (rc == GIFD_EINVALID || rc == GIFD_ECONFLICT) border_throw(L, "%s", e.text);
    return rc < 0 ? push_err(L, &e) : 1;
}

static int l_counter(lua_State *L)
{
    return look_up(L, METRIC_COUNTER);
}

static int l_gauge(lua_State *L)
{
    return look_up(L, METRIC_GAUGE);
}

static int l_histogram(lua_State *L)
{
    return look_up(L, METRIC_HISTOGRAM);
}

/* ---- list ---- */

/* a="b",c="d" as a table. */
static void push_labels(lua_State *L, struct slice s)
{
    char value[METRIC_KEY_MAX];
    lua_newtable(L);
    for (size_t at = 0; at < s.n; at++) {
        const char *equals = memchr(s.p + at, '=', s.n - at);
        size_t n = 0, to = (size_t)(equals - s.p) + 2;
        lua_pushlstring(L, s.p + at, to - 2 - at);
        for (; s.p[to] != '"'; to++) {
            bool escaped = s.p[to] == '\\';
            to += escaped;
            value[n++] = escaped && s.p[to] == 'n' ? '\n' : s.p[to];
        }
        lua_pushlstring(L, value, n);
        lua_rawset(L, -3);
        at = to + 1;
    }
}

static void put_number(lua_State *L, const char *name, double v)
{
    lua_pushnumber(L, v);
    lua_setfield(L, -2, name);
}

/* {{le, n}, ...} of buckets that hold something. */
static void push_buckets(lua_State *L, const struct metric_view *v)
{
    int n = 0;
    lua_newtable(L);
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        if (!v->buckets[i]) continue;
        lua_createtable(L, 0, 2);
        put_number(L, "le", metric_bound(i));
        put_number(L, "n", (double)v->buckets[i]);
        lua_rawseti(L, -2, ++n);
    }
}

struct listing {
    lua_State *L;
    struct slice prefix;
    bool quantiles;
    int n;
};

static void put_quantiles(lua_State *L, const struct metric_view *v)
{
    double q[] = {0.5, 0.95, 0.99}, out[3];
    metric_quantiles(v, q, out, 3);
    put_number(L, "p50", out[0]);
    put_number(L, "p95", out[1]);
    put_number(L, "p99", out[2]);
}

static bool add_series(void *arg, const struct metric_view *v)
{
    struct listing *l = arg;
    lua_State *L = l->L;
    if (!slice_starts(v->name, l->prefix)) return true;
    lua_createtable(L, 0, 8);
    push_slice(L, v->key);
    lua_setfield(L, -2, "series");
    push_slice(L, v->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, kinds[v->kind] + 5);
    lua_setfield(L, -2, "kind");
    push_labels(L, v->labels);
    lua_setfield(L, -2, "labels");
    if (v->kind == METRIC_HISTOGRAM) {
        put_number(L, "count", (double)v->count);
        put_number(L, "sum", v->sum);
        if (l->quantiles) put_quantiles(L, v);
        push_buckets(L, v);
        lua_setfield(L, -2, "buckets");
    } else {
        put_number(L, "value", v->value);
    }
    lua_rawseti(L, -2, ++l->n);
    return true;
}

static int l_list(lua_State *L)
{
    struct listing l = {.L = L, .prefix = SLICE("")};
    lua_settop(L, 2);
    if (!lua_isnil(L, 1)) l.prefix = border_string(L, 1, "prefix");
    l.quantiles = lua_toboolean(L, 2);
    lua_newtable(L);
    metrics_each(gen_of(L)->host->metrics, add_series, &l);
    return 1;
}

const struct binding bind_metric[] = {
    {"gifd.metric.counter", l_counter, CTX_ANY,
     "counter(name: string, labels?: table<string, string|number|boolean>, group?: string) -> counter: gifd.Counter "
     "| nil, err -- a number that only grows"},
    {"gifd.metric.gauge", l_gauge, CTX_ANY,
     "gauge(name: string, labels?: table<string, string|number|boolean>, group?: string) -> gauge: gifd.Gauge | "
     "nil, err -- a number that goes up and down"},
    {"gifd.metric.histogram", l_histogram, CTX_ANY,
     "histogram(name: string, labels?: table<string, string|number|boolean>, group?: string) -> histogram: "
     "gifd.Histogram | nil, err -- how often which values were seen"},
    {"gifd.metric.list", l_list, CTX_TASK,
     "list(prefix?: string, quantiles?: boolean) -> series: table[] -- {series, name, labels, kind, value} or {..., "
     "count, sum, p50, p95, p99 (quantiles), buckets = {{le, n}}} of each whose name begins so"},
    {"gifd.Counter.add", NULL, CTX_ANY, "counter:add(n?: integer) -- one, or n, more"},
    {"gifd.Gauge.set", NULL, CTX_ANY, "gauge:set(value: number) -- is this from now on"},
    {"gifd.Gauge.add", NULL, CTX_ANY, "gauge:add(by?: number) -- one, or by, more"},
    {"gifd.Gauge.raise", NULL, CTX_ANY, "gauge:raise(value: number) -- is at least this"},
    {"gifd.Histogram.observe", NULL, CTX_ANY, "histogram:observe(value: number) -- one value was seen"},
    {NULL, NULL, 0, NULL},
};
