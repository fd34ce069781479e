/* trace_test.c: the standard's examples, and what is none. */
#include "base/trace.h"
#include "base/test.h"

TEST(what_is_parsed_is_formatted_again)
{
    static const char sampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                      not [] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    struct trace t = {0};
    char text[TRACE_PARENT_LEN + 1], id[TRACE_ID_LEN + 1], span[TRACE_SPAN_LEN + 1];
    CHECK(trace_parse(slice_str(sampled), &t) && t.on && t.sampled);
    trace_format(&t, text);
    CHECK_STR(text, sampled);
    trace_id_text(&t, id);
    CHECK_STR(id, "4bf92f3577b34da6a3ce929d0e0e4736");
    trace_span_text(&t, span);
    CHECK_STR(span, "00f067aa0ba902b7");
    CHECK(trace_parse(slice_str(not ), &t) && !t.sampled);
    trace_format(&t, text);
    CHECK_STR(text, not );
    CHECK(trace_parse(SLICE("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-is-new"), &t));
}

TEST(what_is_none_leaves_things_as_they_are)
{
    static const char *const bad[] = {
        "",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct trace t = {0};
        CHECK(!trace_parse(slice_str(bad[i]), &t) && !t.on);
    }
}

TEST_MAIN()
