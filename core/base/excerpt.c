/* excerpt.c: see excerpt.h. */
#include "base/excerpt.h"

#include <ctype.h>
#include <stdio.h>

static bool is_path(char c)
{
    return isalnum((unsigned char)c) || c == '/' || c == '.' || c == '_' || c == '-';
}

bool excerpt_place(struct slice m, struct slice *path, unsigned *line)
{
    for (size_t i = 0; i + 5 < m.n; i++) {
        if (memcmp(m.p + i, ".lua:", 5) != 0 || !isdigit((unsigned char)m.p[i + 5])) continue;
        size_t from = i, at = i + 5;
        while (from && is_path(m.p[from - 1])) from--;
        *path = slice_of(m.p + from, i + 4 - from);
        for (*line = 0; at < m.n && isdigit((unsigned char)m.p[at]) && *line < 10000000; at++)
            *line = *line * 10 + (unsigned)(m.p[at] - '0');
        if (from < i) return true;
    }
    return false;
}

static size_t write_line(char *out, unsigned number, bool named, const char *p, size_t n)
{
    size_t at = (size_t)sprintf(out, "%s%4u | ", named ? ">" : " ", number);
    if (n && p[n - 1] == '\r') n--;
    if (n > EXCERPT_COLUMNS) n = EXCERPT_COLUMNS;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        out[at++] = (char)(c == '\t' ? ' ' : c < ' ' || c == 0x7f ? '?' : c);
    }
    out[at++] = '\n';
    return at;
}

size_t excerpt_write(struct slice text, unsigned line, char out[EXCERPT_MAX])
{
    size_t at = 0;
    bool found = false;
    const char *p = text.p, *end = text.p + text.n;
    for (unsigned number = 1; p < end && number <= line + EXCERPT_AROUND; number++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop) stop = end;
        if (number + EXCERPT_AROUND >= line) at += write_line(out + at, number, number == line, p, (size_t)(stop - p));
        found = found || number == line;
        p = stop + 1;
    }
    return found ? at : 0;
}
