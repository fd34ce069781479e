/* forwarded_fuzz.c: any bytes as what proxies say: the first byte picks the field of each line. Whoever is named must
 * be the peer, or an address that stands in the text; of a stranger nothing may be believed. PROXY headers beside it.
 */
#include "http/forwarded_int.h"
#include "http/head_int.h"
#include "http/proxy_int.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_proxy(const char *p, size_t n)
{
    struct proxy said, split;
    const char *why;
    ptrdiff_t whole = proxy__read(p, n, &said, &why);
    if (whole > (ptrdiff_t)n || whole > PROXY_V2_MAX) abort();
    if (n == 0) return;
    ptrdiff_t part = proxy__read(p, n - 1, &split, &why);
    if (whole > 0 && (size_t)whole < n && part != whole) abort();
    if (part < 0 && whole >= 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct slice names[] = {SLICE("Forwarded"), SLICE("X-Forwarded-For"), SLICE("X-Forwarded-Proto"),
                                         SLICE("X-Forwarded-Host")};
    struct http_header headers[64];
    struct cidr_list trusted = {0};
    struct ip peer, stranger;
    struct forwarded f;
    size_t count = 0;
    const char *p = (const char *)data, *end = p + size;
    check_proxy(p, size);
    cidr_list_add(&trusted, SLICE("10.0.0.0/8"), NULL);
    cidr_list_add(&trusted, SLICE("fd00::/8"), NULL);
    ip_parse(SLICE("10.0.0.1"), &peer);
    ip_parse(SLICE("203.0.113.1"), &stranger);
    while (p < end && count < 64) {
        const char *line = memchr(p, '\n', (size_t)(end - p));
        if (!line) line = end;
        if (line > p) {
            struct slice value = slice_trim(slice_of(p + 1, (size_t)(line - p) - 1));
            headers[count++] = (struct http_header){names[(uint8_t)*p % 4], value};
        }
        p = line + 1;
    }
    forwarded__read(&trusted, &stranger, headers, count, &f);
    if (!ip_eq(&f.client, &stranger) || f.scheme || f.host.n) abort();
    forwarded__read(&trusted, &peer, headers, count, &f);
    if (f.host.n && !head__host_valid(f.host)) abort();
    if (f.scheme && strcmp(f.scheme, "http") != 0 && strcmp(f.scheme, "https") != 0) abort();
    /* Without a field that names addresses there is no other client than the peer. */
    bool named = false;
    for (size_t i = 0; i < count; i++) named |= headers[i].name.n == 9 || headers[i].name.n == 15;
    if (!named && !ip_eq(&f.client, &peer)) abort();
    struct cidr c;
    cidr_parse(slice_of((const char *)data, size), &c, NULL);
    return 0;
}
