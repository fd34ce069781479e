/* test.h: the smallest frame for tests that lie beside their sources as x_test.c, one program each.
 *
 *   TEST(buf_refuses_more_than_its_maximum) { CHECK(buf_append(...) == GIFD_ETOOBIG); }
 *   TEST_MAIN()
 *
 * A failed CHECK prints its place and ends that test only. The last line printed is `N passed, N failed`.
 * `x_test NAME` runs one test. */
#ifndef GIFD_BASE_TEST_H
#define GIFD_BASE_TEST_H

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};

static struct test *test_first, **test_last = &test_first;
static jmp_buf test_escape;

static inline void test_add(struct test *t)
{
    *test_last = t;
    test_last = &t->next;
}

#define TEST(id)                                                                                                       \
    static void test_##id(void);                                                                                       \
    static struct test test_entry_##id = {#id, test_##id, NULL};                                                       \
    __attribute__((constructor)) static void test_add_##id(void)                                                       \
    {                                                                                                                  \
        test_add(&test_entry_##id);                                                                                    \
    }                                                                                                                  \
    static void test_##id(void)

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                                    \
            longjmp(test_escape, 1);                                                                                   \
        }                                                                                                              \
    } while (0)

#define CHECK_STR(got, want)                                                                                           \
    do {                                                                                                               \
        const char *got_ = (got), *want_ = (want);                                                                     \
        if (strcmp(got_, want_) != 0) {                                                                                \
            fprintf(stderr, "%s:%d: failed: %s\n  got:  %s\n  want: %s\n", __FILE__, __LINE__, #got, got_, want_);     \
            longjmp(test_escape, 1);                                                                                   \
        }                                                                                                              \
    } while (0)

#define TEST_MAIN()                                                                                                    \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        static int passed, failed;                                                                                     \
        static struct test *t;                                                                                         \
        for (t = test_first; t; t = t->next) {                                                                         \
            if (argc > 1 && strcmp(argv[1], t->name) != 0) continue;                                                   \
            if (setjmp(test_escape) == 0) {                                                                            \
                t->run();                                                                                              \
                passed++;                                                                                              \
            } else {                                                                                                   \
                fprintf(stderr, "FAILED %s\n", t->name);                                                               \
                failed++;                                                                                              \
            }                                                                                                          \
        }                                                                                                              \
        printf("%d passed, %d failed\n", passed, failed);                                                              \
        return failed || !passed;                                                                                      \
    }

#endif
