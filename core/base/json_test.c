/* json_test.c: what RFC 8259 allows is read, what it does not is refused with its place, and what is written reads
 * back. */
#include "base/json.h"
#include "base/test.h"

#include <math.h>
#include <stdlib.h>

static struct arena arena;
static struct err e;

static struct json *parse(const char *text)
{
    struct json *root;
    arena_free(&arena);
    arena_init(&arena, 1 << 20);
    /* a copy of just this size, so that a read beyond it is seen by the sanitizer */
    char *copy = arena_alloc(&arena, strlen(text) + 1);
    memcpy(copy, text, strlen(text));
    if (json_parse(&arena, slice_of(copy, strlen(text)), NULL, &root, &e) < 0) return NULL;
    return root;
}

static void refused(const char *text, const char *part)
{
    if (parse(text) || !strstr(e.text, part)) {
        fprintf(stderr, "%s: %s (want %s)\n", text, e.text, part);
        CHECK(!"refused with that text");
    }
}

TEST(values_of_every_kind)
{
    const struct json *v = parse(" {\"a\": [1, -2.5, true, false, null, \"x\"], \"b\": {}, \"c\": [], \"a\": 7} ");
    CHECK(v && v->type == JSON_OBJECT && v->count == 4);
    const struct json *a = v->child->child;
    CHECK(v->child->count == 6);
    CHECK(a->type == JSON_INT && a->i == 1 && a->key.p == NULL);
    a = a->next;
    CHECK(a->type == JSON_REAL && a->d == -2.5);
    a = a->next;
    CHECK(a->type == JSON_BOOL && a->b);
    a = a->next;
    CHECK(a->type == JSON_BOOL && !a->b);
    a = a->next;
    CHECK(a->type == JSON_NULL);
    a = a->next;
    CHECK(a->type == JSON_STRING && slice_is(a->s, "x") && !a->next);
    CHECK(json_get(v, "b")->type == JSON_OBJECT && !json_get(v, "b")->child);
    CHECK(json_get(v, "c")->count == 0);
    CHECK(json_get(v, "a")->i == 7);
    CHECK(!json_get(v, "d") && !json_get(NULL, "d") && !json_get(json_get(v, "c"), "d"));
}

TEST(numbers_keep_their_kind)
{
    CHECK(parse("9223372036854775807")->i == INT64_MAX);
    CHECK(parse("-9223372036854775808")->i == INT64_MIN);
    CHECK(parse("9223372036854775808")->type == JSON_REAL && parse("9223372036854775808")->d == 9223372036854775808.0);
    CHECK(parse("-9223372036854775809")->type == JSON_REAL);
    CHECK(parse("123456789012345678901234567890")->type == JSON_REAL);
    CHECK(parse("-0")->type == JSON_INT && parse("1e2")->type == JSON_REAL && parse("1E+2")->d == 100 &&
          parse("0.1")->d == 0.1);
    CHECK(parse("1e-400")->d == 0);
    static const char *const bad[] = {"01",  "-",    "+1",    ".5",  "1.",       "1e", "1e+",
                                      "--1", "0x10", "1e400", "NaN", "Infinity", "-01"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refused(bad[i], "line 1");
}

TEST(strings_are_decoded)
{
    struct slice s = parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\\u0000z\"")->s;
    CHECK(slice_eq(s, SLICE("\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80\0z")));
    CHECK(
        slice_is(parse("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"")->s, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\x7f"));
    CHECK(parse("\"\"")->s.n == 0);
    static const char *const bad[] = {"\"",
                                      "\"\\\"",
                                      "\"\\x\"",
                                      "\"\\u12\"",
                                      "\"\\u12g4\"",
                                      "\"\n\"",
                                      "\"\\ud800\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\\udc00\"",
                                      "\"\\",
                                      "\"\x80\"",
                                      "\"\xc0\x80\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xf4\x90\x80\x80\"",
                                      "\"\xe2\x82\"",
                                      "\"\xf0\x80\x80\x80\"",
                                      "'x'",
                                      "\"\\\n\"",
                                      "\"\xc3",
                                      "\"\\\xc3\""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) refused(bad[i], "line");
}

TEST(what_is_not_json_is_refused_with_its_place)
{
    refused("", "byte 0");
    refused("  ", "too early");
    refused("{\"a\": 1,\n \"b\" 2}", "line 2 column 6");
    refused("[1,]", "byte 3");
    refused("[1 2]", "byte 3");
    refused("{\"a\":1,}", "key");
    refused("{a:1}", "key");
    refused("{\"a\"}", "colon");
    refused("[1", "too early");
    refused("{\"a\":", "too early");
    refused("[1}", "comma");
    refused("1 1", "after the value");
    refused("[] // x", "after the value");
    refused("tru", "value");
    refused("nulll", "after the value");
    refused("\xef\xbb\xbf{}", "value");
    refused("[\f1]", "value");
}

TEST(limits_hold)
{
    struct json *root;
    char deep[200];
    arena_free(&arena);
    arena_init(&arena, 1 << 20);
    for (int n = JSON_DEPTH_MAX; n <= JSON_DEPTH_MAX + 1; n++) {
        memset(deep, '[', (size_t)n);
        memset(deep + n, ']', (size_t)n);
        CHECK(json_parse(&arena, slice_of(deep, 2 * (size_t)n), NULL, &root, &e) ==
              (n == JSON_DEPTH_MAX ? GIFD_OK : GIFD_ETOOBIG));
    }
    struct json_limits l = {.depth = 1, .nodes = 3, .bytes = 10};
    CHECK(json_parse(&arena, SLICE("[1,2]"), &l, &root, &e) == GIFD_OK);
    CHECK(json_parse(&arena, SLICE("[1,2,3]"), &l, &root, &e) == GIFD_ETOOBIG);
    CHECK(json_parse(&arena, SLICE("[[]]"), &l, &root, &e) == GIFD_ETOOBIG);
    CHECK(json_parse(&arena, SLICE("\"123456789\""), &l, &root, &e) == GIFD_ETOOBIG);
    struct arena small;
    char many[1000] = "[0";
    for (int i = 2; i < 998; i += 2) memcpy(many + i, ",0", 2);
    many[998] = ']';
    arena_init(&small, 200);
    CHECK(json_parse(&small, slice_of(many, 999), NULL, &root, &e) == GIFD_ENOMEM);
    arena_free(&small);
}

static const char *written(void (*write)(struct json_writer *))
{
    static struct buf b;
    struct json_writer w;
    buf_free(&b);
    buf_init(&b, 4096);
    json_write_begin(&w, &b, &e);
    write(&w);
    return json_write_end(&w) < 0 ? "refused" : buf_str(&b);
}

static void write_much(struct json_writer *w)
{
    json_write_object(w);
    json_write_key(w, SLICE("list"));
    json_write_array(w);
    json_write_int(w, INT64_MIN);
    json_write_real(w, 0.1);
    json_write_real(w, 1e300);
    json_write_real(w, 2.0 / 3);
    json_write_bool(w, true);
    json_write_null(w);
    json_write_array(w);
    json_write_array_end(w);
    json_write_array_end(w);
    json_write_key(w, SLICE("te\"xt"));
    json_write_string(w, SLICE("</a>\n\x01\xe2\x80\xa8\xc3\xa9 \xff\xc3(\xed\xa0\x80\0"));
    json_write_key(w, SLICE("o"));
    json_write_object(w);
    json_write_object_end(w);
    json_write_object_end(w);
}

static void write_minus_zero(struct json_writer *w)
{
    json_write_real(w, -0.0);
}

TEST(what_is_written_reads_back)
{
    const char *text = written(write_much);
    CHECK_STR(text, "{\"list\":[-9223372036854775808,0.1,1e+300,0.6666666666666666,true,null,[]],"
                    "\"te\\\"xt\":\"\\u003c/a>\\n\\u0001\\u2028\xc3\xa9 "
                    "\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\u0000\","
                    "\"o\":{}}");
    const struct json *v = parse(text);
    CHECK(v && json_get(v, "list")->child->next->next->next->d == 2.0 / 3);
    v = parse(written(write_minus_zero));
    CHECK(v && v->type == JSON_REAL && v->d == 0 && signbit(v->d));
}

static void second_root(struct json_writer *w)
{
    json_write_null(w);
    json_write_null(w);
}

static void no_key(struct json_writer *w)
{
    json_write_object(w);
    json_write_null(w);
    json_write_object_end(w);
}

static void key_in_array(struct json_writer *w)
{
    json_write_array(w);
    json_write_key(w, SLICE("x"));
    json_write_array_end(w);
}

static void wrong_end(struct json_writer *w)
{
    json_write_array(w);
    json_write_object_end(w);
}

static void hanging_key(struct json_writer *w)
{
    json_write_object(w);
    json_write_key(w, SLICE("x"));
    json_write_object_end(w);
}

static void not_finite(struct json_writer *w)
{
    json_write_real(w, NAN);
}

static void nothing(struct json_writer *w)
{
    (void)w;
}

static void unclosed(struct json_writer *w)
{
    json_write_array(w);
}

static void too_deep(struct json_writer *w)
{
    for (int i = 0; i <= JSON_DEPTH_MAX; i++) json_write_array(w);
    for (int i = 0; i <= JSON_DEPTH_MAX; i++) json_write_array_end(w);
}

static void too_long(struct json_writer *w)
{
    static char text[5000];
    json_write_string(w, slice_of(text, sizeof text));
}

static void deepest(struct json_writer *w)
{
    for (int i = 0; i < JSON_DEPTH_MAX; i++) json_write_array(w);
    for (int i = 0; i < JSON_DEPTH_MAX; i++) json_write_array_end(w);
}

TEST(misuse_of_the_writer_is_an_error)
{
    void (*const bad[])(struct json_writer *) = {second_root, no_key,  key_in_array, wrong_end, hanging_key,
                                                 not_finite,  nothing, unclosed,     too_deep,  too_long};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_STR(written(bad[i]), "refused");
    CHECK(strlen(written(deepest)) == 2 * JSON_DEPTH_MAX);
}

TEST_MAIN()
