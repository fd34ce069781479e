/* events.h: streams of events (the format of HTML's server-sent events, text/event-stream). Private to core/script.
 *
 *   route's reply { events = { reader, first, per_address } } --> a stream: the connection and the reader, in C alone
 *   message of the topic --> event --> the client, as fast as it reads; who is behind loses the oldest
 *
 * A message is {"event": NAME, "data": TEXT, "last": true?}: the last one ends the stream. Lua says who may read what,
 * and is not asked again: no stream holds a generation. Every BEAT_MS each says something, so that a client that has
 * gone without a word is noticed, and proxies do not take it for dead. Loop thread only. */
#ifndef GIFD_SCRIPT_EVENTS_H
#define GIFD_SCRIPT_EVENTS_H

#include "http/reply.h"
#include "script/hub.h"

#include <lua.h>

#define STREAMS_MAX 4096 /* of a process */

struct events_ask {
    struct reader *reader; /* moved away */
    struct slice first;    /* a message that comes before those of the reader */
    size_t per_address;    /* streams of one client */
};

/* Ends r, with the stream or with a refusal (429). */
void events_begin(struct host *h, struct request *r, const struct reply *p, const struct events_ask *ask);
void events_stop(struct host *h); /* ends all */

/* bind_bus.c: the reader that gifd.bus.subscribe made at this index; NULL when it is none, has left, or is waited on */
struct reader *reader_at(lua_State *L, int at);

#endif
