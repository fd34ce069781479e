/* sign.h: URLs that carry their own permission. Whoever has one may fetch it until it expires.
 *
 *   /media/42.mp4?expires=1893456000&kid=k1&signature=PXA8...
 *
 * What is signed (HMAC-SHA-256, RFC 2104; the result in base64url without padding, RFC 4648 section 5):
 *
 *   "GET\n" PATH "?" all parameters but `signature`, in the bytewise order of their names, joined by "&"
 *
 * Path and parameters are taken exactly as sent, percent escapes included. Scheme and host are not signed. HEAD is
 * asked for with the signature of GET. `expires` is in Unix seconds: from that second on the URL is over. `kid` names
 * the key.
 *
 * A whole subtree is signed with a parameter `prefix=/media/42`: PATH is then the prefix's value, and the URL is good
 * for every path that is the prefix, or goes on after it with "/" or ".". A prefix has two segments at least and no
 * slash at its end; it and the path must be spelled plainly (unreserved characters and "/", no empty and no dot
 * segment), so that no two readers of the path can differ.
 *
 * No parameter may come twice, however its name is spelled: who reads the last one and who reads the first one would
 * differ. Keys are precomputed once and then only read: any thread. */
#ifndef GIFD_CRYPTO_SIGN_H
#define GIFD_CRYPTO_SIGN_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define SIGN_KEYS_MAX 16
#define SIGN_KID_MAX 32 /* of a-zA-Z0-9_- */
#define SIGN_SECRET_MIN 16
#define SIGN_SECRET_MAX 256
#define SIGN_PARAMS_MAX 32
#define SIGN_URL_MAX 8192

struct sign_keys; /* one of them signs, all of them verify */
struct sign_keys *sign_keys_new(void);
void sign_keys_free(struct sign_keys *k); /* forgets the secrets */
/* GIFD_EINVALID: malformed; GIFD_ECONFLICT: the kid is there, or two keys sign; GIFD_ETOOBIG: SIGN_KEYS_MAX are there.
 */
int sign_keys_add(struct sign_keys *k, struct slice kid, struct slice secret, bool signing, struct err *e);

struct sign_param {
    struct slice name, value; /* as they are meant: sign_url escapes them */
};

/* Writes "PATH?...&signature=..." into out. path: as it will be sent. kid: "" for the key that signs. Names that the
 * signature itself uses are refused, but `prefix`. GIFD_ENOTFOUND: there is no such key. */
int sign_url(const struct sign_keys *k, struct slice path, struct slice kid, int64_t expires,
             const struct sign_param *params, size_t count, struct buf *out, struct err *e);

/* In the order in which they are judged: what is not authentic is never told that it has expired. */
enum sign_finding {
    SIGN_VALID,
    SIGN_UNSIGNED,      /* none of expires, kid and signature is there: the URL does not claim anything */
    SIGN_URL_MALFORMED, /* a parameter twice, a broken escape, no number, a prefix that does not hold, ... */
    SIGN_SIGNATURE_MISSING,
    SIGN_EXPIRATION_MISSING,
    SIGN_SIGNATURE_INVALID, /* also an unknown, a revoked and a missing key */
    SIGN_EXPIRED,
};

struct sign_claims { /* of a valid URL; slices of its target */
    int64_t expires;
    struct slice kid, prefix;
};

/* target: as sent, in origin form or absolute. claims: NULL, or filled in when SIGN_VALID. Allocates nothing. */
enum sign_finding sign_check(const struct sign_keys *k, struct slice target, int64_t now, struct sign_claims *claims);
const char *sign_finding_name(enum sign_finding v); /* "signature_invalid"; "signature_missing" for SIGN_UNSIGNED */

#endif
