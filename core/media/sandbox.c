/* sandbox.c: see sandbox.h. Landlock is called by number: Debian 12's libc has no wrappers for it. */
#include "media/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534
#define FDS_MAX 32
#define PROCESSES_MAX 512 /* processes and threads of NOBODY in all; of a user who has others, no such limit is set */
#define EXIT_WALL 3       /* a wall could not be put up */

/* The kernel's struct of ABI 6; older kernels take a prefix of it. */
struct ruleset {
    uint64_t fs, net, scoped;
};

static int make_ruleset(struct sandbox *s)
{
    s->ruleset_fd = -1;
    s->landlock_abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (s->landlock_abi < 1) return 0;
    int abi = s->landlock_abi;
    struct ruleset r = {.fs = abi >= 5   ? 0xffff
                              : abi >= 3 ? 0x7fff
                              : abi == 2 ? 0x3fff
                                         : 0x1fff,
                        .net = abi >= 4 ? 3 : 0,
                        .scoped = abi >= 6 ? 3 : 0};
    size_t n = abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
    s->ruleset_fd = (int)syscall(SYS_landlock_create_ruleset, &r, n, 0);
    return s->ruleset_fd < 0 ? -1 : 0;
}

#ifndef SANDBOX_RELAXED
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(pread64),
    SCMP_SYS(readv),
    SCMP_SYS(write),
    SCMP_SYS(pwrite64),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(ftruncate),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(getrandom),
    SCMP_SYS(restart_syscall),
};

static const int fatal[] = {
    SCMP_SYS(socket),
    SCMP_SYS(socketpair),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(accept4),
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(bpf),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(keyctl),
    SCMP_SYS(perf_event_open),
};

static const int opening[] = {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(creat)};

static int add_rules(scmp_filter_ctx c)
{
    int rc = 0;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        rc |= seccomp_rule_add(c, SCMP_ACT_ALLOW, allowed[i], 0);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        rc |= seccomp_rule_add(c, SCMP_ACT_KILL_PROCESS, fatal[i], 0);
    for (size_t i = 0; i < sizeof opening / sizeof *opening; i++)
        rc |= seccomp_rule_add(c, SCMP_ACT_ERRNO(EACCES), opening[i], 0);
    rc |= seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    rc |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                           SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    rc |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    rc |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    rc |= seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, PR_SET_NAME));
    return rc;
}

/* Built here once and exported as a program, so that a child makes one system call instead of a thousand lines. */
static int make_filter(struct sandbox *s, struct err *e)
{
    int rc = GIFD_OK, fd = -1;
    struct stat st;
    scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!c || seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2) < 0 || add_rules(c) < 0) {
        rc = err_set(e, GIFD_EINTERNAL, "the system call filter could not be built");
        goto out;
    }
    fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0 || seccomp_export_bpf(c, fd) < 0 || fstat(fd, &st) < 0) {
        rc = err_sys(e, errno, "the system call filter");
        goto out;
    }
    s->filter = malloc((size_t)st.st_size);
    s->filter_n = (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
    if (!s->filter || pread(fd, s->filter, (size_t)st.st_size, 0) != st.st_size)
        rc = err_set(e, GIFD_ENOMEM, "the system call filter");
out:
    if (fd >= 0) close(fd);
    if (c) seccomp_release(c);
    return rc;
}
#endif

static uint64_t address_space(void)
{
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%llu", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int sandbox_prepare(struct sandbox *s, struct err *e)
{
    *s = (struct sandbox){.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC), .ruleset_fd = -1};
    if (s->null_fd < 0) return err_sys(e, errno, "/dev/null");
    if (make_ruleset(s) < 0) return err_sys(e, errno, "landlock");
#ifndef SANDBOX_RELAXED
    if (make_filter(s, e) < 0) return e ? e->code : GIFD_EINTERNAL;
#endif
    s->base_bytes = address_space();
    return GIFD_OK;
}

static void need(bool held)
{
    if (!held) _exit(EXIT_WALL);
}

/* Every wall is a function, so that a test can put up one alone. */

static void wall_descriptors(const struct sandbox *s, int sock, int *ruleset)
{
    *ruleset = s->ruleset_fd;
    need(dup2(s->null_fd, 0) == 0 && dup2(s->null_fd, 1) == 1);
#ifndef SANDBOX_RELAXED
    need(dup2(s->null_fd, 2) == 2);
#endif
    if (*ruleset == SANDBOX_SOCK) need((*ruleset = fcntl(*ruleset, F_DUPFD_CLOEXEC, SANDBOX_SOCK + 1)) >= 0);
    if (sock != SANDBOX_SOCK) need(dup2(sock, SANDBOX_SOCK) == SANDBOX_SOCK);
    for (int fd = SANDBOX_SOCK + 1; fd < *ruleset; fd++) close(fd);
    need(close_range(*ruleset > SANDBOX_SOCK ? (unsigned)*ruleset + 1 : SANDBOX_SOCK + 1, ~0U, 0) == 0);
}

/* The bounding set can be emptied by root only; without it, no program that a child might start could gain a
 * capability either, but it can start none. */
static void wall_capabilities(void)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    need(syscall(SYS_capset, &h, none) == 0);
}

static void empty_bounding_set(void)
{
    for (int cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
}

static void wall_user(void)
{
    if (geteuid() != 0) return;
    need(setgroups(0, NULL) == 0 || errno == EPERM);
    need(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
}

static void wall_privileges(void)
{
    need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    prctl(PR_SET_DUMPABLE, 0);
}

static void wall_files(int ruleset)
{
#ifndef SANDBOX_RELAXED
    if (ruleset >= 0) need(syscall(SYS_landlock_restrict_self, ruleset, 0) == 0);
#endif
    if (ruleset >= 0) close(ruleset);
}

void sandbox_enter(const struct sandbox *s, int sock, pid_t zygote)
{
    int ruleset;
    wall_descriptors(s, sock, &ruleset);
    empty_bounding_set();
    wall_user();
    wall_capabilities();
    wall_privileges();
    need(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == zygote); /* after setresuid, which clears it */
    wall_files(ruleset);
}

static void limit_two(int what, uint64_t soft, uint64_t hard)
{
    struct rlimit r = {soft, hard}, now;
    if (getrlimit(what, &now) == 0 && now.rlim_max != RLIM_INFINITY) {
        if (r.rlim_max > now.rlim_max) r.rlim_max = now.rlim_max;
        if (r.rlim_cur > now.rlim_max) r.rlim_cur = now.rlim_max;
    }
    need(setrlimit(what, &r) == 0);
}

static void limit(int what, uint64_t most)
{
    limit_two(what, most, most);
}

static void wall_limits(const struct sandbox *s, const struct sandbox_limits *l)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);                      /* a write past the limit answers EFBIG */
    limit_two(RLIMIT_CPU, l->cpu_s, l->cpu_s + 1); /* XCPU says why, and KILL comes to who ignores it */
    limit(RLIMIT_FSIZE, l->out_bytes);
    limit(RLIMIT_NOFILE, FDS_MAX);
    limit(RLIMIT_CORE, 0);
    if (geteuid() == NOBODY) limit(RLIMIT_NPROC, PROCESSES_MAX);
#ifndef SANDBOX_RELAXED
    limit(RLIMIT_AS, s->base_bytes + l->memory);
#else
    (void)s;
#endif
}

static void wall_calls(const struct sandbox *s)
{
#ifndef SANDBOX_RELAXED
    struct sock_fprog program = {.len = s->filter_n, .filter = s->filter};
    need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
#else
    (void)s;
#endif
}

void sandbox_lock(const struct sandbox *s, const struct sandbox_limits *l)
{
    wall_limits(s, l);
    wall_calls(s);
}

static bool no_capability(void)
{
    struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct have[2] = {0};
    return syscall(SYS_capget, &h, have) == 0 &&
           !(have[0].permitted | have[1].permitted | have[0].inheritable | have[1].inheritable);
}

static bool no_bounding_set(void)
{
    for (int cap = 0; cap < 64; cap++)
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1) return false;
    return true;
}

void sandbox_survey(const struct sandbox *s, const struct sandbox_limits *l, struct sandbox_walls *w)
{
    struct rlimit r;
    *w = (struct sandbox_walls){.landlock_abi = s->landlock_abi,
                                .user = getuid() != 0 && geteuid() != 0,
                                .own_user = getuid() == NOBODY,
                                .capabilities = no_capability(),
                                .bounding_set = no_bounding_set(),
                                .privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
                                .descriptors = fcntl(SANDBOX_SOCK + 1, F_GETFD) < 0};
    wall_limits(s, l);
    w->limits = getrlimit(RLIMIT_AS, &r) == 0 && r.rlim_max != RLIM_INFINITY && getrlimit(RLIMIT_CPU, &r) == 0 &&
                r.rlim_max == l->cpu_s + 1;
    wall_calls(s);
    w->calls = open("/dev/null", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES;
}
