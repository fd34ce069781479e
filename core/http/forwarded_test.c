/* forwarded_test.c: whose word counts, and whose does not. Trusted here: 10.0.0.0/8 and 2001:db8:aaaa::/48. */
#include "base/test.h"
#include "http/forwarded_int.h"

#define FIELDS_MAX 1200

static struct cidr_list trusted;
static struct http_header fields[FIELDS_MAX];
static size_t field_count;
static struct forwarded f;
static char client[IP_TEXT_MAX];

static void field(const char *name, const char *value)
{
    fields[field_count++] = (struct http_header){slice_str(name), slice_str(value)};
}

static void ask(const char *peer)
{
    struct ip ip;
    struct err e = {0};
    trusted.count = 0;
    CHECK(cidr_list_add(&trusted, SLICE("10.0.0.0/8"), &e) == 0);
    CHECK(cidr_list_add(&trusted, SLICE("2001:db8:aaaa::/48"), &e) == 0);
    CHECK(ip_parse(slice_str(peer), &ip) == 0);
    forwarded__read(&trusted, &ip, fields, field_count, &f);
    ip_text(&f.client, client);
    field_count = 0;
}

struct row {
    const char *peer, *name, *value, *client, *scheme, *host;
};

#define F "Forwarded"
#define X "X-Forwarded-For"

static const struct row rows[] = {
    /* of strangers nothing is believed */
    {"203.0.113.1", X, "6.6.6.6", "203.0.113.1", NULL, ""},
    {"203.0.113.1", F, "for=6.6.6.6;proto=https;host=evil", "203.0.113.1", NULL, ""},
    {"203.0.113.1", "X-Forwarded-Proto", "https", "203.0.113.1", NULL, ""},
    /* from the right, through the trusted, to the first stranger */
    {"10.0.0.1", X, "203.0.113.9", "203.0.113.9", NULL, ""},
    {"10.0.0.1", X, "6.6.6.6, 203.0.113.9", "203.0.113.9", NULL, ""},
    {"10.0.0.1", X, "6.6.6.6,203.0.113.9 ,  10.0.0.2", "203.0.113.9", NULL, ""},
    {"10.0.0.1", X, "10.9.9.9, 10.0.0.2", "10.9.9.9", NULL, ""},
    {"10.0.0.1", X, "10.0.0.3, 203.0.113.9, 10.0.0.2", "203.0.113.9", NULL, ""},
    {"::ffff:10.0.0.1", X, "203.0.113.9", "203.0.113.9", NULL, ""},
    {"2001:db8:aaaa::1", X, "2001:db8:bbbb::5", "2001:db8:bbbb::5", NULL, ""},
    {"10.0.0.1", "x-forwarded-FOR", "203.0.113.9", "203.0.113.9", NULL, ""},
    /* ports */
    {"10.0.0.1", X, "203.0.113.9:4711", "203.0.113.9", NULL, ""},
    {"10.0.0.1", X, "[2001:db8::5]:4711", "2001:db8::5", NULL, ""},
    {"10.0.0.1", X, "203.0.113.9:", "10.0.0.1", NULL, ""},
    {"10.0.0.1", X, "203.0.113.9:x", "10.0.0.1", NULL, ""},
    /* what cannot be read ends the walk at whoever wrote it */
    {"10.0.0.1", X, "203.0.113.9, unknown, 10.0.0.2", "10.0.0.2", NULL, ""},
    {"10.0.0.1", X, "203.0.113.9, 999.1.1.1", "10.0.0.1", NULL, ""},
    {"10.0.0.1", X, "", "10.0.0.1", NULL, ""},
    {"10.0.0.1", X, " , ,", "10.0.0.1", NULL, ""},
    {"10.0.0.1", X, "203.0.113.9,,", "203.0.113.9", NULL, ""},
    {"10.0.0.1", X, "\"203.0.113.9\"", "10.0.0.1", NULL, ""},
    /* RFC 7239 */
    {"10.0.0.1", F, "for=203.0.113.9", "203.0.113.9", NULL, ""},
    {"10.0.0.1", F, "For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17", NULL, ""},
    {"10.0.0.1", F, "for=6.6.6.6, for=203.0.113.9;proto=https;by=10.0.0.1", "203.0.113.9", "https", ""},
    {"10.0.0.1", F, "for=203.0.113.9 ; proto=http; host=\"g.example:8443\"", "203.0.113.9", "http", "g.example:8443"},
    {"10.0.0.1", F, "for=203.0.113.9;proto=https;host=g.example, for=10.0.0.2;proto=http;host=inner", "203.0.113.9",
     "https", "g.example"},
    {"10.0.0.1", F, "for=unknown;proto=https", "10.0.0.1", "https", ""},
    {"10.0.0.1", F, "for=_hidden, for=10.0.0.2", "10.0.0.2", NULL, ""},
    {"10.0.0.1", F, "for=_SEVKISEK", "10.0.0.1", NULL, ""},
    {"10.0.0.1", F, "proto=https", "10.0.0.1", "https", ""},
    {"10.0.0.1", F, "for=203.0.113.9;ext=\"a,b;c\";proto=https", "203.0.113.9", "https", ""},
    {"10.0.0.1", F, "for=203.0.113.9;proto=gopher;host=\"a b\"", "203.0.113.9", NULL, ""},
    /* what a stranger left of it wrote cannot swallow what a proxy added */
    {"10.0.0.1", F, "for=\"6.6.6.6, for=203.0.113.9", "203.0.113.9", NULL, ""},
    {"10.0.0.1", F, "for=\"6.6.6.6\\\", for=203.0.113.9", "203.0.113.9", NULL, ""},
    {"10.0.0.1", F, "\", for=\"203.0.113.9\"", "203.0.113.9", NULL, ""},
    /* malformed */
    {"10.0.0.1", F, "for=203.0.113.9;for=6.6.6.6", "10.0.0.1", NULL, ""},
    {"10.0.0.1", F, "for=203.0.113.9;proto=https;proto=http", "10.0.0.1", NULL, ""},
    {"10.0.0.1", F, "for", "10.0.0.1", NULL, ""},
    {"10.0.0.1", F, "for=", "10.0.0.1", NULL, ""},
    {"10.0.0.1", F, "=203.0.113.9", "10.0.0.1", NULL, ""},
    {"10.0.0.1", F, "for=2001:db8::1", "10.0.0.1", NULL, ""},
    {"10.0.0.1", F, "for=\"2001:db8::1\"", "10.0.0.1", NULL, ""},
    {"10.0.0.1", F, "for=\"[203.0.113.9]\"", "10.0.0.1", NULL, ""},
    {"10.0.0.1", F, "for=\"203.0.113.9\"x", "10.0.0.1", NULL, ""},
    {"10.0.0.1", F, "for=\"\\203.0.113.9\"", "10.0.0.1", NULL, ""},
    {"10.0.0.1", F, "for=\"[2001:db8::1]x\"", "10.0.0.1", NULL, ""},
    {"10.0.0.1", F, "for=\"[2001:db8::1\"", "10.0.0.1", NULL, ""},
};

TEST(one_field)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        field("Accept", "*/*");
        field(r->name, r->value);
        ask(r->peer);
        char host[64];
        snprintf(host, sizeof host, "%.*s", (int)f.host.n, f.host.n ? f.host.p : "");
        bool scheme = r->scheme ? f.scheme && !strcmp(f.scheme, r->scheme) : !f.scheme;
        if (strcmp(client, r->client) != 0 || strcmp(host, r->host) != 0 || !scheme)
            fprintf(stderr, "%s: %s -> %s %s %s\n", r->name, r->value, client, f.scheme ? f.scheme : "-", host);
        CHECK_STR(client, r->client);
        CHECK_STR(host, r->host);
        CHECK(scheme);
    }
}

TEST(fields_of_one_name_are_one_list)
{
    field(X, "6.6.6.6");
    field("Via", "x");
    field(X, "203.0.113.9, 10.0.0.3");
    field(X, "10.0.0.2");
    ask("10.0.0.1");
    CHECK_STR(client, "203.0.113.9");
}

TEST(scheme_and_host_are_of_the_outermost_trusted_hop)
{
    field(X, "203.0.113.9, 10.0.0.2");
    field("X-Forwarded-Proto", "http, https, http");
    field("X-Forwarded-Host", "evil, g.example, inner");
    ask("10.0.0.1");
    CHECK_STR(client, "203.0.113.9");
    CHECK(f.scheme && !strcmp(f.scheme, "https") && slice_is(f.host, "g.example"));
    field(X, "6.6.6.6, 203.0.113.9");
    field("X-Forwarded-Proto", "https, http");
    ask("10.0.0.1");
    CHECK(f.scheme && !strcmp(f.scheme, "http"));
    field(X, "203.0.113.9, 10.0.0.2");
    field("X-Forwarded-Proto", "https");
    ask("10.0.0.1");
    CHECK(f.scheme && !strcmp(f.scheme, "https"));
    field("X-Forwarded-Proto", "HTTPS");
    field("X-Forwarded-Host", "g.example:8443");
    ask("10.0.0.1");
    CHECK(f.scheme && !strcmp(f.scheme, "https") && slice_is(f.host, "g.example:8443"));
}

TEST(of_two_kinds_only_what_both_say_counts)
{
    field(F, "for=6.6.6.6;proto=https;host=evil");
    field(X, "203.0.113.9");
    field("X-Forwarded-Proto", "https");
    ask("10.0.0.1");
    CHECK_STR(client, "10.0.0.1");
    CHECK(!f.scheme && !f.host.n);
    field(F, "for=203.0.113.9;proto=https;host=evil");
    field(X, "203.0.113.9");
    field("X-Forwarded-Proto", "https");
    ask("10.0.0.1");
    CHECK_STR(client, "203.0.113.9");
    CHECK(f.scheme && !strcmp(f.scheme, "https") && !f.host.n);
    field(F, "for=203.0.113.9;host=g.example");
    field("X-Forwarded-Proto", "https");
    field("X-Forwarded-Host", "evil");
    ask("10.0.0.1");
    CHECK_STR(client, "203.0.113.9");
    CHECK(!f.scheme && slice_is(f.host, "g.example"));
}

TEST(walks_have_an_end)
{
    for (int i = 0; i < FORWARDED_HOPS + 100; i++) field(X, i ? "10.0.0.2" : "203.0.113.9");
    ask("10.0.0.1");
    CHECK_STR(client, "10.0.0.2");
    static char text[FORWARDED_BYTES + 100];
    memset(text, ' ', sizeof text - 1);
    memcpy(text, "203.0.113.9,", 12);
    field(X, text);
    ask("10.0.0.1");
    CHECK_STR(client, "10.0.0.1");
    for (size_t i = 0; i + 9 < sizeof text; i += 9) memcpy(text + i, "10.0.0.2,", 9);
    text[sizeof text / 9 * 9 - 1] = 0;
    memcpy(text, "6.6.6.6 ", 8);
    field(X, text);
    ask("10.0.0.1");
    CHECK_STR(client, "10.0.0.2");
    memset(text, '"', sizeof text - 1);
    field(F, text);
    ask("10.0.0.1");
    CHECK_STR(client, "10.0.0.1");
}

TEST_MAIN()
