/* framing.c: see framing_int.h. The only file that includes llhttp.h. */
#include "http/framing_int.h"

#include <llhttp.h>

static int on_headers_complete(llhttp_t *p)
{
    (void)p;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {.on_headers_complete = on_headers_complete};

int framing__read(struct slice head, struct framing *out)
{
    llhttp_t p;
    llhttp_init(&p, HTTP_REQUEST, &settings);
    if (llhttp_execute(&p, head.p, head.n) != HPE_PAUSED || llhttp_get_error_pos(&p) != head.p + head.n) return -1;
    *out = (struct framing){
        .method = llhttp_method_name((llhttp_method_t)p.method),
        .minor = p.http_major == 1 ? p.http_minor : -1,
        .chunked = p.flags & F_CHUNKED,
        .has_length = p.flags & F_CONTENT_LENGTH,
        .length = p.content_length,
    };
    return 0;
}
