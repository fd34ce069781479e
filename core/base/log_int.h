/* log_int.h: one event as a line: log_text.c for machines, log_pretty.c for a person. Private to core/base. */
#ifndef GIFD_BASE_LOG_INT_H
#define GIFD_BASE_LOG_INT_H

#include "base/log.h"

struct line {
    char *p; /* LOG_LINE_MAX */
    size_t n;
};
#define LINE_SPARE 40 /* kept for what closes a value and the line */

struct log_event {
    enum log_level level;
    const char *role, *event;
    const struct log_scope *scope;
    const struct log_field *fields;
};

void line_put(struct line *l, const char *p, size_t n);
void line_text(struct line *l, const char *text);
/* Without what may not be told, each piece by `part`. */
void line_masked(struct line *l, const char *p, size_t n, void (*part)(struct line *, const char *, size_t));
/* " key=value"; a key that the line has from elsewhere gets a _. */
void line_pair(struct line *l, const struct log_field *f, const struct log_scope *scope);
size_t field_length(const struct log_field *f);
/* The length of the UTF-8 sequence there that shows as something harmless; 0: the byte is to be escaped. */
size_t text_step(const char *p, size_t n);

void line_logfmt(struct line *l, const struct log_event *v);
void line_json(struct line *l, const struct log_event *v);
void line_pretty(struct line *l, const struct log_event *v, bool colours);

#endif
