/* rig_int.h: what the tests of this room stand on: a real loop, database, blobs and HTTP server in a temporary folder,
 * with Lua sources given inline. Only x_test.c files include it. */
#ifndef GIFD_SCRIPT_RIG_INT_H
#define GIFD_SCRIPT_RIG_INT_H

#include "base/clock.h"
#include "base/test.h"
#include "http/server.h"
#include "script/border.h"
#include "script/bundle_int.h"
#include "script/host_int.h"

#include <arpa/inet.h>
#include <lualib.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct rig {
    char dir[64];
    struct loop loop;
    struct db *db;
    struct blobs *blobs;
    struct media_pool *media; /* its process is not there */
    struct segment *segment;
    struct host *host;
    struct http_server *server;
    int port;
    unsigned bundles;
};

struct rig_file {
    const char *name, *text; /* "lua/gifd/x.lua" is compiled, others are taken as they are */
};

static inline int rig_dump(lua_State *L, const void *p, size_t n, void *out)
{
    (void)L;
    return buf_append(out, p, n, NULL) < 0;
}

/* Writes DIR/gen/N.gen and leaves its path. */
static inline void rig_bundle(struct rig *r, const struct rig_file *files, size_t count, char path[256])
{
    struct bundle_put put[16];
    struct buf code[16] = {0}, out;
    struct err e = {0};
    char dir[128], name[16];
    lua_State *L = luaL_newstate();
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(files[i].name);
        put[i] = (struct bundle_put){files[i].name, slice_str(files[i].text)};
        if (strcmp(files[i].name + n - 4, ".lua") != 0) continue;
        buf_init(&code[i], 1 << 20);
        lua_pushfstring(L, "@%s", files[i].name);
        if (luaL_loadbuffer(L, files[i].text, strlen(files[i].text), lua_tostring(L, -1)))
            fprintf(stderr, "%s\n", lua_tostring(L, -1));
        CHECK(lua_isfunction(L, -1));
        CHECK(lua_dump(L, rig_dump, &code[i]) == 0);
        put[i].bytes = buf_slice(&code[i]);
        lua_settop(L, 0);
    }
    put[count++] = (struct bundle_put){"settings.json", SLICE("{\"answer\":42,\"list\":[],\"none\":null}")};
    buf_init(&out, 8 << 20);
    CHECK(bundle__encode(put, count, &out, &e) == GIFD_OK);
    snprintf(dir, sizeof dir, "%s/gen", r->dir);
    snprintf(name, sizeof name, "%u", ++r->bundles);
    CHECK(bundle__write(dir, name, buf_slice(&out), path, 256, &e) == GIFD_OK);
    for (size_t i = 0; i < 16; i++) buf_free(&code[i]);
    buf_free(&out);
    lua_close(L);
}

static const char rig_sql[] = "CREATE TABLE cats(id INTEGER PRIMARY KEY, name TEXT UNIQUE, weight REAL, kind TEXT);";

static inline void rig_open(struct rig *r, const char *role, size_t memory_max, int wake_fd)
{
    struct err e = {0};
    char path[128];
    *r = (struct rig){.dir = "/tmp/gifd-script-XXXXXX"};
    CHECK(mkdtemp(r->dir));
    CHECK(loop_init(&r->loop, &e) == GIFD_OK);
    snprintf(path, sizeof path, "%s/c.db", r->dir);
    struct migration m = {"0001_cats", slice_str(rig_sql)};
    CHECK(db_migrate(path, &m, 1, &e) == 1);
    r->db = db_open(&r->loop, &(struct db_options){.path = path}, &e);
    CHECK(r->db);
    snprintf(path, sizeof path, "%s/blobs", r->dir);
    r->blobs = blobs_open(&r->loop, path, &e);
    CHECK(r->blobs);
    snprintf(path, sizeof path, "%s/segment", r->dir);
    r->segment = segment_open(path, true, &e);
    CHECK(r->segment);
    CHECK(limits_open(r->segment, &e) == GIFD_OK);
    snprintf(path, sizeof path, "%s/none.sock", r->dir);
    r->media = media_pool_new(&r->loop, path, 2, 2, &e);
    CHECK(r->media);
    struct host_services s = {.loop = &r->loop,
                              .db = r->db,
                              .blobs = r->blobs,
                              .media = r->media,
                              .segment = r->segment,
                              .role = role,
                              .wake_fd = wake_fd,
                              .data_dir = r->dir,
                              .version = "1.2.3",
                              .memory_max = memory_max};
    r->host = host_new(&s, &e);
    CHECK(r->host);
}

static inline void rig_serve(struct rig *r)
{
    struct err e = {0};
    char url[128];
    struct http_app app = host_app(r->host);
    r->server = http_server_new(&r->loop, &http_limits_default, &app, NULL, &e);
    CHECK(r->server);
    int fd = http_listen_socket("127.0.0.1:0", url, sizeof url, &e);
    CHECK(fd >= 0);
    CHECK(http_server_listen(r->server, fd, &e) == GIFD_OK);
    r->port = atoi(strrchr(url, ':') + 1);
}

static inline void rig_live(struct rig *r, const struct rig_file *files, size_t count)
{
    struct err e = {0};
    char path[256];
    rig_bundle(r, files, count, path);
    int rc = host_prepare(r->host, path, 0, NULL, &e);
    if (rc < 0) fprintf(stderr, "host_prepare: %s\n", e.text);
    CHECK(rc == GIFD_OK);
    host_commit(r->host);
}

static inline void rig_boot(struct rig *r, const char *boot)
{
    struct rig_file f = {"lua/gifd/boot.lua", boot};
    rig_live(r, &f, 1);
}

static inline void rig_close(struct rig *r)
{
    char command[128];
    if (r->server) http_server_free(r->server);
    host_free(r->host);
    media_pool_free(r->media);
    segment_close(r->segment);
    blobs_close(r->blobs);
    db_close(r->db);
    loop_close(&r->loop);
    snprintf(command, sizeof command, "rm -rf %s", r->dir);
    CHECK(system(command) == 0);
}

/* Turns the loop until *flag, at most 10 s. */
static inline void rig_until(struct rig *r, volatile bool *flag)
{
    uint64_t end = clock_mono_ns() + 10000000000ull;
    while (!*flag && clock_mono_ns() < end) {
        if (!uv_run(&r->loop.uv, UV_RUN_NOWAIT))
            usleep(200);
        else
            usleep(100);
    }
    CHECK(*flag);
}

static inline void rig_turn(struct rig *r, unsigned ms)
{
    uint64_t end = clock_mono_ns() + ms * 1000000ull;
    while (clock_mono_ns() < end) {
        uv_run(&r->loop.uv, UV_RUN_NOWAIT);
        usleep(200);
    }
}

/* ---- a client on a thread of its own ---- */

struct rig_client {
    struct rig *rig;
    pthread_t thread;
    const char *request;
    size_t n;
    bool leaves; /* resets the connection when told by rig_leave, without reading */
    volatile bool go;
    char *answer; /* whole, NUL-terminated */
    size_t answer_n;
    volatile bool done;
};

static inline void *rig_client_main(void *arg)
{
    struct rig_client *c = arg;
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)c->rig->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    size_t cap = 1 << 20, n = 0;
    c->answer = calloc(1, cap);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
        for (size_t at = 0; at < c->n;) {
            ssize_t k = send(fd, c->request + at, c->n - at, MSG_NOSIGNAL);
            if (k <= 0) break;
            at += (size_t)k;
        }
        struct linger reset = {1, 0};
        if (c->leaves) setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        while (c->leaves && !c->go) usleep(500);
        for (ssize_t k; !c->leaves && n < cap - 1 && (k = recv(fd, c->answer + n, cap - 1 - n, 0)) > 0;) n += (size_t)k;
    }
    close(fd);
    c->answer_n = n;
    c->done = true;
    return NULL;
}

static inline void rig_send(struct rig *r, struct rig_client *c, const char *request, size_t n, bool leaves)
{
    *c = (struct rig_client){.rig = r, .request = request, .n = n, .leaves = leaves};
    CHECK(pthread_create(&c->thread, NULL, rig_client_main, c) == 0);
}

static inline char *rig_answer(struct rig *r, struct rig_client *c)
{
    rig_until(r, &c->done);
    pthread_join(c->thread, NULL);
    return c->answer;
}

static inline void rig_leave(struct rig *r, struct rig_client *c)
{
    c->go = true;
    free(rig_answer(r, c));
}

/* Turns the loop until as many tasks are there, at most 10 s. */
static inline void rig_tasks(struct rig *r, size_t count)
{
    uint64_t end = clock_mono_ns() + 10000000000ull;
    while (r->host->tasks != count && clock_mono_ns() < end) rig_turn(r, 1);
    CHECK(r->host->tasks == count);
}

/* Sends one request with Connection: close and gives the whole answer, to be freed. */
static inline char *rig_request(struct rig *r, const char *method, const char *target, const char *headers,
                                const char *body)
{
    static char text[1 << 18];
    struct rig_client c;
    int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n%s", method, target,
                     headers ? headers : "");
    if (body)
        n += snprintf(text + n, sizeof text - (size_t)n, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    else
        n += snprintf(text + n, sizeof text - (size_t)n, "\r\n");
    rig_send(r, &c, text, (size_t)n, false);
    return rig_answer(r, &c);
}

static inline char *rig_get(struct rig *r, const char *target)
{
    return rig_request(r, "GET", target, NULL, NULL);
}

static inline const char *rig_body(const char *answer)
{
    const char *at = strstr(answer, "\r\n\r\n");
    return at ? at + 4 : "";
}

static inline int rig_status(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : 0;
}

/* Checks status and body of a GET. */
#define CHECK_GET(rig, target, status, body)                                                                           \
    do {                                                                                                               \
        char *answer_ = rig_get(rig, target);                                                                          \
        CHECK(rig_status(answer_) == (status));                                                                        \
        CHECK_STR(rig_body(answer_), body);                                                                            \
        free(answer_);                                                                                                 \
    } while (0)

#endif
