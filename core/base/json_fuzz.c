/* json_fuzz.c: any bytes are JSON or refused; what is JSON reads back the same after it was written. */
#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>

static void write_value(struct json_writer *w, const struct json *v)
{
    switch (v->type) {
    case JSON_NULL: json_write_null(w); return;
    case JSON_BOOL: json_write_bool(w, v->b); return;
    case JSON_INT: json_write_int(w, v->i); return;
    case JSON_REAL: json_write_real(w, v->d); return;
    case JSON_STRING: json_write_string(w, v->s); return;
    case JSON_ARRAY: json_write_array(w); break;
    case JSON_OBJECT: json_write_object(w); break;
    }
    for (const struct json *child = v->child; child; child = child->next) {
        if (v->type == JSON_OBJECT) json_write_key(w, child->key);
        write_value(w, child);
    }
    if (v->type == JSON_ARRAY)
        json_write_array_end(w);
    else
        json_write_object_end(w);
}

static void write_text(struct buf *out, const struct json *root)
{
    struct json_writer w;
    json_write_begin(&w, out, NULL);
    write_value(&w, root);
    if (json_write_end(&w) < 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena arena;
    struct buf first, second;
    struct json *root;
    struct err e;
    arena_init(&arena, 64 << 20);
    buf_init(&first, 64 << 20);
    buf_init(&second, 64 << 20);
    if (json_parse(&arena, slice_of((const char *)data, n), NULL, &root, &e) == GIFD_OK) {
        write_text(&first, root);
        if (json_parse(&arena, buf_slice(&first), NULL, &root, &e) < 0) abort();
        write_text(&second, root);
        /* "1e2" is written "100", which reads back as an integer: the same text again */
        if (!slice_eq(buf_slice(&first), buf_slice(&second))) abort();
    }
    buf_free(&first);
    buf_free(&second);
    arena_free(&arena);
    return 0;
}
