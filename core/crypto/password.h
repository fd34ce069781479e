/* password.h: passwords kept as what scrypt (RFC 7914) makes of them, in the form
 *
 *   $scrypt$ln=15,r=8,p=3$SALT$HASH      both in base64 without padding
 *
 * One derivation takes 32 MiB and some 200 ms on purpose: not on a loop. Any thread. */
#ifndef GIFD_CRYPTO_PASSWORD_H
#define GIFD_CRYPTO_PASSWORD_H

#include "base/err.h"
#include "base/slice.h"

#define PASSWORD_MAX 1024
#define PASSWORD_KEPT_MAX 192 /* with its NUL */

int password_hash(struct slice password, char out[PASSWORD_KEPT_MAX], struct err *e);
/* GIFD_EINVALID when `kept` is not of that form, or asks for more than 64 MiB or four times the work of ours. */
int password_check(struct slice password, struct slice kept, bool *right, struct err *e);

#endif
