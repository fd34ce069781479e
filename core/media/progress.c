/* progress.c: see progress.h. */
#include "media/progress.h"

#include "base/clock.h"
#include "media/wire.h"

#include <unistd.h>

static struct {
    int sock; /* 0: nobody listens */
    struct progress_part part;
    uint64_t next_ns;
    uint32_t told;
} now = {.part = {0, 1}};

void progress_open(int sock)
{
    now.sock = sock;
    now.next_ns = clock_mono_ns() + 1000000000u / MEDIA_PROGRESS_RATE;
}

struct progress_part progress_enter(double from, double to)
{
    struct progress_part before = now.part;
    double whole = before.to - before.from;
    now.part = (struct progress_part){before.from + whole * from, before.from + whole * to};
    return before;
}

void progress_leave(struct progress_part before)
{
    now.part = before;
}

void progress_at(uint64_t done, uint64_t all)
{
    if (!now.sock || !all) return;
    uint64_t t = clock_mono_ns();
    if (t < now.next_ns) return;
    double share = done < all ? (double)done / (double)all : 1;
    uint32_t thousandths = (uint32_t)((now.part.from + (now.part.to - now.part.from) * share) * 1000);
    if (thousandths <= now.told || thousandths > 1000) return;
    const struct wire_progress w = {WIRE_MAGIC, WIRE_VERSION, thousandths, 0};
    now.next_ns = t + 1000000000u / MEDIA_PROGRESS_RATE;
    if (write(now.sock, &w, sizeof w) == sizeof w) now.told = thousandths;
}
