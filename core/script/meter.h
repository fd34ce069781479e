/* meter.h: what is counted of each reply, in the memory that all processes share. Private to core/script.
 *
 *   gifd_http_requests_total{method,route,status}     gifd_http_request_duration_seconds{method,route,status,cache}
 *
 * route is the pattern of the app's route with its method, both "" where there is none: nothing at the address, a head
 * that could not be read. status is the number, and of the durations its class ("2xx"). cache is hit (a kept reply, in
 * C), miss (one that might have been) or none. Cells are looked up when a route is first used so; then a request costs
 * two of them. Loop thread only. */
#ifndef GIFD_SCRIPT_METER_H
#define GIFD_SCRIPT_METER_H

#include "base/metric.h"
#include "http/request.h"

#define METER_STATUSES 8 /* of one route; others are counted as "other" */
#define METER_CLASSES 6  /* 1xx to 5xx, by their first digit */

enum meter_cache { METER_NONE, METER_HIT, METER_MISS, METER_OUTCOMES };

struct meter {
    const char *route; /* "GET /pattern"; NULL: none */
    struct {
        bool sought;
        struct metric_cell *cell;
    } seconds[METER_OUTCOMES][METER_CLASSES];
    struct {
        int status;
        struct metric_cell *cell;
    } statuses[METER_STATUSES + 1];
};

/* Of whom others were asked for: an answer's status, or 0 when none came. At most 64 series: then the host is "other".
 *   gifd_upstream_requests_total{host,outcome}   gifd_upstream_microseconds_total{host} */
void meter_upstream(struct metrics *all, const char *host, int status, uint64_t us);

/* r is getting its reply. */
void meter_count(struct meter *m, struct metrics *all, const struct request *r, int status, enum meter_cache cache);

#endif
