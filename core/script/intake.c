/* intake.c: see intake.h. */
#include "script/intake.h"
#include "base/clock.h"
#include "base/json.h"
#include "script/intake_scan.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* ---- rules ---- */

static struct slice text_field(lua_State *L, struct intake_rules *r, const char *name)
{
    size_t n;
    lua_getfield(L, -1, name);
    const char *p = lua_tolstring(L, -1, &n);
    char *own = p ? arena_strndup(&r->arena, p, n) : NULL;
    if (!own) luaL_error(L, "boot: intake.%s must be text", name);
    lua_pop(L, 1);
    return slice_of(own, n);
}

static int64_t number_field(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    if (!lua_isnumber(L, -1)) luaL_error(L, "boot: intake.%s must be a number", name);
    int64_t n = (int64_t)lua_tonumber(L, -1);
    lua_pop(L, 1);
    return n;
}

static size_t name_list(lua_State *L, struct intake_rules *r, const char *name, struct slice out[INTAKE_NAMES_MAX])
{
    size_t count = 0;
    lua_getfield(L, -1, name);
    if (!lua_istable(L, -1)) luaL_error(L, "boot: intake.%s must be a list", name);
    for (;; count++) {
        size_t n;
        lua_rawgeti(L, -1, (int)count + 1);
        const char *p = lua_tolstring(L, -1, &n);
        if (!p) break;
        if (count == INTAKE_NAMES_MAX) luaL_error(L, "boot: intake.%s: more than %d", name, INTAKE_NAMES_MAX);
        char *own = arena_strndup(&r->arena, p, n);
        if (!own) luaL_error(L, "not enough memory");
        out[count] = slice_of(own, n);
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
    return count;
}

void intake_read_rules(lua_State *L, struct intake_rules *r)
{
    lua_getfield(L, -1, "intake");
    if (lua_istable(L, -1)) {
        arena_init(&r->arena, 65536);
        r->folder = text_field(L, r, "folder");
        r->rollup = text_field(L, r, "rollup");
        r->also = text_field(L, r, "also");
        r->also_table = text_field(L, r, "also_table");
        r->subject_sql = text_field(L, r, "subject");
        r->part_sql = text_field(L, r, "part");
        r->type_count = name_list(L, r, "types", r->types);
        r->platform_count = name_list(L, r, "platforms", r->platforms);
        r->mark = number_field(L, "mark");
        r->past_us = number_field(L, "past") * 1000000;
        r->ahead_us = number_field(L, "ahead") * 1000000;
        lua_getfield(L, -1, "durable");
        r->durable = lua_toboolean(L, -1);
        lua_getfield(L, -2, "guarded");
        r->guarded = lua_toboolean(L, -1);
        lua_pop(L, 2);
        r->on = true;
    }
    lua_pop(L, 1);
}

void intake_free_rules(struct intake_rules *r)
{
    arena_free(&r->arena);
    *r = (struct intake_rules){0};
}

/* ---- names ---- */

#define NAMES 65536u /* direct-mapped */
#define NAME_MAX_LEN 23
#define NAME_KEPT_MS 30000

struct name {
    char text[NAME_MAX_LEN];
    uint8_t n, kind; /* n 0: empty */
    uint32_t until;  /* of the loop's clock, in units of 1024 ms */
    int64_t number, subject;
};

struct intake_names {
    struct name of[NAMES];
};

struct intake_names *intake_names_new(void)
{
    return calloc(1, sizeof(struct intake_names)); /* pages come when they are used */
}

void intake_names_free(struct intake_names *n)
{
    free(n);
}

static uint32_t hash_of(struct slice s, unsigned kind)
{
    uint64_t h = 0x9e3779b97f4a7c15u * (kind + 1);
    for (size_t i = 0; i < s.n; i += 8) {
        uint64_t w = 0;
        memcpy(&w, s.p + i, s.n - i < 8 ? s.n - i : 8);
        h = (h ^ w) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return (uint32_t)h % NAMES;
}

struct asked {
    const struct intake_rules *rules;
    struct intake_names *names;
    struct db *db;
    struct arena *arena;
    uint64_t now_ms;
};

enum { SUBJECT, PART };

/* 1 found, 0 there is none, negative: e */
static int look_up(struct asked *a, unsigned kind, struct slice text, int64_t *number, int64_t *subject, struct err *e)
{
    bool keep = text.n > 0 && text.n <= NAME_MAX_LEN;
    struct name *at = keep ? &a->names->of[hash_of(text, kind)] : NULL;
    uint32_t now = (uint32_t)(a->now_ms >> 10);
    if (at && at->n == text.n && at->kind == kind && now < at->until && memcmp(at->text, text.p, text.n) == 0) {
        *number = at->number;
        *subject = at->subject;
        return 1;
    }
    struct value arg = {.type = VALUE_TEXT, .s = text};
    struct db_call call = {.sql = kind == SUBJECT ? a->rules->subject_sql : a->rules->part_sql,
                           .args = &arg,
                           .arg_count = 1,
                           .expect = -1};
    struct db_rows rows = {0};
    int rc = db_read_now(a->db, &call, 20000, a->arena, &rows, e);
    if (rc < 0) return rc;
    if (rows.count == 0) return 0;
    *number = rows.cells[0].i;
    *subject = rows.columns > 1 ? rows.cells[1].i : 0;
    if (at) {
        *at = (struct name){.n = (uint8_t)text.n,
                            .kind = (uint8_t)kind,
                            .number = *number,
                            .subject = *subject,
                            .until = now + NAME_KEPT_MS / 1024};
        memcpy(at->text, text.p, text.n);
    }
    return 1;
}

/* ---- one event ---- */

struct reading {
    struct asked asked;
    struct intake *out;
    struct slice text; /* what is read: the body */
    int64_t now;
    uint32_t index, line;
};

static int refuse(struct reading *r, int code, const char *pointer, const char *text)
{
    r->out->faults[r->out->fault_count++] =
        (struct intake_fault){.index = r->index, .line = r->line, .code = code, .pointer = pointer, .text = text};
    return 0;
}

static int64_t named(const struct slice *names, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++)
        if (slice_eq(names[i], name)) return (int64_t)i + 1;
    return 0;
}

/* Seconds (with a fraction), milliseconds or microseconds by their size; or RFC 3339. */
static bool read_time(const struct json *v, int64_t *us)
{
    if (v->type == JSON_STRING) return clock_parse_rfc3339(v->s.p, v->s.n, us);
    double d = v->type == JSON_INT ? (double)v->i : v->type == JSON_REAL ? v->d : -1;
    if (!(d > 0 && d < 1e17)) return false;
    double scale = d < 1e11 ? 1e6 : d < 1e14 ? 1e3 : 1;
    *us = scale == 1 && v->type == JSON_INT ? v->i : (int64_t)(d * scale);
    return true;
}

/* One pass, the last of each wins. */
static void sort_members(const struct json *o, struct intake_members *m)
{
    const struct json *of[6] = {NULL};
    for (const struct json *x = o->child; x; x = x->next) {
        int which = intake_member(x->key);
        if (which >= 0) of[which] = x;
    }
    *m = (struct intake_members){
        .type = of[0], .subject = of[1], .part = of[2], .platform = of[3], .at = of[4], .meta = of[5]};
}

static bool given(const struct json *v)
{
    return v && v->type != JSON_NULL;
}

/* The member's value as it stands in the text that it was read from: an object that is known to be whole. */
static struct slice as_written(const struct json *v, struct slice text)
{
    const char *p = v->key.p + v->key.n + 1, *end = text.p + text.n, *from;
    if (v->key.p < text.p || v->key.p >= end) return (struct slice){NULL, 0}; /* its name had escapes */
    while (p < end && *p != '{') p++;
    from = p;
    for (int depth = 0; p < end; p++) {
        if (*p == '"') {
            for (p++; p < end && *p != '"'; p++) p += *p == '\\';
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if ((*p == '}' || *p == ']') && --depth == 0) {
            return slice_of(from, (size_t)(p + 1 - from));
        }
    }
    return (struct slice){NULL, 0};
}

/* The member as text of its own, in the arena. 0: too long. */
static size_t meta_text(struct arena *a, const struct json *v, struct slice *out)
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, INTAKE_META_MAX);
    json_write_begin(&w, &text, NULL);
    json_write_value(&w, v);
    bool fits = json_write_end(&w) == GIFD_OK;
    char *own = fits ? arena_strndup(a, text.p, text.n) : NULL;
    *out = slice_of(own, own ? text.n : 0);
    buf_free(&text);
    return out->n;
}

static int add_meta(struct reading *r, const struct intake_members *m, struct slice *meta)
{
    *meta = m->meta_text.p ? m->meta_text : as_written(m->meta, r->text);
    if (meta->p && meta->n <= INTAKE_META_MAX) return 1;
    return meta_text(r->asked.arena, m->meta, meta) > 0;
}

/* 1: a row was added; 0: refused; negative: nothing can be looked up now. */
static int judge(struct reading *r, const struct intake_members *m, struct err *e)
{
    const struct intake_rules *rules = r->asked.rules;
    int64_t type, platform = 0, at = r->now, subject = 0, part = 0, of = 0;
    struct slice meta = {NULL, 0};
    if (!given(m->type) || m->type->type != JSON_STRING) return refuse(r, GIFD_EINVALID, "/type", "type must be text");
    type = named(rules->types, rules->type_count, m->type->s);
    if (!type) return refuse(r, GIFD_EINVALID, "/type", "there is no such type of event");
    if (!given(m->subject) || m->subject->type != JSON_STRING)
        return refuse(r, GIFD_EINVALID, "/asset_id", "asset_id must be text");
    if (given(m->part) && m->part->type != JSON_STRING) return refuse(r, GIFD_EINVALID, "/share", "share must be text");
    if (given(m->platform) && m->platform->type != JSON_STRING)
        return refuse(r, GIFD_EINVALID, "/platform", "platform must be text");
    if (given(m->platform)) platform = named(rules->platforms, rules->platform_count, m->platform->s);
    if (given(m->at) && !read_time(m->at, &at))
        return refuse(r, GIFD_EINVALID, "/at", "at must be a time of RFC 3339, or a number since 1970");
    if (at < r->now - rules->past_us || at > r->now + rules->ahead_us)
        return refuse(r, GIFD_EINVALID, "/at", "at is too long ago, or in the future");
    if (given(m->meta) && m->meta->type != JSON_OBJECT)
        return refuse(r, GIFD_EINVALID, "/metadata", "metadata must be an object");
    if (given(m->meta) && m->meta->count && !add_meta(r, m, &meta))
        return refuse(r, GIFD_ETOOBIG, "/metadata", "metadata may have 2048 bytes");
    int rc = look_up(&r->asked, SUBJECT, m->subject->s, &subject, &of, e);
    if (rc < 0) return rc;
    if (!rc) return refuse(r, GIFD_ENOTFOUND, "/asset_id", "there is no such asset");
    if (given(m->part)) {
        rc = look_up(&r->asked, PART, m->part->s, &part, &of, e);
        if (rc < 0) return rc;
        if (!rc) return refuse(r, GIFD_ENOTFOUND, "/share", "there is no such share");
        if (of != subject) return refuse(r, GIFD_EINVALID, "/share", "the share is one of another asset");
    }
    r->out->rows[r->out->row_count++] = (struct trail_row){
        .at = at, .subject = subject, .part = part, .n = 1, .extra = meta, .kind = type | platform << 4 | rules->mark};
    return 1;
}

static int read_one(struct reading *r, const struct json *v, struct err *e)
{
    struct intake_members m;
    if (v->type != JSON_OBJECT) return refuse(r, GIFD_EINVALID, "", "an event must be an object");
    sort_members(v, &m);
    return judge(r, &m, e);
}

/* ---- a body ---- */

static int room(struct reading *r, size_t n, struct err *e)
{
    if (n > TRAIL_APPEND_MAX) return err_set(e, GIFD_ETOOBIG, "a body may hold %d events", TRAIL_APPEND_MAX);
    r->out->rows = arena_alloc(r->asked.arena, (n + 1) * sizeof *r->out->rows);
    r->out->faults = arena_alloc(r->asked.arena, (n + 1) * sizeof *r->out->faults);
    if (!r->out->rows || !r->out->faults) return err_set(e, GIFD_ENOMEM, "events");
    return GIFD_OK;
}

/* As intake_scan; metadata that has to be written anew is not plain. */
static const char *plain(const char *p, const char *end, struct intake_members *m)
{
    p = intake_scan(p, end, m);
    return m->meta_text.n <= INTAKE_META_MAX ? p : NULL;
}

/* The list at p -> behind it. NULL: it is not plain, or e. */
static const char *read_plain_list(struct reading *r, const char *p, const char *end, struct err *e)
{
    struct intake_members m;
    size_t most = 0;
    for (const char *q = p; most < TRAIL_APPEND_MAX && (q = memchr(q, '{', (size_t)(end - q))); q++) most++;
    if (room(r, most, e) < 0) return NULL;
    for (p++; r->index < most; r->index++, p++) {
        p = plain(intake_space(p, end), end, &m);
        if (!p || judge(r, &m, e) < 0) return NULL;
        p = intake_space(p, end);
        if (p == end || *p != ',') return p < end && *p == ']' ? intake_space(p + 1, end) : NULL;
    }
    return NULL;
}

/* 1: all of the body is read; 0: it is not plain, and nothing of it was. */
static int read_plain(struct reading *r, struct slice body, struct err *e)
{
    struct intake_members m;
    const char *end = body.p + body.n, *p = intake_space(body.p, end);
    const char *past = plain(p, end, &m);
    if (past && intake_space(past, end) == end) {
        r->out->single = true;
        return room(r, 1, e) < 0 || judge(r, &m, e) < 0 ? e->code : 1;
    }
    bool wrapped = p < end && *p == '{';
    if (wrapped) p = intake_events(p, end);
    if (!p || p == end || *p != '[') return 0;
    p = read_plain_list(r, p, end, e);
    if (e->code) return e->code;
    if (p && wrapped) p = p < end && *p == '}' ? intake_space(p + 1, end) : NULL;
    if (p == end) return 1;
    r->out->row_count = r->out->fault_count = r->index = 0;
    return 0;
}

static int read_list(struct reading *r, const struct json *list, struct err *e)
{
    if (room(r, list->count, e) < 0) return e->code;
    for (const struct json *x = list->child; x; x = x->next, r->index++)
        if (read_one(r, x, e) < 0) return e->code;
    return GIFD_OK;
}

static bool blank(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(" \t\r", s.p[i]) || !s.p[i]) return false;
    return true;
}

static struct slice next_line(struct slice *rest)
{
    const char *nl = memchr(rest->p, '\n', rest->n);
    struct slice line = slice_of(rest->p, nl ? (size_t)(nl - rest->p) : rest->n);
    size_t used = line.n + (nl != NULL);
    *rest = slice_of(rest->p + used, rest->n - used);
    return line;
}

static int read_lines(struct reading *r, struct slice body, struct err *e)
{
    size_t count = 0;
    for (struct slice rest = body; rest.n;) count += !blank(next_line(&rest));
    if (room(r, count, e) < 0) return e->code;
    for (struct slice rest = body; rest.n;) {
        struct slice line = next_line(&rest);
        const char *end = line.p + line.n, *past;
        struct intake_members m;
        struct json *v;
        r->line++;
        if (blank(line)) continue;
        past = plain(intake_space(line.p, end), end, &m);
        if (past && intake_space(past, end) == end) {
            if (judge(r, &m, e) < 0) return e->code;
            r->index++;
            continue;
        }
        int rc = json_parse(r->asked.arena, line, NULL, &v, NULL);
        if (rc == GIFD_ENOMEM) return err_set(e, GIFD_ETOOBIG, "the body holds too many values");
        if (rc < 0)
            refuse(r, GIFD_EINVALID, "", "the line is no JSON");
        else if (read_one(r, v, e) < 0)
            return e->code;
        r->index++;
    }
    return GIFD_OK;
}

/* Several objects one after another, each on its line? */
static bool is_lines(struct slice body, struct arena *a)
{
    struct json *v;
    struct slice rest = body, line = next_line(&rest);
    while (rest.n && blank(line)) line = next_line(&rest);
    while (rest.n && strchr(" \t\r\n", *rest.p)) rest = slice_of(rest.p + 1, rest.n - 1);
    return rest.n && json_parse(a, line, NULL, &v, NULL) == GIFD_OK && v->type == JSON_OBJECT;
}

int intake_read(const struct intake_rules *rules, struct intake_names *names, struct db *db, struct slice body,
                bool lines, int64_t now, uint64_t now_ms, struct arena *a, struct intake *out, struct err *e)
{
    struct reading r = {.asked = {rules, names, db, a, now_ms}, .out = out, .text = body, .now = now};
    struct json *root = NULL;
    *out = (struct intake){0};
    if (!body.n) return err_set(e, GIFD_EINVALID, "the body is empty");
    if (lines) return read_lines(&r, body, e);
    e->code = 0;
    int rc = read_plain(&r, body, e);
    if (rc) return rc < 0 ? rc : GIFD_OK;
    rc = json_parse(a, body, NULL, &root, e);
    if (rc < 0 && is_lines(body, a)) return read_lines(&r, body, e);
    if (rc == GIFD_ENOMEM) return err_set(e, GIFD_ETOOBIG, "the body holds too many values");
    if (rc < 0) return err_wrap(e, "the body is no JSON");
    if (root->type == JSON_ARRAY) return read_list(&r, root, e);
    const struct json *events = json_get(root, "events");
    if (events && events->type == JSON_ARRAY) return read_list(&r, events, e);
    out->single = true;
    if (room(&r, 1, e) < 0) return e->code;
    rc = events ? refuse(&r, GIFD_EINVALID, "/events", "events must be an array") : read_one(&r, root, e);
    return rc < 0 ? rc : GIFD_OK;
}

size_t intake_report_brief(const struct intake *in, char out[static INTAKE_BRIEF_MAX])
{
    static const char before[] = "{\"accepted\":", after[] = ",\"rejected\":[]}";
    char digits[8];
    size_t n = sizeof before - 1, count = in->row_count, k = 0;
    memcpy(out, before, n);
    do digits[k++] = (char)('0' + count % 10);
    while (count /= 10);
    while (k) out[n++] = digits[--k];
    memcpy(out + n, after, sizeof after - 1);
    return n + sizeof after - 1;
}

int intake_report(const struct intake *in, struct buf *out, struct err *e)
{
    if (buf_printf(out, e, "{\"accepted\":%zu,\"rejected\":[", in->row_count) < 0) return e->code;
    for (size_t i = 0; i < in->fault_count; i++) {
        const struct intake_fault *f = &in->faults[i];
        if (buf_printf(out, e, "%s{\"index\":%u,\"code\":\"%s\",\"pointer\":\"%s\",\"detail\":\"%s\"", i ? "," : "",
                       f->index, err_name(f->code), f->pointer, f->text) < 0)
            return e->code;
        if (f->line && buf_printf(out, e, ",\"line\":%u", f->line) < 0) return e->code;
        if (buf_puts(out, "}", e) < 0) return e->code;
    }
    return buf_puts(out, "]}", e);
}
