/* bind_jobs.c: gifd.jobs, a bell that all processes of a server share: an eventfd.
 *
 * wake() rings it. wait() is for whoever does durable work: the eventfd is polled only while somebody waits here, so
 * that a bell rung in between is not lost; the first to read it silences it and wakes all that wait in this process. A
 * waiter says which ring it has heard last, so that one which another has read while it was busy is not lost either. */
#include "script/border.h"
#include "script/host_int.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#define WAIT_MAX 86400.0

struct jobs_wait {
    struct wait wait;
    struct list node; /* in host->wakers */
    struct host *host;
    uv_timer_t timer;
};

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

void jobs_stop(struct host *h)
{
    if (!h->wake) return;
    uv_poll_stop(h->wake);
    uv_close((uv_handle_t *)h->wake, free_handle);
    h->wake = NULL;
}

static void free_wait(uv_handle_t *timer)
{
    free(LIST_OF(timer, struct jobs_wait, timer));
}

static void release(struct jobs_wait *j)
{
    list_remove(&j->node);
    if (list_empty(&j->host->wakers)) jobs_stop(j->host);
    uv_close((uv_handle_t *)&j->timer, free_wait);
}

static void undo_jobs(struct wait *w)
{
    release(LIST_OF(w, struct jobs_wait, wait));
}

static int push_false(lua_State *L, void *unused)
{
    (void)unused;
    lua_pushboolean(L, 0);
    return 1;
}

static int push_rings(lua_State *L, void *arg)
{
    const struct host *h = arg;
    lua_pushnumber(L, (lua_Number)h->rings);
    return 1;
}

static void on_time(uv_timer_t *timer)
{
    struct jobs_wait *j = LIST_OF(timer, struct jobs_wait, timer);
    release(j);
    wait_done(&j->wait, push_false, NULL);
}

static void on_bell(uv_poll_t *poll, int status, int events)
{
    struct host *h = poll->data;
    uint64_t count;
    (void)status;
    (void)events;
    if (read(h->s.wake_fd, &count, sizeof count) != sizeof count) return;
    h->rings++;
    for (struct list *n; (n = h->wakers.next) != &h->wakers;) {
        struct jobs_wait *j = LIST_OF(n, struct jobs_wait, node);
        release(j);
        wait_later(&j->wait, push_rings, h);
    }
    host_settle(h);
}

static bool listen_for_bell(struct host *h)
{
    if (h->wake || h->s.wake_fd < 0) return true;
    h->wake = calloc(1, sizeof *h->wake);
    if (!h->wake) return false;
    if (uv_poll_init(&h->s.loop->uv, h->wake, h->s.wake_fd) < 0) {
        free(h->wake);
        h->wake = NULL;
        return false;
    }
    h->wake->data = h;
    uv_poll_start(h->wake, UV_READABLE, on_bell);
    return true;
}

static int l_wake(lua_State *L)
{
    struct host *h = gen_of(L)->host;
    uint64_t one = 1;
    if (h->s.wake_fd >= 0)
        lua_pushboolean(L, write(h->s.wake_fd, &one, sizeof one) == sizeof one);
    else
        lua_pushboolean(L, 0);
    return 1;
}

static int l_wait(lua_State *L)
{
    lua_Number seconds = border_number(L, 1, "seconds", 0, WAIT_MAX);
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    struct host *h = t->gen->host;
    if (lua_type(L, 2) == LUA_TNUMBER && lua_tonumber(L, 2) < (lua_Number)h->rings) return push_rings(L, h);
    struct jobs_wait *j = calloc(1, sizeof *j);
    if (!j || !listen_for_bell(h)) {
        free(j);
        return push_fault(L, GIFD_ENOMEM, "wait");
    }
    j->host = h;
    list_push(&h->wakers, &j->node);
    uv_timer_init(&h->s.loop->uv, &j->timer);
    uv_update_time(j->timer.loop); /* this turn may have lasted a while */
    uv_timer_start(&j->timer, on_time, (uint64_t)ceil(seconds * 1000), 0);
    wait_begin(&j->wait, t, "gifd.jobs.wait", undo_jobs);
    return wait_yield(L);
}

const struct binding bind_jobs[] = {
    {"gifd.jobs.wake", l_wake, CTX_TASK, "wake() -> boolean -- tells the runner that there is work"},
    {"gifd.jobs.wait", l_wait, CTX_JOB | CTX_COMMAND,
     "wait(seconds: number, heard?: integer) -> ring: integer|false | nil, err -- the number of the ring that woke "
     "it, false when the time passed; at once when there was one after heard"},
    {NULL, NULL, 0, NULL},
};
