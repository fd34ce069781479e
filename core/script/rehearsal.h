/* rehearsal.h: a bundle is loaded once where it can do no harm, before any process is asked to load it.
 *
 * In the builder: a fresh VM of a host that stands on nothing (no loop, no rows, no files), with the budgets that
 * plugins have everywhere (budget.h). Finds what compiling cannot: errors while loading, loading that never ends,
 * collisions of routes and claims, hooks that go in a circle. */
#ifndef GIFD_SCRIPT_REHEARSAL_H
#define GIFD_SCRIPT_REHEARSAL_H

#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>

/* GIFD_ESCRIPT: e->text says what is wrong, and mostly where, with the bundle's names of files.
 * checks: a plugin has a check to run. */
int rehearse(struct slice bundle, bool *checks, struct err *e);

#endif
