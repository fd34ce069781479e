/* sources.h: the files that a build may read. Private to core/script.
 *
 *   embedded table, or ROOT/lua and ROOT/plugins      "lua/gifd/boot.lua"  "plugins/NAME/init.lua"
 *   each plugin folder DIR/NAME/...                   "plugins/NAME/..."; a later NAME replaces the earlier one whole
 *
 * Regular files only, no hidden ones; links are not followed, but remembered, for a message. Listed once, read when
 * asked for. */
#ifndef GIFD_SCRIPT_SOURCES_H
#define GIFD_SCRIPT_SOURCES_H

#include "base/arena.h"
#include "script/build.h"

#include <sys/stat.h>

#define SOURCES_MAX 8192
#define SOURCE_LINKS_MAX 64
#define SOURCE_BYTES_MAX ((size_t)8 << 20) /* of one file */
#define SOURCE_DEPTH_MAX 8

struct source {
    const char *path;   /* in the bundle */
    const char *origin; /* for people: the real file name */
    struct slice text;  /* p == NULL: not read yet */
    unsigned layer;     /* 0: bundled; then each plugin folder */
    struct stat seen;   /* as it was when it was read */
};

struct sources {
    struct arena *arena; /* owns everything */
    struct source *list; /* sorted by path */
    size_t count;
    unsigned layers;      /* the last one */
    struct source *links; /* what was passed over; text and seen are empty */
    size_t link_count;
};

int sources_collect(struct sources *s, struct arena *arena, const struct build_options *o, struct err *e);
/* One more folder of plugins, above those that are there. */
int sources_add(struct sources *s, const char *dir, struct err *e);
/* The name of a file that was read and is another now, or NULL. */
const char *sources_moved(const struct sources *s);
struct source *sources_find(const struct sources *s, const char *path); /* NULL */
int sources_read(struct sources *s, struct source *f, struct err *e);   /* fills text */
/* A whole file into the arena; one that changes meanwhile is read again. GIFD_EBUSY: it does so all the time. */
int sources_slurp(struct arena *a, const char *file, size_t max, struct slice *out, struct err *e);

#endif
