/* border.h: values and errors between C and Lua. Private to core/script.
 *
 * The world's failures are returned as nil, {code, message, retryable, cause}; the author's are thrown, naming
 * primitive, argument and place. Every function here may throw, so that a caller owns nothing across it. */
#ifndef GIFD_SCRIPT_BORDER_H
#define GIFD_SCRIPT_BORDER_H

#include "base/err.h"
#include "base/slice.h"
#include "script/binding.h"

#include <stdbool.h>
#include <stdint.h>

/* Throws "FILE:LINE: gifd.time.sleep: text" at the Lua line that called the primitive. */
int border_throw(lua_State *L, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
/* The same about one argument: "argument 1 (seconds): text". */
int border_argument(lua_State *L, int arg, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5), noreturn));
const char *border_name(lua_State *L); /* of the primitive that runs */

struct slice border_string(lua_State *L, int arg, const char *name);
lua_Number border_number(lua_State *L, int arg, const char *name, lua_Number min, lua_Number max);
int64_t border_integer(lua_State *L, int arg, const char *name, int64_t min, int64_t max);
void border_table(lua_State *L, int arg, const char *name);
void border_function(lua_State *L, int arg, const char *name);

/* Fields of the options table at arg; a missing one is the fallback. */
lua_Number border_field_number(lua_State *L, int arg, const char *field, lua_Number min, lua_Number max,
                               lua_Number fallback);
/* "" with p == NULL when missing. Valid as long as the table holds it. */
struct slice border_field_string(lua_State *L, int arg, const char *field);

int push_err(lua_State *L, const struct err *e); /* nil, err; returns 2 */
int push_fault(lua_State *L, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void push_err_table(lua_State *L, int code, const char *message);
int push_fail(lua_State *L, void *e); /* a wait_push_fn: arg is a const struct err */
int push_true(lua_State *L, void *unused);
static inline void push_slice(lua_State *L, struct slice s)
{
    lua_pushlstring(L, s.p ? s.p : "", s.n);
}

/* An error object as text for people: a string as it is, an err as "code: message". */
void border_text(lua_State *L, int index, char *out, size_t cap);

/* A userdata of a known kind: its metatable is registered under `kind` ("gifd.draft"), with __metatable = false. */
void *border_udata_new(lua_State *L, size_t n, const char *kind, lua_CFunction gc, const luaL_Reg *methods);
void *border_udata(lua_State *L, int arg, const char *name, const char *kind); /* throws when it is none */
void *border_udata_try(lua_State *L, int arg, const char *kind);               /* NULL when it is none */

#endif
