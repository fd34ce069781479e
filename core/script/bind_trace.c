/* bind_trace.c: gifd.trace. A task belongs to at most one trace: that of its request's traceparent, of the task that
 * started it, or one that a first span begins. Log lines say which. A span is told to the log when it is finished. */
#include "base/clock.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "script/border.h"
#include "script/host_int.h"
#include "script/task.h"

#include <string.h>

#define KIND "gifd.span"
#define NAME_MAX_LEN 64

struct span {
    struct trace own, before;
    uint64_t began_ns;
    bool finished;
    char name[NAME_MAX_LEN + 1];
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

static int l_adopt(lua_State *L)
{
    if (!trace_parse(border_string(L, 1, "traceparent"), trace_here(L)))
        return push_fault(L, GIFD_EINVALID, "this is no traceparent");
    return push_true(L, NULL);
}

static int span_finish(lua_State *L)
{
    char parent[TRACE_SPAN_LEN + 1], id[TRACE_ID_LEN + 1], own[TRACE_SPAN_LEN + 1];
    struct span *s = border_udata(L, 1, "span", KIND);
    struct task *t = gen_of(L)->running;
    if (s->finished) return 0;
    s->finished = true;
    if (t && t->trace.on && !memcmp(t->trace.span, s->own.span, sizeof s->own.span)) t->trace = s->before;
    trace_id_text(&s->own, id);
    trace_span_text(&s->own, own);
    trace_span_text(&s->before, parent);
    log_debug("trace.span", LS("name", s->name), LS("trace_id", id), LS("span_id", own),
              LS("parent_id", s->before.on ? parent : ""), LI("us", (clock_mono_ns() - s->began_ns) / 1000));
    return 0;
}

static int span_gc(lua_State *L)
{
    (void)L;
    return 0;
}

static int l_start(lua_State *L)
{
    static const luaL_Reg methods[] = {{"finish", span_finish}, {NULL, NULL}};
    struct slice name = border_string(L, 1, "name");
    if (name.n < 1 || name.n > NAME_MAX_LEN) border_argument(L, 1, "name", "must have 1 to %d bytes", NAME_MAX_LEN);
    struct span *s = border_udata_new(L, sizeof *s, KIND, span_gc, methods);
    struct trace *t = trace_here(L);
    memcpy(s->name, name.p, name.n);
    s->began_ns = clock_mono_ns();
    s->before = *t;
    if (!t->on) {
        crypto_random(t->id, sizeof t->id);
        t->on = t->sampled = true;
    }
    crypto_random(t->span, sizeof t->span);
    s->own = *t;
    return 1;
}

/* ---- who follows (lua/gifd/plugin/trace.lua) ---- */

#define FOLLOW_MAX 60

static int l_follow(lua_State *L)
{
    struct segment *s = gen_of(L)->host->s.segment;
    lua_Number seconds = border_number(L, 1, "seconds", 0, FOLLOW_MAX);
    if (!s) return push_fault(L, GIFD_ENOTFOUND, "there is no memory to share");
    segment_follow(s, (uint64_t)(seconds * 1e9));
    return push_true(L, NULL);
}

static int l_followed(lua_State *L)
{
    struct gen *g = gen_of(L);
    struct host *h = g->host;
    lua_pushboolean(L, g->running && h && h->s.segment && segment_is_followed(h->s.segment));
    return 1;
}

const struct binding bind_trace[] = {
    {"gifd.trace.current", l_current, CTX_TASK,
     "current() -> {trace_id: string, span_id: string, sampled: boolean}|false -- the trace that the call belongs to"},
    {"gifd.trace.traceparent", l_traceparent, CTX_TASK,
     "traceparent() -> text: string|false -- to send along with a request to others"},
    {"gifd.trace.parse", l_parse, CTX_TASK,
     "parse(traceparent: string) -> {trace_id: string, span_id: string, sampled: boolean} | nil, err -- what "
     "somebody sent along"},
    {"gifd.trace.adopt", l_adopt, CTX_TASK,
     "adopt(traceparent: string) -> true | nil, err -- the task goes on in that trace"},
    {"gifd.trace.start", l_start, CTX_TASK,
     "start(name: string) -> span: gifd.Span -- a part of the trace, from now to span:finish()"},
    {"gifd.trace.follow", l_follow, CTX_COMMAND,
     "follow(seconds: number) -> true | nil, err -- somebody wants to be told what plugins do, for so long"},
    {"gifd.trace.followed", l_followed, CTX_ANY, "followed() -> boolean -- whether anybody does, and this is a task"},
    {"gifd.Span.finish", NULL, CTX_TASK, "span:finish() -- the part ends"},
    {NULL, NULL, 0, NULL},
};
