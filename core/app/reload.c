/* reload.c: a reload is a transaction across processes. See supervisor.h and DESIGN 1.5.
 *
 *   wished     by HUP, the control socket, a changed file, a third strike; the same wish twice is one
 *   BUILDING   the builder checks, compiles and loads      refused: nothing has changed
 *   PREPARING  every process loads the bundle aside        one failure, death or the deadline: all abandon
 *   MIGRATING  the builder applies expand-only migrations, then runs the plugins' checks     failure: all abandon
 *   commit     the durable pointer moves, then every process swaps
 *   RENEWING   when it is listened otherwise: other workers start (renew.c)
 *
 * FILES builds from what is on disk now, BACK takes a bundle that served before, SAME the live one with another list of
 * plugins that are switched off. All three end the same way, and whoever asked is told (admin.h).
 *
 * A process that dies after the pointer moved comes back with the new bundle; before, with the old one. */
#include "app/logging.h"
#include "app/supervisor.h"
#include "app/systemd.h"
#include "base/clock.h"
#include "base/excerpt.h"
#include "base/log.h"
#include "base/metric.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREPARE_NS (10ull * 1000000000)
#define MIGRATE_NS (120ull * 1000000000)
#define RENEW_NS (30ull * 1000000000)
#define SAME_AGAIN_MAX 5
#define SOURCE_MAX (1 << 20) /* of a file whose line is shown */

static bool takes_part(const struct child *c)
{
    return (c->kind == CHILD_WORKER || c->kind == CHILD_RUNNER) && c->pid > 0 && !c->old;
}

static void tell(struct supervisor *s, enum control_type type, const char *text)
{
    for (size_t i = 0; i < s->child_count; i++) {
        struct child *c = &s->children[i];
        if (!takes_part(c) || (type != CONTROL_PREPARE && !c->asked)) continue;
        c->asked = control_send(c->control_fd, type, 0, text) == 0 && type == CONTROL_PREPARE;
        c->prepared = false;
    }
}

/* In development, on stdout: how it went. */
static void say(const struct supervisor *s, const char *fmt, ...)
{
    va_list ap;
    if (!s->options->dev) return;
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    fflush(stdout);
}

/* A line each. */
void reload_print_faults(FILE *to, const char *faults)
{
    char path[PATH_LEN], excerpt[EXCERPT_MAX];
    static char text[SOURCE_MAX];
    while (*faults) {
        struct slice line = slice_of(faults, strcspn(faults, "\n")), file;
        unsigned number;
        fprintf(to, "%.*s\n", (int)line.n, line.p);
        faults += line.n + (faults[line.n] == '\n');
        if (!excerpt_place(line, &file, &number) || file.n >= sizeof path) continue;
        snprintf(path, sizeof path, "%.*s", (int)file.n, file.p);
        FILE *f = fopen(path, "r");
        size_t n = f ? fread(text, 1, sizeof text, f) : 0;
        if (f) fclose(f);
        fwrite(excerpt, 1, excerpt_write(slice_of(text, n), number, excerpt), to);
    }
}

static void finish(struct supervisor *s)
{
    builder_end(&s->builder);
    s->reload.state = RELOAD_NONE;
    systemd_ready();
}

/* refused: that the files last asked for do not serve, which stays so until others do. */
static void count(struct supervisor *s, const char *outcome, bool refused)
{
    struct metrics *m = segment_metrics(s->segment);
    metric_add(metric_take(m, METRIC_COUNTER, "gifd_reloads_total", "outcome", outcome), 1);
    if (s->reload.kind == RELOAD_FILES)
        metric_set(metric_take(m, METRIC_GAUGE, "gifd_generation_refused", NULL, NULL), refused);
}

/* Each line of `why` is a fault. */
static void refuse(struct supervisor *s, const char *why)
{
    struct reload *r = &s->reload;
    count(s, "refused", true);
    tell(s, CONTROL_ABANDON, "");
    if (!s->options->dev) log_error("reload.refused", LS("why", why), LS("live", s->settings.digest));
    if (r->kind == RELOAD_FILES) {
        free(r->refused_text);
        r->refused_text = strdup(why);
        r->refused_ms = (uint64_t)clock_wall_us() / 1000;
    }
    if (s->options->dev) reload_print_faults(stdout, why);
    say(s, "refused; generation %llu goes on\n", (unsigned long long)s->generation);
    admin_decided(s, r->ticket, false, false, why);
    finish(s);
    if (r->kind == RELOAD_SAME && !r->asked && r->same_again++ < SAME_AGAIN_MAX) reload_wish(s, RELOAD_SAME, false);
}

static void succeed(struct supervisor *s, bool changed, bool restart)
{
    count(s, changed ? "done" : "unchanged", false);
    if (s->reload.kind == RELOAD_FILES) {
        free(s->reload.refused_text);
        s->reload.refused_text = NULL;
    }
    s->reload.same_again = 0;
    say(s, "generation %llu %s\n", (unsigned long long)s->generation, changed ? "serves" : "is as the files are");
    admin_decided(s, s->reload.ticket, changed, restart, NULL);
    finish(s);
}

uint64_t reload_wish(struct supervisor *s, enum reload_kind kind, bool asked)
{
    struct wish *w = &s->reload.wish[kind];
    if (!w->ticket) w->ticket = ++s->reload.tickets;
    w->asked = w->asked || asked;
    return w->ticket;
}

/* ---- the steps ---- */

static int find_back(struct supervisor *s, char bundle[PATH_LEN], struct err *e)
{
    const struct history_entry *to = history_find(&s->history, s->reload.back);
    unsigned long long number = (unsigned long long)s->reload.back;
    if (!to && number) return err_set(e, GIFD_ENOTFOUND, "generation %llu is not kept any more", number);
    if (!to) return err_set(e, GIFD_ENOTFOUND, "no other generation has served before");
    if (strcmp(to->version, GIFD_VERSION) != 0)
        return err_set(e, GIFD_EUNSUPPORTED, "generation %llu was built by gifd %s, this is %s",
                       (unsigned long long)to->number, to->version, GIFD_VERSION);
    history_path(&s->dir, to, bundle);
    return GIFD_OK;
}

static void begin(struct supervisor *s, enum reload_kind kind)
{
    struct reload *r = &s->reload;
    struct err e = {0};
    char bundle[PATH_LEN] = "";
    int rc = GIFD_OK;
    r->kind = kind;
    r->ticket = r->wish[kind].ticket;
    r->asked = r->wish[kind].asked;
    r->wish[kind] = (struct wish){0};
    r->number = history_next(&s->history);
    r->without = (struct disabled){0};
    if (kind == RELOAD_SAME) {
        r->without = s->disabled;
        snprintf(bundle, sizeof bundle, "%s", s->settings.bundle);
    }
    if (kind == RELOAD_BACK) rc = find_back(s, bundle, &e);
    if (kind == RELOAD_FILES) r->options = r->wished_options, r->wished_options = *s->options;
    systemd_reloading();
    if (rc == GIFD_OK)
        rc = builder_start(&s->builder, &s->dir, &r->options, bundle[0] ? bundle : NULL, s->settings.bundle, &e);
    if (rc < 0) {
        refuse(s, e.text);
        return;
    }
    r->state = RELOAD_BUILDING;
    r->began_ns = clock_mono_ns();
    r->deadline_ns = s->builder.deadline_ns;
}

/* True when a restart is needed for what differs. */
static bool take_over(struct supervisor *s, const struct flat_settings *next)
{
    bool restart = memcmp(&next->media, &s->settings.media, sizeof next->media) != 0 ||
                   strcmp(next->log_file, s->settings.log_file) != 0;
    s->settings = *next;
    logging_apply(s);
    return restart;
}

static void keep_options(struct supervisor *s)
{
    *s->options = s->reload.options;
    if (!s->reload.wish[RELOAD_FILES].ticket) s->reload.wished_options = *s->options;
}

static int may_renew(struct supervisor *s, struct flat_settings *next, struct listening *l, struct err *e)
{
    if (children_free_range(s) < 0)
        return err_set(e, GIFD_EBUSY,
                       "listen, workers, http or trusted_proxies differ, and the workers of %d earlier "
                       "ones still finish requests: try again later",
                       RANGES - 1);
    return renew_open(s, next, true, l, e);
}

static void commit(struct supervisor *s)
{
    struct reload *r = &s->reload;
    struct err e = {0};
    struct listening listening = {0};
    struct flat_settings *next = &s->report.settings;
    supervisor_override(s, next);
    bool renew = renew_wanted(next, &s->settings);
    if ((renew && may_renew(s, next, &listening, &e) < 0) ||
        history_push(&s->dir, &s->history, next->bundle, r->number, &e) < 0) {
        renew_close(&listening);
        refuse(s, e.text);
        return;
    }
    history_prune(&s->dir, &s->history, NULL);
    s->generation = r->number;
    if (r->kind == RELOAD_FILES) keep_options(s);
    if (r->kind != RELOAD_SAME) {
        strikes_forget(&s->strikes, NULL);
        s->disabled = r->without;
        disabled_save(&s->dir, &s->disabled);
    }
    r->restart = take_over(s, next);
    watch_on_time(s); /* before anybody is told, who might change a file at once */
    tell(s, CONTROL_COMMIT, "");
    log_info("reload.done", LI("generation", s->generation), LS("live", s->settings.digest),
             LI("migrations", s->report.migrated), LI("build_ms", r->built_ms),
             LI("ms", (clock_mono_ns() - r->began_ns) / 1000000));
    if (r->restart)
        log_warn("reload.restart_needed",
                 LS("why", "media or log.file differ; USR2 or a restart puts them into effect"));
    if (!renew) {
        succeed(s, true, r->restart);
        return;
    }
    renew_begin(s, renew_listen(s, &listening));
    builder_end(&s->builder);
    r->state = RELOAD_RENEWING;
    r->deadline_ns = clock_mono_ns() + RENEW_NS;
}

void reload_on_renewed(struct supervisor *s)
{
    if (s->reload.state == RELOAD_RENEWING) succeed(s, true, s->reload.restart);
}

static size_t prepare_text(const struct supervisor *s, char out[CONTROL_TEXT])
{
    size_t n = (size_t)snprintf(out, CONTROL_TEXT, "%llu %s\n", (unsigned long long)s->reload.number,
                                s->report.settings.bundle);
    return n + disabled_text(&s->reload.without, out + n, CONTROL_TEXT - n);
}

static void on_built(struct supervisor *s)
{
    char text[CONTROL_TEXT];
    if (s->report.rc != GIFD_OK) {
        refuse(s, s->report.text);
        return;
    }
    s->reload.built_ms = (clock_mono_ns() - s->reload.began_ns) / 1000000;
    bool same = !strcmp(s->report.settings.digest, s->settings.digest);
    if (same && s->reload.kind == RELOAD_FILES && !(s->reload.asked && s->disabled.count)) {
        log_info("reload.unchanged", LI("generation", s->generation), LS("live", s->settings.digest));
        keep_options(s);
        succeed(s, false, false);
        return;
    }
    s->reload.state = RELOAD_PREPARING;
    s->reload.deadline_ns = clock_mono_ns() + PREPARE_NS;
    prepare_text(s, text);
    tell(s, CONTROL_PREPARE, text);
}

void reload_on_builder(struct supervisor *s)
{
    int got = builder_poll(&s->builder, &s->report);
    if (got == 0) return;
    if (got < 0)
        refuse(s, "the builder ended without an answer");
    else if (s->reload.state == RELOAD_BUILDING)
        on_built(s);
    else if (s->reload.state == RELOAD_MIGRATING && s->report.rc == GIFD_OK)
        commit(s);
    else
        refuse(s, s->report.text);
}

void reload_on_prepared(struct supervisor *s, struct child *c, const struct control_message *m)
{
    if (s->reload.state != RELOAD_PREPARING || !c->asked) return;
    if (m->rc != GIFD_OK) {
        refuse(s, m->text);
        return;
    }
    c->prepared = true;
    for (size_t i = 0; i < s->child_count; i++)
        if (takes_part(&s->children[i]) && !s->children[i].prepared) return;
    s->reload.state = RELOAD_MIGRATING;
    s->reload.deadline_ns = clock_mono_ns() + MIGRATE_NS;
    if (builder_migrate(&s->builder) < 0) refuse(s, "the builder ended before the migrations");
}

static bool is_spreading(const struct supervisor *s)
{
    return s->reload.state == RELOAD_PREPARING || s->reload.state == RELOAD_MIGRATING;
}

/* A process that is started meanwhile may load what is live still: it is asked like the others, once it can hear. */
void reload_on_start(struct supervisor *s, struct child *c)
{
    char text[CONTROL_TEXT];
    if (!is_spreading(s) || !takes_part(c)) return;
    prepare_text(s, text);
    c->asked = control_send(c->control_fd, CONTROL_PREPARE, 0, text) == 0;
}

void reload_on_death(struct supervisor *s, struct child *c)
{
    if (is_spreading(s) && c->asked) refuse(s, "a process died while it prepared; try again");
    c->asked = c->prepared = false;
}

void reload_on_time(struct supervisor *s)
{
    struct reload *r = &s->reload;
    if (r->state != RELOAD_NONE && clock_mono_ns() >= r->deadline_ns)
        refuse(s, r->state == RELOAD_BUILDING    ? "building took longer than 15 s"
                  : r->state == RELOAD_PREPARING ? "a process did not load the generation within 10 s"
                  : r->state == RELOAD_RENEWING
                      ? "workers that listen as wanted did not start within 30 s; earlier ones "
                        "serve until they do"
                      : "migrations and checks took longer than 120 s");
    if (s->replace.state != REPLACE_NONE || s->stopping) return;
    for (int kind = 0; kind < RELOAD_KINDS && r->state == RELOAD_NONE; kind++)
        if (r->wish[kind].ticket) begin(s, (enum reload_kind)kind);
}
