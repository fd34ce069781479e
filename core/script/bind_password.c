/* bind_password.c: gifd.crypto.password_hash and password_verify.
 *
 *   host->passwords: first --thread pool--> done, then the next        one at a time: each takes 32 MiB and 200 ms of a
 *                                                                      core, and the pool has files to read as well
 *
 * A job that is being worked on when its task is cancelled is finished for nobody. */
#include "crypto/password.h"
#include "loop/loop.h"
#include "script/border.h"
#include "script/host_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 64

struct job {
    struct work work;
    struct wait wait;
    struct list node; /* in host->passwords until it has begun */
    struct host *host;
    bool check, right;
    size_t n;
    int rc;
    struct err e;
    char password[PASSWORD_MAX];
    char kept[PASSWORD_KEPT_MAX]; /* what to check against, or what it became */
};

static void job_free(struct job *j)
{
    explicit_bzero(j->password, sizeof j->password);
    free(j);
}

static void run(struct work *w)
{
    struct job *j = LIST_OF(w, struct job, work);
    struct slice password = slice_of(j->password, j->n);
    j->rc = j->check ? password_check(password, slice_str(j->kept), &j->right, &j->e)
                     : password_hash(password, j->kept, &j->e);
}

static int push_result(lua_State *L, void *arg)
{
    const struct job *j = arg;
    if (j->check)
        lua_pushboolean(L, j->right);
    else
        lua_pushstring(L, j->kept);
    return 1;
}

static void done(struct work *w);

static int begin(struct job *j, struct err *e)
{
    j->work = (struct work){.run = run, .done = done};
    int rc = work_submit(j->host->s.loop, &j->work, e);
    if (rc == GIFD_OK) j->host->password = j;
    return rc;
}

static void answer(struct job *j)
{
    if (j->rc < 0)
        wait_fail(&j->wait, &j->e);
    else
        wait_done(&j->wait, push_result, j);
    job_free(j);
}

static void done(struct work *w)
{
    struct job *j = LIST_OF(w, struct job, work), *next = NULL;
    struct host *h = j->host;
    if (!h) { /* it has gone meanwhile */
        job_free(j);
        return;
    }
    h->password = NULL;
    for (struct list *n; !h->password && (n = list_shift(&h->passwords));) {
        next = LIST_OF(n, struct job, node);
        h->password_count--;
        next->rc = begin(next, &next->e);
        if (next->rc < 0) answer(next);
    }
    answer(j);
}

void passwords_stop(struct host *h)
{
    struct job *j = h->password;
    if (j) j->host = NULL;
    h->password = NULL;
}

static void undo(struct wait *w)
{
    struct job *j = LIST_OF(w, struct job, wait);
    if (list_empty(&j->node)) return; /* it has begun: done() frees it */
    list_remove(&j->node);
    j->host->password_count--;
    job_free(j);
}

static int ask(lua_State *L, bool check)
{
    struct err e = {0};
    struct slice password = border_string(L, 1, "password"), kept = {"", 0};
    if (check) kept = border_string(L, 2, "kept");
    if (password.n > PASSWORD_MAX) border_argument(L, 1, "password", "must have at most %d bytes", PASSWORD_MAX);
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    if (kept.n >= PASSWORD_KEPT_MAX || (kept.n && memchr(kept.p, 0, kept.n)))
        return push_fault(L, GIFD_EINVALID, "this is nothing that a password is kept as");
    struct host *h = t->gen->host;
    if (h->password_count >= WAITING_MAX) return push_fault(L, GIFD_EBUSY, "%d passwords wait already", WAITING_MAX);
    struct job *j = calloc(1, sizeof *j);
    if (!j) return push_fault(L, GIFD_ENOMEM, "password");
    j->host = h;
    j->check = check;
    j->n = password.n;
    memcpy(j->password, password.p, password.n);
    memcpy(j->kept, kept.p, kept.n);
    list_init(&j->node);
    if (h->password) {
        list_push(&h->passwords, &j->node);
        h->password_count++;
    } else if (begin(j, &e) < 0) {
        job_free(j);
        return push_err(L, &e);
    }
    wait_begin(&j->wait, t, border_name(L), undo);
    return wait_yield(L);
}

static int l_hash(lua_State *L)
{
    return ask(L, false);
}

static int l_verify(lua_State *L)
{
    return ask(L, true);
}

const struct binding bind_password[] = {
    {"gifd.crypto.password_hash", l_hash, CTX_TASK,
     "password_hash(password: string) -> kept: string | nil, err -- text to keep instead of the password (scrypt)"},
    {"gifd.crypto.password_verify", l_verify, CTX_TASK,
     "password_verify(password: string, kept: string) -> right: boolean | nil, err -- is it the password that was "
     "hashed?"},
    {NULL, NULL, 0, NULL},
};
