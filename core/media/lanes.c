/* lanes.c: see lanes.h. */
#include "media/lanes.h"

void lanes_init(struct lanes *l, const struct lane_limits *limits, uint32_t cores)
{
    *l = (struct lanes){.limits = *limits, .cores = cores ? cores : 1};
    list_init(&l->quick_queue);
    list_init(&l->render_queue);
    list_init(&l->running);
}

void lanes_add(struct lanes *l, struct lane_job *j)
{
    j->running = false;
    list_push(j->render ? &l->render_queue : &l->quick_queue, &j->node);
    l->waiting += j->render;
}

/* What j's account has running in j's lane. */
static uint64_t held_by_account(const struct lanes *l, const struct lane_job *j)
{
    uint64_t sum = 0;
    for (const struct list *n = l->running.next; n != &l->running; n = n->next) {
        const struct lane_job *r = LIST_OF(n, struct lane_job, node);
        if (r->account == j->account && r->render == j->render) sum += j->render ? r->pixels : 1;
    }
    return sum;
}

static bool has_its_share(const struct lanes *l, const struct lane_job *j)
{
    uint64_t held = j->account ? held_by_account(l, j) : 0;
    if (!held) return false;
    return j->render ? held + j->pixels > l->limits.account_pixels : held >= QUICK_MAX / 2;
}

static bool has_room(const struct lanes *l, const struct lane_job *j)
{
    if (!j->render) return l->quick < QUICK_MAX;
    if (!l->renders) return true;
    return l->renders < l->limits.most && l->renders < l->cores && l->memory + j->memory <= l->limits.memory &&
           l->pixels + j->pixels <= l->limits.pixels;
}

static struct lane_job *pick(struct lanes *l, struct list *queue)
{
    for (struct list *n = queue->next; n != queue; n = n->next) {
        struct lane_job *j = LIST_OF(n, struct lane_job, node);
        if (has_its_share(l, j)) continue;
        return has_room(l, j) ? j : NULL; /* a large one is not overtaken for ever by small ones */
    }
    return NULL;
}

static void count(struct lanes *l, const struct lane_job *j, int sign)
{
    if (!j->render) {
        l->quick += (size_t)sign;
        return;
    }
    l->renders += (size_t)sign;
    l->memory += sign > 0 ? j->memory : -j->memory;
    l->pixels += sign > 0 ? j->pixels : -j->pixels;
}

struct lane_job *lanes_next(struct lanes *l)
{
    struct lane_job *j = pick(l, &l->quick_queue);
    if (!j) j = pick(l, &l->render_queue);
    if (!j) return NULL;
    list_remove(&j->node);
    list_push(&l->running, &j->node);
    l->waiting -= j->render;
    j->running = true;
    count(l, j, 1);
    return j;
}

void lanes_end(struct lanes *l, struct lane_job *j)
{
    list_remove(&j->node);
    if (j->running)
        count(l, j, -1);
    else
        l->waiting -= j->render;
}
