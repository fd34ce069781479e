/* ask_test.c: the real gifd-media behind a socket that this test keeps, as the supervisor does. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/test.h"
#include "media/ask.h"
#include "media/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define RENDERS 3 /* more than there are places for, on two cores */

static struct rig {
    struct loop loop;
    struct media_pool *pool;
    char dir[512], path[600];
    int listen_fd;
    pid_t zygote;
} rig;

static struct result {
    int calls, rc;
    struct media_answer answer;
    struct err e;
} got;

static pid_t start_zygote(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        char number[16];
        snprintf(number, sizeof number, "%d", rig.listen_fd);
        fcntl(rig.listen_fd, F_SETFD, 0);
        execl(GIFD_MEDIA, "gifd-media", "--socket-fd", number, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void end_zygote(int sig)
{
    if (rig.zygote <= 0) return;
    kill(rig.zygote, sig);
    waitpid(rig.zygote, NULL, 0);
    rig.zygote = 0;
}

/* The socket lies behind a path longer than a socket name may be. */
static void open_rig(size_t running, size_t waiting)
{
    struct err e;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memset(&rig, 0, sizeof rig);
    memset(&got, 0, sizeof got);
    snprintf(rig.dir, sizeof rig.dir, "/tmp/gifd-ask-%d-%0120d", (int)getpid(), 1);
    mkdir(rig.dir, 0700);
    snprintf(rig.path, sizeof rig.path, "%s/media.sock", rig.dir);
    int dir = open(rig.dir, O_PATH | O_DIRECTORY);
    snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/media.sock", dir);
    unlink(rig.path);
    rig.listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(bind(rig.listen_fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(rig.listen_fd, 16) == 0);
    close(dir);
    CHECK(loop_init(&rig.loop, &e) == 0);
    rig.pool = media_pool_new(&rig.loop, rig.path, running, waiting, &e);
    CHECK(rig.pool);
}

static void close_rig(void)
{
    media_pool_free(rig.pool);
    loop_close(&rig.loop);
    end_zygote(SIGKILL);
    close(rig.listen_fd);
    unlink(rig.path);
    rmdir(rig.dir);
}

static void on_done(void *arg, int rc, const struct media_answer *answer, const struct err *e)
{
    struct result *r = arg;
    r->calls++;
    r->rc = rc;
    if (answer) r->answer = *answer;
    if (e) r->e = *e;
    loop_stop(&rig.loop);
}

static void on_turn(uv_timer_t *t)
{
    (void)t;
    loop_stop(&rig.loop);
}

static void turn(uint64_t ms)
{
    uv_timer_t timer;
    uv_timer_init(&rig.loop.uv, &timer);
    uv_timer_start(&timer, on_turn, ms, 0);
    loop_run(&rig.loop);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&rig.loop.uv, UV_RUN_NOWAIT);
}

static bool wait_for(bool (*holds)(void))
{
    uint64_t end = clock_mono_ns() / 1000000 + PATIENCE_MS;
    while (!holds() && clock_mono_ns() / 1000000 < end) turn(5);
    return holds();
}

static bool answered(void)
{
    return got.calls > 0;
}

static size_t children(pid_t *first)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)rig.zygote, (int)rig.zygote);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(line, 1, sizeof line - 1, f) : 0;
    if (f) fclose(f);
    if (n && first) *first = (pid_t)strtol(line, NULL, 10);
    return n;
}

static bool has_child(void)
{
    return children(NULL) > 0;
}

static bool has_no_child(void)
{
    return children(NULL) == 0;
}

/* A GIF written here: frames of one colour, uncompressed (a clear code every second pixel keeps codes at three bits).
 */
static struct buf gif;

static void put(const char *bytes, size_t n)
{
    CHECK(buf_append(&gif, bytes, n, NULL) == 0);
}

static void put16(unsigned v)
{
    char b[2] = {(char)(v & 255), (char)(v >> 8)};
    put(b, 2);
}

static void gif_begin(unsigned w, unsigned h)
{
    buf_free(&gif);
    buf_init(&gif, 64 << 20);
    put("GIF89a", 6);
    put16(w);
    put16(h);
    put("\x81\0\0\xff\0\0\0\xff\0\0\0\xff\xff\xff\xff", 15); /* red, green, blue, white */
}

static void gif_loop(unsigned times)
{
    put("\x21\xff\x0bNETSCAPE2.0\x03\x01", 16);
    put16(times);
    put("", 1);
}

static void gif_pixels(unsigned w, unsigned h, unsigned color)
{
    char block[256];
    unsigned held = 0, n = 0;
    uint32_t bits = 0;
    put("\x02", 1);
    for (uint64_t i = 0; i <= (uint64_t)w * h + (uint64_t)w * h / 2; i++) {
        unsigned code = i == (uint64_t)w * h + (uint64_t)w * h / 2 ? 5 : i % 3 == 0 ? 4 : color;
        bits |= code << held;
        held += 3;
        while (held >= 8 || code == 5) {
            block[1 + n++] = (char)(bits & 255);
            bits >>= 8;
            held = held > 8 ? held - 8 : 0;
            if (n == 255 || (code == 5 && !held)) {
                block[0] = (char)n;
                put(block, n + 1);
                n = 0;
            }
            if (code == 5 && !held) break;
        }
    }
    put("", 1);
}

static void gif_frame(unsigned w, unsigned h, unsigned color, unsigned delay, int transparent)
{
    put("\x21\xf9\x04", 3);
    put(transparent >= 0 ? "\x05" : "\x04", 1);
    put16(delay);
    char index[2] = {(char)(transparent >= 0 ? transparent : 0), 0};
    put(index, 2);
    put("\x2c\0\0\0\0", 5);
    put16(w);
    put16(h);
    put("", 1);
    gif_pixels(w, h, color);
}

static int memory_file(const void *p, size_t n)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    CHECK(fd >= 0 && write(fd, p, n) == (ssize_t)n);
    return fd;
}

static struct media_question question(enum media_op op, int fd)
{
    struct media_question q = {.op = op, .in_fd = fd};
    q.limits = (struct media_limits){.canvas_px = 50000000,
                                     .total_px = 500000000,
                                     .frames = 10000,
                                     .deadline_ms = PATIENCE_MS,
                                     .memory = 1 << 30,
                                     .out_bytes = 64 << 20};
    return q;
}

static void ask(const struct media_question *q)
{
    struct err e = {0};
    memset(&got, 0, sizeof got);
    if (!media_ask(rig.pool, q, on_done, &got, &e)) fprintf(stderr, "%s\n", e.text);
    CHECK(wait_for(answered));
}

static void probe(const void *p, size_t n)
{
    struct media_question q = question(MEDIA_PROBE, memory_file(p, n));
    ask(&q);
    close(q.in_fd);
}

static void probe_gif(void)
{
    probe(gif.p, gif.n);
}

TEST(facts_are_those_that_a_browser_would_show)
{
    open_rig(2, 8);
    rig.zygote = start_zygote();
    gif_begin(20, 10);
    gif_loop(0);
    gif_frame(20, 10, 0, 0, -1);
    gif_frame(20, 10, 1, 1, -1);
    gif_frame(10, 5, 2, 25, 1);
    put("\x3b", 1);
    probe_gif();
    CHECK(got.rc == 0);
    const struct media_facts *f = &got.answer.facts;
    CHECK_STR(f->type, "image/gif");
    CHECK(f->width == 20 && f->height == 10 && f->frames == 3);
    CHECK(f->duration_ms == 100 + 100 + 250);
    CHECK(f->loop == 0 && !f->has_alpha && !f->has_audio && !f->truncated);
    close_rig();
}

TEST(loops_and_transparency_are_told)
{
    open_rig(2, 8);
    rig.zygote = start_zygote();
    gif_begin(8, 8);
    gif_frame(8, 8, 1, 5, 1); /* all of it transparent */
    put("\x3b", 1);
    probe_gif();
    CHECK(got.rc == 0 && got.answer.facts.loop == 1 && got.answer.facts.has_alpha);
    gif_begin(8, 8);
    gif_loop(4);
    gif_frame(8, 8, 0, 5, 1); /* the transparent colour is never used */
    put("\x3b", 1);
    probe_gif();
    CHECK(got.rc == 0 && got.answer.facts.loop == 5 && !got.answer.facts.has_alpha);
    gif_begin(8, 8);
    gif_frame(4, 8, 0, 5, -1); /* half the canvas is bare */
    put("\x3b", 1);
    probe_gif();
    CHECK(got.rc == 0 && got.answer.facts.has_alpha);
    close_rig();
}

TEST(a_cut_gif_keeps_its_whole_frames)
{
    open_rig(2, 8);
    rig.zygote = start_zygote();
    gif_begin(30, 30);
    gif_frame(30, 30, 0, 5, -1);
    size_t one = gif.n;
    gif_frame(30, 30, 1, 5, -1);
    size_t two = gif.n;
    gif_frame(30, 30, 2, 5, -1);
    put("\x3b", 1);
    probe(gif.p, two + 40);
    CHECK(got.rc == 0 && got.answer.facts.frames == 2 && got.answer.facts.truncated);
    probe(gif.p, one - 3);
    CHECK(got.rc == GIFD_EBADMEDIA);
    CHECK(strstr(got.e.text, "no whole frame"));
    for (size_t n = 6; n < gif.n; n += 7) { /* any cut is an answer */
        probe(gif.p, n);
        CHECK(got.rc == 0 ? got.answer.facts.truncated : got.rc == GIFD_EBADMEDIA);
    }
    close_rig();
}

TEST(limits_are_named_with_the_value)
{
    open_rig(2, 8);
    rig.zygote = start_zygote();
    gif_begin(65535, 65535);
    gif_frame(1, 1, 0, 5, -1);
    put("\x3b", 1);
    struct media_question q = question(MEDIA_PROBE, memory_file(gif.p, gif.n));
    q.limits.memory = 16 << 20; /* less than a thousandth of the canvas */
    ask(&q);
    CHECK(got.rc == GIFD_EBADMEDIA);
    CHECK(strstr(got.e.text, "65535 x 65535") && strstr(got.e.text, "limit of 50000000"));
    close(q.in_fd);
    gif_begin(4, 4);
    for (int i = 0; i < 12; i++) gif_frame(4, 4, 0, 5, -1);
    put("\x3b", 1);
    q = question(MEDIA_PROBE, memory_file(gif.p, gif.n));
    q.limits.frames = 10;
    ask(&q);
    CHECK(got.rc == GIFD_EBADMEDIA && strstr(got.e.text, "limit of 10"));
    q.limits.frames = 100;
    q.limits.total_px = 100;
    ask(&q);
    CHECK(got.rc == GIFD_EBADMEDIA && strstr(got.e.text, "limit of 100 pixels in all"));
    close(q.in_fd);
    close_rig();
}

TEST(what_is_not_supported_is_named)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *name;
    } seen[] = {
        {"\xff\xd8\xff\xe0\0\x10JFIF", 10, "a JPEG image"},
        {"<?xml version=\"1.0\"?><svg xmlns=\"x\"/>", 37, "an SVG document"},
        {"PK\x03\x04\x14\0\0\0", 8, "a ZIP archive"},
        {"hello, this is a letter\n", 24, "text"},
        {"\x01\x02\x03\x04\x05", 5, "unknown bytes"},
        {"\0\0\0\x1c"
         "ftypavif\0\0\0\0avifmif1miaf",
         28, "an AVIF image"},
        {"GIF89a<html><script>alert(1)</script></html>", 44, "an HTML document behind a GIF signature"},
        {"#EXTM3U\nfile:///etc/passwd\n", 27, "a playlist"},
        {"", 0, "an empty file"},
    };
    open_rig(2, 8);
    rig.zygote = start_zygote();
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        probe(seen[i].bytes, seen[i].n);
        CHECK(got.rc == GIFD_EUNSUPPORTED);
        CHECK_STR(got.e.text, seen[i].name);
    }
    close_rig();
}

/* Long enough to be interrupted: 400 x 400 x 300 frames, some seconds of encoding. */
static struct media_question long_question(void)
{
    gif_begin(400, 400);
    for (unsigned i = 0; i < 300; i++) gif_frame(400, 400, i % 4, 5, -1);
    put("\x3b", 1);
    struct media_question q = question(MEDIA_RENDER, memory_file(gif.p, gif.n));
    q.recipes = 1;
    q.recipe[0] = (struct media_recipe){.format = MEDIA_MP4};
    q.out_fd[0] = memfd_create("out", MFD_CLOEXEC);
    return q;
}

static void close_question(const struct media_question *q)
{
    close(q->in_fd);
    for (size_t i = 0; i < q->recipes; i++) close(q->out_fd[i]);
}

TEST(a_killed_child_is_a_crash)
{
    pid_t child = 0;
    open_rig(2, 8);
    rig.zygote = start_zygote();
    struct media_question q = long_question();
    CHECK(media_ask(rig.pool, &q, on_done, &got, NULL));
    CHECK(wait_for(has_child));
    children(&child);
    CHECK(child > 0 && kill(child, SIGKILL) == 0);
    CHECK(wait_for(answered));
    CHECK(got.rc == GIFD_EMEDIACRASH && err_retryable(got.rc));
    CHECK(strstr(got.e.text, "the decoder stopped"));
    close_question(&q);
    gif_begin(2, 2);
    gif_frame(2, 2, 0, 5, -1);
    put("\x3b", 1);
    probe_gif(); /* the zygote goes on */
    CHECK(got.rc == 0);
    close_rig();
}

/* A probe that walks 80 million pixels. */
static struct media_question slow_probe(void)
{
    gif_begin(2000, 2000);
    for (unsigned i = 0; i < 20; i++) gif_frame(2000, 2000, i % 4, 5, -1);
    put("\x3b", 1);
    return question(MEDIA_PROBE, memory_file(gif.p, gif.n));
}

TEST(a_probe_is_asked_again_when_its_child_was_killed_once)
{
    pid_t child = 0, second = 0;
    open_rig(2, 8);
    rig.zygote = start_zygote();
    struct media_question q = slow_probe();
    for (int kills = 1; kills <= 2; kills++) {
        memset(&got, 0, sizeof got);
        CHECK(media_ask(rig.pool, &q, on_done, &got, NULL));
        CHECK(wait_for(has_child));
        children(&child);
        CHECK(kill(child, SIGKILL) == 0);
        for (second = child; kills == 2 && second == child; turn(2)) children(&second);
        if (kills == 2) CHECK(kill(second, SIGKILL) == 0);
        CHECK(wait_for(answered));
        CHECK(got.rc == (kills == 1 ? GIFD_OK : GIFD_EMEDIACRASH));
        CHECK(wait_for(has_no_child));
    }
    close(q.in_fd);
    close_rig();
}

static struct result renders[RENDERS];

static void on_render(void *arg, int rc, const struct media_answer *answer, const struct err *e)
{
    (void)answer, (void)e;
    ((struct result *)arg)->calls++;
    ((struct result *)arg)->rc = rc;
    loop_stop(&rig.loop);
}

static bool all_rendered(void)
{
    for (size_t i = 0; i < RENDERS; i++)
        if (!renders[i].calls) return false;
    return true;
}

TEST(a_probe_does_not_wait_behind_renders)
{
    open_rig(16, 8);
    memset(renders, 0, sizeof renders);
    rig.zygote = start_zygote();
    struct media_question q = long_question();
    int out[RENDERS];
    for (size_t i = 0; i < RENDERS; i++) {
        out[i] = memfd_create("out", MFD_CLOEXEC);
        struct media_question each = q;
        each.out_fd[0] = out[i];
        CHECK(media_ask(rig.pool, &each, on_render, &renders[i], NULL));
    }
    CHECK(wait_for(has_child));
    pid_t child = 0;
    children(&child);
    CHECK(child > 0 && kill(child, SIGSTOP) == 0); /* one that takes for ever, however fast or busy the machine is */
    gif_begin(2, 2);
    gif_frame(2, 2, 0, 5, -1);
    put("\x3b", 1);
    probe_gif();
    CHECK(got.rc == 0 && !all_rendered());
    CHECK(kill(child, SIGKILL) == 0);
    for (size_t i = 0; i < RENDERS; i++) close(out[i]);
    close_question(&q);
    close_rig();
}

TEST(the_deadline_ends_the_child_too)
{
    open_rig(2, 8);
    rig.zygote = start_zygote();
    struct media_question q = long_question();
    q.limits.deadline_ms = 150;
    ask(&q);
    CHECK(got.rc == GIFD_ETIMEOUT && strstr(got.e.text, "150 ms"));
    CHECK(wait_for(has_no_child));
    close_question(&q);
    close_rig();
}

TEST(cancelling_is_silent_and_kills)
{
    open_rig(1, 8);
    rig.zygote = start_zygote();
    struct media_question q = long_question();
    struct media_ask *a = media_ask(rig.pool, &q, on_done, &got, NULL);
    struct media_ask *waiting = media_ask(rig.pool, &q, on_done, &got, NULL);
    CHECK(a && waiting && wait_for(has_child));
    media_cancel(waiting);
    media_cancel(a);
    CHECK(wait_for(has_no_child));
    turn(50);
    CHECK(got.calls == 0);
    close_question(&q);
    close_rig();
}

TEST(a_full_queue_is_busy)
{
    struct err e;
    open_rig(1, 1);
    struct media_question q = long_question();
    CHECK(media_ask(rig.pool, &q, on_done, &got, &e));
    CHECK(media_ask(rig.pool, &q, on_done, &got, &e));
    CHECK(!media_ask(rig.pool, &q, on_done, &got, &e) && e.code == GIFD_EBUSY);
    q.recipes = 0;
    CHECK(!media_ask(rig.pool, &q, on_done, &got, &e) && e.code == GIFD_EINVALID);
    q.recipes = 1;
    close_question(&q);
    close_rig();
}

TEST(a_zygote_that_dies_is_asked_again_when_it_is_back)
{
    open_rig(2, 8);
    rig.zygote = start_zygote();
    struct media_question q = long_question();
    CHECK(media_ask(rig.pool, &q, on_done, &got, NULL));
    CHECK(wait_for(has_child));
    end_zygote(SIGKILL);
    turn(30);
    CHECK(got.calls == 0);
    rig.zygote = start_zygote();
    CHECK(wait_for(answered));
    CHECK(got.rc == 0 && got.answer.outputs == 1 && got.answer.output[0].facts.frames == 300);
    close_question(&q);
    close_rig();
}

TEST(no_media_process_is_busy)
{
    open_rig(2, 8);
    close(rig.listen_fd);
    rig.listen_fd = -1;
    gif_begin(2, 2);
    probe_gif();
    CHECK(got.rc == GIFD_EBUSY);
    close_rig();
}

TEST(sigterm_ends_the_zygote_quietly)
{
    int status;
    open_rig(2, 8);
    rig.zygote = start_zygote();
    gif_begin(2, 2);
    gif_frame(2, 2, 0, 5, -1);
    probe_gif();
    kill(rig.zygote, SIGTERM);
    CHECK(waitpid(rig.zygote, &status, 0) == rig.zygote);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    rig.zygote = 0;
    close_rig();
}

/* A taken-over process in the zygote's place, that answers `w` to whatever it is asked. */
static pid_t start_liar(const struct wire_answer *w, size_t n)
{
    pid_t pid = fork();
    if (pid != 0) return pid;
    for (;;) {
        int sock = accept(rig.listen_fd, NULL, NULL);
        if (sock < 0) continue;
        send(sock, w, n, 0);
        close(sock);
    }
}

static struct wire_answer plausible(void)
{
    struct wire_answer w = {.magic = WIRE_MAGIC, .version = WIRE_VERSION};
    w.facts = (struct wire_facts){.type = "image/gif", .width = 2, .height = 2, .frames = 1, .duration_ms = 100};
    return w;
}

static void ask_liar(const struct wire_answer *w, size_t n)
{
    rig.zygote = start_liar(w, n);
    gif_begin(2, 2);
    probe_gif();
    end_zygote(SIGKILL);
}

TEST(a_lying_answer_is_refused)
{
    open_rig(2, 8);
    struct wire_answer w = plausible();
    fcntl(rig.listen_fd, F_SETFL, 0);
    ask_liar(&w, sizeof w);
    CHECK(got.rc == 0); /* so that what follows is refused for its lie */
    for (int lie = 0; lie < 11; lie++) {
        size_t n = sizeof w;
        w = plausible();
        switch (lie) {
        case 0: n -= 1; break;
        case 1: w.magic++; break;
        case 2: w.outputs = 1; break;
        case 3: w.outputs = 4000000000u; break;
        case 4: w.facts.width = 0; break;
        case 5: w.facts.width = w.facts.height = 65535; break;
        case 6: w.facts.frames = 4000000000u; break;
        case 7: memset(w.facts.type, 'x', sizeof w.facts.type); break;
        case 8: strcpy(w.facts.type, "text/html"); break;
        case 9: w.facts.has_alpha = 7; break;
        case 10: w.facts.duration_ms = UINT64_MAX; break;
        }
        ask_liar(&w, n);
        CHECK(got.rc == GIFD_EBADMEDIA);
        CHECK_STR(got.e.text, "the decoder's answer was refused");
    }
    for (int lie = 0; lie < 7; lie++) {
        w = plausible();
        switch (lie) {
        case 0: break;
        case 1: w.look.hashes = MEDIA_LOOKED_MAX + 1; break;
        case 2: w.look.colors = MEDIA_COLORS_MAX + 1; break;
        case 3: w.look.placeholder_bytes = MEDIA_PLACEHOLDER_MAX + 1; break;
        case 4: w.look.placeholder_bytes = 40; break; /* no WebP */
        case 5: w.look.hashes = 1, w.look.hash[0].quality = 101; break;
        case 6: w.look.colors = 1, w.look.color[0].rgb = 0x1000000; break;
        }
        rig.zygote = start_liar(&w, sizeof w);
        struct media_question q = question(MEDIA_LOOK, memory_file("", 0));
        ask(&q);
        close(q.in_fd);
        end_zygote(SIGKILL);
        CHECK(got.rc == (lie ? GIFD_EBADMEDIA : 0));
    }
    w = plausible();
    w.code = -12345;
    memset(w.text, '\n', sizeof w.text);
    ask_liar(&w, sizeof w);
    CHECK(got.rc == GIFD_EBADMEDIA && !strchr(got.e.text, '\n') && strlen(got.e.text) < WIRE_TEXT_MAX);
    close_rig();
}

static void read_out(int fd, unsigned char *p, size_t n)
{
    CHECK(pread(fd, p, n, 0) == (ssize_t)n);
}

TEST(an_animation_keeps_every_time)
{
    static const struct {
        uint32_t format, width, height;
        const char *type;
    } made[] = {{MEDIA_MP4, 32, 18, "video/mp4"},
                {MEDIA_WEBM, 32, 18, "video/webm"},
                {MEDIA_WEBP, 31, 17, "image/webp"},
                {MEDIA_GIF, 31, 17, "image/gif"}};
    enum { N = sizeof made / sizeof *made };
    open_rig(2, 8);
    rig.zygote = start_zygote();
    gif_begin(31, 17);
    gif_frame(31, 17, 0, 7, -1);
    gif_frame(31, 17, 1, 0, -1);
    gif_frame(31, 17, 1, 3, -1); /* shows nothing new */
    gif_frame(31, 17, 2, 123, -1);
    put("\x3b", 1);
    struct media_question q = question(MEDIA_RENDER, memory_file(gif.p, gif.n));
    q.recipes = N;
    for (size_t i = 0; i < N; i++) {
        q.recipe[i] = (struct media_recipe){.format = made[i].format, .loop = MEDIA_LOOP_SOURCE};
        q.out_fd[i] = memfd_create("out", MFD_CLOEXEC);
    }
    ask(&q);
    CHECK(got.rc == 0);
    struct media_answer first = got.answer;
    unsigned char head[64];
    read_out(q.out_fd[0], head, sizeof head);
    CHECK(memcmp(head + 4, "ftyp", 4) == 0);
    CHECK(memcmp(head + head[3] + 4, "moov", 4) == 0); /* before the pictures */
    for (size_t i = 0; i < N; i++) {
        const struct media_facts *out = &first.output[i].facts;
        CHECK(out->width == made[i].width && out->height == made[i].height && out->frames == 3);
        CHECK(out->duration_ms == 70 + 100 + 30 + 1230);
        struct media_question again = question(MEDIA_PROBE, q.out_fd[i]);
        ask(&again);
        CHECK(got.rc == 0);
        CHECK_STR(got.answer.facts.type, made[i].type);
        CHECK(got.answer.facts.width == made[i].width && got.answer.facts.height == made[i].height);
        CHECK(got.answer.facts.frames == 3 && got.answer.facts.duration_ms == 1430);
    }
    close_question(&q);
    close_rig();
}

static void render_film(struct media_recipe r)
{
    struct media_question q = question(MEDIA_RENDER, memory_file(gif.p, gif.n));
    q.recipes = 1;
    q.recipe[0] = r;
    q.out_fd[0] = memfd_create("out", MFD_CLOEXEC);
    ask(&q);
    close_question(&q);
}

TEST(a_part_fewer_pictures_or_more_rounds)
{
    open_rig(2, 8);
    rig.zygote = start_zygote();
    gif_begin(40, 20);
    for (int i = 0; i < 10; i++) gif_frame(40, 20, i % 3, 10, -1);
    put("\x3b", 1);
    render_film((struct media_recipe){.format = MEDIA_MP4, .from_ms = 200, .to_ms = 550});
    CHECK(got.rc == 0 && got.answer.output[0].facts.frames == 4 && got.answer.output[0].facts.duration_ms == 350);
    render_film((struct media_recipe){.format = MEDIA_WEBP, .frames = 4, .width = 10, .height = 10});
    CHECK(got.rc == 0 && got.answer.output[0].facts.frames == 4 && got.answer.output[0].facts.duration_ms == 1000);
    CHECK(got.answer.output[0].facts.width == 10 && got.answer.output[0].facts.height == 5);
    render_film((struct media_recipe){.format = MEDIA_MP4, .fps_milli = 2500});
    CHECK(got.rc == 0 && got.answer.output[0].facts.frames == 3 && got.answer.output[0].facts.duration_ms == 1000);
    render_film((struct media_recipe){.format = MEDIA_MP4, .repeat_ms = 2500});
    CHECK(got.rc == 0 && got.answer.output[0].facts.frames == 25 && got.answer.output[0].facts.duration_ms == 2500);
    close_rig();
}

TEST(stills_are_the_picture_at_their_time)
{
    open_rig(2, 8);
    rig.zygote = start_zygote();
    gif_begin(16, 16);
    gif_frame(16, 16, 0, 10, -1);
    gif_frame(16, 16, 2, 10, -1);
    put("\x3b", 1);
    struct media_question q = question(MEDIA_RENDER, memory_file(gif.p, gif.n));
    q.recipes = 4;
    for (size_t i = 0; i < 4; i++) q.out_fd[i] = memfd_create("out", MFD_CLOEXEC);
    q.recipe[0] = (struct media_recipe){.format = MEDIA_PNG};
    q.recipe[1] = (struct media_recipe){.format = MEDIA_PNG, .at_ms = 99};
    q.recipe[2] = (struct media_recipe){.format = MEDIA_PNG, .at_ms = 100};
    q.recipe[3] = (struct media_recipe){.format = MEDIA_JPEG, .at_ms = 5000};
    ask(&q);
    CHECK(got.rc == 0 && got.answer.outputs == 4);
    unsigned char a[64], b[64], c[64], d[3];
    read_out(q.out_fd[0], a, sizeof a);
    read_out(q.out_fd[1], b, sizeof b);
    read_out(q.out_fd[2], c, sizeof c);
    read_out(q.out_fd[3], d, sizeof d);
    CHECK(memcmp(a, b, sizeof a) == 0 && memcmp(a, c, sizeof a) != 0);
    CHECK(memcmp(d, "\xff\xd8\xff", 3) == 0);
    struct media_question again = question(MEDIA_PROBE, q.out_fd[0]);
    ask(&again);
    CHECK(got.rc == 0 && got.answer.facts.width == 16 && got.answer.facts.frames == 1);
    CHECK_STR(got.answer.facts.type, "image/png");
    close_question(&q);
    close_rig();
}

TEST(an_output_over_its_limit_is_too_large)
{
    open_rig(2, 8);
    rig.zygote = start_zygote();
    struct media_question q = long_question();
    q.limits.out_bytes = 2000;
    ask(&q);
    CHECK(got.rc == GIFD_ETOOBIG);
    CHECK(lseek(q.out_fd[0], 0, SEEK_END) <= 2000);
    close_question(&q);
    close_rig();
}

TEST_MAIN()
