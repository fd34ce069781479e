/* broadcast.c: see broadcast.h.
 *
 *   record: | bytes u32, topic length u16, message length u16 | number u64 | topic, message | padding to 8
 *
 * A record never goes around the end of the ring: what is left there is filled by one without topic, which readers step
 * over. The word that sleepers watch is the count of messages. */
#include "base/broadcast.h"
#include "base/shared_lock.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LOCK_MS 100

struct record {
    uint32_t bytes;
    uint16_t topic, message;
    uint64_t number;
};

struct broadcast {
    pthread_mutex_t lock;
    _Alignas(64) _Atomic uint64_t head;
    _Atomic uint64_t number; /* of the next message */
    _Atomic uint64_t tail;
    _Atomic uint32_t word;
    _Alignas(64) char ring[BROADCAST_RING_BYTES];
};

size_t broadcast_bytes(void)
{
    return sizeof(struct broadcast);
}

void broadcast_init(struct broadcast *b)
{
    shared_lock_init(&b->lock);
}

static int lock(struct broadcast *b, struct err *e)
{
    return shared_lock_take(&b->lock, LOCK_MS) ? err_set(e, GIFD_EBUSY, "somebody else is publishing") : GIFD_OK;
}

static char *place(const struct broadcast *b, uint64_t at)
{
    return (char *)b->ring + at % BROADCAST_RING_BYTES;
}

/* The head of the record at `at`; of a filler at the ring's end perhaps only its first eight bytes. */
static struct record peek(const struct broadcast *b, uint64_t at)
{
    struct record r = {0};
    size_t left = BROADCAST_RING_BYTES - (size_t)(at % BROADCAST_RING_BYTES);
    memcpy(&r, place(b, at), left < sizeof r ? left : sizeof r);
    return r;
}

/* Lets the oldest go until `need` more bytes fit behind head. */
static void make_room(struct broadcast *b, uint64_t head, uint32_t need)
{
    uint64_t tail = atomic_load_explicit(&b->tail, memory_order_relaxed);
    while (head + need - tail > BROADCAST_RING_BYTES) tail += peek(b, tail).bytes;
    atomic_store_explicit(&b->tail, tail, memory_order_relaxed);
    atomic_thread_fence(memory_order_release); /* before anything there is overwritten */
}

int broadcast_publish(struct broadcast *b, struct slice topic, struct slice bytes, struct err *e)
{
    if (topic.n < 1 || topic.n > BROADCAST_TOPIC_MAX)
        return err_set(e, GIFD_ETOOBIG, "a topic has 1 to %d bytes", BROADCAST_TOPIC_MAX);
    if (bytes.n > BROADCAST_BYTES_MAX)
        return err_set(e, GIFD_ETOOBIG, "a message has at most %d bytes", BROADCAST_BYTES_MAX);
    struct record r = {.bytes = (uint32_t)((sizeof r + topic.n + bytes.n + 7) & ~(size_t)7),
                       .topic = (uint16_t)topic.n,
                       .message = (uint16_t)bytes.n};
    int rc = lock(b, e);
    if (rc < 0) return rc;
    uint64_t head = atomic_load_explicit(&b->head, memory_order_relaxed);
    uint32_t left = BROADCAST_RING_BYTES - (uint32_t)(head % BROADCAST_RING_BYTES);
    uint32_t fill = left < r.bytes ? left : 0;
    make_room(b, head, fill + r.bytes);
    r.number = atomic_load_explicit(&b->number, memory_order_relaxed);
    if (fill) {
        /* What is left may be too short for a whole record: its first eight bytes say all. */
        struct record filler = {.bytes = fill};
        memcpy(place(b, head), &filler, fill < sizeof filler ? fill : sizeof filler);
        head += fill;
    }
    char *p = place(b, head);
    memcpy(p, &r, sizeof r);
    memcpy(p + sizeof r, topic.p, topic.n);
    if (bytes.n) memcpy(p + sizeof r + topic.n, bytes.p, bytes.n);
    atomic_store_explicit(
        &b->number, r.number + 1,
        memory_order_relaxed); /* a death here leaves a number out: a reader counts one lost that never was */
    atomic_store_explicit(&b->head, head + r.bytes, memory_order_release);
    pthread_mutex_unlock(&b->lock);
    broadcast_stir(b);
    return GIFD_OK;
}

void broadcast_join(const struct broadcast *b, struct broadcast_reader *r)
{
    do {
        r->at = atomic_load_explicit(&b->head, memory_order_acquire);
        r->number = atomic_load_explicit(&b->number, memory_order_acquire); /* one too large while somebody publishes */
    } while (r->at != atomic_load_explicit(&b->head, memory_order_relaxed));
}

/* False when what was copied from the reader's position may have been overwritten meanwhile. */
static bool intact(const struct broadcast *b, const struct broadcast_reader *r)
{
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&b->tail, memory_order_relaxed) <= r->at;
}

bool broadcast_read(const struct broadcast *b, struct broadcast_reader *r, struct broadcast_message *out)
{
    for (;;) {
        uint64_t end = atomic_load_explicit(&b->head, memory_order_acquire);
        uint64_t tail = atomic_load_explicit(&b->tail, memory_order_acquire);
        if (r->at < tail) r->at = tail;
        if (r->at >= end) return false;
        struct record head = peek(b, r->at);
        if (!intact(b, r)) continue;
        if (!head.topic) {
            r->at += head.bytes;
            continue;
        }
        memcpy(r->record, place(b, r->at + sizeof head), (size_t)head.topic + head.message);
        if (!intact(b, r)) continue;
        out->topic = slice_of(r->record, head.topic);
        out->bytes = slice_of(r->record + head.topic, head.message);
        out->lost = head.number < r->number ? 0 : head.number - r->number;
        r->number = head.number + 1;
        r->at += head.bytes;
        return true;
    }
}

uint32_t broadcast_seen(const struct broadcast *b)
{
    return atomic_load_explicit(&b->word, memory_order_acquire);
}

void broadcast_wait(const struct broadcast *b, uint32_t seen, uint32_t ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
    syscall(SYS_futex, &b->word, FUTEX_WAIT, seen, &t, NULL, 0);
}

void broadcast_stir(struct broadcast *b)
{
    atomic_fetch_add_explicit(&b->word, 1, memory_order_release);
    syscall(SYS_futex, &b->word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
