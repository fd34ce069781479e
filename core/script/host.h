/* host.h: Lua in a process: one live generation, its tasks, and the border to everything below.
 *
 *   bundle file --host_prepare--> next (own lua_State, nobody sees it) --host_commit--> live --drained--> closed
 *                                  \--host_abandon--> closed
 *
 * A generation drains for as long as its tasks run, up to the setting reload_drain; at most two drain at a time, a
 * third makes the oldest give up. What is left then is cancelled (each wait is undone), and what still does not end is
 * named (draining.c).
 *
 * A generation is one lua_State with host Lua, checked settings and plugins, all from one bundle (build.h). Requests
 * and timers end on the generation that they began in. Every call into Lua runs in a task, protected, under an
 * allocator with a cap. Loop thread only. */
#ifndef GIFD_SCRIPT_HOST_H
#define GIFD_SCRIPT_HOST_H

#include "base/buf.h"
#include "base/err.h"
#include "base/segment.h"
#include "http/server.h"
#include "loop/loop.h"
#include "media/ask.h"
#include "store/blob.h"
#include "store/db.h"
#include "store/near.h"
#include "store/shelf.h"

#define HOST_NEAR 2

/* What the primitives stand on. NULL members make their primitives answer {code = "closed"}. All are the caller's and
 * outlive the host. */
struct host_services {
    struct loop *loop;
    struct db *db;
    struct shelf *shelf; /* the databases of plugins */
    struct blobs *blobs;
    struct media_pool *media;
    struct near *near[HOST_NEAR]; /* of what is stored, of what is listed */
    struct segment *segment;
    int wake_fd;                    /* eventfd shared by all processes of a server: "there is work"; -1 for none */
    const char *role;               /* "worker", "runner", "command" */
    const char *data_dir, *version; /* gifd.server; NULL: "" */
    const char *const *urls;        /* addresses listened on, ended by NULL; or NULL */
    bool dev;                       /* gifd.server.dev: errors are told to whoever asked */
    size_t memory_max;              /* bytes of one lua_State; 0: 256 MiB */
    /* A plugin holds so much of a lua_State that this process should end and another take its place. Called while the
     * loop turns, and again while it is still so. NULL: nothing can be done about it */
    void (*recycle)(void *arg, const char *plugin, size_t memory);
    void *recycle_arg;
};

struct host;
struct host *host_new(const struct host_services *services, struct err *e);
/* Loads a bundle aside, up to and including boot. number: the generation's (0: one more than the last); without:
 * plugins that are switched off, a name a line. On failure nothing has changed and e says file and line. */
int host_prepare(struct host *h, const char *bundle_path, uint64_t number, const char *without, struct err *e);
void host_commit(struct host *h);  /* swaps; starts the role's background task; the old one drains, then closes */
void host_abandon(struct host *h); /* forgets what was prepared */

/* Requests for the live generation: give this to http_server_new. */
struct http_app host_app(struct host *h);

/* Cancels background tasks, waits up to drain_ms for the rest, cancels those too; then done(arg). */
void host_drain(struct host *h, uint32_t drain_ms, void (*done)(void *), void *arg);
void host_free(struct host *h);

/* Runs command NAME of the live generation (boot's `commands`) in a task; done(arg, exit code) once. */
int host_command(struct host *h, const char *name, int argc, char **argv, void (*done)(void *, int), void *arg,
                 struct err *e);

/* For status: number of the live generation, how many drain, bytes of its VM. */
struct host_status {
    uint64_t live;
    unsigned draining;
    size_t memory, tasks, traces; /* bytes of Lua; tasks; traces under way */
    char digest[65];
};
void host_status(const struct host *h, struct host_status *out);
/* The same as JSON, with what holds each draining generation (report.c). Fits into out's maximum. */
void host_report(const struct host *h, struct buf *out);

#endif
