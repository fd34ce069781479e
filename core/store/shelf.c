/* shelf.c: see shelf.h. A handful of places, looked through from the first to the last. */
#include "store/shelf.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define LOOK_MS 5000

struct place {
    struct db *db; /* NULL: free */
    uint64_t used_ms;
    dev_t dev;
    ino_t ino;
    char name[SHELF_NAME_MAX + 1];
};

struct shelf {
    struct tick tick;
    struct loop *loop;
    struct metrics *metrics;
    char *folder;
    struct place place[SHELF_OPEN_MAX];
};

static void clear(struct place *p)
{
    db_close(p->db);
    *p = (struct place){0};
}

static void on_look(struct tick *t)
{
    struct shelf *s = LIST_OF(t, struct shelf, tick);
    uint64_t now = loop_now_ms(s->loop);
    for (size_t i = 0; i < SHELF_OPEN_MAX; i++) {
        struct place *p = &s->place[i];
        if (p->db && db_busy(p->db)) p->used_ms = now;
        if (p->db && now - p->used_ms >= SHELF_IDLE_MS) clear(p);
    }
}

struct shelf *shelf_new(struct loop *l, const char *folder, struct metrics *counts, struct err *e)
{
    struct shelf *s = calloc(1, sizeof *s);
    if (!s || !(s->folder = strdup(folder))) {
        err_set(e, GIFD_ENOMEM, "no memory for databases");
        free(s);
        return NULL;
    }
    s->loop = l;
    s->metrics = counts;
    tick_start(l, &s->tick, LOOK_MS, on_look);
    return s;
}

void shelf_free(struct shelf *s)
{
    if (!s) return;
    tick_stop(&s->tick);
    for (size_t i = 0; i < SHELF_OPEN_MAX; i++)
        if (s->place[i].db) clear(&s->place[i]);
    free(s->folder);
    free(s);
}

static bool is_name(struct slice s)
{
    if (s.n < 1 || s.n > SHELF_NAME_MAX || s.p[0] < 'a' || s.p[0] > 'z') return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-') return false;
    }
    return true;
}

/* Its own place; else a free one; else that of the one that has been idle for the longest; NULL when none is idle. */
static struct place *find(struct shelf *s, struct slice name)
{
    struct place *best = NULL;
    for (size_t i = 0; i < SHELF_OPEN_MAX; i++) {
        struct place *p = &s->place[i];
        if (p->db && slice_is(name, p->name)) return p;
        if (p->db && db_busy(p->db)) continue;
        if (!best || (best->db && (!p->db || p->used_ms < best->used_ms))) best = p;
    }
    return best;
}

struct db *shelf_take(struct shelf *s, struct slice name, struct err *e)
{
    char path[PATH_MAX];
    struct stat st;
    struct place *p = NULL;
    int rc = is_name(name) ? GIFD_OK : err_set(e, GIFD_EINVALID, "this names no database");
    if (rc == GIFD_OK && snprintf(path, sizeof path, "%s/%.*s.db", s->folder, (int)name.n, name.p) >= (int)sizeof path)
        rc = err_set(e, GIFD_ETOOBIG, "%s: too long", s->folder);
    if (rc == GIFD_OK && stat(path, &st) < 0) rc = err_sys(e, errno, "the database of %.*s", (int)name.n, name.p);
    if (rc == GIFD_OK && !(p = find(s, name)))
        rc = err_set(e, GIFD_EBUSY, "%d other databases are being used", SHELF_OPEN_MAX);
    if (rc < 0) return NULL;
    bool own = p->db && slice_is(name, p->name), same = own && p->dev == st.st_dev && p->ino == st.st_ino;
    if (own && !same && db_busy(p->db)) {
        err_set(e, GIFD_EBUSY, "the database of %s was replaced and its last statements are being answered", p->name);
        return NULL;
    }
    if (p->db && !same) clear(p);
    if (!p->db &&
        !(p->db = db_open(s->loop, &(struct db_options){.path = path, .guest = true, .metrics = s->metrics}, e)))
        return NULL;
    p->used_ms = loop_now_ms(s->loop);
    p->dev = st.st_dev;
    p->ino = st.st_ino;
    memcpy(p->name, name.p, name.n);
    p->name[name.n] = 0;
    return p->db;
}
