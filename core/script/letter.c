/* letter.c: see letter.h. Case by ranges of the Unicode data: most blocks alternate upper and lower. */
#include "script/letter.h"

uint32_t letter_next(struct slice s, size_t *at)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)s.p + *at;
    size_t left = s.n - *at;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
    if (n == 1) {
        *at += 1;
        return p[0];
    }
    if (n == 0 || n > left) {
        *at += 1;
        return LETTER_BAD;
    }
    uint32_t c = p[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            *at += 1;
            return LETTER_BAD;
        }
        c = c << 6 | (p[i] & 0x3F);
    }
    if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
        *at += 1;
        return LETTER_BAD;
    }
    *at += n;
    return c;
}

size_t letter_put(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

static uint32_t even(uint32_t c) /* blocks in which the even one is the capital */
{
    return c | 1;
}

static uint32_t odd(uint32_t c) /* blocks in which the odd one is the capital */
{
    return c & 1 ? c + 1 : c;
}

static uint32_t fold_latin(uint32_t c)
{
    if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;
    if (c == 0x130) return 'i';
    if (c == 0x178) return 0xFF;
    if (c == 0x17F) return 's';
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return even(c);
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return odd(c);
    if (c >= 0x1CD && c <= 0x1DC) return odd(c);
    if ((c >= 0x1DE && c <= 0x1EF) || (c >= 0x1F8 && c <= 0x21F) || (c >= 0x222 && c <= 0x233)) return even(c);
    if (c >= 0x1E00 && c <= 0x1E95) return even(c);
    if (c == 0x1E9E) return 0xDF;
    if (c >= 0x1EA0 && c <= 0x1EFF) return even(c);
    return c;
}

static uint32_t fold_greek(uint32_t c)
{
    if (c == 0x386) return 0x3AC;
    if (c >= 0x388 && c <= 0x38A) return c + 37;
    if (c == 0x38C) return 0x3CC;
    if (c == 0x38E || c == 0x38F) return c + 63;
    if (c >= 0x391 && c <= 0x3AB && c != 0x3A2) return c + 32;
    if (c == 0x3C2) return 0x3C3;
    if (c >= 0x3D8 && c <= 0x3EF) return even(c);
    return c;
}

static uint32_t fold_cyrillic(uint32_t c)
{
    if (c <= 0x40F) return c + 80;
    if (c <= 0x42F) return c + 32;
    if ((c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) || c >= 0x4D0) return even(c);
    if (c == 0x4C0) return 0x4CF;
    if (c >= 0x4C1 && c <= 0x4CE) return odd(c);
    return c;
}

uint32_t letter_fold(uint32_t c)
{
    if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if (c < 0x250 || (c >= 0x1E00 && c <= 0x1EFF)) return fold_latin(c);
    if (c >= 0x370 && c <= 0x3FF) return fold_greek(c);
    if (c >= 0x400 && c <= 0x52F) return fold_cyrillic(c);
    if (c >= 0x531 && c <= 0x556) return c + 48;
    if (c >= 0xFF21 && c <= 0xFF3A) return c + 32;
    return c;
}

bool letter_is_word(uint32_t c)
{
    static const struct {
        uint32_t from, to;
    } none[] = {{0x80, 0xA9},     {0xAB, 0xB4},      {0xB6, 0xB9},     {0xBB, 0xBF},     {0xD7, 0xD7},
                {0xF7, 0xF7},     {0x2000, 0x206F},  {0x20A0, 0x20CF}, {0x2190, 0x2BFF}, {0x2E00, 0x2E7F},
                {0x3000, 0x3004}, {0x3008, 0x3020},  {0x3030, 0x3030}, {0xFE00, 0xFE1F}, {0xFE30, 0xFE6F},
                {0xFEFF, 0xFEFF}, {0xFF01, 0xFF0F},  {0xFF1A, 0xFF20}, {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65},
                {0xFFE0, 0xFFFF}, {0x1F000, 0x1FAFF}};
    if (c < 0x80) return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    if (c == LETTER_BAD) return false;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (c >= none[i].from && c <= none[i].to) return false;
    return true;
}

bool letter_is_apostrophe(uint32_t c)
{
    return c == '\'' || c == 0x2019;
}
