/* cli_doctor.c: `gifd doctor`: what on this machine keeps gifd from working well, each finding with what mends it.
 *
 * A check is a row of `checks` and adds findings: ok, warn (works, but not as well or as safely as it could) or fail.
 * Nothing is changed, apart from a file that comes and goes in the data directory. What gifd-media can do is asked of
 * gifd-media itself (--walls), behind its own walls; a server that runs is asked in doctor_live.c. Run it as the user
 * who runs the server. */
#include "app/doctor_int.h"
#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RESERVE_BYTES (UINT64_C(256) << 20) /* uploads.disk_reserve as shipped */
#define ROOM_BYTES (UINT64_C(4) << 30)
#define DESCRIPTORS_LEAST 4096
#define DESCRIPTORS_GOOD 65536
#define MEDIA_LINES 64
#define ANSWER_MAX 65536
#define EARLIEST 1767225600 /* 2026-01-01: earlier than any gifd */

static const char *const state_names[] = {"ok", "warn", "fail"};

struct finding *doctor__find(struct doctor *d, enum doctor_state state, const char *name, const char *fmt, ...)
{
    va_list ap;
    if (d->count == DOCTOR_FINDINGS_MAX) d->count--;
    struct finding *f = &d->finding[d->count++];
    *f = (struct finding){.state = state};
    snprintf(f->name, sizeof f->name, "%s", name);
    va_start(ap, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    return f;
}

void doctor__mend(struct finding *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->mend, sizeof f->mend, fmt, ap);
    va_end(ap);
}

/* The data directory, or the folder where it will be made. */
static void nearest(const struct doctor *d, char out[PATH_LEN])
{
    snprintf(out, PATH_LEN, "%s", d->data);
    while (access(out, F_OK) < 0 && errno == ENOENT && strcmp(out, ".") != 0 && strcmp(out, "/") != 0) {
        char copy[PATH_LEN];
        snprintf(copy, sizeof copy, "%s", out);
        snprintf(out, PATH_LEN, "%s", dirname(copy));
    }
}

static void check_data(struct doctor *d)
{
    char folder[PATH_LEN], path[PATH_LEN + 32];
    struct stat st;
    nearest(d, folder);
    snprintf(path, sizeof path, "%s/.doctor-%d", folder, (int)getpid());
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600), why = errno;
    if (fd < 0) {
        doctor__mend(doctor__find(d, FAIL, "data", "%s cannot be written to: %s", folder, strerror(why)),
                     "chown %d:%d '%s' && chmod u+rwx '%s', or gifd serve --data with another folder", (int)getuid(),
                     (int)getgid(), folder, folder);
        return;
    }
    bool synced = fsync(fd) == 0;
    close(fd);
    unlink(path);
    if (!synced)
        doctor__mend(doctor__find(d, FAIL, "data", "%s cannot be synced to its disk", folder),
                     "gifd serve --data on a local disk");
    else if (strcmp(folder, d->data) != 0)
        doctor__find(d, OK, "data", "%s is not there yet; it can be made", d->data);
    else
        doctor__find(d, OK, "data", "%s can be written to", d->data);
    if (stat(d->data, &st) == 0 && (st.st_mode & 077))
        doctor__mend(doctor__find(d, WARN, "data.private", "%s may be entered by others", d->data), "chmod 700 '%s'",
                     d->data);
}

static void check_disk(struct doctor *d)
{
    char folder[PATH_LEN];
    struct statvfs v;
    nearest(d, folder);
    if (statvfs(folder, &v) < 0) return;
    uint64_t room = (uint64_t)v.f_bavail * v.f_frsize;
    enum doctor_state state = room < RESERVE_BYTES ? FAIL : room < ROOM_BYTES ? WARN : OK;
    struct finding *f = doctor__find(d, state, "disk", "%" PRIu64 " MiB are free under %s", room >> 20, folder);
    if (state != OK)
        doctor__mend(f,
                     "make room there, or gifd serve --data on a larger disk (uploads stop at uploads.disk_reserve)");
    if (v.f_favail && v.f_favail < 10000)
        doctor__mend(
            doctor__find(d, WARN, "disk.files", "%" PRIu64 " more files fit under %s", (uint64_t)v.f_favail, folder),
            "remove files there, or make a file system with more inodes");
}

static void check_descriptors(struct doctor *d)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) < 0) return;
    enum doctor_state state = r.rlim_max < DESCRIPTORS_LEAST ? FAIL : r.rlim_max < DESCRIPTORS_GOOD ? WARN : OK;
    struct finding *f =
        doctor__find(d, state, "descriptors", "a process may have %llu open files", (unsigned long long)r.rlim_max);
    if (state != OK)
        doctor__mend(f, "LimitNOFILE=%d in the systemd unit, or ulimit -Hn %d before gifd serve", DESCRIPTORS_GOOD,
                     DESCRIPTORS_GOOD);
}

static const struct {
    const char *name;
    enum doctor_state without;
    const char *mend;
} walls[] = {
    {"calls", FAIL, "a kernel with CONFIG_SECCOMP_FILTER, and no container profile that refuses seccomp()"},
    {"landlock", WARN, "a kernel of 5.13 or later with CONFIG_SECURITY_LANDLOCK, started with lsm=landlock,..."},
    {"user", FAIL, "let gifd start as root with CAP_SETUID and CAP_SETGID, or as an ordinary user"},
    {"capabilities", FAIL, "remove AmbientCapabilities from the systemd unit"},
    {"privileges", FAIL, "a kernel of 3.5 or later"},
    {"limits", FAIL, "gifd-media of a build without sanitizers"},
    {"descriptors", FAIL, "a kernel of 5.9 or later (close_range)"},
    {"any", FAIL, "gifd-media --walls says more; a container needs setuid, setgid and seccomp"},
};

static void on_wall(struct doctor *d, const char *name, bool stands, const char *detail)
{
    char full[40];
    snprintf(full, sizeof full, "wall.%.30s", name);
    for (size_t i = 0; i < sizeof walls / sizeof *walls; i++) {
        if (strcmp(walls[i].name, name) != 0) continue;
        struct finding *f =
            doctor__find(d, stands ? OK : walls[i].without, full, "%s%s", stands ? "" : "missing: ", detail);
        if (!stands) doctor__mend(f, "%s", walls[i].mend);
    }
}

static void on_codec(struct doctor *d, const char *kind, const char *name, bool there)
{
    bool needed = strcmp(kind, "encoder") == 0 || strcmp(name, "h264") == 0 || strcmp(name, "png") == 0 ||
                  strcmp(name, "vp8") == 0 || strcmp(name, "vp9") == 0;
    char full[40];
    snprintf(full, sizeof full, "%.10s.%.20s", kind, name);
    if (!there)
        doctor__mend(doctor__find(d, needed ? FAIL : WARN, full, "libavcodec has none"),
                     "a libavcodec built with the %s %s (Debian's and Ubuntu's are)", kind, name);
}

static void on_media_line(struct doctor *d, const char *line, size_t *codecs)
{
    char kind[16], name[32], there[8];
    int at = 0;
    if (sscanf(line, "%15s %31s %7s %n", kind, name, there, &at) < 3) return;
    bool yes = strcmp(there, "yes") == 0;
    if (strcmp(kind, "wall") == 0) {
        on_wall(d, name, yes, line + at);
    } else {
        on_codec(d, kind, name, yes);
        *codecs += yes;
    }
}

/* A program beside this one ("gifd-media"), or this one; its standard output. quiet: what it says of errors is ours to
 * say. */
static FILE *run(const char *name, char *const argv[], bool quiet, pid_t *pid)
{
    char self[PATH_LEN], program[PATH_LEN + 16];
    int out[2];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    snprintf(program, sizeof program, "%s/%s", dirname(self), name);
    if (pipe2(out, O_CLOEXEC) < 0) return NULL;
    *pid = fork();
    if (*pid == 0) {
        int nowhere = quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -1;
        dup2(out[1], STDOUT_FILENO);
        if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
        execv(argv[0][0] == '/' ? argv[0] : program, argv);
        _exit(127);
    }
    close(out[1]);
    return fdopen(out[0], "r");
}

static void check_media(struct doctor *d)
{
    char line[256];
    pid_t pid = -1;
    size_t codecs = 0;
    int status = -1;
    FILE *f = run("gifd-media", (char *[]){"gifd-media", "--walls", NULL}, false, &pid);
    for (int i = 0; f && i < MEDIA_LINES && fgets(line, sizeof line, f); i++) {
        line[strcspn(line, "\n")] = 0;
        on_media_line(d, line, &codecs);
    }
    if (f) fclose(f);
    if (pid > 0) waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
        doctor__mend(doctor__find(d, FAIL, "media", "gifd-media does not start"),
                     "put gifd-media beside gifd, of the same build");
    else if (codecs)
        doctor__find(d, OK, "codecs", "%zu decoders and encoders", codecs);
}

static void check_clock(struct doctor *d)
{
    struct timex t = {0};
    if (time(NULL) < EARLIEST)
        doctor__mend(doctor__find(d, FAIL, "clock", "the clock is before 2026: signed links and expiry cannot hold"),
                     "timedatectl set-ntp true");
    else if (adjtimex(&t) == TIME_ERROR || t.status & STA_UNSYNC)
        doctor__mend(doctor__find(d, WARN, "clock", "no time service keeps the clock right"),
                     "timedatectl set-ntp true");
    else
        doctor__find(d, OK, "clock", "kept right by a time service");
}

/* ---- what the configuration says of the world outside, as `gifd config explain` tells it ---- */

struct slice doctor__run(char *const argv[], struct arena *a, int *status)
{
    char *text = arena_alloc(a, ANSWER_MAX);
    pid_t pid = -1;
    size_t n = 0;
    FILE *f = run("gifd", argv, true, &pid);
    if (f && text) n = fread(text, 1, ANSWER_MAX, f);
    if (f) fclose(f);
    *status = -1;
    if (pid > 0) waitpid(pid, status, 0);
    return text && WIFEXITED(*status) && WEXITSTATUS(*status) == EXIT_OK ? slice_of(text, n) : SLICE("");
}

/* What is to be said of a key, in a; NULL: the configuration has faults. */
static const struct json *explained(const struct doctor *d, struct arena *a, const char *key, int *status)
{
    struct json *root = NULL;
    struct slice text = doctor__run((char *[]){"/proc/self/exe", "config", "explain", (char *)(uintptr_t)key, "--json",
                                               d->config ? "--config" : NULL, (char *)(uintptr_t)d->config, NULL},
                                    a, status);
    return text.n && json_parse(a, text, NULL, &root, NULL) == GIFD_OK ? root : NULL;
}

/* The value of a key; NULL: the configuration has faults, or says nothing. */
static const struct json *setting(const struct doctor *d, struct arena *a, const char *key, int *status)
{
    const struct json *root = explained(d, a, key, status);
    return root ? json_get(root, "value") : NULL;
}

/* Whether every address is of this machine only. */
static bool only_here(const struct json *listen)
{
    for (const struct json *at = listen ? listen->child : NULL; at; at = at->next) {
        const struct json *text = at->type == JSON_OBJECT ? json_get(at, "address") : at;
        if (!text || text->type != JSON_STRING) continue;
        if (!slice_starts(text->s, SLICE("127.")) && !slice_starts(text->s, SLICE("[::1]")) &&
            !slice_starts(text->s, SLICE("localhost")))
            return false;
    }
    return true;
}

static void check_address(struct doctor *d)
{
    struct arena a;
    int status;
    arena_init(&a, 1 << 20);
    const struct json *listen = setting(d, &a, "listen", &status);
    if (!listen) {
        doctor__mend(
            doctor__find(d, FAIL, "configuration", "%s has faults", d->config ? d->config : "the configuration"),
            "gifd check%s%s", d->config ? " --config " : "", d->config ? d->config : "");
        arena_free(&a);
        return;
    }
    const struct json *base = setting(d, &a, "site.base_url", &status);
    const struct json *proxies = setting(d, &a, "trusted_proxies", &status);
    bool named = base && base->type == JSON_STRING, here = only_here(listen), trusts = proxies && proxies->child;
    if (named) {
        snprintf(d->base_url, sizeof d->base_url, "%.*s", (int)base->s.n, base->s.p);
        for (size_t n = strlen(d->base_url); n && d->base_url[n - 1] == '/';) d->base_url[--n] = 0;
    }
    if (named && !slice_starts(base->s, SLICE("https://")))
        doctor__mend(doctor__find(d, WARN, "base_url", "links begin with %.*s: previews and browsers want https",
                                  (int)base->s.n, base->s.p),
                     "site = { base_url = \"https://...\" } in config.lua");
    else if (named)
        doctor__find(d, OK, "base_url", "links begin with %.*s", (int)base->s.n, base->s.p);
    else if (here)
        doctor__find(d, OK, "base_url", "links follow the address that is asked; only this machine can ask");
    else
        doctor__mend(doctor__find(d, WARN, "base_url", "links follow the address that is asked"),
                     "site = { base_url = \"https://...\" } in config.lua");
    if (here && named && !trusts)
        doctor__mend(doctor__find(d, WARN, "proxies",
                                  "only this machine reaches it, and no proxy's Forwarded or X-Forwarded-For counts: "
                                  "all visitors are one address to limits"),
                     "trusted_proxies = { \"127.0.0.0/8\", \"::1\" } in config.lua");
    else
        doctor__find(d, OK, "proxies", trusts ? "headers of the configured proxies count" : "none is in front");
    arena_free(&a);
}

/* Who looks at pixels, what becomes of those that nobody looks at, and which plugin lacks a setting. */
static void check_pixels(struct doctor *d)
{
    struct arena a;
    int status;
    arena_init(&a, 1 << 20);
    const struct json *root = explained(d, &a, "unseen", &status);
    const struct json *by = root ? json_get(root, "pixels") : NULL, *text = root ? json_get(root, "sight") : NULL;
    const struct json *lacking = root ? json_get(root, "lacking") : NULL, *how = root ? json_get(root, "mend") : NULL;
    for (const struct json *why = lacking ? lacking->child : NULL; why; why = why->next)
        doctor__mend(doctor__find(d, WARN, "plugin", "%.*s", (int)why->s.n, why->s.p),
                     "the setting in config.lua, then gifd reload");
    if (text && how) {
        struct finding *f = doctor__find(d, by && by->child ? OK : WARN, "pixels", "%.*s", (int)text->s.n, text->s.p);
        if (f->state != OK) doctor__mend(f, "%.*s", (int)how->s.n, how->s.p);
    }
    arena_free(&a);
}

static void (*const checks[])(struct doctor *d) = {check_data,   check_disk,          check_descriptors,
                                                   check_clock,  check_media,         check_address,
                                                   check_pixels, doctor__check_names, doctor__check_server};

static void print_text(const struct doctor *d)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct finding *f = &d->finding[i];
        printf("%-4s  %-20s %s\n", state_names[f->state], f->name, f->text);
        if (f->mend[0]) printf("      %-20s mend: %s\n", "", f->mend);
    }
}

static void put_text(struct json_writer *w, const char *key, const char *text)
{
    json_write_key(w, slice_str(key));
    json_write_string(w, slice_str(text));
}

static int print_json(const struct doctor *d, bool ok)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, 1 << 20);
    json_write_begin(&w, &out, NULL);
    json_write_object(&w);
    json_write_key(&w, slice_str("ok"));
    json_write_bool(&w, ok);
    json_write_key(&w, slice_str("findings"));
    json_write_array(&w);
    for (size_t i = 0; i < d->count; i++) {
        const struct finding *f = &d->finding[i];
        json_write_object(&w);
        put_text(&w, "name", f->name);
        put_text(&w, "state", state_names[f->state]);
        put_text(&w, "text", f->text);
        if (f->mend[0]) put_text(&w, "mend", f->mend);
        json_write_object_end(&w);
    }
    json_write_array_end(&w);
    json_write_object_end(&w);
    int rc = json_write_end(&w);
    if (rc == GIFD_OK) printf("%s\n", buf_str(&out));
    buf_free(&out);
    return rc;
}

int cli_doctor(int argc, char **argv)
{
    static struct doctor d;
    const char *data = getenv("GIFD_DATA");
    bool json = false, ok = true;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--json"))
            json = true;
        else if (!strcmp(argv[i], "--data") && i + 1 < argc)
            data = argv[++i];
        else if (!strcmp(argv[i], "--config") && i + 1 < argc)
            d.config = argv[++i];
        else
            return cli_usage("doctor", "'%s' is not known", argv[i]);
    }
    if (snprintf(d.data, sizeof d.data, "%s", data ? data : "data") >= PATH_LEN)
        return cli_usage("doctor", "--data is too long");
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) checks[i](&d);
    for (size_t i = 0; i < d.count; i++) ok &= d.finding[i].state != FAIL;
    if (json && print_json(&d, ok) < 0) return EXIT_FAILED;
    if (!json) print_text(&d);
    return ok ? EXIT_OK : EXIT_FAILED;
}
