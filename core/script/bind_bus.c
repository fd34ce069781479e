/* bind_bus.c: gifd.bus: publish, and readers that wait for what others publish.
 *
 *   bus (one per process, opened by the first reader) --message--> notes, shared by the readers of its topic
 *   reader: a queue of at most QUEUE_MAX notes; when it is full, or this process keeps NOTES_BYTES_MAX, the oldest go
 *
 * Messages are JSON on their way. Without shared memory (a command) the process talks to itself. A reader leaves when
 * it is closed or collected; one that is waited on is held by the wait. */
#include "loop/bus.h"
#include "script/border.h"
#include "script/host_int.h"
#include "script/value.h"

#include <math.h>
#include <stdlib.h>

#define KIND "gifd.reader"
#define QUEUE_MAX 64
#define READERS_MAX 1024
#define READERS_OF_ONE 128 /* of one plugin: topics "plugin:NAME:..." */
#define NOTES_BYTES_MAX ((size_t)32 << 20)
#define WAIT_MAX 86400.0
#define WAIT_DEFAULT 30.0

struct note {
    size_t refs, n;
    char bytes[];
};

struct hub {
    struct bus *bus;
    struct list readers; /* struct reader */
    size_t count, kept;  /* readers; bytes of notes */
};

struct reader {
    struct list node;
    struct hub *hub; /* NULL: closed */
    struct bus_wait *waiter;
    int ref; /* holds the reader from when a task waits on it until that task runs; LUA_NOREF otherwise */
    uint64_t lost;
    size_t first, count;
    struct note *queue[QUEUE_MAX];
    size_t topic_len;
    char topic[BROADCAST_TOPIC_MAX];
};

struct bus_wait {
    struct wait wait;
    uv_timer_t timer;
    struct reader *reader;
    struct gen *gen;
};

static void drop(struct hub *hub, struct note *n)
{
    if (--n->refs) return;
    hub->kept -= n->n;
    free(n);
}

static struct note *shift(struct reader *r)
{
    struct note *n = r->queue[r->first];
    r->first = (r->first + 1) % QUEUE_MAX;
    r->count--;
    return n;
}

/* ---- waiting ---- */

static void free_wait(uv_handle_t *timer)
{
    free(LIST_OF(timer, struct bus_wait, timer));
}

static void let_go(lua_State *L, struct reader *r)
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
    struct reader *r = arg;
    struct err e = {0};
    if (!r->hub || !r->count) return push_fault(L, GIFD_ECLOSED, "the reader is closed");
    struct note *n = r->queue[r->first];
    int rc = value_decode(L, slice_of(n->bytes, n->n), BROADCAST_BYTES_MAX, &e); /* may throw: it is still queued */
    drop(r->hub, shift(r));
    if (rc < 0) return push_err(L, &e);
    lua_pushnumber(L, (lua_Number)r->lost);
    r->lost = 0;
    return 2;
}

static int push_next_later(lua_State *L, void *arg)
{
    struct reader *r = arg;
    lua_rawgeti(L, LUA_REGISTRYINDEX, r->ref);
    let_go(L, r);
    return push_next(L, r);
}

static void wake(struct reader *r)
{
    struct bus_wait *w = r->waiter;
    if (!w) return;
    r->waiter = NULL;
    wait_later(&w->wait, push_next_later, r);
    uv_close((uv_handle_t *)&w->timer, free_wait);
}

/* ---- hearing ---- */

static struct note *note_new(struct hub *hub, struct slice bytes)
{
    struct note *n = hub->kept + bytes.n <= NOTES_BYTES_MAX ? malloc(sizeof *n + bytes.n) : NULL;
    if (!n) return NULL;
    *n = (struct note){.n = bytes.n, .refs = 1};
    memcpy(n->bytes, bytes.p, bytes.n);
    hub->kept += n->n;
    return n;
}

static void enqueue(struct hub *hub, struct reader *r, struct note *n)
{
    if (!n || r->count == QUEUE_MAX) r->lost++;
    if (!n) return;
    if (r->count == QUEUE_MAX) drop(hub, shift(r));
    r->queue[(r->first + r->count++) % QUEUE_MAX] = n;
    n->refs++;
    wake(r);
}

static void on_message(void *arg, const struct broadcast_message *m)
{
    struct host *h = arg;
    struct hub *hub = h->hub;
    struct note *note = NULL;
    for (struct list *n = hub->readers.next; n != &hub->readers; n = n->next) {
        struct reader *r = LIST_OF(n, struct reader, node);
        r->lost += m->lost;
        if (!slice_eq(slice_of(r->topic, r->topic_len), m->topic)) continue;
        if (!note) note = note_new(hub, m->bytes);
        enqueue(hub, r, note);
    }
    if (note) drop(hub, note);
    host_settle(h);
}

static struct hub *hub_here(struct host *h, struct err *e)
{
    if (h->hub) return h->hub;
    struct hub *hub = calloc(1, sizeof *hub);
    if (!hub) {
        err_set(e, GIFD_ENOMEM, "bus");
        return NULL;
    }
    list_init(&hub->readers);
    hub->bus = bus_open(h->s.loop, h->broadcast, on_message, h, e);
    if (!hub->bus) {
        free(hub);
        return NULL;
    }
    return h->hub = hub;
}

static void leave(struct reader *r)
{
    struct hub *hub = r->hub;
    if (!hub) return;
    list_remove(&r->node);
    while (r->count) drop(hub, shift(r));
    hub->count--;
    r->hub = NULL;
}

void hub_free(struct host *h)
{
    struct hub *hub = h->hub;
    if (!hub) return;
    bus_close(hub->bus);
    for (struct list *n; (n = hub->readers.next) != &hub->readers;) leave(LIST_OF(n, struct reader, node));
    free(hub);
    h->hub = NULL;
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

static int reader_gc(lua_State *L)
{
    struct reader *r = lua_touserdata(L, 1);
    leave(r);
    return 0;
}

static int reader_close(lua_State *L)
{
    struct reader *r = border_udata(L, 1, "reader", KIND);
    wake(r); /* with {code = "closed"} */
    leave(r);
    return 0;
}

static int reader_next(lua_State *L)
{
    struct reader *r = border_udata(L, 1, "reader", KIND);
    lua_Number seconds = lua_isnoneornil(L, 2) ? WAIT_DEFAULT : border_number(L, 2, "timeout", 0, WAIT_MAX);
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    if (r->ref != LUA_NOREF) border_throw(L, "somebody waits on this reader already");
    if (!r->hub || r->count) return push_next(L, r);
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

/* How many readers have topics that begin as this one does, up to and with its second colon. */
static size_t kin(const struct hub *hub, struct slice topic)
{
    size_t n = 0;
    const char *colon = slice_starts(topic, SLICE("plugin:")) ? memchr(topic.p + 7, ':', topic.n - 7) : NULL;
    if (!colon) return 0;
    size_t len = (size_t)(colon - topic.p) + 1;
    for (const struct list *l = hub->readers.next; l != &hub->readers; l = l->next) {
        const struct reader *r = LIST_OF(l, struct reader, node);
        n += r->topic_len >= len && !memcmp(r->topic, topic.p, len);
    }
    return n;
}

static int l_subscribe(lua_State *L)
{
    static const luaL_Reg methods[] = {{"next", reader_next}, {"close", reader_close}, {NULL, NULL}};
    struct err e = {0};
    struct slice topic = topic_arg(L);
    struct hub *hub = hub_here(gen_of(L)->host, &e);
    if (!hub) return push_err(L, &e);
    if (hub->count >= READERS_MAX || kin(hub, topic) >= READERS_OF_ONE)
        return push_fault(L, GIFD_EBUSY, "there are too many readers already");
    struct reader *r = border_udata_new(L, sizeof *r, KIND, reader_gc, methods);
    memcpy(r->topic, topic.p, topic.n);
    r->topic_len = topic.n;
    r->ref = LUA_NOREF;
    r->hub = hub;
    hub->count++;
    list_push(&hub->readers, &r->node);
    return 1;
}

const struct binding bind_bus[] = {
    {"gifd.bus.publish", l_publish, CTX_TASK,
     "publish(topic, value) -> true | nil, err: at most 16 KiB as JSON; whoever reads the topic, in any process, gets "
     "it"},
    {"gifd.bus.subscribe", l_subscribe, CTX_TASK,
     "subscribe(topic) -> reader | nil, err; reader:next(timeout?) -> value, lost | nil, err; reader:close()"},
    {NULL, NULL, 0, NULL},
};
