/* gen.h: one lua_State and what belongs to it. Private to core/script.
 *
 *   gen_new --load--> PREPARED --commit--> LIVE --swap--> DRAINING --last reference--> closed
 *
 * References are counted and each has a reason: one for being prepared or live, one for each task (its name is the
 * reason). The builder's VM is a generation too, without a host. gen_of finds a generation from any of its coroutines.
 *
 * The main stack L is used only to push values for others, always by gen_protect: nothing here enters Lua unprotected.
 * gen_protect may not be called while Lua runs in that generation. Loop thread only. */
#ifndef GIFD_SCRIPT_GEN_H
#define GIFD_SCRIPT_GEN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "fetch/client.h"
#include "http/router.h"
#include "loop/loop.h"
#include "script/binding.h"
#include "script/build.h"
#include "script/classes.h"
#include "script/intake.h"
#include "script/meter.h"
#include "script/refusal.h"
#include "script/slab.h"
#include "script/spans.h"

enum gen_state { GEN_LOADING, GEN_PREPARED, GEN_LIVE, GEN_DRAINING, GEN_CLOSED };

/* What boot says of a route: its replies may be kept, and differ by class of client; pages of other sites may be
 * allowed to read it; a signature may stand in its address; they are kept seldom, so that nobody waits for another's;
 * its bodies are read without Lua (intake.h).
 */
enum { ROUTE_CACHE = 1, ROUTE_CLASSES = 2, ROUTE_CROSS = 4, ROUTE_SIGNED = 8, ROUTE_SELDOM = 16, ROUTE_INTAKE = 32 };

struct gen {
    struct list node; /* in host->draining */
    struct host *host;
    lua_State *L;
    enum gen_state state;
    uint64_t number;
    uint64_t drain_ms; /* how long its tasks may go on when another took its place */
    uint64_t drained_since_ms;
    uv_timer_t *drain_timer; /* draining.c */
    bool told;               /* it was cancelled for having drained too long */
    size_t refs;
    size_t memory, memory_max; /* bytes that Lua has */
    struct slab slab;          /* where it has them */
    struct bundle *bundle;
    /* Where require finds the file "lua/gifd/x.lua": the bundle's bytecode, or the builder's sources. */
    bool (*source)(struct gen *g, const char *path, struct slice *out, bool *bytecode);
    void *source_arg;
    struct router *router;
    uint8_t *route_flags;   /* by id; ROUTE_... */
    struct meter *meters;   /* by id */
    struct limits **limits; /* by id; NULL: none (limits.h) */
    char **route_names;     /* by id: "GET /pattern" */
    size_t route_count;
    struct classes clients;
    char *pages; /* what the paths of the app's pages begin with (caller.h), or "" */
    struct fetch_settings fetch;
    struct fetch_client *fetcher;  /* NULL until the first fetch */
    struct fetch_client *exporter; /* the same, of gifd.trace.send */
    struct span_rules spans;
    struct refusals refusals;
    struct intake_rules intake;
    char digest[65];

    struct task *running; /* NULL while Lua does not run, and while chunks load */
    enum context context; /* what holds when no task runs: CTX_LOAD or CTX_BUILD */
    struct list tasks;    /* all that are not done */
    struct list idle;     /* done tasks whose coroutine can be used again */
    size_t task_count, idle_count;
    struct door *door; /* the protected call under way */

    struct call *call;      /* budget.h: of the plugin whose code runs; NULL: the host's */
    struct plugin *plugins; /* by number; PLUGINS_MAX of them once there is one */
    size_t plugin_count;
    size_t settle_at; /* memory below which garbage need not be collected again */

    struct arena scratch; /* for one primitive at a time: emptied before use, so that a throw leaks nothing */
    struct buf out;       /* the same for text */

    int door_ref, err_mt, handle_mt, array_mt, app_ref, handle_ref, arrive_ref; /* in the registry */
};

#define GEN_SCRATCH_MAX ((size_t)160 << 20)
#define GEN_MEMORY_MAX ((size_t)256 << 20)

/* An empty VM: the allowed libraries, a strict _G, gifd.* by the rows of `bindings` (ended by NULL). */
struct gen *gen_new(struct host *h, const struct binding *const *bindings, enum context context, size_t memory_max,
                    struct err *e);
/* Opens a bundle and runs boot: fills router and app. */
int gen_load(struct gen *g, const char *bundle_path, struct err *e);
struct gen *gen_ref(struct gen *g);
void gen_unref(struct gen *g); /* the last one closes the VM */
void gen_close(struct gen *g); /* at once, whatever holds it; for the builder and for the end of a process */

struct gen *gen_of(lua_State *L);

/* Runs fn(L, arg) on the main stack, protected. What fn returns is dropped. */
typedef int (*gen_fn)(lua_State *L, void *arg);
int gen_protect(struct gen *g, gen_fn fn, void *arg, struct err *e);

/* bind_fetch.c: reads field `fetch` of the settings at the top of L. May throw. */
void gen_fetch_settings(lua_State *L, struct fetch_settings *s);
/* bind_trace.c: the same of field `trace`. */
void gen_span_rules(lua_State *L, struct span_rules *r);

/* A full collection, after memory ran out. */
void gen_collect(struct gen *g);

/* Loads a file as text or bytecode under the name "@path" and calls it in its environment: one value on the stack. */
void gen_require(lua_State *L, const char *name);

#endif
