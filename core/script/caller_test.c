/* caller_test.c: what is kept of who asks, and that it has one number while it is used. */
#include "script/caller.h"
#include "base/test.h"

#include <stdlib.h>
#include <string.h>

#define HOST "gifs.example:8080"
#define PAGE "http://" HOST "/s/abc"

static struct request asked(const char *query, const struct http_header *headers, size_t n)
{
    return (struct request){
        .method = HTTP_GET, .host = SLICE(HOST), .query = slice_str(query), .headers = headers, .header_count = n};
}

TEST(what_is_kept_is_the_agent_where_from_and_whether_ahead_of_need)
{
    static const struct {
        const char *query, *referrer, *purpose, *text;
    } cases[] = {
        {"", NULL, NULL, "\n\nA/1"},
        {"", "https://t.co/x?y", NULL, "\nt.co\nA/1"},
        {"", "https://t.co:444", "prefetch;prerender", "p\nt.co\nA/1"},
        {"", NULL, "nothing", "\n\nA/1"},
        {"x=1&via=word", "https://chat.example/", NULL, "\nvia:word chat.example\nA/1"},
        {"via=word", PAGE, NULL, "\nvia:word\nA/1"},
        {"", PAGE "?x=/s/def#y", NULL, "\n/s/abc\nA/1"},
        {"s=abc", PAGE, NULL, "\n/\nA/1"},
        {"", "http://" HOST "/upload", NULL, "\n/\nA/1"},
        {"", "http://" HOST, NULL, "\n/\nA/1"},
        {"", "no address", NULL, "\n\nA/1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_header headers[3] = {{SLICE("user-agent"), SLICE("A/1")}};
        char text[ASKER_TEXT_MAX];
        size_t n = 1;
        if (cases[i].referrer) headers[n++] = (struct http_header){SLICE("referer"), slice_str(cases[i].referrer)};
        if (cases[i].purpose) headers[n++] = (struct http_header){SLICE("sec-purpose"), slice_str(cases[i].purpose)};
        struct request r = asked(cases[i].query, headers, n);
        CHECK(slice_is(slice_of(text, caller_text(&r, SLICE("/s/"), text)), cases[i].text));
    }
}

TEST(long_ones_are_cut_and_each_has_one_number_while_it_is_used)
{
    static struct callers callers, others;
    struct askers *t = calloc(1, askers_bytes());
    char agent[2000], text[ASKER_TEXT_MAX];
    memset(agent, 'x', sizeof agent);
    struct http_header headers[] = {{SLICE("User-Agent"), slice_of(agent, sizeof agent)},
                                    {SLICE("Referer"), slice_of(agent, sizeof agent)}};
    memcpy(agent, "http://", 7);
    struct request r = asked("via=wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww", headers, 2);
    CHECK(caller_text(&r, SLICE("/s/"), text) < ASKER_TEXT_MAX);
    uint32_t number = caller_number(&callers, t, 7, &r, SLICE("/s/"));
    CHECK(number >= ASKERS_OWN && caller_number(&callers, t, 7, &r, SLICE("/s/")) == number);
    CHECK(caller_number(&others, t, 7, &r, SLICE("/s/")) == number); /* another process */
    uint64_t used[ASKERS / 64] = {0};
    for (int i = 0; i < 2 * ASKER_ROUNDS; i++) askers_sweep(t, used);
    struct request other = asked("", headers, 1);
    CHECK(caller_number(&callers, t, 7, &other, SLICE("/s/")) >= ASKERS_OWN);
    uint32_t again = caller_number(&callers, t, 7, &r, SLICE("/s/")); /* what is remembered has gone: a new one */
    CHECK(again >= ASKERS_OWN && askers_text(t, again, text) > 0);
    free(t);
}

TEST_MAIN()
