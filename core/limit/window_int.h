/* window_int.h: fixed and sliding windows on one slot of the table; see limit.h for what they promise. Under the row's
 * lock.
 *
 * Fixed: `until` is the end of the window, u.n64[0] what is used in it.
 *
 * Sliding: time is cut into parts of part_ns, numbered from 0. The counts of the last parts lie in a ring of 32, 16, 8
 * or 4 numbers; part i has place i mod size. A window is the running part and the `resolution` parts before it, of
 * which there is always room for one more than that in the ring. `until` is the end of the last charged part's
 * influence:
 *
 *     part     h-3  h-2  h-1   h                                  until = (h + resolution + 1) * part_ns
 *     count   | 3  | 0  | 9  | 4 |   h: the last charged part
 *
 * Killed between two stores of a charge: `until` moves first, and counts that were older then stand in newer parts
 * until they are overwritten. They count for longer than they should, never for less. */
#ifndef GIFD_LIMIT_WINDOW_INT_H
#define GIFD_LIMIT_WINDOW_INT_H

#include "limit/limit.h"
#include "limit/table_int.h"

int window__prepare_fixed(struct limit_policy *p, struct err *e);
int window__prepare_sliding(struct limit_policy *p, struct err *e);
/* As in bucket_int.h. */
bool window__judge_fixed(const struct limit_policy *p, const struct limit__slot *s, uint64_t now, uint64_t cost,
                         struct limit_standing *out);
bool window__judge_sliding(const struct limit_policy *p, const struct limit__slot *s, uint64_t now, uint64_t cost,
                           struct limit_standing *out);
void window__charge_fixed(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint64_t cost,
                          struct limit_standing *out);
void window__charge_sliding(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint64_t cost,
                            struct limit_standing *out);
void window__start_fixed(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint32_t level,
                         uint64_t until);
void window__start_sliding(const struct limit_policy *p, struct limit__slot *s, uint64_t now, uint32_t level);
uint32_t window__level(const struct limit__slot *s);

#endif
