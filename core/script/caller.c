/* caller.c: see caller.h. */
#include "script/caller.h"

#include <string.h>

#define FROM_MAX 64
#define AGENT_MAX (ASKER_TEXT_MAX - FROM_MAX - 16)

struct said {
    struct slice agent, referrer;
    bool ahead;
};

static bool says_ahead(struct slice value)
{
    return value.n >= 7 && (memmem(value.p, value.n, "prefetch", 8) || memmem(value.p, value.n, "preview", 7));
}

/* One look at the headers: names are told apart by their lengths first. */
static struct said said_by(const struct request *r)
{
    struct said s = {0};
    for (size_t i = 0; i < r->header_count; i++) {
        const struct http_header *h = &r->headers[i];
        switch (h->name.n) {
        case 10:
            if (!s.agent.p && slice_ieq(h->name, SLICE("User-Agent"))) s.agent = h->value;
            break;
        case 7:
            if (!s.referrer.p && slice_ieq(h->name, SLICE("Referer")))
                s.referrer = h->value;
            else if (slice_ieq(h->name, SLICE("Purpose")))
                s.ahead |= says_ahead(h->value);
            break;
        case 11:
            if (slice_ieq(h->name, SLICE("Sec-Purpose"))) s.ahead |= says_ahead(h->value);
            break;
        case 9:
            if (slice_ieq(h->name, SLICE("X-Purpose"))) s.ahead |= says_ahead(h->value);
            break;
        case 5:
            if (slice_ieq(h->name, SLICE("X-Moz"))) s.ahead |= says_ahead(h->value);
            break;
        default: break;
        }
    }
    return s;
}

/* The value of a parameter as it stands in the address; p NULL when there is none. */
static struct slice parameter(struct slice query, struct slice name)
{
    for (size_t at = 0; at < query.n;) {
        const char *end = memchr(query.p + at, '&', query.n - at);
        size_t n = (end ? (size_t)(end - query.p) : query.n) - at;
        if (n > name.n && query.p[at + name.n] == '=' && memcmp(query.p + at, name.p, name.n) == 0)
            return slice_of(query.p + at + name.n + 1, n - name.n - 1);
        at += n + 1;
    }
    return (struct slice){0};
}

/* scheme://AUTHORITY/path */
static struct slice authority_of(struct slice url, struct slice *path)
{
    const char *from = memmem(url.p, url.n, "://", 3);
    if (!from) return SLICE("");
    from += 3;
    struct slice rest = slice_of(from, url.n - (size_t)(from - url.p));
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#') n++;
    *path = slice_of(rest.p + n, rest.n - n);
    return slice_of(rest.p, n);
}

struct writing {
    char *out;
    size_t n;
};

static void put(struct writing *w, struct slice text, size_t max)
{
    size_t n = text.n < max ? text.n : max;
    if (n) memcpy(w->out + w->n, text.p, n);
    w->n += n;
}

static void put_from(struct writing *w, const struct request *r, struct slice referrer, struct slice pages)
{
    struct slice via = parameter(r->query, SLICE("via")), path = SLICE("");
    struct slice host = referrer.n ? authority_of(referrer, &path) : referrer;
    bool own = host.n && slice_ieq(host, r->host);
    if (via.n) {
        put(w, SLICE("via:"), 4);
        put(w, via, FROM_MAX / 2 - 5);
        if (host.n && !own) put(w, SLICE(" "), 1);
    }
    if (!own) {
        for (size_t i = 0; i < host.n; i++)
            if (host.p[i] == ':') host.n = i;
        put(w, host, FROM_MAX / 2);
    }
    if (!own || via.n) return;
    size_t n = 0;
    while (n < path.n && path.p[n] != '?' && path.p[n] != '#') n++;
    bool page = pages.n && n > pages.n && memcmp(path.p, pages.p, pages.n) == 0 && !parameter(r->query, SLICE("s")).p;
    put(w, page ? slice_of(path.p, n) : SLICE("/"), FROM_MAX);
}

size_t caller_text(const struct request *r, struct slice pages, char out[ASKER_TEXT_MAX])
{
    struct said said = said_by(r);
    struct writing w = {out, 0};
    put(&w, said.ahead ? SLICE("p\n") : SLICE("\n"), 2);
    put_from(&w, r, said.referrer, pages);
    put(&w, SLICE("\n"), 1);
    put(&w, said.agent, AGENT_MAX);
    return w.n;
}

uint32_t caller_number(struct callers *c, struct askers *t, uint64_t seed, const struct request *r, struct slice pages)
{
    char text[ASKER_TEXT_MAX];
    size_t n = caller_text(r, pages, text);
    uint64_t hash = askers_hash(seed, slice_of(text, n));
    uint32_t at = (uint32_t)hash & (CALLERS_KNOWN - 1);
    if (c->known[at].hash == hash && askers_here(t, c->known[at].number, c->known[at].age)) return c->known[at].number;
    uint32_t age = 0, number = askers_number(t, hash, slice_of(text, n), &age);
    if (!number) return 0;
    c->known[at].hash = hash;
    c->known[at].number = number;
    c->known[at].age = age;
    return number;
}
