/* router.c: a tree of segments.
 *
 *   /api/v1/assets/{id}            ""
 *   /api/v1/assets                  api - v1 - assets (GET POST) - {id} (GET)
 *   /p/echo/{rest...}               p - echo - {rest...} (POST)
 *
 * A path is cut at its slashes: "/" is one empty segment, "/a/" is "a" and an empty one. At each node literals are
 * tried first, then {name}, then {name...}; when a branch leads nowhere the next is tried. The tree is a tree, so a
 * node is visited at most once per lookup, and only when the path so far fits it. */
#include "http/router.h"

#include <stdlib.h>

#define METHODS (HTTP_OPTIONS + 1)
#define DEPTH_MAX 32

enum node_kind { NODE_LITERAL, NODE_PARAM, NODE_REST };

struct node {
    struct node *next, *children; /* siblings: literals first, then the param, then the rest */
    enum node_kind kind;
    char *text; /* the literal, or the name of the first pattern that made the node */
    size_t len;
    unsigned methods;
    int id[METHODS];
    char *names[METHODS]; /* parameter names of that route, NUL-separated in order of the path */
};

struct router {
    struct node root;
};

struct router *router_new(void)
{
    return calloc(1, sizeof(struct router));
}

static void node_free(struct node *n)
{
    while (n->children) {
        struct node *c = n->children;
        n->children = c->next;
        node_free(c);
        free(c);
    }
    for (int m = 0; m < METHODS; m++) free(n->names[m]);
    free(n->text);
}

void router_free(struct router *t)
{
    if (!t) return;
    node_free(&t->root);
    free(t);
}

static struct node *child(struct node *n, enum node_kind kind, struct slice text)
{
    struct node **at = &n->children;
    for (; *at && (*at)->kind <= kind; at = &(*at)->next)
        if ((*at)->kind == kind && (kind != NODE_LITERAL || slice_eq(slice_of((*at)->text, (*at)->len), text)))
            return *at;
    struct node *c = calloc(1, sizeof *c);
    if (!c || !(c->text = strndup(text.n ? text.p : "", text.n))) {
        free(c);
        return NULL;
    }
    c->kind = kind;
    c->len = text.n;
    c->next = *at;
    *at = c;
    return c;
}

static bool name_valid(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char b = s.p[i];
        if (!((b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b == '_' || (i && b >= '0' && b <= '9')))
            return false;
    }
    return s.n > 0;
}

struct pattern_walk {
    struct node *node;
    char names[512];
    size_t names_len, params;
};

static int add_segment(struct pattern_walk *w, struct slice seg, bool last, const char *pattern, struct err *e)
{
    enum node_kind kind = NODE_LITERAL;
    if (seg.n && seg.p[0] == '{' && seg.p[seg.n - 1] == '}') {
        kind = NODE_PARAM;
        seg = slice_of(seg.p + 1, seg.n - 2);
        if (seg.n > 3 && memcmp(seg.p + seg.n - 3, "...", 3) == 0) {
            kind = NODE_REST;
            seg.n -= 3;
        }
        if (!name_valid(seg)) return err_set(e, GIFD_EINVALID, "route %s: a parameter has no valid name", pattern);
        if (kind == NODE_REST && !last)
            return err_set(e, GIFD_EINVALID, "route %s: {%.*s...} must come last", pattern, (int)seg.n, seg.p);
        for (size_t at = 0; at < w->names_len; at += strlen(w->names + at) + 1)
            if (slice_is(seg, w->names + at))
                return err_set(e, GIFD_EINVALID, "route %s: {%s} twice", pattern, w->names + at);
        if (w->params == ROUTE_PARAMS_MAX || w->names_len + seg.n + 1 > sizeof w->names)
            return err_set(e, GIFD_EINVALID, "route %s: more than %d parameters", pattern, ROUTE_PARAMS_MAX);
        memcpy(w->names + w->names_len, seg.p, seg.n);
        w->names[w->names_len + seg.n] = 0;
        w->names_len += seg.n + 1;
        w->params++;
    } else if ((seg.n == 0 && !last) || memchr(seg.p, '{', seg.n) || memchr(seg.p, '}', seg.n)) {
        return err_set(e, GIFD_EINVALID, "route %s: a segment is text or one {name}", pattern);
    }
    w->node = child(w->node, kind, seg);
    return w->node ? GIFD_OK : err_set(e, GIFD_ENOMEM, "route %s: no memory", pattern);
}

int router_add(struct router *t, enum http_method m, const char *pattern, int id, struct err *e)
{
    struct pattern_walk w = {.node = &t->root};
    int depth = 0;
    if (pattern[0] != '/' || id < 0 || m < HTTP_GET || m > HTTP_OPTIONS)
        return err_set(e, GIFD_EINVALID, "route %s: a pattern begins with a slash", pattern);
    for (const char *p = pattern + 1, *end; p; p = end ? end + 1 : NULL) {
        end = strchr(p, '/');
        if (++depth > DEPTH_MAX) return err_set(e, GIFD_EINVALID, "route %s: too many segments", pattern);
        int rc = add_segment(&w, slice_of(p, end ? (size_t)(end - p) : strlen(p)), !end, pattern, e);
        if (rc < 0) return rc;
    }
    if (w.node->methods & 1u << m)
        return err_set(e, GIFD_ECONFLICT, "route %s %s exists already", http_method_name(m), pattern);
    w.node->names[m] = malloc(w.names_len + 1);
    if (!w.node->names[m]) return err_set(e, GIFD_ENOMEM, "route %s: no memory", pattern);
    memcpy(w.node->names[m], w.names, w.names_len);
    w.node->names[m][w.names_len] = 0;
    w.node->id[m] = id;
    w.node->methods |= 1u << m;
    return GIFD_OK;
}

struct lookup {
    enum http_method method;
    struct route_match *out;
    struct slice values[ROUTE_PARAMS_MAX];
};

static bool accept(struct lookup *l, const struct node *n, size_t params)
{
    enum http_method m = l->method;
    l->out->methods |= n->methods;
    if (m == HTTP_HEAD && !(n->methods & 1u << m)) m = HTTP_GET;
    if (!(n->methods & 1u << m)) return false;
    l->out->id = n->id[m];
    l->out->param_count = params;
    const char *name = n->names[m];
    for (size_t i = 0; i < params; i++, name += strlen(name) + 1)
        l->out->param[i] = (struct route_param){name, l->values[i]};
    return true;
}

/* rest begins after a slash; NULL p: the path has ended. */
static bool descend(struct lookup *l, const struct node *n, struct slice rest, size_t params)
{
    const char *end = memchr(rest.p, '/', rest.n);
    struct slice seg = {rest.p, end ? (size_t)(end - rest.p) : rest.n};
    for (const struct node *c = n->children; c; c = c->next) {
        size_t k = params;
        struct slice after = end ? slice_of(end + 1, rest.n - seg.n - 1) : slice_of(NULL, 0);
        if (c->kind == NODE_LITERAL) {
            if (c->len != seg.n || memcmp(c->text, seg.p, seg.n) != 0) continue;
        } else {
            if (c->kind == NODE_PARAM && seg.n == 0) continue;
            if (c->kind == NODE_REST) after.p = NULL;
            l->values[k++] = c->kind == NODE_REST ? rest : seg;
        }
        if (after.p ? descend(l, c, after, k) : c->methods && accept(l, c, k)) return true;
    }
    return false;
}

void router_match(const struct router *t, enum http_method m, struct slice path, struct route_match *out)
{
    struct lookup l = {.method = m, .out = out};
    out->id = ROUTE_NOT_FOUND;
    out->methods = 0;
    out->param_count = 0;
    if (path.n == 0 || path.p[0] != '/') return;
    bool found = descend(&l, &t->root, slice_of(path.p + 1, path.n - 1), 0);
    if (!found && out->methods) out->id = ROUTE_BAD_METHOD;
    if (out->methods & 1u << HTTP_GET) out->methods |= 1u << HTTP_HEAD;
    if (out->methods) out->methods |= 1u << HTTP_OPTIONS;
}

void router_allow(unsigned methods, char out[64])
{
    size_t n = 0;
    out[0] = 0;
    for (int m = HTTP_GET; m <= HTTP_OPTIONS; m++) {
        if (!(methods & 1u << m)) continue;
        const char *name = http_method_name((enum http_method)m);
        size_t len = strlen(name);
        if (n) out[n++] = ',', out[n++] = ' ';
        memcpy(out + n, name, len + 1);
        n += len;
    }
}
