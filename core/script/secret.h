/* secret.h: what may not lie in a bundle. Private to core/script.
 *
 *   builder   reads each secret once, to see that it is there; the bundle's settings say where it comes from
 *   process   reads it again as it loads the bundle, puts it in its place, and has it redacted (base/redact.h)
 *
 * So no secret is ever in the data directory. A change is noticed by a reload (the stamp differs) and by every process
 * that starts. */
#ifndef GIFD_SCRIPT_SECRET_H
#define GIFD_SCRIPT_SECRET_H

#include "base/err.h"
#include "base/slice.h"

#include <lua.h>
#include <stdbool.h>

#define SECRET_MAX 16384
#define SECRET_STAMP 96

struct secret {
    char text[SECRET_MAX + 1];
    size_t n;
    char stamp[SECRET_STAMP]; /* of a file: changes when the file does; else "" */
};

/* from: "env" (name of a variable), "file" (a path), "credential" (a file of $CREDENTIALS_DIRECTORY). Line breaks and
 * spaces at the end of a file do not count. GIFD_ENOTFOUND, GIFD_EINVALID: e says what to do about it. */
int secret_read(const char *from, const char *name, struct secret *out, struct err *e);
/* The settings at the top: fills in what their field `secrets` names. may_lack: what cannot be had stays "***" (for
 * commands, which run in another environment). May throw. */
void secrets_fill(lua_State *L, bool may_lack);

#endif
