/* turn.c: see turn_int.h.
 *
 * The page is made under flock and used without it. The boot id is part of it because a power failure can leave the
 * mutex held by a thread that nobody will ever announce as dead; within one boot the kernel does. */
#include "store/turn_int.h"
#include "base/log.h"
#include "base/shared_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 4096
#define LAYOUT 1

struct turn__page {
    char magic[8];
    uint32_t layout, mutex_bytes;
    char boot[40];
    pthread_mutex_t mutex;
};

static void read_boot_id(char out[40])
{
    memset(out, 0, 40);
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t n = read(fd, out, 36);
    if (n < 0) out[0] = 0;
    close(fd);
}

static struct turn__page head_now(void)
{
    struct turn__page head = {.magic = "turnfile", .layout = LAYOUT, .mutex_bytes = sizeof(pthread_mutex_t)};
    read_boot_id(head.boot);
    return head;
}

/* Under flock. Returns 0 when the file holds a page of this boot, made now if need be. */
static int make_page(int fd)
{
    struct turn__page want = head_now(), have = {0};
    ssize_t n = pread(fd, &have, sizeof have, 0);
    if (n == (ssize_t)sizeof have && memcmp(&have, &want, offsetof(struct turn__page, boot)) != 0) return -1;
    if (n == (ssize_t)sizeof have && memcmp(have.boot, want.boot, sizeof want.boot) == 0) return 0;
    char page[PAGE_BYTES] = {0};
    shared_lock_init(&want.mutex);
    memcpy(page, &want, sizeof want);
    return pwrite(fd, page, sizeof page, 0) == (ssize_t)sizeof page ? 0 : -1;
}

void turn__open(struct turn *t, const char *database_path)
{
    char path[PATH_MAX];
    t->page = NULL;
    if (snprintf(path, sizeof path, "%s.turn", database_path) >= (int)sizeof path) return;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        log_warn("store.turn", LS("path", path), LS("error", strerror(errno)));
        return;
    }
    int rc;
    do rc = flock(fd, LOCK_EX);
    while (rc < 0 && errno == EINTR);
    if (rc == 0 && make_page(fd) == 0) {
        void *p = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p != MAP_FAILED) t->page = p;
    }
    flock(fd, LOCK_UN); /* the mapping keeps the open file, and with it the lock, beyond close */
    close(fd);
    if (!t->page) log_warn("store.turn", LS("path", path), LS("error", "of another layout or not writable"));
}

void turn__close(struct turn *t)
{
    if (t->page) munmap(t->page, PAGE_BYTES);
    t->page = NULL;
}

int turn__take(struct turn *t, uint32_t wait_ms, struct err *e)
{
    if (!t->page) return GIFD_OK;
    int rc = shared_lock_take(&t->page->mutex, wait_ms);
    if (rc == ETIMEDOUT) return err_set(e, GIFD_EBUSY, "another process has been writing for %u ms", wait_ms);
    if (rc != 0) return err_sys(e, rc, "the turn to write");
    return GIFD_OK;
}

void turn__give(struct turn *t)
{
    if (t->page) pthread_mutex_unlock(&t->page->mutex);
}
