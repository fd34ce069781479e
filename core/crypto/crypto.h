/* crypto.h: digests, MACs, randomness and encodings, by OpenSSL's libcrypto. Any thread, unless an object is shared. */
#ifndef GIFD_CRYPTO_CRYPTO_H
#define GIFD_CRYPTO_CRYPTO_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define SHA256_LEN 32
#define SHA256_HEX 64

struct sha256;                   /* a running digest */
struct sha256 *sha256_new(void); /* NULL without memory */
void sha256_update(struct sha256 *d, const void *p, size_t n);
void sha256_final(struct sha256 *d, uint8_t out[SHA256_LEN]); /* then only free */
void sha256_free(struct sha256 *d);
void sha256_of(const void *p, size_t n, uint8_t out[SHA256_LEN]);

void hmac_sha256(struct slice key, struct slice message, uint8_t out[SHA256_LEN]);
bool crypto_equal(const void *a, const void *b, size_t n); /* constant time */
void crypto_random(void *out, size_t n);                   /* aborts the process if the system has none to give */
/* n characters of a-zA-Z0-9, uniform, and a NUL. */
void crypto_code(char *out, size_t n);

void hex_encode(const uint8_t *p, size_t n, char *out); /* 2n characters and a NUL */
int hex_decode(struct slice s, uint8_t *out, size_t cap, size_t *n, struct err *e);
/* No padding, NUL-terminated. Returns the length, or 0 when cap is too small for it and the NUL. */
size_t base64url_encode(const uint8_t *p, size_t n, char *out, size_t cap);
size_t base64_encode(const uint8_t *p, size_t n, char *out, size_t cap); /* the same, padded, of section 4 */
int base64url_decode(struct slice s, uint8_t *out, size_t cap, size_t *n, struct err *e); /* strict, no padding */

#endif
