/* builder.c: a generation is built by a short-lived process of its own.
 *
 *   supervisor                     builder (forked, runs Lua, then ends)
 *   builder_start ---------------> build_generation
 *   builder_poll  <--report------- flat settings, bundle on disk; or the faults
 *   ... every process prepares ...
 *   builder_migrate --'M'--------> migrations_apply
 *   builder_poll  <--report-------
 *
 * The order is the transaction of DESIGN 1.5: prepare everywhere, migrate, commit. */
#include "app/app.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/sink.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define BUILD_DEADLINE_NS (15ull * 1000000000)

int builder_apply(const struct datadir *d, struct builder_report *r)
{
    struct err e = {0};
    r->rc = migrations_apply(d, r->settings.bundle, &r->migrated, &e);
    if (r->rc != GIFD_OK)
        snprintf(r->text, sizeof r->text, "%s", e.text);
    else if (r->checks)
        r->rc = builder_check(d, r->settings.bundle, r->text, sizeof r->text);
    return r->rc;
}

static void report(int fd, const struct builder_report *r)
{
    const char *p = (const char *)r;
    for (size_t n = 0; n < sizeof *r;) {
        ssize_t k = send(fd, p + n, sizeof *r - n, MSG_NOSIGNAL);
        if (k <= 0) _exit(1);
        n += (size_t)k;
    }
}

void builder_make(const struct datadir *d, const struct serve_options *o, const char *live, struct builder_report *r)
{
    struct err e = {0};
    char out[PATH_LEN];
    datadir_join(d, "generations", out);
    struct build_options options = {.embedded = embedded_files,
                                    .root = o->root,
                                    .config = o->config,
                                    .plugin_dirs = o->plugin_dirs,
                                    .sources = o->dev,
                                    .out_dir = out,
                                    .live = live};
    struct build_result result = {0};
    *r = (struct builder_report){.rc = build_generation(&options, &result, &e)};
    if (r->rc == GIFD_OK && !result.ok) {
        r->rc = GIFD_EINVALID;
        snprintf(r->text, sizeof r->text, "%s", result.text);
    } else if (r->rc == GIFD_OK) {
        r->rc = flat_settings_read(result.settings, &r->settings, &e);
        r->checks = result.checks;
        memcpy(r->settings.digest, result.digest, sizeof r->settings.digest);
        snprintf(r->settings.bundle, sizeof r->settings.bundle, "%s", result.bundle);
    }
    if (r->rc != GIFD_OK && !r->text[0]) snprintf(r->text, sizeof r->text, "%s\n", e.text);
    build_result_free(&result);
}

/* A bundle that has served before: only its settings have to be read. */
static void reopen(const char *path, struct builder_report *r)
{
    struct err e = {0};
    struct slice settings;
    const char *name = strrchr(path, '/');
    *r = (struct builder_report){0};
    struct bundle *b = bundle_open(path, &e);
    r->rc = b ? GIFD_OK : e.code;
    if (b && !bundle_find(b, "settings.json", &settings))
        r->rc = err_set(&e, GIFD_ECORRUPT, "%s has no settings", path);
    if (r->rc == GIFD_OK) {
        char *text = strndup(settings.p, settings.n);
        r->rc = text ? flat_settings_read(text, &r->settings, &e) : err_set(&e, GIFD_ENOMEM, "settings");
        free(text);
        snprintf(r->settings.bundle, sizeof r->settings.bundle, "%s", path);
        snprintf(r->settings.digest, sizeof r->settings.digest, "%.64s", name ? name + 1 : path);
    }
    if (r->rc != GIFD_OK) snprintf(r->text, sizeof r->text, "%s", e.text);
    bundle_close(b);
}

static _Noreturn void builder_main(int fd, const struct datadir *d, const struct serve_options *o, const char *bundle,
                                   const char *live)
{
    static struct builder_report r;
    log_role_set("builder");
    if (bundle)
        reopen(bundle, &r);
    else
        builder_make(d, o, live, &r);
    report(fd, &r);
    char order;
    if (r.rc != GIFD_OK || recv(fd, &order, 1, 0) != 1 || order != 'M') _exit(0);
    builder_apply(d, &r);
    report(fd, &r);
    sink_drain();
    _exit(0);
}

int builder_start(struct builder *b, const struct datadir *d, const struct serve_options *o, const char *bundle,
                  const char *live, struct err *e)
{
    int pair[2];
    *b = (struct builder){.pid = -1, .fd = -1};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) return err_sys(e, errno, "builder");
    int pid = fork();
    if (pid < 0) {
        int why = errno;
        close(pair[0]);
        close(pair[1]);
        return err_sys(e, why, "builder");
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGINT, SIG_IGN);
        fds_keep_only((int[]){pair[1], d->lock_fd}, 2);
        builder_main(pair[1], d, o, bundle, live);
    }
    close(pair[1]);
    *b = (struct builder){.pid = pid, .fd = pair[0], .deadline_ns = clock_mono_ns() + BUILD_DEADLINE_NS};
    return GIFD_OK;
}

int builder_poll(struct builder *b, struct builder_report *out)
{
    char *p = (char *)out;
    ssize_t first = recv(b->fd, p, sizeof *out, MSG_DONTWAIT);
    if (first < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
    for (size_t n = (size_t)first; n < sizeof *out;) {
        ssize_t k = n ? recv(b->fd, p + n, sizeof *out - n, 0) : 0;
        if (k <= 0) return -1;
        n += (size_t)k;
    }
    return 1;
}

int builder_migrate(struct builder *b)
{
    return send(b->fd, "M", 1, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

void builder_end(struct builder *b)
{
    if (b->pid > 0) {
        kill(b->pid, SIGKILL);
        waitpid(b->pid, NULL, 0);
    }
    if (b->fd >= 0) close(b->fd);
    *b = (struct builder){.pid = -1, .fd = -1};
}

static void number(const struct json *o, const char *key, uint32_t *out)
{
    const struct json *v = json_get(o, key);
    if (v && v->type == JSON_INT && v->i >= 0 && v->i <= UINT32_MAX) *out = (uint32_t)v->i;
}

static void large(const struct json *o, const char *key, uint64_t *out)
{
    const struct json *v = json_get(o, key);
    if (v && v->type == JSON_INT && v->i >= 0) *out = (uint64_t)v->i;
}

static void read_media(const struct json *media, struct lane_limits *out)
{
    const struct json *children = media ? json_get(media, "children") : NULL;
    if (!children) return;
    number(children, "max", &out->most);
    large(media, "memory", &out->memory);
    large(media, "pixels", &out->pixels);
    large(media, "account_pixels", &out->account_pixels);
}

static void text_of(const struct json *v, char *out, size_t cap)
{
    bool is_text = v && v->type == JSON_STRING;
    snprintf(out, cap, "%.*s", is_text ? (int)v->s.n : 0, is_text ? v->s.p : "");
}

static void read_plugins(const struct json *list, struct flat_settings *out)
{
    for (const struct json *v = list ? list->child : NULL; v && out->plugin_count < PLUGINS_MAX; v = v->next) {
        text_of(json_get(v, "name"), out->plugins[out->plugin_count].name, sizeof out->plugins[0].name);
        text_of(json_get(v, "version"), out->plugins[out->plugin_count].version, sizeof out->plugins[0].version);
        out->plugin_count++;
    }
}

static void read_texts(const struct json *list, struct flat_settings *out)
{
    for (const struct json *v = list ? list->child : NULL; v && out->plugin_dir_count < PLUGIN_DIRS_MAX; v = v->next)
        text_of(v, out->plugin_dirs[out->plugin_dir_count++], sizeof out->plugin_dirs[0]);
}

/* Of the listener that is about to be counted. */
static void read_tls(const struct json *v, struct flat_settings *out)
{
    uint32_t i = out->listen_count;
    const struct json *redirect = json_get(v, "redirect"), *tls = json_get(v, "tls");
    out->how[i].to_https = redirect && redirect->type == JSON_STRING && slice_is(redirect->s, "https");
    number(v, "hsts", &out->how[i].hsts_s);
    out->how[i].tls_first = out->pair_count;
    for (const struct json *p = tls ? tls->child : NULL; p && out->pair_count < PAIRS_MAX; p = p->next) {
        struct tls_pair *pair = &out->pairs[out->pair_count++];
        text_of(json_get(p, "cert"), pair->cert, sizeof pair->cert);
        const struct json *key = json_get(p, "key");
        pair->key_in_env = key && key->type == JSON_OBJECT;
        text_of(pair->key_in_env ? json_get(key, "env") : key, pair->key, sizeof pair->key);
        text_of(json_get(p, "staple"), pair->staple, sizeof pair->staple);
        out->how[i].tls_count++;
    }
}

static void read_log(const struct json *log, struct flat_settings *out)
{
    char name[16];
    if (!log) return;
    text_of(json_get(log, "level"), name, sizeof name);
    int level = log_level_parse(name);
    if (level >= 0) out->log_level = level;
    text_of(json_get(log, "format"), name, sizeof name);
    out->log_form = log_form_parse(name);
    text_of(json_get(log, "file"), out->log_file, sizeof out->log_file);
    number(log, "burst", &out->log_burst);
}

int flat_settings_read(const char *text, struct flat_settings *out, struct err *e)
{
    *out = (struct flat_settings){.http = http_limits_default,
                                  .media = LANE_LIMITS_DEFAULT,
                                  .log_level = LOG_INFO,
                                  .log_form = -1,
                                  .log_burst = LOG_BURST};
    struct arena arena;
    struct json *root = NULL;
    arena_init(&arena, 8 << 20);
    int rc = json_parse(&arena, slice_str(text), NULL, &root, e);
    if (rc == GIFD_OK) {
        number(root, "workers", &out->workers);
        const struct json *listen = json_get(root, "listen"), *http = json_get(root, "http"),
                          *log = json_get(root, "log");
        for (const struct json *v = listen ? listen->child : NULL; v && out->listen_count < LISTEN_MAX; v = v->next) {
            const struct json *address = v->type == JSON_OBJECT ? json_get(v, "address") : v;
            if (!address || address->type != JSON_STRING) continue;
            const struct json *proxied = v->type == JSON_OBJECT ? json_get(v, "proxy_protocol") : NULL;
            out->how[out->listen_count].proxied = proxied && proxied->type == JSON_BOOL && proxied->b;
            if (v->type == JSON_OBJECT) read_tls(v, out);
            snprintf(out->listen[out->listen_count++], sizeof out->listen[0], "%.*s", (int)address->s.n, address->s.p);
        }
        read_media(json_get(root, "media"), &out->media);
        read_plugins(json_get(root, "plugins"), out);
        read_texts(json_get(root, "plugin_dirs"), out);
        const struct json *reload = json_get(root, "reload");
        out->reload_auto = reload && reload->type == JSON_STRING && slice_is(reload->s, "auto");
        const struct json *trusted = json_get(root, "trusted_proxies");
        for (const struct json *v = trusted ? trusted->child : NULL; v && rc == GIFD_OK; v = v->next)
            rc = cidr_list_add(&out->trusted, v->type == JSON_STRING ? v->s : (struct slice){0}, e);
        if (rc < 0) err_wrap(e, "trusted_proxies");
        read_log(log, out);
        if (http) {
            number(http, "head_bytes", &out->http.head_bytes);
            number(http, "head_fields", &out->http.head_fields);
            number(http, "target_bytes", &out->http.target_bytes);
            number(http, "head_ms", &out->http.head_ms);
            number(http, "idle_ms", &out->http.idle_ms);
            number(http, "body_ms", &out->http.body_ms);
            number(http, "body_rate", &out->http.body_rate);
            number(http, "send_ms", &out->http.send_ms);
            number(http, "connections", &out->http.connections);
            number(http, "connections_per_address", &out->http.per_address);
            number(http, "drain_ms", &out->http.drain_ms);
        }
    }
    arena_free(&arena);
    return rc;
}
