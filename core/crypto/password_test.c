/* password_test.c: right and wrong passwords, the RFC's vector, and texts that ask for too much. */
#include "crypto/password.h"
#include "base/test.h"

static struct err e;

TEST(a_password_is_known_again_and_no_other_is)
{
    char kept[PASSWORD_KEPT_MAX], other[PASSWORD_KEPT_MAX];
    bool right;
    CHECK(password_hash(SLICE("correct horse"), kept, &e) == GIFD_OK);
    CHECK(password_hash(SLICE("correct horse"), other, &e) == GIFD_OK && strcmp(kept, other) != 0);
    CHECK(strncmp(kept, "$scrypt$ln=15,r=8,p=3$", 22) == 0);
    CHECK(password_check(SLICE("correct horse"), slice_str(kept), &right, &e) == GIFD_OK && right);
    CHECK(password_check(SLICE("correct horsf"), slice_str(kept), &right, &e) == GIFD_OK && !right);
    CHECK(password_check(SLICE(""), slice_str(kept), &right, &e) == GIFD_OK && !right);
    static char longer[PASSWORD_MAX + 1];
    CHECK(password_hash(slice_of(longer, sizeof longer), kept, &e) == GIFD_ETOOBIG);
}

/* RFC 7914 section 12, the third vector. */
TEST(what_others_made_by_scrypt_is_understood)
{
    static const char kept[] = "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$"
                               "cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw";
    bool right;
    CHECK(password_check(SLICE("pleaseletmein"), slice_str(kept), &right, &e) == GIFD_OK && right);
    CHECK(password_check(SLICE("pleaseletmeout"), slice_str(kept), &right, &e) == GIFD_OK && !right);
}

TEST(a_text_that_is_none_or_asks_for_too_much_is_refused)
{
    static const char *const bad[] = {
        "",
        "plain",
        "$scrypt$",
        "$scrypt$ln=15,r=8,p=3$AAAA",
        "$scrypt$ln=15,r=8,p=3$AAAA$",
        "$scrypt$ln=15,r=8,p=3$AAAA$AAAA",
        "$scrypt$ln=25,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=15,r=99,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=15,r=8,p=99$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=0,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=14,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA$",
        "$scrypt$ln=14,r=8,p=1$AAAA-AAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=65536,t=2,p=1$AAAA$AAAA",
    };
    bool right = true;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(password_check(SLICE("x"), slice_str(bad[i]), &right, &e) == GIFD_EINVALID && !right);
        right = true;
    }
}

TEST_MAIN()
