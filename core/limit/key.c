/* key.c: names to keys. What is hashed: one byte of kind, then for a text the length of its space, the space, the text.
 */
#include "limit/key.h"

#include "limit/sip_int.h"

#include <arpa/inet.h>

enum { KIND_TEXT = 1, KIND_LONG = 2, KIND_IP4 = 4, KIND_IP6 = 6 };

struct limit_key limit_key_text(const struct limit_table *t, const char *space, struct slice text)
{
    struct limit_key key;
    uint8_t in[512];
    size_t n = strnlen(space, 255);
    in[0] = KIND_TEXT;
    in[1] = (uint8_t)n;
    memcpy(in + 2, space, n);
    n += 2;
    if (text.n <= sizeof in - n) {
        if (text.n) memcpy(in + n, text.p, text.n);
        n += text.n;
    } else {
        /* A long text is hashed first, so that nothing here needs memory. */
        in[0] = KIND_LONG;
        sip__hash(t->seed, text.p, text.n, key.h);
        memcpy(in + n, key.h, sizeof key.h);
        n += sizeof key.h;
    }
    sip__hash(t->seed, in, n, key.h);
    return key;
}

struct limit_key limit_key_ip4(const struct limit_table *t, const uint8_t address[4])
{
    struct limit_key key;
    uint8_t in[5] = {KIND_IP4};
    memcpy(in + 1, address, 4);
    sip__hash(t->seed, in, sizeof in, key.h);
    return key;
}

struct limit_key limit_key_ip6(const struct limit_table *t, const uint8_t address[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (!memcmp(address, mapped, sizeof mapped)) return limit_key_ip4(t, address + 12);
    struct limit_key key;
    uint8_t in[9] = {KIND_IP6};
    memcpy(in + 1, address, 8);
    sip__hash(t->seed, in, sizeof in, key.h);
    return key;
}

int limit_key_ip(const struct limit_table *t, struct slice text, struct limit_key *out, struct err *e)
{
    char name[INET6_ADDRSTRLEN];
    uint8_t address[16];
    struct slice s = text;
    if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']') s = slice_of(s.p + 1, s.n - 2);
    const char *zone = s.n ? memchr(s.p, '%', s.n) : NULL;
    if (zone) s.n = (size_t)(zone - s.p);
    if (s.n && s.n < sizeof name && !memchr(s.p, 0, s.n)) {
        memcpy(name, s.p, s.n);
        name[s.n] = 0;
        if (s.n == text.n && inet_pton(AF_INET, name, address) == 1) {
            *out = limit_key_ip4(t, address);
            return 0;
        }
        if (inet_pton(AF_INET6, name, address) == 1) {
            *out = limit_key_ip6(t, address);
            return 0;
        }
    }
    return err_set(e, GIFD_EINVALID, "'%.*s' is not an IP address", (int)(text.n > 64 ? 64 : text.n),
                   text.p ? text.p : "");
}
