/* draft.h: a blob that is being written, as Lua holds it. Private to core/script. */
#ifndef GIFD_SCRIPT_DRAFT_H
#define GIFD_SCRIPT_DRAFT_H

#include "script/border.h"
#include "store/blob.h"

struct draft {
    struct blob_draft *d; /* NULL once committed or dropped; dropped by the collector */
};

struct draft *draft_push(lua_State *L);         /* an empty one; the caller fills d after nothing can throw */
struct draft *draft_arg(lua_State *L, int arg); /* throws when it is none, or spent */
bool draft_digest(struct slice s);              /* 64 lower-case hex digits */
/* "draft | digest": a descriptor to read from. *opened: the caller closes it. Throws for other arguments. */
int draft_or_digest(lua_State *L, int arg, struct blobs *b, bool *opened, struct err *e);

#endif
