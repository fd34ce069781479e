/* signature.h: what a row of binding.h says about arguments, checked at each call. Private to core/script.
 *
 *   name(first: string, second?: integer|"all", ...: any) -> results -- what it does
 *
 * Types are those of the annotations that editors read: string, number, integer, boolean, table, function, any, nil,
 * "a text", {fields}, T[], table<K, V>, fun(...), gifd.Class; several are parted by |, and T is whatever was given. The
 * kind of each argument is checked here; bounds, and the fields of a table, by the primitive itself. */
#ifndef GIFD_SCRIPT_SIGNATURE_H
#define GIFD_SCRIPT_SIGNATURE_H

#include <lua.h>
#include <stdint.h>

#define SIGNATURE_ARGS 8

struct signature {
    uint8_t count;
    uint8_t first; /* index of the first argument on the stack: 2 for methods, whose own comes first */
    uint8_t said;  /* what its number is in messages: the name of a plugin that the host fills in is not counted */
    struct {
        const char *name; /* in the text that was read */
        uint8_t name_len;
        uint16_t kinds; /* 0: anything */
    } arg[SIGNATURE_ARGS];
};

void signature_read(struct signature *s, const char *text); /* text outlives s */
void signature_check(lua_State *L, const struct signature *s);

#endif
