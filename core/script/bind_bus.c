/* bind_bus.c: gifd.bus: publish, and readers that wait for what others publish.
 *
 * Messages are JSON on their way. Without shared memory (a command) the process talks to itself. A reader leaves when
 * it is closed or collected; one that is waited on is held by the wait. */
#include "script/border.h"
#include "script/events.h"
#include "script/host_int.h"
#include "script/hub.h"
#include "script/value.h"

#include <math.h>
#include <stdlib.h>

#define KIND "gifd.reader"
#define WAIT_MAX 86400.0
#define WAIT_DEFAULT 30.0

struct ears { /* the reader as Lua has it */
    struct reader r;
    struct bus_wait *waiter;
    int ref; /* holds it from when a task waits on it until that task runs; LUA_NOREF otherwise */
};

struct bus_wait {
    struct wait wait;
    uv_timer_t timer;
    struct ears *reader;
    struct gen *gen;
};

/* ---- waiting ---- */

static void free_wait(uv_handle_t *timer)
{
    free(LIST_OF(timer, struct bus_wait, timer));
}

static void let_go(lua_State *L, struct ears *r)
{
    int ref = r->ref;
    r->ref = LUA_NOREF;
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
}

static void release(struct bus_wait *w)
{
    w->reader->waiter = NULL;
    let_go(w->gen->L, w->reader);
    uv_close((uv_handle_t *)&w->timer, free_wait);
}

static void undo_next(struct wait *w)
{
    release(LIST_OF(w, struct bus_wait, wait));
}

static int push_timeout(lua_State *L, void *unused)
{
    (void)unused;
    return push_fault(L, GIFD_ETIMEOUT, "nothing was published in this time");
}

static void on_time(uv_timer_t *timer)
{
    struct bus_wait *w = LIST_OF(timer, struct bus_wait, timer);
    release(w);
    wait_done(&w->wait, push_timeout, NULL);
}

/* The oldest message of the reader and how many were lost before it. */
static int push_next(lua_State *L, void *arg)
{
    struct reader *r = &((struct ears *)arg)->r;
    struct err e = {0};
    struct slice text = reader_first(r);
    if (!text.p) return push_fault(L, GIFD_ECLOSED, "the reader is closed");
    int rc = value_decode(L, text, BROADCAST_BYTES_MAX, &e); /* may throw: it is still queued */
    reader_shift(r);
    if (rc < 0) return push_err(L, &e);
    lua_pushnumber(L, (lua_Number)r->lost);
    r->lost = 0;
    return 2;
}

static int push_next_later(lua_State *L, void *arg)
{
    struct ears *r = arg;
    lua_rawgeti(L, LUA_REGISTRYINDEX, r->ref);
    let_go(L, r);
    return push_next(L, r);
}

static void wake(struct reader *reader)
{
    struct ears *r = LIST_OF(reader, struct ears, r);
    struct bus_wait *w = r->waiter;
    if (!w) return;
    r->waiter = NULL;
    wait_later(&w->wait, push_next_later, r);
    uv_close((uv_handle_t *)&w->timer, free_wait);
}

/* ---- for Lua ---- */

static struct slice topic_arg(lua_State *L)
{
    struct slice topic = border_string(L, 1, "topic");
    if (topic.n < 1 || topic.n > BROADCAST_TOPIC_MAX)
        border_argument(L, 1, "topic", "must have 1 to %d bytes", BROADCAST_TOPIC_MAX);
    return topic;
}

static int l_publish(lua_State *L)
{
    struct err e = {0};
    struct gen *g = gen_of(L);
    struct slice topic = topic_arg(L);
    if (lua_isnoneornil(L, 2)) border_argument(L, 2, "value", "must not be nil");
    buf_reset(&g->out);
    int rc = value_encode(L, 2, &g->out, &e);
    if (rc == GIFD_OK) rc = broadcast_publish(g->host->broadcast, topic, buf_slice(&g->out), &e);
    return rc < 0 ? push_err(L, &e) : push_true(L, NULL);
}

static int ears_gc(lua_State *L)
{
    struct ears *r = lua_touserdata(L, 1);
    reader_leave(&r->r);
    return 0;
}

static int ears_close(lua_State *L)
{
    struct ears *r = border_udata(L, 1, "reader", KIND);
    wake(&r->r); /* with {code = "closed"} */
    reader_leave(&r->r);
    return 0;
}

struct reader *reader_at(lua_State *L, int at)
{
    struct ears *r = border_udata_try(L, at, KIND);
    return r && r->r.hub && r->ref == LUA_NOREF ? &r->r : NULL;
}

static int ears_next(lua_State *L)
{
    struct ears *r = border_udata(L, 1, "reader", KIND);
    lua_Number seconds = lua_isnoneornil(L, 2) ? WAIT_DEFAULT : border_number(L, 2, "timeout", 0, WAIT_MAX);
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    if (r->ref != LUA_NOREF) border_throw(L, "somebody waits on this reader already");
    if (!r->r.hub || r->r.count) return push_next(L, r);
    lua_pushvalue(L, 1);
    r->ref = luaL_ref(L, LUA_REGISTRYINDEX);
    struct bus_wait *w = calloc(1, sizeof *w);
    if (!w) {
        let_go(L, r);
        return push_fault(L, GIFD_ENOMEM, "wait");
    }
    w->reader = r;
    w->gen = t->gen;
    r->waiter = w;
    uv_timer_init(&t->gen->host->s.loop->uv, &w->timer);
    uv_update_time(w->timer.loop); /* this turn may have lasted a while */
    uv_timer_start(&w->timer, on_time, (uint64_t)ceil(seconds * 1000), 0);
    wait_begin(&w->wait, t, "gifd.bus.next", undo_next);
    return wait_yield(L);
}

static int l_subscribe(lua_State *L)
{
    static const luaL_Reg methods[] = {{"next", ears_next}, {"close", ears_close}, {NULL, NULL}};
    struct err e = {0};
    struct slice topic = topic_arg(L);
    struct ears *r = border_udata_new(L, sizeof *r, KIND, ears_gc, methods);
    r->ref = LUA_NOREF;
    if (reader_join(gen_of(L)->host, &r->r, topic, wake, &e) < 0) return push_err(L, &e);
    return 1;
}

const struct binding bind_bus[] = {
    {"gifd.bus.publish", l_publish, CTX_TASK,
     "publish(topic: string, value: any) -> true | nil, err -- tells all that read the topic, in any process; value "
     "is at most 16 KiB as JSON"},
    {"gifd.bus.subscribe", l_subscribe, CTX_TASK,
     "subscribe(topic: string) -> reader: gifd.Reader | nil, err -- hears what is published from now on; 64 "
     "messages wait, the oldest is lost first"},
    {"gifd.Reader.next", NULL, CTX_TASK,
     "reader:next(timeout?: number) -> value: any, lost: integer | nil, err -- the next message, and how many were "
     "lost before it; timeout in seconds"},
    {"gifd.Reader.close", NULL, CTX_TASK, "reader:close() -- hears no more"},
    {NULL, NULL, 0, NULL},
};
