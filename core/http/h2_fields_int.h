/* h2_fields_int.h: header lines of HTTP/1.1 as fields of HTTP/2 (RFC 9113 8.2): names in lower case, without those that
 * belong to a connection. */
#ifndef GIFD_HTTP_H2_FIELDS_INT_H
#define GIFD_HTTP_H2_FIELDS_INT_H

#include "http/request.h"

#define H2_FIELDS_MAX 128

/* Of "\r\nName: value\r\nName: value...": slices of text, whose names are rewritten. More than max, or no header lines:
 * -1. */
int h2__fields(char *text, size_t n, struct http_header *out, size_t max);

#endif
