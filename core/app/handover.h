/* handover.h: what a supervisor leaves to the program that replaces it by exec, as text in the environment.
 *
 *   1                                        HANDOVER_VERSION, also of the control messages
 *   pid 4711                                 of the process, so that nobody else takes the text for his own
 *   data /var/lib/gifd
 *   lock 3 / wake 5 / media 6 / settings 9   descriptors; settings: memory with the flat settings that the trial wrote
 *   tickets 8                                memory with the keys of session tickets (tls.h); since 0.1.0
 *   reload 1                                 a reload was asked for meanwhile
 *   listen 7 127.0.0.1:0 http://127.0.0.1:4180
 *   child worker 4712 12 0 1 worker-1        kind, pid, control socket (-1: none), slot, ready, name
 *
 * Every descriptor is inherited open. The text stays readable by programs to come: a line may be added and is skipped
 * by who does not know it; anything else is a new version. Pure text here; no descriptor is touched. */
#ifndef GIFD_APP_HANDOVER_H
#define GIFD_APP_HANDOVER_H

#include "app/supervisor.h"
#include "base/buf.h"

#define HANDOVER_VERSION 1
#define HANDOVER_VARIABLE "GIFD_HANDOVER"
#define HANDOVER_MAX 65536

/* Running children only. */
int handover_write(const struct supervisor *s, struct buf *out, struct err *e);
/* Into a supervisor that has nothing yet: its dir, descriptors, listeners (with the address each was asked for, in
 * settings.listen) and children, all of them old. GIFD_EUNSUPPORTED: another version; GIFD_EINVALID: not a handover to
 * this process. */
int handover_read(const char *text, struct supervisor *s, struct err *e);

#endif
