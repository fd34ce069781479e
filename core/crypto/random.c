/* random.c: randomness straight from the kernel: safe across fork, nothing to seed, nothing to share. See crypto.h. */
#include "crypto/crypto.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void crypto_random(void *out, size_t n)
{
    uint8_t *p = out;
    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) abort();
        p += got;
        n -= (size_t)got;
    }
}

void crypto_code(char *out, size_t n)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const unsigned count = sizeof alphabet - 1, fair = 256 / count * count; /* bytes from `fair` up would favour some */
    uint8_t bytes[64];
    size_t at = sizeof bytes;
    for (size_t i = 0; i < n;) {
        if (at == sizeof bytes) {
            crypto_random(bytes, sizeof bytes);
            at = 0;
        }
        uint8_t byte = bytes[at++];
        if (byte < fair) out[i++] = alphabet[byte % count];
    }
    out[n] = 0;
}
