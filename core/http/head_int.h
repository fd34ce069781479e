/* head_int.h: the raw head of an HTTP/1 request, read strictly and only once.
 *
 *   bytes --head__scan, as they arrive--> whole head --head__parse--> struct head --h1.c: llhttp must agree--> request
 *
 * The rule of the house (RFC 9112 section 2.2 and 11.2): what two parsers could read in two ways is refused, never
 * repaired. Lines end in CR LF and nothing else; no other control byte but HTAB in a value; names are tokens directly
 * followed by a colon; no folded lines; one Host of valid syntax; one Content-Length of digits, or one
 * Transfer-Encoding that says "chunked", never both. Borrows all bytes. Any thread. */
#ifndef GIFD_HTTP_HEAD_INT_H
#define GIFD_HTTP_HEAD_INT_H

#include "http/server.h"

/* Why a head is refused; status 0 is "it is not". */
struct refusal {
    int status;
    const char *code;   /* of the problem reply */
    const char *detail; /* static text */
};

/* How far the search for the end of a head or of a trailer section has come. The zero value begins a head. */
struct head_scan {
    size_t at, line; /* next byte to look at; where the current line begins */
    size_t start;    /* where the head begins: 2 after an empty line, which RFC 9112 2.2 lets a client send */
    uint32_t lines;  /* complete ones */
    bool trailer;    /* a trailer section: may be empty */
};

/* Looks at the bytes since the last call. Returns the length up to and including the empty line, 0 when more is needed,
 * -1 when it is refused. Each byte is looked at once, however small the pieces are. */
ptrdiff_t head__scan(struct head_scan *s, const char *p, size_t n, const struct http_limits *l, struct refusal *why);

struct head {
    enum http_method method;
    struct slice target, path, query, host; /* path and query raw */
    bool asterisk;                          /* OPTIONS * */
    bool minor_zero, keep_alive, chunked, expect_continue;
    int64_t content_length; /* -1: none */
    struct slice request_id;
    size_t header_count;
};

/* Reads a whole head of n bytes (without the leading empty line) that head__scan has passed. `headers` has room for
 * every line. Returns 0, or -1 with `why`. */
int head__parse(struct slice text, const struct http_limits *l, struct head *h, struct http_header *headers,
                struct refusal *why);

/* Field lines alone, such as a trailer section: 0, or -1 with `why`. */
int head__fields(struct slice text, struct http_header *headers, size_t *count, struct refusal *why);

bool head__host_valid(struct slice host); /* uri-host [":" port] of RFC 9110 7.2; see head.c for what is narrower */
bool head__is_token(struct slice s);      /* RFC 9110 5.6.2 */

#endif
