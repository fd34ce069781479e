/* url_fuzz.c: any bytes as a URL. What is taken reads the same when read again, has a host of plain letters, and
 * libcurl, which dials it, finds the same scheme, host and port in it. */
#include "fetch/curl_int.h"
#include "fetch/url.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool part_is(const struct curl_library *lib, CURLU *h, CURLUPart part, unsigned flags, const char *wanted)
{
    char *got = NULL;
    bool same = lib->url_get(h, part, &got, flags) == CURLUE_OK && strcmp(got, wanted) == 0;
    lib->free(got);
    return same;
}

static void check_with_libcurl(const struct curl_library *lib, const struct url *u)
{
    char host[URL_HOST_MAX + 3], port[8];
    CURLU *h = lib->url();
    bool v6 = strchr(u->host, ':') != NULL;
    snprintf(host, sizeof host, "%s%s%s", v6 ? "[" : "", u->host, v6 ? "]" : "");
    snprintf(port, sizeof port, "%u", u->port);
    if (lib->url_set(h, CURLUPART_URL, u->text, CURLU_PATH_AS_IS) != CURLUE_OK) abort();
    if (!part_is(lib, h, CURLUPART_SCHEME, 0, u->tls ? "https" : "http")) abort();
    if (!part_is(lib, h, CURLUPART_HOST, 0, host)) abort();
    if (!part_is(lib, h, CURLUPART_PORT, CURLU_DEFAULT_PORT, port)) abort();
    char *user = NULL;
    if (lib->url_get(h, CURLUPART_USER, &user, 0) != CURLUE_NO_USER) abort();
    lib->url_cleanup(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct url u, again;
    struct err e = {0};
    const struct curl_library *lib = curl__load(&e);
    if (!lib) abort();
    if (url_parse(slice_of((const char *)data, size), &u, &e) < 0) return 0;
    if (u.n != strlen(u.text) || u.port == 0) abort();
    if (strspn(u.host, "abcdefghijklmnopqrstuvwxyz0123456789-_.:") != strlen(u.host) || !u.host[0]) abort();
    if (url_parse(slice_of(u.text, u.n), &again, &e) < 0) abort();
    if (strcmp(u.text, again.text) != 0 || !url_same_origin(&u, &again)) abort();
    check_with_libcurl(lib, &u);
    url_matches(&u, slice_of((const char *)data, size));
    return 0;
}
