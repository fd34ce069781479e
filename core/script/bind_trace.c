/* bind_trace.c: gifd.trace. A task belongs to at most one trace: that of its request (route.c), of its job
 * (lua/gifd/jobs/attempt.lua), of the task that started it, or one that a first span begins. Log lines say which. What
 * is recorded of it, and becomes of that, is spans.h. */
#include "base/clock.h"
#include "crypto/crypto.h"
#include "script/border.h"
#include "script/host_int.h"
#include "script/task.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define KIND "gifd.span"
#define FIELDS_MAX 16
#define NAME_MAX_LEN (SPAN_NAME_MAX - 1)

struct held {
    struct spans *spans; /* NULL: not recorded, or finished */
    int span;
    struct trace own, before;
    bool finished, root;
};

static struct trace *trace_here(lua_State *L)
{
    return &gen_of(L)->running->trace;
}

static void push_trace(lua_State *L, const struct trace *t)
{
    char id[TRACE_ID_LEN + 1], span[TRACE_SPAN_LEN + 1];
    trace_id_text(t, id);
    trace_span_text(t, span);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, id);
    lua_setfield(L, -2, "trace_id");
    lua_pushstring(L, span);
    lua_setfield(L, -2, "span_id");
    lua_pushboolean(L, t->sampled);
    lua_setfield(L, -2, "sampled");
}

static int l_current(lua_State *L)
{
    const struct trace *t = trace_here(L);
    if (t->on)
        push_trace(L, t);
    else
        lua_pushboolean(L, 0);
    return 1;
}

static int l_traceparent(lua_State *L)
{
    char text[TRACE_PARENT_LEN + 1];
    const struct trace *t = trace_here(L);
    trace_format(t, text);
    if (t->on)
        lua_pushstring(L, text);
    else
        lua_pushboolean(L, 0);
    return 1;
}

static int l_parse(lua_State *L)
{
    struct trace t;
    if (!trace_parse(border_string(L, 1, "traceparent"), &t))
        return push_fault(L, GIFD_EINVALID, "this is no traceparent");
    push_trace(L, &t);
    return 1;
}

/* ---- spans ---- */

/* The value at the top as an OTLP attribute, for spans_note or spans_event. */
static void put_field(lua_State *L, const char *key, struct buf *out)
{
    struct slice text;
    char number[40];
    if (lua_type(L, -1) == LUA_TSTRING) {
        text.p = lua_tolstring(L, -1, &text.n);
    } else if (lua_type(L, -1) == LUA_TNUMBER) {
        snprintf(number, sizeof number, "%.14g", lua_tonumber(L, -1));
        text = slice_str(number);
    } else {
        text = slice_str(lua_toboolean(L, -1) ? "true" : "false");
    }
    spans_put_text(out, key, text);
}

static void tag(lua_State *L, struct held *h, const char *key)
{
    lua_Number v = lua_tonumber(L, -1);
    struct slice text;
    if (lua_type(L, -1) == LUA_TNUMBER && v == floor(v) && fabs(v) < 9e15) {
        spans_note_number(h->spans, h->span, key, (int64_t)v);
    } else if (lua_type(L, -1) == LUA_TSTRING) {
        text.p = lua_tolstring(L, -1, &text.n);
        spans_note(h->spans, h->span, key, text);
    } else {
        char number[40];
        snprintf(number, sizeof number, "%.14g", v);
        spans_note(h->spans, h->span, key,
                   slice_str(lua_isnumber(L, -1)    ? number
                             : lua_toboolean(L, -1) ? "true"
                                                    : "false"));
    }
}

/* A table of names and plain values, or nothing, at `index`. */
static void each_field(lua_State *L, int index, const char *name, struct held *h, struct buf *out)
{
    size_t n = 0;
    if (lua_isnoneornil(L, index)) return;
    border_table(L, index, name);
    for (lua_pushnil(L); n < FIELDS_MAX && lua_next(L, index); lua_pop(L, 1), n++) {
        size_t length;
        if (lua_type(L, -2) != LUA_TSTRING) border_argument(L, index, name, "must have names as keys");
        const char *key = lua_tolstring(L, -2, &length);
        if (length < 1 || length > 64 ||
            strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != length)
            border_argument(L, index, name, "has a name that is not of 1 to 64 letters, digits, _ . -");
        if (out && n) buf_puts(out, ",", NULL);
        if (out)
            put_field(L, key, out);
        else
            tag(L, h, key);
    }
}

static int span_log(lua_State *L)
{
    struct held *h = border_udata(L, 1, "span", KIND);
    struct buf *out = &gen_of(L)->out;
    struct slice event = border_string(L, 2, "event");
    buf_reset(out);
    each_field(L, 3, "fields", h, out);
    spans_event(h->spans, h->span, event, buf_slice(out));
    return 0;
}

static int span_tag(lua_State *L)
{
    struct held *h = border_udata(L, 1, "span", KIND);
    each_field(L, 2, "tags", h, NULL);
    return 0;
}

static int span_ids(lua_State *L)
{
    struct held *h = border_udata(L, 1, "span", KIND);
    push_trace(L, &h->own);
    return 1;
}

static const char *fault_of(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index) || (lua_isboolean(L, index) && !lua_toboolean(L, index))) return NULL;
    if (lua_type(L, index) == LUA_TSTRING) return lua_tostring(L, index);
    if (!lua_istable(L, index)) return "";
    lua_pushliteral(L, "message");
    lua_rawget(L, index);
    return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
}

static int span_finish(lua_State *L)
{
    struct held *h = border_udata(L, 1, "span", KIND);
    struct task *t = gen_of(L)->running;
    if (h->finished) return 0;
    h->finished = true;
    spans_end(h->spans, h->span, fault_of(L, 2));
    if (t && t->trace.on && !memcmp(t->trace.span, h->own.span, sizeof h->own.span)) {
        t->trace = h->before;
        if (h->root && t->spans == h->spans) {
            spans_unref(t->spans);
            t->spans = NULL;
        }
    }
    spans_unref(h->spans);
    h->spans = NULL;
    return 0;
}

static int span_gc(lua_State *L)
{
    struct held *h = lua_touserdata(L, 1);
    if (!gen_of(L)->slab.ending) spans_unref(h->spans);
    h->spans = NULL;
    return 0;
}

static int span_child(lua_State *L);

static struct held *push_span(lua_State *L)
{
    static const luaL_Reg methods[] = {{"child", span_child}, {"log", span_log},       {"tag", span_tag},
                                       {"ids", span_ids},     {"finish", span_finish}, {NULL, NULL}};
    struct held *h = border_udata_new(L, sizeof *h, KIND, span_gc, methods);
    h->span = -1;
    return h;
}

static struct slice name_at(lua_State *L, int index)
{
    struct slice name = border_string(L, index, "name");
    if (name.n < 1 || name.n > NAME_MAX_LEN) border_argument(L, index, "name", "must have 1 to %d bytes", NAME_MAX_LEN);
    return name;
}

/* The task's trace, and what is recorded of it, from now on; the one before comes back when it is finished. */
static void begin_root(struct task *t, struct held *h, enum span_kind kind, struct slice name)
{
    spans_unref(t->spans);
    t->spans = spans_begin(t->gen->host, &t->trace, kind, name);
    h->spans = spans_ref(t->spans);
    h->span = 0;
    h->root = true;
    h->own = t->trace;
}

static void begin_part(struct task *t, struct held *h, struct slice name)
{
    h->spans = spans_ref(t->spans);
    h->span = spans_start(t->spans, &t->trace, SPAN_INTERNAL, name);
    if (h->span < 0) crypto_random(t->trace.span, sizeof t->trace.span);
    h->own = t->trace;
}

static int l_start(lua_State *L)
{
    struct slice name = name_at(L, 1);
    struct task *t = gen_of(L)->running;
    lua_settop(L, 2);
    struct held *h = push_span(L);
    h->before = t->trace;
    if (t->trace.on)
        begin_part(t, h, name);
    else
        begin_root(t, h, SPAN_INTERNAL, name);
    each_field(L, 2, "tags", h, NULL);
    lua_settop(L, 3);
    return 1;
}

static int span_child(lua_State *L)
{
    struct held *of = border_udata(L, 1, "span", KIND);
    struct slice name = name_at(L, 2);
    struct task *t = gen_of(L)->running;
    lua_settop(L, 3);
    struct held *h = push_span(L);
    h->before = t->trace;
    t->trace = of->own;
    begin_part(t, h, name);
    each_field(L, 3, "tags", h, NULL);
    lua_settop(L, 4);
    return 1;
}

static int l_begin(lua_State *L)
{
    struct slice name = name_at(L, 1);
    struct task *t = gen_of(L)->running;
    struct trace caller = {0};
    if (lua_type(L, 2) == LUA_TSTRING) trace_parse(border_string(L, 2, "traceparent"), &caller);
    struct held *h = push_span(L);
    h->before = (struct trace){0};
    t->trace = caller;
    begin_root(t, h, SPAN_CONSUMER, name);
    return 1;
}

/* ---- what becomes of them (lua/gifd/flow/spans.lua) ---- */

static int l_take(lua_State *L)
{
    struct buf out;
    size_t max = (size_t)border_number(L, 1, "bytes", 1024, 4 << 20);
    buf_init(&out, SPANS_QUEUE);
    size_t n = spans_take(gen_of(L)->host, max, &out);
    lua_pushlstring(L, out.n ? out.p : "", out.n); /* without memory the buffer is lost: so is all else */
    buf_free(&out);
    lua_pushnumber(L, (lua_Number)n);
    return 2;
}

static int l_counts(lua_State *L)
{
    struct spans_counts c = spans_counts(gen_of(L)->host);
    const struct {
        const char *name;
        uint64_t n;
    } all[] = {
        {"begun", c.begun}, {"kept", c.kept}, {"dropped", c.dropped}, {"active", c.active}, {"waiting", c.waiting}};
    lua_newtable(L);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        lua_pushnumber(L, (lua_Number)all[i].n);
        lua_setfield(L, -2, all[i].name);
    }
    return 1;
}

void gen_span_rules(lua_State *L, struct span_rules *r)
{
    *r = (struct span_rules){0};
    lua_getfield(L, -1, "trace");
    int at = lua_gettop(L);
    if (lua_istable(L, at)) {
        r->ratio = border_field_number(L, at, "ratio", 0, 1, 0);
        r->slow_ms = (uint64_t)(border_field_number(L, at, "slow", 0, 1e6, 0) * 1000);
        lua_getfield(L, at, "endpoint");
        r->exported = lua_type(L, -1) == LUA_TSTRING && lua_objlen(L, -1) > 0;
    }
    lua_settop(L, at - 1);
}

/* ---- who follows (lua/gifd/plugin/trace.lua, lua/gifd/command/trace.lua) ---- */

#define FOLLOW_MAX 60

static int follow(lua_State *L, enum segment_news what)
{
    struct segment *s = gen_of(L)->host->s.segment;
    lua_Number seconds = border_number(L, 1, "seconds", 0, FOLLOW_MAX);
    if (!s) return push_fault(L, GIFD_ENOTFOUND, "there is no memory to share");
    segment_follow(s, what, (uint64_t)(seconds * 1e9));
    return push_true(L, NULL);
}

static int l_follow(lua_State *L)
{
    return follow(L, SEGMENT_PLUGINS);
}

static int l_tail(lua_State *L)
{
    return follow(L, SEGMENT_SPANS);
}

static int l_followed(lua_State *L)
{
    struct gen *g = gen_of(L);
    struct host *h = g->host;
    lua_pushboolean(L, g->running && h && h->s.segment && segment_is_followed(h->s.segment, SEGMENT_PLUGINS));
    return 1;
}

const struct binding bind_trace[] = {
    {"gifd.trace.current", l_current, CTX_TASK,
     "current() -> {trace_id: string, span_id: string, sampled: boolean}|false -- the trace that the call belongs to"},
    {"gifd.trace.traceparent", l_traceparent, CTX_TASK,
     "traceparent() -> text: string|false -- to send along with a request to others; gifd.fetch does so by itself"},
    {"gifd.trace.parse", l_parse, CTX_TASK,
     "parse(traceparent: string) -> {trace_id: string, span_id: string, sampled: boolean} | nil, err -- what "
     "somebody sent along"},
    {"gifd.trace.start", l_start, CTX_TASK,
     "start(name: string, tags?: table<string, any>) -> span: gifd.Span -- a part of the trace, from now to "
     "span:finish()"},
    {"gifd.trace.begin", l_begin, CTX_TASK,
     "begin(name: string, traceparent?: string) -> span: gifd.Span -- a trace of its own, or the part of one that "
     "began "
     "elsewhere, for what this task does until span:finish()"},
    {"gifd.trace.take", l_take, CTX_TASK,
     "take(bytes: integer) -> spans: string, n: integer -- the oldest that are to be exported, as OTLP's JSON"},
    {"gifd.trace.counts", l_counts, CTX_TASK,
     "counts() -> {begun: integer, kept: integer, dropped: integer, active: integer, waiting: integer} -- of this "
     "process"},
    {"gifd.trace.follow", l_follow, CTX_COMMAND,
     "follow(seconds: number) -> true | nil, err -- somebody wants to be told what plugins do, for so long"},
    {"gifd.trace.tail", l_tail, CTX_COMMAND,
     "tail(seconds: number) -> true | nil, err -- somebody wants to be told all traces (topic \"spans\"), for so long"},
    {"gifd.trace.followed", l_followed, CTX_ANY, "followed() -> boolean -- whether anybody does, and this is a task"},
    {"gifd.Span.child", NULL, CTX_TASK,
     "span:child(name: string, tags?: table<string, any>) -> span: gifd.Span -- a part of it"},
    {"gifd.Span.log", NULL, CTX_TASK,
     "span:log(event: string, fields?: table<string, any>) -- something happened in it"},
    {"gifd.Span.tag", NULL, CTX_TASK, "span:tag(tags: table<string, any>) -- says more of it"},
    {"gifd.Span.ids", NULL, CTX_TASK,
     "span:ids() -> {trace_id: string, span_id: string, sampled: boolean} -- which it is"},
    {"gifd.Span.finish", NULL, CTX_TASK,
     "span:finish(err?: any) -- the part ends; with an error when there is one, which has its trace kept"},
    {NULL, NULL, 0, NULL},
};
