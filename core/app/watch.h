/* watch.h: a changed file is a wish to reload, with `serve --dev` or reload = "auto" in config.lua.
 *
 * inotify on the folder of config.lua (for that name), on each folder of plugins and, with --root, on lua/ and plugins/
 * there, with all folders below. Changes that follow each other within WATCH_QUIET_MS are one, but none waits longer
 * than WATCH_MOST_MS. Hidden files and those that end in "~" do not count. The watches are made anew before each
 * reload, so that new folders are seen and nothing that changes meanwhile is missed. */
#ifndef GIFD_APP_WATCH_H
#define GIFD_APP_WATCH_H

#include "app/app.h"

#define WATCH_QUIET_MS 25
#define WATCH_MOST_MS 500
#define WATCH_MAX 4096 /* folders */

struct supervisor;

struct watch {
    int fd;                    /* -1: nothing is watched */
    int config;                /* the watch of config.lua's folder; -1: none */
    size_t count;              /* of folders */
    uint64_t generation;       /* the one whose folders these are */
    uint64_t first_ns, due_ns; /* of changes that nobody has wished for yet; 0: none */
};

void watch_on_events(struct supervisor *s);                 /* watch.fd is readable */
void watch_on_time(struct supervisor *s);                   /* each turn */
int watch_timeout(const struct supervisor *s, int most_ms); /* until watch_on_time has something to do */

#endif
