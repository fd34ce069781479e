/* sandbox.h: the walls around a child of the media process.
 *
 * sandbox_prepare runs once in the zygote, which pays for building the filter and the ruleset; a child only applies
 * them, in two steps, because its limits arrive with the question:
 *
 *   sandbox_enter   no descriptor but the connection (as SANDBOX_SOCK), own user when root, no capability and none
 *                   to be had, no new privileges, no file system and no network by landlock where the kernel has
 *                   it, dies with the zygote
 *   sandbox_lock    limits of memory, processor time, file size, descriptors and (with a user of its own) processes;
 *                   then seccomp: read, write, memory, threads, exit. Opening answers EACCES, clone3 ENOSYS (so that
 *                   libc falls back to clone, allowed for threads only); a socket, exec or ptrace kills
 *
 * Built with AddressSanitizer, whose runtime needs to open and map at will, the address space is not limited and
 * neither landlock nor seccomp is put up. Single-threaded callers. */
#ifndef GIFD_MEDIA_SANDBOX_H
#define GIFD_MEDIA_SANDBOX_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SANDBOX_SOCK 3

#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_RELAXED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_RELAXED 1
#endif
#endif

struct sandbox {
    int null_fd;    /* /dev/null */
    int ruleset_fd; /* landlock without a rule, or -1 where the kernel has none */
    int landlock_abi;
    void *filter; /* struct sock_filter[] */
    unsigned short filter_n;
    uint64_t base_bytes; /* address space of the zygote */
};

struct sandbox_limits {
    uint64_t memory;    /* bytes of address space on top of what the zygote had (the mapped input included) */
    uint64_t out_bytes; /* of the largest file */
    uint32_t cpu_s;
};

int sandbox_prepare(struct sandbox *s, struct err *e);
/* In the child. Both end the process when a wall that this machine has cannot be put up. */
void sandbox_enter(const struct sandbox *s, int sock, pid_t zygote);
void sandbox_lock(const struct sandbox *s, const struct sandbox_limits *l);

/* Which walls stand, as the process behind them finds it. */
struct sandbox_walls {
    int landlock_abi;  /* below 1: this kernel has none */
    bool user;         /* not root */
    bool own_user;     /* nor whoever runs the server */
    bool capabilities; /* none */
    bool bounding_set; /* empty */
    bool privileges;   /* no new ones by exec */
    bool descriptors, limits, calls;
};

/* In the child, in place of sandbox_lock. */
void sandbox_survey(const struct sandbox *s, const struct sandbox_limits *l, struct sandbox_walls *w);

#endif
