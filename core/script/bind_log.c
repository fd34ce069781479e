/* bind_log.c: gifd.log. One event, a flat table of fields; in the task of a request its id is added. */
#include "base/log.h"
#include "script/border.h"
#include "script/task.h"

#include <math.h>
#include <stdio.h>

#define FIELDS_MAX 30

static struct log_field field_at_top(lua_State *L, const char *key, char number[32])
{
    struct log_field f = LN(key, "", 0);
    lua_Number v;
    switch (lua_type(L, -1)) {
    case LUA_TSTRING: f.s = lua_tolstring(L, -1, &f.n); break;
    case LUA_TBOOLEAN: f = (struct log_field)LS(key, lua_toboolean(L, -1) ? "true" : "false"); break;
    case LUA_TNUMBER:
        v = lua_tonumber(L, -1);
        if (v == floor(v) && fabs(v) < 9e15) return (struct log_field)LI(key, v);
        snprintf(number, 32, "%.14g", v);
        f = (struct log_field)LS(key, number);
        break;
    default: f = (struct log_field)LS(key, lua_typename(L, lua_type(L, -1)));
    }
    return f;
}

static int write_line(lua_State *L, enum log_level level)
{
    struct log_field fields[FIELDS_MAX + 3];
    char trace[TRACE_ID_LEN + 1];
    char numbers[FIELDS_MAX][32];
    size_t n = 0;
    struct slice event = border_string(L, 1, "event");
    struct task *t = gen_of(L)->running;
    if (!lua_isnoneornil(L, 2)) border_table(L, 2, "fields");
    if (t && t->request) fields[n++] = (struct log_field)LS("request_id", t->request->id);
    if (t && t->trace.on) {
        trace_id_text(&t->trace, trace);
        fields[n++] = (struct log_field)LS("trace_id", trace);
    }
    if (lua_istable(L, 2)) {
        for (lua_pushnil(L); n < FIELDS_MAX && lua_next(L, 2); lua_pop(L, 1)) {
            if (lua_type(L, -2) != LUA_TSTRING) border_argument(L, 2, "fields", "must have names as keys");
            fields[n] = field_at_top(L, lua_tostring(L, -2), numbers[n]);
            n++;
        }
    }
    fields[n] = (struct log_field){0};
    log_emit(level, event.p, fields);
    return 0;
}

static int l_debug(lua_State *L)
{
    return write_line(L, LOG_DEBUG);
}

static int l_info(lua_State *L)
{
    return write_line(L, LOG_INFO);
}

static int l_warn(lua_State *L)
{
    return write_line(L, LOG_WARN);
}

static int l_error(lua_State *L)
{
    return write_line(L, LOG_ERROR);
}

const struct binding bind_log[] = {
    {"gifd.log.debug", l_debug, CTX_ANY, "debug(event, fields?)"},
    {"gifd.log.info", l_info, CTX_ANY, "info(event, fields?)"},
    {"gifd.log.warn", l_warn, CTX_ANY, "warn(event, fields?)"},
    {"gifd.log.error", l_error, CTX_ANY, "error(event, fields?)"},
    {NULL, NULL, 0, NULL},
};
