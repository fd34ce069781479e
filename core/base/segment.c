/* segment.c: see segment.h. The file is written in full when it is made, so that no page of it can be missing later. */
#include "base/segment.h"
#include "base/asker.h"
#include "base/broadcast.h"
#include "base/clock.h"
#include "base/epoch.h"
#include "base/levels.h"
#include "base/metric.h"
#include "base/tally.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAYOUT 9 /* of all that lies here, what other files lay out included */
#define WORDS(bytes) (((bytes) + 7) / 8)

struct head {
    char magic[8];
    uint32_t layout, slots;
    uint64_t size, epoch;
    char boot[40];
};

/* Texts are words, so that a reader never sees a torn one further than "half of the old, half of the new". */
struct slot {
    _Atomic uint64_t beat_ns;
    _Atomic uint32_t generation;
    _Atomic int32_t pid;
    _Atomic uint64_t name[WORDS(SEGMENT_NAME_LEN)];
    _Atomic uint64_t blame[WORDS(SEGMENT_BLAME_LEN)];
};

struct area {
    struct head head;
    _Alignas(64) _Atomic uint32_t connections[SEGMENT_SLOTS];
    _Alignas(64) struct slot slots[SEGMENT_SLOTS];
    _Alignas(64) _Atomic uint64_t followed_ns[2]; /* until then; 0: nobody has ever asked */
    _Alignas(64) struct levels levels;
    struct epochs epochs;
};

struct segment {
    struct area *area;
    struct tally *tally;
    size_t size;
    uint32_t own; /* slot of this process; SEGMENT_SLOTS: none yet */
    bool held;    /* the blame is that of segment_hold */
};

static size_t tally_offset(void)
{
    return (sizeof(struct area) + 4095) & ~(size_t)4095;
}

static size_t limits_offset(void)
{
    return (tally_offset() + tally_bytes() + 4095) & ~(size_t)4095;
}

static size_t metrics_offset(void)
{
    return (limits_offset() + SEGMENT_LIMITS_BYTES + 4095) & ~(size_t)4095;
}

static size_t broadcast_offset(void)
{
    return (metrics_offset() + metrics_bytes() + 4095) & ~(size_t)4095;
}

static size_t askers_offset(void)
{
    return (broadcast_offset() + broadcast_bytes() + 4095) & ~(size_t)4095;
}

static size_t whole_size(void)
{
    return (askers_offset() + askers_bytes() + 4095) & ~(size_t)4095;
}

static struct head head_now(void)
{
    struct head h = {.magic = "segment", .layout = LAYOUT, .slots = SEGMENT_SLOTS, .size = whole_size()};
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (read(fd, h.boot, 36) != 36) h.boot[0] = 0;
        close(fd);
    }
    while (!h.epoch)
        if (getrandom(&h.epoch, sizeof h.epoch, 0) != (ssize_t)sizeof h.epoch) h.epoch = 0;
    return h;
}

static bool fits(int fd, const struct head *want)
{
    struct head have;
    struct stat st;
    if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != want->size) return false;
    if (pread(fd, &have, sizeof have, 0) != (ssize_t)sizeof have) return false;
    return !memcmp(have.magic, want->magic, sizeof have.magic) && have.layout == want->layout &&
           have.slots == want->slots && have.size == want->size && have.epoch &&
           !memcmp(have.boot, want->boot, sizeof have.boot);
}

/* What must not be zeros in a new file. */
static bool furnish(int fd)
{
    char *p = mmap(NULL, whole_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) return false;
    metrics_init((void *)(p + metrics_offset()));
    broadcast_init((void *)(p + broadcast_offset()));
    munmap(p, whole_size());
    return true;
}

/* A new file beside the old one, then in its place: whoever still maps the old one is not disturbed. Its room on the
 * disk is taken now: later there might be none, which whoever writes to the memory would die of. */
static int make(const char *path, const struct head *head, struct err *e)
{
    char draft[4096];
    static const char zeros[65536];
    if (snprintf(draft, sizeof draft, "%s.new", path) >= (int)sizeof draft)
        return err_set(e, GIFD_ETOOBIG, "%s: too long", path);
    unlink(draft);
    int fd = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return err_sys(e, errno, "%s", draft);
    bool ok = true, taken = fallocate(fd, 0, 0, (off_t)head->size) == 0;
    for (uint64_t done = 0; ok && !taken && done < head->size;) {
        uint64_t n = head->size - done < sizeof zeros ? head->size - done : sizeof zeros;
        ssize_t wrote = pwrite(fd, zeros, n, (off_t)done);
        ok = wrote > 0;
        done += ok ? (uint64_t)wrote : 0;
    }
    ok = ok && furnish(fd) && pwrite(fd, head, sizeof *head, 0) == (ssize_t)sizeof *head && rename(draft, path) == 0;
    if (ok) return fd;
    int rc = err_sys(e, errno, "%s", path);
    unlink(draft);
    close(fd);
    return rc;
}

static void clear_slots(struct area *a)
{
    for (uint32_t i = 0; i < SEGMENT_SLOTS; i++) {
        atomic_store(&a->connections[i], 0);
        atomic_store(&a->slots[i].pid, 0);
        atomic_store(&a->slots[i].beat_ns, 0);
        atomic_store(&a->slots[i].blame[0], 0);
    }
}

struct segment *segment_open(const char *path, bool create, struct err *e)
{
    struct segment *s = calloc(1, sizeof *s);
    struct head head = head_now();
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW), rc = GIFD_OK;
    if (!s) rc = err_set(e, GIFD_ENOMEM, "no memory for a segment");
    if (fd < 0 && (!create || errno != ENOENT)) rc = err_sys(e, errno, "%s", path);
    if (rc == GIFD_OK && fd >= 0 && !fits(fd, &head)) {
        close(fd);
        fd = -1;
        if (!create) rc = err_set(e, GIFD_ECORRUPT, "%s is of another version or of another boot", path);
    }
    if (rc == GIFD_OK && fd < 0) fd = rc = make(path, &head, e);
    void *p = rc < 0 ? MAP_FAILED : mmap(NULL, head.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (rc >= 0 && p == MAP_FAILED) rc = err_sys(e, errno, "%s", path);
    if (fd >= 0) close(fd);
    if (rc < 0) {
        free(s);
        return NULL;
    }
    *s = (struct segment){p, (struct tally *)(void *)((char *)p + tally_offset()), head.size, SEGMENT_SLOTS, false};
    if (create) {
        clear_slots(s->area);
        tally_mend(s->tally);
        madvise(s->tally, tally_bytes(), MADV_DONTNEED); /* shared: only this process's view of its pages goes */
    }
    return s;
}

void segment_close(struct segment *s)
{
    if (!s) return;
    munmap(s->area, s->size);
    free(s);
}

uint64_t segment_epoch(const struct segment *s)
{
    return s->area->head.epoch;
}

struct tally *segment_tally(struct segment *s)
{
    return s->tally;
}

struct askers *segment_askers(struct segment *s)
{
    return (struct askers *)(void *)((char *)s->area + askers_offset());
}

struct epochs *segment_epochs(struct segment *s)
{
    return &s->area->epochs;
}

void *segment_limits(struct segment *s, size_t *bytes)
{
    *bytes = SEGMENT_LIMITS_BYTES;
    return (char *)s->area + limits_offset();
}

struct metrics *segment_metrics(struct segment *s)
{
    return (struct metrics *)(void *)((char *)s->area + metrics_offset());
}

struct broadcast *segment_broadcast(struct segment *s)
{
    return (struct broadcast *)(void *)((char *)s->area + broadcast_offset());
}

struct levels *segment_levels(struct segment *s)
{
    return &s->area->levels;
}

static void text_put(_Atomic uint64_t *to, size_t bytes, const char *text)
{
    char padded[SEGMENT_BLAME_LEN] = "";
    uint64_t word;
    size_t n = text ? strnlen(text, bytes - 1) : 0, used = WORDS(n + 1);
    if (n) memcpy(padded, text, n);
    for (size_t i = 0; i < used; i++) {
        memcpy(&word, padded + 8 * i, sizeof word);
        atomic_store_explicit(&to[i], word, memory_order_relaxed);
    }
}

static void text_get(const _Atomic uint64_t *from, size_t bytes, char *out)
{
    for (size_t i = 0; i < bytes / 8; i++) {
        uint64_t word = atomic_load_explicit(&from[i], memory_order_relaxed);
        memcpy(out + 8 * i, &word, sizeof word);
    }
    out[bytes - 1] = 0;
}

void segment_slot_begin(struct segment *s, uint32_t slot, const char *name, int pid)
{
    if (slot >= SEGMENT_SLOTS) return;
    struct slot *own = &s->area->slots[slot];
    atomic_store(&s->area->connections[slot], 0);
    text_put(own->name, SEGMENT_NAME_LEN, name);
    atomic_fetch_add(&own->generation, 1);
    atomic_store(&own->pid, pid);
}

void segment_slot_end(struct segment *s, uint32_t slot)
{
    if (slot >= SEGMENT_SLOTS) return;
    struct slot *own = &s->area->slots[slot];
    atomic_store(&own->pid, 0);
    atomic_store(&own->beat_ns, 0);
    text_put(own->blame, SEGMENT_BLAME_LEN, NULL);
    atomic_store(&s->area->connections[slot], 0);
}

uint64_t segment_slot_beat(const struct segment *s, uint32_t slot)
{
    return slot < SEGMENT_SLOTS ? atomic_load(&s->area->slots[slot].beat_ns) : 0;
}

void segment_slot_blame(const struct segment *s, uint32_t slot, char out[SEGMENT_BLAME_LEN])
{
    out[0] = 0;
    if (slot < SEGMENT_SLOTS) text_get(s->area->slots[slot].blame, SEGMENT_BLAME_LEN, out);
}

void segment_slot_view(const struct segment *s, uint32_t slot, struct segment_slot_view *out)
{
    *out = (struct segment_slot_view){0};
    if (slot >= SEGMENT_SLOTS) return;
    const struct slot *of = &s->area->slots[slot];
    text_get(of->name, SEGMENT_NAME_LEN, out->name);
    out->pid = atomic_load(&of->pid);
    out->generation = atomic_load(&of->generation);
    out->connections = atomic_load(&s->area->connections[slot]);
    out->beat_ns = atomic_load(&of->beat_ns);
}

_Atomic uint32_t *segment_connections(struct segment *s)
{
    return s->area->connections;
}

void segment_beat(struct segment *s, uint32_t slot)
{
    if (slot >= SEGMENT_SLOTS) return;
    s->own = slot;
    atomic_store(&s->area->slots[slot].beat_ns, clock_mono_ns());
}

void segment_blame(struct segment *s, const char *what)
{
    if (s->own < SEGMENT_SLOTS && !s->held) text_put(s->area->slots[s->own].blame, SEGMENT_BLAME_LEN, what);
}

void segment_hold(struct segment *s, const char *what)
{
    s->held = false;
    segment_blame(s, what);
    s->held = what != NULL;
}

void segment_follow(struct segment *s, enum segment_news what, uint64_t ns)
{
    atomic_store(&s->area->followed_ns[what], clock_mono_ns() + ns);
}

bool segment_is_followed(const struct segment *s, enum segment_news what)
{
    uint64_t until = atomic_load_explicit(&s->area->followed_ns[what], memory_order_relaxed);
    return until && until > clock_mono_ns();
}
