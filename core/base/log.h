/* log.h: one line per event on stderr, in logfmt.
 *
 *   log_warn("fetch.stale", LS("url", url), LI("age_ms", age));
 *   2026-11-25T15:52:19.123Z warn worker-1 fetch.stale url=http://x/ age_ms=3
 *
 * Values are quoted and escaped, so that no value can forge a line or a field, and secrets are masked (redact.h). A
 * line is written with one write(2), never waits for more than that, and is at most LOG_LINE_MAX bytes. Any thread. */
#ifndef GIFD_BASE_LOG_H
#define GIFD_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX 4096

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_CRITICAL };

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

/* From now on for a person at a terminal: the local time, an error and its source on lines of their own. */
void log_pretty_set(bool colours);
bool log_is_pretty(void);
void log_level_set(enum log_level lowest);
int log_level_parse(const char *name); /* -1 when unknown */
void log_role_set(const char *role);   /* "supervisor", "worker-1", ...; copied */
bool log_says(enum log_level level);   /* is it logged? */
/* The line that log_emit writes when it is not pretty, with its end. */
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
