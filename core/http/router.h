/* router.h: method and path to a number.
 *
 * A pattern is segments of literal text or one {name} each: "/api/v1/assets/{id}". A literal wins over a {name}; a
 * {name} matches one non-empty segment. A pattern that ends in "/{name...}" matches the rest, slashes included, also
 * when empty. HEAD is matched as GET unless it has a route of its own. Lookups take time linear in the path and
 * allocate nothing. A router is built once and then only read. */
#ifndef GIFD_HTTP_ROUTER_H
#define GIFD_HTTP_ROUTER_H

#include "http/request.h"

#define ROUTE_PARAMS_MAX 8
#define ROUTE_NOT_FOUND -1
#define ROUTE_BAD_METHOD -2

struct route_param {
    const char *name; /* owned by the router */
    struct slice value;
};

struct route_match {
    int id;           /* what router_add was given, or one of the two above */
    unsigned methods; /* bit (1 << enum http_method) of each method that this path has, HEAD and OPTIONS included */
    size_t param_count;
    struct route_param param[ROUTE_PARAMS_MAX];
};

struct router;
struct router *router_new(void);
void router_free(struct router *t);
/* GIFD_EINVALID: malformed pattern; GIFD_ECONFLICT: this method and pattern exist (the text names it). */
int router_add(struct router *t, enum http_method m, const char *pattern, int id, struct err *e);
void router_match(const struct router *t, enum http_method m, struct slice path, struct route_match *out);
/* "GET, HEAD, OPTIONS" for an Allow field. */
void router_allow(unsigned methods, char out[64]);

#endif
