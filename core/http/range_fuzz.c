/* range_fuzz.c: any text as a Range field: ranges lie inside, do not touch, and together are no longer than the whole.
 */
#include "http/conditional.h"
#include "http/query.h"
#include "http/range.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_query(struct slice text)
{
    struct arena arena;
    struct query_pair pair;
    arena_init(&arena, 1 << 20);
    struct query q = query_of(text, &arena);
    while (query_next(&q, &pair, NULL) > 0) {
    }
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct range r[RANGES_MAX];
    size_t n = 0;
    uint64_t whole = size ? (uint64_t)data[0] * 37 : 0, sum = 0;
    struct slice text = slice_of((const char *)data, size);
    conditional_tag_listed(text, SLICE("\"a\""), true);
    check_query(text);
    if (range_parse(text, whole, r, &n) != RANGE_PARTIAL) return 0;
    if (n == 0 || n > RANGES_MAX) abort();
    for (size_t i = 0; i < n; i++) {
        if (r[i].first > r[i].last || r[i].last >= whole) abort();
        sum += r[i].last - r[i].first + 1;
        for (size_t k = 0; k < i; k++)
            if (r[i].first <= r[k].last && r[k].first <= r[i].last) abort();
    }
    if (sum > whole) abort();
    return 0;
}
