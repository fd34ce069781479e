/* zygote.c: program gifd-media. Loads libav* once, sees no input, forks one child per question.
 *
 *   gifd-media --socket-fd N [--limits MOST,MEMORY,PIXELS,ACCOUNT_PIXELS]   N: a listening SOCK_SEQPACKET socket,
 *                                                                                kept by the supervisor
 *   gifd-media --socket PATH [--limits ...]   binds PATH itself (tests, command line)
 *   gifd-media --walls                        prints which walls stand around a child, and which codecs there are
 *
 * One thread around poll: the listener, SIGCHLD and SIGTERM through a signalfd, and every connection:
 *
 *   accept -> SILENT --question (its head is looked at, the rest is the child's)--> WAITING --lanes.h--> RUNNING
 *
 * The asker hears "begun" when its child is about to be forked: from then on its deadline counts. When it hangs up, or
 * long after its deadline, the child is killed; when a child dies, the asker is told how. No child outlives the zygote,
 * the zygote does not outlive its parent. */
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/sink.h"
#include "media/child.h"
#include "media/lanes.h"
#include "media/sandbox.h"
#include "media/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
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

#define SLOTS 512
#define SILENT_MS 5000
#define GRACE_MS 1000 /* the asker's own deadline comes first */
#define MEMORY_PART 2 /* of the machine's memory: one half is for renders */

enum slot_state { FREE, SILENT, WAITING, RUNNING };

struct slot {
    enum slot_state state;
    pid_t pid;
    int sock;        /* our copy of the child's connection */
    uint64_t end_ms; /* of the silence, of the work */
    uint32_t deadline_ms;
    bool killed;
    struct lane_job job;
};

struct zygote {
    int listen_fd, signal_fd;
    struct slot slot[SLOTS];
    size_t taken;
    struct lanes lanes;
    struct sandbox sandbox;
    pid_t pid;
};

static uint64_t now_ms(void)
{
    return clock_mono_ns() / 1000000;
}

static void free_slot(struct zygote *z, struct slot *s)
{
    if (s->state > SILENT) lanes_end(&z->lanes, &s->job);
    close(s->sock);
    s->state = FREE;
    z->taken--;
}

/* Why a child ended that had not been told to: time is a failure like others, the rest is a crash. */
static void tell_death(const struct slot *s, int status)
{
    static struct wire_answer w;
    w = (struct wire_answer){.magic = WIRE_MAGIC, .version = WIRE_VERSION, .code = GIFD_EMEDIACRASH};
    if (s->killed || (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)) {
        w.code = GIFD_ETIMEOUT;
        snprintf(w.text, sizeof w.text, "no answer within %u ms", (unsigned)s->deadline_ms);
    } else if (WIFSIGNALED(status)) {
        snprintf(w.text, sizeof w.text, "the decoder stopped (signal %d)", WTERMSIG(status));
    } else {
        snprintf(w.text, sizeof w.text, "the decoder stopped (exit %d)", WEXITSTATUS(status));
    }
    send(s->sock, &w, sizeof w, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (w.code == GIFD_EMEDIACRASH) log_warn("media.child", LI("pid", s->pid), LS("what", w.text));
}

static void reap(struct zygote *z)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < SLOTS; i++) {
            struct slot *s = &z->slot[i];
            if (s->state != RUNNING || s->pid != pid) continue;
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) tell_death(s, status);
            free_slot(z, s);
        }
    }
}

static bool peer_allowed(int sock)
{
    struct ucred u;
    socklen_t n = sizeof u;
    return getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &u, &n) == 0 && (u.uid == geteuid() || u.uid == 0);
}

static void accept_all(struct zygote *z)
{
    while (z->taken < SLOTS) {
        int sock = accept4(z->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (sock < 0) return;
        if (!peer_allowed(sock)) {
            log_warn("media.accept", LS("why", "a peer of another user"));
            close(sock);
            continue;
        }
        struct slot *s = z->slot;
        while (s->state != FREE) s++;
        *s = (struct slot){.state = SILENT, .sock = sock, .end_ms = now_ms() + SILENT_MS};
        z->taken++;
    }
}

/* The head of the question, which stays where it is with its descriptors: the child reads it again, whole. Askers are
 * ours (peer_allowed), so that lanes may rely on what it says. */
static void look(struct zygote *z, struct slot *s)
{
    struct wire_question q;
    size_t head = offsetof(struct wire_question, recipe);
    ssize_t n = recv(s->sock, &q, head, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n != (ssize_t)head) { /* hung up, or of another build, which its answer would only confuse */
        free_slot(z, s);
        return;
    }
    s->state = WAITING;
    s->deadline_ms = q.limits.deadline_ms;
    s->job = (struct lane_job){.render = q.op == MEDIA_RENDER,
                               .account = q.account,
                               .memory = q.limits.memory,
                               .pixels = q.pixels ? q.pixels : q.limits.total_px};
    lanes_add(&z->lanes, &s->job);
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

static void start(struct zygote *z, struct slot *s)
{
    const struct wire_begun begun = {WIRE_MAGIC, WIRE_VERSION};
    bool told = send(s->sock, &begun, sizeof begun, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof begun;
    s->pid = told ? fork() : -1;
    if (s->pid == 0) be_child(z, s->sock);
    if (s->pid < 0) {
        if (told) log_warn("media.fork", LS("why", strerror(errno)));
        free_slot(z, s);
        return;
    }
    s->state = RUNNING;
    s->end_ms = now_ms() + s->deadline_ms + GRACE_MS;
}

static void start_all(struct zygote *z)
{
    struct lane_job *j;
    while ((j = lanes_next(&z->lanes))) start(z, LIST_OF(j, struct slot, job));
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

static bool has_end(const struct slot *s)
{
    return s->state == SILENT || (s->state == RUNNING && !s->killed);
}

static int wait_ms(const struct zygote *z)
{
    uint64_t first = UINT64_MAX, now = now_ms();
    for (size_t i = 0; i < SLOTS; i++)
        if (has_end(&z->slot[i]) && z->slot[i].end_ms < first) first = z->slot[i].end_ms;
    if (first == UINT64_MAX) return -1;
    return first > now ? (int)(first - now) : 0;
}

static void on_slot(struct zygote *z, struct slot *s, short events, uint64_t now)
{
    bool gone = events & (POLLRDHUP | POLLHUP | POLLERR), late = has_end(s) && now >= s->end_ms;
    if (s->state == SILENT && (events & POLLIN) && !gone) {
        look(z, s);
    } else if (s->state == RUNNING && !s->killed && (gone || late)) {
        kill(s->pid, SIGKILL);
        s->killed = true;
    } else if (s->state != RUNNING && s->state != FREE && (gone || late)) {
        free_slot(z, s);
    }
}

static void serve(struct zygote *z)
{
    static struct pollfd p[2 + SLOTS];
    static struct slot *polled[SLOTS];
    for (;;) {
        nfds_t n = 2;
        p[0] = (struct pollfd){.fd = z->signal_fd, .events = POLLIN};
        p[1] = (struct pollfd){.fd = z->taken < SLOTS ? z->listen_fd : -1, .events = POLLIN};
        for (size_t i = 0; i < SLOTS; i++) {
            struct slot *s = &z->slot[i];
            if (s->state == FREE || s->killed) continue;
            polled[n - 2] = s;
            p[n++] = (struct pollfd){.fd = s->sock, .events = s->state == SILENT ? POLLIN | POLLRDHUP : POLLRDHUP};
        }
        if (poll(p, n, wait_ms(z)) < 0 && errno != EINTR) return;
        uint64_t now = now_ms();
        for (nfds_t i = 2; i < n; i++) on_slot(z, polled[i - 2], p[i].revents, now);
        if ((p[0].revents & POLLIN) && !on_signal(z)) return;
        if (p[1].revents & POLLIN) accept_all(z);
        start_all(z);
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

static uint64_t half_of_memory(void)
{
    uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    unsigned long long allowed;
    FILE *f = fopen("/sys/fs/cgroup/memory.max", "re");
    if (f && fscanf(f, "%llu", &allowed) == 1 && allowed < all) all = allowed;
    if (f) fclose(f);
    return all / MEMORY_PART;
}

static int read_limits(const char *text, struct lane_limits *l, struct err *e)
{
    unsigned long long v[4];
    char end;
    *l = (struct lane_limits)LANE_LIMITS_DEFAULT;
    if (text) {
        if (sscanf(text, "%llu,%llu,%llu,%llu%c", v, v + 1, v + 2, v + 3, &end) != 4 || v[0] < 1 || v[0] > UINT32_MAX)
            return err_set(e, GIFD_EINVALID, "--limits %s: not MOST,MEMORY,PIXELS,ACCOUNT_PIXELS", text);
        *l = (struct lane_limits){(uint32_t)v[0], v[1], v[2], v[3]};
    }
    if (!l->memory) l->memory = half_of_memory();
    return GIFD_OK;
}

static uint32_t cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (uint32_t)CPU_COUNT(&set) : 1;
}

static void print_wall(const char *name, bool stands, const char *detail)
{
    printf("wall %s %s %s\n", name, stands ? "yes" : "no", detail);
}

/* A child like any other, which tells over its connection what it finds. */
static int print_walls(struct zygote *z)
{
    int pair[2];
    char landlock[32];
    struct sandbox_walls w;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return 1;
    pid_t pid = fork();
    if (pid == 0) {
        const struct sandbox_limits l = {.memory = 64 << 20, .out_bytes = 4096, .cpu_s = 2};
        sandbox_enter(&z->sandbox, pair[1], z->pid);
        sandbox_survey(&z->sandbox, &l, &w);
        _exit(write(SANDBOX_SOCK, &w, sizeof w) == sizeof w ? 0 : 1);
    }
    close(pair[1]);
    if (pid < 0 || recv(pair[0], &w, sizeof w, 0) != sizeof w) {
        print_wall("any", false, "the child could not put up its walls");
        return 1;
    }
    snprintf(landlock, sizeof landlock, "version %d", w.landlock_abi > 0 ? w.landlock_abi : 0);
    print_wall("calls", w.calls, "seccomp");
    print_wall("landlock", w.landlock_abi >= 1, landlock);
    print_wall("user", w.user, w.own_user ? "its own" : "the server's");
    print_wall("capabilities", w.capabilities, w.bounding_set ? "none to be had" : "none");
    print_wall("privileges", w.privileges, "no_new_privs");
    print_wall("limits", w.limits, "memory, processor time, files");
    print_wall("descriptors", w.descriptors, "closed");
    child_print_codecs();
    return 0;
}

/* "FORM,LEVEL", as the supervisor has them. */
static void read_log(const char *text)
{
    char form[16] = "", level[16] = "";
    if (!text || sscanf(text, "%15[a-z],%15[a-z]", form, level) != 2) return;
    if (log_form_parse(form) >= 0) log_form_set((enum log_form)log_form_parse(form), false);
    if (log_level_parse(level) >= 0) log_level_set((enum log_level)log_level_parse(level));
}

static int usage(void)
{
    fprintf(stderr,
            "usage: gifd-media --socket-fd N | --socket PATH [--limits MOST,MEMORY,PIXELS,ACCOUNT] | --walls\n");
    return 2;
}

int main(int argc, char **argv)
{
    static struct zygote z;
    struct err e = {0};
    struct lane_limits limits;
    pid_t parent = getppid();
    bool walls = argc == 2 && strcmp(argv[1], "--walls") == 0;
    bool by_fd = argc >= 3 && strcmp(argv[1], "--socket-fd") == 0;
    bool limited = argc == 5 && strcmp(argv[3], "--limits") == 0;
    log_role_set("media");
    read_log(getenv("GIFD_LOG"));
    if (!walls && ((!by_fd && !(argc >= 3 && strcmp(argv[1], "--socket") == 0)) || (argc != 3 && !limited)))
        return usage();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) return 1;
    clearenv();
    mallopt(M_ARENA_MAX, 1); /* an arena per thread would eat the children's address space */
    z.pid = getpid();
    if (walls) {
        if (sandbox_prepare(&z.sandbox, &e) == GIFD_OK) return print_walls(&z);
        print_wall("any", false, e.text);
        return 1;
    }
    z.listen_fd = by_fd ? take_fd(argv[2], &e) : bind_path(argv[2], &e);
    if (z.listen_fd >= 0 && by_fd) close_range(4, ~0U, 0);
    sink_open(NULL, NULL);
    if (z.listen_fd < 0 || (z.signal_fd = make_signals(&e)) < 0 || child_warm_up(&e) < 0 ||
        sandbox_prepare(&z.sandbox, &e) < 0 || read_limits(limited ? argv[4] : NULL, &limits, &e) < 0) {
        log_error("media.start", LS("why", e.text));
        return 1;
    }
    lanes_init(&z.lanes, &limits, cores());
    if (z.sandbox.landlock_abi < 1) log_warn("media.landlock", LS("why", "this kernel has none"));
    serve(&z);
    for (size_t i = 0; i < SLOTS; i++)
        if (z.slot[i].state == RUNNING) kill(z.slot[i].pid, SIGKILL);
    return 0;
}
