/* child.h: the life of one question, inside the walls: read it, decode, answer, end. */
#ifndef GIFD_MEDIA_CHILD_H
#define GIFD_MEDIA_CHILD_H

#include "base/err.h"
#include "media/sandbox.h"

/* In the zygote, once: what every child would otherwise pay for (tables of the codecs, lazily bound symbols). */
int child_warm_up(struct err *e);
/* "decoder NAME yes|no", "encoder NAME yes|no" on stdout for each that sources or outputs may need. */
void child_print_codecs(void);
/* After sandbox_enter. The exit code: 0 once an answer is sent. */
int child_run(const struct sandbox *s);

#endif
