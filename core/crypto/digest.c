/* digest.c: SHA-256. See crypto.h. Digests are made on EVP with the algorithm fetched once per process; libcrypto
 * cannot fail here short of memory, and then the process ends rather than answer with a wrong digest. */
#include "crypto/crypto.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

static EVP_MD *algorithm;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!algorithm) abort();
}

struct sha256 *sha256_new(void)
{
    pthread_once(&once, fetch);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx && EVP_DigestInit_ex2(ctx, algorithm, NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        ctx = NULL;
    }
    return (struct sha256 *)ctx;
}

void sha256_update(struct sha256 *d, const void *p, size_t n)
{
    if (n && EVP_DigestUpdate((EVP_MD_CTX *)d, p, n) != 1) abort();
}

void sha256_final(struct sha256 *d, uint8_t out[SHA256_LEN])
{
    unsigned n = 0;
    if (EVP_DigestFinal_ex((EVP_MD_CTX *)d, out, &n) != 1 || n != SHA256_LEN) abort();
}

void sha256_free(struct sha256 *d)
{
    EVP_MD_CTX_free((EVP_MD_CTX *)d);
}

void sha256_of(const void *p, size_t n, uint8_t out[SHA256_LEN])
{
    pthread_once(&once, fetch);
    if (EVP_Digest(n ? p : "", n, out, NULL, algorithm, NULL) != 1) abort();
}
