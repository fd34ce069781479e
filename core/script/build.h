/* build.h: from files to a bundle: the content-addressed snapshot that every process loads.
 *
 * Runs in a short-lived process of its own, in a VM that can read the files named here and nothing else. config.lua is
 * evaluated in an empty environment, everything is checked by lua/gifd/build.lua, host Lua and plugins are compiled and
 * loaded once on trial (rehearsal.h), and one file DATA/generations/DIGEST.gen is written (temporary name, fsync,
 * rename). The digest is over the sources and the configuration, so that the same input gives the same name. Nothing
 * else is touched on failure.
 *
 * A bundle: "GIFDGEN1", then entries of {u32 name length, u64 byte length, name, bytes}, sorted by name, then the
 * SHA-256 of all before it. Names: "lua/gifd/boot.lua" (bytecode), "plugins/NAME/init.lua" (bytecode),
 * "sha256/lua/gifd/boot.lua" (of the text that the bytecode was made of),
 * "plugins/NAME/plugin.lua", "lua/gifd/sql/0001_catalogue.sql", "lua/gifd/web/style.css" (as they are), "settings.json"
 * (checked, defaults filled; secrets are named, not held: secret.h). */
#ifndef GIFD_SCRIPT_BUILD_H
#define GIFD_SCRIPT_BUILD_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "store/db.h"

#include <stdbool.h>

struct embedded_file { /* a table of these is generated at build time, ended by path == NULL */
    const char *path;  /* "lua/gifd/boot.lua", "plugins/NAME/plugin.lua" */
    const unsigned char *bytes;
    size_t n;
};

struct build_options {
    const struct embedded_file *embedded;
    const char *root;               /* a checkout to read lua/ and plugins/ from instead, or NULL */
    const char *config;             /* config.lua, or NULL for the defaults */
    const char *const *plugin_dirs; /* NULL-terminated, or NULL; later ones shadow earlier ones and the bundled;
                                       those that config.lua names come last */
    bool sources;                   /* the bundle gets the text of plugins too, as "source/PATH": for `serve --dev` */
    const char *out_dir;            /* DATA/generations; made when missing; NULL: check only, nothing is written */
    const char *live;               /* the bundle that serves, made by this program, or NULL: what has not changed since
                                       is not compiled again; when nothing has, it is the result */
};

struct build_result {
    struct arena arena; /* owns the texts; freed by build_result_free */
    bool ok;
    bool checks; /* a plugin has a check, to be run before it goes live */
    char digest[65];
    const char *bundle;   /* path written, when ok and out_dir was given */
    const char *settings; /* JSON text of the checked settings, when ok */
    const char *faults;   /* JSON array of {"file","line","path","message","nearest"} when not ok */
    const char *
        text; /* the same for people, one fault a line: "config.lua:3: limits.bogus: unknown key (did you mean ...?)" */
    int code; /* build_ask: an exit code */
    const char *said; /* build_ask: what the answer is */
};

/* 0 also when the build was refused (out->ok is false then); negative when it could not even try. Blocks. */
int build_generation(const struct build_options *o, struct build_result *out, struct err *e);
/* Asks lua/gifd/build/ask.lua about the configuration (`gifd config`), by the words of a command line. What is answered
 * is in out->code and out->said; when the configuration is too wrong for that, out->ok is false and faults are there.
 */
int build_ask(const struct build_options *o, int argc, char **argv, struct build_result *out, struct err *e);
void build_result_free(struct build_result *r);

/* A bundle, mapped read-only and verified against its checksum. */
struct bundle;
struct bundle *bundle_open(const char *path, struct err *e);
void bundle_close(struct bundle *b);
bool bundle_find(const struct bundle *b, const char *name, struct slice *out); /* points into the mapping */
/* Entries whose name starts with prefix, in order: fn returns non-zero to stop. */
int bundle_each(const struct bundle *b, const char *prefix, int (*fn)(void *, const char *name, struct slice bytes),
                void *arg);

/* The migrations of a folder in a bundle ("lua/gifd/sql/"), in order, for db_migrate. *out NULL: no memory. */
size_t bundle_migrations(const struct bundle *b, const char *folder, struct arena *arena, struct migration **out);

#endif
