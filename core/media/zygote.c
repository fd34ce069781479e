/* zygote.c: program gifd-media. Loads libav* once, sees no input, forks one child per connection.
 *
 *   gifd-media --socket-fd N     N is a listening SOCK_SEQPACKET socket, kept by the supervisor
 *   gifd-media --socket PATH     binds PATH itself (tests, command line)
 *
 * One thread around poll: the socket, SIGCHLD and SIGTERM through a signalfd, and for each child a copy of its
 * connection. When the asker hangs up or CAP_MS pass, the child is killed; when a child dies, the asker is told.
 * No child outlives the zygote, the zygote does not outlive its parent. */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "media/child.h"
#include "media/sandbox.h"
#include "media/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN_MAX 16
#define CAP_MS 120000

struct slot {
    pid_t pid; /* 0: free */
    int sock;  /* our copy of the child's connection */
    uint64_t end_ms;
    bool killed;
};

struct zygote {
    int listen_fd, signal_fd;
    struct slot slot[CHILDREN_MAX];
    size_t running;
    struct sandbox sandbox;
    pid_t pid;
};

static uint64_t now_ms(void)
{
    return clock_mono_ns() / 1000000;
}

static void tell_death(const struct slot *s, int status)
{
    static struct wire_answer w;
    w = (struct wire_answer){.magic = WIRE_MAGIC, .version = WIRE_VERSION, .code = GIFD_EBADMEDIA};
    if (WIFSIGNALED(status))
        snprintf(w.text, sizeof w.text, "the decoder stopped (signal %d)", WTERMSIG(status));
    else
        snprintf(w.text, sizeof w.text, "the decoder stopped (exit %d)", WEXITSTATUS(status));
    send(s->sock, &w, sizeof w, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (!s->killed) log_warn("media.child", LI("pid", s->pid), LS("what", w.text));
}

static void reap(struct zygote *z)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < CHILDREN_MAX; i++) {
            struct slot *s = &z->slot[i];
            if (s->pid != pid) continue;
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) tell_death(s, status);
            close(s->sock);
            s->pid = 0;
            z->running--;
        }
    }
}

static void end_child(struct slot *s)
{
    if (!s->killed) kill(s->pid, SIGKILL);
    s->killed = true;
}

static bool peer_allowed(int sock)
{
    struct ucred u;
    socklen_t n = sizeof u;
    return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &u, &n) == 0 && (u.uid == geteuid() || u.uid == 0);
}

static _Noreturn void be_child(struct zygote *z, int sock)
{
    sigset_t none;
    sigemptyset(&none);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    sandbox_enter(&z->sandbox, sock, z->pid);
    _exit(child_run(&z->sandbox));
}

static void accept_one(struct zygote *z)
{
    int sock = accept4(z->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (sock < 0) return;
    struct slot *s = z->slot;
    while (s->pid) s++; /* one is free: the listener is polled only then */
    pid_t pid = peer_allowed(sock) ? fork() : -1;
    if (pid == 0) be_child(z, sock);
    if (pid < 0) {
        log_warn("media.accept", LS("why", "refused peer or no process"));
        close(sock);
        return;
    }
    *s = (struct slot){.pid = pid, .sock = sock, .end_ms = now_ms() + CAP_MS};
    z->running++;
}

/* false: told to stop. */
static bool on_signal(struct zygote *z)
{
    struct signalfd_siginfo info;
    while (read(z->signal_fd, &info, sizeof info) == sizeof info)
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) return false;
    reap(z);
    return true;
}

static int wait_ms(const struct zygote *z)
{
    uint64_t first = UINT64_MAX, now = now_ms();
    for (size_t i = 0; i < CHILDREN_MAX; i++)
        if (z->slot[i].pid && !z->slot[i].killed && z->slot[i].end_ms < first) first = z->slot[i].end_ms;
    if (first == UINT64_MAX) return -1;
    return first > now ? (int)(first - now) : 0;
}

static void serve(struct zygote *z)
{
    for (;;) {
        struct pollfd p[2 + CHILDREN_MAX];
        p[0] = (struct pollfd){.fd = z->signal_fd, .events = POLLIN};
        p[1] = (struct pollfd){.fd = z->running < CHILDREN_MAX ? z->listen_fd : -1, .events = POLLIN};
        for (size_t i = 0; i < CHILDREN_MAX; i++) {
            bool watched = z->slot[i].pid && !z->slot[i].killed;
            p[2 + i] = (struct pollfd){.fd = watched ? z->slot[i].sock : -1, .events = POLLRDHUP};
        }
        if (poll(p, 2 + CHILDREN_MAX, wait_ms(z)) < 0 && errno != EINTR) return;
        uint64_t now = now_ms();
        for (size_t i = 0; i < CHILDREN_MAX; i++) {
            struct slot *s = &z->slot[i];
            if (s->pid && !s->killed && (p[2 + i].revents || now >= s->end_ms)) end_child(s);
        }
        if ((p[0].revents & POLLIN) && !on_signal(z)) return;
        if (p[1].revents & POLLIN) accept_one(z);
    }
}

static int bind_path(const char *path, struct err *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) return err_set(e, GIFD_EINVALID, "%s: too long for a socket", path);
    memcpy(a.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(path);
    mode_t before = umask(0177);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 64) == 0;
    umask(before);
    return bound ? fd : err_sys(e, errno, "%s", path);
}

static int take_fd(const char *number, struct err *e)
{
    char *end;
    long fd = strtol(number, &end, 10);
    if (*end || end == number || fd < 3 || fd > 1 << 20 || fcntl((int)fd, F_GETFD) < 0)
        return err_set(e, GIFD_EINVALID, "--socket-fd %s: not an open descriptor", number);
    if (fd != 3 && dup2((int)fd, 3) != 3) return err_sys(e, errno, "--socket-fd");
    fcntl(3, F_SETFD, FD_CLOEXEC);
    fcntl(3, F_SETFL, fcntl(3, F_GETFL) | O_NONBLOCK);
    return 3;
}

static int make_signals(struct err *e)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_SETMASK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? err_sys(e, errno, "signalfd") : fd;
}

int main(int argc, char **argv)
{
    static struct zygote z;
    struct err e = {0};
    pid_t parent = getppid();
    bool by_fd = argc == 3 && strcmp(argv[1], "--socket-fd") == 0;
    log_role_set("media");
    if (!by_fd && !(argc == 3 && strcmp(argv[1], "--socket") == 0)) {
        fprintf(stderr, "usage: gifd-media --socket-fd N | --socket PATH\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) return 1;
    clearenv();
    mallopt(M_ARENA_MAX, 1); /* an arena per thread would eat the children's address space */
    z.pid = getpid();
    z.listen_fd = by_fd ? take_fd(argv[2], &e) : bind_path(argv[2], &e);
    if (z.listen_fd >= 0 && by_fd) close_range(4, ~0U, 0);
    if (z.listen_fd < 0 || (z.signal_fd = make_signals(&e)) < 0 || child_warm_up(&e) < 0 ||
        sandbox_prepare(&z.sandbox, &e) < 0) {
        log_error("media.start", LS("why", e.text));
        return 1;
    }
    if (z.sandbox.landlock_abi < 1) log_warn("media.landlock", LS("why", "this kernel has none"));
    serve(&z);
    for (size_t i = 0; i < CHILDREN_MAX; i++)
        if (z.slot[i].pid) kill(z.slot[i].pid, SIGKILL);
    return 0;
}
