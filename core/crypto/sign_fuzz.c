/* sign_fuzz.c: any target is judged without harm and none is valid by chance; whatever sign_url makes is valid, for its
 * own path alone. */
#include "crypto/sign.h"

#include <stdlib.h>

#define NOW 1800000000

static struct sign_keys *keys;
static struct buf out;

static void made_and_asked(struct slice path, struct slice name, struct slice value)
{
    struct sign_param param = {name, value};
    if (sign_url(keys, path, SLICE(""), NOW + 1, &param, 1, &out, NULL) < 0) return;
    struct slice url = buf_slice(&out);
    if (sign_check(keys, url, NOW, NULL) != SIGN_VALID) abort();
    if (sign_check(keys, url, NOW + 1, NULL) != SIGN_EXPIRED) abort();
    out.p[url.n - 1] = out.p[url.n - 1] == 'A' ? 'E' : 'A';
    if (sign_check(keys, url, NOW, NULL) != SIGN_SIGNATURE_INVALID) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!keys) {
        keys = sign_keys_new();
        buf_init(&out, SIGN_URL_MAX);
        if (!keys || sign_keys_add(keys, SLICE("k1"), SLICE("gifd-test-secret"), true, NULL) < 0) abort();
    }
    char *own = malloc(size + 1);
    memcpy(own, data, size);
    if (sign_check(keys, slice_of(own, size), NOW, NULL) == SIGN_VALID) abort();
    size_t third = size / 3;
    made_and_asked(slice_of(own, third), slice_of(own + third, third), slice_of(own + 2 * third, size - 2 * third));
    made_and_asked(slice_of(own, third), SLICE("prefix"), slice_of(own + third, third));
    free(own);
    return 0;
}
