/* hub.h: who reads what is broadcast. Private to core/script.
 *
 *   bus (one per process, opened by the first reader) --message--> notes, shared by the readers of its topic
 *   reader: a queue of at most READER_NOTES notes; when it is full, or this process keeps NOTES_BYTES_MAX, the oldest
 * go
 *
 * A reader lies in its owner's memory: an object of Lua's (bind_bus.c), or a stream of events (events.c). Loop thread
 * only. */
#ifndef GIFD_SCRIPT_HUB_H
#define GIFD_SCRIPT_HUB_H

#include "base/broadcast.h"
#include "base/list.h"

#define READER_NOTES 64

struct host;
struct hub;

struct note { /* a message */
    size_t refs, n;
    char bytes[];
};

struct reader {
    struct list node;
    struct hub *hub;                /* NULL: it has left */
    void (*news)(struct reader *r); /* a note came */
    uint64_t lost;                  /* messages that it did not get, since somebody set this to 0 */
    size_t first, count;
    struct note *queue[READER_NOTES];
    size_t topic_len;
    char topic[BROADCAST_TOPIC_MAX];
};

/* Hears the topic from now on. GIFD_EBUSY when this process, or the plugin whose topic it is, has too many readers. */
int reader_join(struct host *h, struct reader *r, struct slice topic, void (*news)(struct reader *), struct err *e);
void reader_leave(struct reader *r); /* also when it has left */
/* `to` goes on where `from` stands, which has left then: with its topic and what it has not read. */
void reader_move(struct reader *from, struct reader *to, void (*news)(struct reader *));

/* The oldest note, or an empty slice with p NULL; and away with it. */
struct slice reader_first(const struct reader *r);
void reader_shift(struct reader *r);

void hub_free(struct host *h); /* everybody leaves */

#endif
