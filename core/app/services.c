/* services.c: see services.h. */
#include "app/services.h"
#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

#define MEDIA_WAITING 256

int services_open(struct services *s, const struct services_options *o, struct err *e)
{
    char path[PATH_LEN];
    *s = (struct services){0};
    struct metrics *metrics = o->segment ? segment_metrics(o->segment) : NULL;
    int rc = loop_init(&s->loop, e);
    if (rc < 0) return rc;
    datadir_join(o->dir, "catalogue.db", path);
    s->db = db_open(&s->loop, &(struct db_options){.path = path, .keys = o->dir->path, .metrics = metrics}, e);
    if (!s->db) return e->code;
    datadir_join(o->dir, "blobs", path);
    s->blobs = blobs_open(&s->loop, path, e);
    if (!s->blobs) return e->code;
    datadir_join(o->dir, "plugins", path);
    s->shelf = shelf_new(&s->loop, path, metrics, e);
    if (!s->shelf) return e->code;
    datadir_join(o->dir, "media.sock", path);
    s->media = media_pool_new(&s->loop, path, o->media_running, MEDIA_WAITING, e);
    if (!s->media) return e->code;
    for (size_t i = 0; i < HOST_NEAR; i++) {
        datadir_join(o->dir, i ? "near-listed" : "near", path);
        s->near[i] = near_open(&s->loop, path, e);
        if (!s->near[i]) log_warn("near.closed", LS("error", e->text)); /* a full disk is no reason not to serve */
    }
    struct host_services services = {.loop = &s->loop,
                                     .db = s->db,
                                     .shelf = s->shelf,
                                     .blobs = s->blobs,
                                     .media = s->media,
                                     .near = {s->near[0], s->near[1]},
                                     .segment = o->segment,
                                     .wake_fd = o->wake_fd,
                                     .role = o->role,
                                     .dev = o->dev,
                                     .data_dir = o->dir->path,
                                     .version = GIFD_VERSION,
                                     .urls = o->urls,
                                     .recycle = o->recycle,
                                     .recycle_arg = o->recycle_arg};
    s->host = host_new(&services, e);
    return s->host ? GIFD_OK : e->code;
}

int services_load(struct services *s, const char *bundle, uint64_t generation, const char *without, struct err *e)
{
    int rc = host_prepare(s->host, bundle, generation, without, e);
    if (rc < 0) return rc;
    host_commit(s->host);
    snprintf(s->bundle, sizeof s->bundle, "%s", bundle);
    return GIFD_OK;
}

void services_close(struct services *s)
{
    if (s->host) host_free(s->host);
    if (s->media) media_pool_free(s->media);
    if (s->blobs) blobs_close(s->blobs);
    shelf_free(s->shelf);
    if (s->db) db_close(s->db);
    loop_close(&s->loop);
    for (size_t i = 0; i < HOST_NEAR; i++) near_close(s->near[i]); /* no search is out any more */
}
