/* epoch.c: see epoch.h. */
#include "base/epoch.h"

uint64_t epochs_now(const struct epochs *e)
{
    return atomic_load_explicit(&e->last, memory_order_acquire);
}

uint32_t epochs_slot(struct slice tag)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < tag.n; i++) h = (h ^ (unsigned char)tag.p[i]) * 1099511628211u;
    h *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(h >> 40) % EPOCH_SLOTS;
}

void epochs_raise(struct epochs *e, struct slice tag)
{
    uint64_t mine = atomic_fetch_add_explicit(&e->last, 1, memory_order_acq_rel) + 1;
    _Atomic uint64_t *slot = &e->slot[epochs_slot(tag)];
    uint64_t seen = atomic_load_explicit(slot, memory_order_relaxed);
    while (seen < mine &&
           !atomic_compare_exchange_weak_explicit(slot, &seen, mine, memory_order_acq_rel, memory_order_relaxed)) {
    }
}
