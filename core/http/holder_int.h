/* holder_int.h: who holds how many connections, so that none can keep the others out.
 *
 *   hash of address --> holder { count, idle: oldest first, slow: oldest first } --> its connections
 *   server.crowded ---> holders above their part
 *
 * An address is an IPv4 address or an IPv6 /64. Nobody is refused: when a connection comes from an address that has its
 * part (http_limits.per_address), that address's own oldest idle connection is closed for it, else the one that has
 * been waiting longest for its client. When the process has all the connections it may have, room is made the same
 * way by those who have more than their part, then by what is left lingering, idle or half a head, oldest first.
 * Trusted proxies have no holder and are never chosen. All steps are of constant cost. Loop thread only. */
#ifndef GIFD_HTTP_HOLDER_INT_H
#define GIFD_HTTP_HOLDER_INT_H

#include "http/conn_int.h"

/* Before a connection from this address is taken in: closes one of its own when it has its part already. */
void holder__welcome(struct http_server *s, const struct ip *ip);
void holder__join(struct conn *c, const struct ip *ip); /* leaves the one before; without memory c belongs to nobody */
void holder__leave(struct conn *c);
void holder__place(struct conn *c); /* c waits for something else now: wait_kind has changed, or it made progress */
bool holder__make_room(struct http_server *s); /* true when a connection was closed */

int holder__table(struct http_server *s); /* -1 without memory */
void holder__table_free(struct http_server *s);

#endif
