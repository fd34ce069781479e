/* framing.c: see framing_int.h. The only file that includes llhttp.h. */
#include "http/framing_int.h"

#include <llhttp.h>

_Static_assert(sizeof(llhttp_t) <= sizeof((struct framing *)0)->parser, "room for llhttp's parser");

static llhttp_t *parser_of(struct framing *f)
{
    return (llhttp_t *)(void *)f->parser;
}

static int on_headers_complete(llhttp_t *p)
{
    (void)p;
    return HPE_PAUSED;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
    struct framing *f = p->data;
    return f->body(f->to, at, n) ? HPE_PAUSED : 0;
}

static int on_extension(llhttp_t *p, const char *at, size_t n)
{
    struct framing *f = p->data;
    (void)at;
    f->extension += n;
    return f->extension > FRAMING_EXTENSION_MAX ? HPE_USER : 0;
}

static int on_chunk_header(llhttp_t *p)
{
    struct framing *f = p->data;
    f->extension = 0;
    f->last = p->content_length == 0;
    return f->last ? HPE_PAUSED : 0;
}

static const llhttp_settings_t settings = {
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_header = on_chunk_header,
    .on_chunk_extension_name = on_extension,
    .on_chunk_extension_value = on_extension,
};

int framing__head(struct framing *f, struct slice head, struct framing_head *out)
{
    llhttp_t *p = parser_of(f);
    llhttp_init(p, HTTP_REQUEST, &settings);
    p->data = f;
    f->extension = 0;
    f->last = false;
    if (llhttp_execute(p, head.p, head.n) != HPE_PAUSED || llhttp_get_error_pos(p) != head.p + head.n) return -1;
    llhttp_resume(p);
    p->upgrade = 0; /* an Upgrade that nobody follows must not end the message */
    *out = (struct framing_head){
        .method = llhttp_method_name((llhttp_method_t)p->method),
        .minor = p->http_major == 1 ? p->http_minor : -1,
        .chunked = p->flags & F_CHUNKED,
        .has_length = p->flags & F_CONTENT_LENGTH,
        .length = p->content_length,
    };
    return 0;
}

ptrdiff_t framing__chunks(struct framing *f, const char *p, size_t n)
{
    llhttp_t *parser = parser_of(f);
    llhttp_errno_t rc = llhttp_execute(parser, p, n);
    if (rc == HPE_OK) return (ptrdiff_t)n;
    if (rc != HPE_PAUSED) return -1;
    ptrdiff_t used = llhttp_get_error_pos(parser) - p;
    llhttp_resume(parser);
    return used;
}
