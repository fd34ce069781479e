/* path_test.c: one reading of a path, or none. */
#include "base/test.h"
#include "http/path_int.h"

static char out[256];

static const char *path(const char *raw)
{
    const char *why = NULL;
    size_t n = 0;
    if (path__normalise(slice_str(raw), out, &n, &why) < 0) return why ? NULL : "refused without a reason";
    out[n] = 0;
    return strlen(out) == n ? out : "NUL inside";
}

TEST(paths_are_decoded_once_and_resolved)
{
    static const char *const pairs[][2] = {
        {"/", "/"},
        {"/a/b.gif", "/a/b.gif"},
        {"/a/", "/a/"},
        {"/a%20b", "/a b"},
        {"/%41", "/A"},
        {"/%252e%252e/x", "/%2e%2e/x"},
        {"/caf%C3%A9", "/caf\xc3\xa9"},
        {"/a/./b", "/a/b"},
        {"/a/../b", "/b"},
        {"/a/b/%2e%2E/c", "/a/c"},
        {"/a/b/..", "/a/"},
        {"/a/.", "/a/"},
        {"/a/..", "/"},
        {"/.", "/"},
        {"/.well-known/x", "/.well-known/x"},
        {"/..a/...", "/..a/..."},
        {"/..;/x", "/..;/x"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        const char *got = path(pairs[i][0]);
        CHECK(got);
        CHECK_STR(got, pairs[i][1]);
    }
}

TEST(paths_that_could_be_read_twice_are_refused)
{
    static const char *const bad[] = {"/..",      "/../a",    "/%2e%2e",    "/a/../..",      "/.%2e/x", "//",
                                      "//evil/x", "/a//b",    "/a%2Fb",     "/a%2fb",        "/a%5Cb",  "/a\\b",
                                      "/a%00",    "/a%0d%0a", "/a%7f",      "/%zz",          "/%4",     "/%",
                                      "/%c0%ae",  "/%ff",     "/%ed%a0%80", "/%f5%80%80%80", "/%e2%82"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (path(bad[i])) {
            fprintf(stderr, "accepted: %s\n", bad[i]);
            CHECK(false);
        }
}

TEST_MAIN()
