/* redact.c: see redact.h. A row of texts that only grows; a slot is filled with one that is whole. */
#include "base/redact.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct word {
    size_t n;
    char p[];
};

static _Atomic(struct word *) words[REDACT_MAX];
static size_t added;

static bool known(struct slice s)
{
    for (size_t i = 0; i < added; i++) {
        const struct word *w = atomic_load(&words[i]);
        if (w->n == s.n && memcmp(w->p, s.p, s.n) == 0) return true;
    }
    return false;
}

static int add(struct slice s, struct err *e)
{
    if (s.n < REDACT_MIN || known(s)) return GIFD_OK;
    if (added == REDACT_MAX)
        return err_set(e, GIFD_ETOOBIG, "more than %d secrets since this process began", REDACT_MAX);
    struct word *w = malloc(sizeof *w + s.n);
    if (!w) return err_set(e, GIFD_ENOMEM, "a secret");
    w->n = s.n;
    memcpy(w->p, s.p, s.n);
    atomic_store(&words[added++], w);
    return GIFD_OK;
}

static int put_in_url(struct buf *out, unsigned char c)
{
    static const char digits[] = "0123456789ABCDEF";
    char hex[3] = {'%', digits[c >> 4], digits[c & 15]};
    return isalnum(c) || strchr("-._~", c) ? buf_append(out, &c, 1, NULL) : buf_append(out, hex, 3, NULL);
}

static int put_in_quotes(struct buf *out, unsigned char c)
{
    if (c == '\n') return buf_puts(out, "\\n", NULL);
    if (c == '"' || c == '\\') buf_puts(out, "\\", NULL);
    return buf_append(out, &c, 1, NULL);
}

static int add_as(struct slice secret, int (*put)(struct buf *, unsigned char), struct err *e)
{
    struct buf written;
    int rc = GIFD_OK;
    buf_init(&written, 3 * secret.n + 1);
    for (size_t i = 0; rc == GIFD_OK && i < secret.n; i++) rc = put(&written, (unsigned char)secret.p[i]);
    rc = rc < 0 ? err_set(e, rc, "a secret") : add(buf_slice(&written), e);
    buf_free(&written);
    return rc;
}

int redact_add(struct slice secret, struct err *e)
{
    int rc = add(secret, e);
    if (rc == GIFD_OK) rc = add_as(secret, put_in_url, e);
    if (rc == GIFD_OK) rc = add_as(secret, put_in_quotes, e);
    return rc;
}

static size_t letters(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && (isalnum((unsigned char)p[i]) || strchr("-_.~+/=", p[i])) && p[i]) i++;
    return i;
}

/* A token by its looks; n when there is none. */
static size_t token_find(const char *p, size_t n, size_t *length)
{
    static const struct form {
        const char *before;
        size_t n, kept, least;
    } forms[] = {
        {REDACT_TOKEN, sizeof REDACT_TOKEN - 1, 0, REDACT_TOKEN_MIN}, {"Bearer ", 7, 7, 8}, {"Basic ", 6, 6, 8}};
    size_t first = n;
    *length = 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct form *f = &forms[i];
        const char *end = p + first;
        for (const char *at = p; (at = memmem(at, (size_t)(end - at), f->before, f->n)); at++) {
            size_t from = (size_t)(at - p) + f->n, secret = letters(p + from, n - from);
            if (secret < f->least) continue;
            first = (size_t)(at - p) + f->kept;
            *length = f->n - f->kept + secret;
            break;
        }
    }
    return first;
}

size_t redact_find(const char *p, size_t n, size_t *length)
{
    size_t first = token_find(p, n, length);
    for (size_t i = 0; i < REDACT_MAX; i++) {
        const struct word *w = atomic_load(&words[i]);
        if (!w) break;
        const char *at = memmem(p, n, w->p, w->n);
        size_t offset = at ? (size_t)(at - p) : n;
        if (offset > first || offset == n || (offset == first && w->n < *length)) continue;
        first = offset;
        *length = w->n;
    }
    return first;
}

int redact_text(struct slice text, struct buf *out, struct err *e)
{
    size_t length;
    int rc = GIFD_OK;
    while (rc == GIFD_OK && text.n) {
        size_t at = redact_find(text.p, text.n, &length);
        rc = buf_append(out, text.p, at, e);
        if (rc == GIFD_OK && length) rc = buf_puts(out, REDACT_MARK, e);
        text = slice_of(text.p + at + length, text.n - at - length);
    }
    return rc;
}
