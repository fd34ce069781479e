/* look_test.c: what is told about GIFs that are written here, and which of their pictures are sampled. */
#include "media/look.h"

#include "base/buf.h"
#include "base/test.h"
#include "media/render.h"

#include <sys/mman.h>
#include <unistd.h>

static struct buf gif;
static const struct media_limits limits = {
    .canvas_px = 1 << 20, .total_px = 1 << 28, .frames = 100, .memory = 1 << 28, .out_bytes = 1 << 20};

static void put(const char *bytes, size_t n)
{
    CHECK(buf_append(&gif, bytes, n, NULL) == 0);
}

static void put16(unsigned v)
{
    put((char[]){(char)(v & 255), (char)(v >> 8)}, 2);
}

static void begin(unsigned w, unsigned h)
{
    buf_free(&gif);
    buf_init(&gif, 1 << 20);
    put("GIF89a", 6);
    put16(w);
    put16(h);
    put("\x81\0\0\xff\0\0\0\xff\0\0\0\xff\xff\xff\xff", 15); /* red, green, blue, white */
}

/* Of one colour, a clear code before every second pixel so that codes stay three bits wide. */
static void frame(unsigned w, unsigned h, unsigned color, unsigned delay)
{
    static unsigned char data[1 << 17];
    size_t n = 0, codes = (size_t)w * h + (size_t)w * h / 2;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i <= codes; i++) {
        bits |= (i == codes ? 5 : i % 3 == 0 ? 4 : color) << held;
        for (held += 3; held >= 8; held -= 8, bits >>= 8) data[n++] = (unsigned char)bits;
    }
    if (held) data[n++] = (unsigned char)bits;
    put("\x21\xf9\x04\0", 4);
    put16(delay);
    put("\0\0\x2c\0\0\0\0", 7);
    put16(w);
    put16(h);
    put("\0\x02", 2);
    for (size_t at = 0; at < n; at += 255) {
        size_t some = n - at < 255 ? n - at : 255;
        put((char[]){(char)some}, 1);
        put((char *)data + at, some);
    }
    put("", 1);
}

static struct source opened(void)
{
    struct source s;
    struct err e = {0};
    CHECK(source_open(&s, (struct bytes){(const uint8_t *)gif.p, gif.n}, &limits, &e) == 0);
    return s;
}

TEST(colors_and_a_placeholder_are_told_and_nothing_flat_is_hashed)
{
    struct media_look l;
    struct err e = {0};
    begin(200, 100);
    for (unsigned i = 0; i < 3; i++) frame(200, 100, i == 0, 10); /* green, red, red */
    put("\x3b", 1);
    struct source s = opened();
    CHECK(look(&s, false, &l, &e) == 0);
    source_close(&s);
    CHECK(l.hashes == 0 && l.colors == 2);
    CHECK(l.color[0].rgb == 0xff0000 && l.color[0].thousandths == 667);
    CHECK(l.color[1].rgb == 0x00ff00 && l.color[1].thousandths == 333);
    CHECK(l.placeholder_bytes && l.placeholder_bytes < 100);
    CHECK(source_open(&s, (struct bytes){l.placeholder, l.placeholder_bytes}, &limits, &e) == 0);
    CHECK_STR(s.facts.type, "image/webp");
    CHECK(s.facts.width == 16 && s.facts.height == 8);
    source_close(&s);
}

TEST(samples_say_their_time)
{
    struct media_recipe recipe[4];
    struct media_output o[4] = {0};
    struct err e = {0};
    int fd[4];
    begin(16, 16);
    for (unsigned i = 0; i < 10; i++) frame(16, 16, i % 4, 10 + i); /* 0, 100, 210, 330, 460, 600, 750, ... */
    put("\x3b", 1);
    for (uint32_t i = 0; i < 4; i++) {
        fd[i] = memfd_create("out", MFD_CLOEXEC);
        recipe[i] = (struct media_recipe){.format = MEDIA_JPEG, .sample = i + 1, .samples = 4};
    }
    struct source s = opened();
    CHECK(render(&s, recipe, 4, fd, o, &e) == 0);
    source_close(&s);
    for (int i = 0; i < 4; i++) close(fd[i]);
    CHECK(o[0].at_ms == 0 && o[1].at_ms == 330 && o[2].at_ms == 750 && o[3].at_ms == 1260); /* 0, 3, 6 and 9 */
}

TEST_MAIN()
