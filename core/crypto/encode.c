/* encode.c: hexadecimal, base64 and base64url (RFC 4648 sections 8, 4 and 5). Decoders are strict: one text for one
 * value. */
#include "crypto/crypto.h"

static const char hex_digits[] = "0123456789abcdef";
static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hex_encode(const uint8_t *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = hex_digits[p[i] >> 4];
        out[2 * i + 1] = hex_digits[p[i] & 15];
    }
    out[2 * n] = 0;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int hex_decode(struct slice s, uint8_t *out, size_t cap, size_t *n, struct err *e)
{
    if (s.n % 2) return err_set(e, GIFD_EINVALID, "hexadecimal text of odd length");
    if (s.n / 2 > cap) return err_set(e, GIFD_ETOOBIG, "hexadecimal text of more than %zu bytes", cap);
    for (size_t i = 0; i < s.n / 2; i++) {
        int high = hex_value(s.p[2 * i]), low = hex_value(s.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return err_set(e, GIFD_EINVALID, "not a hexadecimal digit at character %zu", 2 * i + 1);
        out[i] = (uint8_t)(high << 4 | low);
    }
    *n = s.n / 2;
    return GIFD_OK;
}

static size_t encode(const uint8_t *p, size_t n, char *out, size_t cap, const char *alphabet)
{
    size_t length = n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0), at = 0;
    if (cap <= length) {
        if (cap) out[0] = 0;
        return 0;
    }
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16;
        if (i + 1 < n) v |= (uint32_t)p[i + 1] << 8;
        if (i + 2 < n) v |= p[i + 2];
        for (int shift = 18; shift >= 0 && at < length; shift -= 6) out[at++] = alphabet[v >> shift & 63];
    }
    out[at] = 0;
    return at;
}

size_t base64url_encode(const uint8_t *p, size_t n, char *out, size_t cap)
{
    return encode(p, n, out, cap, url_digits);
}

size_t base64_encode(const uint8_t *p, size_t n, char *out, size_t cap)
{
    if (cap <= (n + 2) / 3 * 4) {
        if (cap) out[0] = 0;
        return 0;
    }
    size_t at = encode(p, n, out, cap, digits);
    while (at % 4) out[at++] = '=';
    out[at] = 0;
    return at;
}

static int url_value(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int base64url_decode(struct slice s, uint8_t *out, size_t cap, size_t *n, struct err *e)
{
    size_t length = s.n / 4 * 3 + (s.n % 4 ? s.n % 4 - 1 : 0), at = 0;
    if (s.n % 4 == 1) return err_set(e, GIFD_EINVALID, "base64url text of an impossible length");
    if (length > cap) return err_set(e, GIFD_ETOOBIG, "base64url text of more than %zu bytes", cap);
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < s.n; i++) {
        int v = url_value(s.p[i]);
        if (v < 0) return err_set(e, GIFD_EINVALID, "not a base64url digit at character %zu", i + 1);
        bits = bits << 6 | (uint32_t)v;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        out[at++] = (uint8_t)(bits >> held);
    }
    if (bits & ((1u << held) - 1)) return err_set(e, GIFD_EINVALID, "base64url text with bits left over");
    *n = at;
    return GIFD_OK;
}
