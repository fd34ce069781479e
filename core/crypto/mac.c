/* mac.c: HMAC-SHA-256 (RFC 2104) and comparison in constant time. See crypto.h.
 *
 * By libcrypto's SHA256_ functions, which stay for exactly this (sign.c): EVP_Q_mac looks its method up and allocates
 * each time, which is most of what the MAC of a short message costs. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

void hmac_sha256(struct slice key, struct slice message, uint8_t out[SHA256_LEN])
{
    uint8_t block[SHA256_CBLOCK] = {0};
    SHA256_CTX c;
    if (key.n > sizeof block)
        sha256_of(key.p, key.n, block);
    else if (key.n)
        memcpy(block, key.p, key.n);
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36;
    SHA256_Init(&c);
    SHA256_Update(&c, block, sizeof block);
    if (message.n) SHA256_Update(&c, message.p, message.n);
    SHA256_Final(out, &c);
    for (size_t i = 0; i < sizeof block; i++) block[i] ^= 0x36 ^ 0x5c;
    SHA256_Init(&c);
    SHA256_Update(&c, block, sizeof block);
    SHA256_Update(&c, out, SHA256_LEN);
    SHA256_Final(out, &c);
    OPENSSL_cleanse(block, sizeof block);
    OPENSSL_cleanse(&c, sizeof c);
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return n == 0 || CRYPTO_memcmp(a, b, n) == 0;
}
