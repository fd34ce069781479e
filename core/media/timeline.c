/* timeline.c: see timeline.h. */
#include "media/timeline.h"

#include <libavutil/mathematics.h>

static const AVRational ms = {1, 1000};

static int64_t in_base(const struct source *s, uint64_t t)
{
    return av_rescale_q((int64_t)t, ms, s->time_base);
}

/* Rounded up, so that there is never a picture too many. */
static int64_t step_of(const struct source *s, const struct media_recipe *r, int64_t length)
{
    if (r->frames) return (length + r->frames - 1) / r->frames;
    if (!r->fps_milli) return 0;
    return av_rescale_rnd(1000, s->time_base.den, (int64_t)r->fps_milli * s->time_base.num, AV_ROUND_UP);
}

void timeline_init(struct timeline *t, const struct source *s, const struct media_recipe *r)
{
    int64_t whole = in_base(s, s->facts.duration_ms);
    *t = (struct timeline){.from = in_base(s, r->from_ms), .to = r->to_ms ? in_base(s, r->to_ms) : INT64_MAX};
    if (t->from >= whole) t->from = 0; /* there is nothing behind the end: show what there is */
    if (t->to <= t->from) t->to = INT64_MAX;
    t->length = in_base(s, r->repeat_ms);
    t->step = step_of(s, r, (t->to < whole ? t->to : whole) - t->from);
}

enum timeline_choice timeline_take(struct timeline *t, const struct picture *p, bool same, int64_t *at)
{
    int64_t duration = p->duration;
    if (duration <= 0) duration = 1;
    int64_t begin = p->start > t->from ? p->start : t->from;
    int64_t end = p->start + duration < t->to ? p->start + duration : t->to;
    bool unchanged = t->showing && t->current && same;
    t->current = unchanged;
    begin += t->offset - t->from;
    end += t->offset - t->from;
    if (t->length && end > t->length) end = t->length;
    if (begin >= end) return TIMELINE_PASS;
    t->end = end;
    if (unchanged) return TIMELINE_PASS;
    if (t->showing && begin < t->shown_at + t->step) begin = t->shown_at + t->step;
    if (begin >= end) return TIMELINE_PASS;
    *at = t->shown_at = begin;
    t->showing = t->current = true;
    return TIMELINE_TAKE;
}

bool timeline_again(struct timeline *t)
{
    t->offset = t->end;
    t->current = false;
    return t->length && t->end > 0 && t->end < t->length;
}
