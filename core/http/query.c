/* query.c: see query.h. */
#include "http/query.h"
#include "http/utf8_int.h"

static int decode(struct slice raw, struct arena *arena, struct slice *out, struct err *e)
{
    char *p = arena_alloc(arena, raw.n + 1);
    size_t k = 0;
    if (!p) return err_set(e, GIFD_ENOMEM, "no memory for a query of %zu bytes", raw.n);
    for (size_t i = 0; i < raw.n; i++) {
        unsigned char b = (unsigned char)raw.p[i];
        if (b == '+') {
            b = ' ';
        } else if (b == '%') {
            int hi = i + 2 < raw.n ? hex__digit(raw.p[i + 1]) : -1, lo = i + 2 < raw.n ? hex__digit(raw.p[i + 2]) : -1;
            if (hi < 0 || lo < 0) return err_set(e, GIFD_EINVALID, "a broken percent escape in a query or form");
            b = (unsigned char)(hi << 4 | lo);
            i += 2;
        }
        if ((b < 0x20 && b != '\t' && b != '\r' && b != '\n') || b == 0x7f)
            return err_set(e, GIFD_EINVALID, "a control byte in a query or form");
        p[k++] = (char)b;
    }
    p[k] = 0;
    *out = slice_of(p, k);
    if (!utf8__valid(*out)) return err_set(e, GIFD_EINVALID, "a query or form that is not UTF-8");
    return GIFD_OK;
}

int query_next(struct query *q, struct query_pair *out, struct err *e)
{
    while (q->rest.n && q->rest.p[0] == '&') q->rest.p++, q->rest.n--;
    if (q->rest.n == 0) return 0;
    if (++q->pairs > QUERY_PAIRS_MAX)
        return err_set(e, GIFD_ETOOBIG, "more than %d pairs in a query or form", QUERY_PAIRS_MAX);
    const char *end = memchr(q->rest.p, '&', q->rest.n);
    struct slice pair = {q->rest.p, end ? (size_t)(end - q->rest.p) : q->rest.n};
    q->rest = slice_of(pair.p + pair.n, q->rest.n - pair.n);
    const char *eq = memchr(pair.p, '=', pair.n);
    struct slice name = {pair.p, eq ? (size_t)(eq - pair.p) : pair.n};
    struct slice value = eq ? slice_of(eq + 1, pair.n - name.n - 1) : slice_of("", 0);
    int rc = decode(name, q->arena, &out->name, e);
    if (rc == 0) rc = decode(value, q->arena, &out->value, e);
    return rc < 0 ? rc : 1;
}
