/* status.c: see status.h. */
#include "app/status.h"
#include "app/supervisor.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_NS (500ull * 1000000)

void status_collect(struct supervisor *s)
{
    if (s->status_deadline_ns) return;
    s->status_deadline_ns = clock_mono_ns() + WAIT_NS;
    for (size_t i = 0; i < s->child_count; i++) {
        struct child *c = &s->children[i];
        bool serves = (c->kind == CHILD_WORKER || c->kind == CHILD_RUNNER) && c->pid > 0 && !c->old && c->ready;
        c->telling = serves && control_send(c->control_fd, CONTROL_STATUS, 0, "") == 0;
    }
}

void status_on_text(struct supervisor *s, struct child *c, const char *text)
{
    (void)s;
    if (!c->telling) return;
    c->telling = false;
    free(c->told);
    c->told = strdup(text);
}

/* ---- the document ---- */

static void text(struct json_writer *w, const char *key, const char *value)
{
    json_write_key(w, slice_str(key));
    if (value)
        json_write_string(w, slice_str(value));
    else
        json_write_null(w);
}

static void number(struct json_writer *w, const char *key, uint64_t value)
{
    json_write_key(w, slice_str(key));
    json_write_int(w, (int64_t)value);
}

static void moment(struct json_writer *w, const char *key, uint64_t wall_ms)
{
    char at[40];
    clock_rfc3339((int64_t)wall_ms * 1000, 3, at, sizeof at);
    text(w, key, at);
}

static void generations(const struct supervisor *s, struct json_writer *w)
{
    json_write_key(w, SLICE("live"));
    json_write_object(w);
    number(w, "generation", s->generation);
    text(w, "digest", s->settings.digest);
    if (s->history.count) moment(w, "since", s->history.entry[0].at_ms);
    json_write_object_end(w);
    json_write_key(w, SLICE("previous"));
    json_write_array(w);
    for (size_t i = 1; i < s->history.count; i++) {
        const struct history_entry *n = &s->history.entry[i];
        json_write_object(w);
        number(w, "generation", n->number);
        json_write_key(w, SLICE("digest"));
        json_write_string(w, slice_of(n->name, strcspn(n->name, ".")));
        moment(w, "since", n->at_ms);
        text(w, "version", n->version);
        json_write_object_end(w);
    }
    json_write_array_end(w);
    json_write_key(w, SLICE("refused"));
    if (!s->reload.refused_text) {
        json_write_null(w);
        return;
    }
    json_write_object(w);
    moment(w, "at", s->reload.refused_ms);
    json_write_key(w, SLICE("faults"));
    admin_write_faults(w, s->reload.refused_text);
    json_write_object_end(w);
}

static void plugins(const struct supervisor *s, struct json_writer *w)
{
    uint64_t now = clock_mono_ns();
    json_write_key(w, SLICE("plugins"));
    json_write_array(w);
    for (uint32_t i = 0; i < s->settings.plugin_count; i++) {
        const char *name = s->settings.plugins[i].name, *why = disabled_reason(&s->disabled, name);
        json_write_object(w);
        text(w, "name", name);
        text(w, "version", s->settings.plugins[i].version);
        text(w, "state", why ? "disabled" : "live");
        number(w, "failures", strikes_recent(&s->strikes, name, now));
        text(w, "disabled_reason", why);
        json_write_object_end(w);
    }
    json_write_array_end(w);
}

static const char *state_of(const struct child *c)
{
    if (c->pid <= 0) return "down";
    if (c->leave_ns) return "leaving";
    return c->kind == CHILD_MEDIA || c->ready ? "ready" : "starting";
}

/* What one process told: {"generation","memory","tasks","draining":[...]}; of its draining ones, the same table for
 * all processes. */
static void process(struct json_writer *w, const struct child *c, const struct json *told)
{
    json_write_object(w);
    text(w, "name", c->name);
    number(w, "pid", c->pid > 0 ? (uint64_t)c->pid : 0);
    text(w, "state", state_of(c));
    number(w, "restarts", c->restarts);
    if (c->telling) text(w, "answers", "no");
    for (const struct json *m = told ? told->child : NULL; m; m = m->next) {
        if (slice_is(m->key, "draining")) continue;
        json_write_key(w, m->key);
        json_write_value(w, m);
    }
    json_write_object_end(w);
}

static void draining(struct json_writer *w, const struct child *c, const struct json *told)
{
    const struct json *list = json_get(told, "draining");
    for (const struct json *g = list ? list->child : NULL; g; g = g->next) {
        json_write_object(w);
        text(w, "process", c->name);
        for (const struct json *m = g->child; m; m = m->next) {
            json_write_key(w, m->key);
            json_write_value(w, m);
        }
        json_write_object_end(w);
    }
}

static void processes(struct supervisor *s, struct json_writer *w)
{
    struct arena arena;
    arena_init(&arena, 8 << 20);
    const struct json **told = arena_zalloc(&arena, CHILDREN_MAX * sizeof *told);
    for (size_t i = 0; told && i < s->child_count; i++) {
        struct json *root = NULL;
        const char *heard = s->children[i].told;
        if (heard && json_parse(&arena, slice_str(heard), NULL, &root, NULL) == GIFD_OK) told[i] = root;
    }
    json_write_key(w, SLICE("draining"));
    json_write_array(w);
    for (size_t i = 0; told && i < s->child_count; i++) draining(w, &s->children[i], told[i]);
    json_write_array_end(w);
    json_write_key(w, SLICE("processes"));
    json_write_array(w);
    for (size_t i = 0; told && i < s->child_count; i++)
        if (s->children[i].kind != CHILD_SETUP && (s->children[i].pid > 0 || !s->children[i].old))
            process(w, &s->children[i], told[i]);
    json_write_array_end(w);
    arena_free(&arena);
}

static void write_status(struct supervisor *s)
{
    static const char *const doing[] = {[RELOAD_NONE] = "idle",
                                        [RELOAD_BUILDING] = "building",
                                        [RELOAD_PREPARING] = "preparing",
                                        [RELOAD_MIGRATING] = "migrating",
                                        [RELOAD_RENEWING] = "renewing"};
    struct buf out;
    struct json_writer w;
    buf_init(&out, ADMIN_ANSWER_MAX);
    json_write_begin(&w, &out, NULL);
    json_write_object(&w);
    text(&w, "version", GIFD_VERSION);
    number(&w, "pid", (uint64_t)getpid());
    number(&w, "uptime", (clock_mono_ns() - s->started_ns) / 1000000000);
    text(&w, "reload", doing[s->reload.state]);
    json_write_key(&w, SLICE("urls"));
    json_write_array(&w);
    for (size_t i = 0; i < s->listen_count; i++) json_write_string(&w, slice_str(s->urls[i]));
    json_write_array_end(&w);
    generations(s, &w);
    plugins(s, &w);
    processes(s, &w);
    json_write_object_end(&w);
    if (json_write_end(&w) == GIFD_OK)
        admin_status(s, buf_slice(&out));
    else
        admin_status(s, SLICE("{\"error\":\"too_large\",\"faults\":[]}"));
    buf_free(&out);
}

void status_on_time(struct supervisor *s)
{
    if (!s->status_deadline_ns) return;
    bool all = true;
    for (size_t i = 0; i < s->child_count; i++) {
        if (s->children[i].pid <= 0) s->children[i].telling = false;
        all = all && !s->children[i].telling;
    }
    if (!all && clock_mono_ns() < s->status_deadline_ns) return;
    write_status(s);
    s->status_deadline_ns = 0;
    for (size_t i = 0; i < s->child_count; i++) {
        free(s->children[i].told);
        s->children[i].told = NULL;
        s->children[i].telling = false;
    }
}
