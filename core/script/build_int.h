/* build_int.h: one build under way. Private to core/script. */
#ifndef GIFD_SCRIPT_BUILD_INT_H
#define GIFD_SCRIPT_BUILD_INT_H

#include "crypto/crypto.h"
#include "script/bundle_int.h"
#include "script/gen.h"
#include "script/sources.h"

struct compiled {
    const char *name;           /* the chunk's, without '@' */
    uint8_t digest[SHA256_LEN]; /* of its source */
};

struct run { /* of config.lua or a manifest */
    unsigned steps, hooks;
    uint64_t until_ms; /* of this thread's processor time */
    int line;          /* the last one that was begun */
    bool late;
};

struct building {
    const struct build_options *o;
    struct build_result *result;
    struct sources sources;
    struct bundle *live; /* NULL: there is none to take bytecode from */
    struct gen *g;
    struct slice config; /* p == NULL: none */
    struct compiled *compiled;
    size_t compiled_count;
    struct bundle_put *put;
    size_t put_count;
    struct run run;
};

/* The bytecode of a text of this digest, when the live bundle has it under this name. */
bool build__has_bytecode(const struct building *b, const char *name, const uint8_t digest[SHA256_LEN],
                         struct slice *out);

extern const struct binding bind_build[]; /* reaches its build by gen->source_arg */

#endif
