/* report.c: what a process says about its generations:
 *
 *   {"generation":8,"memory":3145728,"tasks":2,"draining":[
 *     {"generation":7,"seconds":4,"memory":3000000,"tasks":1,"holders":[
 *       {"task":"POST /api/v1/assets","waits":"gifd.request.upload","seconds":3}]}]}
 *
 * Bounded: HOLDERS_MAX of each generation, the first ones that began. */
#include "base/json.h"
#include "script/host_int.h"

#include <stdio.h>
#include <string.h>

#define HOLDERS_MAX 6
#define HOLDER_NAME_LEN 72

static void number(struct json_writer *w, const char *key, uint64_t value)
{
    json_write_key(w, slice_str(key));
    json_write_int(w, (int64_t)value);
}

static void write_holder(struct json_writer *w, const struct task *t, uint64_t now)
{
    char name[HOLDER_NAME_LEN];
    const struct request *r = t->request;
    if (r)
        snprintf(name, sizeof name, "%s %.*s", http_method_name(r->method), (int)r->path.n, r->path.p);
    else
        snprintf(name, sizeof name, "%s", t->name);
    json_write_object(w);
    json_write_key(w, SLICE("task"));
    json_write_string(w, slice_str(name));
    json_write_key(w, SLICE("waits"));
    if (t->wait)
        json_write_string(w, slice_str(t->wait->what));
    else
        json_write_null(w);
    number(w, "seconds", t->wait && now > t->wait->since_ms ? (now - t->wait->since_ms) / 1000 : 0);
    json_write_object_end(w);
}

static void write_draining(struct json_writer *w, const struct gen *g, uint64_t now)
{
    size_t named = 0;
    json_write_object(w);
    number(w, "generation", g->number);
    number(w, "seconds", (now - g->drained_since_ms) / 1000);
    number(w, "memory", g->memory);
    number(w, "tasks", g->task_count);
    json_write_key(w, SLICE("holders"));
    json_write_array(w);
    LIST_EACH(n, &g->tasks)
    {
        if (named++ < HOLDERS_MAX) write_holder(w, LIST_OF(n, struct task, node), now);
    }
    json_write_array_end(w);
    json_write_object_end(w);
}

void host_report(const struct host *h, struct buf *out)
{
    struct json_writer w;
    uint64_t now = loop_now_ms(h->s.loop);
    json_write_begin(&w, out, NULL);
    json_write_object(&w);
    number(&w, "generation", h->live ? h->live->number : 0);
    number(&w, "memory", h->live ? h->live->memory : 0);
    number(&w, "tasks", h->tasks);
    json_write_key(&w, SLICE("draining"));
    json_write_array(&w);
    LIST_EACH(n, &h->draining)
    {
        write_draining(&w, LIST_OF(n, struct gen, node), now);
    }
    json_write_array_end(&w);
    json_write_object_end(&w);
    if (json_write_end(&w) < 0) buf_reset(out);
}
