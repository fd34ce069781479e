/* multipart_test.c: bodies at every split point, and what is refused. */
#include "base/test.h"
#include "http/multipart.h"
#include "http/request.h"

#define TYPE "multipart/form-data; boundary=XyZ"
#define PART(disposition, data) "--XyZ\r\nContent-Disposition: form-data; " disposition "\r\n\r\n" data "\r\n"

static struct buf seen;
static int answer; /* what data() returns */

static int on_begin(void *to, const struct multipart_part *p, struct err *e)
{
    (void)to;
    return buf_printf(&seen, e, "[%.*s|%s%.*s|%.*s]", (int)p->name.n, p->name.p, p->has_filename ? "file:" : "",
                      (int)p->filename.n, p->filename.p, (int)p->type.n, p->type.p);
}

static int on_data(void *to, const uint8_t *bytes, size_t n, struct err *e)
{
    (void)to;
    int rc = buf_append(&seen, bytes, n, e);
    return rc < 0 ? rc : answer < 0 ? err_set(e, answer, "no") : answer;
}

static int on_end(void *to, struct err *e)
{
    (void)to;
    return buf_puts(&seen, ";", e);
}

static const struct multipart_events events = {NULL, on_begin, on_data, on_end};

/* What was seen when the body comes in two pieces (or, split 0, byte by byte), or the name of the error. */
static const char *feed_split(const char *type, const char *body, size_t n, size_t split)
{
    struct err e = {0};
    struct multipart *m = multipart_new(slice_str(type), &events, &e);
    int rc = m ? 0 : e.code;
    if (!seen.max) buf_init(&seen, 1 << 20);
    buf_reset(&seen);
    for (size_t at = 0; rc >= 0 && at < n;) {
        size_t k = split == 0 ? 1 : at < split ? split : n - at;
        if (k > n - at) k = n - at;
        rc = multipart_feed(m, (const uint8_t *)body + at, k, &e);
        at += k;
    }
    if (rc >= 0) rc = multipart_finish(m, &e);
    multipart_free(m);
    return rc < 0 ? err_name(rc) : buf_str(&seen);
}

static const char *feed_n(const char *type, const char *body, size_t n)
{
    static char first[16384];
    snprintf(first, sizeof first, "%s", feed_split(type, body, n, n));
    for (size_t split = 0; split < n; split++) {
        const char *got = feed_split(type, body, n, split);
        if (strcmp(got, first) != 0) {
            fprintf(stderr, "split at %zu: %s instead of %s\n", split, got, first);
            return "differs by split";
        }
    }
    return first;
}

static const char *feed(const char *body)
{
    return feed_n(TYPE, body, strlen(body));
}

TEST(parts_come_out_at_every_split)
{
    CHECK_STR(feed("--XyZ--"), "");
    CHECK_STR(feed("--XyZ--\r\n"), "");
    CHECK_STR(feed(PART("name=\"title\"", "hello") "--XyZ--\r\n"), "[title||]hello;");
    CHECK_STR(feed("preamble\r\n" PART("name=a", "") PART("name=\"b\"", "x\r\ny") "--XyZ--epilogue"),
              "[a||];[b||]x\r\ny;");
    CHECK_STR(feed("--XyZ\r\ncontent-type: image/gif\r\nContent-Disposition: form-data; name=\"file\"; "
                   "filename=\"cat.gif\"\r\n\r\nGIF89a\r\n--XyZ--"),
              "[file|file:cat.gif|image/gif]GIF89a;");
}

TEST(what_looks_like_a_boundary_is_data)
{
    CHECK_STR(feed(PART("name=a", "--XyZ") "--XyZ--"), "[a||]--XyZ;");
    CHECK_STR(feed(PART("name=a", "\r\n--XyX\r\n--Xy\r\r\n\r\n-\r") "--XyZ--"), "[a||]\r\n--XyX\r\n--Xy\r\r\n\r\n-\r;");
    CHECK_STR(feed(PART("name=a", "\n--XyZ\n") "--XyZ--"), "[a||]\n--XyZ\n;");
}

TEST(names_are_decoded_and_reduced)
{
    CHECK_STR(feed(PART("name=\"a\\\"b\\\\c\"; filename=\"C:\\dir\\x.gif\"", "") "--XyZ--"), "[a\"b\\c|file:x.gif|];");
    CHECK_STR(feed(PART("name=a; filename=\"../../etc/passwd\"", "") "--XyZ--"), "[a|file:passwd|];");
    CHECK_STR(feed(PART("name=\"%22q%22\"; filename=\"\"", "") "--XyZ--"), "[\"q\"|file:|];");
    CHECK_STR(feed(PART("name=\"caf\xc3\xa9;x\"", "") "--XyZ--"), "[caf\xc3\xa9;x||];");
    CHECK_STR(feed(PART("name=a; filename*=UTF-8''x.gif", "") "--XyZ--"), "[a||];");
}

TEST(quoted_boundaries_and_their_limits)
{
    static const char body[] = "--a b'()\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--a b'()--";
    CHECK_STR(feed_n("Multipart/Form-Data; charset=x; Boundary=\"a b'()\"", body, sizeof body - 1), "[x||]1;");
    static const char *const bad[] = {
        "",
        "text/plain",
        "multipart/mixed; boundary=a",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\"a",
        "multipart/form-data; boundary=\"a \"",
        "multipart/form-data; boundary=a{b",
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=a\xff",
        "multipart/form-data; boundary=aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_STR(feed_n(bad[i], "x", 1), "invalid");
}

TEST(malformed_bodies_are_refused)
{
    static const char *const bad[] = {
        "",
        "hello",
        "--XyZ",
        "--XyZ\r\n",
        "--XyZ-",
        "--XyZ\n\n",
        "--XyZ \r\n",
        "--XyZx\r\n",
        "--XyZ\r\n\r\nx\r\n--XyZ--",
        "--XyZ\r\nContent-Type: a\r\n\r\nx\r\n--XyZ--",
        "--XyZ\nContent-Disposition: form-data; name=a\n\nx\n--XyZ--",
        "--XyZ\r\nContent-Disposition: form-data; name=a\n\r\n\r\nx\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition: form-data; name=a\r\r\n\r\nx\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition : form-data; name=a\r\n\r\nx\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition: form-data; name=a\r\n folded\r\n\r\nx\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nx\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--XyZ--",
        "--XyZ\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--XyZ--",
        PART("filename=a", "x") "--XyZ--",
        PART("name=a; name=b", "x") "--XyZ--",
        PART("name=\"a", "x") "--XyZ--",
        PART("name=\"\xff\"", "x") "--XyZ--",
        PART("name=\"a\x01\"", "x") "--XyZ--",
        PART("name=a", "x"),
        PART("name=a", "x") "--XyZ",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (strcmp(feed(bad[i]), "invalid") == 0) continue;
        fprintf(stderr, "%s: %s\n", feed(bad[i]), bad[i]);
        CHECK(false);
    }
}

TEST(parts_heads_and_the_outside_have_maxima)
{
    static char body[65536];
    size_t n = 0;
    for (int i = 0; i <= MULTIPART_PARTS_MAX; i++) n += (size_t)sprintf(body + n, "%s", PART("name=a", "x"));
    n += (size_t)sprintf(body + n, "--XyZ--");
    CHECK_STR(feed_split(TYPE, body, n, n), "too_large");
    n = (size_t)sprintf(body, "--XyZ\r\nX: ");
    memset(body + n, 'a', MULTIPART_HEAD_MAX);
    CHECK_STR(feed_split(TYPE, body, n + MULTIPART_HEAD_MAX, n), "too_large");
    memset(body, 'a', 5000);
    CHECK_STR(feed_split(TYPE, body, 5000, 100), "too_large");
}

TEST(a_callback_can_pause_and_stop)
{
    static const char body[] = PART("name=a", "hello") "--XyZ--";
    struct err e = {0};
    struct multipart *m = multipart_new(SLICE(TYPE), &events, &e);
    answer = BODY_PAUSE;
    CHECK(multipart_feed(m, (const uint8_t *)body, sizeof body - 1, &e) == BODY_PAUSE);
    CHECK(multipart_finish(m, &e) == 0);
    multipart_free(m);
    m = multipart_new(SLICE(TYPE), &events, &e);
    answer = GIFD_ENOSPACE;
    CHECK(multipart_feed(m, (const uint8_t *)body, sizeof body - 1, &e) == GIFD_ENOSPACE);
    answer = 0;
    CHECK(multipart_feed(m, (const uint8_t *)body, 1, &e) == GIFD_ENOSPACE);
    CHECK(multipart_finish(m, &e) == GIFD_ENOSPACE);
    multipart_free(m);
    buf_free(&seen);
}

TEST_MAIN()
