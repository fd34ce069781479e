/* hub.c: see hub.h. */
#include "script/hub.h"
#include "loop/bus.h"
#include "script/host_int.h"

#include <stdlib.h>

#define READERS_MAX 1024
#define READERS_OF_ONE 128 /* of one plugin: topics "plugin:NAME:..." */
#define NOTES_BYTES_MAX ((size_t)32 << 20)

struct hub {
    struct bus *bus;
    struct list readers;
    size_t count, kept; /* readers; bytes of notes */
};

/* ---- notes ---- */

static void drop(struct hub *hub, struct note *n)
{
    if (--n->refs) return;
    hub->kept -= n->n;
    free(n);
}

static struct note *shift(struct reader *r)
{
    struct note *n = r->queue[r->first];
    r->first = (r->first + 1) % READER_NOTES;
    r->count--;
    return n;
}

struct slice reader_first(const struct reader *r)
{
    if (!r->hub || !r->count) return (struct slice){NULL, 0};
    const struct note *n = r->queue[r->first];
    return slice_of(n->bytes, n->n);
}

void reader_shift(struct reader *r)
{
    if (r->hub && r->count) drop(r->hub, shift(r));
}

static struct note *note_new(struct hub *hub, struct slice bytes)
{
    struct note *n = hub->kept + bytes.n <= NOTES_BYTES_MAX ? malloc(sizeof *n + bytes.n) : NULL;
    if (!n) return NULL;
    *n = (struct note){.n = bytes.n, .refs = 1};
    memcpy(n->bytes, bytes.p, bytes.n);
    hub->kept += n->n;
    return n;
}

/* ---- hearing ---- */

static void enqueue(struct hub *hub, struct reader *r, struct note *n)
{
    if (!n || r->count == READER_NOTES) r->lost++;
    if (!n) return;
    if (r->count == READER_NOTES) drop(hub, shift(r));
    r->queue[(r->first + r->count++) % READER_NOTES] = n;
    n->refs++;
}

/* All queue the note before anybody is told: whoever is told may leave, and take others along. */
static void on_message(void *arg, const struct broadcast_message *m)
{
    struct host *h = arg;
    struct hub *hub = h->hub;
    struct note *note = NULL;
    struct list told;
    list_init(&told);
    for (struct list *n = hub->readers.next, *next; n != &hub->readers; n = next) {
        struct reader *r = LIST_OF(n, struct reader, node);
        next = n->next;
        r->lost += m->lost;
        if (!slice_eq(slice_of(r->topic, r->topic_len), m->topic)) continue;
        if (!note) note = note_new(hub, m->bytes);
        enqueue(hub, r, note);
        list_remove(n);
        list_push(&told, n);
    }
    if (note) drop(hub, note);
    for (struct list *n; (n = list_shift(&told));) {
        struct reader *r = LIST_OF(n, struct reader, node);
        list_push(&hub->readers, n);
        r->news(r);
    }
    host_settle(h);
}

static struct hub *hub_here(struct host *h, struct err *e)
{
    if (h->hub) return h->hub;
    struct hub *hub = calloc(1, sizeof *hub);
    if (!hub) {
        err_set(e, GIFD_ENOMEM, "bus");
        return NULL;
    }
    list_init(&hub->readers);
    hub->bus = bus_open(h->s.loop, h->broadcast, on_message, h, e);
    if (!hub->bus) {
        free(hub);
        return NULL;
    }
    return h->hub = hub;
}

/* ---- coming and going ---- */

/* How many readers have topics that begin as this one does, up to and with its second colon. */
static size_t kin(const struct hub *hub, struct slice topic)
{
    size_t n = 0;
    const char *colon = slice_starts(topic, SLICE("plugin:")) ? memchr(topic.p + 7, ':', topic.n - 7) : NULL;
    if (!colon) return 0;
    size_t len = (size_t)(colon - topic.p) + 1;
    for (const struct list *l = hub->readers.next; l != &hub->readers; l = l->next) {
        const struct reader *r = LIST_OF(l, struct reader, node);
        n += r->topic_len >= len && !memcmp(r->topic, topic.p, len);
    }
    return n;
}

int reader_join(struct host *h, struct reader *r, struct slice topic, void (*news)(struct reader *), struct err *e)
{
    struct hub *hub = hub_here(h, e);
    if (!hub) return e->code;
    if (hub->count >= READERS_MAX || kin(hub, topic) >= READERS_OF_ONE)
        return err_set(e, GIFD_EBUSY, "there are too many readers already");
    memcpy(r->topic, topic.p, topic.n);
    r->topic_len = topic.n;
    r->news = news;
    r->hub = hub;
    hub->count++;
    list_push(&hub->readers, &r->node);
    return GIFD_OK;
}

void reader_leave(struct reader *r)
{
    struct hub *hub = r->hub;
    if (!hub) return;
    list_remove(&r->node);
    while (r->count) drop(hub, shift(r));
    hub->count--;
    r->hub = NULL;
}

void reader_move(struct reader *from, struct reader *to, void (*news)(struct reader *))
{
    *to = *from;
    to->news = news;
    list_init(&to->node);
    if (!from->hub) return;
    list_remove(&from->node);
    list_push(&to->hub->readers, &to->node);
    from->hub = NULL;
    from->count = 0;
}

void hub_free(struct host *h)
{
    struct hub *hub = h->hub;
    if (!hub) return;
    bus_close(hub->bus);
    while (!list_empty(&hub->readers)) reader_leave(LIST_OF(hub->readers.next, struct reader, node));
    free(hub);
    h->hub = NULL;
}
