/* intake_visit.c: requests of routes marked `intake`: body -> intake.h -> the trail -> 202, without Lua.
 *
 * What is told waits in a struct of its own, not in the request's arena, since rows may be under way when the client
 * leaves. Bodies of all requests together hold INTAKE_HELD_MAX bytes at most; more are told to come back. */
#include "base/clock.h"
#include "base/log.h"
#include "http/reply.h"
#include "script/intake.h"
#include "script/visit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTAKE_HELD_MAX ((size_t)64 << 20)
#define INTAKE_SCRATCH_MAX ((size_t)96 << 20)

struct incoming {
    struct host *host;
    struct gen *gen; /* whose rules hold */
    struct visit *v; /* NULL once the client is gone */
    struct spans *spans;
    struct trace trace; /* of the request */
    int keeping;        /* span of the rows that are under way, or -1 */
    struct buf body;
    char *report; /* what is answered once the rows are kept: of its own, or the one below */
    size_t report_n, accepted;
    char brief[INTAKE_BRIEF_MAX];
    bool lines;
};

/* One for each process, made with the first request. */
struct intake_room {
    struct trail *trail;
    struct intake_names *names;
    struct arena scratch;
    size_t held;
    struct metric_cell *accepted, *malformed, *unknown, *large; /* events, and why others were not */
};

/* ---- its trace: the request, the reading of it and the keeping ---- */

static void begin_spans(struct incoming *in)
{
    struct visit *v = in->v;
    in->keeping = -1;
    if (!spans_wanted(in->host)) return;
    trace_parse(request_header(v->r, "traceparent"), &v->r->trace);
    in->spans = route_spans(in->gen, v);
    in->trace = v->r->trace;
}

static int begin_part(const struct incoming *in, enum span_kind kind, struct slice name)
{
    struct trace own = in->trace;
    return spans_start(in->spans, &own, kind, name);
}

static void end_spans(struct incoming *in, int status)
{
    spans_note_number(in->spans, 0, "http.response.status_code", status);
    spans_end(in->spans, 0, status >= 500 ? "it could not be kept" : NULL);
}

/* ---- its end ---- */

static void end(struct incoming *in)
{
    in->host->intake->held -= in->body.n;
    if (in->v) in->v->incoming = NULL;
    buf_free(&in->body);
    if (in->report != in->brief) free(in->report);
    spans_unref(in->spans);
    gen_unref(in->gen);
    free(in);
}

/* Ends both the request, which is answered with this status, and what came of it. */
static struct request *leave(struct incoming *in, int status)
{
    struct request *r = in->v->r;
    end_spans(in, status);
    refusal_mark(&in->gen->refusals, r, in->v->flags);
    r->user = NULL;
    end(in);
    return r;
}

static void say_busy(struct request *r, const char *why)
{
    struct http_header later = {SLICE("Retry-After"), SLICE("1")};
    reply_problem_with(r, 503, "busy", &later, 1, "%s", why);
}

static void say(struct incoming *in)
{
    metric_add(in->host->intake->accepted, in->accepted);
    struct request *r = in->v->r;
    struct http_header no_store = {SLICE("Cache-Control"), SLICE("no-store")};
    struct reply p = {.status = 202,
                      .type = SLICE("application/json"),
                      .headers = &no_store,
                      .header_count = 1,
                      .body = REPLY_BYTES,
                      .bytes = slice_of(in->report, in->report_n),
                      .fd = -1};
    refusal_mark(&in->gen->refusals, r, in->v->flags);
    end_spans(in, p.status);
    r->user = NULL;
    reply_send(r, &p); /* the visit is gone */
    in->v = NULL;
    end(in);
}

static void on_kept(void *arg, int rc, const struct err *e)
{
    struct incoming *in = arg;
    spans_end(in->spans, in->keeping, rc < 0 ? e->text : NULL);
    if (!in->v) {
        end(in);
    } else if (rc == GIFD_OK) {
        say(in);
    } else if (rc == GIFD_ENOSPACE) {
        reply_problem(leave(in, 507), 507, "disk_full", "There is no room on the disk for this.");
    } else {
        log_error("intake.failed", LS("error", e->text));
        say_busy(leave(in, 503), "This could not be kept; nothing of it was.");
    }
}

static void refuse_read(struct incoming *in, const struct err *e)
{
    bool wrong = e->code == GIFD_EINVALID || e->code == GIFD_ETOOBIG;
    struct err why = *e;
    if (!wrong) log_error("intake.failed", LS("error", e->text));
    int status = !wrong ? 503 : why.code == GIFD_EINVALID ? 400 : 413;
    struct request *r = leave(in, status);
    if (!wrong)
        say_busy(r, "This could not be read now; nothing of it was kept.");
    else
        reply_problem(r, status, err_name(why.code), "%s", why.text);
}

static void count_faults(const struct intake_room *room, const struct intake *read)
{
    for (size_t i = 0; i < read->fault_count; i++) {
        int code = read->faults[i].code;
        metric_add(code == GIFD_ENOTFOUND ? room->unknown : code == GIFD_ETOOBIG ? room->large : room->malformed, 1);
    }
}

static int report(struct incoming *in, const struct intake *read, struct err *e)
{
    struct buf out;
    if (!read->fault_count) {
        in->report = in->brief;
        in->report_n = intake_report_brief(read, in->brief);
        return GIFD_OK;
    }
    buf_init(&out, (size_t)TRAIL_APPEND_MAX * 256);
    if (intake_report(read, &out, e) < 0) {
        buf_free(&out);
        return e->code;
    }
    in->report = out.p;
    in->report_n = out.n;
    return GIFD_OK;
}

static void take(struct incoming *in)
{
    struct intake_room *room = in->host->intake;
    struct intake read;
    struct err e = {0};
    arena_reset(&room->scratch);
    int span = begin_part(in, SPAN_INTERNAL, SLICE("events.read"));
    int rc = intake_read(&in->gen->intake, room->names, in->host->s.db, buf_slice(&in->body), in->lines,
                         clock_wall_us(), loop_now_ms(in->host->s.loop), &room->scratch, &read, &e);
    spans_end(in->spans, span, rc < 0 ? e.text : NULL);
    if (rc < 0) {
        refuse_read(in, &e);
        return;
    }
    count_faults(room, &read);
    spans_note_number(in->spans, 0, "gifd.events.accepted", (int64_t)read.row_count);
    spans_note_number(in->spans, 0, "gifd.events.rejected", (int64_t)read.fault_count);
    if (read.single && read.fault_count) {
        const struct intake_fault *f = &read.faults[0];
        int status = f->code == GIFD_ENOTFOUND ? 404 : f->code == GIFD_ETOOBIG ? 413 : 422;
        reply_problem_at(leave(in, status), status, err_name(f->code), f->pointer, "%s", f->text);
        return;
    }
    if (report(in, &read, &e) < 0) {
        refuse_read(in, &e);
        return;
    }
    in->accepted = read.row_count;
    if (!read.row_count) {
        say(in);
        return;
    }
    trail_durable(room->trail, in->gen->intake.durable);
    in->keeping = begin_part(in, SPAN_CLIENT, SLICE("events.keep"));
    if (trail_append(room->trail, read.rows, read.row_count, on_kept, in, &e) < 0)
        say_busy(leave(in, 503), "Too much is waiting to be written; nothing of this was kept.");
}

static int take_bytes(void *to, const uint8_t *bytes, size_t n, struct err *e)
{
    struct incoming *in = to;
    struct intake_room *room = in->host->intake;
    if (room->held + n > INTAKE_HELD_MAX) return err_set(e, GIFD_EBUSY, "too many bodies are being read");
    if (buf_append(&in->body, bytes, n, e) < 0) return e->code;
    room->held += n;
    return GIFD_OK;
}

static void take_end(void *to, int rc, const struct err *e)
{
    struct incoming *in = to;
    if (rc == GIFD_OK) {
        take(in);
        return;
    }
    int status = rc == GIFD_ETOOBIG ? 413 : rc == GIFD_ETIMEOUT ? 408 : rc == GIFD_EPROTOCOL ? 400 : 503;
    struct err why = {0};
    if (e) why = *e;
    struct request *r = leave(in, status);
    if (status == 503)
        say_busy(r, why.text);
    else if (status == 413)
        reply_problem(r, status, "too_large", "A body may have %d bytes.", INTAKE_BODY_MAX);
    else
        reply_problem(r, status, err_name(rc), "%s", why.text);
}

static int make_room(struct host *h, const struct intake_rules *rules, struct err *e)
{
    char folder[PATH_MAX];
    if (h->intake) return GIFD_OK;
    if (!h->s.db) return err_set(e, GIFD_ECLOSED, "there is no database");
    struct intake_room *room = calloc(1, sizeof *room);
    if (!room) return err_set(e, GIFD_ENOMEM, "intake");
    snprintf(folder, sizeof folder, "%.*s", (int)rules->folder.n, rules->folder.p);
    struct trail_options o = {.folder = folder, .durable = rules->durable};
    room->names = intake_names_new();
    room->trail = room->names ? trail_new(h->s.loop, &o, e) : NULL;
    if (!room->trail) {
        intake_names_free(room->names);
        free(room);
        return err_set(e, GIFD_ENOMEM, "intake");
    }
    arena_init(&room->scratch, INTAKE_SCRATCH_MAX);
    room->accepted = metric_take(h->metrics, METRIC_COUNTER, "gifd_events_accepted_total", NULL, NULL);
    static const char rejected[] = "gifd_events_rejected_total";
    room->malformed = metric_take(h->metrics, METRIC_COUNTER, rejected, "why", "invalid");
    room->unknown = metric_take(h->metrics, METRIC_COUNTER, rejected, "why", "not_found");
    room->large = metric_take(h->metrics, METRIC_COUNTER, rejected, "why", "too_large");
    h->intake = room;
    return GIFD_OK;
}

struct intake_told *intake_tell(struct gen *g, struct slice body, bool lines, trail_done_fn done, void *arg,
                                struct err *e)
{
    struct host *h = g->host;
    struct intake read;
    if (!g->intake.on || make_room(h, &g->intake, e) < 0) {
        if (!g->intake.on) err_set(e, GIFD_ECLOSED, "nothing is taken in here");
        return NULL;
    }
    struct intake_room *room = h->intake;
    arena_reset(&room->scratch);
    if (intake_read(&g->intake, room->names, h->s.db, body, lines, clock_wall_us(), loop_now_ms(h->s.loop),
                    &room->scratch, &read, e) < 0)
        return NULL;
    struct intake_told *told = malloc(sizeof *told + read.fault_count * sizeof *told->faults);
    if (!told) {
        err_set(e, GIFD_ENOMEM, "intake");
        return NULL;
    }
    told->single = read.single;
    told->accepted = read.row_count;
    told->fault_count = read.fault_count;
    if (read.fault_count) memcpy(told->faults, read.faults, read.fault_count * sizeof *told->faults);
    trail_durable(room->trail, g->intake.durable);
    if (read.row_count && trail_append(room->trail, read.rows, read.row_count, done, arg, e) < 0) {
        free(told);
        return NULL;
    }
    count_faults(room, &read);
    metric_add(room->accepted, read.row_count);
    return told;
}

void intake_stop(struct host *h)
{
    struct intake_room *room = h->intake;
    if (!room) return;
    trail_free(room->trail);
    intake_names_free(room->names);
    arena_free(&room->scratch);
    free(room);
    h->intake = NULL;
}

/* application/x-ndjson, application/jsonl and the like */
static bool says_lines(const struct request *r)
{
    struct slice type = request_header(r, "Content-Type");
    return type.n && (memmem(type.p, type.n, "ndjson", 6) || memmem(type.p, type.n, "jsonl", 5));
}

void intake_start(struct visit *v)
{
    struct host *h = v->host;
    struct request *r = v->r;
    struct err e = {0};
    struct incoming *in = make_room(h, &h->live->intake, &e) == GIFD_OK ? calloc(1, sizeof *in) : NULL;
    if (!in) {
        refusal_mark(&h->live->refusals, r, v->flags);
        r->user = NULL;
        say_busy(r, "The server has no room for this now.");
        return;
    }
    *in = (struct incoming){.host = h, .gen = gen_ref(h->live), .v = v, .lines = says_lines(r)};
    buf_init(&in->body, INTAKE_BODY_MAX);
    begin_spans(in);
    v->incoming = in;
    r->user = v;
    struct body_sink sink = {.to = in, .max = INTAKE_BODY_MAX, .data = take_bytes, .end = take_end};
    request_body(r, &sink);
}

void intake_gone(struct visit *v)
{
    struct incoming *in = v->incoming;
    v->incoming = NULL;
    in->v = NULL;
    if (!in->report) end(in); /* else its rows are under way, and on_kept ends it */
}
