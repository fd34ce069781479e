/* bind_log.c: gifd.log. One event, a flat table of fields; whose line it is, is added (task.c). A line goes to the log
 * of the process, and to the journal of its task. */
#include "base/log.h"
#include "script/border.h"
#include "script/excerpt.h"
#include "script/journal.h"
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

/* For a person: which request it was, and the source that a text of the fields names. */
struct aside {
    char request[160], source[EXCERPT_MAX];
};

static size_t add_aside(lua_State *L, struct aside *a, struct log_field *fields, size_t n)
{
    struct task *t = gen_of(L)->running;
    struct request *r = t ? t->request : NULL;
    struct slice path;
    unsigned line;
    size_t source = 0;
    for (size_t i = 0; i < n && !source; i++)
        if (fields[i].is_text && fields[i].n != SIZE_MAX)
            source = bundle_excerpt(gen_of(L)->bundle, slice_of(fields[i].s, fields[i].n), a->source, &path, &line);
    if (source) fields[n++] = (struct log_field)LN("source", a->source, source);
    if (!r) return n;
    snprintf(a->request, sizeof a->request, "%s %.*s", http_method_name(r->method), (int)r->path.n, r->path.p);
    fields[n++] = (struct log_field)LS("request", a->request);
    return n;
}

static int write_line(lua_State *L, enum log_level level)
{
    struct log_field fields[FIELDS_MAX + 3];
    struct aside aside;
    char numbers[FIELDS_MAX][32];
    size_t n = 0;
    struct slice event = border_string(L, 1, "event");
    struct task *t = gen_of(L)->running;
    if (!lua_isnoneornil(L, 2)) border_table(L, 2, "fields");
    if (!log_says(level, event.p)) return 0;
    if (lua_istable(L, 2)) {
        for (lua_pushnil(L); n < FIELDS_MAX && lua_next(L, 2); lua_pop(L, 1)) {
            if (lua_type(L, -2) != LUA_TSTRING) border_argument(L, 2, "fields", "must have names as keys");
            fields[n] = field_at_top(L, lua_tostring(L, -2), numbers[n]);
            n++;
        }
    }
    size_t said = log_form_now() == LOG_PRETTY ? add_aside(L, &aside, fields, n) : n;
    fields[said] = (struct log_field){0};
    log_emit(level, event.p, fields);
    fields[n] = (struct log_field){0};
    if (t && t->journal) {
        char line[LOG_LINE_MAX];
        journal_add(t->journal, slice_of(line, log_format(line, level, event.p, fields)));
    }
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

static int l_critical(lua_State *L)
{
    return write_line(L, LOG_CRITICAL);
}

/* ---- journals ---- */

#define KIND "gifd.journal"

struct kept {
    struct journal *j;
};

static int kept_gc(lua_State *L)
{
    struct kept *k = lua_touserdata(L, 1);
    journal_unref(k->j);
    k->j = NULL;
    return 0;
}

static int kept_text(lua_State *L)
{
    struct kept *k = border_udata(L, 1, "journal", KIND);
    lua_pushlstring(L, k->j->n ? k->j->bytes : "", k->j->n);
    return 1;
}

static int kept_clear(lua_State *L)
{
    struct kept *k = border_udata(L, 1, "journal", KIND);
    journal_clear(k->j);
    return 0;
}

static int l_journal(lua_State *L)
{
    static const luaL_Reg methods[] = {{"text", kept_text}, {"clear", kept_clear}, {NULL, NULL}};
    struct task *t = task_here(L);
    struct kept *k = border_udata_new(L, sizeof *k, KIND, kept_gc, methods);
    k->j = journal_new();
    if (!k->j) return push_fault(L, GIFD_ENOMEM, "journal");
    journal_unref(t->journal);
    t->journal = journal_ref(k->j);
    return 1;
}

const struct binding bind_log[] = {
    {"gifd.log.debug", l_debug, CTX_ANY,
     "debug(event: string, fields?: table<string, any>) -- one line of the log, if the level asks for it"},
    {"gifd.log.info", l_info, CTX_ANY, "info(event: string, fields?: table<string, any>) -- one line of the log"},
    {"gifd.log.warn", l_warn, CTX_ANY, "warn(event: string, fields?: table<string, any>) -- one line of the log"},
    {"gifd.log.error", l_error, CTX_ANY, "error(event: string, fields?: table<string, any>) -- one line of the log"},
    {"gifd.log.critical", l_critical, CTX_ANY,
     "critical(event: string, fields?: table<string, any>) -- one line of the log: somebody has to come"},
    {"gifd.log.journal", l_journal, CTX_JOB | CTX_COMMAND,
     "journal() -> journal: gifd.Journal | nil, err -- what this task and those that it starts log from now on"},
    {"gifd.Journal.text", NULL, CTX_TASK, "journal:text() -> text: string -- the last 8 KiB"},
    {"gifd.Journal.clear", NULL, CTX_TASK, "journal:clear() -- begins anew"},
    {NULL, NULL, 0, NULL},
};
