/* redact.h: texts that may not be told: secrets of the configuration that this process holds.
 *
 * Whatever is written for people to read (log.h does it by itself) is looked through for them first, and *** stands in
 * their place. They are known as they are, as they stand in a URL, and between quotes with escapes. Remembered until
 * the process ends, since what was a secret yesterday still is one. Tokens are known by their looks: REDACT_TOKEN and
 * what follows it, and what stands behind "Bearer " or "Basic ". Adding is for one thread, looking for any. */
#ifndef GIFD_BASE_REDACT_H
#define GIFD_BASE_REDACT_H

#include "base/buf.h"
#include "base/slice.h"

#define REDACT_MIN 4         /* bytes; shorter ones are words of everybody */
#define REDACT_MAX 4096      /* forms of texts; beyond it none can be added */
#define REDACT_TOKEN "gifd_" /* and REDACT_TOKEN_MIN letters of base64url or more */
#define REDACT_TOKEN_MIN 40
#define REDACT_MARK "***" /* what is told instead */

/* Copied. GIFD_ETOOBIG: there is no room, so that the secret must not be used. */
int redact_add(struct slice secret, struct err *e);
/* Where the first of them begins in p[0..n), and how long it is; n when there is none. */
size_t redact_find(const char *p, size_t n, size_t *length);
/* The text without them, added to out. */
int redact_text(struct slice text, struct buf *out, struct err *e);

#endif
