/* bind_fetch.c: gifd.fetch. A generation has a client of its own, made at its first fetch, so that its settings hold
 * for all that it asks and its connections end with it.
 *
 * The second argument is not for authors: a plugin's gifd.fetch (lua/gifd/plugin/grants.lua) passes its hosts there. */
#include "base/clock.h"
#include "fetch/url.h"
#include "script/draft.h"
#include "script/host_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fetch_wait {
    struct wait wait;
    struct fetch *fetch;
    struct blobs *blobs; /* into = "blob" */
    struct blob_draft *draft;
    uint64_t max_bytes, began_ns;
    struct host *host;
    char asked[64]; /* its host, cut */
    const struct fetch_answer *answer;
};

static void free_fetch(struct fetch_wait *w)
{
    if (w->draft) blob_draft_drop(w->draft);
    free(w);
}

static void undo_fetch(struct wait *wait)
{
    struct fetch_wait *w = LIST_OF(wait, struct fetch_wait, wait);
    fetch_cancel(w->fetch);
    free_fetch(w);
}

/* ---- into a blob ---- */

static int sink_begin(void *to, struct err *e)
{
    struct fetch_wait *w = to;
    if (w->draft) blob_draft_drop(w->draft);
    w->draft = blob_draft_new(w->blobs, w->max_bytes, e);
    return w->draft ? GIFD_OK : e->code;
}

static int sink_write(void *to, const void *p, size_t n, struct err *e)
{
    struct fetch_wait *w = to;
    return blob_draft_write(w->draft, p, n, e);
}

static const struct fetch_sink into_blob = {sink_begin, sink_write};

/* ---- the answer ---- */

static void push_fields(lua_State *L, const struct fetch_answer *a)
{
    bool unpacked = false;
    lua_createtable(L, 0, (int)a->header_count);
    for (size_t i = 0; i < a->header_count; i++) {
        char name[256];
        struct slice from = a->headers[i].name;
        if (from.n > sizeof name) continue;
        for (size_t k = 0; k < from.n; k++)
            name[k] = (char)(from.p[k] >= 'A' && from.p[k] <= 'Z' ? from.p[k] | 32 : from.p[k]);
        unpacked = unpacked || slice_is(slice_of(name, from.n), "content-encoding");
        lua_pushlstring(L, name, from.n);
        lua_pushvalue(L, -1);
        lua_rawget(L, -3);
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            push_slice(L, a->headers[i].value);
        } else {
            lua_pushliteral(L, ", ");
            push_slice(L, a->headers[i].value);
            lua_concat(L, 3);
        }
        lua_rawset(L, -3);
    }
    if (!unpacked) return;
    lua_pushnil(L);
    lua_setfield(L, -2, "content-encoding"); /* libcurl undid it */
    lua_pushnil(L);
    lua_setfield(L, -2, "content-length");
}

static void set_number(lua_State *L, const char *key, lua_Number v)
{
    lua_pushnumber(L, v);
    lua_setfield(L, -2, key);
}

static int push_fetched(lua_State *L, void *arg)
{
    struct fetch_wait *w = arg;
    const struct fetch_answer *a = w->answer;
    lua_createtable(L, 0, 8);
    set_number(L, "status", a->status);
    set_number(L, "redirects", a->redirects);
    set_number(L, "attempts", a->attempts);
    set_number(L, "bytes", (lua_Number)a->bytes);
    lua_pushstring(L, a->version);
    lua_setfield(L, -2, "http");
    push_slice(L, a->url);
    lua_setfield(L, -2, "url");
    push_fields(L, a);
    lua_setfield(L, -2, "headers");
    if (a->sunk) {
        struct draft *d = draft_push(L);
        d->d = w->draft;
        w->draft = NULL;
        lua_setfield(L, -2, "draft");
    } else {
        push_slice(L, a->body);
        lua_setfield(L, -2, "body");
    }
    return 1;
}

static void on_fetched(void *arg, int rc, const struct fetch_answer *answer, const struct err *e)
{
    struct fetch_wait *w = arg;
    w->answer = answer;
    meter_upstream(w->host->metrics, w->asked, rc < 0 ? 0 : (int)answer->status,
                   (clock_mono_ns() - w->began_ns) / 1000);
    struct task *t = w->wait.task;
    if (t && rc >= 0) spans_note_number(t->spans, w->wait.span, "http.response.status_code", answer->status);
    if (rc < 0)
        wait_fail(&w->wait, e);
    else
        wait_done(&w->wait, push_fetched, w);
    free_fetch(w);
}

/* ---- the question ---- */

static void check_options(lua_State *L)
{
    static const char *const known[] = {"url",       "method", "headers",   "body",   "timeout",
                                        "max_bytes", "into",   "redirects", "retries"};
    border_table(L, 1, "options");
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) found = found || !strcmp(key, known[i]);
        if (!found) border_argument(L, 1, "options", "there is no option \"%s\"", key);
    }
}

/* Strings stay where they are: in the options table. */
static size_t read_fields(lua_State *L, struct fetch_header out[FETCH_HEADERS_MAX])
{
    size_t n = 0;
    lua_getfield(L, 1, "headers");
    if (lua_isnil(L, -1)) return 0;
    if (!lua_istable(L, -1)) border_argument(L, 1, "headers", "must be a table of names and texts");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            border_argument(L, 1, "headers", "must be a table of names and texts");
        if (n == FETCH_HEADERS_MAX) border_argument(L, 1, "headers", "has more than %d fields", FETCH_HEADERS_MAX);
        out[n].name.p = lua_tolstring(L, -2, &out[n].name.n);
        out[n].value.p = lua_tolstring(L, -1, &out[n].value.n);
        n++;
    }
    return n;
}

static size_t read_hosts(lua_State *L, struct slice out[FETCH_HOSTS_MAX])
{
    size_t n = lua_istable(L, 2) ? lua_objlen(L, 2) : 0;
    if (n > FETCH_HOSTS_MAX) border_argument(L, 2, "hosts", "must be at most %d", FETCH_HOSTS_MAX);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, 2, (int)i + 1);
        out[i] = border_string(L, lua_gettop(L), "host");
        lua_pop(L, 1);
    }
    return n;
}

static void read_request(lua_State *L, struct fetch_request *r)
{
    lua_getfield(L, 1, "url");
    if (lua_type(L, -1) != LUA_TSTRING) border_argument(L, 1, "url", "must be a string");
    r->url = border_field_string(L, 1, "url");
    r->method = border_field_string(L, 1, "method");
    r->body = border_field_string(L, 1, "body");
    r->timeout_ms = (uint32_t)ceil(border_field_number(L, 1, "timeout", 0.001, FETCH_TIMEOUT_MAX_MS / 1e3, 0) * 1000);
    r->max_bytes = (uint64_t)border_field_number(L, 1, "max_bytes", 1, 1e12, 0);
    r->redirects = (int)border_field_number(L, 1, "redirects", 0, FETCH_REDIRECTS_MAX, -1);
    r->retries = (unsigned)border_field_number(L, 1, "retries", 0, FETCH_RETRIES_MAX, 0);
    struct slice into = border_field_string(L, 1, "into");
    if (into.p && !slice_is(into, "blob")) border_argument(L, 1, "into", "must be \"blob\", or nothing for memory");
    if (into.p) r->sink = &into_blob;
}

/* A part of the trace, which the other side is told of unless somebody has said something else. */
static int begin_span(struct task *t, struct fetch_request *r, struct fetch_header *headers, char parent[])
{
    struct trace own = t->trace;
    char name[SPAN_NAME_MAX];
    struct url url;
    struct slice method = r->method.n ? r->method : r->body.p ? SLICE("POST") : SLICE("GET");
    bool known = t->spans && url_parse(r->url, &url, NULL) == GIFD_OK;
    snprintf(name, sizeof name, "%.*s %.64s", (int)method.n, method.p, known ? url.host : "");
    int span = spans_start(t->spans, &own, SPAN_CLIENT, slice_str(name));
    spans_note(t->spans, span, "http.request.method", method);
    if (known) spans_note(t->spans, span, "server.address", slice_str(url.host));
    const char *query = memchr(r->url.p, '?', r->url.n);
    spans_note(t->spans, span, "url.full", slice_of(r->url.p, query ? (size_t)(query - r->url.p) : r->url.n));
    bool told = !own.on || r->header_count == FETCH_HEADERS_MAX;
    for (size_t i = 0; i < r->header_count; i++) told = told || slice_ieq(headers[i].name, SLICE("traceparent"));
    if (told) return span;
    trace_format(&own, parent);
    headers[r->header_count++] = (struct fetch_header){SLICE("traceparent"), slice_str(parent)};
    return span;
}

/* Everything of Lua's has been read: nothing from here on throws. */
static int ask(lua_State *L, struct task *t, struct fetch_client *client, struct fetch_request *r, int span)
{
    struct err e = {0};
    struct gen *g = t->gen;
    if (r->sink && !g->host->s.blobs) return push_fault(L, GIFD_ECLOSED, "there are no blobs");
    struct fetch_wait *w = calloc(1, sizeof *w);
    if (!w) return push_fault(L, GIFD_ENOMEM, "fetch");
    w->blobs = g->host->s.blobs;
    w->max_bytes = r->max_bytes ? r->max_bytes : g->fetch.blob_bytes;
    r->to = w;
    w->host = g->host;
    w->began_ns = clock_mono_ns();
    struct url url;
    snprintf(w->asked, sizeof w->asked, "%.63s", url_parse(r->url, &url, NULL) == GIFD_OK ? url.host : "invalid");
    w->fetch = fetch_start(client, r, on_fetched, w, &e);
    if (!w->fetch) {
        spans_end(t->spans, span, e.text);
        free(w);
        return push_err(L, &e);
    }
    wait_begin(&w->wait, t, "gifd.fetch", undo_fetch);
    w->wait.span = span;
    return wait_yield(L);
}

static int l_fetch(lua_State *L)
{
    struct fetch_header headers[FETCH_HEADERS_MAX];
    struct slice hosts[FETCH_HOSTS_MAX];
    struct fetch_request r = {.headers = headers, .hosts = hosts};
    check_options(L);
    read_request(L, &r);
    r.header_count = read_fields(L, headers);
    r.host_count = read_hosts(L, hosts);
    if (lua_istable(L, 2) && r.host_count == 0) border_argument(L, 2, "hosts", "must not be empty");
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    struct err e = {0};
    char parent[TRACE_PARENT_LEN + 1];
    struct gen *g = t->gen;
    if (!g->fetcher) g->fetcher = fetch_client_new(g->host->s.loop, &g->fetch, &e);
    return g->fetcher ? ask(L, t, g->fetcher, &r, begin_span(t, &r, headers, parent)) : push_err(L, &e);
}

/* For the operator's own collector, wherever it is: by a client that dials every address, of the host in the URL only,
 * and follows nobody elsewhere. */
static int l_send(lua_State *L)
{
    struct fetch_header headers[FETCH_HEADERS_MAX];
    struct fetch_request r = {.headers = headers};
    struct err e = {0};
    check_options(L);
    read_request(L, &r);
    r.header_count = read_fields(L, headers);
    r.redirects = 0;
    struct task *t = task_here(L);
    struct gen *g = t->gen;
    int refused = task_refuses(L, t);
    if (refused) return refused;
    if (!g->exporter) {
        struct fetch_settings s = g->fetch;
        s.guard.port_count = 0;
        cidr_list_add(&s.guard.allow, SLICE("0.0.0.0/0"), &e);
        cidr_list_add(&s.guard.allow, SLICE("::/0"), &e);
        g->exporter = fetch_client_new(g->host->s.loop, &s, &e);
    }
    return g->exporter ? ask(L, t, g->exporter, &r, -1) : push_err(L, &e);
}

const struct binding bind_fetch[] = {
    {"gifd.fetch", l_fetch, CTX_TASK,
     "fetch(options: {url: string, method?: string, headers?: table<string, string>, body?: string, timeout?: "
     "number, max_bytes?: integer, into?: \"blob\", redirects?: integer, retries?: integer}, hosts?: string[]) -> "
     "reply: {status: integer, headers: table<string, string>, body?: string, draft?: gifd.Draft, bytes: integer, "
     "url: string, http: string, redirects: integer, attempts: integer} | nil, err -- asks another server; every "
     "status is a reply"},
    {"gifd.trace.send", l_send, CTX_TASK,
     "send(options: table) -> reply: table | nil, err -- as gifd.fetch, to the collector that the configuration names"},
    {NULL, NULL, 0, NULL},
};

/* ---- settings ---- */

static uint64_t number(lua_State *L, int at, const char *key, uint64_t fallback)
{
    return (uint64_t)border_field_number(L, at, key, 0, 1e15, (lua_Number)fallback);
}

static uint32_t milliseconds(lua_State *L, int at, const char *key, uint32_t fallback)
{
    return (uint32_t)ceil(border_field_number(L, at, key, 0, 1e6, fallback / 1e3) * 1000);
}

void gen_fetch_settings(lua_State *L, struct fetch_settings *s)
{
    struct err e = {0};
    *s = fetch_settings_default;
    lua_getfield(L, -1, "fetch");
    int at = lua_gettop(L);
    if (lua_istable(L, at)) {
        s->timeout_ms = milliseconds(L, at, "timeout", s->timeout_ms);
        s->connect_ms = milliseconds(L, at, "connect_timeout", s->connect_ms);
        s->slow_ms = milliseconds(L, at, "slow_timeout", s->slow_ms);
        s->retry_after_ms = milliseconds(L, at, "retry_after", s->retry_after_ms);
        s->slow_rate = (uint32_t)number(L, at, "slow_rate", s->slow_rate);
        s->body_bytes = number(L, at, "body_bytes", s->body_bytes);
        s->blob_bytes = number(L, at, "blob_bytes", s->blob_bytes);
        s->head_bytes = (uint32_t)number(L, at, "head_bytes", s->head_bytes);
        s->concurrent = (uint32_t)number(L, at, "concurrent", s->concurrent);
        s->per_host = (uint32_t)number(L, at, "per_host", s->per_host);
        s->queue = (uint32_t)number(L, at, "queue", s->queue);
        s->redirects = (uint32_t)number(L, at, "redirects", s->redirects);
        struct slice ca = border_field_string(L, at, "ca_file");
        if (ca.n >= sizeof s->ca_file) luaL_error(L, "fetch.ca_file: too long");
        if (ca.p) memcpy(s->ca_file, ca.p, ca.n);
        lua_getfield(L, at, "ports");
        s->guard.port_count = 0;
        for (size_t i = 1; lua_istable(L, -1) && i <= lua_objlen(L, -1) && i <= GUARD_PORTS_MAX; i++) {
            lua_rawgeti(L, -1, (int)i);
            s->guard.ports[s->guard.port_count++] = (uint16_t)lua_tointeger(L, -1);
            lua_pop(L, 1);
        }
        lua_getfield(L, at, "allow");
        for (size_t i = 1; lua_istable(L, -1) && i <= lua_objlen(L, -1); i++) {
            lua_rawgeti(L, -1, (int)i);
            if (cidr_list_add(&s->guard.allow, border_string(L, lua_gettop(L), "allow"), &e) < 0)
                luaL_error(L, "fetch.allow: %s", e.text);
            lua_pop(L, 1);
        }
    }
    lua_settop(L, at - 1);
}
