/* binding.h: one row per primitive that C gives Lua.
 *
 * A namespace of gifd.* is a table of rows in its own bind_NAME.c. A row says where the primitive may be called and
 * what it takes and gives (signature.h), and the check is code: every call goes through binding_call (border.c), which
 * refuses a wrong context and a wrong kind of argument by name. The reference in docs/reference and the annotations in
 * lua/gifd/types are printed from the same rows; so those without a function, which describe methods, are for them. */
#ifndef GIFD_SCRIPT_BINDING_H
#define GIFD_SCRIPT_BINDING_H

#include <lauxlib.h>
#include <lua.h>

enum context {
    CTX_LOAD = 1,    /* a chunk that runs while a generation loads */
    CTX_ROUTE = 2,   /* the task of a request */
    CTX_JOB = 4,     /* background tasks of runner and worker */
    CTX_COMMAND = 8, /* a command of the command line */
    CTX_CHECK = 16,  /* a plugin's check before its generation goes live */
    CTX_HOOK = 32,   /* a plugin's hook */
    CTX_BUILD = 64,  /* the builder's VM */
};
#define CTX_TASK (CTX_ROUTE | CTX_JOB | CTX_COMMAND | CTX_CHECK | CTX_HOOK) /* may wait */
#define CTX_HOST (CTX_TASK | CTX_LOAD)
#define CTX_ANY (CTX_HOST | CTX_BUILD)

struct binding {
    const char *name; /* whole, "gifd.time.sleep"; NULL ends a table */
    lua_CFunction fn; /* NULL: a method of what another one made */
    unsigned contexts;
    const char *signature; /* "sleep(seconds: number) -> true | nil, err -- waits" */
};

extern const struct binding bind_admin[], bind_blob[], bind_build[], bind_bundle[], bind_bus[], bind_cache[],
    bind_console[], bind_crypto[], bind_db[], bind_err[], bind_fetch[], bind_health[], bind_intake[], bind_jobs[],
    bind_json[], bind_jwt[], bind_limit[], bind_log[], bind_media[], bind_metric[], bind_near[], bind_password[],
    bind_plugin[], bind_request[], bind_rollup[], bind_tally[], bind_task[], bind_text[], bind_time[], bind_trace[],
    bind_workbench[];

extern const struct binding *const host_bindings[]; /* those of a generation (host.c), ended by NULL */

/* Puts every row into the table `gifd` at index gifd, making the namespaces that it names. May throw. */
void binding_install(lua_State *L, int gifd, const struct binding *rows);
/* "route, job" for CTX_ROUTE | CTX_JOB. */
void binding_contexts(unsigned contexts, char *out, size_t cap);

#endif
