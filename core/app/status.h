/* status.h: what `gifd status` says. The supervisor knows its processes, generations and plugins; what holds old
 * generations is asked of each process, which has half a second to tell.
 *
 *   status_collect --STATUS--> every process --text--> status_on_text ... --all or the time--> admin_status
 */
#ifndef GIFD_APP_STATUS_H
#define GIFD_APP_STATUS_H

#include "app/app.h"

struct supervisor;
struct child;

void status_collect(struct supervisor *s);
void status_on_text(struct supervisor *s, struct child *c, const char *text);
void status_on_time(struct supervisor *s); /* each turn */

#endif
