/* value.h: JSON to Lua values and back. Private to core/script.
 *
 * null is gifd.null (lightuserdata NULL); arrays carry a metatable, so that an empty one stays an array. Objects are
 * printed with sorted keys, so that the same value gives the same text. */
#ifndef GIFD_SCRIPT_VALUE_H
#define GIFD_SCRIPT_VALUE_H

#include "base/buf.h"
#include "script/border.h"

#define VALUE_DEPTH_MAX 64
#define VALUE_TEXT_MAX ((size_t)32 << 20)

/* Pushes the value, or nothing: e says line and column. Throws only for want of memory. */
int value_decode(lua_State *L, struct slice text, size_t max, struct err *e);
/* Appends the value at index. Throws only for want of memory, or of time when it is a plugin that asks. */
int value_encode(lua_State *L, int index, struct buf *out, struct err *e);

#endif
