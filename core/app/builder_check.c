/* builder_check.c: the builder runs the plugins' checks in a process of its own, where I/O is possible.
 *
 *   builder --fork--> services on the data directory, the new bundle, command "check"
 *           <--pipe-- "begin NAME", "ok NAME" | "refused NAME MESSAGE", ...      (lua/gifd/command/check.lua)
 *
 * Silence for CHECK_MS means that the one that began hangs: the process is killed and the plugin named. */
#include "app/app.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK_MS 10000
#define LINE_MAX_BYTES 2048

struct checking {
    char begun[PLUGIN_NAME_LEN]; /* "" between two */
    char line[LINE_MAX_BYTES];
    size_t n;
    struct buf faults;
};

static _Noreturn void run(const struct datadir *d, const char *bundle, int out)
{
    static const char *const no_urls[] = {NULL};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    fds_keep_only(&d->lock_fd, 1);
    _exit(script_run(d, bundle, no_urls, NULL, "check", 0, NULL));
}

static void fault(struct checking *c, const char *name, const char *message)
{
    buf_printf(&c->faults, NULL, "plugins/%s/init.lua:1: check: %s\n", name, message);
}

static void on_line(struct checking *c, const char *line)
{
    char name[PLUGIN_NAME_LEN];
    int at = 0;
    if (sscanf(line, "begin %64s", name) == 1)
        snprintf(c->begun, sizeof c->begun, "%s", name);
    else
        c->begun[0] = 0;
    if (sscanf(line, "refused %64s %n", name, &at) == 1 && at) fault(c, name, line + at);
}

static void on_bytes(struct checking *c, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '\n') {
            if (c->n < sizeof c->line - 1) c->line[c->n++] = p[i];
            continue;
        }
        c->line[c->n] = 0;
        c->n = 0;
        on_line(c, c->line);
    }
}

/* True when it came to its end. */
static bool listen_to(struct checking *c, int in)
{
    char bytes[1024];
    uint64_t since = clock_mono_ns();
    for (;;) {
        struct pollfd p = {.fd = in, .events = POLLIN};
        uint64_t silent_ms = (clock_mono_ns() - since) / 1000000;
        if (silent_ms >= CHECK_MS) return false;
        if (poll(&p, 1, (int)(CHECK_MS - silent_ms)) <= 0) continue;
        ssize_t n = read(in, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        on_bytes(c, bytes, (size_t)n);
        since = clock_mono_ns();
    }
}

int builder_check(const struct datadir *d, const char *bundle, char *text, size_t cap)
{
    struct checking c = {0};
    int pair[2], status = 0;
    buf_init(&c.faults, cap - 1);
    if (pipe2(pair, O_CLOEXEC) < 0) return snprintf(text, cap, "checks: %s", strerror(errno)), GIFD_EIO;
    pid_t pid = fork();
    if (pid == 0) run(d, bundle, pair[1]);
    close(pair[1]);
    bool ended = pid > 0 && listen_to(&c, pair[0]);
    close(pair[0]);
    if (pid > 0 && !ended) kill(pid, SIGKILL);
    if (pid > 0) waitpid(pid, &status, 0);
    if (!ended && c.begun[0])
        fault(&c, c.begun, "it did not end within 10 s");
    else if (!ended)
        buf_printf(&c.faults, NULL, "the plugins' checks could not be run\n");
    else if (c.begun[0])
        fault(&c, c.begun, "it brought its process down");
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_OK)
        buf_printf(&c.faults, NULL, "the plugins' checks could not be run: see the log\n");
    snprintf(text, cap, "%s", buf_str(&c.faults));
    int rc = c.faults.n ? GIFD_EINVALID : GIFD_OK;
    buf_free(&c.faults);
    return rc;
}
