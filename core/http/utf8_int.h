/* utf8_int.h: is it valid UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF)? */
#ifndef GIFD_HTTP_UTF8_INT_H
#define GIFD_HTTP_UTF8_INT_H

#include "base/slice.h"

bool utf8__valid(struct slice s);
int hex__digit(char c); /* 0 .. 15, or -1 */

#endif
