/* rules.c: what the end of a leg leads to: redirects (RFC 9110 section 15.4), retries (section 9.2.2, 10.2.3). */
#include "base/clock.h"
#include "crypto/crypto.h"
#include "fetch/client_int.h"

#include <stdio.h>

#define REST_FIRST_MS 250
#define REST_MAX_MS 30000

static int aim(struct fetch *f, struct slice text, struct err *e)
{
    struct url next;
    int rc = url_parse(text, &next, e);
    if (rc < 0) return rc;
    bool fits = f->asked.host_count == 0;
    for (size_t i = 0; i < f->asked.host_count && !fits; i++) fits = url_matches(&next, f->asked.hosts[i]);
    if (!fits)
        return err_set(e, GIFD_EDENIED, "%s, port %u: not among the hosts that may be asked", next.host, next.port);
    f->url = next;
    return GIFD_OK;
}

int rules__begin(struct fetch *f, struct err *e)
{
    f->method = f->asked.method.p;
    f->body = f->asked.body;
    f->foreign = false;
    f->redirects = 0;
    return aim(f, f->asked.url, e);
}

bool rules__redirects(const struct fetch *f)
{
    switch (f->leg.status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308: return f->asked.redirects > 0 && leg__header(&f->leg, "location").p;
    default: return false;
    }
}

/* A Location that names a host is read as strictly as any URL; libcurl, which would repair it, only resolves paths. */
static int aim_at_location(struct fetch *f, struct slice resolved, struct err *e)
{
    char whole[URL_TEXT_MAX + 8];
    struct slice said = leg__header(&f->leg, "location");
    size_t n = 0;
    while (n < said.n && !strchr("/?#:", said.p[n])) n++;
    if (n < said.n && said.p[n] == ':') return aim(f, said, e);
    if (!slice_starts(said, SLICE("//"))) return aim(f, resolved, e);
    int k = snprintf(whole, sizeof whole, "%s:%.*s", f->url.tls ? "https" : "http", (int)said.n, said.p);
    return k < (int)sizeof whole ? aim(f, slice_of(whole, (size_t)k), e) : err_set(e, GIFD_ETOOBIG, "URL: too long");
}

int rules__hop(struct fetch *f, struct slice resolved, struct err *e)
{
    struct url from = f->url;
    bool head = !strcmp(f->method, "HEAD"), post = !strcmp(f->method, "POST");
    if (f->redirects == (unsigned)f->asked.redirects)
        return err_set(e, GIFD_ETOOBIG, "more than %d redirects", f->asked.redirects);
    int rc = aim_at_location(f, resolved, e);
    if (rc < 0) return rc;
    f->redirects++;
    if (!url_same_origin(&from, &f->url)) f->foreign = true;
    if ((f->leg.status == 303 && !head) || (f->leg.status < 303 && post)) {
        f->method = "GET";
        f->body = (struct slice){0};
    }
    return GIFD_OK;
}

/* Of a body that is not sent any more nothing is said; to another origin only what cannot be a secret. */
bool rules__sends(const struct fetch *f, const struct fetch_header *h)
{
    static const char *const harmless[] = {"accept", "accept-language", "content-type", "user-agent"};
    if (!f->body.p && f->asked.body.p && h->name.n > 8 && !strncasecmp(h->name.p, "content-", 8)) return false;
    if (!f->foreign) return true;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (slice_ieq(h->name, slice_str(harmless[i]))) return true;
    return false;
}

static bool worth_it(const struct fetch *f, int rc)
{
    if (rc < 0) return f->leg.e.code == GIFD_OK && (rc == GIFD_EREFUSED || rc == GIFD_ETIMEOUT);
    switch (f->leg.status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504: return true;
    default: return false;
    }
}

/* -1: not said, or not in a form of RFC 9110 section 10.2.3. */
static int64_t retry_after_ms(const struct leg *l)
{
    struct slice s = leg__header(l, "retry-after");
    int64_t seconds = 0;
    if (!s.p || s.n == 0) return -1;
    if (s.p[0] < '0' || s.p[0] > '9') {
        int64_t at = clock_parse_http_date(s.p, s.n), now = clock_wall_us() / 1000;
        return at < 0 ? -1 : at * 1000 > now ? at * 1000 - now : 0;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') return -1;
        if (seconds < INT32_MAX) seconds = seconds * 10 + (s.p[i] - '0');
    }
    return seconds * 1000;
}

/* Half of it certain, half by chance, so that many who failed together do not come back together. */
static int64_t back_off_ms(unsigned attempts)
{
    uint32_t chance, half = REST_FIRST_MS / 2;
    for (unsigned i = 1; i < attempts && half < REST_MAX_MS / 2; i++) half *= 2;
    crypto_random(&chance, sizeof chance);
    return half + chance % half;
}

int64_t rules__rest(const struct fetch *f, int rc, uint64_t now_ms)
{
    if (f->attempts > f->asked.retries || !worth_it(f, rc)) return -1;
    int64_t rest = back_off_ms(f->attempts), told = rc < 0 ? -1 : retry_after_ms(&f->leg);
    if (told > f->c->s.retry_after_ms) return -1;
    if (told > rest) rest = told;
    return now_ms + (uint64_t)rest < f->deadline_ms ? rest : -1;
}
