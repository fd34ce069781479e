/* ask.c: see ask.h.
 *
 *   media_ask -> WAITING --a place is free--> connect, send -> OUT --begun---> a render's deadline begins
 *                                                               +--answer--> checked -> done()
 *                                                               +--end-----> up to TRIES_MAX times, then
 * done(GIFD_EBUSY)
 *                                                               +--deadline-> closed (the child is killed), done()
 *
 * The media process says when a child died (GIFD_EMEDIACRASH); a connection that ends without a word means that the
 * media process itself went away. The supervisor keeps the listening socket, so that asking again waits in its backlog
 * for the next one. A struct media_ask owns two uv handles and lives until both are closed. */
#include "media/ask.h"

#include "base/list.h"
#include "media/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define TRIES_MAX 5
#define TURN_MS 600000 /* that a render waits for its child */
#define BACKLOG_RETRY_MS 20
#define DURATION_MS_MAX (UINT64_C(1) << 40)
#define LOOP_MAX 65536
#define REPEAT_FRAMES_MAX 6000 /* of a short source that is played again and again */
#define SIDE_MAX 65536         /* 65535, padded to even */
#define PATH_BYTES_MAX 4096

struct media_pool {
    struct loop *loop;
    char path[PATH_BYTES_MAX];
    size_t running, running_max;
    size_t waiting, waiting_max;
    struct list queue, out; /* struct media_ask */
};

struct media_ask {
    struct list node;
    struct media_pool *pool; /* NULL once finished or cancelled */
    struct wire_question question;
    int fd[WIRE_FDS_MAX]; /* ours: input, outputs */
    size_t fds;
    int sock;
    int tries;
    bool is_out, has_poll, begun, crashed;
    uint64_t deadline; /* loop time, ms */
    media_done_fn done;
    media_progress_fn progress; /* or NULL */
    uint32_t told;              /* thousandths */
    uint64_t told_ms;
    uint32_t tellings; /* since it began */
    void *arg;
    struct err failure; /* why the question could not even be sent */
    uv_poll_t poll;
    uv_timer_t timer;
    int handles; /* open uv handles; the struct is freed with the last */
};

static void start(struct media_ask *a);
static void on_timer(uv_timer_t *timer);
static void start_waiting(struct media_pool *p);

struct media_pool *media_pool_new(struct loop *l, const char *path, size_t running, size_t waiting, struct err *e)
{
    if (!running || strlen(path) >= PATH_BYTES_MAX) {
        err_set(e, GIFD_EINVALID, "a media pool needs at least one place and a path under %d bytes", PATH_BYTES_MAX);
        return NULL;
    }
    struct media_pool *p = calloc(1, sizeof *p);
    if (!p) {
        err_set(e, GIFD_ENOMEM, "media pool");
        return NULL;
    }
    p->loop = l;
    p->running_max = running;
    p->waiting_max = waiting;
    snprintf(p->path, sizeof p->path, "%s", path);
    list_init(&p->queue);
    list_init(&p->out);
    return p;
}

void media_pool_free(struct media_pool *p)
{
    if (!p) return;
    p->running_max = 0; /* nothing starts while we empty it */
    while (!list_empty(&p->queue)) media_cancel(LIST_OF(p->queue.next, struct media_ask, node));
    while (!list_empty(&p->out)) media_cancel(LIST_OF(p->out.next, struct media_ask, node));
    free(p);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct media_ask *a = h->data;
    if (--a->handles == 0) free(a);
}

static void hang_up(struct media_ask *a)
{
    if (a->has_poll) {
        uv_poll_stop(&a->poll);
        uv_close((uv_handle_t *)&a->poll, on_handle_closed);
        a->has_poll = false;
    }
    if (a->sock >= 0) close(a->sock);
    a->sock = -1;
}

/* Out of the pool, descriptors and handles closed; the memory stays until the handles are really gone. */
static struct media_pool *leave(struct media_ask *a)
{
    struct media_pool *p = a->pool;
    a->pool = NULL;
    list_remove(&a->node);
    if (a->is_out)
        p->running--;
    else
        p->waiting--;
    hang_up(a);
    for (size_t i = 0; i < a->fds; i++) close(a->fd[i]);
    a->fds = 0;
    uv_timer_stop(&a->timer);
    uv_close((uv_handle_t *)&a->timer, on_handle_closed);
    return p;
}

/* done() may free the pool, so the next question is started first. */
static void finish(struct media_ask *a, int rc, const struct media_answer *answer, const struct err *e)
{
    start_waiting(leave(a));
    a->done(a->arg, rc, answer, e);
}

static void fail(struct media_ask *a, const struct err *e)
{
    struct err copy = *e;
    finish(a, copy.code, NULL, &copy);
}

void media_progress(struct media_ask *a, media_progress_fn progress)
{
    a->progress = progress;
}

void media_cancel(struct media_ask *a)
{
    start_waiting(leave(a));
}

/* How many descriptors a question gives for answers. */
static size_t outputs_of(uint32_t op, size_t recipes)
{
    return op == MEDIA_TIMES ? 1 : recipes;
}

static const char *const source_types[] = {"image/gif", "image/webp", "image/png", "image/jpeg",
                                           "video/mp4", "video/webm", NULL};

static bool check_facts(const struct wire_facts *w, const struct media_limits *l, struct media_facts *f)
{
    size_t i = 0;
    if (!memchr(w->type, 0, sizeof w->type)) return false;
    while (source_types[i] && strcmp(source_types[i], w->type) != 0) i++;
    if (!source_types[i]) return false;
    if (!w->width || !w->height || w->width > SIDE_MAX || w->height > SIDE_MAX || !w->frames) return false;
    if (w->duration_ms > DURATION_MS_MAX || w->loop < -1 || w->loop > LOOP_MAX) return false;
    uint64_t px = (uint64_t)w->width * w->height; /* under 2^33 */
    if (l && (px > l->canvas_px || w->frames > l->frames || px * w->frames > l->total_px)) return false;
    if (w->has_alpha > 1 || w->has_audio > 1 || w->truncated > 1) return false;
    *f = (struct media_facts){.width = w->width,
                              .height = w->height,
                              .frames = w->frames,
                              .duration_ms = w->duration_ms,
                              .loop = w->loop,
                              .has_alpha = w->has_alpha,
                              .has_audio = w->has_audio,
                              .truncated = w->truncated};
    snprintf(f->type, sizeof f->type, "%s", source_types[i]);
    return true;
}

static const char *type_of(uint32_t format)
{
    switch (format) {
    case MEDIA_JPEG: return "image/jpeg";
    case MEDIA_PNG: return "image/png";
    case MEDIA_MP4: return "video/mp4";
    case MEDIA_WEBM: return "video/webm";
    case MEDIA_WEBP: return "image/webp";
    case MEDIA_GIF: return "image/gif";
    default: return "";
    }
}

static bool has_size(int fd, uint64_t bytes)
{
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_size >= 0 && (uint64_t)st.st_size == bytes;
}

/* Text of a stranger's process: printable ASCII only. */
static void copy_text(char *to, size_t cap, const char *from)
{
    size_t n = strnlen(from, cap - 1);
    for (size_t i = 0; i < n; i++) to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
    to[n] = 0;
}

static bool check_look(const struct media_look *l, uint32_t hashes)
{
    if (l->hashes > hashes || l->colors > MEDIA_COLORS_MAX || l->placeholder_bytes > MEDIA_PLACEHOLDER_MAX)
        return false;
    for (uint32_t i = 0; i < l->hashes; i++)
        if (l->hash[i].quality > 100) return false;
    for (uint32_t i = 0; i < l->colors; i++)
        if (l->color[i].rgb > 0xffffff || l->color[i].thousandths > 1000) return false;
    if (!l->placeholder_bytes) return true;
    return l->placeholder_bytes > 12 && !memcmp(l->placeholder, "RIFF", 4) && !memcmp(l->placeholder + 8, "WEBP", 4);
}

static bool check_answer(const struct media_ask *a, const struct wire_answer *w, struct media_answer *out)
{
    const struct wire_question *q = &a->question;
    if (!check_facts(&w->facts, &q->limits, &out->facts)) return false;
    if (w->outputs != q->recipes) return false;
    if (q->op == MEDIA_TIMES) return has_size(a->fd[1], (uint64_t)w->facts.frames * sizeof(uint32_t));
    copy_text(out->made_by, sizeof out->made_by, w->made_by);
    out->outputs = w->outputs;
    out->look = w->look;
    if (q->op == MEDIA_LOOK && !check_look(&out->look, MEDIA_HASHES_MAX)) return false;
    if (q->op == MEDIA_CROPS && !check_look(&out->look, MEDIA_LOOKED_MAX)) return false;
    for (size_t i = 0; i < out->outputs; i++) {
        uint64_t bytes = w->output[i].bytes;
        if (!check_facts(&w->output[i].facts, NULL, &out->output[i].facts)) return false;
        if (strcmp(out->output[i].facts.type, type_of(q->recipe[i].format)) != 0) return false;
        if (out->output[i].facts.frames > (uint64_t)q->limits.frames + REPEAT_FRAMES_MAX) return false;
        if (!bytes || bytes > q->limits.out_bytes) return false;
        if (w->output[i].at_ms > DURATION_MS_MAX) return false;
        if (!has_size(a->fd[1 + i], bytes)) return false;
        out->output[i].bytes = bytes;
        out->output[i].at_ms = w->output[i].at_ms;
        out->output[i].choice = w->output[i].choice; /* numbers, of which any will do */
    }
    return true;
}

static void check_error(const struct wire_answer *w, struct err *e)
{
    static const int allowed[] = {GIFD_EUNSUPPORTED, GIFD_EBADMEDIA, GIFD_ETOOBIG,    GIFD_ENOSPACE,
                                  GIFD_EINVALID,     GIFD_ETIMEOUT,  GIFD_EMEDIACRASH};
    int code = GIFD_EBADMEDIA;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (w->code == allowed[i]) code = w->code;
    char text[WIRE_TEXT_MAX];
    copy_text(text, sizeof text, w->text);
    err_set(e, code, "%s", *text ? text : "no reason was given");
}

static void on_answer(struct media_ask *a, const struct wire_answer *w)
{
    struct err e = {0};
    struct media_answer answer = {0};
    if (w->magic != WIRE_MAGIC || w->version != WIRE_VERSION)
        err_set(&e, GIFD_EBADMEDIA, "the decoder's answer was refused");
    else if (w->code != 0)
        check_error(w, &e);
    else if (!check_answer(a, w, &answer))
        err_set(&e, GIFD_EBADMEDIA, "the decoder's answer was refused");
    if (e.code == GIFD_EMEDIACRASH && a->question.op != MEDIA_RENDER && !a->crashed) {
        a->crashed = true;
        hang_up(a);
        start(a);
    } else if (e.code)
        fail(a, &e);
    else
        finish(a, 0, &answer, &e);
}

static void on_end(struct media_ask *a)
{
    struct err e;
    hang_up(a);
    if (a->tries < TRIES_MAX) {
        if (a->question.op == MEDIA_RENDER) a->deadline = loop_now_ms(a->pool->loop) + TURN_MS;
        start(a);
        return;
    }
    err_set(&e, GIFD_EBUSY, "the media process went away %d times", TRIES_MAX);
    fail(a, &e);
}

static void wake_at(struct media_ask *a, uint64_t when)
{
    uint64_t now = loop_now_ms(a->pool->loop);
    uv_timer_start(&a->timer, on_timer, when > now ? when - now : 0, 0);
}

static void on_begun(struct media_ask *a)
{
    a->begun = true;
    a->tellings = 0;
    if (a->question.op != MEDIA_RENDER) return;
    uv_update_time(&a->pool->loop->uv);
    a->deadline = loop_now_ms(a->pool->loop) + a->question.limits.deadline_ms;
    wake_at(a, a->deadline);
}

/* What a child says of itself: believed where it rises and comes no oftener than agreed, passed on no oftener either.
 * false: too much. */
static bool on_progress(struct media_ask *a, const struct wire_progress *w)
{
    uint64_t now = loop_now_ms(a->pool->loop);
    uint64_t most = (uint64_t)a->question.limits.deadline_ms * MEDIA_PROGRESS_RATE / 1000 + MEDIA_PROGRESS_RATE;
    if (a->question.op != MEDIA_RENDER || ++a->tellings > most || w->thousandths > 1000) return false;
    if (!a->progress || w->thousandths <= a->told || now - a->told_ms < 1000 / MEDIA_PROGRESS_RATE) return true;
    a->told = w->thousandths;
    a->told_ms = now;
    a->progress(a->arg, a->told);
    return true;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct media_ask *a = poll->data;
    static struct wire_answer w; /* one loop per process */
    (void)status;
    (void)events;
    ssize_t n = recv(a->sock, &w, sizeof w, MSG_DONTWAIT | MSG_TRUNC);
    if (n < 0 && errno == ECONNRESET) n = recv(a->sock, &w, sizeof w, MSG_DONTWAIT | MSG_TRUNC); /* it hides data */
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        on_end(a);
        return;
    }
    if (n == sizeof(struct wire_begun) && !a->begun && w.magic == WIRE_MAGIC && w.version == WIRE_VERSION) {
        on_begun(a);
        return;
    }
    if (n == sizeof(struct wire_progress) && a->begun && w.magic == WIRE_MAGIC && w.version == WIRE_VERSION) {
        struct wire_progress p;
        memcpy(&p, &w, sizeof p);
        if (on_progress(a, &p)) return;
    }
    if ((size_t)n != sizeof w) w.magic = 0;
    on_answer(a, &w);
}

static void on_timer(uv_timer_t *timer)
{
    struct media_ask *a = timer->data;
    struct err e;
    if (a->failure.code) {
        fail(a, &a->failure);
    } else if (loop_now_ms(a->pool->loop) >= a->deadline) {
        if (a->begun)
            err_set(&e, GIFD_ETIMEOUT, "no answer within %u ms", (unsigned)a->question.limits.deadline_ms);
        else
            err_set(&e, GIFD_EBUSY, "the media process had no turn for it");
        fail(a, &e);
    } else {
        start(a);
    }
}

/* Socket names hold 107 bytes; a longer path is reached through a descriptor of its folder. */
static int connect_path(int sock, const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    int dir = -1, rc = -1;
    if (n < 100) {
        memcpy(to.sun_path, path, n);
    } else {
        char copy[PATH_BYTES_MAX];
        const char *name = strrchr(path, '/');
        if (!name || strlen(name) > 60) {
            errno = ENAMETOOLONG;
            return -1;
        }
        snprintf(copy, sizeof copy, "%.*s", (int)(name - path), path);
        dir = open(copy, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0) return -1;
        snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d%s", dir, name);
    }
    rc = connect(sock, (struct sockaddr *)&to, sizeof to);
    int keep = errno;
    if (dir >= 0) close(dir);
    errno = keep;
    return rc;
}

static int send_question(struct media_ask *a)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
    } control = {0};
    struct iovec iov = {&a->question, sizeof a->question};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = CMSG_SPACE(sizeof(int) * a->fds)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * a->fds);
    memcpy(CMSG_DATA(c), a->fd, sizeof(int) * a->fds);
    return sendmsg(a->sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}

/* Never calls done(): what fails here is told by the timer, so that media_ask returns first. */
static void start(struct media_ask *a)
{
    struct loop *l = a->pool->loop;
    if (a->handles > 1) { /* the last try's poll handle is still closing, until the end of this turn */
        wake_at(a, loop_now_ms(l) + 1);
        return;
    }
    a->begun = false;
    wake_at(a, a->deadline);
    a->sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->sock < 0 || connect_path(a->sock, a->pool->path) < 0) {
        int full = errno == EAGAIN;
        if (!full) err_set(&a->failure, GIFD_EBUSY, "no media process: %s", strerror(errno));
        hang_up(a);
        uint64_t soon = loop_now_ms(l) + (full ? BACKLOG_RETRY_MS : 0);
        wake_at(a, soon < a->deadline || !full ? soon : a->deadline);
        return;
    }
    a->tries++;
    if (send_question(a) < 0 && errno != EPIPE && errno != ECONNRESET) {
        err_set(&a->failure, GIFD_EBUSY, "the media process was not reached: %s", strerror(errno));
        hang_up(a);
        wake_at(a, 0);
        return;
    }
    uv_poll_init(&l->uv, &a->poll, a->sock);
    a->poll.data = a;
    a->handles++;
    a->has_poll = true;
    uv_poll_start(&a->poll, UV_READABLE | UV_DISCONNECT, on_ready);
}

static void start_waiting(struct media_pool *p)
{
    while (p->running < p->running_max && !list_empty(&p->queue)) {
        struct media_ask *a = LIST_OF(list_shift(&p->queue), struct media_ask, node);
        list_push(&p->out, &a->node);
        p->waiting--;
        p->running++;
        a->is_out = true;
        start(a);
    }
}

static int check_question(const struct media_question *q, struct err *e)
{
    const struct media_limits *l = &q->limits;
    bool render = q->op == MEDIA_RENDER, writes = render || q->op == MEDIA_TIMES;
    if (!writes && q->op != MEDIA_PROBE && q->op != MEDIA_LOOK && q->op != MEDIA_CROPS)
        return err_set(e, GIFD_EINVALID, "unknown media operation %d", (int)q->op);
    if (render ? q->recipes < 1 || q->recipes > MEDIA_RECIPES_MAX : q->recipes != 0)
        return err_set(e, GIFD_EINVALID, "%zu recipes: a render takes 1 to %d, other questions none", q->recipes,
                       MEDIA_RECIPES_MAX);
    if (!l->canvas_px || !l->total_px || !l->frames || !l->deadline_ms || !l->memory || (writes && !l->out_bytes))
        return err_set(e, GIFD_EINVALID, "a media question needs every limit");
    for (size_t i = 0; i < q->recipes; i++)
        if (media_recipe_check(&q->recipe[i], e) < 0) return e->code;
    return GIFD_OK;
}

static int copy_descriptors(struct media_ask *a, const struct media_question *q, struct err *e)
{
    for (size_t i = 0; i < 1 + outputs_of(q->op, q->recipes); i++) {
        int fd = fcntl(i ? q->out_fd[i - 1] : q->in_fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0) return err_sys(e, errno, "media question, descriptor %zu", i);
        a->fd[a->fds++] = fd;
    }
    return GIFD_OK;
}

struct media_ask *media_ask(struct media_pool *p, const struct media_question *q, media_done_fn done, void *arg,
                            struct err *e)
{
    if (check_question(q, e) < 0) return NULL;
    if (p->running >= p->running_max && p->waiting >= p->waiting_max) {
        err_set(e, GIFD_EBUSY, "%zu media questions are waiting already", p->waiting);
        return NULL;
    }
    struct media_ask *a = calloc(1, sizeof *a);
    if (!a) {
        err_set(e, GIFD_ENOMEM, "media question");
        return NULL;
    }
    a->question = (struct wire_question){.magic = WIRE_MAGIC,
                                         .version = WIRE_VERSION,
                                         .op = (uint32_t)q->op,
                                         .recipes = (uint32_t)q->recipes,
                                         .account = q->account,
                                         .pixels = q->pixels,
                                         .limits = q->limits};
    memcpy(a->question.recipe, q->recipe, sizeof q->recipe[0] * q->recipes);
    a->sock = -1;
    a->done = done;
    a->arg = arg;
    list_init(&a->node);
    if (copy_descriptors(a, q, e) < 0) {
        for (size_t i = 0; i < a->fds; i++) close(a->fd[i]);
        free(a);
        return NULL;
    }
    a->pool = p;
    uv_timer_init(&p->loop->uv, &a->timer);
    a->timer.data = a;
    a->handles = 1;
    uv_update_time(&p->loop->uv);
    a->deadline = loop_now_ms(p->loop) + (q->op == MEDIA_RENDER ? TURN_MS : q->limits.deadline_ms);
    wake_at(a, a->deadline);
    list_push(&p->queue, &a->node);
    p->waiting++;
    start_waiting(p);
    return a;
}
