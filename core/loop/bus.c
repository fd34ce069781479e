/* bus.c: see bus.h. The thread only sleeps and rings; the loop reads. */
#include "loop/bus.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SLEEP_MS 1000
#define TURN_MAX 256 /* messages of one turn of the loop */

struct bus {
    uv_async_t news;
    struct broadcast *broadcast;
    bus_fn fn;
    void *arg;
    pthread_t thread;
    _Atomic bool over;
    struct broadcast_reader reader;
};

static void on_closed(uv_handle_t *news)
{
    free(news->data);
}

static void *sleep_and_ring(void *arg)
{
    struct bus *bus = arg;
    uint32_t rung = broadcast_seen(bus->broadcast);
    uv_async_send(&bus->news); /* for what came before the thread did */
    while (!atomic_load(&bus->over)) {
        uint32_t seen = broadcast_seen(bus->broadcast);
        if (seen != rung) uv_async_send(&bus->news);
        rung = seen;
        broadcast_wait(bus->broadcast, seen, SLEEP_MS);
    }
    return NULL;
}

static void on_news(uv_async_t *news)
{
    struct bus *bus = news->data;
    struct broadcast_message m;
    int left = TURN_MAX;
    while (!atomic_load(&bus->over) && left-- > 0 && broadcast_read(bus->broadcast, &bus->reader, &m))
        bus->fn(bus->arg, &m);
    if (left < 0 && !atomic_load(&bus->over)) uv_async_send(news);
}

struct bus *bus_open(struct loop *l, struct broadcast *b, bus_fn fn, void *arg, struct err *e)
{
    struct bus *bus = calloc(1, sizeof *bus);
    sigset_t all, before;
    if (!bus || uv_async_init(&l->uv, &bus->news, on_news) < 0) {
        free(bus);
        err_set(e, GIFD_ENOMEM, "no memory for a bus");
        return NULL;
    }
    bus->news.data = bus;
    uv_unref((uv_handle_t *)&bus->news);
    bus->broadcast = b;
    bus->fn = fn;
    bus->arg = arg;
    broadcast_join(b, &bus->reader);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop thread's */
    int rc = pthread_create(&bus->thread, NULL, sleep_and_ring, bus);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) return bus;
    err_sys(e, rc, "a thread for the bus");
    uv_close((uv_handle_t *)&bus->news, on_closed);
    return NULL;
}

void bus_close(struct bus *bus)
{
    if (!bus) return;
    atomic_store(&bus->over, true);
    broadcast_stir(bus->broadcast);
    pthread_join(bus->thread, NULL);
    uv_close((uv_handle_t *)&bus->news, on_closed);
}
