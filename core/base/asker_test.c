/* asker_test.c: numbers of texts, in memory that several processes share. */
#include "base/asker.h"
#include "base/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEED 0x1234567890abcdefull

static struct askers *fresh(void)
{
    void *p = mmap(NULL, askers_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

static uint32_t number_of(struct askers *t, const char *text, uint32_t *age)
{
    return askers_number(t, askers_hash(SEED, slice_str(text)), slice_str(text), age);
}

static void rounds(struct askers *t, uint32_t used, int n)
{
    uint64_t bits[ASKERS / 64] = {0};
    if (used) bits[used / 64] |= 1ull << used % 64;
    for (int i = 0; i < n; i++) askers_sweep(t, bits);
}

TEST(a_text_has_one_number_and_is_read_by_it)
{
    struct askers *t = fresh();
    char out[ASKER_TEXT_MAX];
    uint32_t age, again;
    uint32_t a = number_of(t, "somebody", &age), b = number_of(t, "somebody else", &again);
    CHECK(a >= ASKERS_OWN && b >= ASKERS_OWN && a != b && number_of(t, "somebody", &again) == a && again == age);
    CHECK(askers_here(t, a, age) && askers_text(t, a, out) == 8 && memcmp(out, "somebody", 8) == 0);
    CHECK(askers_text(t, 0, out) == 0 && askers_text(t, ASKERS, out) == 0 && number_of(t, "", &age) > 0);
    munmap(t, askers_bytes());
}

TEST(a_number_that_is_used_stays_and_another_goes_by_way_of_leaving)
{
    struct askers *t = fresh();
    char out[ASKER_TEXT_MAX];
    uint32_t age, other_age, new_age;
    uint32_t a = number_of(t, "kept", &age), b = number_of(t, "left", &other_age);
    rounds(t, a, ASKER_ROUNDS);
    CHECK(askers_here(t, a, age) && !askers_here(t, b, other_age));
    CHECK(askers_text(t, b, out) == 4); /* what was counted by it is still to be judged */
    uint32_t c = number_of(t, "left", &new_age);
    CHECK(c && c != b);
    rounds(t, b, 20); /* a late one: waited for */
    CHECK(askers_text(t, b, out) == 4);
    rounds(t, 0, ASKER_ROUNDS);
    CHECK(askers_text(t, b, out) == 0);
    munmap(t, askers_bytes());
}

TEST(a_full_table_gives_no_number_and_has_room_again_later)
{
    struct askers *t = fresh();
    char text[32];
    uint32_t age, none = 0;
    for (int i = 0; i < 4 * ASKERS; i++) {
        snprintf(text, sizeof text, "number %d", i);
        none += number_of(t, text, &age) == 0;
    }
    CHECK(none >= 4 * ASKERS - (ASKERS - ASKERS_OWN));
    rounds(t, 0, 2 * ASKER_ROUNDS);
    CHECK(number_of(t, "late", &age) > 0);
    char *longest = malloc(ASKER_TEXT_MAX + 2);
    memset(longest, 'x', ASKER_TEXT_MAX + 1);
    longest[ASKER_TEXT_MAX + 1] = '\0';
    CHECK(number_of(t, longest, &age) == 0 && number_of(t, longest + 1, &age) > 0);
    free(longest);
    munmap(t, askers_bytes());
}

TEST(processes_see_each_others_texts_whole)
{
    struct askers *t = fresh();
    for (int child = 0; child < 4; child++) {
        if (fork() == 0) {
            char text[64], out[ASKER_TEXT_MAX];
            for (int i = 0; i < 20000; i++) {
                uint32_t age;
                snprintf(text, sizeof text, "%d is a text of its own %d", i % 700, i % 700);
                uint32_t number = number_of(t, text, &age);
                if (number && (askers_text(t, number, out) != strlen(text) || memcmp(out, text, strlen(text)) != 0))
                    _exit(1);
            }
            _exit(0);
        }
    }
    for (int child = 0, status; child < 4; child++) CHECK(wait(&status) > 0 && status == 0);
    munmap(t, askers_bytes());
}

TEST_MAIN()
