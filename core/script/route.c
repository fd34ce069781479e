/* route.c: a request becomes a ROUTE task, and what the task returns becomes a reply. See visit.h for what comes
 * before.
 *
 *   route_start -> task: app.handle(index, req) -> reply table -> visit_reply
 *
 * Strings of a reply are lent to reply_send while the table that
 * holds them stays on the task's stack; nothing is copied but header lists. A file is opened last, when nothing can
 * fail any more before reply_send owns it. */
#include "base/log.h"
#include "http/query.h"
#include "http/reply.h"
#include "script/border.h"
#include "script/events.h"
#include "script/pieces.h"
#include "script/value.h"
#include "script/visit.h"

#include <stdio.h>
#include <string.h>

#define HEADERS_MAX 64

/* ---- request to Lua ---- */

static void push_headers(lua_State *L, const struct request *r)
{
    lua_createtable(L, 0, (int)r->header_count);
    for (size_t i = 0; i < r->header_count; i++) {
        char name[256];
        struct slice from = r->headers[i].name;
        if (from.n > sizeof name) continue;
        for (size_t k = 0; k < from.n; k++)
            name[k] = (char)(from.p[k] >= 'A' && from.p[k] <= 'Z' ? from.p[k] | 32 : from.p[k]);
        lua_pushlstring(L, name, from.n);
        lua_pushvalue(L, -1);
        lua_rawget(L, -3);
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            push_slice(L, r->headers[i].value);
        } else {
            lua_pushliteral(L, ", ");
            push_slice(L, r->headers[i].value);
            lua_concat(L, 3);
        }
        lua_rawset(L, -3);
    }
}

struct arriving {
    const struct visit *v;
    struct request *r;
    const struct route_match *match;
    struct query_pair *query;
    size_t query_count;
};

static int read_query(struct arriving *a, struct err *e)
{
    struct query q = query_of(a->r->query, &a->r->arena);
    struct query_pair pair;
    int rc;
    if (a->r->query.n == 0) return GIFD_OK;
    size_t most = 1;
    for (size_t i = 0; i < a->r->query.n && most < QUERY_PAIRS_MAX; i++) most += a->r->query.p[i] == '&';
    a->query = arena_alloc(&a->r->arena, most * sizeof *a->query);
    if (!a->query) return err_set(e, GIFD_ENOMEM, "query");
    while ((rc = query_next(&q, &pair, e)) > 0 && a->query_count < most) a->query[a->query_count++] = pair;
    return rc < 0 ? rc : GIFD_OK;
}

/* The table is made by the glue (gen.c), which knows its shape: one allocation, and no name is hashed here. One name
 * more than 16 would double it. */
static int push_call(lua_State *L, void *arg)
{
    struct arriving *a = arg;
    struct request *r = a->r;
    struct gen *g = gen_of(L);
    luaL_checkstack(L, 32, "request");
    lua_rawgeti(L, LUA_REGISTRYINDEX, g->arrive_ref);
    lua_rawgeti(L, LUA_REGISTRYINDEX, g->handle_ref);
    lua_pushinteger(L, a->match->id);
    lua_pushstring(L, http_method_name(r->method));
    push_slice(L, r->path);
    push_slice(L, r->target);
    push_slice(L, r->host);
    lua_pushstring(L, r->id);
    lua_pushstring(L, r->client_ip);
    lua_pushstring(L, r->scheme);
    lua_pushboolean(L, r->host_told);
    lua_pushboolean(L, r->has_body);
    lua_createtable(L, 0, (int)a->match->param_count);
    for (size_t i = 0; i < a->match->param_count; i++) {
        lua_pushstring(L, a->match->param[i].name);
        push_slice(L, a->match->param[i].value);
        lua_rawset(L, -3);
    }
    lua_createtable(L, 0, (int)a->query_count);
    for (size_t i = 0; i < a->query_count; i++) {
        push_slice(L, a->query[i].name);
        push_slice(L, a->query[i].value);
        lua_rawset(L, -3);
    }
    push_headers(L, r);
    if (r->content_length >= 0)
        lua_pushnumber(L, (lua_Number)r->content_length);
    else
        lua_pushnil(L);
    if (!a->v->cacheable) return 16;
    lua_pushnumber(L, (lua_Number)visit_asker(a->v));
    lua_pushinteger(L, a->v->counted);
    return 18;
}

/* ---- Lua to reply ---- */

struct leaving {
    struct request *r;
    lua_State *co;
    int results;
    struct reply reply;
    struct http_header headers[HEADERS_MAX];
    struct slice blob;
    bool kept;                /* rules hold */
    struct events_ask events; /* with a reader: the reply is a stream */
    int pieces;               /* or LUA_NOREF; the function in the registry that writes it */
    struct cache_rules rules;
    struct err e;
};

static int wrong(struct leaving *l, const char *what)
{
    return err_set(&l->e, GIFD_EINVALID, "reply: %s", what);
}

static bool clean(struct slice s)
{
    return !memchr(s.p, '\r', s.n) && !memchr(s.p, '\n', s.n) && !memchr(s.p, 0, s.n);
}

/* The string or number at the top, copied into the arena when it is a number. */
static bool text_at_top(lua_State *L, struct request *r, struct slice *out)
{
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER) return false;
    bool number = lua_type(L, -1) == LUA_TNUMBER;
    out->p = lua_tolstring(L, -1, &out->n);
    if (number) out->p = arena_strndup(&r->arena, out->p, out->n);
    return out->p != NULL;
}

static int add_header(lua_State *L, struct leaving *l, struct slice name)
{
    struct slice value;
    if (l->reply.header_count == HEADERS_MAX) return wrong(l, "more than 64 headers");
    if (!text_at_top(L, l->r, &value)) return wrong(l, "a header is neither text nor number");
    if (!clean(name) || !clean(value) || name.n == 0)
        return err_set(&l->e, GIFD_EINVALID, "reply: header %.64s holds a control character", name.p);
    l->headers[l->reply.header_count++] = (struct http_header){name, value};
    return GIFD_OK;
}

/* What every reply says, where this one has not said it itself. */
static void add_replies(struct leaving *l, const struct refusals *f)
{
    size_t own = l->reply.header_count;
    l->reply.headers = l->headers;
    for (size_t i = 0; i < f->replies && l->reply.header_count < HEADERS_MAX; i++) {
        size_t k = 0;
        while (k < own && !slice_ieq(l->headers[k].name, f->reply[i].name)) k++;
        if (k == own) l->headers[l->reply.header_count++] = f->reply[i];
    }
}

static int read_headers(lua_State *L, struct leaving *l)
{
    lua_getfield(L, 1, "headers");
    if (lua_isnil(L, -1)) return GIFD_OK;
    if (!lua_istable(L, -1)) return wrong(l, "headers must be a table");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        struct slice name;
        if (lua_type(L, -2) != LUA_TSTRING) return wrong(l, "a header's name is no text");
        name.p = lua_tolstring(L, -2, &name.n);
        if (!lua_istable(L, -1)) {
            if (add_header(L, l, name) < 0) return l->e.code;
            continue;
        }
        for (int i = 1; i <= HEADERS_MAX; i++) {
            lua_rawgeti(L, -1, i);
            bool end = lua_isnil(L, -1);
            int rc = end ? GIFD_OK : add_header(L, l, name);
            lua_pop(L, 1);
            if (rc < 0) return rc;
            if (end) break;
        }
    }
    return GIFD_OK;
}

static int read_text(lua_State *L, struct leaving *l, const char *field, struct slice *out, bool field_value)
{
    lua_getfield(L, 1, field);
    if (lua_isnil(L, -1)) return GIFD_OK;
    if (lua_type(L, -1) != LUA_TSTRING) return err_set(&l->e, GIFD_EINVALID, "reply: %s must be text", field);
    out->p = lua_tolstring(L, -1, &out->n);
    if (field_value && !clean(*out)) return err_set(&l->e, GIFD_EINVALID, "reply: %s holds a control character", field);
    return GIFD_OK;
}

/* cache = { tags = {text, ...}, seconds = n, counts = {key, ...}?, anyone = true? }: the reply may be kept. */
static int read_rules(lua_State *L, struct leaving *l)
{
    lua_getfield(L, 1, "cache");
    if (lua_isnil(L, -1)) return GIFD_OK;
    if (!lua_istable(L, -1)) return wrong(l, "cache must be a table");
    int at = lua_gettop(L);
    lua_getfield(L, at, "seconds");
    lua_Number seconds = lua_tonumber(L, -1);
    if (!(seconds >= 0 && seconds <= UINT32_MAX)) return wrong(l, "cache.seconds must be a number of seconds");
    l->rules.seconds = (uint32_t)seconds;
    lua_getfield(L, at, "anyone");
    l->rules.anyone = lua_toboolean(L, -1);
    lua_getfield(L, at, "tags");
    for (int i = 1; lua_istable(L, at + 3); i++) {
        lua_rawgeti(L, at + 3, i);
        if (lua_isnil(L, -1)) break;
        if (lua_type(L, -1) != LUA_TSTRING || i > CACHE_TAGS_MAX) return wrong(l, "cache.tags must be up to 8 texts");
        struct slice *tag = &l->rules.tag[l->rules.tags++];
        tag->p = lua_tolstring(L, -1, &tag->n);
        lua_pop(L, 1);
    }
    lua_settop(L, at + 3);
    lua_getfield(L, at, "counts");
    for (int i = 1; lua_istable(L, at + 4); i++) {
        lua_rawgeti(L, at + 4, i);
        if (lua_isnil(L, -1)) break;
        lua_Number key = lua_tonumber(L, -1);
        if (!(key >= 1 && key < 9007199254740992.0) || i > CACHE_COUNTS_MAX)
            return wrong(l, "cache.counts must be up to 4 keys of gifd.tally");
        l->rules.count[l->rules.counts++] = (uint64_t)key;
        lua_pop(L, 1);
    }
    l->kept = seconds > 0 && l->reply.status == 200;
    return GIFD_OK;
}

/* events = { reader = of gifd.bus.subscribe, first = message, per_address = n } */
static int read_events(lua_State *L, struct leaving *l)
{
    struct gen *g = gen_of(L);
    lua_getfield(L, 1, "events");
    if (lua_isnil(L, -1)) return GIFD_OK;
    if (!lua_istable(L, -1)) return wrong(l, "events must be a table");
    int at = lua_gettop(L);
    lua_getfield(L, at, "reader");
    l->events.reader = reader_at(L, at + 1);
    if (!l->events.reader) return wrong(l, "events.reader must be a reader that nobody waits on");
    lua_getfield(L, at, "per_address");
    l->events.per_address = (size_t)lua_tonumber(L, -1);
    lua_getfield(L, at, "first");
    buf_reset(&g->out);
    if (value_encode(L, at + 3, &g->out, &l->e) < 0) return l->e.code;
    l->events.first = buf_slice(&g->out);
    return GIFD_OK;
}

/* pieces = a function that writes the body (pieces.h). Last: whoever has it gives it back. */
static int read_pieces(lua_State *L, struct leaving *l)
{
    lua_getfield(L, 1, "pieces");
    if (lua_isnil(L, -1)) return GIFD_OK;
    if (!lua_isfunction(L, -1)) return wrong(l, "pieces must be a function");
    l->pieces = luaL_ref(L, LUA_REGISTRYINDEX);
    return GIFD_OK;
}

static int read_fields(lua_State *L, struct leaving *l)
{
    struct reply *p = &l->reply;
    lua_getfield(L, 1, "status");
    lua_Number status = lua_isnil(L, -1) ? 200 : lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (!(status >= 200 && status <= 599)) return wrong(l, "status must be a number from 200 to 599");
    p->status = (int)status;
    struct slice body = {NULL, 0};
    if (read_text(L, l, "type", &p->type, true) < 0 || read_text(L, l, "etag", &p->etag, true) < 0 ||
        read_text(L, l, "body", &body, false) < 0 || read_text(L, l, "blob", &l->blob, true) < 0)
        return l->e.code;
    if (body.p && l->blob.p) return wrong(l, "body and blob exclude each other");
    if (body.p) {
        p->body = REPLY_BYTES;
        p->bytes = body;
    }
    lua_getfield(L, 1, "last_modified");
    if (lua_type(L, -1) == LUA_TNUMBER)
        p->last_modified = (int64_t)lua_tonumber(L, -1);
    else if (!lua_isnil(L, -1))
        return wrong(l, "last_modified must be a number");
    lua_getfield(L, 1, "close");
    p->close = lua_toboolean(L, -1);
    if (read_rules(L, l) < 0 || read_events(L, l) < 0) return l->e.code;
    if (read_headers(L, l) < 0) return l->e.code;
    add_replies(l, &gen_of(L)->refusals);
    return read_pieces(L, l);
}

/* The table stays at the bottom of the task's stack, so that its strings live until the reply was sent. */
static int read_reply(lua_State *L, void *arg)
{
    struct leaving *l = arg;
    lua_settop(l->co, 1);
    lua_xmove(l->co, L, 1); /* L was empty: index 1 */
    lua_pushvalue(L, 1);
    lua_xmove(L, l->co, 1);
    if (!lua_istable(L, 1))
        wrong(l, "app.handle must return a table");
    else
        read_fields(L, l);
    return 0;
}

static void end_spans(const struct task *t, int status, const char *error)
{
    spans_note_number(t->spans, 0, "http.response.status_code", status);
    spans_end(t->spans, 0, status >= 500 ? error : NULL);
}

static void refuse(struct visit *v, const struct task *t, const char *text)
{
    end_spans(t, 500, text);
    struct request *r = v->r;
    struct visit left = *v; /* the reply ends the request and its arena */
    r->user = NULL;
    log_error("route.failed", LS("request_id", r->id), LS("method", http_method_name(r->method)),
              LN("path", r->path.p, r->path.n), LI("generation", t->gen->number), LS("error", text));
    refusal_mark(&t->gen->refusals, r, v->flags);
    reply_problem(r, 500, "internal", "The request failed. Its id is in the server's log.");
    visit_failed(&left);
}

static void send_reply(struct task *t, struct visit *v)
{
    struct leaving l = {.r = v->r, .co = t->co, .reply = {.body = REPLY_EMPTY, .fd = -1}, .pieces = LUA_NOREF};
    if (gen_protect(t->gen, read_reply, &l, &l.e) < 0 || l.e.code < 0) {
        refuse(v, t, l.e.text);
        return;
    }
    if (l.blob.p) {
        char digest[BLOB_DIGEST_HEX + 1];
        snprintf(digest, sizeof digest, "%.*s", (int)(l.blob.n > BLOB_DIGEST_HEX ? BLOB_DIGEST_HEX : l.blob.n),
                 l.blob.p);
        struct blobs *blobs = t->gen->host->s.blobs;
        l.reply.fd = blobs ? blob_open(blobs, digest, &l.reply.size, &l.e) : err_set(&l.e, GIFD_ECLOSED, "no blobs");
        if (l.reply.fd < 0) {
            refuse(v, t, l.e.text);
            return;
        }
        l.reply.body = REPLY_FILE;
    }
    end_spans(t, l.reply.status, "");
    if (l.events.reader || l.pieces != LUA_NOREF) {
        struct visit left = *v; /* the reply may end the request and its arena */
        v->r->user = NULL;
        if (l.events.reader)
            events_begin(t->gen->host, v->r, &l.reply, &l.events);
        else
            pieces_begin(t->gen, v->r, &l.reply, l.pieces);
        visit_failed(&left);
        return;
    }
    visit_reply(v, t, &l.reply, l.kept ? &l.rules : NULL);
}

static void on_route_end(struct task *t, enum task_outcome outcome, int results, const char *text)
{
    struct request *r = t->request;
    t->request = NULL;
    t->body = NULL;
    if (!r) {
        if (outcome == TASK_FAILED) log_error("route.failed", LS("error", text));
        return;
    }
    if (outcome == TASK_RETURNED && results > 0)
        send_reply(t, r->user);
    else
        refuse(r->user, t, outcome == TASK_RETURNED ? "app.handle returned nothing" : text);
}

struct spans *route_spans(struct gen *g, struct visit *v)
{
    struct request *r = v->r;
    const char *name = (size_t)v->route < g->route_count ? g->route_names[v->route] : NULL;
    struct spans *s = spans_begin(g->host, &r->trace, SPAN_SERVER, slice_str(name ? name : "request"));
    if (!s) return NULL;
    spans_note(s, 0, "http.request.method", slice_str(http_method_name(r->method)));
    spans_note(s, 0, "url.path", r->path);
    if (name) spans_note(s, 0, "http.route", slice_str(strchr(name, ' ') + 1));
    spans_note(s, 0, "gifd.request_id", slice_str(r->id));
    return s;
}

struct task *route_start(struct host *h, struct visit *v, const struct route_match *match, struct err *e)
{
    struct arriving a = {.v = v, .r = v->r, .match = match};
    if (read_query(&a, e) < 0) return NULL;
    struct task *t = task_start(h->live, CTX_ROUTE, "route", push_call, &a, e);
    if (!t) return NULL;
    t->end = on_route_end;
    t->request = v->r;
    trace_parse(request_header(v->r, "traceparent"), &v->r->trace);
    t->spans = route_spans(t->gen, v);
    t->trace = v->r->trace;
    return t;
}
