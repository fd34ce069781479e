/* plain.h: plain copies of what passes between the host and a plugin. Private to core/script.
 *
 * A table that a plugin has touched may have metamethods, which run its code, and may be changed by it later; one that
 * the host goes on using may not be given away for the same reason. So tables are copied through, without metatables
 * (but for errors and arrays of ours, gifd.err and gifd.json.array). Functions, userdata and strings stay as they are:
 * strings cannot change, and a plugin's functions are only ever called by gifd.plugin.call. */
#ifndef GIFD_SCRIPT_PLAIN_H
#define GIFD_SCRIPT_PLAIN_H

#include <lua.h>

#define PLAIN_DEPTH_MAX 64
#define PLAIN_ENTRIES_MAX 500000

/* Pushes the copy of the value at index. NULL, or what is wrong with it; then nothing is pushed. Throws only for want
 * of memory. */
const char *plain_copy(lua_State *L, int index);
/* Pushes what was thrown, or returned as err, as an error of ours: code and message are texts, whatever it was. */
void plain_err(lua_State *L, int index);

#endif
