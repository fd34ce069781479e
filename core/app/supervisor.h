/* supervisor.h: the parent of everything. Runs no Lua, parses no request, decodes no media, has no threads.
 *
 *   sockets, segment, eventfd ----inherited----> worker 0..n-1, runner        (fork, no exec: pages are shared)
 *   media.sock (listening) ------inherited-----> gifd-media                   (exec)
 *   control sockets <-------------------------- ready, prepared, failed
 *
 * One thread, one poll loop (supervisor.c); who lives and dies is children.c, the reload transaction is reload.c, what
 * the owner asks is admin.c, workers that listen otherwise come by renew.c, which files changed is watch.c, which
 * plugins bring processes down is strikes.c. A program that replaces this one is tried by replace.c and goes on in
 * takeover.c, in the same process; what passes from one to the other is handover.h. */
#ifndef GIFD_APP_SUPERVISOR_H
#define GIFD_APP_SUPERVISOR_H

#include "app/admin.h"
#include "app/history.h"
#include "app/status.h"
#include "app/strikes.h"
#include "app/watch.h"

#include <stdio.h>
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
    unsigned restarts;
    bool stuck;   /* killed because its heartbeat stood still */
    bool telling; /* asked for its status, which comes into told (malloced, or NULL) */
    char *told;
    uint64_t started_ns, restart_ns;
    uint64_t leave_ns; /* told to leave, and killed at this time; 0: not told */
};

enum reload_state { RELOAD_NONE, RELOAD_BUILDING, RELOAD_PREPARING, RELOAD_MIGRATING, RELOAD_RENEWING };
enum reload_kind { RELOAD_BACK, RELOAD_SAME, RELOAD_FILES }; /* in the order in which they are done */
#define RELOAD_KINDS 3

struct reload {
    enum reload_state state;
    uint64_t deadline_ns;
    enum reload_kind kind; /* of the one under way, like the rest up to options */
    uint64_t ticket, number, began_ns, built_ms;
    bool asked; /* by a person, not by a changed file or a strike */
    struct serve_options options;
    struct disabled without;
    struct wish {
        uint64_t ticket; /* 0: none */
        bool asked;
    } wish[RELOAD_KINDS]; /* what comes next */
    struct serve_options wished_options;
    bool restart;  /* some of it takes one */
    uint64_t back; /* the generation that BACK is to bring back; 0: the one before */
    uint64_t tickets;
    unsigned same_again;
    char *refused_text; /* of the last from FILES, when it was refused; malloced */
    uint64_t refused_ms;
};
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
    struct serve_options *options;
    char program[PATH_LEN]; /* absolute, as it was started; what is there now may be newer */
    struct datadir dir;
    struct flat_settings settings; /* of the live generation, overridden by the command line */
    uint64_t generation;           /* its number */
    struct history history;
    struct disabled disabled; /* plugins that processes load without */
    struct strikes strikes;
    uint64_t started_ns;
    struct segment *segment;
    uint32_t first_slot; /* of this program's range */
    int signal_fd, wake_fd, media_fd;
    struct tls_tickets *tickets;
    int tickets_fd;
    int listen_fds[LISTEN_MAX]; /* of settings.listen, one by one */
    char urls[LISTEN_MAX][160];
    const char *url_list[LISTEN_MAX + 1];
    size_t listen_count;
    struct child children[CHILDREN_MAX];
    size_t child_count;
    bool announced, stopping;
    bool taking_over; /* earlier processes serve until ours do */
    bool renewing;    /* earlier workers serve until those that listen as wanted now do */
    bool hold;        /* workers and the runner are not started again: a replacement clears them away */
    uint64_t stop_deadline_ns;

    struct reload reload;
    struct builder builder;
    struct builder_report report;
    struct admin admin;
    struct watch watch;
    uint64_t status_deadline_ns; /* processes are being asked; 0: no */

    struct replacement replace;
};

/* supervisor.c */
void supervisor_name_url(const struct flat_settings *f, uint32_t i, char url[160]); /* of listener i */
void supervisor_override(const struct supervisor *s, struct flat_settings *f); /* by the command line and the machine */
int supervisor_signals(struct supervisor *s, struct err *e);

/* children.c */
void children_plan(struct supervisor *s);
void children_plan_workers(struct supervisor *s); /* in the places of old ones that have left, where there are some */
/* Becomes the media process, listening there; limits may be NULL. */
_Noreturn void children_exec_media(int media_fd, const struct lane_limits *limits);
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
/* Begins at once or when what is under way is done. The ticket names the outcome: admin_decided. */
void reload_print_faults(FILE *to, const char *faults); /* a line each, with the source that it names */
uint64_t reload_wish(struct supervisor *s, enum reload_kind kind, bool asked);
void reload_on_builder(struct supervisor *s);
void reload_on_prepared(struct supervisor *s, struct child *c, const struct control_message *m);
void reload_on_start(struct supervisor *s, struct child *c);
void reload_on_death(struct supervisor *s, struct child *c);
void reload_on_renewed(struct supervisor *s);
void reload_on_time(struct supervisor *s); /* each turn; begins what is wished */

/* renew.c */
struct listening { /* sockets that are to be listened on, of next->listen one by one */
    int fds[LISTEN_MAX];
    char urls[LISTEN_MAX][160];
    size_t count;
    bool opened[LISTEN_MAX]; /* else it was listened on before, */
    bool taken[LISTEN_MAX];  /* as one of those */
};
bool renew_wanted(const struct flat_settings *a, const struct flat_settings *b);
/* Opens what is not open yet. all: else nothing is, and e says why; without it, what cannot be had is left out of next
 * too. Nothing that serves changes, until renew_listen takes it over, or renew_close. */
int renew_open(const struct supervisor *s, struct flat_settings *next, bool all, struct listening *l, struct err *e);
void renew_close(struct listening *l);
bool renew_listen(struct supervisor *s, const struct listening *l); /* are addresses others than before? */
void renew_begin(struct supervisor *s, bool runner_too);            /* there is a free range */
bool renew_workers_ready(const struct supervisor *s);
void renew_retire_old(struct supervisor *s);
void renew_on_time(struct supervisor *s); /* each turn */

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
