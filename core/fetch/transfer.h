/* transfer.h: one HTTP exchange that waits for its end, for the command line. Never on a loop. */
#ifndef GIFD_FETCH_TRANSFER_H
#define GIFD_FETCH_TRANSFER_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

struct transfer_field {
    const char *name, *value; /* a form field; name NULL ends the list */
};

struct transfer {
    const char *url;
    const char *token;                                         /* sent as Authorization: Bearer; may be NULL */
    const char *const *headers;                                /* "Name: value", NULL-terminated; may be NULL */
    const struct transfer_field *fields;                       /* multipart/form-data */
    const char *file_field, *file_path;                        /* the file part; may be NULL */
    const char *json;                                          /* transfer_ask: the body */
    void (*progress)(void *to, uint64_t sent, uint64_t total); /* may be NULL */
    void *to;
    long timeout_s;
};

/* Posts the form. 0 when an answer came, whatever its status; `body` (with a maximum) gets it. GIFD_EREFUSED,
 * GIFD_ETIMEOUT, GIFD_ETLS, GIFD_ENOTFOUND (no such host, no such file), GIFD_ETOOBIG (answer). */
int transfer_post(const struct transfer *t, long *status, struct buf *body, struct err *e);
/* The same with a body of JSON, or with GET when there is none. */
int transfer_ask(const struct transfer *t, long *status, struct buf *body, struct err *e);

#endif
