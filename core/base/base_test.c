/* base_test.c: err, buf, arena, list, clock and log as their users meet them. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/test.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

TEST(a_full_disk_is_told_apart_from_other_io_errors)
{
    struct err e = {0};
    CHECK(err_sys(&e, ENOSPC, "write %s", "x") == GIFD_ENOSPACE);
    CHECK(strstr(e.text, "write x: No space left") == e.text);
    CHECK(err_sys(NULL, EIO, "read") == GIFD_EIO);
}

TEST(codes_and_names_are_each_others_inverse)
{
    for (int code = GIFD_EINVALID; code >= GIFD_EINTERNAL; code--) CHECK(err_code_of(err_name(code)) == code);
    CHECK(err_retryable(GIFD_ETIMEOUT) && !err_retryable(GIFD_EINVALID));
}

TEST(wrapping_puts_the_place_in_front_and_never_overflows)
{
    struct err e = {0};
    err_set(&e, GIFD_EIO, "%0600d", 1);
    CHECK(err_wrap(&e, "line %d", 7) == GIFD_EIO);
    CHECK(!strncmp(e.text, "line 7: 0000", 12) && strlen(e.text) < sizeof e.text);
}

TEST(buf_refuses_more_than_its_maximum_and_keeps_what_it_has)
{
    struct buf b;
    struct err e = {0};
    buf_init(&b, 8);
    CHECK(buf_append(&b, "12345", 5, &e) == GIFD_OK);
    CHECK(buf_append(&b, "6789", 4, &e) == GIFD_ETOOBIG);
    CHECK(b.n == 5);
    CHECK_STR(buf_str(&b), "12345");
    buf_consume(&b, 2);
    CHECK_STR(buf_str(&b), "345");
    buf_free(&b);
    CHECK(buf_append(&(struct buf){0}, "x", 1, &e) == GIFD_ETOOBIG);
}

static void note(void *arg)
{
    char **at = arg;
    *(*at)++ = 'x';
}

TEST(arena_runs_deferred_calls_and_refuses_beyond_its_maximum)
{
    struct arena a;
    arena_init(&a, 100000);
    char trace[4] = "", *at = trace;
    CHECK(arena_defer(&a, note, &at) == 0 && arena_defer(&a, note, &at) == 0);
    for (int i = 0; i < 20; i++) CHECK(arena_alloc(&a, 1000));
    CHECK(arena_alloc(&a, 200000) == NULL);
    CHECK_STR(arena_strndup(&a, "hello", 4), "hell");
    arena_reset(&a);
    CHECK_STR(trace, "xx");
    CHECK(arena_alloc(&a, 64));
    arena_free(&a);
    CHECK(a.used == 0);
}

TEST(a_list_keeps_order_and_forgets_removed_nodes)
{
    struct list head, n[3];
    list_init(&head);
    for (int i = 0; i < 3; i++) list_push(&head, &n[i]);
    list_remove(&n[1]);
    list_remove(&n[1]);
    CHECK(list_shift(&head) == &n[0] && list_shift(&head) == &n[2] && !list_shift(&head));
}

TEST(http_dates_of_all_three_forms_are_read)
{
    char out[30];
    clock_http_date(784111777, out);
    CHECK_STR(out, "Sun, 06 Nov 1994 08:49:37 GMT");
    static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    for (int i = 0; i < 3; i++) CHECK(clock_parse_http_date(forms[i], strlen(forms[i])) == 784111777);
    CHECK(clock_parse_http_date("yesterday", 9) == -1);
    char t[32];
    clock_rfc3339(784111777123456, 3, t, sizeof t);
    CHECK_STR(t, "1994-11-06T08:49:37.123Z");
}

static int log_fds[2], log_kept;

static void listen_to_log(void)
{
    log_kept = dup(2);
    CHECK(pipe(log_fds) == 0);
    dup2(log_fds[1], 2);
}

static void what_was_logged(char line[512])
{
    dup2(log_kept, 2);
    ssize_t n = read(log_fds[0], line, 511);
    line[n > 0 ? n : 0] = 0;
    close(log_fds[0]);
    close(log_fds[1]);
    close(log_kept);
    CHECK(n > 0 && line[n - 1] == '\n');
}

TEST(no_value_can_forge_a_log_line)
{
    char line[512];
    listen_to_log();
    log_warn("upload.refused", LS("name", "a\nlevel=critical \"b\""), LI("bytes", -1), LS("plain", "ok"));
    what_was_logged(line);
    CHECK(strchr(line, '\n') == line + strlen(line) - 1);
    CHECK(strstr(
        line,
        " level=warn process=gifd event=upload.refused name=\"a\\nlevel=critical \\\"b\\\"\" bytes=-1 plain=ok\n"));
}

TEST(a_person_reads_the_error_and_its_source_below_the_line_and_no_value_moves_the_cursor)
{
    char line[512];
    log_form_set(LOG_PRETTY, false);
    listen_to_log();
    log_error("request.failed", LS("request_id", "0123456789abcdef"), LS("request", "GET /p/x\033[2J"),
              LS("code", "script"), LS("name", "a\nb"), LS("error", "init.lua:2: \033[31mno\r"),
              LS("source", ">   2 | return \"x\"\n    3 | end\n"));
    what_was_logged(line);
    CHECK_STR(line + strlen("20:57:20.935 "),
              "error gifd       request.failed code=script name=\"a\\nb\" (GET /p/x?[2J 01234567)\n"
              "    init.lua:2: ?[31mno?\n"
              "    >   2 | return \"x\"\n"
              "        3 | end\n");
}

TEST_MAIN()
