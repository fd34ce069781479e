/* holder.c: see holder_int.h. */
#include "http/holder_int.h"

#include <stdlib.h>

#define SLOW_MS 1000 /* who waited less for its client is not slow */
#define IDLE_MS 1000 /* a connection idle for less may have a request under way */
#define HALF_HEAD_MS 5000
#define SHAKES_MAX 64      /* handshakes of one address, from which on those that take long give way, */
#define SHAKES_CEILING 256 /* and from which on all do */
#define LOOK 64            /* connections passed over in one list because nobody may choose them */

struct holder {
    struct holder *next; /* in its bucket */
    uint64_t key[2];
    uint32_t count, shaking;
    struct list idle, slow;
    struct list crowded; /* in the server's list while above its part */
};

static void key_of(const struct ip *ip, uint64_t key[2])
{
    memcpy(key, ip->b, 16);
    if (!ip_is_v4(ip)) key[1] = 0;
}

static struct holder **bucket(struct http_server *s, const uint64_t key[2])
{
    uint64_t z = (key[0] ^ s->holder_seed) * 0x9e3779b97f4a7c15u; /* the seed is secret: nobody can aim at one bucket */
    z = ((z ^ z >> 32) + key[1] + (s->holder_seed >> 7)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 29) * 0x94d049bb133111ebu;
    return &s->holders[(z ^ z >> 32) & s->holder_mask];
}

static struct holder **find(struct http_server *s, const uint64_t key[2])
{
    struct holder **at = bucket(s, key);
    while (*at && ((*at)->key[0] != key[0] || (*at)->key[1] != key[1])) at = &(*at)->next;
    return at;
}

int holder__table(struct http_server *s)
{
    size_t n = 64;
    while (n < s->limits.connections / 2 && n < 65536) n *= 2;
    s->holders = calloc(n, sizeof *s->holders);
    s->holder_mask = n - 1;
    return s->holders ? 0 : -1;
}

void holder__table_free(struct http_server *s)
{
    pool__free(&s->holder_pool);
    free(s->holders);
}

/* ---- membership ---- */

static uint32_t part(const struct http_server *s)
{
    if (s->limits.per_address) return s->limits.per_address;
    uint32_t eighth = s->limits.connections / 8;
    return eighth > 64 ? eighth : 64;
}

static struct conn *of_own(struct list *node)
{
    return LIST_OF(node, struct conn, own);
}

void holder__place(struct conn *c)
{
    list_remove(&c->own);
    if (c->holder && c->shaking != (c->wait_kind == WAIT_SHAKE)) {
        c->shaking = !c->shaking;
        c->holder->shaking += c->shaking ? 1 : -1u;
    }
    if (!c->holder || c->wait_kind == WAIT_NONE) return;
    list_push(c->wait_kind == WAIT_IDLE ? &c->holder->idle : &c->holder->slow, &c->own);
}

void holder__leave(struct conn *c)
{
    struct http_server *s = c->server;
    struct holder *h = c->holder;
    if (!h) return;
    list_remove(&c->own);
    if (c->shaking) h->shaking--;
    c->shaking = false;
    c->holder = NULL;
    if (--h->count <= part(s)) list_remove(&h->crowded);
    if (h->count) return;
    *find(s, h->key) = h->next;
    pool__put(&s->holder_pool, h);
}

void holder__join(struct conn *c, const struct ip *ip)
{
    struct http_server *s = c->server;
    uint64_t key[2];
    holder__leave(c);
    key_of(ip, key);
    struct holder **at = find(s, key), *h = *at;
    if (!h) {
        h = pool__take(&s->holder_pool, sizeof *h);
        if (!h) return;
        *h = (struct holder){.key = {key[0], key[1]}};
        list_init(&h->idle);
        list_init(&h->slow);
        list_init(&h->crowded);
        *at = h;
    }
    c->holder = h;
    if (++h->count > part(s) && list_empty(&h->crowded)) list_push(&s->crowded, &h->crowded);
    holder__place(c);
}

/* ---- giving way ---- */

static bool give_up(struct conn *c)
{
    c->server->yielded++;
    if (c->wait_kind == WAIT_SEND)
        conn__abort(c);
    else
        conn__close(c);
    return true;
}

static bool waited(struct conn *c, uint64_t ms)
{
    return loop_now_ms(c->server->loop) - c->since >= ms;
}

static bool one_of(struct holder *h, uint64_t slow_ms)
{
    if (!list_empty(&h->idle)) return give_up(of_own(h->idle.next));
    if (!list_empty(&h->slow) && waited(of_own(h->slow.next), slow_ms)) return give_up(of_own(h->slow.next));
    return false;
}

/* A handshake costs the most of all that a stranger can ask for. */
static void one_that_shakes(struct holder *h)
{
    int looked = 0;
    LIST_EACH(n, &h->slow)
    {
        struct conn *c = of_own(n);
        if (++looked > LOOK) return;
        if (!c->shaking) continue;
        if (h->shaking >= SHAKES_CEILING || waited(c, SLOW_MS)) give_up(c);
        return;
    }
}

void holder__welcome(struct http_server *s, const struct ip *ip)
{
    uint64_t key[2];
    key_of(ip, key);
    struct holder *h = *find(s, key);
    /* A part that nobody asked for counts only when there is little left for others. */
    bool counts = s->limits.per_address || s->conn_count >= s->limits.connections - s->limits.connections / 4;
    if (h && counts && h->count >= part(s))
        one_of(h, SLOW_MS);
    else if (h && h->shaking >= SHAKES_MAX)
        one_that_shakes(h);
}

static bool oldest_of(struct http_server *s, enum wait_kind kind, uint64_t ms)
{
    int looked = 0;
    LIST_EACH(n, &s->waits[kind])
    {
        struct conn *c = conn__of_wait(n);
        if (!waited(c, ms) || ++looked > LOOK) return false;
        if (c->holder) return give_up(c);
    }
    return false;
}

bool holder__make_room(struct http_server *s)
{
    int looked = 0;
    LIST_EACH(n, &s->crowded)
    {
        if (one_of(LIST_OF(n, struct holder, crowded), 0)) return true;
        if (++looked > LOOK) break;
    }
    return oldest_of(s, WAIT_LINGER, 0) || oldest_of(s, WAIT_IDLE, IDLE_MS) || oldest_of(s, WAIT_HEAD, HALF_HEAD_MS);
}
