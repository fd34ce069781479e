/* classes_test.c: which class an agent is of, also when it is remembered. */
#include "script/classes.h"
#include "base/test.h"

#include <stdio.h>
#include <string.h>

TEST(what_is_remembered_of_an_agent_is_what_would_be_found)
{
    static struct classes c;
    c.count = 2;
    c.of[1].text[0] = SLICE("Alpha");
    c.of[1].n = 1;
    c.of[2].text[0] = SLICE("beta/");
    c.of[2].text[1] = SLICE("+x");
    c.of[2].n = 2;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 500; i++) { /* more than are remembered, and alike at both ends and in the middle */
            char text[300];
            const char *name = i % 3 == 0 ? "Alpha" : i % 3 == 1 ? "beta/ +x" : "beta/ -x";
            int n = snprintf(text, sizeof text, "Browser/1.0 %03d %-8s %0*d the end of it", i, name, 40 + i % 200, 0);
            CHECK(classes_client(&c, slice_of(text, (size_t)n)) == (i % 3 == 2 ? 0 : i % 3 + 1));
        }
    }
    CHECK(classes_client(&c, SLICE("Alpha")) == 1);
    CHECK(classes_client(&c, SLICE("")) == 0);
    CHECK(classes_client(&c, slice_of(NULL, 0)) == 0);
}

TEST_MAIN()
