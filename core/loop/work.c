/* work.c: the thread pool, with a maximum. See loop.h. */
#include "loop/loop.h"

static void on_run(uv_work_t *uv)
{
    struct work *w = LIST_OF(uv, struct work, uv);
    w->run(w);
}

static void on_done(uv_work_t *uv, int status)
{
    (void)status;
    struct work *w = LIST_OF(uv, struct work, uv);
    w->loop->work_queued--;
    w->done(w);
}

int work_submit(struct loop *l, struct work *w, struct err *e)
{
    if (l->work_queued >= WORK_MAX) return err_set(e, GIFD_EBUSY, "%d jobs already wait for the thread pool", WORK_MAX);
    w->loop = l;
    int rc = uv_queue_work(&l->uv, &w->uv, on_run, on_done);
    if (rc < 0) return err_uv(e, rc, "thread pool");
    l->work_queued++;
    return GIFD_OK;
}
