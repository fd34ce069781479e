/* leg.c: one libcurl transfer: what is asked of libcurl, what it calls back, and what its end means.
 *
 *   on_socket: the guard      on_head: collected, bounded      on_body: to memory or to the sink, bounded
 *
 * A callback that cannot go on leaves its reason in leg->e and makes libcurl end the transfer. */
#include "base/log.h"
#include "fetch/client_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define SKIP_MAX 65536 /* bytes of a redirect's body */

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct fetch *f = arg;
    struct sockaddr_storage address = {0};
    (void)purpose;
    if (to->addrlen > sizeof address) return CURL_SOCKET_BAD;
    memcpy(&address, &to->addr, to->addrlen);
    if (guard_check(&f->c->s.guard, &address, &f->leg.refused) < 0) {
        log_info("fetch.refused", LS("host", f->url.host), LS("why", f->leg.refused.text));
        return CURL_SOCKET_BAD;
    }
    f->leg.dialled = true;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* ---- head ---- */

struct slice leg__header(const struct leg *l, const char *name)
{
    struct fetch_header all[FETCH_HEADERS_MAX];
    size_t n = leg__headers(l, all);
    for (size_t i = 0; i < n; i++)
        if (slice_ieq(all[i].name, slice_str(name))) return all[i].value;
    return (struct slice){0};
}

size_t leg__headers(const struct leg *l, struct fetch_header *out)
{
    size_t count = 0;
    const char *p = l->head.p, *end = p + l->head.n;
    while (p < end && count < FETCH_HEADERS_MAX) {
        const char *stop = memchr(p, '\n', (size_t)(end - p)), *colon = memchr(p, ':', (size_t)(stop - p));
        if (colon && colon > p && *p != ' ' && *p != '\t')
            out[count++] = (struct fetch_header){slice_of(p, (size_t)(colon - p)),
                                                 slice_trim(slice_of(colon + 1, (size_t)(stop - colon) - 1))};
        p = stop + 1;
    }
    return count;
}

static int head_ended(struct fetch *f)
{
    struct leg *l = &f->leg;
    const struct fetch_request *r = &f->asked;
    bool good = l->status >= 200 && l->status < 300;
    if (l->status < 200) return GIFD_OK;
    l->final = true;
    l->skip = rules__redirects(f);
    l->limit = l->skip ? SKIP_MAX : r->max_bytes;
    if (r->sink && !good && l->limit > FETCH_ASIDE_MAX) l->limit = FETCH_ASIDE_MAX;
    buf_init(&l->body, l->limit);
    struct slice length = leg__header(l, "content-length");
    if (length.p && strcmp(f->method, "HEAD") != 0 && strtoull(length.p, NULL, 10) > l->limit)
        return err_set(&l->e, GIFD_ETOOBIG, "a body of %.*s bytes; at most %llu are taken", (int)length.n, length.p,
                       (unsigned long long)l->limit);
    l->sunk = r->sink && good;
    return l->sunk ? r->sink->begin(r->to, &l->e) : GIFD_OK;
}

static size_t on_head(char *p, size_t size, size_t n, void *arg)
{
    struct fetch *f = arg;
    struct leg *l = &f->leg;
    struct slice line = slice_of(p, n *= size);
    if (n > f->c->s.head_bytes - l->head_bytes) {
        err_set(&l->e, GIFD_ETOOBIG, "a head of more than %u bytes", f->c->s.head_bytes);
        return 0;
    }
    l->head_bytes += n;
    while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r')) line.n--;
    if (l->final) return n; /* trailers */
    if (line.n > 5 && !memcmp(line.p, "HTTP/", 5)) {
        const char *space = memchr(line.p, ' ', line.n);
        l->status = space ? (unsigned)atoi(space) : 0;
        l->in_head = true;
        buf_reset(&l->head);
        return n;
    }
    if (!l->in_head) return n;
    if (line.n == 0) {
        l->in_head = false;
        return head_ended(f) < 0 ? 0 : n;
    }
    if (memchr(line.p, '\n', line.n)) return n;
    bool kept =
        buf_append(&l->head, line.p, line.n, &l->e) == GIFD_OK && buf_append(&l->head, "\n", 1, &l->e) == GIFD_OK;
    return kept ? n : 0;
}

/* ---- body ---- */

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct fetch *f = arg;
    struct leg *l = &f->leg;
    n *= size;
    if (n > l->limit - l->bytes) {
        err_set(&l->e, GIFD_ETOOBIG, "a body of more than %llu bytes", (unsigned long long)l->limit);
        return 0;
    }
    l->bytes += n;
    if (l->skip) return n;
    int rc = l->sunk ? f->asked.sink->write(f->asked.to, p, n, &l->e) : buf_append(&l->body, p, n, &l->e);
    return rc < 0 ? 0 : n;
}

/* ---- begin ---- */

static bool add_header(struct leg *l, const struct curl_library *lib, const char *text)
{
    struct curl_slist *longer = lib->slist_append(l->headers, text);
    if (longer) l->headers = longer;
    return longer != NULL;
}

static bool add_headers(struct fetch *f)
{
    struct buf line;
    bool typed = false, ok = add_header(&f->leg, f->c->lib, "Expect:");
    buf_init(&line, FETCH_SENT_MAX);
    for (size_t i = 0; ok && i < f->asked.header_count; i++) {
        const struct fetch_header *h = &f->asked.headers[i];
        if (!rules__sends(f, h)) continue;
        buf_reset(&line); /* "Name;" is libcurl's way to say a field without value */
        ok = buf_append(&line, h->name.p, h->name.n, NULL) == GIFD_OK &&
             buf_puts(&line, h->value.n ? ": " : ";", NULL) == GIFD_OK &&
             buf_append(&line, h->value.p, h->value.n, NULL) == GIFD_OK &&
             add_header(&f->leg, f->c->lib, buf_str(&line));
        typed = typed || slice_ieq(h->name, SLICE("content-type"));
    }
    buf_free(&line);
    return ok && (typed || add_header(&f->leg, f->c->lib, "Content-Type:"));
}

static void set_method(const struct curl_library *lib, CURL *c, const struct fetch *f)
{
    if (f->body.p || !strcmp(f->method, "POST")) {
        lib->easy_setopt(c, CURLOPT_POST, 1L);
        lib->easy_setopt(c, CURLOPT_POSTFIELDS, f->body.p ? f->body.p : "");
        lib->easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body.n);
    } else if (!strcmp(f->method, "HEAD")) {
        lib->easy_setopt(c, CURLOPT_NOBODY, 1L);
        return;
    }
    lib->easy_setopt(c, CURLOPT_CUSTOMREQUEST, f->method);
}

static void set_limits(const struct curl_library *lib, CURL *c, const struct fetch *f)
{
    const struct fetch_settings *s = &f->c->s;
    uint64_t now = loop_now_ms(f->c->loop), left = f->deadline_ms > now ? f->deadline_ms - now : 1;
    lib->easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)left);
    lib->easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)(s->connect_ms < left ? s->connect_ms : left));
    lib->easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)s->slow_rate);
    lib->easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)((s->slow_ms + 999) / 1000));
}

int leg__begin(struct fetch *f, struct err *e)
{
    const struct curl_library *lib = f->c->lib;
    struct leg *l = &f->leg;
    buf_free(&l->head);
    buf_free(&l->body);
    *l = (struct leg){.easy = curl__easy(lib)};
    buf_init(&l->head, f->c->s.head_bytes + 1024);
    if (!l->easy || !add_headers(f)) {
        leg__end(f);
        return err_set(e, GIFD_ENOMEM, "no memory for a fetch");
    }
    CURL *c = l->easy;
    lib->easy_setopt(c, CURLOPT_URL, f->url.text);
    lib->easy_setopt(c, CURLOPT_PRIVATE, f);
    lib->easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    lib->easy_setopt(c, CURLOPT_PROXY, "");
    lib->easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    lib->easy_setopt(c, CURLOPT_PIPEWAIT, (long)f->url.tls);
    lib->easy_setopt(c, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    lib->easy_setopt(c, CURLOPT_HTTPHEADER, l->headers);
    lib->easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    lib->easy_setopt(c, CURLOPT_OPENSOCKETDATA, f);
    lib->easy_setopt(c, CURLOPT_HEADERFUNCTION, on_head);
    lib->easy_setopt(c, CURLOPT_HEADERDATA, f);
    lib->easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    lib->easy_setopt(c, CURLOPT_WRITEDATA, f);
    lib->easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* a lookup that is given up is not waited for */
    if (f->c->s.ca_file[0]) lib->easy_setopt(c, CURLOPT_CAINFO, f->c->s.ca_file);
    if (f->c->pin) lib->easy_setopt(c, CURLOPT_RESOLVE, l->pins = lib->slist_append(NULL, f->c->pin));
    set_method(lib, c, f);
    set_limits(lib, c, f);
    if (lib->multi_add_handle(f->c->multi, c) == CURLM_OK) return GIFD_OK;
    leg__end(f);
    return err_set(e, GIFD_ENOMEM, "no memory for a fetch");
}

/* ---- end ---- */

int leg__outcome(struct fetch *f, CURLcode code, struct err *e)
{
    struct leg *l = &f->leg;
    const char *place = f->url.host;
    if (l->e.code < 0)
        *e = l->e;
    else if (code == CURLE_COULDNT_CONNECT && l->refused.code < 0 && !l->dialled)
        *e = l->refused;
    else if (code != CURLE_OK)
        return err_set(e, curl__code(code), "%s: %s", place, f->c->lib->easy_strerror(code));
    else
        return GIFD_OK;
    return err_wrap(e, "%s", place);
}

void leg__end(struct fetch *f)
{
    const struct curl_library *lib = f->c->lib;
    struct leg *l = &f->leg;
    if (l->easy) {
        lib->multi_remove_handle(f->c->multi, l->easy);
        lib->easy_cleanup(l->easy);
    }
    lib->slist_free_all(l->headers);
    lib->slist_free_all(l->pins);
    l->headers = l->pins = NULL;
    l->easy = NULL;
}
