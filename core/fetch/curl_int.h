/* curl_int.h: libcurl, loaded when first needed. Linking it would cost every start of gifd ten milliseconds and thirty
 * libraries (docs/performance.md), and a server that fetches nothing never needs it. Only core/fetch includes this. */
#ifndef GIFD_FETCH_CURL_INT_H
#define GIFD_FETCH_CURL_INT_H

#include "base/err.h"

#include <curl/curl.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

struct curl_library {
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *c, CURLoption option, ...);
    CURLcode (*easy_perform)(CURL *c);
    CURLcode (*easy_getinfo)(CURL *c, CURLINFO info, ...);
    void (*easy_cleanup)(CURL *c);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
    curl_mime *(*mime_init)(CURL *c);
    curl_mimepart *(*mime_addpart)(curl_mime *m);
    CURLcode (*mime_name)(curl_mimepart *p, const char *name);
    CURLcode (*mime_data)(curl_mimepart *p, const char *data, size_t n);
    CURLcode (*mime_filedata)(curl_mimepart *p, const char *path);
    void (*mime_free)(curl_mime *m);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_setopt)(CURLM *m, CURLMoption option, ...);
    CURLMcode (*multi_cleanup)(CURLM *m);
    CURLMcode (*multi_add_handle)(CURLM *m, CURL *c);
    CURLMcode (*multi_remove_handle)(CURLM *m, CURL *c);
    CURLMcode (*multi_socket_action)(CURLM *m, curl_socket_t fd, int events, int *running);
    CURLMsg *(*multi_info_read)(CURLM *m, int *left);
    CURLU *(*url)(void); /* for url_fuzz.c: what libcurl reads in a URL */
    CURLUcode (*url_set)(CURLU *u, CURLUPart part, const char *text, unsigned flags);
    CURLUcode (*url_get)(CURLU *u, CURLUPart part, char **text, unsigned flags);
    void (*url_cleanup)(CURLU *u);
    void (*free)(void *p);
};

/* NULL with GIFD_ENOTFOUND and a text that names the library. The first call must be on the main thread. */
const struct curl_library *curl__load(struct err *e);
CURL *curl__easy(const struct curl_library *lib); /* http and https only; no signals. NULL without memory */
int curl__code(CURLcode code);                    /* one of ours */

#endif
