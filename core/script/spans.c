/* spans.c: see spans.h. The shape is that of OTLP/HTTP JSON (opentelemetry-proto, trace.proto): ids are hex, numbers of
 * 64 bits are decimal texts. */
#include "script/spans.h"
#include "base/broadcast.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/redact.h"
#include "crypto/crypto.h"
#include "script/host_int.h"

#include <stdio.h>
#include <stdlib.h>

#define FORCED_MOST 50 /* traces a second that are kept because a caller says so */
#define TOLD_MOST 200  /* traces a second for who follows */
#define FIRST 8

struct span {
    uint8_t id[TRACE_SPAN_LEN / 2], parent[TRACE_SPAN_LEN / 2];
    bool child, over, failed;
    uint8_t kind;
    int64_t began_us;
    uint64_t began_ns, took_ns;
    char name[SPAN_NAME_MAX];
};

struct note {
    uint8_t span;
    bool event;
    uint32_t from, n;
};

struct spans {
    struct host *host;
    size_t refs;
    struct trace root;
    struct span_rules rules;
    bool sampled, failed;
    size_t count, cap, lost, notes;
    struct span *at;
    struct note note[SPANS_NOTES_MAX];
    struct buf text; /* of the notes: JSON */
};

struct span_room {
    uint64_t dice[2];
    uint64_t second, forced, told;
    struct spans_counts counts;
    struct buf queue; /* spans, each behind the 4 bytes of its length */
    size_t from;
};

/* ---- chance ---- */

static struct span_room *room_of(struct host *h)
{
    if (h->spans) return h->spans;
    struct span_room *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    crypto_random(r->dice, sizeof r->dice);
    r->dice[0] |= 1;
    buf_init(&r->queue, SPANS_QUEUE);
    return h->spans = r;
}

/* xorshift128+ (Vigna 2017): ids have to differ, not to be secret. */
static uint64_t roll(struct span_room *r)
{
    uint64_t x = r->dice[0], y = r->dice[1];
    r->dice[0] = y;
    x ^= x << 23;
    r->dice[1] = x ^ y ^ (x >> 17) ^ (y >> 26);
    return r->dice[1] + y;
}

static void make_id(struct span_room *r, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = roll(r) | 1;
        memcpy(out + i, &word, 8);
    }
}

static bool lucky(struct span_room *r, double ratio)
{
    return ratio > 0 && (double)(roll(r) >> 11) < ratio * 9007199254740992.0;
}

/* A caller may ask for much, and gets some. */
static bool forced(struct span_room *r)
{
    uint64_t second = clock_mono_ns() / 1000000000;
    if (r->second != second) r->second = second, r->forced = r->told = 0;
    return r->forced < FORCED_MOST && ++r->forced;
}

static bool is_followed(const struct host *h)
{
    return h->s.segment && segment_is_followed(h->s.segment, SEGMENT_SPANS);
}

bool spans_wanted(const struct host *h)
{
    return h->live->spans.exported || is_followed(h);
}

enum spans_dice spans_dice(struct host *h, bool sampled)
{
    struct span_room *r = room_of(h);
    if (r && (lucky(r, h->live->spans.ratio) || (sampled && forced(r)))) return SPANS_KEPT;
    return r && is_followed(h) ? SPANS_TOLD : SPANS_NOT;
}

void spans_keep(struct spans *s)
{
    if (s) s->sampled = true;
}

/* ---- recording ---- */

static struct span *add(struct spans *s, const struct trace *t, enum span_kind kind, struct slice name)
{
    if (s->count == SPANS_MAX) return s->lost++, NULL;
    if (s->count == s->cap) {
        struct span *grown = realloc(s->at, (s->cap ? 2 * s->cap : FIRST) * sizeof *grown);
        if (!grown) return s->lost++, NULL;
        s->at = grown;
        s->cap = s->cap ? 2 * s->cap : FIRST;
    }
    struct span *p = &s->at[s->count++];
    *p = (struct span){.kind = (uint8_t)kind, .began_us = clock_wall_us(), .began_ns = clock_mono_ns()};
    memcpy(p->id, t->span, sizeof p->id);
    snprintf(p->name, sizeof p->name, "%.*s", (int)(name.n < SPAN_NAME_MAX ? name.n : SPAN_NAME_MAX - 1), name.p);
    return p;
}

struct spans *spans_begin(struct host *h, struct trace *t, enum span_kind kind, struct slice name)
{
    struct span_room *r = room_of(h);
    struct trace caller = *t;
    if (!r) return NULL;
    const struct span_rules rules = h->live ? h->live->spans : (struct span_rules){0};
    bool asked = caller.on && caller.sampled && forced(r), sampled = asked || lucky(r, rules.ratio);
    if (!caller.on) make_id(r, t->id, sizeof t->id);
    make_id(r, t->span, sizeof t->span);
    t->on = true;
    t->sampled = sampled;
    r->counts.begun++;
    if ((!rules.exported && !is_followed(h)) || r->counts.active >= SPANS_AT_ONCE) return NULL;
    struct spans *s = malloc(sizeof *s);
    if (!s) return NULL;
    s->host = h;
    s->refs = 1;
    s->root = *t;
    s->rules = rules;
    s->sampled = sampled;
    s->failed = false;
    s->count = s->cap = s->lost = s->notes = 0;
    s->at = NULL;
    buf_init(&s->text, SPANS_TEXT_MAX);
    r->counts.active++;
    struct span *root = add(s, t, kind, name);
    if (root && caller.on) {
        memcpy(root->parent, caller.span, sizeof root->parent);
        root->child = true;
    }
    return s;
}

struct spans *spans_ref(struct spans *s)
{
    if (s) s->refs++;
    return s;
}

int spans_start(struct spans *s, struct trace *t, enum span_kind kind, struct slice name)
{
    if (!s) return -1;
    struct trace before = *t;
    make_id(s->host->spans, t->span, sizeof t->span);
    struct span *p = add(s, t, kind, name);
    if (!p) {
        *t = before;
        return -1;
    }
    memcpy(p->parent, before.span, sizeof p->parent);
    p->child = true;
    return (int)s->count - 1;
}

void spans_end(struct spans *s, int span, const char *error)
{
    if (!s || span < 0 || (size_t)span >= s->count || s->at[span].over) return;
    struct span *p = &s->at[span];
    p->over = true;
    p->took_ns = clock_mono_ns() - p->began_ns;
    p->failed = error != NULL;
    s->failed = s->failed || error;
    if (error && *error) spans_note(s, span, "error.message", slice_of(error, strnlen(error, 300)));
}

/* ---- notes ---- */

static void put_string(struct buf *out, struct slice text)
{
    struct json_writer w;
    json_write_begin(&w, out, NULL);
    json_write_string(&w, text);
}

void spans_put_text(struct buf *out, const char *key, struct slice value)
{
    struct buf masked;
    buf_init(&masked, 2048);
    if (value.n > 1024) value.n = 1024;
    redact_text(value, &masked, NULL);
    buf_puts(out, "{\"key\":", NULL);
    put_string(out, slice_str(key));
    buf_puts(out, ",\"value\":{\"stringValue\":", NULL);
    put_string(out, buf_slice(&masked));
    buf_puts(out, "}}", NULL);
    buf_free(&masked);
}

/* What a note added to text; nothing when it did not fit. */
static void close_note(struct spans *s, int span, bool event, size_t from)
{
    if (s->text.n == from || s->notes == SPANS_NOTES_MAX || s->text.n + 2048 > SPANS_TEXT_MAX)
        s->text.n = from;
    else
        s->note[s->notes++] = (struct note){(uint8_t)span, event, (uint32_t)from, (uint32_t)(s->text.n - from)};
}

void spans_note(struct spans *s, int span, const char *key, struct slice value)
{
    if (!s || span < 0) return;
    size_t from = s->text.n;
    spans_put_text(&s->text, key, value);
    close_note(s, span, false, from);
}

void spans_note_number(struct spans *s, int span, const char *key, int64_t value)
{
    char text[160];
    if (!s || span < 0) return;
    size_t from = s->text.n;
    snprintf(text, sizeof text, "{\"key\":\"%.64s\",\"value\":{\"intValue\":\"%lld\"}}", key, (long long)value);
    buf_puts(&s->text, text, NULL);
    close_note(s, span, false, from);
}

void spans_event(struct spans *s, int span, struct slice name, struct slice json)
{
    char at[64];
    if (!s || span < 0) return;
    size_t from = s->text.n;
    snprintf(at, sizeof at, "{\"timeUnixNano\":\"%lld000\",\"name\":", (long long)clock_wall_us());
    buf_puts(&s->text, at, NULL);
    put_string(&s->text, name);
    buf_puts(&s->text, ",\"attributes\":[", NULL);
    if (json.n < 1500) buf_append(&s->text, json.p, json.n, NULL);
    buf_puts(&s->text, "]}", NULL);
    close_note(s, span, true, from);
}

/* ---- the end ---- */

static void put_notes(const struct spans *s, size_t span, bool events, struct buf *out)
{
    bool more = false;
    for (size_t i = 0; i < s->notes; i++) {
        if (s->note[i].span != span || s->note[i].event != events) continue;
        if (more) buf_puts(out, ",", NULL);
        buf_append(out, s->text.p + s->note[i].from, s->note[i].n, NULL);
        more = true;
    }
}

static void put_span(const struct spans *s, size_t i, struct buf *out)
{
    const struct span *p = &s->at[i];
    struct trace own = s->root, parent = s->root;
    char id[TRACE_ID_LEN + 1], span[TRACE_SPAN_LEN + 1], text[256];
    memcpy(own.span, p->id, sizeof own.span);
    memcpy(parent.span, p->parent, sizeof parent.span);
    trace_id_text(&own, id);
    trace_span_text(&own, span);
    snprintf(text, sizeof text, "{\"traceId\":\"%s\",\"spanId\":\"%s\",", id, span);
    buf_puts(out, text, NULL);
    if (p->child) {
        trace_span_text(&parent, span);
        snprintf(text, sizeof text, "\"parentSpanId\":\"%s\",", span);
        buf_puts(out, text, NULL);
    }
    buf_puts(out, "\"name\":", NULL);
    put_string(out, slice_str(p->name));
    uint64_t began = (uint64_t)p->began_us * 1000, took = p->over ? p->took_ns : clock_mono_ns() - p->began_ns;
    snprintf(text, sizeof text,
             ",\"kind\":%d,\"startTimeUnixNano\":\"%llu\",\"endTimeUnixNano\":\"%llu\",\"flags\":257,\"attributes\":[",
             p->kind, (unsigned long long)began, (unsigned long long)(began + took));
    buf_puts(out, text, NULL);
    put_notes(s, i, false, out);
    buf_puts(out, "],\"events\":[", NULL);
    put_notes(s, i, true, out);
    snprintf(text, sizeof text, "],\"droppedAttributesCount\":0,\"status\":{\"code\":%d}}", p->failed ? 2 : 0);
    buf_puts(out, text, NULL);
}

static void queue(struct spans *s, struct span_room *r)
{
    struct buf one;
    buf_init(&one, 2 * SPANS_TEXT_MAX);
    if (r->from > SPANS_QUEUE / 2) {
        memmove(r->queue.p, r->queue.p + r->from, r->queue.n - r->from);
        r->queue.n -= r->from;
        r->from = 0;
    }
    for (size_t i = 0; i < s->count; i++) {
        buf_reset(&one);
        put_span(s, i, &one);
        uint32_t n = (uint32_t)one.n;
        size_t before = r->queue.n;
        if (buf_append(&r->queue, &n, sizeof n, NULL) < 0 || buf_append(&r->queue, one.p, n, NULL) < 0) {
            r->queue.n = before;
            r->counts.dropped++;
        } else {
            r->counts.waiting++;
        }
    }
    r->counts.kept++;
    r->counts.dropped += s->lost;
    buf_free(&one);
}

/* {"spans":[...]}, as many as a message takes, the root first. */
static void tell(struct spans *s, struct span_room *r)
{
    struct buf all;
    uint64_t second = clock_mono_ns() / 1000000000;
    if (r->second != second) r->second = second, r->forced = r->told = 0;
    if (r->told++ >= TOLD_MOST) return;
    buf_init(&all, BROADCAST_BYTES_MAX);
    buf_puts(&all, "{\"spans\":[", NULL);
    for (size_t i = 0; i < s->count; i++) {
        size_t before = all.n;
        if (i) buf_puts(&all, ",", NULL);
        put_span(s, i, &all);
        if (all.n < BROADCAST_BYTES_MAX - 64) continue;
        all.n = before;
        break;
    }
    buf_puts(&all, "]}", NULL);
    broadcast_publish(s->host->broadcast, SLICE(SPANS_TOPIC), buf_slice(&all), NULL);
    buf_free(&all);
}

void spans_unref(struct spans *s)
{
    if (!s || --s->refs) return;
    struct span_room *r = s->host->spans;
    if (s->count && !s->at[0].over) spans_end(s, 0, NULL);
    bool slow = s->count && s->rules.slow_ms && s->at[0].took_ns > s->rules.slow_ms * 1000000;
    if (s->count && s->rules.exported && (s->sampled || s->failed || slow)) queue(s, r);
    if (s->count && is_followed(s->host)) tell(s, r);
    r->counts.active--;
    free(s->at);
    buf_free(&s->text);
    free(s);
}

size_t spans_take(struct host *h, size_t max, struct buf *out)
{
    struct span_room *r = room_of(h);
    size_t taken = 0;
    while (r && r->from < r->queue.n) {
        uint32_t n;
        memcpy(&n, r->queue.p + r->from, sizeof n);
        if (taken && out->n + n + 1 > max) break;
        if (taken) buf_puts(out, ",", NULL);
        buf_append(out, r->queue.p + r->from + sizeof n, n, NULL);
        r->from += sizeof n + n;
        r->counts.waiting--;
        taken++;
    }
    if (r && r->from == r->queue.n) r->from = r->queue.n = 0;
    return taken;
}

struct spans_counts spans_counts(const struct host *h)
{
    return h->spans ? h->spans->counts : (struct spans_counts){0};
}

void spans_stop(struct host *h)
{
    if (h->spans) buf_free(&h->spans->queue);
    free(h->spans);
    h->spans = NULL;
}
