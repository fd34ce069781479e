/* table.c: making and attaching the table; locks that outlive their owners; who must go when a row is full. */
#include "limit/table_int.h"

#include "base/clock.h"
#include "limit/bucket_int.h"
#include "limit/window_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

size_t limit_table_bytes(size_t slots)
{
    if (slots > LIMIT_SLOTS_MAX) slots = LIMIT_SLOTS_MAX;
    size_t rows = (slots + LIMIT__WAYS - 1) / LIMIT__WAYS;
    return sizeof(struct limit__head) + (rows ? rows : 1) * sizeof(struct limit__row);
}

/* What /proc says of a process. start: its start time in clock ticks, cut to 32 bits; 0 when unknown. */
struct life {
    bool gone;
    uint32_t start;
};

static struct life life_of(uint32_t pid)
{
    struct life life = {0};
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n <= 0) {
        /* No /proc here, or no such process: signal 0 knows which. */
        life.gone = kill((pid_t)pid, 0) != 0 && errno == ESRCH;
        return life;
    }
    text[n] = 0;
    /* The name is in brackets and may contain anything; field 3 (state) follows the last one. */
    char *at = strrchr(text, ')');
    if (!at || at[1] != ' ') return life;
    at += 2;
    char state = *at;
    unsigned long long threads = 0, start = 0;
    for (int field = 3; field <= 22 && at; field++) {
        if (field == 20) threads = strtoull(at, NULL, 10);
        if (field == 22) start = strtoull(at, NULL, 10);
        at = strchr(at, ' ');
        if (at) at++;
    }
    /* A zombie runs no more, unless only its first thread has ended. */
    life.gone = (state == 'Z' || state == 'X') && threads <= 1;
    life.start = (uint32_t)start;
    return life;
}

static bool owner_is_dead(uint64_t owner)
{
    struct life life = life_of((uint32_t)(owner >> 32));
    uint32_t start = (uint32_t)owner;
    return life.gone || (start && life.start && life.start != start);
}

static int view(struct limit_table *t, void *memory, size_t bytes, struct err *e)
{
    if ((uintptr_t)memory % 64) return err_set(e, GIFD_EINVALID, "limit table: memory is not aligned to 64 bytes");
    if (bytes < limit_table_bytes(1) || bytes > limit_table_bytes(LIMIT_SLOTS_MAX))
        return err_set(e, GIFD_EINVALID, "limit table: %zu bytes, must be %zu to %zu", bytes, limit_table_bytes(1),
                       limit_table_bytes(LIMIT_SLOTS_MAX));
    t->head = memory;
    t->rows = (struct limit__row *)(t->head + 1);
    t->count = (bytes - sizeof *t->head) / sizeof *t->rows;
    uint32_t pid = (uint32_t)getpid();
    t->self = (uint64_t)pid << 32 | life_of(pid).start;
    return 0;
}

int limit_table_init(struct limit_table *t, void *memory, size_t bytes, const uint64_t seed[2], struct err *e)
{
    int rc = view(t, memory, bytes, e);
    if (rc < 0) return rc;
    memset(memory, 0, sizeof *t->head);
    for (uint64_t i = 0; i < t->count; i++) memset(&t->rows[i], 0, offsetof(struct limit__row, slot));
    t->head->layout = LIMIT__LAYOUT;
    t->head->bytes = bytes;
    t->head->count = t->count;
    memcpy(t->head->seed, seed, sizeof t->seed);
    memcpy(t->seed, seed, sizeof t->seed);
    __atomic_store_n(&t->head->magic, LIMIT__MAGIC, __ATOMIC_RELEASE);
    return 0;
}

int limit_table_attach(struct limit_table *t, void *memory, size_t bytes, struct err *e)
{
    int rc = view(t, memory, bytes, e);
    if (rc < 0) return rc;
    const struct limit__head *h = t->head;
    if (__atomic_load_n(&h->magic, __ATOMIC_ACQUIRE) != LIMIT__MAGIC)
        return err_set(e, GIFD_ECORRUPT, "limit table: there is none in this memory");
    if (h->layout != LIMIT__LAYOUT || h->bytes != bytes || h->count != t->count)
        return err_set(e, GIFD_ECORRUPT, "limit table: layout %llu of %llu bytes, wanted %d of %zu",
                       (unsigned long long)h->layout, (unsigned long long)h->bytes, LIMIT__LAYOUT, bytes);
    memcpy(t->seed, h->seed, sizeof t->seed);
    return 0;
}

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

int limit__enter_slow(const struct limit_table *t, struct limit__row *row)
{
    uint64_t began = 0;
    for (unsigned turn = 1;; turn++) {
        for (int i = 0; i < 64 && atomic_load_explicit(&row->lock, memory_order_relaxed); i++) relax();
        uint64_t owner = 0;
        if (atomic_compare_exchange_strong_explicit(&row->lock, &owner, t->self, memory_order_acquire,
                                                    memory_order_relaxed))
            return 0;
        sched_yield();
        if (turn % 16) continue;
        if (owner_is_dead(owner) && atomic_compare_exchange_strong_explicit(
                                        &row->lock, &owner, t->self, memory_order_acquire, memory_order_relaxed)) {
            atomic_fetch_add_explicit(&t->head->stolen, 1, memory_order_relaxed);
            return 0;
        }
        uint64_t now = clock_mono_ns();
        if (!began) began = now;
        if (now - began > LIMIT_WAIT_MS * 1000000ull) {
            atomic_fetch_add_explicit(&t->head->busy, 1, memory_order_relaxed);
            return GIFD_EBUSY;
        }
    }
}

uint32_t limit__level(const struct limit__slot *s, uint64_t now)
{
    if (s->until < now) return 0;
    return (s->span_kind & 0xff) == LIMIT__BUCKET ? bucket__level(s, now) : window__level(s);
}

/* Both stores of each change only raise what the ghost says, or begin with an end in the past. */
static void ghost_set(struct limit__row *row, unsigned i, uint64_t until, uint32_t level)
{
    row->ghost_until[i] = until;
    LIMIT__MARK();
    row->ghost_level[i] = level;
    LIMIT__MARK();
}

static void ghost_remember(struct limit__row *row, uint64_t until, uint32_t level, uint64_t now)
{
    for (unsigned i = 0; i < 2; i++)
        if (row->ghost_until[i] >= now && row->ghost_until[i] >= until && row->ghost_level[i] >= level) return;
    for (unsigned i = 0; i < 2; i++)
        if (row->ghost_until[i] < now) {
            ghost_set(row, i, until, level);
            return;
        }
    /* Both live: join the one whose level has to change least. */
    uint32_t off[2];
    for (unsigned i = 0; i < 2; i++)
        off[i] = row->ghost_level[i] > level ? row->ghost_level[i] - level : level - row->ghost_level[i];
    unsigned i = off[1] < off[0];
    ghost_set(row, i, until > row->ghost_until[i] ? until : row->ghost_until[i],
              level > row->ghost_level[i] ? level : row->ghost_level[i]);
}

static unsigned least_interesting(const struct limit__row *row, const uint64_t id[2], uint64_t now, unsigned pinned,
                                  uint32_t *level)
{
    unsigned best = LIMIT__WAYS;
    *level = 0;
    for (int i = 0; i < 2; i++) {
        unsigned home = limit__home(id, i);
        if (!(pinned >> home & 1) && (!row->tag[home] || row->slot[home].until < now)) return home;
    }
    for (unsigned way = 0; way < LIMIT__WAYS; way++)
        if (!row->tag[way]) return way;
    for (unsigned way = 0; way < LIMIT__WAYS; way++) {
        if (pinned >> way & 1) continue;
        uint32_t its = limit__level(&row->slot[way], now);
        if (best == LIMIT__WAYS || its < *level) best = way, *level = its;
        if (!its) break;
    }
    return best;
}

unsigned limit__claim(const struct limit_table *t, struct limit__row *row, const uint64_t id[2], uint64_t now,
                      unsigned pinned)
{
    uint32_t level;
    unsigned way = least_interesting(row, id, now, pinned, &level);
    if (level) {
        ghost_remember(row, row->slot[way].until, level, now);
        atomic_fetch_add_explicit(&t->head->evicted, 1, memory_order_relaxed);
    }
    row->tag[way] = 0;
    LIMIT__MARK();
    return way;
}

int limit_clear(const struct limit_table *t)
{
    int rc = 0;
    for (uint64_t i = 0; i < t->count; i++) {
        struct limit__row *row = &t->rows[i];
        if (limit__enter(t, row) < 0) {
            rc = GIFD_EBUSY;
            continue;
        }
        memset(row->tag, 0, sizeof row->tag);
        memset(row->ghost_until, 0, sizeof row->ghost_until);
        limit__leave(row);
    }
    return rc;
}

void limit_stats(const struct limit_table *t, uint64_t now_ns, struct limit_stats *out)
{
    *out = (struct limit_stats){.slots = t->count * LIMIT__WAYS,
                                .evicted = atomic_load_explicit(&t->head->evicted, memory_order_relaxed),
                                .stolen = atomic_load_explicit(&t->head->stolen, memory_order_relaxed),
                                .busy = atomic_load_explicit(&t->head->busy, memory_order_relaxed)};
    for (uint64_t i = 0; i < t->count; i++)
        for (unsigned way = 0; way < LIMIT__WAYS; way++)
            if (t->rows[i].tag[way]) {
                out->taken++;
                out->active += t->rows[i].slot[way].until >= now_ns;
            }
}
