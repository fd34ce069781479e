/* pdq_test.c: what the hash of a picture survives, on pictures that are drawn here; which pictures are sampled. */
#include "media/pdq.h"

#include "base/test.h"
#include "media/look.h"

#include <math.h>
#include <stdlib.h>

#define WAVES 60

/* A scene without size: waves of many lengths, so that it can be seen through any window at any resolution. */
struct scene {
    double fx[WAVES], fy[WAVES], phase[WAVES], weight[WAVES];
};

struct view {
    int width, height;
    double left, top, across, down; /* the window, of 0 to 1 */
    double dim, noise;
};

static double draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(*seed >> 33) / (double)(1u << 31);
}

static struct scene scene_of(uint64_t seed)
{
    struct scene s;
    for (int i = 0; i < WAVES; i++) {
        double length = 0.5 + 10 * draw(&seed), turn = 2 * M_PI * draw(&seed);
        s.fx[i] = length * cos(turn);
        s.fy[i] = length * sin(turn);
        s.phase[i] = 2 * M_PI * draw(&seed);
        s.weight[i] = draw(&seed) / length;
    }
    return s;
}

static int hash_of(const struct scene *s, struct view v, uint8_t hash[PDQ_BYTES])
{
    size_t n = (size_t)v.width * (size_t)v.height;
    float *luma = malloc(n * sizeof *luma), *scratch = malloc(PDQ_SCRATCH * sizeof *scratch);
    uint64_t seed = 7;
    for (int y = 0; y < v.height; y++)
        for (int x = 0; x < v.width; x++) {
            double u = v.left + v.across * (x + 0.5) / v.width, w = v.top + v.down * (y + 0.5) / v.height, sum = 0;
            for (int i = 0; i < WAVES; i++)
                sum += s->weight[i] * sin(2 * M_PI * (s->fx[i] * u + s->fy[i] * w) + s->phase[i]);
            luma[y * v.width + x] = (float)((128 + 40 * sum) * v.dim + v.noise * (draw(&seed) - 0.5));
        }
    int quality = pdq_hash(luma, v.width, v.height, scratch, hash);
    free(luma);
    free(scratch);
    return quality;
}

static const struct view plain = {160, 120, 0, 0, 1, 1, 1, 0};

static int distance(struct view changed)
{
    int worst = 0;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct scene s = scene_of(seed);
        uint8_t a[PDQ_BYTES], b[PDQ_BYTES];
        CHECK(hash_of(&s, plain, a) >= PDQ_QUALITY);
        hash_of(&s, changed, b);
        int d = pdq_distance(a, b);
        if (d > worst) worst = d;
    }
    return worst;
}

TEST(the_same_scene_keeps_its_hash_at_any_size)
{
    CHECK(distance((struct view){80, 64, 0, 0, 1, 1, 1, 0}) <= 4);
    CHECK(distance((struct view){320, 240, 0, 0, 1, 1, 1, 0}) <= 4);
    CHECK(distance((struct view){100, 100, 0, 0, 1, 1, 1, 0}) <= 4);
}

TEST(dimmed_or_noisy_pictures_keep_it_too)
{
    CHECK(distance((struct view){160, 120, 0, 0, 1, 1, 0.6, 0}) <= 4);
    CHECK(distance((struct view){160, 120, 0, 0, 1, 1, 1, 15}) <= 16);
}

TEST(a_crop_is_another_picture_the_more_is_cut)
{
    int little = distance((struct view){160, 120, 0.01, 0.01, 0.98, 0.98, 1, 0});
    int much = distance((struct view){160, 120, 0.15, 0.15, 0.7, 0.7, 1, 0});
    CHECK(little <= 31 && much > 64);
}

TEST(different_scenes_differ_in_about_half_of_the_bits)
{
    uint8_t a[PDQ_BYTES], b[PDQ_BYTES];
    for (uint64_t seed = 1; seed < 6; seed++) {
        struct scene s = scene_of(seed), t = scene_of(seed + 100);
        hash_of(&s, plain, a);
        hash_of(&t, plain, b);
        CHECK(pdq_distance(a, b) > 80 && pdq_distance(a, b) < 176);
    }
}

TEST(half_of_the_bits_are_set)
{
    uint8_t a[PDQ_BYTES], none[PDQ_BYTES] = {0};
    struct scene s = scene_of(3);
    hash_of(&s, plain, a);
    CHECK(pdq_distance(a, none) == 128);
}

/* One wave along each axis, of a length that the transform has: its bit is the first, in the last byte. */
TEST(bits_stand_where_others_expect_them)
{
    enum { N = 64 };
    static float luma[N * N], scratch[PDQ_SCRATCH];
    uint8_t hash[PDQ_BYTES];
    for (int y = 0; y < N; y++)
        for (int x = 0; x < N; x++)
            luma[y * N + x] =
                (float)(128 + 100 * cos(M_PI / (2 * N) * (2 * y + 1)) * cos(M_PI / (2 * N) * 3 * (2 * x + 1)));
    pdq_hash(luma, N, N, scratch, hash);
    CHECK(hash[PDQ_BYTES - 1] & 1 << 2); /* row 0, column 2 of 16 x 16: the first vertical, the third horizontal */
}

TEST(a_flat_picture_has_no_quality)
{
    uint8_t a[PDQ_BYTES];
    struct scene s = scene_of(5);
    CHECK(hash_of(&s, (struct view){160, 120, 0, 0, 1, 1, 0.02, 0}, a) < PDQ_QUALITY);
}

TEST(samples_are_evenly_spaced_and_halves_round_to_even)
{
    CHECK(look_at(0, 4, 10) == 0 && look_at(1, 4, 10) == 3 && look_at(2, 4, 10) == 6 && look_at(3, 4, 10) == 9);
    CHECK(look_at(0, 3, 6) == 0 && look_at(1, 3, 6) == 2 && look_at(2, 3, 6) == 5);
    CHECK(look_at(1, 3, 8) == 4); /* 3.5 */
    CHECK(look_at(0, 2, 100) == 0 && look_at(1, 2, 100) == 99);
    CHECK(look_at(0, 1, 100) == 0);
    CHECK(look_at(2, 5, 3) == 2 && look_at(4, 5, 3) == 2);
}

TEST_MAIN()
