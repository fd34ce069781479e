/* multipart_fuzz.c: any bytes as a body with the boundary "x", whole and in two pieces: the same events, the same end.
 */
#include "http/multipart.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t parts, ends, bytes;
    unsigned sum;
};

static int on_begin(void *to, const struct multipart_part *part, struct err *e)
{
    struct seen *s = to;
    (void)e;
    s->parts++;
    for (size_t i = 0; i < part->name.n; i++) s->sum = s->sum * 31 + (unsigned char)part->name.p[i];
    for (size_t i = 0; i < part->filename.n; i++)
        if (part->filename.p[i] == '/') abort();
    return 0;
}

static int on_data(void *to, const uint8_t *bytes, size_t n, struct err *e)
{
    struct seen *s = to;
    (void)e;
    s->bytes += n;
    for (size_t i = 0; i < n; i++) s->sum = s->sum * 31 + bytes[i];
    return 0;
}

static int on_end(void *to, struct err *e)
{
    (void)e;
    ((struct seen *)to)->ends++;
    return 0;
}

static int run(const uint8_t *data, size_t size, size_t first, struct seen *s)
{
    const struct multipart_events on = {s, on_begin, on_data, on_end};
    struct multipart *m = multipart_new(SLICE("multipart/form-data; boundary=x"), &on, NULL);
    if (!m) return 0;
    *s = (struct seen){0};
    int rc = multipart_feed(m, data, first, NULL);
    if (rc >= 0) rc = multipart_feed(m, data + first, size - first, NULL);
    if (rc >= 0) rc = multipart_finish(m, NULL);
    multipart_free(m);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole, split;
    int rc = run(data, size, size, &whole);
    int again = run(data, size, size ? data[0] % size : 0, &split);
    if (rc != again) abort();
    if (rc == 0 && (whole.parts != whole.ends || whole.parts != split.parts || whole.bytes != split.bytes ||
                    whole.sum != split.sum || whole.bytes > size))
        abort();
    return 0;
}
