/* bind_request.c: gifd.request, the request that a ROUTE task answers: its body, and what it will get of a reply.
 *
 *   conn --bytes--> body_sink --> whole text             body(max)
 *                             \-> multipart --> fields   upload{...}
 *                                          \--> drafts
 *
 * The reader lives in the request's arena, so that it ends with the request, whatever became of the task: what it still
 * holds then (drafts, buffers) is given back by its deferred call. A task that was cancelled leaves a reader behind
 * that refuses further bytes. Drafts that the task got belong to its VM. */
#include "http/multipart.h"
#include "http/reply.h"
#include "script/draft.h"
#include "script/host_int.h"
#include "script/pieces.h"

#include <stdio.h>

#define BODY_MAX ((lua_Number)(64 << 20)) /* of a text held whole */
#define UPLOAD_MAX 1099511627776.0        /* 1 TiB */
#define FILES_MAX 16

struct upload_field {
    struct slice name, value;
};

struct upload_file {
    struct slice field, filename, type;
    struct blob_draft *draft;
};

struct reader {
    struct wait wait;
    struct request *r;
    struct blobs *blobs;
    bool done, dead;
    int rc;
    struct err e;
    uint64_t max;
    struct buf text; /* the whole body, or the field that arrives now */
    /* upload */
    struct multipart *multipart;
    bool raw, in_file;
    size_t fields_max, field_count, file_count;
    struct upload_field *fields;
    struct slice name; /* of the field that arrives now */
    struct upload_file files[FILES_MAX];
};

static void free_reader(void *arg)
{
    struct reader *b = arg;
    for (size_t i = 0; i < b->file_count; i++)
        if (b->files[i].draft) blob_draft_drop(b->files[i].draft);
    b->file_count = 0;
    if (b->multipart) multipart_free(b->multipart);
    buf_free(&b->text);
}

/* The reader of the running task's request; throws when there was one before. NULL: e says why. */
static struct reader *reader_new(lua_State *L, struct task *t, struct err *e)
{
    struct request *r = t->request;
    if (!r) border_throw(L, "this task has no request of its own");
    if (t->body) border_throw(L, "the body was asked for already");
    struct reader *b = arena_zalloc(&r->arena, sizeof *b);
    if (!b || arena_defer(&r->arena, free_reader, b) < 0) {
        err_set(e, GIFD_ENOMEM, "body");
        return NULL;
    }
    b->r = r;
    b->blobs = t->gen->host->s.blobs;
    t->body = b;
    return b;
}

static void undo_reader(struct wait *w)
{
    LIST_OF(w, struct reader, wait)->dead = true;
}

/* ---- the whole body ---- */

static int dead(struct err *e)
{
    return err_set(e, GIFD_ECANCELLED, "nobody wants this body any more");
}

static int take_text(void *to, const uint8_t *bytes, size_t n, struct err *e)
{
    struct reader *b = to;
    return b->dead ? dead(e) : buf_append(&b->text, bytes, n, e);
}

static int push_text(lua_State *L, void *arg)
{
    struct reader *b = arg;
    if (b->rc < 0) return push_err(L, &b->e);
    push_slice(L, buf_slice(&b->text));
    buf_free(&b->text);
    return 1;
}

static void finished(struct reader *b, int rc, const struct err *e)
{
    b->done = true;
    b->rc = rc;
    if (rc < 0 && e) b->e = *e;
    if (b->rc < 0 && !b->e.code) b->e.code = b->rc;
}

static void end_text(void *to, int rc, const struct err *e)
{
    struct reader *b = to;
    finished(b, rc, e);
    if (b->wait.task) wait_done(&b->wait, push_text, b);
}

static int start(lua_State *L, struct task *t, struct reader *b, const struct body_sink *sink, wait_push_fn push)
{
    request_body(b->r, sink);
    if (b->done) return push(L, b);
    wait_begin(&b->wait, t, border_name(L), undo_reader);
    return wait_yield(L);
}

static int l_body(lua_State *L)
{
    struct err e = {0};
    uint64_t max = (uint64_t)border_number(L, 1, "max", 0, BODY_MAX);
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    struct reader *b = reader_new(L, t, &e);
    if (!b) return push_err(L, &e);
    buf_init(&b->text, (size_t)max);
    struct body_sink sink = {.to = b, .max = max, .data = take_text, .end = end_text};
    return start(L, t, b, &sink, push_text);
}

/* ---- uploads ---- */

static int keep(struct reader *b, struct slice from, struct slice *to, struct err *e)
{
    to->p = arena_strndup(&b->r->arena, from.p ? from.p : "", from.n);
    to->n = from.n;
    return to->p ? GIFD_OK : err_set(e, GIFD_ETOOBIG, "the form's texts are too long");
}

static int begin_file(struct reader *b, struct slice field, struct slice filename, struct slice type, struct err *e)
{
    if (b->file_count == FILES_MAX) return err_set(e, GIFD_ETOOBIG, "more than %d files", FILES_MAX);
    if (!b->blobs) return err_set(e, GIFD_ECLOSED, "there are no blobs");
    struct upload_file *f = &b->files[b->file_count];
    if (keep(b, field, &f->field, e) < 0 || keep(b, filename, &f->filename, e) < 0 || keep(b, type, &f->type, e) < 0)
        return e->code;
    f->draft = blob_draft_new(b->blobs, b->max, e);
    if (!f->draft) return e->code;
    b->file_count++;
    b->in_file = true;
    return GIFD_OK;
}

static int on_part(void *to, const struct multipart_part *part, struct err *e)
{
    struct reader *b = to;
    if (part->has_filename) return begin_file(b, part->name, part->filename, part->type, e);
    b->in_file = false;
    if (b->field_count == b->fields_max) return err_set(e, GIFD_ETOOBIG, "more than %zu fields", b->fields_max);
    buf_reset(&b->text);
    return keep(b, part->name, &b->name, e);
}

static int on_part_data(void *to, const uint8_t *bytes, size_t n, struct err *e)
{
    struct reader *b = to;
    if (b->in_file) return blob_draft_write(b->files[b->file_count - 1].draft, bytes, n, e);
    if (buf_append(&b->text, bytes, n, e) == GIFD_OK) return GIFD_OK;
    return err_set(e, GIFD_ETOOBIG, "the field \"%.64s\" is longer than %zu bytes", b->name.p, b->text.max);
}

static int on_part_end(void *to, struct err *e)
{
    struct reader *b = to;
    if (b->in_file) return GIFD_OK;
    struct upload_field *f = &b->fields[b->field_count];
    f->name = b->name;
    if (keep(b, buf_slice(&b->text), &f->value, e) < 0) return e->code;
    b->field_count++;
    return GIFD_OK;
}

static int take_upload(void *to, const uint8_t *bytes, size_t n, struct err *e)
{
    struct reader *b = to;
    if (b->dead) return dead(e);
    return b->raw ? blob_draft_write(b->files[0].draft, bytes, n, e) : multipart_feed(b->multipart, bytes, n, e);
}

static void push_fields(lua_State *L, const struct reader *b)
{
    lua_createtable(L, 0, (int)b->field_count);
    int fields = lua_gettop(L), repeated = 0;
    lua_newtable(L);
    for (size_t i = 0; i < b->field_count; i++) {
        push_slice(L, b->fields[i].name);
        lua_pushvalue(L, -1);
        lua_rawget(L, fields);
        if (!lua_isnil(L, -1)) {
            lua_pushvalue(L, -2);
            lua_rawseti(L, fields + 1, ++repeated);
        }
        lua_pop(L, 1);
        push_slice(L, b->fields[i].value);
        lua_rawset(L, fields);
    }
    if (repeated) lua_setfield(L, fields - 1, "repeated");
    lua_settop(L, fields);
    lua_setfield(L, fields - 1, "fields");
}

static int push_upload(lua_State *L, void *arg)
{
    struct reader *b = arg;
    if (b->rc < 0) return push_err(L, &b->e);
    lua_createtable(L, 0, 4);
    lua_pushboolean(L, b->raw);
    lua_setfield(L, -2, "raw");
    push_fields(L, b);
    lua_createtable(L, (int)b->file_count, 0);
    for (size_t i = 0; i < b->file_count; i++) {
        struct upload_file *f = &b->files[i];
        lua_createtable(L, 0, 5);
        struct draft *d = draft_push(L);
        d->d = f->draft;
        f->draft = NULL;
        lua_setfield(L, -2, "draft");
        lua_pushnumber(L, (lua_Number)blob_draft_size(d->d));
        lua_setfield(L, -2, "bytes");
        push_slice(L, f->type);
        lua_setfield(L, -2, "type");
        if (!b->raw) {
            push_slice(L, f->field);
            lua_setfield(L, -2, "field");
            push_slice(L, f->filename);
            lua_setfield(L, -2, "filename");
        }
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "files");
    return 1;
}

static void end_upload(void *to, int rc, const struct err *e)
{
    struct reader *b = to;
    struct err own = {0};
    if (rc == GIFD_OK && !b->raw) {
        rc = multipart_finish(b->multipart, &own);
        e = &own;
    }
    finished(b, rc, e);
    if (b->wait.task) wait_done(&b->wait, push_upload, b);
}

static int prepare_upload(struct reader *b, struct err *e)
{
    static const struct slice multipart = {"multipart/", 10};
    struct slice type = request_header(b->r, "content-type");
    if (type.n >= multipart.n && slice_ieq(slice_of(type.p, multipart.n), multipart)) {
        struct multipart_events events = {b, on_part, on_part_data, on_part_end};
        b->fields = arena_alloc(&b->r->arena, (b->fields_max + 1) * sizeof *b->fields);
        if (!b->fields) return err_set(e, GIFD_ENOMEM, "form");
        b->multipart = multipart_new(type, &events, e);
        return b->multipart ? GIFD_OK : e->code;
    }
    b->raw = true;
    return begin_file(b, slice_of("", 0), slice_of("", 0), type, e);
}

static int l_upload(lua_State *L)
{
    struct err e = {0};
    border_table(L, 1, "options");
    uint64_t max = (uint64_t)border_field_number(L, 1, "max", 0, UPLOAD_MAX, 100 << 20);
    size_t fields = (size_t)border_field_number(L, 1, "fields", 0, MULTIPART_PARTS_MAX, 32);
    size_t field_bytes = (size_t)border_field_number(L, 1, "field_bytes", 1, 1 << 20, 16384);
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    struct reader *b = reader_new(L, t, &e);
    if (!b) return push_err(L, &e);
    b->max = max;
    b->fields_max = fields;
    buf_init(&b->text, field_bytes);
    if (prepare_upload(b, &e) < 0) return push_err(L, &e);
    struct body_sink sink = {.to = b, .max = max, .data = take_upload, .end = end_upload};
    return start(L, t, b, &sink, push_upload);
}

/* ---- the reply ---- */

static int l_from_start(lua_State *L)
{
    border_table(L, 1, "reply");
    struct reply p = {.status = (int)border_field_number(L, 1, "status", 200, 599, 200), .body = REPLY_FILE, .fd = -1};
    p.etag = border_field_string(L, 1, "etag");
    p.last_modified = (int64_t)border_field_number(L, 1, "last_modified", 0, UPLOAD_MAX, 0);
    p.size = (uint64_t)border_integer(L, 2, "size", 0, INT64_C(1) << 52);
    struct request *r = task_here(L)->request;
    lua_pushboolean(L, r && reply_from_start(r, &p));
    return 1;
}

static int l_from_here(lua_State *L)
{
    const struct task *t = gen_of(L)->running;
    lua_pushboolean(L, t && t->request && t->request->here);
    return 1;
}

const struct binding bind_request[] = {
    {"gifd.request.body", l_body, CTX_ROUTE, "body(max: integer) -> text: string | nil, err -- of this request, whole"},
    {"gifd.request.upload", l_upload, CTX_ROUTE,
     "upload(options: {max?: integer, fields?: integer, field_bytes?: integer}) -> up: {raw: boolean, fields: "
     "table<string, string>, files: {draft: gifd.Draft, bytes: integer, type: string, field?: string, filename?: "
     "string}[], repeated?: string[]} | nil, err -- the body of this request as files and fields of a form"},
    {"gifd.request.from_here", l_from_here, CTX_ROUTE,
     "from_here() -> boolean -- its connection comes from this machine, and no PROXY header names somebody else"},
    {"gifd.request.from_start", l_from_start, CTX_ROUTE,
     "from_start(reply: table, size: integer) -> boolean -- will it be answered from the first byte on? by GET, and "
     "not a later range"},
    {"gifd.request.write", pieces_write, CTX_ROUTE,
     "write(text: string) -> true | nil, err -- the next at most 65536 bytes of a reply { pieces = function }, by that "
     "function; waits while the client is behind"},
    {NULL, NULL, 0, NULL},
};
