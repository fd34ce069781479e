/* err.h: what went wrong, for programs and for people.
 *
 * A function that can fail returns 0 (or a count) or one of the negative codes below, and fills the caller's
 * `struct err` when it is given one (NULL is allowed everywhere). Codes are for programs and form a closed list:
 * the same names reach Lua as err.code. Text is for people: it names the thing and the limit. Any thread. */
#ifndef GIFD_BASE_ERR_H
#define GIFD_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/*        constant         value  name for programs    worth trying again */
#define ERR_CODES(X)                                                                                                   \
    X(GIFD_EINVALID, -1, "invalid", false) /* a value is malformed or out of bounds */                                 \
    X(GIFD_ENOTFOUND, -2, "not_found", false)                                                                          \
    X(GIFD_ECONFLICT, -3, "conflict", false) /* a unique thing exists, a row guard did not hold */                     \
    X(GIFD_ETOOBIG, -4, "too_large", false)  /* a maximum was reached; the text names it */                            \
    X(GIFD_ETIMEOUT, -5, "timeout", true)                                                                              \
    X(GIFD_ECANCELLED, -6, "cancelled", false)                                                                         \
    X(GIFD_EIO, -7, "io", true)                                                                                        \
    X(GIFD_ENOSPACE, -8, "disk_full", true)                                                                            \
    X(GIFD_ENOMEM, -9, "out_of_memory", true)                                                                          \
    X(GIFD_EBUSY, -10, "busy", true)      /* a queue is full, a lock is held */                                        \
    X(GIFD_ECLOSED, -11, "closed", false) /* the other side went away */                                               \
    X(GIFD_EDENIED, -12, "denied", false)                                                                              \
    X(GIFD_EUNAUTHORIZED, -13, "unauthorized", false)                                                                  \
    X(GIFD_ELIMITED, -14, "rate_limited", true)                                                                        \
    X(GIFD_EBADMEDIA, -15, "bad_media", false)            /* of a supported type, but broken or over a limit */        \
    X(GIFD_EUNSUPPORTED, -16, "unsupported_media", false) /* not of a supported type */                                \
    X(GIFD_ECORRUPT, -17, "corrupt", false)               /* our own stored data does not check */                     \
    X(GIFD_EPROTOCOL, -18, "protocol", false)             /* the peer broke the protocol */                            \
    X(GIFD_EREFUSED, -19, "refused", true)                /* connection refused or reset */                            \
    X(GIFD_ETLS, -20, "tls", false)                                                                                    \
    X(GIFD_EADDRESS, -21, "address_refused", false) /* an address that must not be dialled */                          \
    X(GIFD_ESCRIPT, -22, "script", false)           /* Lua code raised an error */                                     \
    X(GIFD_EINTERNAL, -23, "internal", false)                                                                          \
    X(GIFD_EBUDGET, -24, "budget", false)         /* a plugin took more time or memory than it may */                  \
    X(GIFD_EMEDIACRASH, -25, "media_crash", true) /* what decodes died of it, or was killed */

enum err_code {
    GIFD_OK = 0,
#define ERR_ENUM(constant, value, name, retryable) constant = value,
    ERR_CODES(ERR_ENUM)
#undef ERR_ENUM
};

#define ERR_TEXT_MAX 512

struct err {
    int code;                /* GIFD_OK or a negative code */
    int sys;                 /* errno behind it, or 0 */
    char text[ERR_TEXT_MAX]; /* one line, cut when longer */
};

/* Fills e (if any) and returns code, so that `return err_set(e, GIFD_EIO, "...")` reads well. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for a failed system call: picks the code from `errnum` (ENOSPC and EDQUOT: GIFD_ENOSPACE, ENOENT:
 * GIFD_ENOTFOUND, ENOMEM, EACCES/EPERM, else GIFD_EIO), appends its text and keeps it in e->sys. */
int err_sys(struct err *e, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "what: " in front of the text already there; returns e->code. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "not_found" for GIFD_ENOTFOUND; "internal" for anything unknown. Static storage. */
const char *err_name(int code);
int err_code_of(const char *name); /* GIFD_EINTERNAL when unknown */
bool err_retryable(int code);

#endif
