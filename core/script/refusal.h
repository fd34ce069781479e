/* refusal.h: what refusals that C makes by itself (404, 405, 429, 500, 503) say to browsers: the same fields that Lua
 * puts into its own (lua/gifd/http/guard.lua, cors.lua). Private to core/script.
 *
 *   boot: refusals = { replies = {name = value}, fields = {name = value}, secret = {name = value}, origins = {...},
 * exposed = text }
 *
 * Compiled to header lines once per generation; looked at by nobody but a refusal. */
#ifndef GIFD_SCRIPT_REFUSAL_H
#define GIFD_SCRIPT_REFUSAL_H

#include "http/request.h"

struct lua_State;

#define REFUSAL_ORIGINS_MAX 64
#define REFUSAL_REPLIES_MAX 8

struct refusals {
    struct arena arena;          /* owns the rest */
    struct slice fields, secret; /* header lines; secret: where the address is signed, and so one */
    size_t replies;              /* what Lua's replies say where they do not say it themselves */
    struct http_header reply[REFUSAL_REPLIES_MAX];
    size_t origins;                           /* 0: no page of another site may read anything */
    struct slice origin[REFUSAL_ORIGINS_MAX]; /* "https://app.example.org", or "*" */
    struct slice exposed;                     /* what such a page may read beside the body */
};

/* From the table at the top of the stack, by its field `refusals`; without one nothing is said. Throws. */
void refusals_read(struct lua_State *L, struct refusals *f);
void refusals_free(struct refusals *f);

/* Adds the fields to whatever r is about to be answered with. flags: ROUTE_CROSS, ROUTE_SIGNED of its route (gen.h);
 * where there is no route there is nothing to hide: ROUTE_CROSS. */
void refusal_mark(const struct refusals *f, struct request *r, unsigned flags);

#endif
