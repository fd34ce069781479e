/* control.c: the messages between the supervisor and its processes. See app.h. */
#include "app/app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

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
