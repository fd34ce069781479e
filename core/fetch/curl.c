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
        {(void **)&lib.global_init, "curl_global_init"},       {(void **)&lib.easy_init, "curl_easy_init"},
        {(void **)&lib.easy_setopt, "curl_easy_setopt"},       {(void **)&lib.easy_perform, "curl_easy_perform"},
        {(void **)&lib.easy_getinfo, "curl_easy_getinfo"},     {(void **)&lib.easy_cleanup, "curl_easy_cleanup"},
        {(void **)&lib.easy_strerror, "curl_easy_strerror"},   {(void **)&lib.slist_append, "curl_slist_append"},
        {(void **)&lib.slist_free_all, "curl_slist_free_all"}, {(void **)&lib.mime_init, "curl_mime_init"},
        {(void **)&lib.mime_addpart, "curl_mime_addpart"},     {(void **)&lib.mime_name, "curl_mime_name"},
        {(void **)&lib.mime_data, "curl_mime_data"},           {(void **)&lib.mime_filedata, "curl_mime_filedata"},
        {(void **)&lib.mime_free, "curl_mime_free"},
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
