/* reload.c: a reload is a transaction across processes. See supervisor.h and DESIGN 1.5.
 *
 *   BUILDING   the builder checks and compiles            refused: nothing has changed
 *   PREPARING  every process loads the bundle aside       one failure, death or the deadline: all abandon
 *   MIGRATING  the builder applies expand-only migrations failure: all abandon
 *   commit     the durable pointer moves, then every process swaps
 *
 * A process that dies after the pointer moved comes back with the new bundle; before, with the old one. */
#include "app/supervisor.h"
#include "app/systemd.h"
#include "base/clock.h"
#include "base/log.h"

#include <string.h>

#define PREPARE_NS (10ull * 1000000000)
#define MIGRATE_NS (120ull * 1000000000)

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

static void finish(struct supervisor *s)
{
    builder_end(&s->builder);
    s->reload = RELOAD_NONE;
    systemd_ready();
    if (s->reload_again && !s->stopping) {
        s->reload_again = false;
        reload_begin(s);
    }
}

/* Each line of `why` is a fault; people want to see them as they are, so they also go to the terminal's stderr. */
static void refuse(struct supervisor *s, const char *why)
{
    tell(s, CONTROL_ABANDON, "");
    log_error("reload.refused", LS("why", why), LS("live", s->settings.digest));
    finish(s);
}

void reload_begin(struct supervisor *s)
{
    struct err e = {0};
    if (s->reload != RELOAD_NONE || s->replace.state != REPLACE_NONE) {
        s->reload_again = true;
        return;
    }
    systemd_reloading();
    if (builder_start(&s->builder, &s->dir, s->options, &e) < 0) {
        log_error("reload.refused", LS("why", e.text));
        systemd_ready();
        return;
    }
    s->reload = RELOAD_BUILDING;
    s->reload_deadline_ns = s->builder.deadline_ns;
}

static void commit(struct supervisor *s)
{
    struct err e = {0};
    struct flat_settings *next = &s->report.settings;
    if (datadir_set_live(&s->dir, next->bundle, &e) < 0) {
        refuse(s, e.text);
        return;
    }
    const char *keep[] = {next->bundle, s->settings.bundle};
    datadir_prune(&s->dir, keep, 2);
    supervisor_override(s, next);
    bool restart = next->listen_count != s->settings.listen_count || next->workers != s->settings.workers ||
                   memcmp(next->listen, s->settings.listen, sizeof next->listen) != 0 ||
                   memcmp(next->proxied, s->settings.proxied, sizeof next->proxied) != 0 ||
                   memcmp(&next->trusted, &s->settings.trusted, sizeof next->trusted) != 0 ||
                   memcmp(&next->http, &s->settings.http, sizeof next->http) != 0;
    /* What is listened on and how many serve stays what it is. */
    next->workers = s->settings.workers;
    next->listen_count = s->settings.listen_count;
    memcpy(next->listen, s->settings.listen, sizeof next->listen);
    memcpy(next->proxied, s->settings.proxied, sizeof next->proxied);
    s->settings = *next;
    log_level_set((enum log_level)s->settings.log_level);
    tell(s, CONTROL_COMMIT, "");
    log_info("reload.done", LS("live", s->settings.digest), LI("migrations", s->report.migrated));
    if (restart)
        log_warn("reload.restart_needed",
                 LS("why", "listen, trusted_proxies, http or workers differ; USR2 or a restart puts them into effect"));
    finish(s);
}

static void on_built(struct supervisor *s)
{
    if (s->report.rc != GIFD_OK) {
        refuse(s, s->report.text);
        return;
    }
    if (!strcmp(s->report.settings.digest, s->settings.digest)) {
        log_info("reload.unchanged", LS("live", s->settings.digest));
        finish(s);
        return;
    }
    s->reload = RELOAD_PREPARING;
    s->reload_deadline_ns = clock_mono_ns() + PREPARE_NS;
    tell(s, CONTROL_PREPARE, s->report.settings.bundle);
}

void reload_on_builder(struct supervisor *s)
{
    int got = builder_poll(&s->builder, &s->report);
    if (got == 0) return;
    if (got < 0)
        refuse(s, "the builder ended without an answer");
    else if (s->reload == RELOAD_BUILDING)
        on_built(s);
    else if (s->reload == RELOAD_MIGRATING && s->report.rc == GIFD_OK)
        commit(s);
    else
        refuse(s, s->report.text);
}

void reload_on_prepared(struct supervisor *s, struct child *c, const struct control_message *m)
{
    if (s->reload != RELOAD_PREPARING || !c->asked) return;
    if (m->rc != GIFD_OK) {
        refuse(s, m->text);
        return;
    }
    c->prepared = true;
    for (size_t i = 0; i < s->child_count; i++)
        if (takes_part(&s->children[i]) && !s->children[i].prepared) return;
    s->reload = RELOAD_MIGRATING;
    s->reload_deadline_ns = clock_mono_ns() + MIGRATE_NS;
    if (builder_migrate(&s->builder) < 0) refuse(s, "the builder ended before the migrations");
}

/* A process that is started meanwhile may load what is live still: it is asked like the others, once it can hear. */
void reload_on_start(struct supervisor *s, struct child *c)
{
    if ((s->reload != RELOAD_PREPARING && s->reload != RELOAD_MIGRATING) || !takes_part(c)) return;
    c->asked = control_send(c->control_fd, CONTROL_PREPARE, 0, s->report.settings.bundle) == 0;
}

void reload_on_death(struct supervisor *s, struct child *c)
{
    if ((s->reload == RELOAD_PREPARING || s->reload == RELOAD_MIGRATING) && c->asked)
        refuse(s, "a process died while it prepared; try again");
    c->asked = c->prepared = false;
}

void reload_on_time(struct supervisor *s)
{
    if (s->reload == RELOAD_NONE || clock_mono_ns() < s->reload_deadline_ns) return;
    refuse(s, s->reload == RELOAD_BUILDING    ? "building took longer than 15 s"
              : s->reload == RELOAD_PREPARING ? "a process did not load the generation within 10 s"
                                              : "migrations took longer than 120 s");
}
