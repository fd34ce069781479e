/* journal_test.c */
#include "script/journal.h"
#include "base/test.h"

#include <stdio.h>
#include <string.h>

TEST(the_last_lines_are_kept_whole)
{
    struct journal *j = journal_new();
    char line[100], last[100];
    for (int i = 0; i < 1000; i++) {
        int n = snprintf(line, sizeof line, "line %d %.*s\n", i, i % 60,
                         "............................................"
                         "............................................");
        journal_add(j, slice_of(line, (size_t)n));
        memcpy(last, line, sizeof last);
        CHECK(j->n <= JOURNAL_BYTES && !memcmp(j->bytes, "line ", 5) && j->bytes[j->n - 1] == '\n');
    }
    size_t n = strlen(last);
    CHECK(j->n > JOURNAL_BYTES - 100 && !memcmp(j->bytes + j->n - n, last, n));
    journal_unref(j);
}

TEST(a_line_of_the_whole_length_stands_alone)
{
    struct journal *j = journal_ref(journal_new());
    static char line[JOURNAL_BYTES + 1];
    memset(line, 'x', sizeof line);
    line[JOURNAL_BYTES - 1] = '\n';
    journal_add(j, SLICE("short\n"));
    journal_add(j, slice_of(line, JOURNAL_BYTES));
    CHECK(j->n == JOURNAL_BYTES && j->bytes[0] == 'x');
    journal_add(j, slice_of(line, JOURNAL_BYTES + 1));
    journal_add(NULL, SLICE("nobody\n"));
    CHECK(j->n == JOURNAL_BYTES);
    journal_unref(j);
    journal_unref(j);
}

TEST_MAIN()
