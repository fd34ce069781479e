/* pieces.h: replies whose body a function writes while it goes out. Private to core/script.
 *
 *   route's reply { pieces = f } --> the head --> a task: f() --gifd.request.write(text)--> the client
 *                                                  '-- true: the end   nil, err or an error: the reply is cut
 *
 * What is cut lacks its end, so that nobody takes it for whole. The writer waits while its reader is behind, and is
 * told GIFD_ECLOSED when it has left. A server that drains lets it come to its end. Loop thread only. */
#ifndef GIFD_SCRIPT_PIECES_H
#define GIFD_SCRIPT_PIECES_H

#include "http/reply.h"
#include "script/gen.h"

/* Ends r's visit; the function is at `ref` of the registry, and given back. */
void pieces_begin(struct gen *g, struct request *r, const struct reply *p, int ref);
/* gifd.request.write */
int pieces_write(lua_State *L);

#endif
