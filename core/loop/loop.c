/* loop.c: see loop.h. */
#include "loop/loop.h"
#include "base/clock.h"

#define TICK_MS 250

int err_uv(struct err *e, int uv_code, const char *what)
{
    return err_sys(e, -uv_code, "%s", what);
}

static void refresh_clock(struct loop *l)
{
    uint64_t now = (uint64_t)(clock_wall_us() / 1000000);
    if (now == l->second) return;
    l->second = now;
    clock_http_date((int64_t)now, l->date);
}

static void on_tick(uv_timer_t *timer)
{
    struct loop *l = timer->data;
    refresh_clock(l);
    uint64_t now = uv_now(&l->uv);
    LIST_EACH(n, &l->ticks)
    {
        struct tick *t = LIST_OF(n, struct tick, node);
        if (now < t->due) continue;
        t->due = now + t->period_ms;
        t->fn(t);
    }
}

static void on_wake(uv_async_t *waker)
{
    (void)waker;
}

int loop_init(struct loop *l, struct err *e)
{
    *l = (struct loop){0};
    int rc = uv_loop_init(&l->uv);
    if (rc < 0) return err_uv(e, rc, "event loop");
    list_init(&l->ticks);
    rc = uv_async_init(&l->uv, &l->waker, on_wake);
    if (rc < 0) return err_uv(e, rc, "event loop waker");
    uv_unref((uv_handle_t *)&l->waker);
    uv_timer_init(&l->uv, &l->ticker);
    l->ticker.data = l;
    refresh_clock(l);
    uv_timer_start(&l->ticker, on_tick, TICK_MS, TICK_MS);
    uv_unref((uv_handle_t *)&l->ticker);
    return GIFD_OK;
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

void loop_wake(struct loop *l)
{
    uv_async_send(&l->waker);
}

static void close_handle(uv_handle_t *h, void *arg)
{
    (void)arg;
    if (!uv_is_closing(h)) uv_close(h, NULL);
}

void loop_close(struct loop *l)
{
    uv_walk(&l->uv, close_handle, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    uv_loop_close(&l->uv);
}

void tick_start(struct loop *l, struct tick *t, uint64_t period_ms, void (*fn)(struct tick *))
{
    *t = (struct tick){.period_ms = period_ms, .due = uv_now(&l->uv) + period_ms, .fn = fn};
    list_push(&l->ticks, &t->node);
}

void tick_stop(struct tick *t)
{
    if (t->node.next) list_remove(&t->node);
}
