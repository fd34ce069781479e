/* secret.c: see secret.h. */
#include "script/secret.h"
#include "base/redact.h"
#include "script/border.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, const char *path, struct secret *out, struct err *e)
{
    while (out->n <= SECRET_MAX) {
        ssize_t k = read(fd, out->text + out->n, SECRET_MAX + 1 - out->n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return err_sys(e, errno, "%s", path);
        if (k == 0) return GIFD_OK;
        out->n += (size_t)k;
    }
    return err_set(e, GIFD_EINVALID, "%s is longer than %d bytes", path, SECRET_MAX);
}

static int read_file(const char *path, struct secret *out, struct err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return err_sys(e, errno, "%s", path);
    int rc = fstat(fd, &st) < 0 ? err_sys(e, errno, "%s", path) : GIFD_OK;
    if (rc == GIFD_OK && !S_ISREG(st.st_mode)) rc = err_set(e, GIFD_EINVALID, "%s is no file", path);
    if (rc == GIFD_OK) rc = read_all(fd, path, out, e);
    close(fd);
    if (rc < 0) return rc;
    while (out->n && strchr(" \t\r\n", out->text[out->n - 1]) && out->text[out->n - 1]) out->n--;
    snprintf(out->stamp, sizeof out->stamp, "%llx-%llx-%llx.%lx", (unsigned long long)st.st_ino,
             (unsigned long long)st.st_size, (unsigned long long)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
    return GIFD_OK;
}

static int read_env(const char *name, struct secret *out, struct err *e)
{
    const char *value = getenv(name);
    if (!value || !*value) return err_set(e, GIFD_ENOTFOUND, "the environment has no %s", name);
    out->n = strlen(value);
    if (out->n > SECRET_MAX) return err_set(e, GIFD_EINVALID, "%s is longer than %d bytes", name, SECRET_MAX);
    memcpy(out->text, value, out->n);
    return GIFD_OK;
}

static int read_credential(const char *name, struct secret *out, struct err *e)
{
    char path[2048];
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
        return err_set(e, GIFD_EINVALID, "a credential has a name, not a path");
    if (!dir || !*dir)
        return err_set(e, GIFD_ENOTFOUND,
                       "there is no $CREDENTIALS_DIRECTORY: say LoadCredential=%s:PATH in the unit of systemd", name);
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return err_set(e, GIFD_EINVALID, "the path is too long");
    return read_file(path, out, e);
}

int secret_read(const char *from, const char *name, struct secret *out, struct err *e)
{
    *out = (struct secret){0};
    int rc = !strcmp(from, "env")    ? read_env(name, out, e)
             : !strcmp(from, "file") ? read_file(name, out, e)
                                     : read_credential(name, out, e);
    if (rc == GIFD_OK && memchr(out->text, 0, out->n))
        rc = err_set(e, GIFD_EINVALID, "%s has a NUL byte in it", name);
    else if (rc == GIFD_OK && !out->n)
        rc = err_set(e, GIFD_EINVALID, "%s is empty", name);
    out->text[rc == GIFD_OK ? out->n : 0] = 0;
    return rc;
}

/* settings, entry -> settings: the value goes where the entry's path leads. */
static void put(lua_State *L, int settings, int entry, const struct secret *s)
{
    lua_pushvalue(L, settings);
    lua_getfield(L, entry, "path");
    int path = lua_gettop(L), depth = (int)lua_objlen(L, path);
    lua_pushvalue(L, settings);
    for (int i = 1; i <= depth; i++) {
        if (!lua_istable(L, -1)) luaL_error(L, "settings: a secret has no place");
        lua_rawgeti(L, path, i);
        if (i == depth) break;
        lua_gettable(L, -2);
    }
    lua_pushlstring(L, s->text, s->n);
    lua_settable(L, -3);
    lua_settop(L, entry);
}

static void fill(lua_State *L, int settings, int entry, bool may_lack)
{
    static struct secret s; /* large, and only one is read at a time */
    static const char *const sources[] = {"env", "file", "credential"};
    struct err e = {0};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        lua_getfield(L, entry, sources[i]);
        const char *name = lua_tostring(L, -1);
        int rc = name ? secret_read(sources[i], name, &s, &e) : GIFD_OK;
        if (name && rc == GIFD_OK) rc = redact_add(slice_of(s.text, s.n), &e);
        if (name && rc == GIFD_OK) put(L, settings, entry, &s);
        explicit_bzero(s.text, s.n);
        if (rc < 0 && !may_lack) luaL_error(L, "a secret: %s", e.text);
        lua_settop(L, entry);
    }
}

void secrets_fill(lua_State *L, bool may_lack)
{
    int settings = lua_gettop(L);
    lua_getfield(L, settings, "secrets");
    int list = lua_gettop(L);
    for (int i = 1; lua_istable(L, list) && i <= (int)lua_objlen(L, list); i++) {
        lua_rawgeti(L, list, i);
        if (lua_istable(L, -1)) fill(L, settings, lua_gettop(L), may_lack);
        lua_settop(L, list);
    }
    lua_settop(L, settings);
}
