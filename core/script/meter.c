/* meter.c: see meter.h. */
#include "script/meter.h"
#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

static struct metric_cell *seek(struct metrics *all, enum metric_kind kind, const char *name,
                                const struct metric_label *labels, size_t count)
{
    struct metric_cell *cell = NULL;
    struct err e = {0};
    struct metric_want want = {.kind = kind, .name = slice_str(name), .labels = labels, .label_count = count};
    if (metric_find(all, &want, &cell, &e) < 0) log_warn("metric.full", LS("name", name), LS("error", e.text));
    return cell;
}

static void name_route(const struct meter *m, struct metric_label labels[2])
{
    const char *space = m->route ? strchr(m->route, ' ') : NULL;
    labels[0] = (struct metric_label){SLICE("method"), SLICE("")};
    labels[1] = (struct metric_label){SLICE("route"), SLICE("")};
    if (!space) return;
    labels[0].value = slice_of(m->route, (size_t)(space - m->route));
    labels[1].value = slice_str(space + 1);
}

static struct metric_cell *status_cell(struct meter *m, struct metrics *all, int status)
{
    size_t i = 0;
    char text[12] = "other";
    while (i < METER_STATUSES && m->statuses[i].status && m->statuses[i].status != status) i++;
    if (m->statuses[i].status) return m->statuses[i].cell;
    m->statuses[i].status = i < METER_STATUSES ? status : -1;
    if (i < METER_STATUSES) snprintf(text, sizeof text, "%d", status);
    struct metric_label labels[3] = {[2] = {SLICE("status"), slice_str(text)}};
    name_route(m, labels);
    return m->statuses[i].cell = seek(all, METRIC_COUNTER, "gifd_http_requests_total", labels, 3);
}

static struct metric_cell *seconds_cell(struct meter *m, struct metrics *all, int status, enum meter_cache cache)
{
    static const char *const outcomes[] = {"none", "hit", "miss"};
    int first = status / 100 % 10;
    size_t class = first < METER_CLASSES ? (size_t)first : 0;
    if (m->seconds[cache][class].sought) return m->seconds[cache][class].cell;
    m->seconds[cache][class].sought = true;
    char text[4] = {(char)('0' + class), 'x', 'x', 0};
    struct metric_label labels[4] = {
        [2] = {SLICE("status"), slice_str(text)}, [3] = {SLICE("cache"), slice_str(outcomes[cache])}};
    name_route(m, labels);
    return m->seconds[cache][class].cell = seek(all, METRIC_HISTOGRAM, "gifd_http_request_duration_seconds", labels, 4);
}

void meter_count(struct meter *m, struct metrics *all, const struct request *r, int status, enum meter_cache cache)
{
    metric_add(status_cell(m, all, status), 1);
    metric_observe(seconds_cell(m, all, status, cache), (double)(clock_mono_ns() - r->started_ns) / 1e9);
}

static struct metric_cell *upstream_cell(struct metrics *all, const char *name, const char *host, const char *outcome)
{
    struct metric_cell *cell = NULL;
    struct metric_label labels[] = {{SLICE("host"), slice_str(host)},
                                    {SLICE("outcome"), slice_str(outcome ? outcome : "")}};
    struct metric_want want = {.kind = METRIC_COUNTER,
                               .name = slice_str(name),
                               .labels = labels,
                               .label_count = outcome ? 2 : 1,
                               .group = SLICE("gifd_upstream_")};
    if (metric_find(all, &want, &cell, NULL) == GIFD_ETOOBIG) {
        labels[0].value = SLICE("other");
        want.spare = true;
        metric_find(all, &want, &cell, NULL);
    }
    return cell;
}

void meter_upstream(struct metrics *all, const char *host, int status, uint64_t us)
{
    static const char *const outcomes[] = {"failed", "1xx", "2xx", "3xx", "4xx", "5xx"};
    const char *outcome = outcomes[status < 100 || status > 599 ? 0 : status / 100];
    metric_add(upstream_cell(all, "gifd_upstream_requests_total", host, outcome), 1);
    metric_add(upstream_cell(all, "gifd_upstream_microseconds_total", host, NULL), us);
}
