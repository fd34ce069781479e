/* handover_test.c: what one program leaves, the next one reads; what is not meant for it, it refuses. */
#include "app/handover.h"
#include "base/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct supervisor left, found;
static struct buf text;

static struct child child(enum child_kind kind, int pid, int fd, uint32_t slot, const char *name)
{
    struct child c = {.kind = kind, .pid = pid, .control_fd = fd, .slot = slot, .ready = kind == CHILD_WORKER};
    snprintf(c.name, sizeof c.name, "%s", name);
    return c;
}

static void leave(void)
{
    memset(&left, 0, sizeof left);
    memset(&found, 0, sizeof found);
    snprintf(left.dir.path, sizeof left.dir.path, "/srv/my data");
    left.dir.lock_fd = 3;
    left.wake_fd = 5;
    left.media_fd = 6;
    left.replace.settings_fd = 9;
    left.tickets_fd = 8;
    left.reload.wish[RELOAD_FILES].ticket = 1;
    left.listen_count = 2;
    for (int i = 0; i < 2; i++) {
        left.listen_fds[i] = 20 + i;
        snprintf(left.settings.listen[i], sizeof left.settings.listen[i], "[::1]:%d", i);
        snprintf(left.urls[i], sizeof left.urls[i], "http://[::1]:%d", 4000 + i);
    }
    left.children[left.child_count++] = child(CHILD_MEDIA, 101, -1, 0, "media");
    left.children[left.child_count++] = child(CHILD_WORKER, 102, 30, 70, "worker-7");
    left.children[left.child_count++] = child(CHILD_WORKER, -1, -1, 71, "worker-8");
    left.children[left.child_count++] = child(CHILD_RUNNER, 103, 31, 72, "runner");
    buf_free(&text);
    buf_init(&text, HANDOVER_MAX);
    CHECK(handover_write(&left, &text, NULL) == GIFD_OK);
}

static int read_with(const char *more)
{
    struct err e;
    memset(&found, 0, sizeof found);
    CHECK(buf_puts(&text, more, NULL) == GIFD_OK);
    return handover_read(buf_str(&text), &found, &e);
}

TEST(everything_that_runs_is_found_again)
{
    leave();
    CHECK(read_with("") == GIFD_OK);
    CHECK(!strcmp(found.dir.path, "/srv/my data") && found.dir.lock_fd == 3 && found.wake_fd == 5);
    CHECK(found.media_fd == 6 && found.replace.settings_fd == 9 && found.tickets_fd == 8 &&
          found.reload.wish[RELOAD_FILES].asked);
    CHECK(found.listen_count == 2 && found.listen_fds[1] == 21 && !strcmp(found.urls[1], "http://[::1]:4001"));
    CHECK(found.settings.listen_count == 2 && !strcmp(found.settings.listen[1], "[::1]:1"));
    CHECK(found.child_count == 3); /* the one that did not run is not left */
    const struct child *c = &found.children[1];
    CHECK(c->kind == CHILD_WORKER && c->pid == 102 && c->control_fd == 30 && c->slot == 70);
    CHECK(c->old && c->ready && !strcmp(c->name, "worker-7"));
    CHECK(found.children[0].kind == CHILD_MEDIA && found.children[0].control_fd == -1);
    CHECK(found.children[2].kind == CHILD_RUNNER && !found.children[2].ready);
}

TEST(a_line_of_a_later_program_is_passed_over)
{
    leave();
    CHECK(read_with("colour blue\n") == GIFD_OK);
}

TEST(what_is_wrong_is_refused)
{
    static const char *const wrong[] = {"pid 1\n",
                                        "child worker 104 33 4000 1 worker-1\n",
                                        "child worker 1 33 4 1 worker-1\n",
                                        "child poet 104 33 4 1 worker-1\n",
                                        "child worker\n",
                                        "listen 4\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        leave();
        CHECK(read_with(wrong[i]) == GIFD_EINVALID);
    }
    CHECK(handover_read("", &found, NULL) == GIFD_EINVALID);
    CHECK(handover_read("2\npid 1\n", &found, NULL) == GIFD_EUNSUPPORTED);
    CHECK(handover_read("1\n", &found, NULL) == GIFD_EINVALID);
    leave();
    snprintf(left.dir.path, sizeof left.dir.path, "/srv/a\nlock 0");
    CHECK(handover_write(&left, &text, NULL) == GIFD_EINVALID);
}

TEST(as_much_as_there_can_be_fits)
{
    leave();
    left.listen_count = LISTEN_MAX;
    for (size_t i = 0; i < LISTEN_MAX; i++) {
        memset(left.settings.listen[i], '1', sizeof left.settings.listen[i] - 1);
        memset(left.urls[i], '1', sizeof left.urls[i] - 1);
    }
    for (left.child_count = 0; left.child_count < CHILDREN_MAX; left.child_count++)
        left.children[left.child_count] = child(CHILD_WORKER, 4194304, 1048576, 255, "worker-long-name-63");
    buf_free(&text);
    CHECK(handover_write(&left, &text, NULL) == GIFD_OK);
    CHECK(read_with("") == GIFD_OK);
    CHECK(found.child_count == CHILDREN_MAX && found.listen_count == LISTEN_MAX);
    CHECK(read_with("child worker 104 33 4 1 worker-1\n") == GIFD_EINVALID);
}

TEST_MAIN()
