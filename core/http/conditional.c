/* conditional.c: see conditional.h. */
#include "http/conditional.h"
#include "base/clock.h"

static bool is_weak(struct slice tag)
{
    return tag.n >= 2 && tag.p[0] == 'W' && tag.p[1] == '/';
}

static struct slice opaque(struct slice tag)
{
    return is_weak(tag) ? slice_of(tag.p + 2, tag.n - 2) : tag;
}

static bool tag_equal(struct slice a, struct slice b, bool weak)
{
    if (!weak && (is_weak(a) || is_weak(b))) return false;
    return slice_eq(opaque(a), opaque(b));
}

/* Takes one entity-tag from the front; false when there is none. etagc is %x21 / %x23-7E / obs-text (8.8.3). */
static bool take_tag(struct slice *s, struct slice *tag)
{
    size_t i = is_weak(*s) ? 2 : 0;
    if (i >= s->n || s->p[i] != '"') return false;
    for (i++; i < s->n && s->p[i] != '"'; i++)
        if ((unsigned char)s->p[i] <= 0x20 || s->p[i] == 0x7f) return false;
    if (i == s->n) return false;
    *tag = slice_of(s->p, i + 1);
    *s = slice_of(s->p + i + 1, s->n - i - 1);
    return true;
}

bool conditional_tag_listed(struct slice list, struct slice etag, bool weak)
{
    list = slice_trim(list);
    if (slice_is(list, "*")) return true;
    while (list.n) {
        struct slice tag;
        if (list.p[0] == ',') {
            list = slice_trim(slice_of(list.p + 1, list.n - 1));
            continue;
        }
        if (!take_tag(&list, &tag)) return false; /* malformed: nothing after it is trusted */
        if (etag.n && tag_equal(tag, etag, weak)) return true;
        list = slice_trim(list);
        if (list.n && list.p[0] != ',') return false;
    }
    return false;
}

/* All lines of a list-valued field together. */
static bool tag_matches(const struct request *r, const char *name, struct slice etag, bool weak, bool *present)
{
    struct slice want = slice_str(name);
    *present = false;
    for (size_t i = 0; i < r->header_count; i++) {
        if (!slice_ieq(r->headers[i].name, want)) continue;
        *present = true;
        if (conditional_tag_listed(r->headers[i].value, etag, weak)) return true;
    }
    return false;
}

/* The date of a field that is there once and valid, else -1: anything else is to be ignored (13.1.3, 13.1.4). */
static int64_t date_of(const struct request *r, const char *name)
{
    struct slice want = slice_str(name), value = {0};
    for (size_t i = 0; i < r->header_count; i++) {
        if (!slice_ieq(r->headers[i].name, want)) continue;
        if (value.p) return -1;
        value = r->headers[i].value;
    }
    return value.n ? clock_parse_http_date(value.p, value.n) : -1;
}

enum conditional conditional_check(const struct request *r, struct slice etag, int64_t last_modified)
{
    bool present, get = r->method == HTTP_GET || r->method == HTTP_HEAD;
    bool match = tag_matches(r, "If-Match", etag, false, &present);
    if (present) {
        if (!match) return CONDITIONAL_FAILED;
    } else if (last_modified) {
        int64_t date = date_of(r, "If-Unmodified-Since");
        if (date >= 0 && last_modified > date) return CONDITIONAL_FAILED;
    }
    match = tag_matches(r, "If-None-Match", etag, true, &present);
    if (match) return get ? CONDITIONAL_NOT_MODIFIED : CONDITIONAL_FAILED;
    if (!present && get && last_modified) {
        int64_t date = date_of(r, "If-Modified-Since");
        if (date >= 0 && last_modified <= date) return CONDITIONAL_NOT_MODIFIED;
    }
    return CONDITIONAL_GO;
}

bool conditional_range(const struct request *r, struct slice etag, int64_t last_modified)
{
    struct slice v = request_header(r, "If-Range");
    if (!v.p) return true;
    struct slice rest = v, tag;
    if (take_tag(&rest, &tag)) return rest.n == 0 && etag.n && tag_equal(tag, etag, false);
    return last_modified && date_of(r, "If-Range") == last_modified;
}
