/* services.h: the parts of the data directory that a process works with, opened in order and closed in reverse. */
#ifndef GIFD_APP_SERVICES_H
#define GIFD_APP_SERVICES_H

#include "app/app.h"
#include "script/host.h"

struct services {
    struct loop loop;
    struct db *db;
    struct shelf *shelf;
    struct blobs *blobs;
    struct media_pool *media;
    struct near *near[HOST_NEAR];
    struct host *host;
    char bundle[PATH_LEN];
};

struct services_options {
    const struct datadir *dir;
    struct segment *segment;
    const char *const *urls;                                       /* NULL-terminated */
    const char *role;                                              /* "worker", "runner", "command" */
    bool dev;                                                      /* host.h */
    int wake_fd;                                                   /* -1: none */
    size_t media_running;                                          /* questions to the media process at a time */
    void (*recycle)(void *arg, const char *plugin, size_t memory); /* host.h; or NULL */
    void *recycle_arg;
};

int services_open(struct services *s, const struct services_options *o, struct err *e);
/* Loads a bundle and makes it live; arguments as for host_prepare. */
int services_load(struct services *s, const char *bundle, uint64_t generation, const char *without, struct err *e);
void services_close(struct services *s);

#endif
