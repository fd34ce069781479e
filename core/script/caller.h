/* caller.h: who asks, as a number that is counted by and as a text that is judged later (base/asker.h):
 *
 *   FLAGS \n FROM \n USER-AGENT
 *
 *   FLAGS   "p" when it is fetched ahead of need (Sec-Purpose, Purpose, X-Purpose, X-Moz)
 *   FROM    "via:WORD" of the address, and the host of the Referer behind a space; that host; or "/" for this very
 *           host: with the path behind it where that begins with the app's `pages` and the address does not name its
 *           page itself by ?s=
 *
 * Each part is cut. The numbers of texts are remembered by their hash, so that a hit costs a look. Loop thread only. */
#ifndef GIFD_SCRIPT_CALLER_H
#define GIFD_SCRIPT_CALLER_H

#include "base/asker.h"
#include "http/request.h"

#define CALLERS_KNOWN 1024 /* a power of two */

struct callers {
    struct {
        uint64_t hash;
        uint32_t number, age;
    } known[CALLERS_KNOWN];
};

size_t caller_text(const struct request *r, struct slice pages, char out[ASKER_TEXT_MAX]);
/* seed: of all who share the table. 0: it has no room. */
uint32_t caller_number(struct callers *c, struct askers *t, uint64_t seed, const struct request *r, struct slice pages);

#endif
