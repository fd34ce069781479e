/* task.h: Lua coroutines that wait on C. Private to core/script.
 *
 *   READY -> RUNNING -> WAITING -> READY ... -> DONE | CANCELLED
 *
 * A task belongs to one generation and holds a reference to it. Only C resumes it, never from inside Lua: what becomes
 * ready while Lua runs is queued and runs when the stack is back in C (host_settle).
 *
 * A waiting primitive owns one struct wait, usually inside a struct of its own:
 *
 *   check arguments, task_here (context, may it yield), wait_begin with an undo, arm, return wait_yield
 *
 * A completion calls wait_done, then frees its own memory. Cancelling takes the wait away from the task and calls its
 * undo, which frees the memory or leaves that to the completion; a completion that comes late is refused by wait_done.
 * A cancelled task sees nil, {code = "cancelled"} from that wait and from each later one at once; one that goes on
 * waiting TASK_STUBBORN times is dropped where it stands. Loop thread only. */
#ifndef GIFD_SCRIPT_TASK_H
#define GIFD_SCRIPT_TASK_H

#include "base/log.h"
#include "base/trace.h"
#include "http/request.h"
#include "script/gen.h"

#define TASK_STUBBORN 16
#define TASK_IDLE_MAX 64
#define TASKS_MAX 65536 /* of one generation */

enum task_state { TASK_READY, TASK_RUNNING, TASK_WAITING, TASK_DONE, TASK_CANCELLED };
enum task_outcome { TASK_RETURNED, TASK_FAILED, TASK_DROPPED };

struct task;
struct wait;
/* Pushes results of a wait on L and returns how many, at most 4. Runs protected. */
typedef int (*wait_push_fn)(lua_State *L, void *arg);

struct wait {
    struct task *task; /* NULL once nobody waits any more */
    void (*undo)(struct wait *w);
    const char *what; /* "gifd.db.run", for whoever asks who waits */
    uint64_t since_ms;
    int span; /* of the task's spans, while it lasts; -1: none */
};

struct task {
    struct list node;  /* in gen->tasks or gen->idle */
    struct list ready; /* in host->ready */
    struct gen *gen;
    lua_State *co;
    int co_ref;
    size_t refs; /* the scheduler's, and one of each handle */
    enum task_state state;
    enum context context;
    const char *name;
    bool cancelled;
    unsigned refused;     /* waits since it was cancelled */
    struct plugin *payer; /* of the call that started it, or NULL */
    struct call *call;    /* budget.h: the plugin's call that it is in while it does not run, or NULL */
    struct wait *wait;
    wait_push_fn push; /* READY: what to resume it with */
    void *push_arg;
    struct trace trace;
    struct spans *spans;     /* spans.h: what is recorded of it; or NULL */
    struct journal *journal; /* journal.h: what it logs is kept there too; or NULL */
    struct request *request; /* ROUTE: until its reply or its client's end */
    void *body;              /* ROUTE: the reader of the body, once asked for */
    /* Once, when it ends. RETURNED: its results are on co's stack. FAILED: what went wrong is text. */
    void (*end)(struct task *t, enum task_outcome outcome, int results, const char *text);
    void *end_arg;
    int results_ref;     /* of a task with a handle: what it returned, or LUA_NOREF */
    struct list joiners; /* struct join of bind_task.c */
};

/* Makes a task that runs what push leaves on the stack: a function and its arguments, at most 32 values together. It is
 * READY; host_settle runs it. From C, while no Lua runs in g. NULL: e says why. */
struct task *task_start(struct gen *g, enum context context, const char *name, wait_push_fn push, void *arg,
                        struct err *e);
/* The same from inside Lua: the function is at index fn of L. May throw. */
struct task *task_spawn(lua_State *L, int fn, enum context context, const char *name);
void task_room(lua_State *L, size_t n); /* throws when n more were too many */
void task_cancel(struct task *t);       /* also when done or cancelled already */
void task_ref(struct task *t);
void task_unref(struct task *t);

/* The running task, checked to be able to yield; throws otherwise. */
struct task *task_here(lua_State *L);
/* If the task was cancelled: pushes nil, err and returns 2 (or does not return to Lua at all), else 0. */
int task_refuses(lua_State *L, struct task *t);
void wait_begin(struct wait *w, struct task *t, const char *what, void (*undo)(struct wait *));
int wait_yield(lua_State *L);
/* Resumes the waiting task with what push pushes. False: nobody waits any more, nothing was done. */
bool wait_done(struct wait *w, wait_push_fn push, void *arg);
bool wait_fail(struct wait *w, const struct err *e); /* with nil, err */
/* The same at the next host_settle: for completions that happen while Lua may be running. arg lives until then. */
bool wait_later(struct wait *w, wait_push_fn push, void *arg);

/* Of the task that runs in this thread, for log_scope_set. */
void task_scope(struct log_scope *out);
int handle_gc(lua_State *L); /* bind_task.c: of what gifd.task.spawn returns */
int push_cancelled(lua_State *L, void *unused);

#endif
