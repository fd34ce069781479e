/* range.c: see range.h. */
#include "http/range.h"

#include <stdbool.h>

/* Digits from the front; saturates at UINT64_MAX, so that nothing wraps. False when there are none. */
static bool take_number(struct slice *s, uint64_t *out)
{
    uint64_t v = 0;
    size_t i = 0;
    for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
        uint64_t digit = (uint64_t)(s->p[i] - '0');
        v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
    }
    *s = slice_of(s->p + i, s->n - i);
    *out = v;
    return i > 0;
}

enum spec { SPEC_BAD, SPEC_OUTSIDE, SPEC_RANGE };

static enum spec parse_spec(struct slice s, uint64_t size, struct range *out)
{
    uint64_t first, last = UINT64_MAX;
    if (s.n && s.p[0] == '-') {
        s = slice_of(s.p + 1, s.n - 1);
        if (!take_number(&s, &last) || s.n) return SPEC_BAD;
        if (last == 0 || size == 0) return SPEC_OUTSIDE;
        *out = (struct range){last >= size ? 0 : size - last, size - 1};
        return SPEC_RANGE;
    }
    if (!take_number(&s, &first) || !s.n || s.p[0] != '-') return SPEC_BAD;
    s = slice_of(s.p + 1, s.n - 1);
    if (s.n && (!take_number(&s, &last) || s.n)) return SPEC_BAD;
    if (first > last) return SPEC_BAD;
    if (first >= size) return SPEC_OUTSIDE;
    *out = (struct range){first, last >= size ? size - 1 : last};
    return SPEC_RANGE;
}

static bool close_to(struct range a, struct range b)
{
    if (a.first > b.first) {
        struct range t = a;
        a = b;
        b = t;
    }
    return b.first <= a.last || b.first - a.last - 1 <= RANGE_GAP;
}

/* Adds r; whatever it touches becomes one with it and keeps the earliest place. False when there is no room. */
static bool add(struct range *list, size_t *count, struct range r)
{
    size_t place = *count;
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < *count; i++) {
            if (!close_to(list[i], r)) continue;
            if (list[i].first < r.first) r.first = list[i].first;
            if (list[i].last > r.last) r.last = list[i].last;
            if (i < place) place = i;
            memmove(list + i, list + i + 1, (*count - i - 1) * sizeof *list);
            --*count;
            again = true;
            break;
        }
    }
    if (*count == RANGES_MAX) return false;
    if (place > *count) place = *count;
    memmove(list + place + 1, list + place, (*count - place) * sizeof *list);
    list[place] = r;
    ++*count;
    return true;
}

enum range_answer range_parse(struct slice value, uint64_t size, struct range out[RANGES_MAX], size_t *count)
{
    static const struct slice unit = {"bytes=", 6};
    size_t specs = 0;
    *count = 0;
    if (value.n < unit.n || strncasecmp(value.p, unit.p, unit.n) != 0) return RANGE_WHOLE;
    struct slice rest = {value.p + unit.n, value.n - unit.n};
    while (rest.n) {
        const char *comma = memchr(rest.p, ',', rest.n);
        struct slice item = {rest.p, comma ? (size_t)(comma - rest.p) : rest.n};
        size_t taken = item.n + (comma != NULL);
        rest = slice_of(rest.p + taken, rest.n - taken);
        item = slice_trim(item);
        if (item.n == 0) continue; /* empty list elements are to be ignored (5.6.1.2) */
        if (++specs > RANGE_SPECS_MAX) return RANGE_WHOLE;
        struct range r;
        enum spec s = parse_spec(item, size, &r);
        if (s == SPEC_BAD || (s == SPEC_RANGE && !add(out, count, r))) return RANGE_WHOLE;
    }
    if (specs == 0) return RANGE_WHOLE;
    return *count ? RANGE_PARTIAL : RANGE_UNSATISFIABLE;
}
