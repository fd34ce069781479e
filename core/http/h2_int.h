/* h2_int.h: HTTP/2 (RFC 9113) on a connection, by nghttp2.
 *
 *   conn (CONN_H2, the carrier): socket, TLS, time-outs, one output buffer
 *    '- h2: the session, its counts
 *        '- streams: each a struct conn of its own with `carrier` set, so that the app, bodies and replies meet the
 * same thing as under HTTP/1.1; it has no socket, no output buffer, and never a turn
 *
 * A head is written out as text and read by head.c, as strictly as one of HTTP/1.1. A turn of the carrier reads what
 * came, begins requests, delivers bodies, and then lets nghttp2 write frames of all streams into `out`, which leaves in
 * one send. Bytes of a body are given back to flow control when the sink has taken them. Loop thread only. */
#ifndef GIFD_HTTP_H2_INT_H
#define GIFD_HTTP_H2_INT_H

#include "http/conn_int.h"

#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define H2_PREFACE_LEN 24

int h2__begin(struct conn *c); /* c->h2, and CONN_H2 */
void h2__end(struct conn *c);  /* every stream is gone */

void h2__input(struct conn *c);       /* what came, and what streams were woken for */
bool h2__output(struct conn *c);      /* false: the socket is full, or the connection closed */
bool h2__pending(struct conn *c);     /* something happened since */
bool h2__over(struct conn *c);        /* neither side has anything to say */
bool h2__quiet(const struct conn *c); /* no stream */
bool h2__in_head(const struct conn *c);
void h2__goodbye(struct conn *c);      /* GOAWAY, as far as there is room */
void h2__streams_over(struct conn *c); /* conn__stream_over of each */
/* No further stream, please: unless it has been quiet for a second, which settles it too. Else it is settled when the
 * client has answered, so that what it had asked for by then is here, or a second later. */
void h2__notice(struct conn *c);
bool h2__settled(const struct conn *c);
bool h2__was_told(const struct conn *c); /* else it was quiet */

/* Of a stream. */
void h2__wake(struct conn *c);
void h2__drop(struct conn *c); /* RST_STREAM; its owner hears of it when it is gone */
void h2__continue(struct conn *c);
/* A head as HTTP/1.1 writes it, whose text is changed, and fields beside it. Both live as long as the stream. */
struct h2_head {
    char *text;
    size_t n;
    const struct http_header *more;
    size_t more_count;
};
/* A body is in pieces, or comes by h2__more. */
int h2__respond(struct conn *c, const struct h2_head *head, bool body, bool streamed);
int h2__more(struct conn *c, struct slice bytes);
void h2__finish(struct conn *c);      /* of what came by h2__more */
bool h2__ended(const struct conn *c); /* the client has sent all of its body */

#endif
