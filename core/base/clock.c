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

/* RFC 3339 section 5.6. */
static bool digits_at(const char *p, size_t n, int *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') return false;
        *out = *out * 10 + (p[i] - '0');
    }
    return true;
}

static int64_t days_before(int y, int m, int d) /* since 1970-01-01 */
{
    y -= m <= 2;
    int64_t era = y / 400;
    int of_era = y - (int)era * 400, of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + (of_era * 365 + of_era / 4 - of_era / 100 + of_year) - 719468;
}

static bool parse_offset(const char *p, size_t n, int *minutes)
{
    int h, m;
    if (n == 1 && (*p == 'Z' || *p == 'z')) return *minutes = 0, true;
    if (n != 6 || (*p != '+' && *p != '-') || p[3] != ':') return false;
    if (!digits_at(p + 1, 2, &h) || !digits_at(p + 4, 2, &m) || h > 23 || m > 59) return false;
    *minutes = (*p == '-' ? -1 : 1) * (h * 60 + m);
    return true;
}

bool clock_parse_rfc3339(const char *p, size_t n, int64_t *us)
{
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, mo, d, h, mi, se, minutes;
    if (n < 20 || p[4] != '-' || p[7] != '-' || (p[10] != 'T' && p[10] != 't' && p[10] != ' ') || p[13] != ':' ||
        p[16] != ':')
        return false;
    if (!digits_at(p, 4, &y) || !digits_at(p + 5, 2, &mo) || !digits_at(p + 8, 2, &d) || !digits_at(p + 11, 2, &h) ||
        !digits_at(p + 14, 2, &mi) || !digits_at(p + 17, 2, &se))
        return false;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (y < 1970 || mo < 1 || mo > 12 || d < 1 || d > lengths[mo - 1] || (mo == 2 && d == 29 && !leap) || h > 23 ||
        mi > 59 || se > 60)
        return false;
    size_t at = 19;
    int64_t fraction = 0, scale = 100000;
    if (p[at] == '.') {
        size_t first = ++at;
        for (; at < n && p[at] >= '0' && p[at] <= '9'; at++, scale /= 10) fraction += (p[at] - '0') * scale;
        if (at == first) return false;
    }
    if (!parse_offset(p + at, n - at, &minutes)) return false;
    int64_t whole = days_before(y, mo, d) * 86400 + h * 3600 + mi * 60 + se - minutes * 60;
    *us = whole * 1000000 + fraction;
    return true;
}
