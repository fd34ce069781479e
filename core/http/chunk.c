/* chunk.c: see chunk_int.h. */
#include "http/chunk_int.h"
#include "http/head_int.h"
#include "http/utf8_int.h"

#define DIGITS_MAX 16

enum { SIZE, NAME, NAME_MORE, VALUE, VALUE_MORE, QUOTED, ESCAPED, QUOTED_END, LINE_FEED, DATA, DATA_CR, DATA_LF };

static bool is_token(char b)
{
    return head__is_token(slice_of(&b, 1));
}

static bool is_text(char b)
{
    return b == '\t' || ((unsigned char)b >= 0x20 && b != 0x7f);
}

static int size_byte(struct chunks *c, char b)
{
    int digit = hex__digit(b);
    if (digit < 0) return c->digits == 0 ? -1 : b == ';' ? NAME : b == '\r' ? LINE_FEED : -1;
    if (++c->digits > DIGITS_MAX || c->left >> 58) return -1;
    c->left = c->left << 4 | (uint64_t)digit;
    return SIZE;
}

static int extension_byte(struct chunks *c, char b)
{
    if (++c->extension > CHUNK_EXTENSION_MAX) return -1;
    int ended = b == ';' ? NAME : b == '\r' ? LINE_FEED : -1;
    switch (c->state) {
    case NAME: return is_token(b) ? NAME_MORE : -1;
    case NAME_MORE: return is_token(b) ? NAME_MORE : b == '=' ? VALUE : ended;
    case VALUE: return b == '"' ? QUOTED : is_token(b) ? VALUE_MORE : -1;
    case VALUE_MORE: return is_token(b) ? VALUE_MORE : ended;
    case QUOTED: return b == '"' ? QUOTED_END : b == '\\' ? ESCAPED : is_text(b) ? QUOTED : -1;
    case ESCAPED: return is_text(b) ? QUOTED : -1;
    default: return ended;
    }
}

static int line_end(struct chunks *c, char b)
{
    if (b != '\n') return -1;
    c->last = c->left == 0;
    return DATA;
}

ptrdiff_t chunk__next(struct chunks *c, const char *p, size_t n, size_t *data)
{
    size_t i = 0;
    *data = 0;
    while (i < n && !c->last) {
        int next;
        switch (c->state) {
        case SIZE: next = size_byte(c, p[i]); break;
        case LINE_FEED: next = line_end(c, p[i]); break;
        case DATA:
            *data = c->left < n - i ? (size_t)c->left : n - i;
            c->left -= *data;
            if (c->left == 0) c->state = DATA_CR;
            return (ptrdiff_t)i;
        case DATA_CR: next = p[i] == '\r' ? DATA_LF : -1; break;
        case DATA_LF:
            next = p[i] == '\n' ? SIZE : -1;
            c->digits = c->extension = 0;
            break;
        default: next = extension_byte(c, p[i]);
        }
        if (next < 0) return -1;
        c->state = (unsigned char)next;
        i++;
    }
    return (ptrdiff_t)i;
}
