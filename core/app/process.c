/* process.c: a worker or the runner, from fork to exit.
 *
 *   open services -> load the live bundle -> (worker: listen) -> READY
 *   PREPARE / COMMIT / ABANDON from the supervisor; DRAIN: finish requests and tasks, flush, exit 0; RETIRE: the same,
 *   but while others accept on our sockets already, so that there is time
 *
 * When a plugin holds too much of Lua's memory, the process drains of itself, and gives up with the plugin in its slot
 * as the one to blame; the supervisor starts another.
 *
 * A lost control socket means that the supervisor is gone: the process ends at once. */
#include "app/logging.h"
#include "app/services.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/sink.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define BEAT_MS 250
#define STORE_STUCK_NS (30 * 1000000000ull) /* far beyond the budget of a statement, and what a slow disk may take */
#define MEDIA_AT_ONCE 64                    /* of one process; who gets a child is the media process's to decide */

struct process {
    struct services services;
    const struct process_context *context;
    struct http_server *server;
    struct http_share share;
    uv_poll_t control;
    struct tick beat;
    struct pulse {
        struct metric_cell *lag, *connections, *cpu, *memory, *descriptors, *started;
        struct metric_cell *received, *sent, *left, *reset, *ended;
        struct metric_cell *most_descriptors, *draining, *tasks, *traces, *lua;
        struct http_traffic counted;
        uint64_t last_ns;
        unsigned beats;
    } pulse;
    bool stuck;                      /* a thread of the database stands still: no beat */
    bool draining, retiring, ending; /* told; told; the server is drained, tasks are */
    uv_timer_t recycle;
    char blamed[SEGMENT_BLAME_LEN]; /* "plugin/memory": this process ends because of it */
};

static _Noreturn void fail(const struct process_context *c, const struct err *e)
{
    control_send(c->control_fd, CONTROL_FAILED, e->code, e->text);
    sink_drain();
    _exit(EXIT_FAILED);
}

/* ---- how the process is, in numbers that others read ---- */

static struct metric_cell *pulse_cell(struct process *p, enum metric_kind kind, const char *name, const char *process)
{
    return metric_take(segment_metrics(p->context->segment), kind, name, process ? "process" : NULL, process);
}

static void pulse_begin(struct process *p)
{
    struct pulse *u = &p->pulse;
    char name[32] = "runner";
    if (!p->context->runner)
        snprintf(name, sizeof name, "worker-%u", (unsigned)(p->context->slot - p->context->first_slot) + 1);
    u->lag = pulse_cell(p, METRIC_HISTOGRAM, "gifd_loop_lag_seconds", name);
    u->connections = p->context->runner ? NULL : pulse_cell(p, METRIC_GAUGE, "gifd_connections", name);
    u->cpu = pulse_cell(p, METRIC_GAUGE, "gifd_process_cpu_seconds", name);
    u->memory = pulse_cell(p, METRIC_GAUGE, "gifd_process_resident_memory_bytes", name);
    u->descriptors = pulse_cell(p, METRIC_GAUGE, "gifd_process_open_fds", name);
    u->started = pulse_cell(p, METRIC_GAUGE, "gifd_process_start_time_seconds", name);
    u->draining = pulse_cell(p, METRIC_GAUGE, "gifd_generations_draining", name);
    u->tasks = pulse_cell(p, METRIC_GAUGE, "gifd_tasks", name);
    u->traces = pulse_cell(p, METRIC_GAUGE, "gifd_traces_active", name);
    u->lua = pulse_cell(p, METRIC_GAUGE, "gifd_lua_memory_bytes", name);
    u->most_descriptors = pulse_cell(p, METRIC_GAUGE, "gifd_process_max_fds", name);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) metric_set(u->most_descriptors, (double)files.rlim_cur);
    u->received = pulse_cell(p, METRIC_COUNTER, "gifd_http_received_bytes_total", NULL);
    u->sent = pulse_cell(p, METRIC_COUNTER, "gifd_http_sent_bytes_total", NULL);
    u->left = pulse_cell(p, METRIC_COUNTER, "gifd_http_requests_left_total", NULL);
    u->reset = pulse_cell(p, METRIC_COUNTER, "gifd_http_streams_reset_total", NULL);
    u->ended = pulse_cell(p, METRIC_COUNTER, "gifd_http_connections_ended_total", NULL);
    metric_set(u->started, (double)clock_wall_us() / 1e6);
}

static double resident_bytes(void)
{
    unsigned long whole = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%lu %lu", &whole, &resident) != 2) resident = 0;
    if (f) fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static int open_fds(void)
{
    int n = -1; /* the folder's own */
    DIR *d = opendir("/proc/self/fd");
    if (!d) return 0;
    for (struct dirent *x; (x = readdir(d));) n += x->d_name[0] != '.';
    closedir(d);
    return n;
}

static void count_traffic(struct process *p)
{
    struct pulse *u = &p->pulse;
    if (!p->server) return;
    struct http_traffic now = http_server_traffic(p->server);
    metric_add(u->received, now.received - u->counted.received);
    metric_add(u->sent, now.sent - u->counted.sent);
    metric_add(u->left, now.left - u->counted.left);
    metric_add(u->reset, now.reset - u->counted.reset);
    metric_add(u->ended, now.ended - u->counted.ended);
    u->counted = now;
    metric_set(u->connections, (double)http_server_connections(p->server));
}

static void pulse(struct process *p)
{
    struct pulse *u = &p->pulse;
    uint64_t now = clock_mono_ns(), due = u->last_ns + BEAT_MS * UINT64_C(1000000);
    if (u->last_ns) metric_observe(u->lag, now > due ? (double)(now - due) / 1e9 : 0);
    u->last_ns = now;
    count_traffic(p);
    if (u->beats++ % 8) return;
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        metric_set(u->cpu, (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
                               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    metric_set(u->memory, resident_bytes());
    metric_set(u->descriptors, open_fds());
    struct host_status status;
    host_status(p->services.host, &status);
    metric_set(u->draining, status.draining);
    metric_set(u->tasks, (double)status.tasks);
    metric_set(u->traces, (double)status.traces);
    metric_set(u->lua, (double)status.memory);
}

static void on_beat(struct tick *t)
{
    struct process *p = LIST_OF(t, struct process, beat);
    struct segment *s = p->context->segment;
    char step[DB_STEP_LEN];
    uint64_t ns = db_step_ns(p->services.db, step);
    bool stuck = ns > STORE_STUCK_NS;
    if (stuck && !p->stuck) log_error("store.stuck", LS("step", step), LI("ms", ns / 1000000));
    if (stuck || p->stuck) segment_hold(s, stuck ? step : NULL);
    p->stuck = stuck;
    if (!stuck) segment_beat(s, p->context->slot);
    log_tick();
    pulse(p);
}

static void on_drained(void *arg)
{
    struct process *p = arg;
    loop_stop(&p->services.loop);
}

static void on_server_drained(void *arg)
{
    struct process *p = arg;
    if (p->ending) return;
    p->ending = true;
    host_drain(p->services.host, 1000, on_drained, p);
}

static void drain(struct process *p)
{
    if (p->draining) return;
    p->draining = true;
    if (p->server)
        http_server_drain(p->server, on_server_drained, p);
    else if (!p->retiring)
        host_drain(p->services.host, p->context->settings->http.drain_ms, on_drained, p);
}

static void retire(struct process *p, const char *text)
{
    unsigned idle_ms, total_ms;
    if (p->draining || p->retiring || sscanf(text, "%u %u", &idle_ms, &total_ms) != 2) return;
    p->retiring = true;
    if (p->server)
        http_server_retire(p->server, idle_ms, total_ms, on_server_drained, p);
    else
        host_drain(p->services.host, total_ms, on_drained, p);
}

static void on_recycle(uv_timer_t *timer)
{
    drain(timer->data);
}

/* Lua runs, or is about to: the rest is for the loop. */
static void recycle(void *arg, const char *plugin, size_t memory)
{
    struct process *p = arg;
    if (p->blamed[0]) return;
    snprintf(p->blamed, sizeof p->blamed, "%.50s/memory", plugin);
    log_error("process.recycled", LS("plugin", plugin), LI("memory", memory));
    uv_timer_init(&p->services.loop.uv, &p->recycle);
    p->recycle.data = p;
    uv_timer_start(&p->recycle, on_recycle, 0, 0);
}

static uint64_t processor_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* "NUMBER BUNDLE", then a plugin to do without a line. */
static int prepare(struct process *p, const char *text, struct err *e)
{
    char bundle[PATH_LEN], *end;
    unsigned long long number = strtoull(text, &end, 10);
    size_t n = *end == ' ' ? strcspn(end + 1, "\n") : 0;
    if (n == 0 || n >= sizeof bundle) return err_set(e, GIFD_EPROTOCOL, "prepare: %.80s", text);
    memcpy(bundle, end + 1, n);
    bundle[n] = 0;
    end += 1 + n;
    uint64_t began = clock_mono_ns(), busy = processor_us();
    int rc = host_prepare(p->services.host, bundle, number, *end ? end + 1 : end, e);
    log_debug("generation.prepared", LI("generation", number), LI("us", (clock_mono_ns() - began) / 1000),
              LI("processor_us", processor_us() - busy));
    return rc;
}

static void tell(struct process *p)
{
    struct buf out;
    buf_init(&out, CONTROL_TEXT - 1);
    host_report(p->services.host, &out);
    control_send(p->context->control_fd, CONTROL_STATUS, 0, buf_str(&out));
    buf_free(&out);
}

static void on_message(struct process *p, const struct control_message *m)
{
    struct err e = {0};
    switch (m->type) {
    case CONTROL_PREPARE: {
        int rc = prepare(p, m->text, &e);
        control_send(p->context->control_fd, CONTROL_PREPARED, rc, e.text);
        break;
    }
    case CONTROL_COMMIT: host_commit(p->services.host); break;
    case CONTROL_ABANDON: host_abandon(p->services.host); break;
    case CONTROL_DRAIN: drain(p); break;
    case CONTROL_RETIRE: retire(p, m->text); break;
    case CONTROL_STATUS: tell(p); break;
    default: break;
    }
}

static void on_control(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct process *p = poll->data;
    struct control_message m;
    int got;
    while ((got = control_receive(p->context->control_fd, &m)) > 0) on_message(p, &m);
    if (got < 0 || status < 0) _exit(EXIT_FAILED);
}

static int serve(struct process *p, struct err *e)
{
    const struct process_context *c = p->context;
    struct http_app app = host_app(p->services.host);
    p->share =
        (struct http_share){segment_connections(c->segment) + c->first_slot, c->worker_count, c->slot - c->first_slot};
    p->server = http_server_new(&p->services.loop, &c->settings->http, &app, &p->share, e);
    if (!p->server) return e->code;
    http_server_trust(p->server, &c->settings->trusted);
    for (size_t i = 0; i < c->listen_count; i++) {
        const struct flat_settings *f = c->settings;
        struct http_listening how = {.proxy_protocol = f->how[i].proxied,
                                     .to_https = f->how[i].to_https,
                                     .pairs = f->pairs + f->how[i].tls_first,
                                     .pair_count = f->how[i].tls_count,
                                     .hsts_s = f->how[i].hsts_s,
                                     .tickets = c->tickets,
                                     .metrics = segment_metrics(c->segment)};
        int rc = http_server_listen_with(p->server, c->listen_fds[i], &how, e);
        if (rc < 0) return rc;
    }
    return GIFD_OK;
}

/* Workers count in parts of their own, as far as there are any; all others share the first. */
static unsigned part_of(const struct process_context *c)
{
    return 1 + (c->slot - c->first_slot) % (METRIC_PARTS - 1);
}

/* Buffers of a turn are taken and given back together: the heap's end would go to the system and come back each time,
 * a page fault for every 4 KB. */
#define HEAP_KEPT (4 << 20)

_Noreturn void process_main(const struct process_context *c)
{
    static struct process p;
    struct err e = {0};
    p.context = c;
    if (!c->runner) metrics_part(segment_metrics(c->segment), part_of(c));
    logging_share(c->segment);
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
    mallopt(M_TOP_PAD, HEAP_KEPT / 4);
    struct services_options o = {.dir = c->dir,
                                 .segment = c->segment,
                                 .urls = c->urls,
                                 .role = c->runner ? "runner" : "worker",
                                 .dev = c->dev,
                                 .wake_fd = c->wake_fd,
                                 .media_running = MEDIA_AT_ONCE,
                                 .recycle = recycle,
                                 .recycle_arg = &p};
    if (services_open(&p.services, &o, &e) < 0 ||
        services_load(&p.services, c->settings->bundle, c->generation, c->without, &e) < 0)
        fail(c, &e);
    p.control.data = &p;
    uv_poll_init(&p.services.loop.uv, &p.control, c->control_fd);
    uv_poll_start(&p.control, UV_READABLE, on_control);
    pulse_begin(&p);
    tick_start(&p.services.loop, &p.beat, BEAT_MS, on_beat);
    if (!c->runner && serve(&p, &e) < 0) fail(c, &e);
    segment_beat(c->segment, c->slot);
    control_send(c->control_fd, CONTROL_READY, 0, "");
    loop_run(&p.services.loop);
    count_traffic(&p);
    if (p.server) http_server_free(p.server);
    uv_close((uv_handle_t *)&p.control, NULL);
    if (p.blamed[0]) uv_close((uv_handle_t *)&p.recycle, NULL);
    services_close(&p.services);
    log_tick();
    segment_blame(c->segment, p.blamed);
    exit(p.blamed[0] ? EXIT_FAILED : EXIT_OK);
}
