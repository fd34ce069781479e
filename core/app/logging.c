/* logging.c: see logging.h. */
#include "app/logging.h"
#include "base/log.h"
#include "base/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORM_AUTO (-1)

static struct metric_cell *counter(struct segment *s, const char *name, const char *level)
{
    struct metric_label label = {SLICE("level"), slice_str(level ? level : "")};
    struct metric_want want = {METRIC_COUNTER, slice_str(name), &label, level ? 1 : 0, SLICE(""), false};
    struct metric_cell *cell = NULL;
    struct err e = {0};
    if (metric_find(segment_metrics(s), &want, &cell, &e) < 0) log_debug("log.uncounted", LS("why", e.text));
    return cell;
}

void logging_share(struct segment *s)
{
    struct log_counts c = {.dropped = counter(s, "gifd_log_dropped_total", NULL),
                           .left_out = counter(s, "gifd_log_left_out_total", NULL)};
    for (int i = 0; i < LOG_LEVELS; i++) c.lines[i] = counter(s, "gifd_log_lines_total", log_level_name(i));
    log_counts_set(&c);
    log_share(segment_levels(s));
}

/* For a person when one looks: at a terminal, or in development. */
static enum log_form form_of(const struct supervisor *s)
{
    const char *plain = getenv("NO_COLOR");
    int form = s->settings.log_form;
    bool terminal = isatty(STDERR_FILENO) && !*s->settings.log_file;
    if (form == FORM_AUTO) form = s->options->dev || terminal ? LOG_PRETTY : LOG_LOGFMT;
    log_form_set((enum log_form)form, terminal && !(plain && *plain));
    return (enum log_form)form;
}

void logging_apply(struct supervisor *s)
{
    struct levels_base base = {s->settings.log_level, form_of(s), s->settings.log_burst};
    log_level_set((enum log_level)base.level);
    levels_base_set(segment_levels(s->segment), &base);
}

void logging_begin(struct supervisor *s)
{
    char path[PATH_LEN];
    struct err e = {0};
    const char *file = s->settings.log_file;
    if (*file && *file != '/') {
        datadir_join(&s->dir, file, path);
        file = path;
    }
    logging_share(s->segment);
    logging_apply(s);
    if (sink_open(file, &e) < 0) log_error("log.file", LS("why", e.text)); /* stderr goes on */
}

void logging_reopen(struct supervisor *s)
{
    atomic_fetch_add(&segment_levels(s->segment)->reopen, 1);
    log_tick();
}

void logging_variable(char *out, size_t cap)
{
    snprintf(out, cap, LOGGING_VARIABLE "=%s,%s", log_form_name(log_form_now()),
             log_says(LOG_INFO, "media") ? "info" : "warn");
}
