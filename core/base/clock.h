/* clock.h: time. Wall time is microseconds since 1970-01-01 UTC; monotonic time is nanoseconds since some start. */
#ifndef GIFD_BASE_CLOCK_H
#define GIFD_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t clock_wall_us(void);
/* The wall time of this process stands still at us; 0: it goes on. For tests of what depends on time. */
void clock_stop(int64_t us);
uint64_t clock_mono_ns(void);
/* "2026-11-25T15:52:19.123456Z"; digits is 0, 3 or 6 decimals. Returns the length written (without NUL). */
size_t clock_rfc3339(int64_t wall_us, int digits, char *out, size_t cap);
/* "Wed, 25 Nov 2026 15:52:19 GMT" (RFC 9110 section 5.6.7), always 29 characters; out holds at least 30. */
void clock_http_date(int64_t wall_s, char out[30]);
/* Reads the three forms of RFC 9110 5.6.7; -1 when it is none of them. */
int64_t clock_parse_http_date(const char *p, size_t n);
/* Reads "2026-11-25T15:52:19.5+01:00" (RFC 3339 section 5.6) from 1970 on; digits beyond the microsecond are dropped.
 */
bool clock_parse_rfc3339(const char *p, size_t n, int64_t *us);

#endif
