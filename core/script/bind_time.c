/* bind_time.c: gifd.time. Seconds since 1970 UTC as a number, with microseconds. */
#include "base/clock.h"
#include "script/border.h"
#include "script/host_int.h"

#include <math.h>
#include <stdlib.h>

#define SECONDS_MAX 253402300799.0 /* the end of the year 9999 */
#define SLEEP_MAX 86400.0

static int l_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)clock_wall_us() / 1e6);
    return 1;
}

static int l_rfc3339(lua_State *L)
{
    char out[48];
    lua_Number s = border_number(L, 1, "seconds", 0, SECONDS_MAX);
    int digits = lua_isnoneornil(L, 2) ? 0 : (int)border_integer(L, 2, "digits", 0, 6);
    if (digits != 0 && digits != 3 && digits != 6) border_argument(L, 2, "digits", "must be 0, 3 or 6");
    size_t n = clock_rfc3339((int64_t)llround(s * 1e6), digits, out, sizeof out);
    lua_pushlstring(L, out, n);
    return 1;
}

static int l_http_date(lua_State *L)
{
    char out[30];
    clock_http_date((int64_t)border_number(L, 1, "seconds", 0, SECONDS_MAX), out);
    lua_pushstring(L, out);
    return 1;
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

static bool parse_offset(struct slice s, int *minutes)
{
    int h, m;
    if (s.n == 1 && (*s.p == 'Z' || *s.p == 'z')) return *minutes = 0, true;
    if (s.n != 6 || (*s.p != '+' && *s.p != '-') || s.p[3] != ':') return false;
    if (!digits_at(s.p + 1, 2, &h) || !digits_at(s.p + 4, 2, &m) || h > 23 || m > 59) return false;
    *minutes = (*s.p == '-' ? -1 : 1) * (h * 60 + m);
    return true;
}

static bool parse(struct slice s, lua_Number *out)
{
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int y, mo, d, h, mi, se, minutes;
    if (s.n < 20 || s.p[4] != '-' || s.p[7] != '-' || (s.p[10] != 'T' && s.p[10] != 't' && s.p[10] != ' ') ||
        s.p[13] != ':' || s.p[16] != ':')
        return false;
    if (!digits_at(s.p, 4, &y) || !digits_at(s.p + 5, 2, &mo) || !digits_at(s.p + 8, 2, &d) ||
        !digits_at(s.p + 11, 2, &h) || !digits_at(s.p + 14, 2, &mi) || !digits_at(s.p + 17, 2, &se))
        return false;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (y < 1970 || mo < 1 || mo > 12 || d < 1 || d > lengths[mo - 1] || (mo == 2 && d == 29 && !leap) || h > 23 ||
        mi > 59 || se > 60)
        return false;
    size_t at = 19;
    lua_Number fraction = 0, scale = 0.1;
    if (s.p[at] == '.') {
        size_t first = ++at;
        for (; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++, scale /= 10) fraction += (s.p[at] - '0') * scale;
        if (at == first) return false;
    }
    if (!parse_offset(slice_of(s.p + at, s.n - at), &minutes)) return false;
    int64_t whole = days_before(y, mo, d) * 86400 + h * 3600 + mi * 60 + se - minutes * 60;
    *out = (lua_Number)whole + floor(fraction * 1e6 + 0.5) / 1e6;
    return true;
}

static int l_parse(lua_State *L)
{
    lua_Number seconds;
    struct slice s = border_string(L, 1, "text");
    if (!parse(s, &seconds)) return push_fault(L, GIFD_EINVALID, "no RFC 3339 time");
    lua_pushnumber(L, seconds);
    return 1;
}

/* ---- sleep ---- */

struct sleep {
    struct wait wait;
    uv_timer_t timer;
};

static void free_sleep(uv_handle_t *timer)
{
    free(LIST_OF(timer, struct sleep, timer));
}

static void undo_sleep(struct wait *w)
{
    uv_close((uv_handle_t *)&LIST_OF(w, struct sleep, wait)->timer, free_sleep);
}

static void on_time(uv_timer_t *timer)
{
    struct sleep *s = LIST_OF(timer, struct sleep, timer);
    uv_close((uv_handle_t *)timer, free_sleep);
    wait_done(&s->wait, push_true, NULL);
}

static int l_sleep(lua_State *L)
{
    lua_Number seconds = border_number(L, 1, "seconds", 0, SLEEP_MAX);
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    struct sleep *s = calloc(1, sizeof *s);
    if (!s) return push_fault(L, GIFD_ENOMEM, "sleep");
    uv_timer_init(&t->gen->host->s.loop->uv, &s->timer);
    uv_update_time(s->timer.loop); /* this turn may have lasted a while */
    uv_timer_start(&s->timer, on_time, (uint64_t)ceil(seconds * 1000), 0);
    wait_begin(&s->wait, t, "gifd.time.sleep", undo_sleep);
    return wait_yield(L);
}

const struct binding bind_time[] = {
    {"gifd.time.now", l_now, CTX_ANY, "now() -> seconds: number -- since 1970"},
    {"gifd.time.rfc3339", l_rfc3339, CTX_ANY,
     "rfc3339(seconds: number, digits?: integer) -> text: string -- \"2026-11-25T15:52:19Z\"; digits: 0, 3 or 6 "
     "decimals"},
    {"gifd.time.http_date", l_http_date, CTX_ANY,
     "http_date(seconds: number) -> text: string -- \"Wed, 25 Nov 2026 15:52:19 GMT\""},
    {"gifd.time.parse", l_parse, CTX_ANY, "parse(text: string) -> seconds: number | nil, err -- of RFC 3339"},
    {"gifd.time.sleep", l_sleep, CTX_TASK,
     "sleep(seconds: number) -> true | nil, err -- waits; everything else goes on"},
    {NULL, NULL, 0, NULL},
};
