/* doctor_int.h: what checks of `gifd doctor` share. Private to core/app.
 *
 *   cli_doctor.c   this machine, and what the configuration says: needs no server
 *   doctor_live.c  the server that runs on the data, asked as others ask it */
#ifndef GIFD_APP_DOCTOR_INT_H
#define GIFD_APP_DOCTOR_INT_H

#include "app/app.h"
#include "base/json.h"

#define DOCTOR_FINDINGS_MAX 96

enum doctor_state { OK, WARN, FAIL };

struct finding {
    char name[40], text[300], mend[300];
    enum doctor_state state;
};

struct doctor {
    char data[PATH_LEN];
    const char *config; /* NULL: as shipped */
    char base_url[512]; /* as configured, without a slash at its end; "" when it is not */
    struct finding finding[DOCTOR_FINDINGS_MAX];
    size_t count;
};

struct finding *doctor__find(struct doctor *d, enum doctor_state state, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void doctor__mend(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What this program prints when it runs with argv (NULL at its end), in a; "" and *status (of waitpid) when it fails.
 */
struct slice doctor__run(char *const argv[], struct arena *a, int *status);

void doctor__check_names(struct doctor *d); /* DNS */
void doctor__check_server(struct doctor *d);

#endif
