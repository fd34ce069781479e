/* supervisor.h: the parent of everything. Runs no Lua, parses no request, decodes no media, has no threads.
 *
 *   sockets, segment, eventfd ----inherited----> worker 0..n-1, runner        (fork, no exec: pages are shared)
 *   media.sock (listening) ------inherited-----> gifd-media                   (exec)
 *   control sockets <-------------------------- ready, prepared, failed
 *
 * One thread, one poll loop (supervisor.c); who lives and dies is children.c, the reload transaction is reload.c. A
 * program that replaces this one is tried by replace.c and goes on in takeover.c, in the same process; what passes from
 * one to the other is handover.h. */
#ifndef GIFD_APP_SUPERVISOR_H
#define GIFD_APP_SUPERVISOR_H

#include "app/app.h"

#include <sys/stat.h>

#define RANGES (SEGMENT_SLOTS / SLOT_RANGE)
#define CHILDREN_MAX (RANGES * (WORKERS_MAX + 2) + 1)

enum child_kind { CHILD_WORKER, CHILD_RUNNER, CHILD_MEDIA, CHILD_SETUP };

struct child {
    enum child_kind kind;
    char name[20];
    int pid;        /* -1: not running */
    int control_fd; /* -1 for the media process */
    uint32_t slot;
    bool old; /* of an earlier program: serves until it is told to leave, is never started again */
    bool ready, asked, prepared;
    unsigned failures; /* in a row, for the back-off */
    uint64_t started_ns, restart_ns;
    uint64_t leave_ns; /* told to leave, and killed at this time; 0: not told */
};

enum reload_state { RELOAD_NONE, RELOAD_BUILDING, RELOAD_PREPARING, RELOAD_MIGRATING };
enum replace_state { REPLACE_NONE, REPLACE_TRIAL, REPLACE_MIGRATING, REPLACE_CLEARING, REPLACE_SETTLING };

struct replacement {
    enum replace_state state;
    bool again;          /* asked for while a reload or another one was under way */
    int pid, fd;         /* of the trial; of the settling command, without fd */
    int settings_fd;     /* memory that the trial wrote its flat settings to, for itself as it will be */
    bool other_segment;  /* the new program lays the segment out differently */
    struct stat program; /* as it was when the trial began */
    char bundle[PATH_LEN];
    uint64_t deadline_ns;
};

struct supervisor {
    const struct serve_options *options;
    char program[PATH_LEN]; /* absolute, as it was started; what is there now may be newer */
    struct datadir dir;
    struct flat_settings settings; /* of the live generation, overridden by the command line */
    struct segment *segment;
    uint32_t first_slot; /* of this program's range */
    int signal_fd, wake_fd, media_fd;
    int listen_fds[LISTEN_MAX]; /* of settings.listen, one by one */
    char urls[LISTEN_MAX][160];
    const char *url_list[LISTEN_MAX + 1];
    size_t listen_count;
    struct child children[CHILDREN_MAX];
    size_t child_count;
    bool announced, stopping;
    bool taking_over; /* earlier processes serve until ours do */
    bool hold;        /* workers and the runner are not started again: a replacement clears them away */
    uint64_t stop_deadline_ns;

    enum reload_state reload;
    bool reload_again; /* asked for while one was under way */
    struct builder builder;
    struct builder_report report;
    uint64_t reload_deadline_ns;

    struct replacement replace;
};

/* supervisor.c */
void supervisor_override(const struct supervisor *s, struct flat_settings *f); /* by the command line and the machine */
int supervisor_media_socket(struct supervisor *s, struct err *e);              /* makes it, in place of another's */
int supervisor_signals(struct supervisor *s, struct err *e);

/* children.c */
void children_plan(struct supervisor *s);
void children_start_due(struct supervisor *s); /* starts what is not running and whose time has come */
void children_reap(struct supervisor *s);
void children_watch(struct supervisor *s); /* heartbeats and deadlines of leaving */
/* Tells a worker or runner to leave: what it has begun may take total_ms, idle connections stay open for idle_ms. */
void children_retire(struct child *c, uint32_t idle_ms, uint32_t total_ms);
void children_drain(struct supervisor *s);       /* all, because the server stops */
void children_kill(struct supervisor *s);        /* SIGKILL to all, reaps */
bool children_ready(const struct supervisor *s); /* every worker and the runner of this program */
size_t children_running(const struct supervisor *s);
size_t children_count(const struct supervisor *s, enum child_kind kind, bool old); /* running ones */
int children_free_range(const struct supervisor *s);                               /* of slots; -1 when all are taken */

/* reload.c */
void reload_begin(struct supervisor *s);
void reload_on_builder(struct supervisor *s);
void reload_on_prepared(struct supervisor *s, struct child *c, const struct control_message *m);
void reload_on_start(struct supervisor *s, struct child *c);
void reload_on_death(struct supervisor *s, struct child *c);
void reload_on_time(struct supervisor *s);

/* replace.c */
void replace_begin(struct supervisor *s);
void replace_on_trial(struct supervisor *s); /* replace.fd is readable */
void replace_on_exit(struct supervisor *s, int status);
void replace_on_time(struct supervisor *s); /* each turn */
void replace_abort(struct supervisor *s);   /* the server stops */

/* takeover.c. The text of the handover, or NULL for a start from nothing; takes it out of the environment. */
const char *takeover_asked(void);
int takeover(struct supervisor *s, const char *handover, struct err *e);
void takeover_on_time(struct supervisor *s); /* each turn while taking_over, or while earlier processes live */

#endif
