/* intake_scan_test.c: what is scanned in one pass is what base/json.h reads, whatever is done to the text. */
#include "script/intake_scan.h"
#include "base/test.h"

#include <stdlib.h>

static const char *const events[] = {
    "{\"type\":\"view\",\"asset_id\":\"52277c96975eba0e\",\"share\":\"abc\",\"platform\":\"web\",\"at\":"
    "1795600000000000,"
    "\"metadata\":{\"a\":[1,-2,true,{\"b\":{}},[]],\"ua\":\"Mozilla/5.0 (X11; Linux x86_64)\"}}",
    " { \"type\" : \"click\" , \"other\" : [ ] , \"asset_id\" : \"x\", \"share\":null, \"type\" : \"play\" } ",
    "{\"metadata\":{\"k\":{\"k\":[{},{}, null ]}},\"at\":\"2026-11-26T00:00:00Z\",\"metadata\":{},\"x\":false}",
};

static bool same_value(const struct json *a, const struct json *b)
{
    if (!a || !b) return !a == !b;
    if (a->type != b->type) return false;
    if (a->type == JSON_STRING) return slice_eq(a->s, b->s);
    if (a->type == JSON_INT) return a->i == b->i;
    return a->type < JSON_ARRAY || (a->count == 0) == (b->count == 0);
}

/* 1: scanned, and the same; 0: not plain; -1: not the same. */
static int compare(struct slice text)
{
    struct intake_members m;
    struct arena arena;
    struct json *root = NULL;
    const char *end = text.p + text.n, *past = intake_scan(intake_space(text.p, end), end, &m);
    if (!past || intake_space(past, end) != end) return 0;
    arena_init(&arena, 1 << 20);
    int ok = json_parse(&arena, text, NULL, &root, NULL) == GIFD_OK ? 1 : -1;
    static const char *const names[] = {"type", "asset_id", "share", "platform", "at", "metadata"};
    const struct json *const got[] = {m.type, m.subject, m.part, m.platform, m.at, m.meta};
    for (int i = 0; ok > 0 && i < 6; i++) {
        const struct json *want = json_get(root, names[i]);
        if (want && want->type == JSON_NULL) want = NULL;
        if (!same_value(got[i], want)) ok = -1;
    }
    if (ok > 0 && m.meta && (*m.meta_text.p != '{' && m.meta->type == JSON_OBJECT)) ok = -1;
    arena_free(&arena);
    return ok;
}

static int compare_text(const char *text)
{
    return compare(slice_str(text));
}

TEST(plain_events_are_scanned)
{
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) CHECK(compare_text(events[i]) == 1);
}

TEST(what_is_unusual_is_not)
{
    CHECK(compare_text("{}") == 0);
    CHECK(compare_text("{\"type\":\"vi\\u0065w\"}") == 0);
    CHECK(compare_text("{\"type\":\"\xc3\xa4\"}") == 0);
    CHECK(compare_text("{\"at\":1.5}") == 0);
    CHECK(compare_text("{\"at\":12345678901234567890}") == 0);
    CHECK(compare_text("{\"events\":[]}") == 0);
    CHECK(compare_text("{\"metadata\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}") == 0);
    CHECK(compare_text("") == 0);
}

TEST(whatever_is_done_to_an_event_it_is_read_as_before_or_not_at_all)
{
    uint64_t dice = 88172645463325252u;
    int scanned = 0;
    static const char odd[] = "{}[]\",:\\ 0-1etn\n\x80\x01.";
    for (int round = 0; round < 60000; round++) {
        size_t n = strlen(events[round % 3]);
        char *text = malloc(n); /* its end is the heap's, so that a byte too far is noticed */
        memcpy(text, events[round % 3], n);
        for (int k = 0; k <= round % 4; k++) {
            dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
            text[dice % n] = odd[(dice >> 32) % (sizeof odd - 1)];
        }
        int got = compare(slice_of(text, dice >> 60 ? n : dice % n));
        CHECK(got >= 0);
        scanned += got;
        free(text);
    }
    CHECK(scanned > 100);
}

TEST_MAIN()
