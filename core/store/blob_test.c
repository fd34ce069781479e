/* blob_test.c: a blob is whole, under its digest and on disk, or it is not there; nothing else is left. */
#include "base/test.h"
#include "crypto/crypto.h"
#include "store/blob.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char dir[64];
static struct loop loop;
static struct err e;

static struct blobs *fresh(void)
{
    static int n;
    char command[256];
    snprintf(dir, sizeof dir, "/tmp/gifd-blob-%d-%d", (int)getpid(), n++);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CHECK(system(command) == 0);
    CHECK(loop_init(&loop, &e) == GIFD_OK);
    struct blobs *b = blobs_open(&loop, dir, &e);
    CHECK(b);
    return b;
}

static void done_with(struct blobs *b)
{
    char command[256];
    blobs_close(b);
    loop_close(&loop);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    CHECK(system(command) == 0);
}

static int drafts(void)
{
    char path[80];
    int n = 0;
    snprintf(path, sizeof path, "%s/tmp", dir);
    DIR *d = opendir(path);
    CHECK(d);
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

struct outcome {
    int calls, rc;
    uint64_t size;
    char digest[BLOB_DIGEST_HEX + 1];
};

static void on_done(void *arg, int rc, const char *digest, uint64_t size, const struct err *error)
{
    struct outcome *o = arg;
    (void)error;
    o->calls++;
    o->rc = rc;
    o->size = size;
    if (rc == GIFD_OK) snprintf(o->digest, sizeof o->digest, "%s", digest);
}

static struct outcome commit(struct blob_draft *d)
{
    struct outcome o = {0};
    CHECK(blob_draft_commit(d, on_done, &o, &e));
    CHECK(o.calls == 0);
    loop_run(&loop);
    CHECK(o.calls == 1);
    return o;
}

static struct outcome put(struct blobs *b, const char *text)
{
    struct blob_draft *d = blob_draft_new(b, 1 << 20, &e);
    CHECK(d);
    CHECK(blob_draft_write(d, text, strlen(text), &e) == GIFD_OK);
    CHECK(blob_draft_size(d) == strlen(text));
    return commit(d);
}

TEST(a_blob_is_found_by_its_digest)
{
    struct blobs *b = fresh();
    uint64_t size;
    CHECK(blob_open(b, ABC, &size, &e) == GIFD_ENOTFOUND);
    struct outcome o = put(b, "abc");
    CHECK(o.rc == GIFD_OK && o.size == 3);
    CHECK_STR(o.digest, ABC);
    o = put(b, "abc"); /* again is fine */
    CHECK(o.rc == GIFD_OK);
    CHECK_STR(o.digest, ABC);
    int fd = blob_open(b, ABC, &size, &e);
    char text[8] = {0};
    CHECK(fd >= 0 && size == 3 && read(fd, text, 8) == 3);
    CHECK_STR(text, "abc");
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && (st.st_mode & 0222) == 0);
    close(fd);
    CHECK(drafts() == 0);
    static const char *const bad[] = {"", "abc", "../../../../etc/passwd",
                                      "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", ABC "0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(blob_open(b, bad[i], &size, &e) == GIFD_EINVALID);
    done_with(b);
}

/* As if nobody had committed it for so long. */
static void age(const char *digest, int seconds)
{
    char path[192];
    struct timespec times[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
    snprintf(path, sizeof path, "%s/%.2s/%.2s/%s", dir, digest, digest + 2, digest);
    utimensat(AT_FDCWD, path, times, 0); /* it may be gone */
}

static size_t at_rest(struct blobs *b, char out[][BLOB_DIGEST_HEX + 1], size_t max)
{
    size_t n = 0;
    for (unsigned at = 0; at < BLOB_FOLDERS;) n += blobs_at_rest(b, &at, out + n, max - n);
    return n;
}

TEST(only_a_blob_that_nobody_commits_any_more_can_be_dropped)
{
    struct blobs *b = fresh();
    char found[8][BLOB_DIGEST_HEX + 1];
    uint64_t size;
    put(b, "abc");
    struct outcome other = put(b, "other");
    CHECK(at_rest(b, found, 8) == 0 && blob_drop(b, ABC, &e) == 0);
    age(ABC, BLOB_REST_S + 2);
    age(other.digest, BLOB_REST_S - 60);
    CHECK(at_rest(b, found, 8) == 1);
    CHECK_STR(found[0], ABC);
    put(b, "abc"); /* once more: it is in use again */
    CHECK(at_rest(b, found, 8) == 0 && blob_drop(b, ABC, &e) == 0);
    age(ABC, BLOB_REST_S + 2);
    CHECK(blob_drop(b, ABC, &e) == 1 && blob_drop(b, ABC, &e) == 0);
    CHECK(blob_open(b, ABC, &size, &e) == GIFD_ENOTFOUND);
    CHECK(blob_drop(b, "../abc", &e) == GIFD_EINVALID);
    int fd = blob_open(b, other.digest, &size, &e);
    CHECK(fd >= 0 && drafts() == 0);
    close(fd);
    done_with(b);
}

TEST(what_must_go_goes_at_once)
{
    struct blobs *b = fresh();
    uint64_t size;
    CHECK(put(b, "abc").rc == GIFD_OK && blob_drop(b, ABC, &e) == 0);
    CHECK(blob_remove(b, ABC, &e) == 1 && blob_remove(b, ABC, &e) == 0);
    CHECK(blob_open(b, ABC, &size, &e) == GIFD_ENOTFOUND && drafts() == 0);
    CHECK(blob_remove(b, "../abc", &e) == GIFD_EINVALID);
    done_with(b);
}

TEST(all_that_rest_are_found_a_few_at_a_time)
{
    struct blobs *b = fresh();
    char found[64][BLOB_DIGEST_HEX + 1], text[24];
    unsigned at = 0, calls = 0;
    size_t n = 0;
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "blob %d", i);
        age(put(b, text).digest, BLOB_REST_S + 2);
    }
    for (; at < BLOB_FOLDERS; calls++) n += blobs_at_rest(b, &at, found + n, n + 7 < 64 ? 7 : 64 - n);
    CHECK(n == 40 && calls > 5);
    for (size_t i = 1; i < n; i++) CHECK(strcmp(found[i - 1], found[i]) < 0); /* each once */
    for (size_t i = 0; i < n; i++) CHECK(blob_drop(b, found[i], &e) == 1);
    CHECK(at_rest(b, found, 64) == 0);
    done_with(b);
}

/* Against somebody who drops it whenever he may. */
TEST(what_was_committed_just_now_is_there_whatever_is_dropped)
{
    struct blobs *b = fresh();
    int told[2], dropped = 0;
    put(b, "abc");
    CHECK(pipe(told) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct loop own;
        if (loop_init(&own, &e) < 0 || !(b = blobs_open(&own, dir, &e))) _exit(1);
        for (unsigned turn = 0;; turn++) {
            if (blob_drop(b, ABC, &e) == 1 && write(told[1], "x", 1) != 1) _exit(0);
            usleep(turn * 131 % 1500);
        }
    }
    CHECK(fcntl(told[0], F_SETFL, O_NONBLOCK) == 0);
    for (int i = 0; i < 400; i++) {
        uint64_t size;
        char x;
        struct blob_draft *d = blob_draft_new(b, 1 << 20, &e);
        CHECK(d && blob_draft_write(d, "abc", 3, &e) == GIFD_OK);
        struct outcome o = {0};
        age(ABC, BLOB_REST_S + 2); /* may be dropped from now on, until the commit has looked */
        CHECK(blob_draft_commit(d, on_done, &o, &e));
        loop_run(&loop);
        CHECK(o.rc == GIFD_OK);
        int fd = blob_open(b, ABC, &size, &e);
        CHECK(fd >= 0);
        if (fd >= 0) close(fd);
        while (read(told[0], &x, 1) == 1) dropped++;
    }
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(dropped > 0 && dropped < 400);
    done_with(b);
}

TEST(a_damaged_blob_is_replaced_by_the_same_bytes)
{
    struct blobs *b = fresh();
    char path[160];
    uint64_t size;
    CHECK(put(b, "abc").rc == GIFD_OK);
    snprintf(path, sizeof path, "%s/ba/78/%s", dir, ABC);
    CHECK(chmod(path, 0600) == 0 && truncate(path, 1) == 0);
    CHECK(put(b, "abc").rc == GIFD_OK);
    close(blob_open(b, ABC, &size, &e));
    CHECK(size == 3);
    done_with(b);
}

TEST(a_draft_has_a_maximum_and_goes_when_dropped)
{
    struct blobs *b = fresh();
    struct blob_draft *d = blob_draft_new(b, 4, &e);
    CHECK(drafts() == 1);
    CHECK(blob_draft_write(d, "1234", 4, &e) == GIFD_OK);
    CHECK(blob_draft_write(d, "5", 1, &e) == GIFD_ETOOBIG && strstr(e.text, "4 bytes"));
    blob_draft_drop(d);
    CHECK(drafts() == 0);
    d = blob_draft_new(b, 8 << 20, &e); /* large enough to be closed elsewhere */
    CHECK(ftruncate(blob_draft_fd(d), 8 << 20) == 0);
    blob_draft_drop(d);
    CHECK(drafts() == 0);
    blob_draft_drop(NULL);
    loop_run(&loop);
    done_with(b);
}

TEST(another_process_may_write_the_draft)
{
    struct blobs *b = fresh();
    struct blob_draft *d = blob_draft_new(b, 1 << 20, &e);
    int fd = blob_draft_fd(d), status;
    pid_t pid = fork();
    if (pid == 0) _exit(write(fd, "abc", 3) == 3 ? 0 : 1);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(blob_draft_size(d) == 3);
    struct outcome o = commit(d);
    CHECK(o.rc == GIFD_OK && o.size == 3);
    CHECK_STR(o.digest, ABC);
    d = blob_draft_new(b, 2, &e);
    CHECK(write(blob_draft_fd(d), "abc", 3) == 3);
    CHECK(commit(d).rc == GIFD_ETOOBIG);
    CHECK(drafts() == 0);
    done_with(b);
}

TEST(a_forgotten_commit_keeps_quiet)
{
    struct blobs *b = fresh();
    struct outcome o = {0};
    uint64_t size;
    struct blob_draft *d = blob_draft_new(b, 8, &e);
    CHECK(blob_draft_write(d, "abc", 3, &e) == GIFD_OK);
    struct blob_commit *c = blob_draft_commit(d, on_done, &o, &e);
    blob_commit_forget(c);
    loop_run(&loop);
    CHECK(o.calls == 0);
    int fd = blob_open(b, ABC, &size, &e);
    CHECK(fd >= 0);
    close(fd);
    done_with(b);
}

TEST(a_full_disk_is_an_answer)
{
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGXFSZ, SIG_IGN);
        if (setjmp(test_escape)) _exit(9);
        struct blobs *b = fresh();
        struct rlimit small = {65536, 65536};
        CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
        struct blob_draft *d = blob_draft_new(b, 1 << 20, &e);
        static char block[65536];
        CHECK(blob_draft_write(d, block, sizeof block, &e) == GIFD_OK);
        CHECK(blob_draft_write(d, block, 1, &e) == GIFD_ENOSPACE);
        blob_draft_drop(d);
        CHECK(drafts() == 0);
        CHECK(put(b, "abc").rc == GIFD_OK);
        done_with(b);
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(a_nearly_full_disk_takes_no_drafts)
{
    struct blobs *b = fresh();
    if (mount("none", dir, "tmpfs", 0, "size=32m") < 0) { /* needs root: as whoever may not, look at the number only */
        CHECK(blobs_free_bytes(dir) > 0);
        done_with(b);
        return;
    }
    blobs_close(b);
    b = blobs_open(&loop, dir, &e);
    CHECK(b);
    CHECK(blobs_free_bytes(dir) <= 32 << 20);
    struct blob_draft *first = blob_draft_new(b, 1, &e); /* an eighth of it has to be left */
    CHECK(first);
    blob_draft_drop(first);
    blobs_close(b);
    char filler[256];
    snprintf(filler, sizeof filler, "%s/filler", dir);
    int fd = open(filler, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && posix_fallocate(fd, 0, 29 << 20) == 0 && close(fd) == 0);
    b = blobs_open(&loop, dir, &e);
    CHECK(b && !blob_draft_new(b, 1, &e) && e.code == GIFD_ENOSPACE);
    blobs_close(b);
    CHECK(umount(dir) == 0);
    b = blobs_open(&loop, dir, &e);
    struct blob_draft *d = blob_draft_new(b, 1, &e);
    CHECK(d);
    blob_draft_drop(d);
    done_with(b);
}

TEST(the_sweep_takes_what_the_dead_left_and_nothing_else)
{
    struct blobs *b = fresh();
    char path[128];
    struct blob_draft *mine = blob_draft_new(b, 8, &e);
    pid_t pid = fork();
    if (pid == 0) {
        struct blobs *own = blobs_open(&loop, dir, &e);
        _exit(own && blob_draft_new(own, 8, &e) && blob_draft_new(own, 8, &e) ? 0 : 1);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    snprintf(path, sizeof path, "%s/tmp/%d.1.0", dir, (int)getpid()); /* an earlier process that had our pid */
    close(open(path, O_CREAT | O_WRONLY, 0600));
    snprintf(path, sizeof path, "%s/tmp/stray", dir);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    CHECK(drafts() == 5);
    CHECK(blobs_sweep(dir, &e) == 3);
    CHECK(drafts() == 2);
    struct timeval old[2] = {{time(NULL) - 4000, 0}, {time(NULL) - 4000, 0}};
    CHECK(utimes(path, old) == 0);
    CHECK(blobs_sweep(dir, &e) == 1);
    CHECK(blob_draft_write(mine, "abc", 3, &e) == GIFD_OK);
    CHECK(commit(mine).rc == GIFD_OK);
    CHECK(blobs_sweep("/tmp/gifd-no-such-folder", &e) == 0);
    done_with(b);
}

/* Every file below DIR/xx/yy is named by what is in it. */
static int whole_blobs(void)
{
    char command[256], text[32] = "";
    snprintf(command, sizeof command,
             "cd '%s' && find ?? -type f | (n=0; while read f; do d=$(sha256sum < $f); "
             "[ \"${d%%%% *}\" = \"${f##*/}\" ] || { echo bad; exit; }; n=$((n+1)); done; echo $n)",
             dir);
    FILE *p = popen(command, "r");
    CHECK(p && fgets(text, sizeof text, p));
    pclose(p);
    CHECK(strncmp(text, "bad", 3) != 0);
    return atoi(text);
}

TEST(kill_during_commits_leaves_whole_blobs_only)
{
    struct blobs *b = fresh();
    int told = 0;
    for (int round = 0; round < 8; round++) {
        int pipe_fd[2];
        CHECK(pipe(pipe_fd) == 0);
        pid_t pid = fork();
        if (pid == 0) {
            static char block[100000];
            if (loop_init(&loop, &e) < 0 || !(b = blobs_open(&loop, dir, &e))) _exit(1);
            for (;;) {
                struct outcome o = {0};
                struct blob_draft *d = blob_draft_new(b, 1 << 20, &e);
                crypto_random(block, 16);
                if (!d || blob_draft_write(d, block, sizeof block, &e) < 0 || !blob_draft_commit(d, on_done, &o, &e))
                    _exit(1);
                loop_run(&loop);
                if (o.rc < 0 || write(pipe_fd[1], "x", 1) != 1) _exit(1);
            }
        }
        close(pipe_fd[1]);
        char x;
        for (int i = 0; i < 5; i++) CHECK(read(pipe_fd[0], &x, 1) == 1);
        usleep(137 * (unsigned)round);
        kill(pid, SIGKILL);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
        for (told += 5; read(pipe_fd[0], &x, 1) == 1;) told++;
        close(pipe_fd[0]);
    }
    int found = whole_blobs();
    CHECK(found >= told && found <= told + 8);
    CHECK(blobs_sweep(dir, &e) >= 0);
    CHECK(drafts() == 0);
    done_with(b);
}

TEST_MAIN()
