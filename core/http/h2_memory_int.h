/* h2_memory_int.h: where nghttp2 gets its memory, of one server. Up to SMALL_MAX bytes it comes from lists, each of one
 * size: what a stream's end gives back is what the next stream asks for. Loop thread only. */
#ifndef GIFD_HTTP_H2_MEMORY_INT_H
#define GIFD_HTTP_H2_MEMORY_INT_H

#include "http/server_int.h"

#include <nghttp2/nghttp2.h>

nghttp2_mem h2__memory(struct http_server *s);
void h2__memory_free(struct http_server *s);

#endif
