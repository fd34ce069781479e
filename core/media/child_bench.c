/* child_bench.c: what a look and a poster cost, from the fork to the answer, beside ffprobe and ffmpeg on the same
 * file.
 *
 *   child_bench FILE...      medians of ROUNDS, in milliseconds: wall and processor time of each, and the ratio
 *
 * The child is the real one: forked from a warmed-up parent, behind its walls, asked over a socket. */
#include "base/clock.h"
#include "media/child.h"
#include "media/sandbox.h"
#include "media/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 21

struct cost {
    double wall, cpu; /* ms */
};

static struct sandbox sandbox;

static double spent(const struct rusage *r)
{
    return (double)(r->ru_utime.tv_sec + r->ru_stime.tv_sec) * 1e3 +
           (double)(r->ru_utime.tv_usec + r->ru_stime.tv_usec) / 1e3;
}

static struct cost wait_for(pid_t pid, uint64_t begin)
{
    struct rusage r;
    int status = -1;
    wait4(pid, &status, 0, &r);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) fprintf(stderr, "a child failed: %x\n", (unsigned)status);
    return (struct cost){(double)(clock_mono_ns() - begin) / 1e6, spent(&r)};
}

static void send_question(int sock, const struct wire_question *q, const int *fd, size_t fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * WIRE_FDS_MAX)];
    } control = {0};
    struct iovec iov = {(void *)(uintptr_t)q, sizeof *q};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = CMSG_SPACE(sizeof(int) * fds)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int) * fds);
    memcpy(CMSG_DATA(c), fd, sizeof(int) * fds);
    if (sendmsg(sock, &m, 0) < 0) perror("sendmsg");
}

static struct cost ask_child(const char *path, bool poster)
{
    static struct wire_answer w;
    struct wire_question q = {.magic = WIRE_MAGIC,
                              .version = WIRE_VERSION,
                              .op = poster ? MEDIA_RENDER : MEDIA_PROBE,
                              .recipes = poster,
                              .recipe = {{.format = MEDIA_JPEG, .background = 0xffffff}}};
    int fd[2] = {open(path, O_RDONLY | O_CLOEXEC), memfd_create("out", MFD_CLOEXEC)}, pair[2];
    q.limits = (struct media_limits){.canvas_px = 50000000,
                                     .total_px = 500000000,
                                     .frames = 10000,
                                     .deadline_ms = 10000,
                                     .memory = 1 << 30,
                                     .out_bytes = 64 << 20};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) perror("socketpair");
    send_question(pair[0], &q, fd, 1 + q.recipes);
    pid_t parent = getpid();
    uint64_t begin = clock_mono_ns();
    pid_t pid = fork();
    if (pid == 0) {
        sandbox_enter(&sandbox, pair[1], parent);
        _exit(child_run(&sandbox));
    }
    close(pair[1]);
    if (recv(pair[0], &w, sizeof w, 0) != sizeof w || w.code) fprintf(stderr, "%s: %s\n", path, w.text);
    struct cost c = wait_for(pid, begin);
    close(pair[0]);
    close(fd[0]);
    close(fd[1]);
    return c;
}

static struct cost run_program(char *const *argv)
{
    uint64_t begin = clock_mono_ns();
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0), dup2(null, 1), dup2(null, 2);
        execvp(argv[0], argv);
        _exit(127);
    }
    return wait_for(pid, begin);
}

static struct cost run_peer(const char *path, bool poster)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", path);
    char *const probe[] = {"ffprobe", "-loglevel", "error", "-show_format", "-show_streams", copy, NULL};
    char *const still[] = {"ffmpeg", "-nostdin", "-loglevel", "error",   "-y", "-i",        copy, "-frames:v",
                           "1",      "-f",       "mjpeg",     "-update", "1",  "/dev/null", NULL};
    return run_program(poster ? still : probe);
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static struct cost median(struct cost (*run)(const char *, bool), const char *path, bool poster)
{
    double wall[ROUNDS], cpu[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        struct cost c = run(path, poster);
        wall[i] = c.wall;
        cpu[i] = c.cpu;
    }
    qsort(wall, ROUNDS, sizeof *wall, by_value);
    qsort(cpu, ROUNDS, sizeof *cpu, by_value);
    return (struct cost){wall[ROUNDS / 2], cpu[ROUNDS / 2]};
}

int main(int argc, char **argv)
{
    struct err e;
    if (child_warm_up(&e) < 0 || sandbox_prepare(&sandbox, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    printf("%-32s %-6s %19s %19s %15s\n", "ms", "", "gifd wall    cpu", "peer wall    cpu", "ratio wall cpu");
    for (int i = 1; i < argc; i++)
        for (int poster = 0; poster < 2; poster++) {
            struct cost ours = median(ask_child, argv[i], poster), peer = median(run_peer, argv[i], poster);
            printf("%-32.32s %-6s %10.2f %8.2f %10.1f %8.1f %8.4f %6.4f\n", basename(argv[i]),
                   poster ? "poster" : "probe", ours.wall, ours.cpu, peer.wall, peer.cpu, ours.wall / peer.wall,
                   ours.cpu / peer.cpu);
            fflush(stdout);
        }
    return 0;
}
