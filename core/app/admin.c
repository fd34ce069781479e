/* admin.c: see admin.h. */
#include "app/admin.h"
#include "app/supervisor.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_NS (5ull * 1000000000)

int admin_open(struct supervisor *s, struct err *e)
{
    for (size_t i = 0; i < ADMIN_MAX; i++) s->admin.at[i].fd = -1;
    s->admin.fd = -1;
    return datadir_socket(&s->dir, "control.sock", SOCK_STREAM, &s->admin.fd, e);
}

static void drop(struct admin_connection *c)
{
    close(c->fd);
    buf_free(&c->in);
    buf_free(&c->out);
    *c = (struct admin_connection){.fd = -1};
}

static void push_out(struct admin_connection *c)
{
    while (c->sent < c->out.n) {
        ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) break;
        c->sent += (size_t)n;
    }
    drop(c);
}

static void answer(struct admin_connection *c, struct slice json)
{
    c->ticket = 0;
    c->status = false;
    c->deadline_ns = clock_mono_ns() + PATIENCE_NS;
    buf_append(&c->out, json.p, json.n, NULL);
    buf_puts(&c->out, "\n", NULL);
    push_out(c);
}

/* ---- answers ---- */

static void text_member(struct json_writer *w, const char *key, struct slice value)
{
    json_write_key(w, slice_str(key));
    json_write_string(w, value);
}

static void write_fault(struct json_writer *w, struct slice line)
{
    size_t colon = 0;
    long number = 0;
    const char *end = line.p + line.n, *message = line.p;
    for (const char *p = line.p; p < end && !number; p++) {
        if (*p != ':' || p == line.p) continue;
        const char *q = p + 1;
        while (q < end && *q >= '0' && *q <= '9' && q - p < 9) number = number * 10 + (*q++ - '0');
        if (q == p + 1 || q == end || *q != ':') number = 0;
        colon = (size_t)(p - line.p);
        message = number ? q + 1 : line.p;
    }
    while (message < end && *message == ' ') message++;
    json_write_object(w);
    if (number) text_member(w, "file", slice_of(line.p, colon));
    if (number) {
        json_write_key(w, SLICE("line"));
        json_write_int(w, number);
    }
    text_member(w, "message", slice_of(message, (size_t)(end - message)));
    json_write_object_end(w);
}

void admin_write_faults(struct json_writer *w, const char *text)
{
    json_write_array(w);
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n) write_fault(w, slice_of(text, n));
        text += n + (text[n] == '\n');
    }
    json_write_array_end(w);
}

static void answer_error(struct admin_connection *c, const char *code, const char *why)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, ADMIN_ANSWER_MAX);
    json_write_begin(&w, &out, NULL);
    json_write_object(&w);
    text_member(&w, "error", slice_str(code));
    json_write_key(&w, SLICE("faults"));
    admin_write_faults(&w, why);
    json_write_object_end(&w);
    json_write_end(&w);
    answer(c, buf_slice(&out));
    buf_free(&out);
}

void admin_decided(struct supervisor *s, uint64_t ticket, bool changed, bool restart, const char *why)
{
    char done[256];
    int n = snprintf(done, sizeof done, "{\"generation\":%llu,\"digest\":\"%s\",\"changed\":%s,\"restart_needed\":%s}",
                     (unsigned long long)s->generation, s->settings.digest, changed ? "true" : "false",
                     restart ? "true" : "false");
    for (size_t i = 0; i < ADMIN_MAX; i++) {
        struct admin_connection *c = &s->admin.at[i];
        if (c->fd < 0 || c->ticket != ticket) continue;
        if (why)
            answer_error(c, "refused", why);
        else
            answer(c, slice_of(done, (size_t)n));
    }
}

void admin_status(struct supervisor *s, struct slice json)
{
    for (size_t i = 0; i < ADMIN_MAX; i++)
        if (s->admin.at[i].fd >= 0 && s->admin.at[i].status) answer(&s->admin.at[i], json);
}

/* ---- questions ---- */

static bool is(const struct json *v, const char *word)
{
    return v && v->type == JSON_STRING && slice_is(v->s, word);
}

/* Folders are kept as long as this program runs: strings that nobody frees. */
static const char *with_plugins(struct supervisor *s, const struct json *list)
{
    struct serve_options wanted = s->reload.wished_options;
    size_t n = 0;
    while (wanted.plugin_dirs[n]) n++;
    for (const struct json *v = list && list->type == JSON_ARRAY ? list->child : NULL; v; v = v->next) {
        if (v->type != JSON_STRING || v->s.n == 0 || v->s.n >= PATH_LEN || v->s.p[0] != '/')
            return "plugins: must be absolute paths";
        bool there = false;
        for (size_t i = 0; i < n; i++) there = there || slice_is(v->s, wanted.plugin_dirs[i]);
        if (there) continue;
        if (n == PLUGIN_DIRS_MAX) return "plugins: too many folders";
        if (!(wanted.plugin_dirs[n++] = strndup(v->s.p, v->s.n))) return "no memory";
    }
    s->reload.wished_options = wanted;
    return NULL;
}

static void answer_not_kept(struct admin_connection *c, uint64_t number)
{
    char why[80] = "no other generation has served before";
    if (number) snprintf(why, sizeof why, "generation %llu is not kept any more", (unsigned long long)number);
    answer_error(c, "not_found", why);
}

static void ask(struct supervisor *s, struct admin_connection *c, const struct json *q)
{
    const struct json *what = json_get(q, "do"), *plugin = json_get(q, "plugin"), *number = json_get(q, "generation");
    const char *why;
    if (is(what, "status")) {
        c->status = true;
        status_collect(s);
    } else if (is(what, "reload")) {
        if ((why = with_plugins(s, json_get(q, "plugins"))))
            answer_error(c, "invalid", why);
        else
            c->ticket = reload_wish(s, RELOAD_FILES, true);
    } else if (is(what, "rollback")) {
        uint64_t back = number && number->type == JSON_INT && number->i > 0 ? (uint64_t)number->i : 0;
        if (!history_find(&s->history, back)) {
            answer_not_kept(c, back);
            return;
        }
        s->reload.back = back;
        c->ticket = reload_wish(s, RELOAD_BACK, true);
    } else if (is(what, "enable") && plugin && plugin->type == JSON_STRING) {
        char name[PLUGIN_NAME_LEN];
        snprintf(name, sizeof name, "%.*s", (int)plugin->s.n, plugin->s.p);
        if (!disabled_remove(&s->disabled, name)) {
            answer_error(c, "not_found", "no plugin of this name is switched off");
            return;
        }
        disabled_save(&s->dir, &s->disabled);
        strikes_forget(&s->strikes, name);
        log_info("plugin.enabled", LS("plugin", name));
        c->ticket = reload_wish(s, RELOAD_SAME, true);
    } else {
        answer_error(c, "invalid", "\"do\" must be status, reload, rollback or enable");
    }
}

static void on_question(struct supervisor *s, struct admin_connection *c, struct slice line)
{
    struct arena arena;
    struct json *root = NULL;
    struct err e = {0};
    c->deadline_ns = 0;
    arena_init(&arena, 1 << 20);
    if (json_parse(&arena, line, NULL, &root, &e) < 0)
        answer_error(c, "invalid", e.text);
    else
        ask(s, c, root);
    arena_free(&arena);
}

static void on_input(struct supervisor *s, struct admin_connection *c)
{
    char bytes[4096];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    /* Who goes away while we work does not take the reload back. Nothing may follow the question. */
    if (n <= 0 || !c->deadline_ns || buf_append(&c->in, bytes, (size_t)n, NULL) < 0) {
        drop(c);
        return;
    }
    const char *end = memchr(c->in.p, '\n', c->in.n);
    if (end) on_question(s, c, slice_of(c->in.p, (size_t)(end - c->in.p)));
}

static void take(struct supervisor *s)
{
    int fd = accept4(s->admin.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    struct ucred who = {0};
    socklen_t n = sizeof who;
    bool ours = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) == 0 && (who.uid == geteuid() || who.uid == 0);
    for (size_t i = 0; i < ADMIN_MAX && ours; i++) {
        struct admin_connection *c = &s->admin.at[i];
        if (c->fd >= 0) continue;
        *c = (struct admin_connection){.fd = fd, .deadline_ns = clock_mono_ns() + PATIENCE_NS};
        buf_init(&c->in, ADMIN_ASK_MAX);
        buf_init(&c->out, ADMIN_ANSWER_MAX + 1);
        return;
    }
    log_warn("admin.refused", LI("uid", who.uid), LI("pid", who.pid));
    close(fd);
}

size_t admin_poll(const struct supervisor *s, struct pollfd *p)
{
    p[0] = (struct pollfd){.fd = s->admin.fd, .events = POLLIN};
    for (size_t i = 0; i < ADMIN_MAX; i++) {
        const struct admin_connection *c = &s->admin.at[i];
        p[1 + i] = (struct pollfd){.fd = c->fd, .events = c->out.n > c->sent ? POLLOUT : POLLIN};
    }
    return ADMIN_MAX + 1;
}

void admin_on_poll(struct supervisor *s, const struct pollfd *p)
{
    for (size_t i = 0; i < ADMIN_MAX; i++) {
        struct admin_connection *c = &s->admin.at[i];
        if (!p[1 + i].revents || c->fd != p[1 + i].fd) continue;
        if (c->out.n > c->sent)
            push_out(c);
        else
            on_input(s, c);
    }
    if (p[0].revents) take(s);
}

void admin_on_time(struct supervisor *s)
{
    uint64_t now = clock_mono_ns();
    for (size_t i = 0; i < ADMIN_MAX; i++) {
        struct admin_connection *c = &s->admin.at[i];
        if (c->fd >= 0 && c->deadline_ns && now > c->deadline_ns) drop(c);
    }
}

/* ---- the other side ---- */

static int dial(const struct datadir *d, struct err *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int dir = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return err_sys(e, errno, "%s", d->path);
    snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/control.sock", dir); /* the path may be too long */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ? -errno : 0;
    close(dir);
    if (rc == 0) return fd;
    if (fd >= 0) close(fd);
    if (rc == -ENOENT || rc == -ECONNREFUSED) return err_set(e, GIFD_ENOTFOUND, "no server runs on %s", d->path);
    return err_sys(e, -rc, "%s/control.sock", d->path);
}

int admin_ask(const struct datadir *d, struct slice question, int timeout_ms, struct buf *out, struct err *e)
{
    uint64_t end = clock_mono_ns() + (uint64_t)timeout_ms * 1000000;
    int fd = dial(d, e), rc = GIFD_OK;
    if (fd < 0) return fd;
    if (send(fd, question.p, question.n, MSG_NOSIGNAL) != (ssize_t)question.n || send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
        rc = err_set(e, GIFD_ECLOSED, "the server does not listen");
    while (rc == GIFD_OK && !(out->n && out->p[out->n - 1] == '\n')) {
        uint64_t now = clock_mono_ns();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (now >= end || poll(&p, 1, (int)((end - now) / 1000000) + 1) == 0) {
            rc = err_set(e, GIFD_ETIMEOUT, "the server did not answer within %d s", timeout_ms / 1000);
            break;
        }
        rc = buf_reserve(out, 4096, e);
        ssize_t n = rc == GIFD_OK ? recv(fd, out->p + out->n, 4096, 0) : 0;
        if (n > 0)
            out->n += (size_t)n;
        else if (rc == GIFD_OK && !(n < 0 && errno == EINTR))
            rc = err_set(e, GIFD_ECLOSED, "the server went away before it answered");
    }
    close(fd);
    return rc;
}
