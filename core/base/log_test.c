/* Lines cannot be forged, are whole however long a value is, are counted when nobody reads, and follow shared levels.
 */
#include "base/log.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/sink.h"
#include "base/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int out[2], kept;

static void listen_to_it(void)
{
    kept = dup(2);
    CHECK(pipe(out) == 0);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    dup2(out[1], 2);
    sink_open(NULL, NULL);
}

static size_t heard(char *text, size_t cap)
{
    size_t n = 0;
    for (ssize_t got; n < cap - 1 && (got = read(out[0], text + n, cap - 1 - n)) > 0;) n += (size_t)got;
    text[n] = 0;
    return n;
}

static void stop_listening(void)
{
    dup2(kept, 2);
    close(kept);
    close(out[0]);
    close(out[1]);
    sink_open(NULL, NULL);
}

static size_t count(const char *text, const char *word)
{
    size_t n = 0;
    while ((text = strstr(text, word))) n++, text++;
    return n;
}

TEST(whatever_stands_in_a_value_a_line_is_one_json_object)
{
    static const char *const nasty[] = {"a\nb",         "\xff\xfe",         "\"},{\"level\":\"critical\"",
                                        "\\",           "\x1b[2J",          "\xe2\x80\xa8",
                                        "\xed\xa0\x80", "\xf0\x9f\x98\x80", "\x7f\x01"};
    char text[8192], *huge = malloc(10000);
    struct arena arena;
    memset(huge, '"', 9999);
    huge[9999] = 0;
    log_form_set(LOG_JSON, false);
    for (size_t i = 0; i <= sizeof nasty / sizeof *nasty; i++) {
        const char *value = i < sizeof nasty / sizeof *nasty ? nasty[i] : huge;
        struct json *root = NULL;
        listen_to_it();
        log_warn("spec.nasty", LS("value", value), LS(value, "key"), LS("level", "forged"), LI("n", 7));
        size_t n = heard(text, sizeof text);
        stop_listening();
        CHECK(n > 0 && count(text, "\n") == 1 && text[n - 1] == '\n');
        arena_init(&arena, 1 << 20);
        CHECK(json_parse(&arena, slice_of(text, n - 1), NULL, &root, NULL) == GIFD_OK);
        CHECK(slice_is(json_get(root, "level")->s, "warn"));
        arena_free(&arena);
    }
    log_form_set(LOG_LOGFMT, false);
    free(huge);
}

TEST(logfmt_escapes_what_is_no_printable_text)
{
    char line[LOG_LINE_MAX];
    size_t n = log_format(line, LOG_INFO, "a.b",
                          (struct log_field[]){LS("x", "\xff\x1b[2J\xe2\x80\xae é"), LS("a b\n=c", "1"), {0}});
    line[n] = 0;
    CHECK(strstr(line, " level=info process=gifd event=a.b x=\"\\xff\\x1b[2J\\xe2\\x80\\xae é\" a_b__c=1\n"));
}

TEST(no_query_of_a_url_is_told)
{
    char line[LOG_LINE_MAX];
    size_t n = log_format(line, LOG_INFO, "a.b",
                          (struct log_field[]){LS("path", "/a/b?key=s3cret&x"),
                                               LS("error", "GET \"https://h/p?a=s3cret\" failed (why?)"),
                                               {0}});
    line[n] = 0;
    CHECK(!strstr(line, "s3cret"));
    CHECK(strstr(line, "https://h/p?***\\\" failed (why?)"));
}

TEST(of_a_flood_some_lines_are_written_and_the_rest_is_counted)
{
    static char text[1 << 20];
    listen_to_it();
    for (int i = 0; i < 3 * LOG_BURST; i++) log_info("spec.flood", LI("i", i));
    for (int i = 0; i < 60 && !strstr(text, "log.flood"); i++) {
        usleep(50000);
        log_tick();
        heard(text + strlen(text), sizeof text - strlen(text));
    }
    stop_listening();
    CHECK(count(text, "event=spec.flood ") <= 2 * LOG_BURST); /* a second may have begun meanwhile */
    CHECK(strstr(text, "event=log.flood of=spec.flood left_out="));
}

TEST(who_does_not_read_holds_nobody_up_and_learns_how_much_was_dropped)
{
    char *text = malloc(1 << 20), value[1000];
    struct levels l = {0};
    memset(value, 'x', sizeof value);
    levels_base_set(&l, &(struct levels_base){LOG_INFO, LOG_LOGFMT, 0});
    log_share(&l);
    listen_to_it();
    for (int i = 0; i < 1000; i++) log_info("spec.unread", LN("value", value, sizeof value));
    size_t n = 0;
    for (int i = 0; i < 20; i++) {
        n += heard(text + n, (1 << 20) - n);
        log_tick();
    }
    stop_listening();
    text[n] = 0;
    CHECK(strstr(text, "event=log.dropped lines="));
    CHECK(count(text, "spec.unread") > 200 && count(text, "spec.unread") < 400);
    free(text);
}

TEST(a_module_has_a_level_of_its_own_until_its_time_is_over)
{
    static struct levels l;
    struct levels_view v;
    levels_base_set(&l, &(struct levels_base){LOG_WARN, LOG_LOGFMT, 0});
    log_share(&l);
    CHECK(!log_says(LOG_INFO, "http.request") && log_says(LOG_WARN, "http.request"));
    CHECK(levels_set(&l, SLICE("http"), LOG_DEBUG, 60000, NULL) == GIFD_OK);
    CHECK(log_says(LOG_DEBUG, "http.request") && log_says(LOG_DEBUG, "http"));
    CHECK(!log_says(LOG_INFO, "https.x") && !log_says(LOG_INFO, "htt.x"));
    CHECK(levels_set(&l, SLICE("fetch"), LOG_CRITICAL, 60000, NULL) == GIFD_OK);
    CHECK(!log_says(LOG_ERROR, "fetch.refused"));
    CHECK(levels_set(&l, SLICE("fetch"), -1, 0, NULL) == GIFD_OK);
    CHECK(log_says(LOG_ERROR, "fetch.refused"));
    CHECK(levels_set(&l, SLICE("http"), LOG_DEBUG, 1, NULL) == GIFD_OK);
    usleep(3000);
    CHECK(!log_says(LOG_DEBUG, "http.request") && !levels_at(&l, 0, &v));
    CHECK(levels_set(&l, SLICE("no name"), LOG_DEBUG, 1, NULL) == GIFD_EINVALID);
    for (int i = 0; i < LEVELS_MODULES; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%d", i);
        CHECK(levels_set(&l, slice_str(name), LOG_DEBUG, 60000, NULL) == GIFD_OK);
    }
    CHECK(levels_set(&l, SLICE("more"), LOG_DEBUG, 60000, NULL) == GIFD_ETOOBIG);
}

TEST_MAIN()
