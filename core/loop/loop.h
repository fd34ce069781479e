/* loop.h: one event loop per process, and the only door to uv.h.
 *
 * Floors above use libuv's handles through this header. Everything here is for the loop's own thread, except
 * loop_wake, which any thread may call. */
#ifndef GIFD_LOOP_LOOP_H
#define GIFD_LOOP_LOOP_H

#include "base/err.h"
#include "base/list.h"

#include <stdint.h>
#include <uv.h>

struct loop {
    uv_loop_t uv;
    uv_async_t waker; /* loop_wake */
    uv_timer_t ticker;
    struct list ticks;  /* struct tick, in order of arrival: a handful per process */
    uint64_t second;    /* wall clock, whole seconds, refreshed by the ticker */
    char date[30];      /* the same as an HTTP date */
    size_t work_queued; /* jobs given to the thread pool and not yet answered */
};

int loop_init(struct loop *l, struct err *e);
void loop_run(struct loop *l);   /* until loop_stop, or until nothing is left to wait for */
void loop_stop(struct loop *l);  /* loop_run returns after the current turn */
void loop_close(struct loop *l); /* closes what is left, then the loop */
void loop_wake(struct loop *l);  /* any thread: makes the loop turn once */
static inline uint64_t loop_now_ms(const struct loop *l)
{
    return uv_now(&l->uv); /* monotonic, as of the start of this turn */
}

/* A function called about every period_ms on the loop, from a shared timer of 250 ms. The caller owns t. */
struct tick {
    struct list node;
    uint64_t period_ms, due;
    void (*fn)(struct tick *t);
};
void tick_start(struct loop *l, struct tick *t, uint64_t period_ms, void (*fn)(struct tick *));
void tick_stop(struct tick *t); /* safe when not started, if the memory is zeroed */

/* work.c: run() on the thread pool, then done() on the loop. At most WORK_MAX wait at a time: GIFD_EBUSY beyond. The
 * struct belongs to the caller and stays alive until done() is called; a submitted job cannot be taken back. */
#define WORK_MAX 1024
struct work {
    uv_work_t uv;
    struct loop *loop;
    void (*run)(struct work *w);  /* any thread; touches only what belongs to w */
    void (*done)(struct work *w); /* loop thread */
};
int work_submit(struct loop *l, struct work *w, struct err *e);

/* An error of libuv's as one of ours. */
int err_uv(struct err *e, int uv_code, const char *what);

#endif
