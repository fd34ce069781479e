/* host_int.h: what only core/script may know about a host. */
#ifndef GIFD_SCRIPT_HOST_INT_H
#define GIFD_SCRIPT_HOST_INT_H

#include "http/cache.h"
#include "script/caller.h"
#include "script/gen.h"
#include "script/host.h"
#include "script/limits.h"
#include "script/task.h"

#define HOST_DRAINING_MAX 2

struct host {
    struct host_services s;
    struct gen *live, *prepared;
    struct list draining; /* oldest first */
    size_t draining_count;
    uint64_t numbers;                          /* the last one given to a generation */
    struct list ready;                         /* tasks */
    struct cache *cache;                       /* workers with a segment */
    struct limit_table limits;                 /* with a segment */
    struct meter stray;                        /* of what has no route */
    struct metric_cell *limited[LIMITS_KINDS]; /* how often which refused; with a segment, once one did */
    struct metrics *metrics;                   /* the segment's, or in memory of this process's own */
    struct broadcast *broadcast;               /* the same */
    void *own;                                 /* that memory */
    struct hub *hub;                           /* hub.h; NULL until somebody reads */
    struct list streams;                       /* events.h */
    size_t stream_count;
    uv_timer_t *stream_beat; /* while there is one */
    struct list passwords;   /* bind_password.c: jobs that wait */
    size_t password_count;
    void *password;    /* the job that is being worked on */
    struct list fills; /* visit.h: replies that are being made for the cache */
    size_t fill_count;
    struct callers callers;
    struct rollup_room *rollups; /* bind_rollup.c; NULL until somebody asked */
    struct intake_room *intake;  /* intake_visit.c; NULL until something was told */
    size_t asking;               /* bind_admin.c */
    struct span_room *spans;     /* spans.h; NULL until the first */
    struct sign_keys *keys;      /* of signed URLs; NULL until they were read */
    bool settling;
    size_t tasks;       /* of all generations */
    uv_poll_t *wake;    /* polls wake_fd while somebody waits for it */
    struct list wakers; /* struct jobs_wait of bind_jobs.c */
    uint64_t rings;     /* of the bell, that this process has read */
    struct drain {
        void (*done)(void *);
        void *arg;
        uv_timer_t *timer;
        bool last;
    } drain;
};

void host_settle(struct host *h);                      /* runs what is ready, until nothing is */
void host_task_ended(struct host *h);                  /* a drain may be over now */
void host_cancel(struct gen *g, bool background_only); /* its tasks; host_settle runs what they still have to say */
void draining_begin(struct gen *g);                    /* a newer one took its place */
void host_gen_drained(struct gen *g);                  /* draining.c: leaves the list of draining ones */
void host_on_request(void *to, struct request *r);
void host_on_gone(void *to, struct request *r);
void host_on_reply(void *to, const struct request *r, int status);
void jobs_stop(struct host *h);      /* bind_jobs.c: lets go of wake_fd */
void rollups_stop(struct host *h);   /* bind_rollup.c: waits for what is being answered */
void intake_stop(struct host *h);    /* intake_visit.c: what waits is written */
void passwords_stop(struct host *h); /* bind_password.c: what is being worked on is for nobody */

#endif
