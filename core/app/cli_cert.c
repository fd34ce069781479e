/* cli_cert.c: `gifd cert show`: what a certificate says, and whether a key is its own. */
#include "app/app.h"
#include "base/clock.h"
#include "base/json.h"
#include "http/tls.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define SOON_DAYS 21

static void date(int64_t s, char out[40])
{
    out[clock_rfc3339(s * 1000000, 0, out, 39)] = 0;
}

static int64_t days_left(const struct tls_facts *f)
{
    int64_t left = f->not_after - clock_wall_us() / 1000000;
    return left < 0 ? -((-left + 86399) / 86400) : left / 86400;
}

static void print_text(const struct tls_facts *f, bool with_key)
{
    char from[40], to[40];
    int64_t days = days_left(f);
    date(f->not_before, from);
    date(f->not_after, to);
    printf("subject  %s\nissuer   %s\nnames    %s\nkey      %s%s\nchain    %u more\nfrom     %s\nto       %s, ",
           f->subject, f->issuer, f->names[0] ? f->names : "none", f->key, with_key ? ", and the key fits" : "",
           f->chain, from, to);
    if (days < 0)
        printf("expired\n");
    else
        printf("%lld days%s\n", (long long)days, days <= SOON_DAYS ? ": renew it" : "");
    printf("sha256   %s\n", f->digest);
}

static void put_text(struct json_writer *w, const char *key, const char *value)
{
    json_write_key(w, slice_str(key));
    json_write_string(w, slice_str(value));
}

static void print_json(const struct tls_facts *f)
{
    char from[40], to[40];
    struct buf out;
    struct json_writer w;
    buf_init(&out, 8192);
    date(f->not_before, from);
    date(f->not_after, to);
    json_write_begin(&w, &out, NULL);
    json_write_object(&w);
    put_text(&w, "subject", f->subject);
    put_text(&w, "issuer", f->issuer);
    json_write_key(&w, SLICE("names"));
    json_write_array(&w);
    for (const char *p = f->names; *p;) {
        size_t n = strcspn(p, " ");
        json_write_string(&w, slice_of(p, n));
        p += n + (p[n] == ' ');
    }
    json_write_array_end(&w);
    put_text(&w, "key", f->key);
    put_text(&w, "not_before", from);
    put_text(&w, "not_after", to);
    json_write_key(&w, SLICE("days"));
    json_write_int(&w, days_left(f));
    json_write_key(&w, SLICE("chain"));
    json_write_int(&w, f->chain);
    put_text(&w, "sha256", f->digest);
    json_write_object_end(&w);
    json_write_end(&w);
    printf("%s\n", buf_str(&out));
    buf_free(&out);
}

int cli_cert(int argc, char **argv)
{
    static const struct option options[] = {
        {"key", required_argument, NULL, 'k'}, {"json", no_argument, NULL, 'j'}, {0}};
    struct tls_pair pair = {0};
    struct tls_facts facts;
    struct err e = {0};
    bool json = false;
    static char name[] = "cert show";
    argv++, argc--; /* "show" is the only word there is */
    argv[0] = name;
    optind = 1;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'k')
            snprintf(pair.key, sizeof pair.key, "%s", optarg);
        else if (c == 'j')
            json = true;
        else
            return cli_usage(argv[0], "unknown or incomplete option '%s'", argv[optind - 1]);
    }
    if (optind + 1 != argc) return cli_usage(argv[0], "wants one FILE");
    snprintf(pair.cert, sizeof pair.cert, "%s", argv[optind]);
    int rc = tls_pair_look(&pair, &facts, &e);
    if (rc < 0) {
        fprintf(stderr, "gifd %s: %s\n", argv[0], e.text);
        return cli_exit_of(rc);
    }
    if (json)
        print_json(&facts);
    else
        print_text(&facts, pair.key[0]);
    return EXIT_OK;
}
