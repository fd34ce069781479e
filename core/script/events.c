/* events.c: see events.h. */
#include "script/events.h"
#include "base/json.h"
#include "script/host_int.h"

#include <stdlib.h>

#define BEAT_MS 15000
#define EVENT_MAX REPLY_PIECE_MAX

struct stream {
    struct list node; /* in host->streams */
    struct host *host;
    struct conn *conn;
    struct reader reader;
    struct ip client;
};

/* ---- text ---- */

static bool is_word(struct slice s)
{
    if (s.n == 0 || s.n > 64) return false;
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] == '-' || s.p[i] == '_' || (s.p[i] >= 'a' && s.p[i] <= 'z'))) return false;
    return true;
}

/* One line of the stream for each of the data. */
static void put_data(struct buf *out, struct slice data)
{
    while (true) {
        size_t n = 0;
        while (n < data.n && data.p[n] != '\n' && data.p[n] != '\r') n++;
        buf_append(out, "data: ", 6, NULL);
        buf_append(out, data.p, n, NULL);
        buf_append(out, "\n", 1, NULL);
        if (n == data.n) return;
        data = slice_of(data.p + n + 1, data.n - n - 1);
    }
}

/* What a message is in the stream: empty when it is no event. */
static void put_event(struct buf *out, struct slice message, bool *last)
{
    struct arena a;
    struct json *root = NULL;
    arena_init(&a, 4 * BROADCAST_BYTES_MAX);
    *last = false;
    if (json_parse(&a, message, NULL, &root, NULL) == GIFD_OK) {
        const struct json *event = json_get(root, "event"), *data = json_get(root, "data"),
                          *end = json_get(root, "last");
        if (event && event->type == JSON_STRING && is_word(event->s)) {
            buf_append(out, "event: ", 7, NULL);
            buf_append(out, event->s.p, event->s.n, NULL);
            buf_append(out, "\n", 1, NULL);
        }
        if (data && data->type == JSON_STRING) put_data(out, data->s);
        if (out->n) buf_append(out, "\n", 1, NULL);
        *last = end && end->type == JSON_BOOL && end->b;
    }
    arena_free(&a);
}

/* ---- life ---- */

static void free_timer(uv_handle_t *timer)
{
    free(timer);
}

static void forget(struct stream *s)
{
    struct host *h = s->host;
    reader_leave(&s->reader);
    list_remove(&s->node);
    free(s);
    if (--h->stream_count || !h->stream_beat) return;
    uv_close((uv_handle_t *)h->stream_beat, free_timer);
    h->stream_beat = NULL;
}

/* False: the reader is behind, or the stream is over. */
static bool say(struct stream *s, struct slice message, bool *over)
{
    struct buf text;
    bool last;
    buf_init(&text, EVENT_MAX);
    put_event(&text, message, &last);
    int rc = text.n ? reply_more(s->conn, buf_slice(&text)) : GIFD_OK;
    buf_free(&text);
    *over = rc != GIFD_EBUSY && last;
    return rc != GIFD_EBUSY;
}

static void pump(struct stream *s)
{
    bool over = false;
    for (struct slice m; !over && (m = reader_first(&s->reader)).p;) {
        if (!say(s, m, &over)) return;
        reader_shift(&s->reader);
    }
    if (!over) return;
    reply_end(s->conn);
    forget(s);
}

static void on_news(struct reader *r)
{
    pump(LIST_OF(r, struct stream, reader));
}

static void on_room(void *to)
{
    struct stream *s = to;
    if (s->reader.count) pump(s);
}

static void on_gone(void *to)
{
    forget(to);
}

static const struct reply_calls calls = {.room = on_room, .gone = on_gone};

static void on_beat(uv_timer_t *timer)
{
    struct host *h = timer->data;
    LIST_EACH(n, &h->streams)
    {
        reply_more(LIST_OF(n, struct stream, node)->conn, SLICE(":\n\n")); /* who is behind is not idle */
    }
}

static void start_beat(struct host *h)
{
    if (h->stream_beat) return;
    h->stream_beat = calloc(1, sizeof *h->stream_beat);
    if (!h->stream_beat) return;
    uv_timer_init(&h->s.loop->uv, h->stream_beat);
    uv_unref((uv_handle_t *)h->stream_beat);
    h->stream_beat->data = h;
    uv_timer_start(h->stream_beat, on_beat, BEAT_MS, BEAT_MS);
}

/* Of the same machine, as far as addresses tell: IPv6 by its /64. */
static size_t streams_of(const struct host *h, const struct ip *ip)
{
    size_t count = 0, n = ip_is_v4(ip) ? 16 : 8;
    LIST_EACH(node, &h->streams)
    {
        count += !memcmp(LIST_OF(node, struct stream, node)->client.b, ip->b, n);
    }
    return count;
}

void events_begin(struct host *h, struct request *r, const struct reply *p, const struct events_ask *ask)
{
    bool over = false;
    bool full = h->stream_count >= STREAMS_MAX || streams_of(h, &r->client) >= ask->per_address;
    struct stream *s = full ? NULL : calloc(1, sizeof *s);
    if (!s) {
        struct http_header again = {SLICE("Retry-After"), SLICE("10")};
        reply_problem_with(r, 429, "rate_limited", &again, 1, "There are too many streams of events open already.");
        return;
    }
    s->host = h;
    s->client = r->client;
    s->conn = reply_begin(r, p, &calls, s);
    if (!s->conn) {
        free(s);
        return;
    }
    reader_move(ask->reader, &s->reader, on_news);
    list_push(&h->streams, &s->node);
    h->stream_count++;
    start_beat(h);
    say(s, ask->first, &over);
    if (!over) {
        pump(s);
        return;
    }
    reply_end(s->conn);
    forget(s);
}

void events_stop(struct host *h)
{
    while (!list_empty(&h->streams)) {
        struct stream *s = LIST_OF(h->streams.next, struct stream, node);
        reply_end(s->conn);
        forget(s);
    }
}
