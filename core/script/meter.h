/* meter.h: what is counted of each request, in the memory that all processes share. Private to core/script.
 *
 *   gifd_http_requests_total{method,route,status}            gifd_http_request_duration_seconds{method,route,cache}
 *
 * route is the pattern of the app's route, or "" where there is none; cache is hit (a kept reply, in C), miss (one that
 * might have been) or none. Cells are looked up when a route is first used so; then a request costs two of them. Loop
 * thread only. */
#ifndef GIFD_SCRIPT_METER_H
#define GIFD_SCRIPT_METER_H

#include "base/metric.h"
#include "http/request.h"

#define METER_STATUSES 8 /* of one route; others are counted as "other" */

enum meter_cache { METER_NONE, METER_HIT, METER_MISS };

struct meter {
    const char *pattern; /* NULL: no route */
    struct metric_cell *seconds[3];
    bool sought[3];
    struct {
        int status;
        struct metric_cell *cell;
    } statuses[METER_STATUSES + 1];
};

/* Of whom others were asked for: an answer's status, or 0 when none came. At most 64 series: then the host is "other".
 *   gifd_upstream_requests_total{host,outcome}   gifd_upstream_microseconds_total{host} */
void meter_upstream(struct metrics *all, const char *host, int status, uint64_t us);

/* r is about to get its reply. */
void meter_count(struct meter *m, struct metrics *all, const struct request *r, int status, enum meter_cache cache);

#endif
