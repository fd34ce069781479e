/* transfer.c: see transfer.h. */
#include "fetch/transfer.h"
#include "fetch/curl_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct sink {
    const struct transfer *t;
    struct buf *body;
    int rc;
    struct err *e;
};

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct sink *s = arg;
    s->rc = buf_append(s->body, p, size * n, s->e);
    return s->rc == GIFD_OK ? size * n : 0;
}

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    (void)down_total, (void)down;
    struct sink *s = arg;
    if (s->t->progress && up_total > 0) s->t->progress(s->t->to, (uint64_t)up, (uint64_t)up_total);
    return 0;
}

static int exchange(const struct transfer *t, bool form_body, long *status, struct buf *body, struct err *e)
{
    const struct curl_library *lib = curl__load(e);
    if (!lib) return GIFD_ENOTFOUND;
    if (t->file_path && access(t->file_path, R_OK) < 0) return err_sys(e, errno, "%s", t->file_path);
    CURL *c = curl__easy(lib);
    if (!c) return err_set(e, GIFD_ENOMEM, "no memory for a transfer");
    struct sink sink = {.t = t, .body = body, .e = e};
    struct curl_slist *headers = NULL;
    char authorization[512];
    if (t->token) {
        snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", t->token);
        headers = lib->slist_append(headers, authorization);
    }
    for (size_t i = 0; t->headers && t->headers[i]; i++) headers = lib->slist_append(headers, t->headers[i]);
    curl_mime *form = lib->mime_init(c);
    for (const struct transfer_field *f = t->fields; f && f->name; f++) {
        curl_mimepart *part = lib->mime_addpart(form);
        lib->mime_name(part, f->name);
        lib->mime_data(part, f->value, strlen(f->value));
    }
    if (t->file_path) {
        curl_mimepart *part = lib->mime_addpart(form);
        lib->mime_name(part, t->file_field);
        lib->mime_filedata(part, t->file_path);
    }
    lib->easy_setopt(c, CURLOPT_URL, t->url);
    if (form_body) lib->easy_setopt(c, CURLOPT_MIMEPOST, form);
    if (t->json) {
        headers = lib->slist_append(headers, "Content-Type: application/json");
        lib->easy_setopt(c, CURLOPT_POSTFIELDS, t->json);
    }
    lib->easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    lib->easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    lib->easy_setopt(c, CURLOPT_WRITEDATA, &sink);
    lib->easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    lib->easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    lib->easy_setopt(c, CURLOPT_XFERINFODATA, &sink);
    lib->easy_setopt(c, CURLOPT_TIMEOUT, t->timeout_s);
    lib->easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 10L);
    CURLcode code = lib->easy_perform(c);
    int rc = GIFD_OK;
    if (code == CURLE_OK)
        lib->easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
    else if (sink.rc < 0)
        rc = sink.rc;
    else
        rc = err_set(e, curl__code(code), "%s: %s", t->url, lib->easy_strerror(code));
    lib->mime_free(form);
    lib->slist_free_all(headers);
    lib->easy_cleanup(c);
    return rc;
}

int transfer_post(const struct transfer *t, long *status, struct buf *body, struct err *e)
{
    return exchange(t, true, status, body, e);
}

int transfer_ask(const struct transfer *t, long *status, struct buf *body, struct err *e)
{
    return exchange(t, false, status, body, e);
}
