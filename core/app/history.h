/* history.h: which generation serves, and which did before: DATA/generations/live.
 *
 *   6f2c...e1.gen 8 1764096000123 0.1.0      bundle, number, when it went live (ms), by which version: the newest first
 *   09ab...77.gen 7 1764095000456 0.1.0
 *
 * Numbers belong to the server, grow, and outlive it. The bundles of all entries are kept, so that one of them can be
 * brought back; others are pruned. By the supervisor only. */
#ifndef GIFD_APP_HISTORY_H
#define GIFD_APP_HISTORY_H

#include "app/app.h"

#define HISTORY_MAX 8

struct history_entry {
    char name[80]; /* of the bundle's file */
    uint64_t number, at_ms;
    char version[32];
};
struct history {
    struct history_entry entry[HISTORY_MAX]; /* entry[0] is live */
    size_t count;
};

/* Empty when there is none yet. GIFD_ECORRUPT when it names no bundle. */
int history_read(const struct datadir *d, struct history *h, struct err *e);
uint64_t history_next(const struct history *h); /* the number that a new generation gets */
/* Makes `bundle` (a path or a name) live under that number, durable when it returns; drops what is too old. On failure
 * neither the file nor h has changed. */
int history_push(const struct datadir *d, struct history *h, const char *bundle, uint64_t number, struct err *e);
/* Takes the newest entry back. */
int history_pop(const struct datadir *d, struct history *h, struct err *e);
/* The newest entry of that number; 0: the newest that is of another bundle than the live one. NULL: there is none. */
const struct history_entry *history_find(const struct history *h, uint64_t number);
void history_path(const struct datadir *d, const struct history_entry *of, char bundle[PATH_LEN]);
/* For commands: the path of what is live. GIFD_ENOTFOUND: no server has run here yet. */
int history_live(const struct datadir *d, char bundle[PATH_LEN], struct err *e);
/* Removes bundles that are in no entry. `also` (a path) stays; may be NULL. */
void history_prune(const struct datadir *d, const struct history *h, const char *also);

#endif
