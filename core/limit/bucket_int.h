/* bucket_int.h: the token bucket on one slot of the table; see limit.h for what it promises. Under the row's lock.
 *
 * GCRA: of all the bucket only the time is kept at which it will be full again. That is `until` in ns, refined by
 * u.n64[0] in 2^-32 ns. A charge moves it on by cost * interval; a charge is allowed if that is at most `span` ahead.
 *
 * Killed between the two stores of a charge: `until` is stored first and may stand with the old fraction, which is a
 * time no earlier than before the charge. */
#ifndef GIFD_LIMIT_BUCKET_INT_H
#define GIFD_LIMIT_BUCKET_INT_H

#include "limit/limit.h"
#include "limit/table_int.h"

int bucket__prepare(struct limit_policy *p, struct err *e);
/* s may be NULL: an untouched key. Whether `cost` may be charged, and how the key stands now. */
bool bucket__judge(const struct limit_policy *p, const struct limit__slot *s, uint64_t now, uint64_t cost,
                   struct limit_standing *out);
/* After a judge that said yes. Brings *out up to date. */
void bucket__charge(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint64_t cost,
                    struct limit_standing *out);
/* Makes s a key that has used `level` of its quota and is done by `until` at the latest. */
void bucket__start(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint32_t level, uint64_t until);
uint32_t bucket__level(const struct limit__slot *s, uint64_t now);

#endif
