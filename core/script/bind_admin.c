/* bind_admin.c: gifd.admin, the supervisor's control socket as a primitive that waits.
 *
 *   ask{...} -> a line of JSON to DATA/control.sock, the answer's line as a table
 *
 * A reload replaces the generation that asked for it: its task goes on where it waits, as every request's does, and the
 * answer finds it. For host Lua; no plugin is given this. A struct asking owns two handles and lives until both are
 * closed. */
#include "script/border.h"
#include "script/host_int.h"
#include "script/value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define QUESTION_MAX ((size_t)32 << 10)
#define ANSWER_MAX ((size_t)1 << 20)
#define ANSWER_MS 200000 /* a reload's own deadlines end before */
#define ASKING_MAX 16    /* of one process */

struct asking {
    struct wait wait;
    struct host *host;
    uv_pipe_t pipe;
    uv_timer_t timer;
    uv_write_t write;
    struct buf question, answer;
    int handles;
};

static void on_closed(uv_handle_t *handle)
{
    struct asking *a = handle->data;
    if (--a->handles) return;
    buf_free(&a->question);
    buf_free(&a->answer);
    free(a);
}

static void release(struct asking *a)
{
    a->host->asking--;
    uv_close((uv_handle_t *)&a->pipe, on_closed);
    uv_close((uv_handle_t *)&a->timer, on_closed);
}

static void undo_ask(struct wait *w)
{
    release(LIST_OF(w, struct asking, wait));
}

static int push_answer(lua_State *L, void *arg)
{
    struct err e = {0};
    const struct asking *a = arg;
    return value_decode(L, buf_slice(&a->answer), ANSWER_MAX, &e) < 0 ? push_err(L, &e) : 1;
}

static void fail(struct asking *a, int code, const char *why)
{
    struct err e = {0};
    err_set(&e, code, "%s", why);
    release(a);
    wait_fail(&a->wait, &e);
}

static void on_time(uv_timer_t *timer)
{
    fail(timer->data, GIFD_ETIMEOUT, "the supervisor did not answer");
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct asking *a = handle->data;
    (void)suggested;
    bool room = buf_reserve(&a->answer, 4096, NULL) == GIFD_OK;
    *out = uv_buf_init(room ? a->answer.p + a->answer.n : NULL, room ? 4096 : 0);
}

static void on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *unused)
{
    struct asking *a = stream->data;
    (void)unused;
    if (n < 0) {
        fail(a, GIFD_ECLOSED, "the supervisor went away before it answered");
        return;
    }
    a->answer.n += (size_t)n;
    if (!a->answer.n || a->answer.p[a->answer.n - 1] != '\n') return;
    release(a);
    wait_done(&a->wait, push_answer, a);
}

static void on_written(uv_write_t *write, int status)
{
    (void)write;
    (void)status; /* a broken connection shows when reading */
}

static int dial(const char *data_dir, struct err *e)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int dir = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return err_sys(e, errno, "control socket");
    snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d/control.sock", dir); /* the path may be too long */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int why = fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ? errno : 0;
    close(dir);
    if (!why) return fd;
    if (fd >= 0) close(fd);
    return why == EAGAIN ? err_set(e, GIFD_EBUSY, "the supervisor is asked by too many")
                         : err_set(e, GIFD_ECLOSED, "no supervisor can be asked here");
}

static int l_ask(lua_State *L)
{
    struct err e = {0};
    border_table(L, 1, "question");
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    struct host *h = t->gen->host;
    struct buf *text = &t->gen->out;
    buf_reset(text);
    if (value_encode(L, 1, text, &e) < 0) return push_err(L, &e);
    if (text->n >= QUESTION_MAX) return push_fault(L, GIFD_ETOOBIG, "a question has at most %zu bytes", QUESTION_MAX);
    if (h->asking == ASKING_MAX) return push_fault(L, GIFD_EBUSY, "%d questions wait already", ASKING_MAX);
    int fd = h->s.data_dir ? dial(h->s.data_dir, &e) : err_set(&e, GIFD_ECLOSED, "no supervisor can be asked here");
    if (fd < 0) return push_err(L, &e);
    struct asking *a = calloc(1, sizeof *a);
    if (a) buf_init(&a->question, QUESTION_MAX + 1);
    if (!a || buf_append(&a->question, text->p, text->n, &e) < 0 || buf_puts(&a->question, "\n", &e) < 0) {
        close(fd);
        if (a) buf_free(&a->question);
        free(a);
        return push_fault(L, GIFD_ENOMEM, "question");
    }
    buf_init(&a->answer, ANSWER_MAX + 4096);
    a->host = h;
    a->handles = 2;
    h->asking++;
    uv_pipe_init(&h->s.loop->uv, &a->pipe, 0);
    uv_timer_init(&h->s.loop->uv, &a->timer);
    a->pipe.data = a->timer.data = a;
    wait_begin(&a->wait, t, "gifd.admin.ask", undo_ask);
    uv_pipe_open(&a->pipe, fd);
    uv_buf_t bytes = uv_buf_init(a->question.p, (unsigned)a->question.n);
    uv_write(&a->write, (uv_stream_t *)&a->pipe, &bytes, 1, on_written);
    uv_read_start((uv_stream_t *)&a->pipe, on_room, on_bytes);
    uv_update_time(a->timer.loop);
    uv_timer_start(&a->timer, on_time, ANSWER_MS, 0);
    return wait_yield(L);
}

const struct binding bind_admin[] = {
    {"gifd.admin.ask", l_ask, CTX_ROUTE | CTX_JOB,
     "ask(question: {op: string}) -> answer: table | nil, err -- asks the supervisor, as `gifd reload` and its like "
     "do"},
    {NULL, NULL, 0, NULL},
};
