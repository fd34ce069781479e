/* gif.c: see gif.h. */
#include "media/gif.h"

#include <string.h>

#define CODES_MAX 4096

static unsigned u16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

int gif_open(struct gif *g, const uint8_t *p, size_t n)
{
    *g = (struct gif){.p = p, .n = n, .at = 13, .loop = 1};
    if (n < 13) return GIF_CUT;
    g->width = u16(p + 6);
    g->height = u16(p + 8);
    if (p[10] & 0x80) {
        g->colors = 2u << (p[10] & 7);
        g->palette = p + 13;
        g->at += (size_t)g->colors * 3;
    }
    return g->at > n ? GIF_CUT : 0;
}

/* Over sub-blocks and their terminator. */
static int skip_blocks(const struct gif *g, size_t *at)
{
    while (*at < g->n) {
        unsigned len = g->p[(*at)++];
        if (len == 0) return 0;
        *at += len;
    }
    return GIF_CUT;
}

static int read_extension(struct gif *g, struct gif_frame *f)
{
    if (g->n - g->at < 2) return GIF_CUT;
    const uint8_t *b = g->p + g->at + 1;
    size_t left = g->n - g->at - 1;
    unsigned label = g->p[g->at++];
    if (label == 0xf9 && left >= 5 && b[0] >= 4) {
        f->disposal = b[1] >> 2 & 7;
        if (f->disposal == 4) f->disposal = GIF_PREVIOUS; /* an old encoder's bit-field, honoured by browsers */
        f->delay_cs = u16(b + 2);
        f->transparent = b[1] & 1 ? b[4] : -1;
    } else if (label == 0xff && left >= 16 && b[0] == 11 && b[12] >= 3 && b[13] == 1 &&
               (memcmp(b + 1, "NETSCAPE2.0", 11) == 0 || memcmp(b + 1, "ANIMEXTS1.0", 11) == 0)) {
        unsigned again = u16(b + 14); /* after the first time; 0: for ever */
        g->loop = again ? (int32_t)again + 1 : 0;
    }
    return skip_blocks(g, &g->at);
}

static int read_image(struct gif *g, struct gif_frame *f)
{
    if (g->n - g->at < 9) return GIF_CUT;
    const uint8_t *b = g->p + g->at;
    f->x = u16(b);
    f->y = u16(b + 2);
    f->width = u16(b + 4);
    f->height = u16(b + 6);
    f->interlaced = b[8] & 0x40;
    f->palette = g->palette;
    f->colors = g->colors;
    g->at += 9;
    if (b[8] & 0x80) {
        f->colors = 2u << (b[8] & 7);
        f->palette = g->p + g->at;
        if (g->n - g->at < (size_t)f->colors * 3) return GIF_CUT;
        g->at += (size_t)f->colors * 3;
    }
    if (g->at >= g->n) return GIF_CUT;
    f->data = g->at++;
    return skip_blocks(g, &g->at) < 0 ? GIF_CUT : 1;
}

int gif_next(struct gif *g, struct gif_frame *f)
{
    *f = (struct gif_frame){.transparent = -1};
    while (g->at < g->n) {
        switch (g->p[g->at++]) {
        case 0x21:
            if (read_extension(g, f) < 0) return GIF_CUT;
            break;
        case 0x2c: return read_image(g, f);
        case 0x3b: return 0;
        case 0x00: break; /* stray terminators between blocks */
        default: return GIF_CUT;
        }
    }
    return GIF_CUT;
}

struct stream {
    const uint8_t *p;
    size_t n, at;
    unsigned left; /* in the current sub-block */
    uint64_t bits;
    unsigned held;
};

/* At least `width` bits held, or false at the end of the data. */
static inline bool refill(struct stream *s, unsigned width)
{
    while (s->held < width) {
        if (s->left == 0) {
            if (s->at >= s->n || s->p[s->at] == 0) return false;
            s->left = s->p[s->at++];
            if (s->n - s->at < s->left) s->left = (unsigned)(s->n - s->at);
            if (s->left == 0) return false;
        }
        if (s->left >= 4 && s->held <= 32) {
            uint32_t four;
            memcpy(&four, s->p + s->at, 4); /* little endian, as GIF is */
            s->bits |= (uint64_t)four << s->held;
            s->held += 32;
            s->at += 4;
            s->left -= 4;
        } else {
            s->bits |= (uint64_t)s->p[s->at++] << s->held;
            s->held += 8;
            s->left--;
        }
    }
    return true;
}

static inline unsigned take(struct stream *s, unsigned width)
{
    unsigned code = (unsigned)s->bits & ((1u << width) - 1);
    s->bits >>= width;
    s->held -= width;
    return code;
}

/* A table entry is a string that the output already holds: where it began and how long it is. Entry `next` is the
 * string of the code before and the byte after it, so it is known in full only when the code that uses it is read. */
struct table {
    uint32_t from[CODES_MAX], length[CODES_MAX];
    unsigned least, clear, width, next;
    uint64_t before;        /* where the string of the code before began */
    uint32_t before_length; /* 0: there is none */
};

static bool start_table(struct table *t, const struct gif *g, const struct gif_frame *f)
{
    t->least = g->p[f->data];
    if (t->least < 1 || t->least > 8) return false;
    t->clear = 1u << t->least;
    for (unsigned i = 0; i < t->clear; i++) t->length[i] = 1;
    t->width = t->least + 1;
    t->next = t->clear + 2;
    t->before_length = 0;
    return true;
}

/* false: no such entry */
static inline bool grow_table(struct table *t, unsigned code)
{
    if (t->before_length && t->next < CODES_MAX) {
        t->from[t->next] = (uint32_t)t->before;
        t->length[t->next] = t->before_length + 1;
        t->next++;
        if (t->next == 1u << t->width && t->width < 12) t->width++;
    }
    return code < t->next;
}

static void copy_string(const struct table *t, unsigned code, uint8_t *out, uint64_t done, uint32_t len)
{
    uint8_t *to = out + done;
    if (code < t->clear) {
        *to = (uint8_t)code;
        return;
    }
    const uint8_t *from = out + t->from[code];
    if (len < 16 || to - from < (ptrdiff_t)len)
        for (uint32_t i = 0; i < len; i++) to[i] = from[i];
    else
        memcpy(to, from, len);
}

int64_t gif_lzw(const struct gif *g, const struct gif_frame *f, uint8_t *out)
{
    struct table t;
    struct stream s = {.p = g->p, .n = g->n, .at = f->data + 1};
    uint64_t total = (uint64_t)f->width * f->height, done = 0;
    if (!start_table(&t, g, f)) return GIF_CUT;
    while (done < total && refill(&s, t.width)) {
        unsigned code = take(&s, t.width);
        if ((code & ~1u) == t.clear) {
            if (code != t.clear) break;
            t.width = t.least + 1;
            t.next = t.clear + 2;
            t.before_length = 0;
            continue;
        }
        if (!grow_table(&t, code)) return GIF_CUT;
        uint32_t len = t.length[code];
        if (len > total - done) len = (uint32_t)(total - done);
        if (out) copy_string(&t, code, out, done, len);
        t.before = done;
        t.before_length = len;
        done += len;
    }
    return (int64_t)done;
}

uint32_t gif_row(const struct gif_frame *f, uint32_t i)
{
    static const struct {
        uint32_t first, step;
    } pass[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}};
    if (!f->interlaced) return i;
    for (size_t k = 0; k < 4; k++) {
        uint32_t rows = f->height > pass[k].first ? (f->height - pass[k].first + pass[k].step - 1) / pass[k].step : 0;
        if (i < rows) return pass[k].first + i * pass[k].step;
        i -= rows;
    }
    return f->height;
}
