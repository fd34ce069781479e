/* budget.h: what a plugin's code may take of a process: time and memory. Private to core/script.
 *
 *   host Lua --enter--> plugin's code --leave--> host Lua        (gifd.plugin.call, the one door: bind_plugin.c)
 *                          |   ^
 *                     wait |   | resumed, by task.c: from one to the other is a slice
 *
 * Every visit is a struct call. Calls nest (a plugin's call may end up in another plugin) and form a chain by `outer`;
 * g->call is the innermost one of what runs, task->call that of a task that waits. Tasks started inside a call belong
 * to it. One place in the code owns one reference: g->call or task->call, and each call one of its outer.
 *
 * Time. A timer of the thread's processor time ticks every BUDGET_TICK_MS while the process works, and costs nothing
 * per slice. A tick is charged to every call of the chain that runs. A slice that is over its ticks, or a call over all
 * of its own, makes the tick put a hook under every Lua instruction, which throws, again at each instruction until
 * the door is reached: nothing that a plugin can do catches it for longer than one instruction. Code of plugins runs
 * without the JIT, for compiled loops look at no hook. C code that could run for long looks at budget_over (pattern.c,
 * bounded.c).
 *
 * Memory. The allocator tells how much the innermost call has taken since it began, less what was given back. At half
 * of its maximum (and half of what is left, and so on) the hook collects garbage once; beyond the maximum the plugin's
 * allocation fails, as does one that would leave too little for everybody else. After a slice that left the VM above
 * its soft cap, garbage is collected, and if that did not help, the process asks to be replaced and names the plugin
 * that holds the most (host_services.recycle).
 *
 * Loop thread only; the tick is a signal of that thread. */
#ifndef GIFD_SCRIPT_BUDGET_H
#define GIFD_SCRIPT_BUDGET_H

#include "base/segment.h"
#include "script/gen.h"

#include <signal.h>

#define BUDGET_TICK_MS 10
#define LOAD_MS 1000
#define PLUGINS_MAX 256
#define PLUGIN_TASKS_MAX 4096

struct plugin {
    char name[65];
    unsigned slice_ms, call_ms;
    size_t memory_max; /* of one call */
    size_t tasks;      /* that its calls have started and that have not ended, at most PLUGIN_TASKS_MAX */
    ptrdiff_t memory;  /* bytes that its calls have taken and not given back while they ran */
};

struct call {
    struct call *outer;
    size_t refs;
    struct plugin *plugin;
    volatile unsigned slice, ticks; /* charged to this slice, in all */
    volatile sig_atomic_t over;     /* one of enum over: why the hook throws */
    unsigned slice_ms;              /* the plugin's, or LOAD_MS for its init.lua */
    ptrdiff_t taken;
    ptrdiff_t collect_at;
    int span; /* of the task's spans; -1: none */
    uint8_t before[TRACE_SPAN_LEN / 2];
    char what[192];  /* "plugin/what"; cut when longer */
    char where[128]; /* it was over: "FILE:LINE" */
};
enum over { OVER_NOT, OVER_SLICE, OVER_CALL };

/* What runs is over its time: C code that may be long throws budget_spent. */
extern volatile sig_atomic_t budget_over;
int budget_spent(lua_State *L);
/* Throws when C and Lua have called each other so often that the stack may end: LuaJIT counts only its own. */
void budget_depth(lua_State *L);

/* GIFD_ETOOBIG, GIFD_ENOMEM; else the plugin's number in g, from 0. */
int budget_plugin(struct gen *g, const struct plugin *p, struct err *e);
void budget_start(void); /* the timer of this thread; once is enough */

/* By the door. */
struct call *budget_enter(struct gen *g, size_t plugin, const char *what); /* NULL: no memory */
/* Ends the innermost call; *out is what became of it, the pointers in it but plugin's are gone. */
void budget_leave(struct gen *g, struct call *out);

/* By task.c: around lua_resume. c moves into g->call and out again. */
void budget_resume(struct gen *g, struct call *c);
struct call *budget_pause(struct gen *g);
void budget_settle(struct gen *g); /* between slices: the soft cap */
struct call *call_ref(struct call *c);
void call_unref(struct call *c); /* NULL is fine */

/* By the allocator: may the innermost call take n more bytes? */
bool budget_admits(struct gen *g, size_t n);

#endif
