/* draining.c: the end of a generation whose place a newer one has taken.
 *
 *   background tasks are cancelled at once; requests go on
 *    |- the last task ends: closed, whenever that is
 *    |- drain_ms have passed, or two newer ones drain too: all that is left is cancelled, each wait is undone
 *    '- NAME_MS later it is still there: what holds it is named in the log, and stays in the status
 *
 * A task that runs for ever without waiting never gets here: its loop stands still and the supervisor ends it. */
#include "base/log.h"
#include "script/host_int.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_MS 1000

static void free_timer(uv_handle_t *timer)
{
    free(timer);
}

static void name_holders(const struct gen *g)
{
    LIST_EACH(n, &g->tasks)
    {
        const struct task *t = LIST_OF(n, struct task, node);
        log_error("generation.held", LI("generation", g->number), LS("task", t->name),
                  LS("waits", t->wait ? t->wait->what : "nothing"));
    }
}

static void on_time(uv_timer_t *timer);

static void give_up(struct gen *g)
{
    g->told = true;
    log_warn("generation.cancelled", LI("generation", g->number), LI("tasks", g->task_count));
    if (g->drain_timer) uv_timer_start(g->drain_timer, on_time, NAME_MS, 0);
    host_cancel(g, false);
}

static void on_time(uv_timer_t *timer)
{
    struct gen *g = timer->data;
    struct host *h = g->host;
    if (g->told)
        name_holders(g);
    else
        give_up(g);
    host_settle(h);
}

void draining_begin(struct gen *g)
{
    struct host *h = g->host;
    g->state = GEN_DRAINING;
    g->drained_since_ms = loop_now_ms(h->s.loop);
    list_push(&h->draining, &g->node);
    h->draining_count++;
    g->drain_timer = calloc(1, sizeof *g->drain_timer);
    if (g->drain_timer) {
        uv_timer_init(&h->s.loop->uv, g->drain_timer);
        uv_unref((uv_handle_t *)g->drain_timer);
        g->drain_timer->data = g;
        uv_timer_start(g->drain_timer, on_time, g->drain_ms, 0);
    }
    host_cancel(g, true);
    struct gen *oldest = LIST_OF(h->draining.next, struct gen, node);
    if (h->draining_count > HOST_DRAINING_MAX && !oldest->told) give_up(oldest);
}

void host_gen_drained(struct gen *g)
{
    if (g->state != GEN_DRAINING) return;
    if (g->drain_timer) uv_close((uv_handle_t *)g->drain_timer, free_timer);
    g->drain_timer = NULL;
    g->state = GEN_CLOSED;
    log_at(g->host->s.dev ? LOG_DEBUG : LOG_INFO, "generation.closed", LI("generation", g->number));
    list_remove(&g->node);
    g->host->draining_count--;
}
