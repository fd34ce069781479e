/* sandbox_test.c: climbing each wall from inside.
 *
 * The sandbox is compiled in, so that a climber can be set before all walls (the row "behind all") or before one alone.
 * It answers 0 when the wall held, anything else when it got over; some walls kill. Root runs every row twice: once as
 * itself and once as an ordinary user, who cannot change users and starts without capabilities. Never built with
 * sanitizers, whose runtime could not live behind these walls. */
#include "base/test.h"
#include "media/sandbox.c"

#include <linux/sched.h>
#include <net/if.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define KEPT_FD 50
#define ORDINARY 12345
#define MEMORY (64u << 20)
#define OUT_BYTES (1u << 20)

static const struct sandbox_limits limits = {.memory = MEMORY, .out_bytes = OUT_BYTES, .cpu_s = 1};
static struct sandbox sandbox;
static bool was_root; /* the child before it met a wall */
static int out_fd;    /* an output, as a question brings it */

enum before { ALL, DESCRIPTORS, BOUNDING, USER, CAPABILITIES, PRIVILEGES, FILES, LIMITS, CALLS };

static void put_up(enum before what, int sock, pid_t parent)
{
    int ruleset = -1;
    switch (what) {
    case ALL:
        sandbox_enter(&sandbox, sock, parent);
        need((out_fd = memfd_create("out", 0)) >= 0);
        sandbox_lock(&sandbox, &limits);
        return;
    case DESCRIPTORS: wall_descriptors(&sandbox, sock, &ruleset); return;
    case BOUNDING: empty_bounding_set(); return;
    case USER: wall_user(); return;
    case CAPABILITIES: wall_capabilities(); return;
    case PRIVILEGES: wall_privileges(); return;
    case FILES:
        wall_privileges();
        wall_files(sandbox.ruleset_fd);
        return;
    case LIMITS:
        wall_user();
        need((out_fd = memfd_create("out", 0)) >= 0);
        wall_limits(&sandbox, &limits);
        return;
    case CALLS:
        wall_privileges();
        wall_calls(&sandbox);
        return;
    }
}

static int climb_as(bool ordinary, enum before what, int (*climber)(void))
{
    struct err e;
    int pair[2], status = -1;
    CHECK(sandbox_prepare(&sandbox, &e) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    CHECK(dup2(sandbox.null_fd, KEPT_FD) == KEPT_FD);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        if (ordinary && geteuid() == 0)
            need(setgroups(0, NULL) == 0 && setresgid(ORDINARY, ORDINARY, ORDINARY) == 0 &&
                 setresuid(ORDINARY, ORDINARY, ORDINARY) == 0);
        was_root = geteuid() == 0;
        put_up(what, pair[1], parent);
        _exit(climber());
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    close(pair[0]);
    close(pair[1]);
    close(sandbox.null_fd);
    close(KEPT_FD);
    if (sandbox.ruleset_fd >= 0) close(sandbox.ruleset_fd);
    free(sandbox.filter);
    return status;
}

enum outcome { HOLDS, KILLS, ENDS };

static bool came_out(enum outcome want, int status)
{
    if (want == HOLDS) return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (want == KILLS) return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU;
}

static void try_both(enum outcome want, enum before what, int (*climber)(void), const char *name)
{
    bool root = geteuid() == 0;
    for (int ordinary = !root; ordinary <= 1; ordinary++) {
        int status = climb_as(ordinary, what, climber);
        if (!came_out(want, status))
            fprintf(stderr, "%s as %s: status %x\n", name, ordinary ? "an ordinary user" : "root", (unsigned)status);
        CHECK(came_out(want, status));
    }
}

#define CLIMB(want, what, climber) try_both(want, what, climber, #climber)

/* ---- descriptors ---- */

static int use_kept_descriptor(void)
{
    return fcntl(KEPT_FD, F_GETFD) >= 0;
}

static int enter_and_find_a_descriptor(void)
{
    sandbox_enter(&sandbox, KEPT_FD, getppid());
    for (int fd = SANDBOX_SOCK + 1; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0) return 1;
    return 0;
}

static int answer(void)
{
    return write(SANDBOX_SOCK, "x", 1) != 1;
}

TEST(wall_of_descriptors)
{
    CLIMB(HOLDS, ALL, use_kept_descriptor);
    CLIMB(HOLDS, DESCRIPTORS, use_kept_descriptor);
    CLIMB(HOLDS, BOUNDING, enter_and_find_a_descriptor);
    CLIMB(HOLDS, ALL, answer); /* a gate in it: the connection */
}

/* ---- user, capabilities, privileges ---- */

static int regain_root(void)
{
    return geteuid() == 0 || getegid() == 0 || setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0;
}

static int have_groups(void)
{
    gid_t g[8];
    return was_root && getgroups(8, g) != 0;
}

TEST(wall_of_the_user)
{
    CLIMB(HOLDS, USER, regain_root);
    CLIMB(HOLDS, USER, have_groups);
}

static int set_capabilities(void)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct all[2] = {{~0u, ~0u, ~0u}, {~0u, ~0u, ~0u}}, one[2] = {{1, 1, 0}, {0, 0, 0}};
    return !no_capability() || syscall(SYS_capset, &h, all) == 0 || syscall(SYS_capset, &h, one) == 0;
}

static int raise_ambient(void)
{
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0;
}

static int use_a_capability(void)
{
    return chroot("/") == 0 || sethostname("climbed", 7) == 0;
}

static int look_for_a_bounding_set(void)
{
    return was_root && !no_bounding_set();
}

TEST(wall_of_capabilities)
{
    CLIMB(HOLDS, CAPABILITIES, set_capabilities);
    CLIMB(HOLDS, CAPABILITIES, raise_ambient);
    CLIMB(HOLDS, CAPABILITIES, use_a_capability);
    CLIMB(HOLDS, BOUNDING, look_for_a_bounding_set);
}

static int gain_by_exec(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}

static int be_read_by_others(void)
{
    return prctl(PR_GET_DUMPABLE) != 0;
}

TEST(wall_of_privileges)
{
    CLIMB(HOLDS, PRIVILEGES, gain_by_exec);
    CLIMB(HOLDS, PRIVILEGES, be_read_by_others);
}

/* ---- landlock ---- */

static int open_behind_landlock(void)
{
    return sandbox.landlock_abi >= 1 &&
           (open("/etc/passwd", O_RDONLY) >= 0 || open("/tmp", O_RDONLY) >= 0 ||
            creat("/tmp/gifd-climbed", 0600) >= 0 || mkdir("/tmp/gifd-climbed", 0700) == 0);
}

TEST(wall_of_landlock)
{
    CLIMB(HOLDS, FILES, open_behind_landlock);
    if (sandbox.landlock_abi < 1) fprintf(stderr, "wall_of_landlock: this kernel has none\n");
}

/* ---- limits ---- */

static bool mapped(size_t n)
{
    return mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static int take_memory(void)
{
    return mapped(4 * (size_t)MEMORY) || !mapped(1 << 20);
}

static int take_memory_bit_by_bit(void)
{
    size_t got = 0;
    while (got <= MEMORY && mapped(1 << 20)) got += 1 << 20;
    return got > MEMORY;
}

static int spin(void)
{
    volatile bool forever = true;
    while (forever) {
    }
    return 0;
}

static int write_too_much(void)
{
    return ftruncate(out_fd, OUT_BYTES + 1) == 0 || pwrite(out_fd, "x", 1, OUT_BYTES) > 0 ||
           pwrite(out_fd, "x", 1, OUT_BYTES - 1) != 1;
}

static int take_descriptors(void)
{
    for (int i = 0; i < 2 * FDS_MAX; i++)
        if (dup(0) < 0) return errno != EMFILE;
    return 1;
}

static int raise_a_limit(void)
{
    struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
    return setrlimit(RLIMIT_AS, &more) == 0 || setrlimit(RLIMIT_CPU, &more) == 0 || setrlimit(RLIMIT_FSIZE, &more) == 0;
}

static int multiply(void)
{
    int got = 0;
    pid_t pid = 1;
    if (!was_root) return 0;
    while (got <= PROCESSES_MAX && (pid = fork()) > 0) got++;
    if (pid == 0) {
        pause();
        _exit(0);
    }
    int why = errno;
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    while (wait(NULL) > 0) {
    }
    return got > PROCESSES_MAX || why != EAGAIN;
}

static int multiply_apart(void)
{
    return setpgid(0, 0) != 0 || multiply() != 0; /* so that kill(0) reaches only its own */
}

TEST(wall_of_limits)
{
    CLIMB(HOLDS, LIMITS, take_memory);
    CLIMB(HOLDS, LIMITS, take_memory_bit_by_bit);
    CLIMB(HOLDS, ALL, take_memory);
    CLIMB(ENDS, LIMITS, spin);
    CLIMB(ENDS, ALL, spin);
    CLIMB(HOLDS, LIMITS, write_too_much);
    CLIMB(HOLDS, ALL, write_too_much);
    CLIMB(HOLDS, LIMITS, take_descriptors);
    CLIMB(HOLDS, LIMITS, raise_a_limit);
    CLIMB(HOLDS, ALL, raise_a_limit);
    CLIMB(HOLDS, LIMITS, multiply_apart);
}

/* ---- system calls ---- */

static int open_file(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES;
}

static int make_file(void)
{
    return creat("/tmp/gifd-climbed", 0600) >= 0 || errno != EACCES;
}

static int open_by_another_call(void)
{
    return syscall(SYS_open, "/proc/self/mem", O_RDWR) >= 0 || syscall(SYS_openat2, -100, "/", NULL, 0) >= 0 ||
           syscall(SYS_open_by_handle_at, -100, NULL, 0) >= 0;
}

static int change_files(void)
{
    return unlink("/etc/passwd") == 0 || rename("/etc/passwd", "/tmp/x") == 0 ||
           mkdir("/tmp/gifd-climbed", 0700) == 0 || chmod("/tmp", 0777) == 0 ||
           symlink("/", "/tmp/gifd-climbed") == 0 || chdir("/") == 0;
}

TEST(wall_of_calls_files)
{
    CLIMB(HOLDS, ALL, open_file);
    CLIMB(HOLDS, CALLS, open_file);
    CLIMB(HOLDS, CALLS, make_file);
    CLIMB(HOLDS, CALLS, open_by_another_call);
    CLIMB(HOLDS, CALLS, change_files);
}

static int make_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static int make_datagram(void)
{
    return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0;
}

static int make_pair(void)
{
    int pair[2];
    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0;
}

static int ask_the_connection_for_more(void)
{
    struct ifreq r = {0};
    return ioctl(SANDBOX_SOCK, SIOCGIFADDR, &r) == 0 || recv(SANDBOX_SOCK, &r, sizeof r, MSG_DONTWAIT) >= 0;
}

TEST(wall_of_calls_network)
{
    CLIMB(KILLS, ALL, make_socket);
    CLIMB(KILLS, CALLS, make_datagram);
    CLIMB(KILLS, CALLS, make_pair);
    CLIMB(HOLDS, ALL, ask_the_connection_for_more);
}

static int run_program(void)
{
    char *argv[] = {"true", NULL}, *envp[] = {NULL};
    execve("/bin/true", argv, envp);
    return 0;
}

static int run_descriptor(void)
{
    char *argv[] = {"true", NULL}, *envp[] = {NULL};
    syscall(SYS_execveat, 0, "", argv, envp, 0x1000);
    return 0;
}

static int trace_parent(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static int read_parent(void)
{
    return syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0) >= 0;
}

static int leave_namespace(void)
{
    return unshare(CLONE_NEWUSER) == 0;
}

static int ring(void)
{
    return syscall(SYS_io_uring_setup, 1, NULL) >= 0;
}

TEST(wall_of_calls_programs)
{
    CLIMB(KILLS, ALL, run_program);
    CLIMB(KILLS, CALLS, run_descriptor);
    CLIMB(KILLS, ALL, trace_parent);
    CLIMB(KILLS, CALLS, read_parent);
    CLIMB(KILLS, CALLS, leave_namespace);
    CLIMB(KILLS, CALLS, ring);
}

static int make_process(void)
{
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    return pid > 0;
}

static int make_process_by_number(void)
{
#ifdef SYS_fork
    if (syscall(SYS_vfork) > 0 || syscall(SYS_fork) > 0) return 1;
#endif
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) > 0;
}

static int clone3_is_unknown(void)
{
    struct clone_args a = {.exit_signal = SIGCHLD};
    return syscall(SYS_clone3, &a, sizeof a) >= 0 || errno != ENOSYS;
}

static int signal_others(void)
{
    return kill(getppid(), 0) == 0 || kill(-1, 0) == 0 || syscall(SYS_tgkill, getppid(), getppid(), 0) == 0;
}

static void *noted(void *arg)
{
    *(int *)arg = 1;
    return NULL;
}

static int thread(void)
{
    pthread_t t;
    int ran = 0;
    if (pthread_create(&t, NULL, noted, &ran) != 0) return 1;
    pthread_join(t, NULL);
    return !ran;
}

TEST(wall_of_calls_processes)
{
    CLIMB(HOLDS, ALL, make_process);
    CLIMB(HOLDS, CALLS, make_process);
    CLIMB(HOLDS, CALLS, make_process_by_number);
    CLIMB(HOLDS, CALLS, clone3_is_unknown);
    CLIMB(HOLDS, ALL, signal_others);
    CLIMB(HOLDS, ALL, thread); /* a gate in it: encoders have threads */
}

static int run_data(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0 ||
           mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

TEST(wall_of_calls_memory)
{
    CLIMB(HOLDS, ALL, run_data);
}

#ifdef __x86_64__
/* getpid of the 32-bit table, whose numbers the filter does not know. */
static int use_the_other_table(void)
{
    int got = 20;
    __asm__ volatile("int $0x80" : "+a"(got) : : "memory");
    return got > 0;
}

TEST(wall_of_calls_other_table)
{
    for (int ordinary = 0; ordinary <= 1; ordinary++) {
        int status = climb_as(ordinary, CALLS, use_the_other_table);
        CHECK(WIFSIGNALED(status)); /* SYS, or SEGV where the kernel has no such table */
    }
}
#endif

/* ---- the report ---- */

static int report_walls(void)
{
    struct sandbox_walls w;
    sandbox_survey(&sandbox, &limits, &w);
    return !(w.user && w.capabilities && w.privileges && w.descriptors && w.limits && w.calls &&
             (!was_root || (w.own_user && w.bounding_set)));
}

static int report_no_walls(void)
{
    struct sandbox_walls w;
    sandbox_survey(&sandbox, &limits, &w);
    return w.own_user || (was_root && (w.user || w.capabilities || w.bounding_set));
}

static int enter_and_report(void)
{
    sandbox_enter(&sandbox, KEPT_FD, getppid());
    return report_walls();
}

TEST(the_survey_tells_what_stands)
{
    CLIMB(HOLDS, PRIVILEGES, report_no_walls);
    CLIMB(HOLDS, BOUNDING, enter_and_report);
}

TEST_MAIN()
