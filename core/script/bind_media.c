/* bind_media.c: gifd.media, questions to the media process. Only numbers come back, and drafts that it wrote. */
#include "base/clock.h"
#include "base/log.h"
#include "script/draft.h"
#include "script/host_int.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CANVAS_PX_MAX 4294836225.0 /* 65535 x 65535 */
#define DEADLINE_MAX 600.0
#define MEMORY_MAX ((uint64_t)1 << 30)
#define OUT_BYTES_MAX ((uint64_t)1 << 30)
#define FRAMES_MAX 16
#define FRAMES_DEFAULT 4
#define FRAME_SIDE_MAX 1024
#define FRAME_SIDE_DEFAULT 320
#define FRAMES_BYTES_MAX ((uint64_t)4 << 20) /* of all together */

struct media_wait;
typedef int (*media_push_fn)(lua_State *L, struct media_wait *m); /* the answer; returns how many values */

struct media_wait {
    struct wait wait;
    struct media_ask *ask;
    struct media_question q;
    struct metrics *metrics;
    uint64_t began_ns;
    struct blob_draft *out[MEDIA_RECIPES_MAX];
    const struct media_answer *answer;
    media_push_fn push;
    struct gen *gen;      /* with a progress function: held */
    int progress;         /* it, or LUA_NOREF */
    uint32_t thousandths; /* that it is told of next */
    struct task *teller;  /* that runs it, or has; held */
};

static void free_media(struct media_wait *m)
{
    if (m->teller) task_unref(m->teller);
    if (m->gen) {
        luaL_unref(m->gen->L, LUA_REGISTRYINDEX, m->progress);
        gen_unref(m->gen);
    }
    for (size_t i = 0; i < MEDIA_RECIPES_MAX; i++)
        if (m->out[i]) blob_draft_drop(m->out[i]);
    free(m);
}

static void undo_media(struct wait *w)
{
    struct media_wait *m = LIST_OF(w, struct media_wait, wait);
    media_cancel(m->ask);
    free_media(m);
}

/* ---- answers ---- */

static void set_number(lua_State *L, const char *key, lua_Number v)
{
    lua_pushnumber(L, v);
    lua_setfield(L, -2, key);
}

static void set_bool(lua_State *L, const char *key, bool v)
{
    lua_pushboolean(L, v);
    lua_setfield(L, -2, key);
}

static void push_facts(lua_State *L, const struct media_facts *f)
{
    lua_createtable(L, 0, 9);
    lua_pushstring(L, f->type);
    lua_setfield(L, -2, "type");
    set_number(L, "width", f->width);
    set_number(L, "height", f->height);
    set_number(L, "frames", f->frames);
    set_number(L, "duration_ms", (lua_Number)f->duration_ms);
    set_number(L, "loop", f->loop);
    set_bool(L, "has_alpha", f->has_alpha);
    set_bool(L, "has_audio", f->has_audio);
    set_bool(L, "truncated", f->truncated);
}

static void push_choice(lua_State *L, const struct media_choice *c)
{
    lua_createtable(L, 0, 6);
    set_number(L, "rung", c->rung);
    set_number(L, "lossy", c->lossy);
    set_number(L, "quality", c->quality);
    set_number(L, "fps", c->fps_milli / 1000.0);
    set_number(L, "encodes", c->encodes);
    if (c->ssim_milli) set_number(L, "ssim", c->ssim_milli / 1000.0);
    lua_setfield(L, -2, "choice");
}

/* What ask.c has checked: as many numbers as frames. */
static int push_times(lua_State *L, struct media_wait *m)
{
    uint32_t buf[512], n = m->answer->facts.frames;
    push_facts(L, &m->answer->facts);
    lua_createtable(L, (int)n, 0);
    for (uint32_t i = 0; i < n;) {
        uint32_t some = n - i < 512 ? n - i : 512;
        ssize_t got = pread(m->q.out_fd[0], buf, some * sizeof *buf, (off_t)(i * sizeof *buf));
        for (uint32_t k = 0; k < some; k++) {
            lua_pushnumber(L, got == (ssize_t)(some * sizeof *buf) ? buf[k] : 0);
            lua_rawseti(L, -2, (int)++i);
        }
    }
    lua_setfield(L, -2, "delays_ms");
    return 1;
}

static int push_probed(lua_State *L, struct media_wait *m)
{
    push_facts(L, &m->answer->facts);
    return 1;
}

static void push_hashes(lua_State *L, const struct media_look *l)
{
    static const char digits[] = "0123456789abcdef";
    lua_createtable(L, (int)l->hashes, 0);
    for (uint32_t i = 0; i < l->hashes; i++) {
        char hex[2 * MEDIA_HASH_BYTES];
        for (size_t k = 0; k < sizeof hex; k++) hex[k] = digits[l->hash[i].bits[k / 2] >> (k % 2 ? 0 : 4) & 15];
        lua_createtable(L, 0, 3);
        lua_pushlstring(L, hex, sizeof hex);
        lua_setfield(L, -2, "hash");
        set_number(L, "at", l->hash[i].at_ms / 1000.0);
        set_number(L, "quality", l->hash[i].quality);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static void push_colors(lua_State *L, const struct media_look *l)
{
    lua_createtable(L, (int)l->colors, 0);
    for (uint32_t i = 0; i < l->colors; i++) {
        lua_createtable(L, 0, 2);
        char text[8];
        snprintf(text, sizeof text, "#%06x", (unsigned)l->color[i].rgb & 0xffffff);
        lua_pushstring(L, text);
        lua_setfield(L, -2, "color");
        set_number(L, "share", l->color[i].thousandths / 1000.0);
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* RFC 2397 and, for the base64, RFC 4648 section 4. */
static void push_data_url(lua_State *L, const uint8_t *p, size_t n)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char out[(MEDIA_PLACEHOLDER_MAX + 2) / 3 * 4];
    size_t m = 0;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
        for (int k = 0; k < 4; k++) out[m++] = i + (size_t)k > n ? '=' : letters[v >> (18 - 6 * k) & 63];
    }
    lua_pushliteral(L, "data:image/webp;base64,");
    lua_pushlstring(L, out, m);
    lua_concat(L, 2);
}

static int push_hashed(lua_State *L, struct media_wait *m)
{
    push_hashes(L, &m->answer->look);
    return 1;
}

static int push_look(lua_State *L, struct media_wait *m)
{
    const struct media_look *l = &m->answer->look;
    lua_createtable(L, 0, 3);
    push_hashes(L, l);
    lua_setfield(L, -2, "hashes");
    push_colors(L, l);
    lua_setfield(L, -2, "colors");
    if (l->placeholder_bytes) {
        push_data_url(L, l->placeholder, l->placeholder_bytes);
        lua_setfield(L, -2, "placeholder");
    }
    return 1;
}

/* A picture that was asked for twice, by two times or as more samples than there are, comes once. */
static int push_frames(lua_State *L, struct media_wait *m)
{
    const struct media_answer *a = m->answer;
    int n = 0;
    lua_createtable(L, (int)a->outputs, 0);
    for (size_t i = 0; i < a->outputs; i++) {
        const struct media_output *o = &a->output[i];
        if (i && o->at_ms == a->output[i - 1].at_ms) continue;
        lua_createtable(L, 0, 5);
        char *bytes = lua_newuserdata(L, (size_t)o->bytes);
        ssize_t got = pread(m->q.out_fd[i], bytes, (size_t)o->bytes, 0);
        lua_pushlstring(L, bytes, got > 0 ? (size_t)got : 0);
        lua_remove(L, -2);
        lua_setfield(L, -2, "bytes");
        lua_pushstring(L, o->facts.type);
        lua_setfield(L, -2, "type");
        set_number(L, "width", o->facts.width);
        set_number(L, "height", o->facts.height);
        set_number(L, "at", (lua_Number)o->at_ms / 1000);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

static int push_rendered(lua_State *L, struct media_wait *m)
{
    lua_createtable(L, 0, 3);
    push_facts(L, &m->answer->facts);
    lua_setfield(L, -2, "facts");
    lua_pushstring(L, m->answer->made_by);
    lua_setfield(L, -2, "made_by");
    lua_createtable(L, (int)m->answer->outputs, 0);
    for (size_t i = 0; i < m->answer->outputs; i++) {
        lua_createtable(L, 0, 3);
        struct draft *d = draft_push(L);
        d->d = m->out[i];
        m->out[i] = NULL;
        lua_setfield(L, -2, "draft");
        set_number(L, "bytes", (lua_Number)m->answer->output[i].bytes);
        push_facts(L, &m->answer->output[i].facts);
        lua_setfield(L, -2, "facts");
        if (m->answer->output[i].choice.encodes) push_choice(L, &m->answer->output[i].choice);
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "outputs");
    return 1;
}

static int push_answer(lua_State *L, void *arg)
{
    struct media_wait *m = arg;
    return m->push(L, m);
}

static void count(const struct media_wait *m, int rc)
{
    static const char *const ops[] = {[MEDIA_PROBE] = "probe",
                                      [MEDIA_RENDER] = "render",
                                      [MEDIA_TIMES] = "times",
                                      [MEDIA_LOOK] = "look",
                                      [MEDIA_CROPS] = "crops"};
    struct metric_cell *asks = NULL;
    const char *op = ops[m->q.op], *outcome = rc < 0 ? err_name(rc) : "ok";
    struct metric_label labels[] = {{SLICE("op"), slice_str(op)}, {SLICE("outcome"), slice_str(outcome)}};
    struct metric_want want = {
        .kind = METRIC_COUNTER, .name = SLICE("gifd_media_asks_total"), .labels = labels, .label_count = 2};
    metric_find(m->metrics, &want, &asks, NULL);
    metric_add(asks, 1);
    metric_observe(metric_take(m->metrics, METRIC_HISTOGRAM, "gifd_media_seconds", "op", op),
                   (double)(clock_mono_ns() - m->began_ns) / 1e9);
}

static void on_media(void *arg, int rc, const struct media_answer *answer, const struct err *e)
{
    struct media_wait *m = arg;
    m->answer = answer;
    count(m, rc);
    if (rc < 0)
        wait_fail(&m->wait, e);
    else
        wait_done(&m->wait, push_answer, m);
    free_media(m);
}

/* ---- progress: a task of its own runs the function; while it does, what else is told waits for the next time ---- */

static int push_progress(lua_State *L, void *arg)
{
    const struct media_wait *m = arg;
    lua_rawgeti(L, LUA_REGISTRYINDEX, m->progress);
    lua_pushnumber(L, m->thousandths / 10.0);
    return 2;
}

static void on_told(struct task *t, enum task_outcome outcome, int results, const char *text)
{
    (void)results;
    if (outcome == TASK_FAILED) log_error("task.failed", LS("task", t->name), LS("error", text));
}

static void on_progress(void *arg, uint32_t thousandths)
{
    struct media_wait *m = arg;
    const struct task *waits = m->wait.task;
    struct err e = {0};
    if (!waits || (m->teller && m->teller->state != TASK_DONE && m->teller->state != TASK_CANCELLED)) return;
    if (m->teller) task_unref(m->teller);
    m->thousandths = thousandths;
    m->teller = task_start(m->gen, waits->context, "progress", push_progress, m, &e);
    if (!m->teller) return;
    m->teller->end = on_told;
    task_ref(m->teller);
    host_settle(m->gen->host);
}

/* ---- questions ---- */

static void read_limits(lua_State *L, int arg, struct media_limits *l)
{
    if (!lua_isnoneornil(L, arg)) border_table(L, arg, "limits");
    l->canvas_px = (uint64_t)border_field_number(L, arg, "canvas_px", 1, CANVAS_PX_MAX, 50e6);
    l->total_px = (uint64_t)border_field_number(L, arg, "total_px", 1, 1e13, 500e6);
    l->frames = (uint32_t)border_field_number(L, arg, "frames", 1, 1e6, 10000);
    l->deadline_ms = (uint32_t)ceil(border_field_number(L, arg, "deadline", 0.001, DEADLINE_MAX, 30) * 1000);
    l->memory = (uint64_t)border_field_number(L, arg, "memory", 1 << 20, 1e11, (lua_Number)MEMORY_MAX);
    l->out_bytes = (uint64_t)border_field_number(L, arg, "out_bytes", 1, 1e11, (lua_Number)OUT_BYTES_MAX);
}

/* Whose turn it is, and how large. */
static void read_turn(lua_State *L, int arg, struct media_question *q)
{
    q->account = (uint64_t)border_field_number(L, arg, "account", 0, 9007199254740992.0, 0);
    q->pixels = (uint64_t)border_field_number(L, arg, "pixels", 0, 1e15, 0);
}

/* ---- recipes: fields by name, each checked; what a format does not know is refused by name ---- */

static uint32_t word_of(lua_State *L, int at, const char *field, const char *const *words, uint32_t fallback)
{
    struct slice given = border_field_string(L, at, field);
    char all[128] = "";
    if (!given.p && fallback != UINT32_MAX) return fallback;
    for (uint32_t i = 0; words[i]; i++) {
        size_t n = strlen(all);
        if (given.p && slice_is(given, words[i])) return i;
        snprintf(all + n, sizeof all - n, "%s\"%s\"", n ? ", " : "", words[i]);
    }
    border_argument(L, 2, "recipes", "%s must be one of %s", field, all);
}

enum unit { PLAIN, SECONDS, THOUSANDTHS };
static const struct {
    const char *name;
    size_t offset;
    enum unit unit;
} numbers[] = {
    {"width", offsetof(struct media_recipe, width), PLAIN},
    {"height", offsetof(struct media_recipe, height), PLAIN},
    {"at", offsetof(struct media_recipe, at_ms), SECONDS},
    {"sample", offsetof(struct media_recipe, sample), PLAIN},
    {"samples", offsetof(struct media_recipe, samples), PLAIN},
    {"from", offsetof(struct media_recipe, from_ms), SECONDS},
    {"to", offsetof(struct media_recipe, to_ms), SECONDS},
    {"repeat_to", offsetof(struct media_recipe, repeat_ms), SECONDS},
    {"fps", offsetof(struct media_recipe, fps_milli), THOUSANDTHS},
    {"frames", offsetof(struct media_recipe, frames), PLAIN},
    {"quality", offsetof(struct media_recipe, quality), PLAIN},
    {"bitrate", offsetof(struct media_recipe, bitrate), PLAIN},
    {"audio", offsetof(struct media_recipe, audio), PLAIN},
    {"colors", offsetof(struct media_recipe, colors), PLAIN},
    {"lossy", offsetof(struct media_recipe, lossy), PLAIN},
    {"floor", offsetof(struct media_recipe, floor), THOUSANDTHS},
    {"background", offsetof(struct media_recipe, background), PLAIN},
};
static const char *const formats[] = {"jpeg", "png", "mp4", "webm", "webp", "gif", NULL};
static const char *const stills[] = {"jpeg", "png", NULL};
static const char *const dithers[] = {"auto", "none", "ordered", "diffuse", NULL};

static void refuse_unknown(lua_State *L, int at)
{
    static const char *const others[] = {"format", "dither", "loop", "budget", NULL};
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        bool known = false;
        for (size_t i = 0; others[i]; i++) known |= strcmp(others[i], key) == 0;
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) known |= strcmp(numbers[i].name, key) == 0;
        if (!known) border_argument(L, 2, "recipes", "there is no field \"%s\"", key);
    }
}

static void read_recipe(lua_State *L, int at, struct media_recipe *r)
{
    struct err e = {0};
    border_table(L, at, "recipe");
    refuse_unknown(L, at);
    *r = (struct media_recipe){.format = word_of(L, at, "format", formats, UINT32_MAX) + MEDIA_JPEG,
                               .dither = word_of(L, at, "dither", dithers, MEDIA_DITHER_AUTO),
                               .budget = (uint64_t)border_field_number(L, at, "budget", 0, 1e12, 0),
                               .loop = (int32_t)border_field_number(L, at, "loop", 0, 65535, MEDIA_LOOP_SOURCE)};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        lua_Number scale = numbers[i].unit == PLAIN ? 1 : 1000;
        lua_Number v = border_field_number(L, at, numbers[i].name, 0, 4294967295.0 / scale, 0);
        *(uint32_t *)(void *)((char *)r + numbers[i].offset) = (uint32_t)llround(v * scale);
    }
    if (media_recipe_check(r, &e) < 0) border_argument(L, 2, "recipes", "%s", e.text);
}

static void read_recipes(lua_State *L, struct media_question *q)
{
    border_table(L, 2, "recipes");
    q->recipes = lua_objlen(L, 2);
    if (q->recipes < 1 || q->recipes > MEDIA_RECIPES_MAX)
        border_argument(L, 2, "recipes", "must be 1 to %d", MEDIA_RECIPES_MAX);
    for (size_t i = 0; i < q->recipes; i++) {
        lua_rawgeti(L, 2, (int)i + 1);
        read_recipe(L, lua_gettop(L), &q->recipe[i]);
        lua_pop(L, 1);
    }
}

static int make_drafts(struct media_wait *m, struct blobs *b, struct err *e)
{
    if (!b) return err_set(e, GIFD_ECLOSED, "there are no blobs");
    size_t n = m->q.op == MEDIA_TIMES ? 1 : m->q.recipes;
    for (size_t i = 0; i < n; i++) {
        m->out[i] = blob_draft_new(b, m->q.limits.out_bytes, e);
        if (!m->out[i]) return e->code;
        m->q.out_fd[i] = blob_draft_fd(m->out[i]);
    }
    return GIFD_OK;
}

/* Everything of Lua's has been read: nothing from here on throws. */
static int ask(lua_State *L, struct task *t, const struct media_question *q, media_push_fn push, bool opened,
               int progress)
{
    struct err e = {0};
    const struct host_services *s = &t->gen->host->s;
    struct media_wait *m = calloc(1, sizeof *m);
    int rc = m ? GIFD_OK : err_set(&e, GIFD_ENOMEM, "media");
    if (rc == GIFD_OK) {
        m->q = *q;
        m->metrics = t->gen->host->metrics;
        m->began_ns = clock_mono_ns();
        m->push = push;
        m->progress = progress;
        if (progress != LUA_NOREF) m->gen = gen_ref(t->gen);
        if (!s->media) rc = err_set(&e, GIFD_ECLOSED, "there is no media process");
    }
    if (rc == GIFD_OK && (q->op == MEDIA_RENDER || q->op == MEDIA_TIMES)) rc = make_drafts(m, s->blobs, &e);
    if (rc == GIFD_OK) {
        m->ask = media_ask(s->media, &m->q, on_media, m, &e);
        if (!m->ask) rc = e.code;
        if (m->ask && m->gen) media_progress(m->ask, on_progress);
    }
    if (opened) close(q->in_fd);
    if (rc == GIFD_OK) {
        wait_begin(&m->wait, t, border_name(L), undo_media);
        struct trace own = t->trace;
        m->wait.span = spans_start(t->spans, &own, SPAN_CLIENT, slice_str(border_name(L)));
        return wait_yield(L);
    }
    if (m)
        free_media(m);
    else
        luaL_unref(L, LUA_REGISTRYINDEX, progress);
    return push_err(L, &e);
}

/* fn: where the progress function is, or 0 */
static int begin(lua_State *L, struct media_question *q, media_push_fn push, int fn)
{
    struct err e = {0};
    bool opened = false;
    struct task *t = task_here(L);
    int refused = task_refuses(L, t);
    if (refused) return refused;
    q->in_fd = draft_or_digest(L, 1, t->gen->host->s.blobs, &opened, &e);
    if (q->in_fd < 0) return push_err(L, &e);
    int progress = LUA_NOREF;
    if (fn) {
        lua_pushvalue(L, fn);
        progress = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    return ask(L, t, q, push, opened, progress);
}

static int l_probe(lua_State *L)
{
    struct media_question q = {.op = MEDIA_PROBE};
    read_limits(L, 2, &q.limits);
    read_turn(L, 2, &q);
    return begin(L, &q, push_probed, 0);
}

static int l_times(lua_State *L)
{
    struct media_question q = {.op = MEDIA_TIMES};
    read_limits(L, 2, &q.limits);
    return begin(L, &q, push_times, 0);
}

static int l_render(lua_State *L)
{
    struct media_question q = {.op = MEDIA_RENDER};
    read_recipes(L, &q);
    read_limits(L, 3, &q.limits);
    read_turn(L, 3, &q);
    bool told = !lua_isnoneornil(L, 4);
    if (told) border_function(L, 4, "progress");
    return begin(L, &q, push_rendered, told ? 4 : 0);
}

static int l_look(lua_State *L)
{
    struct media_question q = {.op = MEDIA_LOOK};
    read_limits(L, 2, &q.limits);
    read_turn(L, 2, &q);
    return begin(L, &q, push_look, 0);
}

static int l_hash(lua_State *L)
{
    struct media_question q = {.op = MEDIA_LOOK};
    read_limits(L, 2, &q.limits);
    read_turn(L, 2, &q);
    return begin(L, &q, push_hashed, 0);
}

static int l_crops(lua_State *L)
{
    struct media_question q = {.op = MEDIA_CROPS};
    read_limits(L, 2, &q.limits);
    read_turn(L, 2, &q);
    return begin(L, &q, push_hashed, 0);
}

/* ---- frames ---- */

/* The i-th of options.times, a list that rises. */
static uint32_t time_at(lua_State *L, size_t i, uint32_t before)
{
    lua_rawgeti(L, -1, (int)i + 1);
    double ms = lua_type(L, -1) == LUA_TNUMBER ? round(lua_tonumber(L, -1) * 1000) : -1;
    lua_pop(L, 1);
    if (!(ms >= before && ms <= MEDIA_TIME_MAX_MS))
        border_argument(L, 2, "options", "times must be seconds from 0 to %d that rise", MEDIA_TIME_MAX_MS / 1000);
    return (uint32_t)ms;
}

static void read_samples(lua_State *L, struct media_question *q, const struct media_recipe *r)
{
    lua_getfield(L, 2, "times");
    bool times = !lua_isnil(L, -1);
    lua_getfield(L, 2, "count");
    if (times && !lua_isnil(L, -1)) border_argument(L, 2, "options", "count and times contradict each other");
    lua_pop(L, 1);
    if (times && lua_type(L, -1) != LUA_TTABLE) border_argument(L, 2, "options", "times must be a list");
    q->recipes = times ? lua_objlen(L, -1) : (size_t)border_field_number(L, 2, "count", 1, FRAMES_MAX, FRAMES_DEFAULT);
    if (q->recipes < 1 || q->recipes > FRAMES_MAX)
        border_argument(L, 2, "options", "times must be 1 to %d", FRAMES_MAX);
    for (size_t i = 0; i < q->recipes; i++) {
        q->recipe[i] = *r;
        if (times) {
            q->recipe[i].at_ms = time_at(L, i, i ? q->recipe[i - 1].at_ms : 0);
        } else {
            q->recipe[i].sample = (uint32_t)i + 1;
            q->recipe[i].samples = (uint32_t)q->recipes;
        }
    }
    lua_pop(L, 1);
}

static int l_frames(lua_State *L)
{
    static const char *const fields[] = {"count", "times", "width", "height", "format", "quality", NULL};
    struct media_question q = {.op = MEDIA_RENDER};
    struct err e = {0};
    if (lua_isnoneornil(L, 2)) {
        lua_settop(L, 3);
        lua_newtable(L);
        lua_replace(L, 2);
    }
    border_table(L, 2, "options");
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        size_t i = 0;
        while (fields[i] && strcmp(fields[i], key) != 0) i++;
        if (!fields[i]) border_argument(L, 2, "options", "there is no field \"%s\"", key);
    }
    struct media_recipe r = {.format = word_of(L, 2, "format", stills, 0) + MEDIA_JPEG,
                             .width =
                                 (uint32_t)border_field_number(L, 2, "width", 1, FRAME_SIDE_MAX, FRAME_SIDE_DEFAULT),
                             .height = (uint32_t)border_field_number(L, 2, "height", 1, FRAME_SIDE_MAX, FRAME_SIDE_MAX),
                             .quality = (uint32_t)border_field_number(L, 2, "quality", 1, 100, 0),
                             .loop = MEDIA_LOOP_SOURCE,
                             .background = 0xffffff};
    read_samples(L, &q, &r);
    read_limits(L, 3, &q.limits);
    read_turn(L, 3, &q);
    q.limits.out_bytes = FRAMES_BYTES_MAX / q.recipes;
    if (media_recipe_check(&q.recipe[0], &e) < 0) border_argument(L, 2, "options", "%s", e.text);
    return begin(L, &q, push_frames, 0);
}

const struct binding bind_media[] = {
    {"gifd.media.probe", l_probe, CTX_TASK,
     "probe(what: gifd.Draft|string, limits?: gifd.MediaLimits) -> facts: gifd.Facts | nil, err -- looks at a draft, "
     "or at a blob by its digest"},
    {"gifd.media.times", l_times, CTX_TASK,
     "times(what: gifd.Draft|string, limits?: gifd.MediaLimits) -> facts: gifd.Facts | nil, err -- as probe, with "
     "delays_ms of each frame"},
    {"gifd.media.render", l_render, CTX_TASK,
     "render(what: gifd.Draft|string, recipes: gifd.Recipe[], limits?: gifd.MediaLimits) -> made: {facts: gifd.Facts, "
     "outputs: {draft: gifd.Draft, bytes: integer, facts: gifd.Facts}[], made_by: table} | nil, err -- decodes once "
     "and makes each recipe"},
    {"gifd.media.look", l_look, CTX_TASK,
     "look(what: gifd.Draft|string, limits?: gifd.MediaLimits) -> looks: {hashes: gifd.PictureHash[], colors: {color: "
     "any, share: number}[], placeholder?: string} | nil, err -- what it looks like"},
    {"gifd.media.hash", l_hash, CTX_TASK,
     "hash(what: gifd.Draft|string, limits?: gifd.MediaLimits) -> hashes: gifd.PictureHash[] | nil, err -- of what it "
     "looks like, near for pictures that are alike"},
    {"gifd.media.crops", l_crops, CTX_TASK,
     "crops(what: gifd.Draft|string, limits?: gifd.MediaLimits) -> hashes: gifd.PictureHash[] | nil, err -- those, "
     "and those of windows of its pictures, near to what is left when a little is cut off"},
    {"gifd.media.frames", l_frames, CTX_TASK,
     "frames(what: gifd.Draft|string, options?: {count?: integer, times?: number[], width?: integer, height?: "
     "integer, format?: string, quality?: integer}, limits?: gifd.MediaLimits) -> frames: {bytes: string, type: "
     "string, width: integer, height: integer, at: number}[] | nil, err -- single pictures, at most 16"},
    {NULL, NULL, 0, NULL},
};
