/* control.c: the messages between the supervisor and its processes, and what else of a supervisor they hold. See app.h.
 */
#include "app/app.h"
#include "base/sink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int control_send(int fd, enum control_type type, int rc, const char *text)
{
    struct control_message m = {.type = type, .rc = rc};
    snprintf(m.text, sizeof m.text, "%s", text ? text : "");
    size_t n = offsetof(struct control_message, text) + strlen(m.text) + 1;
    return send(fd, &m, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

int control_receive(int fd, struct control_message *m)
{
    memset(m, 0, sizeof *m);
    ssize_t n = recv(fd, m, sizeof *m, MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (n < (ssize_t)offsetof(struct control_message, text)) return -1;
    m->text[sizeof m->text - 1] = 0;
    return 1;
}

void fds_keep_only(const int *keep, size_t count)
{
    unsigned from = 3;
    int log = sink_fd();
    for (;;) {
        unsigned next = log >= (int)from ? (unsigned)log : ~0u;
        for (size_t i = 0; i < count; i++)
            if (keep[i] >= (int)from && (unsigned)keep[i] < next) next = (unsigned)keep[i];
        if (next > from) close_range(from, next == ~0u ? next : next - 1, 0);
        if (next == ~0u) return;
        from = next + 1;
    }
}
