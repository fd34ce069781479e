/* curl.c: see curl_int.h. */
#include "fetch/curl_int.h"

#include <dlfcn.h>

static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

const struct curl_library *curl__load(struct err *e)
{
    static struct curl_library lib;
    static bool loaded;
    if (loaded) return &lib;
    void *handle = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !handle; i++) handle = dlopen(names[i], RTLD_NOW);
    if (!handle) {
        err_set(e, GIFD_ENOTFOUND, "libcurl is not installed (Debian package libcurl4): %s", dlerror());
        return NULL;
    }
    const struct {
        void **slot;
        const char *name;
    } wanted[] = {
        {(void **)&lib.global_init, "curl_global_init"},
        {(void **)&lib.easy_init, "curl_easy_init"},
        {(void **)&lib.easy_setopt, "curl_easy_setopt"},
        {(void **)&lib.easy_perform, "curl_easy_perform"},
        {(void **)&lib.easy_getinfo, "curl_easy_getinfo"},
        {(void **)&lib.easy_cleanup, "curl_easy_cleanup"},
        {(void **)&lib.easy_strerror, "curl_easy_strerror"},
        {(void **)&lib.slist_append, "curl_slist_append"},
        {(void **)&lib.slist_free_all, "curl_slist_free_all"},
        {(void **)&lib.mime_init, "curl_mime_init"},
        {(void **)&lib.mime_addpart, "curl_mime_addpart"},
        {(void **)&lib.mime_name, "curl_mime_name"},
        {(void **)&lib.mime_data, "curl_mime_data"},
        {(void **)&lib.mime_filedata, "curl_mime_filedata"},
        {(void **)&lib.mime_free, "curl_mime_free"},
        {(void **)&lib.multi_init, "curl_multi_init"},
        {(void **)&lib.multi_setopt, "curl_multi_setopt"},
        {(void **)&lib.multi_cleanup, "curl_multi_cleanup"},
        {(void **)&lib.multi_add_handle, "curl_multi_add_handle"},
        {(void **)&lib.multi_remove_handle, "curl_multi_remove_handle"},
        {(void **)&lib.multi_socket_action, "curl_multi_socket_action"},
        {(void **)&lib.multi_info_read, "curl_multi_info_read"},
        {(void **)&lib.url, "curl_url"},
        {(void **)&lib.url_set, "curl_url_set"},
        {(void **)&lib.url_get, "curl_url_get"},
        {(void **)&lib.url_cleanup, "curl_url_cleanup"},
        {(void **)&lib.free, "curl_free"},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        *wanted[i].slot = dlsym(handle, wanted[i].name);
        if (!*wanted[i].slot) {
            err_set(e, GIFD_ENOTFOUND, "libcurl has no %s", wanted[i].name);
            dlclose(handle);
            return NULL;
        }
    }
    lib.global_init(CURL_GLOBAL_DEFAULT);
    loaded = true;
    return &lib;
}

CURL *curl__easy(const struct curl_library *lib)
{
    CURL *c = lib->easy_init();
    if (!c) return NULL;
    lib->easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    lib->easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    lib->easy_setopt(c, CURLOPT_USERAGENT, "gifd");
    return c;
}

int curl__code(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING: return GIFD_EREFUSED;
    case CURLE_COULDNT_RESOLVE_HOST: return GIFD_ENOTFOUND;
    case CURLE_OPERATION_TIMEDOUT: return GIFD_ETIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_PEER_FAILED_VERIFICATION: return GIFD_ETLS;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return GIFD_EINVALID;
    case CURLE_OUT_OF_MEMORY: return GIFD_ENOMEM;
    default: return GIFD_EPROTOCOL;
    }
}
