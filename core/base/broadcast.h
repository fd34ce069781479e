/* broadcast.h: short messages to everybody who shares the memory, the last megabyte of them.
 *
 *   publishers, one at a time by a robust mutex:  tail -> | oldest record | ... | newest record | <- head
 *   readers, any number, at their own pace:       each has a position; one that falls behind tail has lost something
 *
 * A record is written behind head before head moves, and tail moves before what lies there is overwritten: so a
 * publisher that dies has published or has not, and a reader that was overtaken while it copied notices. Nobody waits
 * for a reader. Positions are bytes since the beginning and never wrap. Any thread of any process; a reader belongs to
 * one thread. */
#ifndef GIFD_BASE_BROADCAST_H
#define GIFD_BASE_BROADCAST_H

#include "base/err.h"
#include "base/slice.h"

#include <stdint.h>

#define BROADCAST_TOPIC_MAX 128
#define BROADCAST_BYTES_MAX (16 * 1024) /* of one message */
#define BROADCAST_RING_BYTES (1 << 20)

struct broadcast;
size_t broadcast_bytes(void);             /* its size, for whoever maps it; 64-byte aligned */
void broadcast_init(struct broadcast *b); /* of zeroed memory, once, before anybody else sees it */

/* GIFD_ETOOBIG for a topic or a message over its maximum; GIFD_EBUSY when the lock was not to be had in 100 ms. */
int broadcast_publish(struct broadcast *b, struct slice topic, struct slice bytes, struct err *e);

struct broadcast_reader {
    uint64_t at, number; /* position, and number of the next message */
    char record[BROADCAST_TOPIC_MAX + BROADCAST_BYTES_MAX];
};
struct broadcast_message {
    struct slice topic, bytes; /* in the reader; valid until its next call */
    uint64_t lost;             /* messages, of whatever topic, that were overwritten before this one was read */
};
/* Only what is published from now on. */
void broadcast_join(const struct broadcast *b, struct broadcast_reader *r);
/* False when there is nothing new. */
bool broadcast_read(const struct broadcast *b, struct broadcast_reader *r, struct broadcast_message *out);

/* Sleeps until something is published after `seen` was read, somebody calls broadcast_stir, or the time has passed
 * (also at any other moment: look again). Blocks its thread. */
uint32_t broadcast_seen(const struct broadcast *b);
void broadcast_wait(const struct broadcast *b, uint32_t seen, uint32_t ms);
void broadcast_stir(struct broadcast *b); /* wakes everybody who waits */

#endif
