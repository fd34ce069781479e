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

static int l_parse(lua_State *L)
{
    struct slice s = border_string(L, 1, "text");
    int64_t us;
    if (!clock_parse_rfc3339(s.p, s.n, &us)) return push_fault(L, GIFD_EINVALID, "no RFC 3339 time");
    lua_pushnumber(L, (lua_Number)us / 1e6);
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
