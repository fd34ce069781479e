/* jwt.h: JSON Web Tokens in their compact form (RFC 7519, RFC 7515 section 3.1), signed and verified.
 *
 * The caller says which algorithm it expects; a token that names another, or none, is refused, whatever its key. Keys:
 *
 *   HS256  the secret, 16 bytes at least                         RS256  RSA of 2048 to 8192 bits, "BEGIN PUBLIC KEY"
 *   EdDSA  32 bytes (Ed25519), or the same in that form          ES256  P-256 in that form
 *
 * What the claims say (expiry, audience) is for the caller to judge. Any thread. */
#ifndef GIFD_CRYPTO_JWT_H
#define GIFD_CRYPTO_JWT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#define JWT_TOKEN_MAX (16 * 1024)
#define JWT_KEY_MAX (8 * 1024)

enum jwt_algorithm { JWT_HS256 = 1, JWT_RS256, JWT_ES256, JWT_EDDSA };

enum jwt_algorithm jwt_algorithm(struct slice name); /* of "RS256"; 0: none of these */
/* Appends the claims (JSON text as it was sent, not parsed yet) to out. GIFD_EINVALID: no such token, or a key of
 * another kind; GIFD_EDENIED: not of this algorithm, not signed by this key, or with a header that must be understood
 * ("crit"). */
int jwt_verify(struct slice token, enum jwt_algorithm algorithm, struct slice key, struct buf *out, struct err *e);
/* HS256. Appends the token to out; claims is JSON text. */
int jwt_sign(struct slice claims, struct slice secret, struct buf *out, struct err *e);

/* RFC 8032. False for a key or signature of another length, too. */
bool ed25519_verify(struct slice key, struct slice message, struct slice signature);

#endif
