/* sweep.c: drafts that nobody will finish, and blobs that nobody names. See blob.h. */
#include "store/blob_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

uint64_t blob__process_started(pid_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return 0;
    text[n] = 0;
    char *p = strrchr(text, ')'); /* the name of the program is field 2 and may hold anything */
    for (int field = 2; p && field < 22; field++) {
        p = strchr(p, ' ');
        if (p) p++;
    }
    return p ? strtoull(p, NULL, 10) : 0;
}

static bool left_behind(int tmp, const char *name)
{
    struct stat st;
    int pid, end = 0;
    unsigned long long started, number;
    if (fstatat(tmp, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode)) return false;
    if (time(NULL) - st.st_mtime > BLOB__DRAFT_AGE_S) return true;
    if (sscanf(name, "%d.%llu.%llu%n", &pid, &started, &number, &end) != 3 || name[end]) return false;
    return blob__process_started(pid) != started;
}

int blobs_sweep(const char *dir, struct err *e)
{
    char path[PATH_MAX];
    int gone = 0;
    if (snprintf(path, sizeof path, "%s/tmp", dir) >= (int)sizeof path)
        return err_set(e, GIFD_ETOOBIG, "%s/tmp: too long", dir);
    DIR *tmp = opendir(path);
    if (!tmp) return errno == ENOENT ? 0 : err_sys(e, errno, "%s", path);
    for (struct dirent *entry; (entry = readdir(tmp));) {
        if (entry->d_name[0] == '.' || !left_behind(dirfd(tmp), entry->d_name)) continue;
        if (unlinkat(dirfd(tmp), entry->d_name, 0) == 0) gone++;
    }
    closedir(tmp);
    return gone;
}

/* ---- blobs ---- */

#define LOOKS_AT_ONCE 512 /* folders tried and names read */

static bool rests(const struct stat *st)
{
    return S_ISREG(st->st_mode) && time(NULL) - st->st_mtime > BLOB_REST_S;
}

/* Of folder ab/cd; returns how many were found. */
static size_t look_in(const struct blobs *b, const char *folder, char out[][BLOB_DIGEST_HEX + 1], size_t max,
                      unsigned *looked)
{
    struct stat st;
    size_t n = 0;
    int fd = openat(b->dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0) close(fd);
        return 0;
    }
    for (struct dirent *entry; n < max && (entry = readdir(d)); ++*looked) {
        if (!blob__is_digest(entry->d_name) || fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
        if (rests(&st)) memcpy(out[n++], entry->d_name, BLOB_DIGEST_HEX + 1);
    }
    closedir(d);
    return n;
}

size_t blobs_at_rest(struct blobs *b, unsigned *at, char out[][BLOB_DIGEST_HEX + 1], size_t max)
{
    char outer[3], inner[6];
    size_t n = 0;
    for (unsigned looked = 0; *at < BLOB_FOLDERS && looked < LOOKS_AT_ONCE && n < max; looked++) {
        unsigned first = *at >> 8 & 255, second = *at & 255;
        snprintf(outer, sizeof outer, "%02x", first);
        if (second == 0 && faccessat(b->dir, outer, F_OK, 0) < 0) {
            *at += 256;
            continue;
        }
        snprintf(inner, sizeof inner, "%02x/%02x", first, second);
        n += look_in(b, inner, out + n, max - n, &looked);
        ++*at;
    }
    return n;
}

static int take_away(struct blobs *b, const char *digest, bool at_rest, struct err *e)
{
    char path[BLOB_DIGEST_HEX + 8], name[BLOB__NAME_LEN];
    struct stat st;
    if (!blob__is_digest(digest)) return err_set(e, GIFD_EINVALID, "a digest is 64 lower-case hexadecimal digits");
    blob__path(digest, path);
    int lock = blob__lock(b, LOCK_EX), rc = 0;
    if (lock < 0) return err_sys(e, errno, "blob %s", digest);
    if (fstatat(b->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && (!at_rest || rests(&st))) {
        blob__draft_name(b, name); /* if we die now, it is a draft that nobody will finish */
        rc = renameat(b->dir, path, b->tmp, name) < 0 ? err_sys(e, errno, "blob %s", digest) : 1;
    }
    close(lock);
    if (rc == 1) unlinkat(b->tmp, name, 0);
    return rc;
}

int blob_drop(struct blobs *b, const char *digest, struct err *e)
{
    return take_away(b, digest, true, e);
}

int blob_remove(struct blobs *b, const char *digest, struct err *e)
{
    return take_away(b, digest, false, e);
}
