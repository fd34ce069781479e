/* mac.c: HMAC-SHA-256 (RFC 2104) and comparison in constant time. See crypto.h. */
#include "crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

void hmac_sha256(struct slice key, struct slice message, uint8_t out[SHA256_LEN])
{
    size_t n = 0;
    if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key.n ? key.p : "", key.n,
                   (const unsigned char *)(message.n ? message.p : ""), message.n, out, SHA256_LEN, &n) ||
        n != SHA256_LEN)
        abort();
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return n == 0 || CRYPTO_memcmp(a, b, n) == 0;
}
