/* multipart.h: multipart/form-data (RFC 7578), parsed as it arrives, nothing held but one part header and one boundary.
 *
 * Feed it bytes of any split; it calls back with parts. Strict: CRLF only, the final boundary must come, preamble and
 * epilogue are ignored up to a limit. Errors: GIFD_EINVALID (malformed; the text says what), GIFD_ETOOBIG (names the
 * limit), or what a callback returned. */
#ifndef GIFD_HTTP_MULTIPART_H
#define GIFD_HTTP_MULTIPART_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define MULTIPART_PARTS_MAX 256
#define MULTIPART_HEAD_MAX 8192

struct multipart_part {
    struct slice name; /* of Content-Disposition, decoded */
    bool has_filename;
    struct slice filename; /* last path segment only; "" when absent */
    struct slice type;     /* Content-Type, or "" */
};

struct multipart_events {
    void *to;
    int (*begin)(void *to, const struct multipart_part *part, struct err *e); /* slices valid during the call */
    int (*data)(void *to, const uint8_t *bytes, size_t n, struct err *e);     /* may return BODY_PAUSE */
    int (*end)(void *to, struct err *e);
};

struct multipart;
/* From a Content-Type value. NULL with GIFD_EINVALID when it is not multipart/form-data with a valid boundary. */
struct multipart *multipart_new(struct slice content_type, const struct multipart_events *events, struct err *e);
int multipart_feed(struct multipart *m, const uint8_t *bytes, size_t n,
                   struct err *e);                        /* 0, BODY_PAUSE (1) or negative */
int multipart_finish(struct multipart *m, struct err *e); /* GIFD_EINVALID when the final boundary is missing */
void multipart_free(struct multipart *m);

#endif
