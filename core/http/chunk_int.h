/* chunk_int.h: the chunked coding (RFC 9112 7.1), taken off strictly as it arrives.
 *
 *   SIZE [";" NAME ["=" VALUE]]... CRLF  data  CRLF ... 0 CRLF   trailer section, which is the caller's
 *
 * No white space in the line, CR LF only, at most 16 digits and 256 bytes of extensions, which are checked and dropped.
 * llhttp 8.1 does not know quoted extension values, and lets a bare line feed end a trailer: hence our own. */
#ifndef GIFD_HTTP_CHUNK_INT_H
#define GIFD_HTTP_CHUNK_INT_H

#include "base/slice.h"

#include <stdint.h>

#define CHUNK_EXTENSION_MAX 256

struct chunks { /* the zero value begins a body */
    unsigned char state;
    bool last; /* the last chunk's line was read: a trailer section follows */
    unsigned digits, extension;
    uint64_t left; /* of the chunk's data */
};

/* Looks at the next bytes: the number that the coding itself used up is returned (-1: malformed), and what follows them
 * is `*data` bytes of the body (0 when there are none yet). */
ptrdiff_t chunk__next(struct chunks *c, const char *p, size_t n, size_t *data);

#endif
