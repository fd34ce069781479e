/* err.c: see err.h. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int code;
    const char *name;
    bool retryable;
} table[] = {
#define ERR_ROW(constant, value, name, retryable) {constant, name, retryable},
    ERR_CODES(ERR_ROW)
#undef ERR_ROW
};

static int fill(struct err *e, int code, int sys, const char *fmt, va_list ap)
{
    if (e) {
        e->code = code;
        e->sys = sys;
        int n = vsnprintf(e->text, sizeof e->text, fmt, ap);
        if (n < 0) e->text[0] = 0;
        if (sys) {
            size_t used = strlen(e->text);
            snprintf(e->text + used, sizeof e->text - used, ": %s", strerror(sys));
        }
    }
    return code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, 0, fmt, ap);
    va_end(ap);
    return code;
}

static int code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return GIFD_ENOSPACE;
    case ENOENT: return GIFD_ENOTFOUND;
    case ENOMEM: return GIFD_ENOMEM;
    case EACCES:
    case EPERM: return GIFD_EDENIED;
    case EEXIST: return GIFD_ECONFLICT;
    case EAGAIN:
    case EMFILE:
    case ENFILE: return GIFD_EBUSY;
    case ECONNREFUSED:
    case ECONNRESET: return GIFD_EREFUSED;
    case ETIMEDOUT: return GIFD_ETIMEOUT;
    case EPIPE: return GIFD_ECLOSED;
    default: return GIFD_EIO;
    }
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
    int code = code_of_errno(errnum);
    va_list ap;
    va_start(ap, fmt);
    fill(e, code, errnum, fmt, ap);
    va_end(ap);
    return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    if (!e) return GIFD_EINTERNAL;
    char what[ERR_TEXT_MAX / 2], whole[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    int n = snprintf(whole, sizeof whole, "%s: ", what);
    size_t room = sizeof whole - (size_t)n, len = strlen(e->text);
    if (len >= room) len = room - 1;
    memcpy(whole + n, e->text, len);
    whole[(size_t)n + len] = 0;
    memcpy(e->text, whole, sizeof whole);
    return e->code;
}

const char *err_name(int code)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code) return table[i].name;
    return "internal";
}

int err_code_of(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, name)) return table[i].code;
    return GIFD_EINTERNAL;
}

bool err_retryable(int code)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].code == code) return table[i].retryable;
    return false;
}
