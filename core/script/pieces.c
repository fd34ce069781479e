/* pieces.c: see pieces.h. */
#include "script/pieces.h"
#include "base/log.h"
#include "script/border.h"
#include "script/host_int.h"

#include <stdlib.h>

struct pieces {
    struct conn *conn; /* NULL: the client has left */
    struct wait wait;
    struct buf late; /* what waits for room */
    int ref;
};

/* ---- the client ---- */

static void on_room(void *to)
{
    struct pieces *p = to;
    if (!p->wait.task || reply_more(p->conn, buf_slice(&p->late)) < 0) return;
    buf_reset(&p->late);
    wait_done(&p->wait, push_true, NULL);
}

static void on_gone(void *to)
{
    struct pieces *p = to;
    struct err e = {0};
    p->conn = NULL;
    err_set(&e, GIFD_ECLOSED, "the client has left");
    if (p->wait.task) wait_fail(&p->wait, &e);
}

static const struct reply_calls calls = {.room = on_room, .gone = on_gone, .whole = true};

/* ---- the task ---- */

static int push_writer(lua_State *L, void *arg)
{
    struct pieces *p = arg;
    lua_rawgeti(L, LUA_REGISTRYINDEX, p->ref);
    luaL_unref(L, LUA_REGISTRYINDEX, p->ref);
    p->ref = LUA_NOREF;
    return 1;
}

static void on_end(struct task *t, enum task_outcome outcome, int results, const char *text)
{
    struct pieces *p = t->end_arg;
    bool whole = outcome == TASK_RETURNED && results > 0 && lua_toboolean(t->co, 1);
    if (outcome != TASK_RETURNED) log_error("route.failed", LS("error", text));
    if (p->conn && whole) reply_end(p->conn);
    if (p->conn && !whole) reply_cut(p->conn);
    buf_free(&p->late);
    free(p);
}

void pieces_begin(struct gen *g, struct request *r, const struct reply *reply, int ref)
{
    struct err e = {0};
    struct pieces *p = calloc(1, sizeof *p);
    if (p) {
        p->ref = ref;
        buf_init(&p->late, REPLY_PIECE_MAX);
        p->conn = reply_begin(r, reply, &calls, p);
    } else {
        reply_problem(r, 503, "busy", "The server has no memory for this request now.");
    }
    struct task *t = p && p->conn ? task_start(g, CTX_ROUTE, "pieces", push_writer, p, &e) : NULL;
    if (t) {
        t->end = on_end;
        t->end_arg = p;
        return;
    }
    if (e.code) log_error("route.failed", LS("error", e.text));
    if (p && p->conn) reply_cut(p->conn);
    if (!p || p->ref != LUA_NOREF) luaL_unref(g->L, LUA_REGISTRYINDEX, ref);
    free(p);
}

/* ---- gifd.request.write ---- */

static void undo_write(struct wait *w)
{
    buf_reset(&LIST_OF(w, struct pieces, wait)->late);
}

int pieces_write(lua_State *L)
{
    struct slice text = border_string(L, 1, "text");
    if (text.n > REPLY_PIECE_MAX) border_argument(L, 1, "text", "must have at most %d bytes", REPLY_PIECE_MAX);
    struct task *t = task_here(L);
    struct pieces *p = t->end == on_end ? t->end_arg : NULL;
    if (!p) border_throw(L, "this task writes no reply");
    int refused = task_refuses(L, t);
    if (refused) return refused;
    if (!p->conn) return push_fault(L, GIFD_ECLOSED, "the client has left");
    if (reply_more(p->conn, text) == GIFD_OK) return push_true(L, NULL);
    if (buf_append(&p->late, text.p, text.n, NULL) < 0) return push_fault(L, GIFD_ENOMEM, "reply");
    wait_begin(&p->wait, t, "gifd.request.write", undo_write);
    return wait_yield(L);
}
