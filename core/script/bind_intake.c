/* bind_intake.c: gifd.intake, the same door for Lua (intake.h). */
#include "base/clock.h"
#include "script/border.h"
#include "script/host_int.h"
#include "script/intake.h"
#include "script/value.h"
#include "script/visit.h"

#include <stdlib.h>

struct telling {
    struct wait wait;
    struct intake_told *told;
};

static int push_told(lua_State *L, void *arg)
{
    const struct intake_told *told = arg;
    lua_createtable(L, 0, 3);
    lua_pushboolean(L, told->single);
    lua_setfield(L, -2, "single");
    lua_pushinteger(L, (lua_Integer)told->accepted);
    lua_setfield(L, -2, "accepted");
    lua_createtable(L, (int)told->fault_count, 0);
    for (size_t i = 0; i < told->fault_count; i++) {
        const struct intake_fault *f = &told->faults[i];
        lua_createtable(L, 0, 5);
        lua_pushinteger(L, (lua_Integer)f->index);
        lua_setfield(L, -2, "index");
        if (f->line) {
            lua_pushinteger(L, (lua_Integer)f->line);
            lua_setfield(L, -2, "line");
        }
        lua_pushstring(L, err_name(f->code));
        lua_setfield(L, -2, "code");
        lua_pushstring(L, f->pointer);
        lua_setfield(L, -2, "pointer");
        lua_pushstring(L, f->text);
        lua_setfield(L, -2, "detail");
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "rejected");
    return 1;
}

static void undo_tell(struct wait *w)
{
    (void)w; /* on_told frees it */
}

static void on_told(void *arg, int rc, const struct err *e)
{
    struct telling *t = arg;
    if (rc < 0)
        wait_fail(&t->wait, e);
    else
        wait_done(&t->wait, push_told, t->told);
    free(t->told);
    free(t);
}

static int l_tell(lua_State *L)
{
    struct err e = {0};
    struct slice body = border_string(L, 1, "body");
    bool lines = lua_toboolean(L, 2);
    struct task *task = task_here(L);
    int refused = task_refuses(L, task);
    if (refused) return refused;
    struct telling *t = calloc(1, sizeof *t);
    if (!t) return push_fault(L, GIFD_ENOMEM, "intake");
    t->told = intake_tell(gen_of(L), body, lines, on_told, t, &e);
    if (!t->told) {
        free(t);
        return push_err(L, &e);
    }
    if (t->told->accepted == 0) {
        int n = push_told(L, t->told);
        free(t->told);
        free(t);
        return n;
    }
    wait_begin(&t->wait, task, "gifd.intake.tell", undo_tell);
    return wait_yield(L);
}

const struct binding bind_intake[] = {
    {"gifd.intake.tell", l_tell, CTX_TASK,
     "tell(body: string, lines: boolean) -> table | nil, err -- waits; events as POST /api/v1/events takes them -> "
     "{single, accepted, rejected = {{index, line?, code, pointer, detail}, ...}}; lines: it is NDJSON"},
    {0},
};
