/* bundle_int.h: how a bundle is written; for build.c and tests. */
#ifndef GIFD_SCRIPT_BUNDLE_INT_H
#define GIFD_SCRIPT_BUNDLE_INT_H

#include "script/build.h"

#define BUNDLE_MAGIC "GIFDGEN1"
#define BUNDLE_MAGIC_LEN 8
#define BUNDLE_MAX (256 << 20)
#define BUNDLE_ENTRIES_MAX 4096

struct bundle_put {
    const char *name;
    struct slice bytes;
};

/* Sorts put and appends the whole file to out. GIFD_ECONFLICT when a name is there twice. */
int bundle__encode(struct bundle_put *put, size_t count, struct buf *out, struct err *e);
/* DIR/DIGEST.gen by a temporary name, durable when it returns; path gets its name. Makes DIR when missing. */
int bundle__write(const char *dir, const char *digest, struct slice bytes, char *path, size_t cap, struct err *e);

#endif
