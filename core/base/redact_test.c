/* Secrets are masked wherever they stand, in each of the forms they are written in, and in log lines of any length. */
#include "base/redact.h"
#include "base/log.h"
#include "base/test.h"

#include <stdlib.h>

static const char *masked(const char *text)
{
    static struct buf out;
    if (!out.max) buf_init(&out, 1 << 16);
    buf_reset(&out);
    redact_text(slice_str(text), &out, NULL);
    return buf_str(&out);
}

TEST(texts_are_masked_in_all_their_forms)
{
    CHECK(strcmp(masked("nothing is known"), "nothing is known") == 0);
    CHECK(redact_add(SLICE("pass/word \"1\""), NULL) == GIFD_OK);
    CHECK(redact_add(SLICE("pass"), NULL) == GIFD_OK);
    CHECK(redact_add(SLICE("abc"), NULL) == GIFD_OK);
    CHECK(strcmp(masked("a pass/word \"1\" b"), "a *** b") == 0);
    CHECK(strcmp(masked("?key=pass%2Fword%20%221%22&x"), "?key=***&x") == 0);
    CHECK(strcmp(masked("say \"pass/word \\\"1\\\"\""), "say \"***\"") == 0);
    CHECK(strcmp(masked("passpass abc pas"), "****** abc pas") == 0);
    CHECK(strcmp(masked(""), "") == 0);
}

TEST(tokens_are_masked_by_their_looks)
{
    CHECK(strcmp(masked("x gifd_0123456789012345678901234567890123456789-_a, y"), "x ***, y") == 0);
    CHECK(strcmp(masked("Authorization: Bearer abc.def-ghi"), "Authorization: Bearer ***") == 0);
    CHECK(strcmp(masked("gifd_short gifd_"), "gifd_short gifd_") == 0);
}

TEST(a_log_line_never_has_a_part_of_one)
{
    char line[LOG_LINE_MAX], value[LOG_LINE_MAX + 200];
    CHECK(redact_add(SLICE("0123456789abcdef0123456789abcdef"), NULL) == GIFD_OK);
    for (size_t before = LOG_LINE_MAX - 200; before < LOG_LINE_MAX; before++) {
        memset(value, 'x', before);
        strcpy(value + before, "0123456789abcdef0123456789abcdef");
        size_t n = log_format(line, LOG_ERROR, "event", (struct log_field[]){LS("value", value), {0}});
        CHECK(memmem(line, n, "0123", 4) == NULL);
    }
}

TEST(what_finds_no_room_is_refused)
{
    char text[32];
    int rc = GIFD_OK, last = 0;
    for (int i = 0; rc == GIFD_OK && i <= REDACT_MAX; i++, last = i) {
        snprintf(text, sizeof text, "secret-number-%d-", i);
        rc = redact_add(slice_str(text), NULL);
        if (rc == GIFD_OK) CHECK(strcmp(masked(text), "***") == 0);
    }
    CHECK(rc == GIFD_ETOOBIG && last > 1000);
    CHECK(strcmp(masked("secret-number-0-"), "***") == 0);
    CHECK(redact_add(SLICE("secret-number-0-"), NULL) == GIFD_OK);
}

TEST_MAIN()
