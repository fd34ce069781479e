/* intake.h: things that are told by POST, read without Lua and appended to the process's trail. Private to core/script.
 *
 *   body --json--> {"type","asset_id","share"?,"platform"?,"at"?,"metadata"?}, {"events":[...]}, [...] or NDJSON
 *     each: type and platform by name, asset and share by the app's SQL --> struct trail_row, or why not
 *   rows --> trail (store/trail.h) --committed--> {"accepted":n,"rejected":[{"index","code","pointer","line"?}]}
 *
 *   kind of a row   bits 0..3 type | 4..11 platform | from 12 on the app's: `mark`
 *
 * Names, numbers and SQL are boot's (`intake`), so that nothing of the app is known here:
 *
 *   intake = { folder, rollup, also, also_table (store/rollup.h), durable, guarded (Lua says who may), types = {name,
 * ...} (1, 2, ...), platforms = {name, ...} (1, 2, ...; else 0), mark, past, ahead (seconds), subject (SQL: ?1 text ->
 * number), part (SQL: ?1 text -> number, its subject) }
 *
 * Loop thread only. */
#ifndef GIFD_SCRIPT_INTAKE_H
#define GIFD_SCRIPT_INTAKE_H

#include "base/arena.h"
#include "base/json.h"
#include "store/db.h"
#include "store/trail.h"

#include <lua.h>

#define INTAKE_NAMES_MAX 32
#define INTAKE_BODY_MAX (8 * 1048576)
#define INTAKE_META_MAX 2048 /* bytes of one "metadata" */

struct intake_rules {
    bool on, durable, guarded;
    struct arena arena;                            /* owns the texts */
    struct slice folder, rollup, also, also_table; /* store/rollup.h */
    struct slice types[INTAKE_NAMES_MAX], platforms[INTAKE_NAMES_MAX];
    size_t type_count, platform_count;
    int64_t mark;
    int64_t past_us, ahead_us;
    struct slice subject_sql, part_sql;
};
/* From field `intake` of the table at the top of L; without one `on` stays false. May throw. */
void intake_read_rules(lua_State *L, struct intake_rules *r);
void intake_free_rules(struct intake_rules *r);

/* Numbers of texts that were looked up lately. */
struct intake_names;
struct intake_names *intake_names_new(void);
void intake_names_free(struct intake_names *n);

struct intake_fault {
    uint32_t index, line; /* from 0; from 1, or 0 when it was no line */
    int code;             /* GIFD_EINVALID, GIFD_ENOTFOUND, GIFD_ETOOBIG */
    const char *pointer;  /* of the field, "" for the whole */
    const char *text;     /* for people */
};

struct intake {
    bool single;
    struct trail_row *rows; /* in the arena, as their texts are in the body */
    size_t row_count;
    struct intake_fault *faults;
    size_t fault_count;
};

/* What a body says. GIFD_EINVALID: it is no JSON at all; GIFD_ETOOBIG: more than TRAIL_APPEND_MAX; GIFD_EBUSY,
 * GIFD_EIO: names could not be looked up. lines: it is said to be NDJSON. now: microseconds. */
int intake_read(const struct intake_rules *rules, struct intake_names *names, struct db *db, struct slice body,
                bool lines, int64_t now, uint64_t now_ms, struct arena *a, struct intake *out, struct err *e);

/* intake_visit.c: for Lua. done(arg) as of trail_append, unless nothing was accepted: then never. The answer is one
 * block on the heap, and the caller's; NULL: e. */
struct intake_told {
    bool single;
    size_t accepted, fault_count;
    struct intake_fault faults[];
};
struct gen;
struct intake_told *intake_tell(struct gen *g, struct slice body, bool lines, trail_done_fn done, void *arg,
                                struct err *e);

#define INTAKE_BRIEF_MAX 48
/* {"accepted":n,"rejected":[]} -> its length */
size_t intake_report_brief(const struct intake *in, char out[static INTAKE_BRIEF_MAX]);
/* Appends {"accepted":...,"rejected":[...]} to out. */
int intake_report(const struct intake *in, struct buf *out, struct err *e);

#endif
