/* levels.h: what all processes of a server log, in memory that they share, and that changes while they run.
 *
 *   base     the configuration's level, form and burst, in one word       written by the supervisor
 *   modules  name, level, until when                                      written by `gifd log level`
 *   reopen   how often files were to be opened anew                       written by the supervisor
 *
 * The module of a line is the first word of its event: "http.accept" is of http. A module's own level counts instead of
 * the base one until its time is over. Reading waits for nobody, and costs two loads while no module has a level of its
 * own. All fields are atomics: any process, any thread. */
#ifndef GIFD_BASE_LEVELS_H
#define GIFD_BASE_LEVELS_H

#include "base/err.h"
#include "base/slice.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define LEVELS_MODULES 32
#define LEVELS_NAME 24 /* with its NUL */

struct levels {
    _Atomic uint64_t base; /* 0: nobody has said */
    _Atomic uint32_t used, reopen;
    struct level_module {
        _Atomic uint64_t name[LEVELS_NAME / 8];
        _Atomic uint64_t rule; /* until (clock_mono ms) << 8 | level + 1; 0: free */
    } module[LEVELS_MODULES];
};

struct levels_base {
    int level, form;
    uint32_t burst;
};
void levels_base_set(struct levels *l, const struct levels_base *b);
bool levels_base(const struct levels *l, struct levels_base *out); /* false: nobody has said */

/* For so long from now on. level -1: the base one again. GIFD_EINVALID for a name that no event begins with,
 * GIFD_ETOOBIG when LEVELS_MODULES others have a level. */
int levels_set(struct levels *l, struct slice module, int level, uint64_t ms, struct err *e);
/* The level of the event's module, or -1 when it has none of its own. */
int levels_of(const struct levels *l, const char *event);
struct levels_view {
    char name[LEVELS_NAME];
    int level;
    uint64_t left_ms;
};
bool levels_at(const struct levels *l, size_t place, struct levels_view *out); /* place < LEVELS_MODULES */

#endif
