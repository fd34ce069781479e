/* renew.c: workers that listen elsewhere, or otherwise, after a reload. See supervisor.h.
 *
 *   commit (reload.c)
 *    |  new addresses are open already, or the reload would have been refused; gone ones are closed here
 *    |- the workers that serve become old ones; new ones start on the sockets that are wanted now
 *    |- all new ones are ready: the reload is done; the old ones stop accepting and finish what they have begun
 *    '- the runner, which listens to nobody, leaves and comes back by itself when addresses differ: it tells them
 *
 * An address that stays keeps its socket, so that nobody is sent away who comes meanwhile; when TLS is turned on or off
 * there, whoever comes before the reload is done may still meet what was. */
#include "app/supervisor.h"
#include "app/systemd.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RETIRE_MS 600000

bool renew_wanted(const struct flat_settings *a, const struct flat_settings *b)
{
    return a->listen_count != b->listen_count || a->workers != b->workers ||
           memcmp(a->listen, b->listen, sizeof a->listen) != 0 || memcmp(a->how, b->how, sizeof a->how) != 0 ||
           memcmp(a->pairs, b->pairs, sizeof a->pairs) != 0 ||
           memcmp(&a->trusted, &b->trusted, sizeof a->trusted) != 0 || memcmp(&a->http, &b->http, sizeof a->http) != 0;
}

/* The socket of that address among those which nobody has taken yet. */
static size_t find(const struct supervisor *s, const struct listening *l, const char *address)
{
    size_t k = 0;
    while (k < s->listen_count && (l->taken[k] || strcmp(s->settings.listen[k], address) != 0)) k++;
    return k;
}

int renew_open(const struct supervisor *s, struct flat_settings *next, bool all, struct listening *l, struct err *e)
{
    uint32_t wanted = next->listen_count;
    *l = (struct listening){0};
    next->listen_count = 0;
    for (uint32_t i = 0; i < wanted; i++) {
        size_t n = l->count, k = find(s, l, next->listen[i]);
        l->opened[n] = k == s->listen_count;
        if (l->opened[n]) {
            l->fds[n] = http_listen_socket(next->listen[i], l->urls[n], sizeof l->urls[n], e);
        } else {
            l->taken[k] = true;
            l->fds[n] = s->listen_fds[k];
            memcpy(l->urls[n], s->urls[k], sizeof l->urls[n]);
        }
        if (l->fds[n] < 0 && all) {
            renew_close(l);
            return e->sys ? err_set(e, e->code, "%s cannot be listened on (%s)", next->listen[i], strerror(e->sys))
                          : e->code;
        }
        if (l->fds[n] < 0) {
            log_error("listen.failed", LS("address", next->listen[i]), LS("why", e->text));
            continue;
        }
        memmove(next->listen[n], next->listen[i], sizeof next->listen[n]);
        next->how[n] = next->how[i];
        supervisor_name_url(next, (uint32_t)n, l->urls[n]);
        next->listen_count = (uint32_t)++l->count;
    }
    return GIFD_OK;
}

void renew_close(struct listening *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->opened[i]) close(l->fds[i]);
    l->count = 0;
}

bool renew_listen(struct supervisor *s, const struct listening *l)
{
    struct err e = {0};
    bool same = s->listen_count == l->count;
    for (size_t i = 0; i < l->count && same; i++) same = !l->opened[i] && !strcmp(s->urls[i], l->urls[i]);
    for (size_t k = 0; k < s->listen_count; k++) {
        if (l->taken[k]) continue;
        log_info("listen.closed", LS("url", s->urls[k]));
        close(s->listen_fds[k]);
    }
    s->listen_count = l->count;
    memset(s->url_list, 0, sizeof s->url_list);
    for (size_t i = 0; i < l->count; i++) {
        s->listen_fds[i] = l->fds[i];
        memcpy(s->urls[i], l->urls[i], sizeof s->urls[i]);
        s->url_list[i] = s->urls[i];
        if (l->opened[i]) log_info("listen.opened", LS("url", s->urls[i]));
    }
    if (datadir_publish(&s->dir, s->url_list, s->listen_count, &e) < 0) log_error("listen.publish", LS("why", e.text));
    return !same;
}

void renew_begin(struct supervisor *s, bool runner_too)
{
    int range = children_free_range(s);
    for (size_t i = 0; i < s->child_count; i++) {
        struct child *c = &s->children[i];
        if (c->kind == CHILD_WORKER) c->old = true;
        if (runner_too && c->kind == CHILD_RUNNER && c->pid > 0 && !c->old && !c->leave_ns)
            children_retire(c, 0, s->settings.http.drain_ms);
    }
    s->first_slot = (uint32_t)range * SLOT_RANGE;
    s->renewing = true;
    children_plan_workers(s);
}

bool renew_workers_ready(const struct supervisor *s)
{
    for (size_t i = 0; i < s->child_count; i++)
        if (s->children[i].kind == CHILD_WORKER && !s->children[i].old && !s->children[i].ready) return false;
    return true;
}

void renew_retire_old(struct supervisor *s)
{
    for (size_t i = 0; i < s->child_count; i++) {
        struct child *c = &s->children[i];
        if (c->pid <= 0 || !c->old || c->leave_ns) continue;
        if (c->kind == CHILD_WORKER) children_retire(c, s->settings.http.drain_ms, RETIRE_MS);
        if (c->kind == CHILD_RUNNER) children_retire(c, 0, s->settings.http.drain_ms);
    }
}

void renew_on_time(struct supervisor *s)
{
    if (!s->renewing || s->stopping || !renew_workers_ready(s)) return;
    s->renewing = false;
    if (!s->taking_over) renew_retire_old(s);
    log_info("workers.renewed", LI("leaving", children_count(s, CHILD_WORKER, true)));
    reload_on_renewed(s);
}
