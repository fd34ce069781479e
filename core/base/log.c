/* log.c: see log.h. What is said, by whom, how often. How it is written: log_int.h. */
#include "base/clock.h"
#include "base/log_int.h"
#include "base/sink.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

_Static_assert(LOG_LINE_MAX <= SINK_LINE_MAX, "a line is written whole");

#define FLOODS 128
#define FLOOD_NAME 48

static const char *const names[] = {"debug", "info", "warn", "error", "critical"};
static const char *const forms[] = {"logfmt", "json", "pretty"};

static enum log_level lowest = LOG_INFO;
static enum log_form form = LOG_LOGFMT;
static bool colours;
static char role[32] = "gifd";
static const struct levels *shared;
static struct log_counts counts;
static void (*scope_of)(struct log_scope *out);
static uint32_t reopened;

/* An event of this second. Two events that fall into one place take turns. */
static struct flood {
    char event[FLOOD_NAME];
    uint64_t second;
    uint32_t lines, left_out;
    enum log_level level;
} floods[FLOODS];
static pthread_mutex_t flood_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- settings ---- */

void log_form_set(enum log_form to, bool with_colours)
{
    form = to;
    colours = with_colours;
}

void log_level_set(enum log_level level)
{
    lowest = level;
}

void log_role_set(const char *name)
{
    snprintf(role, sizeof role, "%s", name);
    sink_forked();
    memset(floods, 0, sizeof floods);
}

void log_share(const struct levels *l)
{
    shared = l;
    reopened = atomic_load(&l->reopen);
}

void log_counts_set(const struct log_counts *c)
{
    counts = *c;
}

void log_scope_set(void (*scope)(struct log_scope *out))
{
    scope_of = scope;
}

int log_level_parse(const char *name)
{
    for (int i = 0; i < LOG_LEVELS; i++)
        if (!strcmp(names[i], name)) return i;
    return -1;
}

const char *log_level_name(int level)
{
    return names[level < 0 ? 0 : level >= LOG_LEVELS ? LOG_CRITICAL : level];
}

int log_form_parse(const char *name)
{
    for (int i = 0; i < (int)(sizeof forms / sizeof *forms); i++)
        if (!strcmp(forms[i], name)) return i;
    return -1;
}

static struct levels_base base_now(void)
{
    struct levels_base b;
    if (shared && levels_base(shared, &b)) return b;
    return (struct levels_base){(int)lowest, (int)form, LOG_BURST};
}

bool log_says(enum log_level level, const char *event)
{
    int own = shared ? levels_of(shared, event) : -1;
    return (int)level >= (own >= 0 ? own : base_now().level);
}

enum log_form log_form_now(void)
{
    return (enum log_form)base_now().form;
}

const char *log_form_name(enum log_form of)
{
    return forms[of];
}

/* ---- floods ---- */

static void write_line(enum log_level level, const char *event, const struct log_field *fields, bool scoped);

static void tell_left_out(const struct flood *f)
{
    if (f->left_out)
        write_line(f->level, "log.flood",
                   (const struct log_field[]){LS("of", f->event), LI("left_out", f->left_out), {0}}, false);
}

static bool admits(enum log_level level, const char *event, uint32_t burst)
{
    uint32_t hash = 2166136261u;
    for (const char *p = event; *p; p++) hash = (hash ^ (unsigned char)*p) * 16777619u;
    uint64_t second = clock_mono_ns() / 1000000000;
    struct flood *f = &floods[hash % FLOODS], before = {0};
    pthread_mutex_lock(&flood_lock);
    if (f->second != second || strncmp(f->event, event, FLOOD_NAME - 1) != 0) {
        before = *f;
        *f = (struct flood){.second = second, .level = level};
        snprintf(f->event, sizeof f->event, "%s", event);
    }
    bool admitted = !burst || f->lines < burst;
    if (admitted)
        f->lines++;
    else
        f->left_out++;
    pthread_mutex_unlock(&flood_lock);
    tell_left_out(&before);
    return admitted;
}

static void end_floods(void)
{
    uint64_t second = clock_mono_ns() / 1000000000;
    for (size_t i = 0; i < FLOODS; i++) {
        struct flood over = {0};
        pthread_mutex_lock(&flood_lock);
        if (floods[i].left_out && floods[i].second != second) {
            over = floods[i];
            floods[i].left_out = 0;
        }
        pthread_mutex_unlock(&flood_lock);
        tell_left_out(&over);
    }
}

/* ---- lines ---- */

size_t log_format(char out[LOG_LINE_MAX], enum log_level level, const char *event, const struct log_field *fields)
{
    struct log_scope scope = {0};
    struct line l = {out, 0};
    if (scope_of) scope_of(&scope);
    line_logfmt(&l, &(struct log_event){level, role, event, &scope, fields});
    l.p[l.n++] = '\n';
    return l.n;
}

/* sd-daemon(3): how much a line matters, for the journal. */
static void put_priority(struct line *l, enum log_level level)
{
    static const char *const priorities[] = {"<7>", "<6>", "<4>", "<3>", "<2>"};
    static int journal = -1;
    if (journal < 0) journal = sink_is_journal();
    if (journal) line_text(l, priorities[level]);
}

static void write_line(enum log_level level, const char *event, const struct log_field *fields, bool scoped)
{
    char text[LOG_LINE_MAX];
    struct log_scope scope = {0};
    struct line l = {text, 0};
    if (scoped && scope_of) scope_of(&scope);
    struct log_event v = {level, role, event, &scope, fields};
    int as = base_now().form;
    put_priority(&l, level);
    if (as == LOG_PRETTY)
        line_pretty(&l, &v, colours);
    else if (as == LOG_JSON)
        line_json(&l, &v);
    else
        line_logfmt(&l, &v);
    l.p[l.n++] = '\n';
    metric_add(counts.lines[level], 1);
    if (!sink_write(text, l.n)) metric_add(counts.dropped, 1);
}

void log_emit(enum log_level level, const char *event, const struct log_field *fields)
{
    if (!log_says(level, event)) return;
    if (admits(level, event, base_now().burst))
        write_line(level, event, fields, true);
    else
        metric_add(counts.left_out, 1);
}

void log_tick(void)
{
    struct err e = {0};
    sink_flush();
    end_floods();
    uint64_t dropped = sink_take_dropped();
    if (sink_take_fault(&e)) log_error("log.file", LS("why", e.text));
    if (dropped) log_warn("log.dropped", LI("lines", dropped), LS("why", "nobody read them"));
    uint32_t wanted = shared ? atomic_load(&shared->reopen) : reopened;
    if (wanted == reopened) return;
    reopened = wanted;
    sink_reopen();
}
