/* sandbox_test.c: climbing each wall from inside. A climber runs in a child that has locked itself in; it answers 0
 * when the wall held, anything else when it got over, and some walls kill. */
#include "base/test.h"
#include "media/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEPT_FD 50

static int climb(int (*climber)(void))
{
    static struct sandbox s;
    struct err e;
    int pair[2], status;
    CHECK(sandbox_prepare(&s, &e) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
    CHECK(dup2(s.null_fd, KEPT_FD) == KEPT_FD);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        struct sandbox_limits l = {.memory = 64 << 20, .out_bytes = 1 << 20, .cpu_s = 2};
        sandbox_enter(&s, pair[1], parent);
        sandbox_lock(&s, &l);
        _exit(climber());
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    close(pair[0]);
    close(pair[1]);
    close(s.null_fd);
    close(KEPT_FD);
    if (s.ruleset_fd >= 0) close(s.ruleset_fd);
    free(s.filter);
    return status;
}

static bool held(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int use_kept_descriptor(void)
{
    return fcntl(KEPT_FD, F_GETFD) >= 0;
}

TEST(descriptors_of_the_zygote_are_gone)
{
    CHECK(held(climb(use_kept_descriptor)));
}

static int regain_root(void)
{
    return geteuid() == 0 && setresuid(0, 0, 0) == 0;
}

TEST(root_is_given_up)
{
    CHECK(held(climb(regain_root)));
}

static int answer(void)
{
    return write(SANDBOX_SOCK, "x", 1) != 1;
}

TEST(the_connection_stays_open)
{
    CHECK(held(climb(answer)));
}

static int spin(void)
{
    volatile bool forever = true;
    while (forever) {
    }
    return 0;
}

TEST(a_spin_ends_at_the_cpu_limit)
{
    int status = climb(spin);
    CHECK(WIFSIGNALED(status));
}

#ifndef SANDBOX_RELAXED
static bool killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static int open_file(void)
{
    return open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES;
}

static int make_file(void)
{
    return creat("/tmp/gifd-climbed", 0600) >= 0;
}

static int open_by_another_call(void)
{
    return syscall(SYS_open, "/proc/self/mem", O_RDWR) >= 0 || syscall(SYS_openat2, -100, "/", NULL, 0) >= 0;
}

TEST(nothing_can_be_opened)
{
    CHECK(held(climb(open_file)));
    CHECK(held(climb(make_file)));
    CHECK(held(climb(open_by_another_call)));
}

static int make_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0;
}

static int make_datagram(void)
{
    return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0;
}

TEST(a_socket_kills)
{
    CHECK(killed(climb(make_socket)));
    CHECK(killed(climb(make_datagram)));
}

static int run_program(void)
{
    char *argv[] = {"true", NULL}, *envp[] = {NULL};
    execve("/bin/true", argv, envp);
    return 0;
}

TEST(a_program_kills)
{
    CHECK(killed(climb(run_program)));
}

static int trace_parent(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

TEST(ptrace_kills)
{
    CHECK(killed(climb(trace_parent)));
}

static int make_process(void)
{
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    return pid > 0;
}

static int make_process_by_number(void)
{
    return syscall(SYS_vfork) > 0 || syscall(SYS_fork) > 0 || syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) > 0;
}

static int clone3_is_unknown(void)
{
    struct clone_args a = {.exit_signal = SIGCHLD};
    return syscall(SYS_clone3, &a, sizeof a) >= 0 || errno != ENOSYS;
}

TEST(no_process_can_be_made)
{
    CHECK(held(climb(make_process)));
    CHECK(held(climb(make_process_by_number)));
    CHECK(held(climb(clone3_is_unknown)));
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

TEST(threads_still_work)
{
    CHECK(held(climb(thread)));
}

static int signal_parent(void)
{
    return kill(getppid(), SIGTERM) == 0;
}

TEST(nobody_can_be_signalled)
{
    CHECK(held(climb(signal_parent)));
}

static int run_data(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0 ||
           mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

TEST(memory_cannot_be_made_executable)
{
    CHECK(held(climb(run_data)));
}

static bool mapped(size_t n)
{
    return mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

static int take_memory(void)
{
    return mapped(256 << 20) || !mapped(1 << 20);
}

TEST(memory_ends_at_its_limit)
{
    CHECK(held(climb(take_memory)));
}
#endif

TEST_MAIN()
