/* doctor_live.c: what `gifd doctor` asks a server that runs on the data, as others would ask it.
 *
 *   control socket --status--> what serves, was refused, is switched off     /readyz --> what it says of itself
 *   site.base_url  --/readyz--> is it this server?  --/metrics--> does what is in front say who asks?
 *   /s/CODE as chat programs ask --> og:image --> the picture
 *
 * Pages of shares are asked for under the names of preview programs, which count as such and use no visit up. */
#include "app/admin.h"
#include "app/doctor_int.h"
#include "base/arena.h"
#include "fetch/transfer.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATUS_MS 5000
#define ASK_S 5
#define PAGE_MAX (1 << 20)
#define PICTURE_MAX (64 << 20)
#define URL_LEN 600

#define T(s) (int)(s).n, (s).p

static struct slice text_of(const struct json *o, const char *key)
{
    const struct json *v = o && o->type == JSON_OBJECT ? json_get(o, key) : NULL;
    return v && v->type == JSON_STRING ? v->s : SLICE("");
}

static int64_t number_of(const struct json *o, const char *key)
{
    const struct json *v = o && o->type == JSON_OBJECT ? json_get(o, key) : NULL;
    return v && v->type == JSON_INT ? v->i : 0;
}

static const struct json *first_of(const struct json *o, const char *key)
{
    const struct json *v = o && o->type == JSON_OBJECT ? json_get(o, key) : NULL;
    return v && v->type == JSON_ARRAY ? v->child : NULL;
}

/* The status of the answer; 0: none, and e says why. agent may be NULL. */
static long ask(const char *url, const char *agent, struct buf *body, size_t most, struct err *e)
{
    char header[192];
    const char *headers[] = {agent ? header : NULL, NULL};
    long status = 0;
    snprintf(header, sizeof header, "User-Agent: %s", agent ? agent : "");
    buf_init(body, most);
    struct transfer t = {.url = url, .headers = headers, .timeout_s = ASK_S};
    return transfer_ask(&t, &status, body, e) < 0 ? 0 : status;
}

/* ---- names ---- */

void doctor__check_names(struct doctor *d)
{
    char host[256];
    const char *at = strstr(d->base_url, "://");
    if (!at) return;
    at += 3;
    bool six = *at == '[';
    size_t n = six ? strcspn(++at, "]") : strcspn(at, ":/");
    if (n == 0 || n >= sizeof host) return;
    memcpy(host, at, n);
    host[n] = 0;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int rc = getaddrinfo(host, NULL, &hints, &found);
    if (rc != 0)
        doctor__mend(
            doctor__find(d, WARN, "dns", "%s, which links begin with, is not found: %s", host, gai_strerror(rc)),
            "an A or AAAA record for %s; here, a name server that answers in /etc/resolv.conf", host);
    else
        doctor__find(d, OK, "dns", "%s is found", host);
    if (rc == 0) freeaddrinfo(found);
}

/* ---- what it says of itself ---- */

static void look_at_status(struct doctor *d, const struct json *root)
{
    const struct json *refused = json_get(root, "refused");
    doctor__find(d, OK, "server", "generation %lld serves, for %lld s",
                 (long long)number_of(json_get(root, "live"), "generation"), (long long)number_of(root, "uptime"));
    if (refused && refused->type == JSON_OBJECT) {
        const struct json *fault = first_of(refused, "faults");
        struct slice text = text_of(fault, "message");
        doctor__mend(doctor__find(d, WARN, "generation", "the configuration was refused: %.*s", T(text)),
                     "what gifd status says, then gifd reload");
    }
    for (const struct json *p = first_of(root, "plugins"); p; p = p->next)
        if (slice_is(text_of(p, "state"), "disabled"))
            doctor__mend(doctor__find(d, WARN, "plugin", "%.*s is switched off: %.*s", T(text_of(p, "name")),
                                      T(text_of(p, "disabled_reason"))),
                         "its fault, then gifd plugin enable %.*s", T(text_of(p, "name")));
    for (const struct json *p = first_of(root, "processes"); p; p = p->next)
        if (!slice_is(text_of(p, "state"), "ready"))
            doctor__mend(
                doctor__find(d, WARN, "process", "%.*s is %.*s", T(text_of(p, "name")), T(text_of(p, "state"))),
                "what the log says of it");
}

/* An address that can be asked from here: of http, and no wildcard. */
static bool address_of(const struct json *root, char out[URL_LEN])
{
    for (const struct json *u = first_of(root, "urls"); u; u = u->next) {
        if (u->type != JSON_STRING || !slice_starts(u->s, SLICE("http://"))) continue;
        struct slice rest = slice_of(u->s.p + 7, u->s.n - 7);
        const char *host = "";
        size_t skip = 0;
        if (slice_starts(rest, SLICE("0.0.0.0:"))) host = "127.0.0.1", skip = 7;
        if (slice_starts(rest, SLICE("[::]:"))) host = "[::1]", skip = 4;
        snprintf(out, URL_LEN, "http://%s%.*s", host, (int)(rest.n - skip), rest.p + skip);
        return true;
    }
    return false;
}

static void look_at_readiness(struct doctor *d, const char *server)
{
    char url[URL_LEN + 16];
    struct buf body;
    struct arena a;
    struct err e = {0};
    struct json *root = NULL;
    snprintf(url, sizeof url, "%s/readyz", server);
    long status = ask(url, NULL, &body, PAGE_MAX, &e);
    arena_init(&a, 4 << 20);
    bool understood = status && json_parse(&a, buf_slice(&body), NULL, &root, NULL) == GIFD_OK;
    if (!status)
        doctor__mend(doctor__find(d, FAIL, "ready", "%s does not answer: %s", server, e.text),
                     "what the log says; gifd status");
    else if (!understood || (status != 200 && status != 503))
        doctor__mend(doctor__find(d, WARN, "ready", "%s answers %ld", url, status),
                     "a listener of plain http on 127.0.0.1 without limits for /readyz, for checks like this");
    else if (status == 200 && !first_of(root, "warnings"))
        doctor__find(d, OK, "ready", "it can serve");
    for (const struct json *why = first_of(root, "reasons"); why; why = why->next)
        doctor__mend(doctor__find(d, FAIL, "ready", "%.*s", T(why->s)), "what the log says of it");
    for (const struct json *why = first_of(root, "warnings"); why; why = why->next)
        doctor__mend(doctor__find(d, WARN, "ready", "%.*s", T(why->s)), "docs/operations.md, When something is wrong");
    arena_free(&a);
    buf_free(&body);
}

/* ---- what is in front of it ---- */

/* ":443", of an address; what its scheme has when it says none. */
static struct slice port_of(struct slice url)
{
    bool tls = slice_starts(url, SLICE("https:"));
    size_t host = tls ? 8 : 7, end = host;
    if (url.n <= host) return SLICE("");
    while (end < url.n && url.p[end] != '/') end++;
    for (size_t i = end; i > host && url.p[i - 1] != ']'; i--)
        if (url.p[i - 1] == ':') return slice_of(url.p + i - 1, end - i + 1);
    return tls ? SLICE(":443") : SLICE(":80");
}

/* Does the public address name a port that the server itself listens on? */
static bool is_direct(const struct doctor *d, const struct json *root)
{
    for (const struct json *u = first_of(root, "urls"); u; u = u->next)
        if (u->type == JSON_STRING && slice_eq(port_of(u->s), port_of(slice_str(d->base_url)))) return true;
    return false;
}

static void look_from_outside(struct doctor *d, const struct json *root)
{
    char url[URL_LEN + 16];
    struct buf body;
    struct arena a;
    struct err e = {0};
    struct json *told = NULL;
    if (!d->base_url[0]) return;
    snprintf(url, sizeof url, "%s/readyz", d->base_url);
    long status = ask(url, NULL, &body, PAGE_MAX, &e);
    arena_init(&a, 4 << 20);
    bool same = status && json_parse(&a, buf_slice(&body), NULL, &told, NULL) == GIFD_OK &&
                number_of(told, "generation") == number_of(json_get(root, "live"), "generation");
    arena_free(&a);
    buf_free(&body);
    if (!same) {
        doctor__mend(doctor__find(d, WARN, "front", "%s does not lead to this server: %s", d->base_url,
                                  status ? "something else answers" : e.text),
                     "the proxy or the name in front; from here it may not be reachable though others reach it");
        return;
    }
    doctor__find(d, OK, "front", "%s leads to this server", d->base_url);
    if (is_direct(d, root)) return;
    snprintf(url, sizeof url, "%s/metrics", d->base_url);
    status = ask(url, NULL, &body, PICTURE_MAX, &e);
    buf_free(&body);
    if (status == 200)
        doctor__mend(
            doctor__find(d, FAIL, "proxies.headers",
                         "what is in front does not say who asks: anybody may read %s, and all visitors are one "
                         "address to limits",
                         url),
            "let it set X-Forwarded-For (nginx: proxy_set_header X-Forwarded-For $remote_addr), and name it "
            "in trusted_proxies");
    else
        doctor__find(d, OK, "proxies.headers", "who asks through %s is told from this machine", d->base_url);
}

/* ---- what chat programs are shown ---- */

/* content of <meta property="og:image" ...>, without what HTML escapes in addresses. */
static bool picture_of(struct slice page, char out[URL_LEN])
{
    static const char mark[] = "property=\"og:image\" content=\"";
    const char *at = page.n ? memmem(page.p, page.n, mark, sizeof mark - 1) : NULL;
    if (!at) return false;
    at += sizeof mark - 1;
    const char *end = memchr(at, '"', (size_t)(page.p + page.n - at));
    size_t n = 0;
    for (; end && at < end && n < URL_LEN - 1; at++) {
        out[n++] = *at;
        if (*at == '&' && end - at > 4 && !memcmp(at, "&amp;", 5)) at += 4;
    }
    out[n] = 0;
    return end && n;
}

/* The same address, asked of the server itself. */
static void here(const struct doctor *d, const char *server, const char *address, char out[2 * URL_LEN])
{
    size_t n = strlen(d->base_url);
    bool ours = n && !strncmp(address, d->base_url, n);
    snprintf(out, 2 * URL_LEN, "%s%s", ours ? server : "", ours ? address + n : address);
}

static bool is_picture(struct slice bytes)
{
    return slice_starts(bytes, SLICE("GIF8")) || slice_starts(bytes, SLICE("\x89PNG")) ||
           slice_starts(bytes, SLICE("\xff\xd8\xff")) || slice_starts(bytes, SLICE("RIFF"));
}

/* As the program would: the page, then the picture that it names. told: what is to be shown, of gifd unfurl. */
static void try_program(struct doctor *d, const char *server, const char *code, const struct json *told)
{
    char name[40], agent[160], url[2 * URL_LEN], picture[URL_LEN];
    struct slice as = text_of(told, "platform"), label = text_of(told, "label");
    snprintf(name, sizeof name, "unfurl.%.*s", (int)(as.n < 30 ? as.n : 30), as.p);
    snprintf(agent, sizeof agent, "%.*s", T(text_of(told, "agent")));
    struct buf body;
    struct err e = {0};
    const struct json *image = json_get(told, "image");
    snprintf(url, sizeof url, "%s/s/%s", server, code);
    long status = ask(url, agent, &body, PAGE_MAX, &e);
    bool named = status == 200 && picture_of(buf_slice(&body), picture);
    buf_free(&body);
    if (!named) {
        doctor__mend(
            doctor__find(d, FAIL, name, "%.*s is shown no picture at /s/%s (status %ld)", T(label), code, status),
            "gifd unfurl %s --as %.*s says which rule is broken", code, T(as));
        return;
    }
    here(d, server, picture, url);
    status = ask(url, agent, &body, PICTURE_MAX, &e);
    bool good = status == 200 && is_picture(buf_slice(&body));
    bool same = image && image->type == JSON_OBJECT && slice_is(text_of(image, "url"), picture);
    if (!good)
        doctor__mend(
            doctor__find(d, FAIL, name, "%.*s gets no picture from %s (status %ld)", T(label), picture, status),
            "what the log says of it; gifd jobs list");
    else
        doctor__find(d, OK, name, "%.*s shows %s, %zu bytes%s", T(label), picture, body.n,
                     same ? "" : ", though another was foretold");
    buf_free(&body);
    for (const struct json *w = first_of(told, "warnings"); w; w = w->next) {
        struct slice rule = text_of(w, "rule");
        if (slice_is(rule, "address") || slice_is(rule, "untitled")) continue; /* said above; of this share only */
        doctor__mend(doctor__find(d, WARN, name, "/s/%s: %.*s", code, T(text_of(w, "text"))),
                     "gifd unfurl %s --as %.*s says more", code, T(as));
    }
}

static void look_as_others(struct doctor *d, const char *server)
{
    struct arena a;
    int status;
    struct json *root = NULL;
    char code[80];
    arena_init(&a, 4 << 20);
    struct slice text = doctor__run((char *[]){"/proc/self/exe", "unfurl", "--json", "--data", d->data, "--url",
                                               d->base_url[0] ? d->base_url : (char *)(uintptr_t)server, NULL},
                                    &a, &status);
    if (!text.n || json_parse(&a, text, NULL, &root, NULL) < 0) {
        doctor__find(d, OK, "unfurl", "there is no share yet that strangers may see: nothing to try");
    } else {
        snprintf(code, sizeof code, "%.*s", T(text_of(root, "code")));
        for (const struct json *one = first_of(root, "platforms"); one; one = one->next)
            if (text_of(one, "agent").n) try_program(d, server, code, one);
    }
    arena_free(&a);
}

void doctor__check_server(struct doctor *d)
{
    struct datadir dir = {.lock_fd = -1};
    struct buf answer;
    struct arena a;
    struct err e = {0};
    struct json *root = NULL;
    char server[URL_LEN], *real = realpath(d->data, NULL);
    if (!real) return;
    snprintf(dir.path, sizeof dir.path, "%s", real);
    free(real);
    buf_init(&answer, ADMIN_ANSWER_MAX);
    arena_init(&a, 8 << 20);
    int rc = admin_ask(&dir, SLICE("{\"do\":\"status\"}"), STATUS_MS, &answer, &e);
    if (rc == GIFD_OK) rc = json_parse(&a, buf_slice(&answer), NULL, &root, &e);
    if (rc == GIFD_ENOTFOUND) {
        doctor__find(d, OK, "server", "none runs on %s: what others would see was not tried", d->data);
    } else if (rc < 0 || !json_get(root, "live")) {
        doctor__mend(doctor__find(d, WARN, "server", "it does not say how it is: %s", e.text),
                     "run it as the server's user, or see what the log says");
    } else {
        look_at_status(d, root);
        if (address_of(root, server)) {
            look_at_readiness(d, server);
            look_as_others(d, server);
        }
        look_from_outside(d, root);
    }
    arena_free(&a);
    buf_free(&answer);
}
