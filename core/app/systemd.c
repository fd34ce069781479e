/* systemd.c: see systemd.h. */
#include "app/systemd.h"
#include "app/app.h"
#include "base/clock.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_FD 3

static int passed[LISTEN_MAX]; /* -1: given away */
static size_t passed_count;
static uint64_t watchdog_ns, alive_ns; /* half of the period; 0: no watchdog */

static bool is_for_us(const char *variable)
{
    const char *pid = getenv(variable);
    return pid && atoi(pid) == (int)getpid();
}

void systemd_begin(void)
{
    const char *count = getenv("LISTEN_FDS"), *period = getenv("WATCHDOG_USEC");
    int n = count && is_for_us("LISTEN_PID") ? atoi(count) : 0;
    for (int fd = FIRST_FD; fd < FIRST_FD + n && passed_count < LISTEN_MAX; fd++) {
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) continue;
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        passed[passed_count++] = fd;
    }
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDNAMES");
    if (period && (!getenv("WATCHDOG_PID") || is_for_us("WATCHDOG_PID")))
        watchdog_ns = strtoull(period, NULL, 10) * 1000 / 2;
}

/* "127.0.0.1:80", "[::1]:80"; false when it is no listening stream socket of the internet. */
static bool name_of(int fd, char name[64])
{
    struct sockaddr_storage a = {0};
    socklen_t len = sizeof a, size = sizeof(int);
    char ip[INET6_ADDRSTRLEN];
    int listening = 0, type = 0;
    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size);
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
    if (!listening || type != SOCK_STREAM || getsockname(fd, (struct sockaddr *)&a, &len) < 0) return false;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a;
    if (a.ss_family == AF_INET && inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip))
        snprintf(name, 64, "%s:%d", ip, ntohs(v4->sin_port));
    else if (a.ss_family == AF_INET6 && inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip))
        snprintf(name, 64, "[%s]:%d", ip, ntohs(v6->sin6_port));
    else
        return false;
    return true;
}

int systemd_socket(const char *address, char *url, size_t cap)
{
    char name[64];
    for (size_t i = 0; i < passed_count; i++) {
        int fd = passed[i];
        if (fd < 0 || !name_of(fd, name) || strcmp(name, address) != 0) continue;
        passed[i] = -1;
        snprintf(url, cap, "http://%s", name);
        return fd;
    }
    return -1;
}

void systemd_close_rest(void)
{
    for (size_t i = 0; i < passed_count; i++) {
        char name[64] = "not a TCP address";
        if (passed[i] < 0) continue;
        name_of(passed[i], name);
        log_warn("systemd.unused", LS("socket", name), LS("why", "no listen of the configuration names it"));
        close(passed[i]);
    }
    passed_count = 0;
}

static void tell(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof a.sun_path || (*path != '/' && *path != '@')) return;
    memcpy(a.sun_path, path, n);
    if (*path == '@') a.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&a, len) < 0)
        log_debug("systemd.notify", LS("text", text));
    close(fd);
}

void systemd_ready(void)
{
    tell("READY=1");
}

void systemd_reloading(void)
{
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(clock_mono_ns() / 1000));
    tell(text);
}

void systemd_stopping(void)
{
    tell("STOPPING=1");
}

void systemd_alive(void)
{
    uint64_t now = clock_mono_ns();
    if (!watchdog_ns || now - alive_ns < watchdog_ns) return;
    alive_ns = now;
    tell("WATCHDOG=1");
}
