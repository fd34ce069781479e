/* spans.h: what was done for a request or a job, and how long it took. Private to core/script.
 *
 *   spans_begin: the root --> spans_start, spans_end: its parts, of all tasks that it started --> the last spans_unref
 *                                                                   |
 *             kept when the dice say so, the caller had it sampled, something failed or it was slow
 *                                                                   |
 *                      a queue of SPANS_QUEUE bytes --spans_take--> lua/gifd/flow/spans: OTLP to a collector
 *                      and, while somebody follows: the bus --> gifd trace tail
 *
 * Only what may be kept is recorded: with no collector and nobody who follows, a trace is no more than its ids. A reply
 * from the cache is recorded when the dice say so before it is sent. Each part, note and queue has a maximum; what is
 * beyond is counted. Loop thread only. */
#ifndef GIFD_SCRIPT_SPANS_H
#define GIFD_SCRIPT_SPANS_H

#include "base/buf.h"
#include "base/trace.h"

#define SPANS_MAX 128 /* of one trace in one process */
#define SPANS_NOTES_MAX 256
#define SPANS_TEXT_MAX (16 * 1024)
#define SPANS_QUEUE ((size_t)2 << 20)
#define SPANS_AT_ONCE 4096 /* traces that are recorded */
#define SPAN_NAME_MAX 96
#define SPANS_TOPIC "spans"

struct host;
struct spans;

/* OpenTelemetry's SpanKind. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER, SPAN_CLIENT, SPAN_PRODUCER, SPAN_CONSUMER };

struct span_rules { /* section trace of the settings */
    double ratio;
    uint64_t slow_ms; /* 0: nothing is slow */
    bool exported;
};

/* t: the caller's, or off; becomes the root's own. NULL: nothing is recorded. One reference. */
struct spans *spans_begin(struct host *h, struct trace *t, enum span_kind kind, struct slice name);
/* Whether a reply of the cache is recorded; sampled: its caller says so. */
enum spans_dice { SPANS_NOT, SPANS_TOLD, SPANS_KEPT }; /* TOLD: only to who follows */
enum spans_dice spans_dice(struct host *h, bool sampled);
bool spans_wanted(const struct host *h);  /* could anything be kept? */
void spans_keep(struct spans *s);         /* as if the dice had said so */
struct spans *spans_ref(struct spans *s); /* NULL is fine, here and below: nothing happens */
void spans_unref(struct spans *s);
/* A part of what t stands for, which it is from now on. Its number; -1: not recorded. */
int spans_start(struct spans *s, struct trace *t, enum span_kind kind, struct slice name);
void spans_end(struct spans *s, int span, const char *error); /* error NULL: it went well. The root is 0 */
void spans_note(struct spans *s, int span, const char *key, struct slice value);
void spans_note_number(struct spans *s, int span, const char *key, int64_t value);
/* Something that happened in it; json: attributes as OTLP has them, "" for none. */
void spans_event(struct spans *s, int span, struct slice name, struct slice json);

/* The oldest that wait, at most max bytes: OTLP spans with commas between them. Their number. */
size_t spans_take(struct host *h, size_t max, struct buf *out);
struct spans_counts {
    uint64_t begun, kept, dropped; /* traces; traces; spans */
    size_t active, waiting;        /* recorded now; spans in the queue */
};
struct spans_counts spans_counts(const struct host *h);
void spans_stop(struct host *h);
/* An attribute as OTLP has it: {"key":..,"value":{"stringValue":..}} */
void spans_put_text(struct buf *out, const char *key, struct slice value);

#endif
