/* multipart.c: see multipart.h.
 *
 *   PREAMBLE --delimiter--> MARK --CRLF--> HEAD --empty line--> BODY --delimiter--> MARK --"--"--> EPILOGUE
 *
 * The delimiter is CR LF "--" boundary. CR stands in it only at its beginning, so what was matched when it breaks off
 * is simply data, and the search goes on with the byte at hand: no byte is looked at twice, none is held but a
 * beginning of the delimiter. */
#include "http/multipart.h"
#include "http/request.h"
#include "http/utf8_int.h"

#include <stdlib.h>

#define BOUNDARY_MAX 70
#define OUTSIDE_MAX 4096 /* of preamble and of epilogue */

enum state { PREAMBLE, MARK, HEAD, BODY, EPILOGUE };

struct multipart {
    struct multipart_events on;
    enum state state;
    int failed; /* the code that every later call returns */
    char delimiter[4 + BOUNDARY_MAX];
    size_t delimiter_len, matched;
    char mark; /* first byte behind a delimiter, or 0 */
    size_t outside, parts;
    bool paused;
    struct buf head;
};

/* ---- the Content-Type ---- */

static bool boundary_char(char c, bool last)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
    return c && (strchr("'()+_,-./:=?", c) || (c == ' ' && !last));
}

/* Takes `name=value` or `name="value"` and the semicolon behind it. 1, 0 at the end, -1 malformed. The value of a
 * quoted string is given with its escapes. */
static int take_parameter(struct slice *s, struct slice *name, struct slice *value)
{
    *s = slice_trim(*s);
    if (s->n == 0) return 0;
    const char *eq = memchr(s->p, '=', s->n);
    if (!eq) return -1;
    *name = slice_of(s->p, (size_t)(eq - s->p));
    struct slice rest = {eq + 1, s->n - name->n - 1};
    size_t i = 0;
    if (rest.n && rest.p[0] == '"') {
        for (i = 1; i < rest.n && rest.p[i] != '"'; i++)
            if (rest.p[i] == '\\' && i + 1 < rest.n && (rest.p[i + 1] == '"' || rest.p[i + 1] == '\\')) i++;
        if (i >= rest.n) return -1;
        *value = slice_of(rest.p + 1, i - 1);
        i++;
    } else {
        while (i < rest.n && rest.p[i] != ';' && rest.p[i] != ' ' && rest.p[i] != '\t' && rest.p[i] != '"') i++;
        if (i == 0) return -1;
        *value = slice_of(rest.p, i);
    }
    rest = slice_trim(slice_of(rest.p + i, rest.n - i));
    if (rest.n && rest.p[0] != ';') return -1;
    *s = rest.n ? slice_of(rest.p + 1, rest.n - 1) : rest;
    return name->n ? 1 : -1;
}

static struct slice take_type(struct slice *s)
{
    const char *end = memchr(s->p, ';', s->n);
    struct slice type = {s->p, end ? (size_t)(end - s->p) : s->n};
    *s = end ? slice_of(end + 1, s->n - type.n - 1) : slice_of(s->p + s->n, 0);
    return slice_trim(type);
}

static int find_boundary(struct slice content_type, struct slice *boundary, struct err *e)
{
    struct slice name, value;
    int rc;
    if (content_type.n == 0 || !slice_ieq(take_type(&content_type), SLICE("multipart/form-data")))
        return err_set(e, GIFD_EINVALID, "Content-Type is not multipart/form-data");
    *boundary = slice_of(NULL, 0);
    while ((rc = take_parameter(&content_type, &name, &value)) > 0) {
        if (!slice_ieq(name, SLICE("boundary"))) continue;
        if (boundary->p) return err_set(e, GIFD_EINVALID, "multipart/form-data with two boundaries");
        *boundary = value;
    }
    if (rc < 0) return err_set(e, GIFD_EINVALID, "Content-Type is malformed");
    if (boundary->n == 0 || boundary->n > BOUNDARY_MAX)
        return err_set(e, GIFD_EINVALID, "multipart/form-data needs a boundary of 1 to %d characters", BOUNDARY_MAX);
    for (size_t i = 0; i < boundary->n; i++)
        if (!boundary_char(boundary->p[i], i + 1 == boundary->n))
            return err_set(e, GIFD_EINVALID, "the multipart boundary holds a character that it may not");
    return GIFD_OK;
}

struct multipart *multipart_new(struct slice content_type, const struct multipart_events *events, struct err *e)
{
    struct slice boundary = {0};
    if (find_boundary(content_type, &boundary, e) < 0) return NULL;
    struct multipart *m = calloc(1, sizeof *m);
    if (!m) {
        err_set(e, GIFD_ENOMEM, "no memory for a multipart parser");
        return NULL;
    }
    m->on = *events;
    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.p, boundary.n);
    m->delimiter_len = 4 + boundary.n;
    m->matched = 2; /* the first delimiter may stand at the very beginning */
    buf_init(&m->head, MULTIPART_HEAD_MAX);
    return m;
}

void multipart_free(struct multipart *m)
{
    if (!m) return;
    buf_free(&m->head);
    free(m);
}

/* ---- a part's head ---- */

/* Undoes \" and \\, and the %22 of browsers; refuses control bytes and what is not UTF-8. */
static int decode_value(struct slice raw, char *out, struct slice *value, const char *what, struct err *e)
{
    size_t k = 0;
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (c == '\\' && i + 1 < raw.n && (raw.p[i + 1] == '"' || raw.p[i + 1] == '\\'))
            c = raw.p[++i];
        else if (c == '%' && i + 2 < raw.n && raw.p[i + 1] == '2' && raw.p[i + 2] == '2')
            c = '"', i += 2;
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return err_set(e, GIFD_EINVALID, "a control byte in a part's %s", what);
        out[k++] = c;
    }
    *value = slice_of(out, k);
    if (!utf8__valid(*value)) return err_set(e, GIFD_EINVALID, "a part's %s is not UTF-8", what);
    return GIFD_OK;
}

static struct slice last_segment(struct slice s)
{
    size_t i = s.n;
    while (i && s.p[i - 1] != '/' && s.p[i - 1] != '\\') i--;
    return slice_of(s.p + i, s.n - i);
}

static int read_disposition(struct slice v, struct multipart_part *part, char *names, struct err *e)
{
    struct slice name, value;
    bool has_name = false;
    int rc;
    if (!slice_ieq(take_type(&v), SLICE("form-data")))
        return err_set(e, GIFD_EINVALID, "a part's Content-Disposition is not form-data");
    while ((rc = take_parameter(&v, &name, &value)) > 0) {
        if (slice_ieq(name, SLICE("name"))) {
            if (has_name) return err_set(e, GIFD_EINVALID, "a part with two names");
            has_name = true;
            rc = decode_value(value, names, &part->name, "name", e);
            names += value.n;
        } else if (slice_ieq(name, SLICE("filename"))) {
            if (part->has_filename) return err_set(e, GIFD_EINVALID, "a part with two file names");
            part->has_filename = true;
            rc = decode_value(value, names, &part->filename, "file name", e);
            part->filename = last_segment(part->filename);
            names += value.n;
        }
        if (rc < 0) return rc;
    }
    if (rc < 0 || !has_name)
        return err_set(e, GIFD_EINVALID, "a part's Content-Disposition is malformed or has no name");
    return GIFD_OK;
}

static int read_field(struct slice line, struct multipart_part *part, char *names, bool *disposed, struct err *e)
{
    const char *colon = memchr(line.p, ':', line.n);
    if (!colon || colon == line.p || line.p[0] == ' ' || line.p[0] == '\t' || colon[-1] == ' ' || colon[-1] == '\t')
        return err_set(e, GIFD_EINVALID, "a malformed header line in a part");
    struct slice name = {line.p, (size_t)(colon - line.p)};
    struct slice value = slice_trim(slice_of(colon + 1, line.n - name.n - 1));
    if (slice_ieq(name, SLICE("Content-Disposition"))) {
        if (*disposed) return err_set(e, GIFD_EINVALID, "a part with two Content-Disposition lines");
        *disposed = true;
        return read_disposition(value, part, names, e);
    }
    if (slice_ieq(name, SLICE("Content-Type"))) {
        if (part->type.n) return err_set(e, GIFD_EINVALID, "a part with two Content-Type lines");
        part->type = value;
    }
    if (slice_ieq(name, SLICE("Content-Transfer-Encoding")) && !slice_ieq(value, SLICE("binary")) &&
        !slice_ieq(value, SLICE("8bit")) && !slice_ieq(value, SLICE("7bit")))
        return err_set(e, GIFD_EINVALID, "a part with a Content-Transfer-Encoding, which RFC 7578 has done away with");
    return GIFD_OK;
}

static int begin_part(struct multipart *m, struct err *e)
{
    struct multipart_part part = {.name = {"", 0}, .filename = {"", 0}, .type = {"", 0}};
    char names[MULTIPART_HEAD_MAX];
    bool disposed = false;
    struct slice text = {m->head.p, m->head.n - 2}; /* without the empty line */
    if (++m->parts > MULTIPART_PARTS_MAX) return err_set(e, GIFD_ETOOBIG, "more than %d parts", MULTIPART_PARTS_MAX);
    while (text.n) {
        const char *cr = memchr(text.p, '\r', text.n);
        struct slice line = {text.p, (size_t)(cr - text.p)};
        int rc = read_field(line, &part, names, &disposed, e);
        if (rc < 0) return rc;
        text = slice_of(cr + 2, text.n - line.n - 2);
    }
    if (!disposed) return err_set(e, GIFD_EINVALID, "a part without Content-Disposition");
    m->state = BODY;
    m->matched = 0;
    return m->on.begin ? m->on.begin(m->on.to, &part, e) : GIFD_OK;
}

/* ---- feeding ---- */

static int take_head(struct multipart *m, char c, struct err *e)
{
    struct buf *h = &m->head;
    bool after_cr = h->n && h->p[h->n - 1] == '\r';
    if (after_cr != (c == '\n') || (c == '\n' && !after_cr))
        return err_set(e, GIFD_EINVALID, "a line in a part's head does not end in CR LF");
    if (((unsigned char)c < 0x20 && c != '\r' && c != '\n' && c != '\t') || c == 0x7f)
        return err_set(e, GIFD_EINVALID, "a control byte in a part's head");
    if (buf_append(h, &c, 1, NULL) < 0)
        return err_set(e, GIFD_ETOOBIG, "a part's head is larger than %d bytes", MULTIPART_HEAD_MAX);
    bool whole = c == '\n' && (h->n == 2 || (h->n >= 4 && h->p[h->n - 4] == '\r' && h->p[h->n - 3] == '\n'));
    return whole ? begin_part(m, e) : GIFD_OK;
}

static int emit(struct multipart *m, const void *p, size_t n, struct err *e)
{
    if (n == 0) return GIFD_OK;
    if (m->state == PREAMBLE) {
        m->outside += n;
        return m->outside > OUTSIDE_MAX
                   ? err_set(e, GIFD_ETOOBIG, "more than %d bytes before the first part", OUTSIDE_MAX)
                   : GIFD_OK;
    }
    int rc = m->on.data ? m->on.data(m->on.to, p, n, e) : GIFD_OK;
    if (rc == BODY_PAUSE) m->paused = true;
    return rc < 0 ? rc : GIFD_OK;
}

static int end_of_data(struct multipart *m, struct err *e)
{
    bool body = m->state == BODY;
    m->state = MARK;
    m->mark = 0;
    m->matched = 0;
    return body && m->on.end ? m->on.end(m->on.to, e) : GIFD_OK;
}

/* Data, up to and including a delimiter. Returns the bytes used, or a negative code. */
static ptrdiff_t take_data(struct multipart *m, const char *p, size_t n, struct err *e)
{
    size_t i = 0;
    int rc;
    while (i < n) {
        if (m->matched == 0) {
            const char *cr = memchr(p + i, '\r', n - i);
            size_t run = cr ? (size_t)(cr - p) - i : n - i;
            if ((rc = emit(m, p + i, run, e)) < 0) return rc;
            i += run;
            if (!cr) break;
        }
        if (p[i] == m->delimiter[m->matched]) {
            i++;
            if (++m->matched == m->delimiter_len) return (rc = end_of_data(m, e)) < 0 ? rc : (ptrdiff_t)i;
        } else {
            size_t held = m->matched;
            m->matched = 0;
            if ((rc = emit(m, m->delimiter, held, e)) < 0) return rc;
        }
    }
    return (ptrdiff_t)i;
}

static int take_mark(struct multipart *m, char c, struct err *e)
{
    if (!m->mark) {
        m->mark = c;
        return c == '\r' || c == '-' ? GIFD_OK : err_set(e, GIFD_EINVALID, "bytes behind a boundary");
    }
    if (c != (m->mark == '\r' ? '\n' : '-')) return err_set(e, GIFD_EINVALID, "bytes behind a boundary");
    m->state = m->mark == '\r' ? HEAD : EPILOGUE;
    m->outside = 0;
    buf_reset(&m->head);
    return GIFD_OK;
}

static int feed(struct multipart *m, const char *p, size_t n, struct err *e)
{
    size_t i = 0;
    while (i < n) {
        int rc = GIFD_OK;
        if (m->state == PREAMBLE || m->state == BODY) {
            ptrdiff_t used = take_data(m, p + i, n - i, e);
            if (used < 0) return (int)used;
            i += (size_t)used;
        } else if (m->state == MARK) {
            rc = take_mark(m, p[i++], e);
        } else if (m->state == HEAD) {
            rc = take_head(m, p[i++], e);
        } else {
            m->outside += n - i;
            i = n;
            if (m->outside > OUTSIDE_MAX)
                rc = err_set(e, GIFD_ETOOBIG, "more than %d bytes behind the last part", OUTSIDE_MAX);
        }
        if (rc < 0) return rc;
    }
    return GIFD_OK;
}

int multipart_feed(struct multipart *m, const uint8_t *bytes, size_t n, struct err *e)
{
    if (m->failed) return err_set(e, m->failed, "the multipart body failed before");
    m->paused = false;
    int rc = feed(m, (const char *)bytes, n, e);
    if (rc < 0) m->failed = rc;
    return rc < 0 ? rc : m->paused ? BODY_PAUSE : GIFD_OK;
}

int multipart_finish(struct multipart *m, struct err *e)
{
    if (m->failed) return err_set(e, m->failed, "the multipart body failed before");
    if (m->state != EPILOGUE) return err_set(e, GIFD_EINVALID, "the multipart body ends before its final boundary");
    return GIFD_OK;
}
