/* clock.c: see clock.h. */
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t stopped;

void clock_stop(int64_t us)
{
    stopped = us;
}

int64_t clock_wall_us(void)
{
    struct timespec t;
    if (stopped) return stopped;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

uint64_t clock_mono_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

size_t clock_rfc3339(int64_t wall_us, int digits, char *out, size_t cap)
{
    int64_t s = wall_us / 1000000, us = wall_us % 1000000;
    if (us < 0) us += 1000000, s--;
    struct tm tm;
    time_t t = (time_t)s;
    gmtime_r(&t, &tm);
    char base[32];
    strftime(base, sizeof base, "%Y-%m-%dT%H:%M:%S", &tm);
    int n;
    if (digits == 3)
        n = snprintf(out, cap, "%s.%03dZ", base, (int)(us / 1000));
    else if (digits == 6)
        n = snprintf(out, cap, "%s.%06dZ", base, (int)us);
    else
        n = snprintf(out, cap, "%sZ", base);
    return n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1;
}

static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void clock_http_date(int64_t wall_s, char out[30])
{
    struct tm tm;
    time_t t = (time_t)wall_s;
    gmtime_r(&t, &tm);
    char whole[64];
    snprintf(whole, sizeof whole, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday], tm.tm_mday,
             months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    memcpy(out, whole, 29);
    out[29] = 0;
}

int64_t clock_parse_http_date(const char *p, size_t n)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    char s[64];
    if (n == 0 || n >= sizeof s) return -1;
    memcpy(s, p, n);
    s[n] = 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {0};
        const char *end = strptime(s, forms[i], &tm);
        if (end && *end == 0) return (int64_t)timegm(&tm);
    }
    return -1;
}
