/* trace.h: which trace something belongs to, as W3C Trace Context says it (section 3.2, version 00).
 *
 *   traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01       version-trace-span-flags */
#ifndef GIFD_BASE_TRACE_H
#define GIFD_BASE_TRACE_H

#include "base/slice.h"

#include <stdint.h>

#define TRACE_ID_LEN 32
#define TRACE_SPAN_LEN 16
#define TRACE_PARENT_LEN 55

struct trace { /* zeroes: no trace */
    uint8_t id[TRACE_ID_LEN / 2], span[TRACE_SPAN_LEN / 2];
    bool on, sampled;
};

/* False, and *out as it was, for what is no traceparent. Of a later version, what version 00 knows is read. */
bool trace_parse(struct slice text, struct trace *out);
void trace_format(const struct trace *t, char out[TRACE_PARENT_LEN + 1]);
void trace_id_text(const struct trace *t, char out[TRACE_ID_LEN + 1]);
void trace_span_text(const struct trace *t, char out[TRACE_SPAN_LEN + 1]);

#endif
