/* log.h: one line per event, for machines (logfmt, JSON) or for a person at a terminal.
 *
 *   log_warn("fetch.stale", LS("url", url), LI("age_ms", age));
 *   time=2026-11-25T15:52:19.123Z level=warn process=worker-1 event=fetch.stale url=http://x/ age_ms=3
 *   {"time":"2026-11-25T15:52:19.123Z","level":"warn","process":"worker-1","event":"fetch.stale",...}
 *
 * In the task of a request its ids are added, with the plugin and the generation that run (log_scope). No value can
 * forge a line or a field: what is no printable text is escaped. Secrets and tokens (redact.h) and what is behind the ?
 * of a URL are masked. A line has at most LOG_LINE_MAX bytes, and is written by sink.h without ever waiting. Of one
 * event at most `burst` lines a second are written by a process; how many were left out is a line of its own. What is
 * said: levels.h. Any thread, but what ends in _set is for the beginning. */
#ifndef GIFD_BASE_LOG_H
#define GIFD_BASE_LOG_H

#include "base/levels.h"
#include "base/metric.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX 4096
#define LOG_LEVELS 5
#define LOG_BURST 100

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_CRITICAL };
enum log_form { LOG_LOGFMT, LOG_JSON, LOG_PRETTY };

struct log_field {
    const char *key; /* NULL ends the list */
    const char *s;   /* the text; NULL is the empty one */
    size_t n;        /* its length, or SIZE_MAX for a NUL-terminated one */
    int64_t i;
    int is_text; /* the value is s, not i */
};

/* clang-format off */
/* A text (NULL is fine), bytes with a length, a number. */
#define LS(key, text) {(key), (text), SIZE_MAX, 0, 1}
#define LN(key, bytes, len) {(key), (bytes), (len), 0, 1}
#define LI(key, number) {(key), NULL, 0, (int64_t)(number), 0}
/* clang-format on */

/* Of this process alone, until log_share. */
void log_form_set(enum log_form form, bool colours);
void log_level_set(enum log_level lowest);
void log_role_set(const char *role);    /* "supervisor", "worker-1", ...; copied. Also by a child: it has forked */
void log_share(const struct levels *l); /* from now on what all processes agree on */
struct log_counts {                     /* cells may be NULL */
    struct metric_cell *lines[LOG_LEVELS], *dropped, *left_out;
};
void log_counts_set(const struct log_counts *c);
/* Whose line it is; called by the thread that logs. */
struct log_scope {
    const char *request_id, *plugin; /* or NULL */
    char trace_id[33];               /* or "" */
    uint64_t generation;             /* or 0 */
};
void log_scope_set(void (*scope)(struct log_scope *out));
/* Several times a second: what waits is written, what was left out is told, a file that was moved is opened anew. */
void log_tick(void);

int log_level_parse(const char *name); /* -1 when unknown */
const char *log_level_name(int level);
int log_form_parse(const char *name);                   /* -1 when unknown */
bool log_says(enum log_level level, const char *event); /* is it logged? */
enum log_form log_form_now(void);
const char *log_form_name(enum log_form form);
/* A line as logfmt, with its end. */
size_t log_format(char out[LOG_LINE_MAX], enum log_level level, const char *event, const struct log_field *fields);
void log_emit(enum log_level level, const char *event, const struct log_field *fields);

/* clang-format off */
#define log_at(level, event, ...) log_emit(level, event, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){NULL, NULL, 0, 0, 0}})
/* clang-format on */
#define log_debug(event, ...) log_at(LOG_DEBUG, event __VA_OPT__(, ) __VA_ARGS__)
#define log_info(event, ...) log_at(LOG_INFO, event __VA_OPT__(, ) __VA_ARGS__)
#define log_warn(event, ...) log_at(LOG_WARN, event __VA_OPT__(, ) __VA_ARGS__)
#define log_error(event, ...) log_at(LOG_ERROR, event __VA_OPT__(, ) __VA_ARGS__)

#endif
