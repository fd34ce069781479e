/* supervisor.h: the parent of everything. Runs no Lua, parses no request, decodes no media, has no threads.
 *
 *   sockets, segment, eventfd ----inherited----> worker 0..n-1, runner        (fork, no exec: pages are shared)
 *   media.sock (listening) ------inherited-----> gifd-media                   (exec)
 *   control sockets <-------------------------- ready, prepared, failed
 *
 * One thread, one poll loop (supervisor.c); who lives and dies is children.c, the reload transaction is reload.c. */
#ifndef GIFD_APP_SUPERVISOR_H
#define GIFD_APP_SUPERVISOR_H

#include "app/app.h"

#define CHILDREN_MAX (WORKERS_MAX + 3)

enum child_kind { CHILD_WORKER, CHILD_RUNNER, CHILD_MEDIA, CHILD_SETUP };

struct child {
    enum child_kind kind;
    char name[20];
    int pid;        /* -1: not running */
    int control_fd; /* -1 for the media process */
    uint32_t slot;
    bool ready, asked, prepared;
    unsigned failures; /* in a row, for the back-off */
    uint64_t started_ns, restart_ns, drain_ns;
};

enum reload_state { RELOAD_NONE, RELOAD_BUILDING, RELOAD_PREPARING, RELOAD_MIGRATING };

struct supervisor {
    const struct serve_options *options;
    struct datadir dir;
    struct flat_settings settings; /* of the live generation */
    struct segment *segment;
    int signal_fd, wake_fd, media_fd;
    int listen_fds[LISTEN_MAX];
    char urls[LISTEN_MAX][160];
    const char *url_list[LISTEN_MAX + 1];
    size_t listen_count;
    struct child children[CHILDREN_MAX];
    size_t child_count;
    bool announced, stopping;
    uint64_t stop_deadline_ns;

    enum reload_state reload;
    bool reload_again; /* asked for while one was under way */
    struct builder builder;
    struct builder_report report;
    uint64_t reload_deadline_ns;
};

/* children.c */
void children_plan(struct supervisor *s);
void children_start_due(struct supervisor *s); /* starts what is not running and whose time has come */
void children_reap(struct supervisor *s);
void children_watch(struct supervisor *s); /* heartbeats and drain deadlines */
void children_drain(struct supervisor *s);
void children_kill(struct supervisor *s);        /* SIGKILL to all, reaps */
bool children_ready(const struct supervisor *s); /* every worker and the runner */
size_t children_running(const struct supervisor *s);

/* reload.c */
void reload_begin(struct supervisor *s);
void reload_on_builder(struct supervisor *s);
void reload_on_prepared(struct supervisor *s, struct child *c, const struct control_message *m);
void reload_on_death(struct supervisor *s, struct child *c);
void reload_on_time(struct supervisor *s);

#endif
