/* rehearsal.c: see rehearsal.h. */
#include "script/rehearsal.h"
#include "script/host_int.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static int find_checks(lua_State *L, void *checks)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, gen_of(L)->app_ref);
    lua_getfield(L, -1, "checks");
    *(bool *)checks = lua_toboolean(L, -1);
    return 0;
}

int rehearse(struct slice bundle, bool *checks, struct err *e)
{
    struct host_services nothing = {.wake_fd = -1, .role = "builder"};
    char path[40];
    *checks = false;
    int fd = memfd_create("bundle", MFD_CLOEXEC);
    if (fd < 0) return err_sys(e, errno, "memory for a bundle");
    int rc = write(fd, bundle.p, bundle.n) == (ssize_t)bundle.n ? GIFD_OK : err_sys(e, errno, "memory for a bundle");
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct host *h = rc == GIFD_OK ? host_new(&nothing, e) : NULL;
    if (rc == GIFD_OK && !h) rc = e->code;
    if (rc == GIFD_OK) rc = host_prepare(h, path, 0, "", e);
    if (rc == GIFD_OK) rc = gen_protect(h->prepared, find_checks, checks, e);
    host_free(h);
    close(fd);
    return rc;
}
