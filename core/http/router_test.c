/* router_test.c: which route a path gets. */
#include "base/test.h"
#include "http/router.h"

static struct route_match m;

static struct router *table(void)
{
    static const struct {
        enum http_method method;
        const char *pattern;
    } routes[] = {
        {HTTP_GET, "/"},                        /* 0 */
        {HTTP_GET, "/api/v1/assets/{id}"},      /* 1 */
        {HTTP_POST, "/api/v1/assets"},          /* 2 */
        {HTTP_GET, "/api/v1/shares/{code}"},    /* 3 */
        {HTTP_DELETE, "/api/v1/shares/{code}"}, /* 4 */
        {HTTP_POST, "/api/v1/shares/new"},      /* 5 */
        {HTTP_GET, "/api/v1/shares/new/x"},     /* 6 */
        {HTTP_GET, "/api/v1/shares/{code}/y"},  /* 7 */
        {HTTP_POST, "/p/echo/{rest...}"},       /* 8 */
        {HTTP_GET, "/a/{id}/{name}"},           /* 9 */
        {HTTP_GET, "/a/{asset}/poster"},        /* 10 */
        {HTTP_HEAD, "/a/{id}/{name}"},          /* 11 */
        {HTTP_GET, "/d/"},                      /* 12 */
    };
    struct err e;
    struct router *t = router_new();
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (router_add(t, routes[i].method, routes[i].pattern, (int)i, &e) < 0) return NULL;
    return t;
}

static int match(struct router *t, enum http_method method, const char *path)
{
    router_match(t, method, slice_str(path), &m);
    return m.id;
}

TEST(routes_are_found)
{
    struct router *t = table();
    CHECK(t);
    CHECK(match(t, HTTP_GET, "/") == 0);
    CHECK(match(t, HTTP_GET, "/api/v1/assets/0123") == 1);
    CHECK(m.param_count == 1 && slice_is(m.param[0].value, "0123"));
    CHECK_STR(m.param[0].name, "id");
    CHECK(match(t, HTTP_POST, "/api/v1/assets") == 2);
    CHECK(match(t, HTTP_GET, "/api/v1/assets/") == ROUTE_NOT_FOUND);
    CHECK(match(t, HTTP_GET, "/api/v1/assets/a/b") == ROUTE_NOT_FOUND);
    CHECK(match(t, HTTP_GET, "/api") == ROUTE_NOT_FOUND);
    CHECK(match(t, HTTP_GET, "/d/") == 12);
    CHECK(match(t, HTTP_GET, "/d") == ROUTE_NOT_FOUND);
    CHECK(match(t, HTTP_GET, "*") == ROUTE_NOT_FOUND);
    router_free(t);
}

TEST(a_literal_wins_and_a_dead_end_is_left)
{
    struct router *t = table();
    CHECK(match(t, HTTP_POST, "/api/v1/shares/new") == 5);
    CHECK(match(t, HTTP_GET, "/api/v1/shares/new") == 3);
    CHECK(match(t, HTTP_GET, "/api/v1/shares/new/y") == 7);
    CHECK(slice_is(m.param[0].value, "new"));
    CHECK(match(t, HTTP_GET, "/a/1/poster") == 10);
    CHECK_STR(m.param[0].name, "asset");
    CHECK(match(t, HTTP_GET, "/a/1/2.gif") == 9);
    CHECK_STR(m.param[1].name, "name");
    CHECK(slice_is(m.param[1].value, "2.gif"));
    router_free(t);
}

TEST(a_rest_takes_slashes_and_nothing)
{
    struct router *t = table();
    CHECK(match(t, HTTP_POST, "/p/echo/") == 8);
    CHECK(m.param_count == 1 && m.param[0].value.n == 0);
    CHECK(match(t, HTTP_POST, "/p/echo/a/b/") == 8);
    CHECK(slice_is(m.param[0].value, "a/b/"));
    CHECK(match(t, HTTP_POST, "/p/echo") == ROUTE_NOT_FOUND);
    router_free(t);
}

TEST(methods_of_a_path_are_told)
{
    struct router *t = table();
    char allow[64];
    CHECK(match(t, HTTP_PUT, "/api/v1/shares/x") == ROUTE_BAD_METHOD);
    router_allow(m.methods, allow);
    CHECK_STR(allow, "GET, HEAD, DELETE, OPTIONS");
    CHECK(match(t, HTTP_HEAD, "/api/v1/shares/x") == 3);
    CHECK(match(t, HTTP_HEAD, "/a/1/2") == 11);
    CHECK(match(t, HTTP_GET, "/p/echo/x") == ROUTE_BAD_METHOD);
    router_allow(m.methods, allow);
    CHECK_STR(allow, "POST, OPTIONS");
    router_allow(~0u, allow);
    CHECK_STR(allow, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    router_free(t);
}

TEST(patterns_are_checked)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "/a//b",
                                      "/{}",
                                      "/{1a}",
                                      "/a{b}",
                                      "/{rest...}/x",
                                      "/{a}/{a}",
                                      "/{a b}",
                                      "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"};
    struct router *t = table();
    struct err e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(router_add(t, HTTP_GET, bad[i], 1, &e) == GIFD_EINVALID);
    CHECK(router_add(t, HTTP_GET, "/a/{other}/{names}", 1, &e) == GIFD_ECONFLICT);
    CHECK(strstr(e.text, "GET /a/{other}/{names}"));
    router_free(t);
}

TEST_MAIN()
