/* classes.h: who asks: small numbers for kinds of client, so that C can tell apart what Lua names. Read once from what
 * boot returned. Class 0 is everybody else. Loop thread only: what was found of a User-Agent is remembered. */
#ifndef GIFD_SCRIPT_CLASSES_H
#define GIFD_SCRIPT_CLASSES_H

#include "base/slice.h"

#include <lua.h>
#include <stdint.h>

#define CLASSES_MAX 32 /* with class 0 */
#define CLASS_TEXTS_MAX 8
#define CLASSES_KNOWN 64      /* a power of two */
#define CLASSES_AGENT_MAX 252 /* bytes of a User-Agent that is remembered */

struct classes {
    size_t count;
    struct {
        struct slice text[CLASS_TEXTS_MAX]; /* each on the heap */
        size_t n;
    } of[CLASSES_MAX];
    struct known_agent {
        uint16_t n; /* 0: none */
        uint8_t class;
        char text[CLASSES_AGENT_MAX];
    } known[CLASSES_KNOWN];
};

/* The array of arrays of texts in field `name` of the table at the top of L; none when it is missing. May throw. */
void classes_read(lua_State *L, const char *name, struct classes *c);
void classes_free(struct classes *c);

/* The first class all of whose texts stand in a User-Agent. */
uint8_t classes_client(struct classes *c, struct slice user_agent);

#endif
