/* sweep.c: drafts that nobody will finish. See blob.h. */
#include "store/blob.h"
#include "store/blob_int.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
