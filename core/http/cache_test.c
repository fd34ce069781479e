/* cache_test.c: what is kept, for how long, and how it is taken back. */
#include "base/test.h"
#include "http/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct epochs epochs;

static struct cache *fresh(size_t bytes, size_t entries)
{
    memset(&epochs, 0, sizeof epochs);
    struct cache_bounds bounds = {bytes, entries, 1000, 0};
    return cache_new(&epochs, &bounds);
}

static struct reply page(const char *text)
{
    return (struct reply){
        .status = 200, .type = SLICE("text/html"), .body = REPLY_BYTES, .bytes = slice_str(text), .fd = -1};
}

static struct cache_entry *put(struct cache *c, const char *key, const char *text, const char *tag)
{
    struct reply p = page(text);
    struct cache_rules rules = {.tag = {slice_str(tag)}, .tags = 1, .began = epochs_now(&epochs), .seconds = 10};
    return cache_put(c, slice_str(key), &p, &rules, 1000);
}

static bool has(struct cache *c, const char *key)
{
    return cache_find(c, slice_str(key), 2000) != NULL;
}

TEST(a_purge_takes_back_what_has_its_tag_and_nothing_else)
{
    struct cache *c = fresh(1 << 20, 100);
    CHECK(put(c, "/a", "one", "asset:1") && put(c, "/b", "two", "asset:2"));
    CHECK(has(c, "/a") && has(c, "/b"));
    epochs_raise(&epochs, SLICE("asset:1"));
    CHECK(!has(c, "/a") && has(c, "/b"));
    CHECK(put(c, "/a", "new", "asset:1") && has(c, "/a"));
    cache_free(c);
}

TEST(a_reply_begun_before_a_purge_is_not_kept_after_it)
{
    struct cache *c = fresh(1 << 20, 100);
    struct reply p = page("old");
    struct cache_rules rules = {.tag = {SLICE("t")}, .tags = 1, .began = epochs_now(&epochs), .seconds = 10};
    epochs_raise(&epochs, SLICE("t"));
    CHECK(!cache_put(c, SLICE("/a"), &p, &rules, 1000));
    CHECK(!has(c, "/a"));
    cache_free(c);
}

TEST(an_entry_ends_with_its_time)
{
    struct cache *c = fresh(1 << 20, 100);
    CHECK(put(c, "/a", "one", "t"));
    CHECK(cache_find(c, SLICE("/a"), 10999));
    CHECK(!cache_find(c, SLICE("/a"), 11000));
    cache_free(c);
}

TEST(what_nobody_asks_for_goes_first_and_bounds_hold)
{
    struct cache *c = fresh(1 << 20, 3);
    struct cache_stats s;
    CHECK(put(c, "/1", "x", "t") && put(c, "/2", "x", "t") && put(c, "/3", "x", "t"));
    CHECK(has(c, "/1"));
    CHECK(put(c, "/4", "x", "t"));
    CHECK(has(c, "/1") && !has(c, "/2") && has(c, "/3") && has(c, "/4"));
    cache_stats(c, &s);
    CHECK(s.entries == 3 && s.evicted == 1);
    cache_free(c);

    char big[600];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    c = fresh(8000, 1000);
    for (int i = 0; i < 50; i++) {
        char key[16];
        snprintf(key, sizeof key, "/%d", i);
        CHECK(put(c, key, big, "t"));
        cache_stats(c, &s);
        CHECK(s.bytes <= 8000);
    }
    CHECK(has(c, "/49") && !has(c, "/0"));
    char huge[4000];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = 0;
    CHECK(!put(c, "/huge", huge, "t"));
    cache_free(c);
}

TEST(a_file_is_kept_by_its_own_descriptor_or_in_memory)
{
    struct cache *c = fresh(1 << 20, 10);
    struct cache_rules rules = {.seconds = 10};
    for (int i = 0; i < 2; i++) {
        int fd = memfd_create("x", MFD_CLOEXEC);
        size_t n = i ? 5000 : 500;
        CHECK(fd >= 0 && ftruncate(fd, (off_t)n) == 0);
        struct reply p = {.status = 200, .body = REPLY_FILE, .fd = fd, .size = n, .etag = SLICE("\"e\"")};
        CHECK(cache_put(c, i ? SLICE("/large") : SLICE("/small"), &p, &rules, 1000));
        close(fd);
    }
    CHECK(has(c, "/large") && has(c, "/small"));
    cache_free(c); /* the descriptor too: the sanitizer's and the next test's concern */
}

TEST(only_whole_answers_are_kept_and_the_last_one_wins)
{
    struct cache *c = fresh(1 << 20, 10);
    struct cache_rules rules = {.seconds = 10};
    struct cache_stats s;
    struct reply p = page("gone");
    p.status = 404;
    CHECK(!cache_put(c, SLICE("/a"), &p, &rules, 1000));
    CHECK(put(c, "/a", "one", "t") && put(c, "/a", "two", "t"));
    cache_stats(c, &s);
    CHECK(s.entries == 1);
    cache_clear(c);
    CHECK(!has(c, "/a"));
    cache_free(c);
}

TEST_MAIN()
