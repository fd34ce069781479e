/* reader.c: the thread for reads that may take long. See db_int.h. */
#include "store/db_int.h"
#include "base/clock.h"

static void run(struct db__lane *l, struct db_job *j)
{
    struct err e = {0};
    int rc = GIFD_OK;
    if (!l->sql.db)
        rc = sql__open(&l->sql, l->db->path,
                       &(struct sql__options){
                           .read_only = true, .busy_ms = l->db->busy_ms, .guest = l->db->guest, .chain = l->db->chain},
                       &e);
    if (rc == GIFD_OK) {
        uint64_t now = clock_mono_ns();
        db__step(l, j->calls[0].sql, now);
        l->sql.deadline_ns = now + l->db->statement_ms * 1000000ull;
        rc = sql__run(&l->sql, &j->calls[0], true, &j->arena, &j->results[0], &e);
        db__rest(l);
        metric_observe(l->db->counts.read_seconds, (double)(clock_mono_ns() - now) / 1e9);
    }
    db__fail(j, rc, &e);
}

void *db__read_thread(void *lane)
{
    struct db__lane *l = lane;
    struct db_job *j;
    while ((j = db__take(l, UINT64_MAX))) {
        struct list one;
        list_init(&one);
        run(l, j);
        list_push(&one, &j->node);
        db__finish(l->db, &one);
    }
    sql__close(&l->sql);
    return NULL;
}
