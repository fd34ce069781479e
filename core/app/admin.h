/* admin.h: DATA/control.sock, where the owner of a server and its own processes ask the supervisor.
 *
 *   {"do":"status"}\n                              -> {"version":"0.1.0","live":{...},...}\n
 *   {"do":"reload","plugins":["/folder"]?}\n       -> {"generation":8,...}\n or {"error":"refused","faults":[...]}\n
 *   {"do":"rollback","generation":6?}\n            -> the same
 *   {"do":"enable","plugin":"NAME"}\n              -> the same
 *
 * One question and one answer per connection, each a line. What changes the generation is answered when it is decided.
 * The socket's mode is 0600 and the kernel says who is at the other end: only our own user and root are heard. At most
 * ADMIN_MAX connections, a question has ADMIN_ASK_MAX bytes and five seconds. Part of the supervisor's loop, no thread;
 * nothing here waits. */
#ifndef GIFD_APP_ADMIN_H
#define GIFD_APP_ADMIN_H

#include "app/app.h"
#include "base/json.h"

#include <poll.h>

#define ADMIN_MAX 64
#define ADMIN_ASK_MAX ((size_t)32 << 10)
#define ADMIN_ANSWER_MAX ((size_t)1 << 20)

struct supervisor;

struct admin_connection {
    int fd; /* -1: free */
    struct buf in, out;
    size_t sent;
    uint64_t deadline_ns; /* 0: waits for an answer of ours */
    uint64_t ticket;      /* of the reload that it waits for; 0: none */
    bool status;          /* waits for status.c */
};
struct admin {
    int fd; /* listening; -1: none */
    struct admin_connection at[ADMIN_MAX];
};

int admin_open(struct supervisor *s, struct err *e);             /* the socket takes the place of one that is there */
size_t admin_poll(const struct supervisor *s, struct pollfd *p); /* fills ADMIN_MAX + 1 entries, from admin.fd on */
void admin_on_poll(struct supervisor *s, const struct pollfd *p);
void admin_on_time(struct supervisor *s); /* each turn */
/* Answers who waits for that ticket. why NULL: `generation` serves; else the faults, one a line. */
void admin_decided(struct supervisor *s, uint64_t ticket, bool changed, bool restart, const char *why);
void admin_status(struct supervisor *s, struct slice json); /* answers who waits for it */

/* "FILE:LINE: message" a line -> [{"file","line","message"}, ...]; what has no place has only a message. */
void admin_write_faults(struct json_writer *w, const char *text);

/* The other side, for commands: asks and waits for the answer, at most timeout_ms. GIFD_ENOTFOUND: no server runs
 * there; GIFD_ECLOSED: it went away meanwhile. */
int admin_ask(const struct datadir *d, struct slice question, int timeout_ms, struct buf *answer, struct err *e);

#endif
