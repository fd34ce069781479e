/* json.h: strict JSON (RFC 8259) in and out.
 *
 *   {"tags": ["a", 1.5]}      object -child-> array (key "tags") -child-> string "a" -next-> real 1.5
 *
 * Reading gives a tree of nodes in the caller's arena; strings without escapes point into the text, so text and arena
 * outlive the tree. Text must be UTF-8; no comments, no trailing commas, no NaN, nothing after the value. Members keep
 * their order, and a key that occurs twice is there twice (json_get gives the last). Writing appends to a buffer.
 * Any thread; a tree, an arena and a writer belong to one at a time. */
#ifndef GIFD_BASE_JSON_H
#define GIFD_BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 64

enum json_type { JSON_NULL, JSON_BOOL, JSON_INT, JSON_REAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
    enum json_type type;
    union {
        bool b;       /* JSON_BOOL */
        int64_t i;    /* JSON_INT: written without fraction and exponent, and within int64 */
        double d;     /* JSON_REAL: any other number */
        size_t count; /* JSON_ARRAY, JSON_OBJECT: of children */
    };
    struct slice s;     /* JSON_STRING: decoded UTF-8, may hold NUL bytes */
    struct slice key;   /* of a member of an object, else empty with p NULL */
    struct json *child; /* first of an array or object, or NULL */
    struct json *next;  /* sibling, or NULL */
};

struct json_limits {
    uint32_t depth; /* of arrays and objects within each other; 0: JSON_DEPTH_MAX, which it may not exceed */
    size_t bytes;   /* of the text; 0: 16 MiB */
    size_t nodes;   /* values in all; 0: 1 million */
};

/* GIFD_EINVALID with what, line, column and byte offset (all counted from 1, bytes from 0); GIFD_ETOOBIG for a limit;
 * GIFD_ENOMEM when the arena is exhausted. limits may be NULL. A surrogate escape without its partner is an error. */
int json_parse(struct arena *a, struct slice text, const struct json_limits *limits, struct json **root, struct err *e);

/* The last member of that name; NULL when there is none, or o is NULL or no object. */
const struct json *json_get(const struct json *o, const char *key);

/* A writer. Errors stick: after the first one the rest does nothing and json_write_end returns it. Misuse (a value
 * where a key belongs, NaN, too deep, two roots, unclosed) is GIFD_EINVALID; a full buffer GIFD_ETOOBIG. */
struct json_writer {
    struct buf *out;
    struct err *e;
    int rc;
    uint32_t depth;
    bool keyed, done;         /* a key was written and its value is due; the root is complete */
    uint64_t objects, filled; /* one bit per depth: is an object; holds something already */
};

void json_write_begin(struct json_writer *w, struct buf *out, struct err *e); /* e may be NULL */
int json_write_end(struct json_writer *w);
void json_write_object(struct json_writer *w); /* { */
void json_write_object_end(struct json_writer *w);
void json_write_array(struct json_writer *w); /* [ */
void json_write_array_end(struct json_writer *w);
void json_write_key(struct json_writer *w, struct slice key);
void json_write_string(struct json_writer *w,
                       struct slice s); /* invalid UTF-8 becomes U+FFFD; < and U+2028/9 are escaped */
void json_write_int(struct json_writer *w, int64_t i);
void json_write_real(struct json_writer *w, double d); /* the shortest text that reads back the same */
void json_write_bool(struct json_writer *w, bool b);
void json_write_null(struct json_writer *w);
/* What was read, as it was; NULL writes null. Keys of members are written, that of `v` itself is not. */
void json_write_value(struct json_writer *w, const struct json *v);

#endif
