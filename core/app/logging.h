/* logging.h: what the configuration says of the log, put into effect in all processes. See base/log.h. */
#ifndef GIFD_APP_LOGGING_H
#define GIFD_APP_LOGGING_H

#include "app/supervisor.h"

/* The supervisor: form, level and burst, which its processes follow at once; the file when it begins. */
void logging_begin(struct supervisor *s);
void logging_apply(struct supervisor *s);  /* after a reload */
void logging_reopen(struct supervisor *s); /* the file may have been moved away */
/* Any process of a server: what all agree on holds, and its lines are counted there. */
void logging_share(struct segment *s);
/* For gifd-media, which has none of this: "FORM,LEVEL" in the environment. */
#define LOGGING_VARIABLE "GIFD_LOG"
void logging_variable(char *out, size_t cap);

#endif
