/* asker.h: texts that several processes see, each by a small number: who asks, as a key of the tally (tally.h) holds
 * it.
 *
 *   any process    askers_number(text) -> number, age     the same text gets the same number, nearly always
 *   the reader     askers_text(number), then, each round, askers_sweep(numbers that keys hold)
 *
 *   free -> being written -> here -> leaving -> free, an age older
 *                              \ ASKER_ROUNDS rounds unused \ and as many again: whoever remembers the number looks
 *                                                             with askers_here before each use, and adds at once
 *
 * Memory is fixed: a text that finds no room has no number (0), and the numbers below ASKERS_OWN are the app's, for
 * what it says of those. Lock-free; askers_sweep is for one process at a time. A process that dies while it writes
 * leaves an entry to the sweep. One that is stopped for ASKER_ROUNDS rounds between its look and its add may count for
 * another text. */
#ifndef GIFD_BASE_ASKER_H
#define GIFD_BASE_ASKER_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASKERS 2048
#define ASKERS_OWN 32
#define ASKER_TEXT_MAX 480
#define ASKER_ROUNDS 5

struct askers;             /* zeroed memory is an empty table */
size_t askers_bytes(void); /* 64-byte aligned */

uint64_t askers_hash(uint64_t seed, struct slice text);
/* hash: of this text, by a seed that all share. 0: no room, or it is longer than ASKER_TEXT_MAX. */
uint32_t askers_number(struct askers *t, uint64_t hash, struct slice text, uint32_t *age);
bool askers_here(const struct askers *t, uint32_t number, uint32_t age);
/* -> its length, 0: nobody's */
size_t askers_text(const struct askers *t, uint32_t number, char out[ASKER_TEXT_MAX]);
/* used: a bit for each number. */
void askers_sweep(struct askers *t, const uint64_t used[ASKERS / 64]);

#endif
