/* levels.c: see levels.h. */
#include "base/levels.h"
#include "base/clock.h"

#include <string.h>

#define FOREVER (UINT64_MAX >> 8)

static uint64_t now_ms(void)
{
    return clock_mono_ns() / 1000000;
}

void levels_base_set(struct levels *l, const struct levels_base *b)
{
    atomic_store(&l->base, (uint64_t)b->burst << 16 | (uint64_t)(b->form & 0xff) << 8 | (uint64_t)(b->level + 1));
}

bool levels_base(const struct levels *l, struct levels_base *out)
{
    uint64_t word = atomic_load_explicit(&l->base, memory_order_relaxed);
    *out = (struct levels_base){(int)(word & 0xff) - 1, (int)(word >> 8 & 0xff), (uint32_t)(word >> 16)};
    return word != 0;
}

static bool is_name(struct slice s)
{
    if (s.n < 1 || s.n >= LEVELS_NAME) return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-') return false;
    }
    return true;
}

static bool is_live(uint64_t rule, uint64_t now)
{
    return rule && rule >> 8 > now;
}

static void name_put(struct level_module *m, struct slice name)
{
    char text[LEVELS_NAME] = "";
    uint64_t word;
    memcpy(text, name.p, name.n);
    for (size_t i = 0; i < LEVELS_NAME / 8; i++) {
        memcpy(&word, text + 8 * i, sizeof word);
        atomic_store_explicit(&m->name[i], word, memory_order_relaxed);
    }
}

static void name_get(const struct level_module *m, char out[LEVELS_NAME])
{
    for (size_t i = 0; i < LEVELS_NAME / 8; i++) {
        uint64_t word = atomic_load_explicit(&m->name[i], memory_order_relaxed);
        memcpy(out + 8 * i, &word, sizeof word);
    }
    out[LEVELS_NAME - 1] = 0;
}

static struct level_module *find(struct levels *l, struct slice module, uint64_t now)
{
    char name[LEVELS_NAME];
    for (size_t i = 0; i < LEVELS_MODULES; i++) {
        name_get(&l->module[i], name);
        if (is_live(atomic_load(&l->module[i].rule), now) && slice_is(module, name)) return &l->module[i];
    }
    return NULL;
}

/* How many may have a level: readers look no further than whether there are any. */
static void count(struct levels *l)
{
    uint32_t n = 0;
    for (size_t i = 0; i < LEVELS_MODULES; i++) n += atomic_load(&l->module[i].rule) != 0;
    atomic_store(&l->used, n);
}

int levels_set(struct levels *l, struct slice module, int level, uint64_t ms, struct err *e)
{
    uint64_t now = now_ms(), until = ms > FOREVER - now ? FOREVER : now + ms;
    if (!is_name(module)) return err_set(e, GIFD_EINVALID, "\"%.*s\" is no module", (int)module.n, module.p);
    struct level_module *m = find(l, module, now);
    for (size_t i = 0; level >= 0 && !m && i < LEVELS_MODULES; i++)
        if (!is_live(atomic_load(&l->module[i].rule), now)) m = &l->module[i];
    if (!m && level >= 0) return err_set(e, GIFD_ETOOBIG, "%d modules have a level of their own", LEVELS_MODULES);
    if (m) {
        atomic_store(&m->rule, 0);
        name_put(m, module);
        atomic_store(&m->rule, level < 0 ? 0 : until << 8 | (uint64_t)(level + 1));
    }
    count(l);
    return GIFD_OK;
}

int levels_of(const struct levels *l, const char *event)
{
    char name[LEVELS_NAME];
    if (!atomic_load_explicit(&l->used, memory_order_relaxed)) return -1;
    size_t n = strcspn(event, ".");
    uint64_t now = now_ms();
    for (size_t i = 0; i < LEVELS_MODULES; i++) {
        uint64_t rule = atomic_load_explicit(&l->module[i].rule, memory_order_acquire);
        if (!is_live(rule, now)) continue;
        name_get(&l->module[i], name);
        if (!strncmp(name, event, n) && n < LEVELS_NAME && !name[n]) return (int)(rule & 0xff) - 1;
    }
    return -1;
}

bool levels_at(const struct levels *l, size_t place, struct levels_view *out)
{
    uint64_t now = now_ms(), rule = atomic_load(&l->module[place].rule);
    if (!is_live(rule, now)) return false;
    name_get(&l->module[place], out->name);
    out->level = (int)(rule & 0xff) - 1;
    out->left_ms = (rule >> 8) - now;
    return true;
}
