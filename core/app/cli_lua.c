/* cli_lua.c: commands of host Lua that need the media process, on a data directory or on one that is thrown away: one
 * Lua file with the primitives (`gifd lua`) or as a plugin's code (`gifd plugin run`), files in and files out (`gifd
 * probe`, `ladder`, `fit`, `render`), and what is stored (`gifd verify`). */
#include "app/supervisor.h"
#include "base/log.h"
#include "script/limits.h"

#include <ftw.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX 1024

struct asked {
    const char *command; /* "lua", "plugin run" */
    struct serve_options o;
    size_t plugin_dirs;
    char *rest[ARGS_MAX + 1]; /* FILE and what is its own */
    int count;
};

static int usage_error(const struct asked *a, const char *argument)
{
    return cli_usage(a->command, "unknown or incomplete option '%s'", argument);
}

/* Options up to FILE; behind it only --data is ours. */
static int read_options(int argc, char **argv, struct asked *a)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"data", required_argument, NULL, 'd'},
                                            {"plugins", required_argument, NULL, 'p'},
                                            {"root", required_argument, NULL, 'r'},
                                            {0}};
    optind = 1;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, "+", options, NULL)) != -1;) {
        if (c == 'c')
            a->o.config = optarg;
        else if (c == 'd')
            a->o.data = optarg;
        else if (c == 'r')
            a->o.root = optarg;
        else if (c == 'p' && a->plugin_dirs < PLUGIN_DIRS_MAX)
            a->o.plugin_dirs[a->plugin_dirs++] = optarg;
        else
            return usage_error(a, argv[optind - 1]);
    }
    bool own = true;
    for (int i = optind; i < argc; i++) {
        if (own && a->count && !strcmp(argv[i], "--")) {
            own = false;
        } else if (own && a->count && !strncmp(argv[i], "--data=", 7)) {
            a->o.data = argv[i] + 7;
        } else if (own && a->count && !strcmp(argv[i], "--data")) {
            if (++i == argc) return usage_error(a, "--data");
            a->o.data = argv[i];
        } else if (a->count < ARGS_MAX) {
            a->rest[a->count++] = argv[i];
        } else {
            return cli_usage(a->command, "more than %d arguments", ARGS_MAX);
        }
    }
    return a->count ? EXIT_OK : cli_usage(a->command, "which file?");
}

/* No server runs here, so that the media process is ours; it begins when it is asked for the first time. */
static pid_t begin_media(const struct datadir *d)
{
    int fd;
    struct err e = {0};
    if (datadir_socket(d, "media.sock", SOCK_SEQPACKET, &fd, &e) < 0) {
        log_warn("media.socket", LS("why", e.text));
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        struct pollfd asked = {.fd = fd, .events = POLLIN};
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (poll(&asked, 1, -1) < 1) {
        }
        children_exec_media(fd, NULL);
    }
    close(fd);
    return pid;
}

static int run_on(const char *path, struct asked *a)
{
    struct err e = {0};
    struct datadir d;
    char bundle[PATH_LEN], segment_path[PATH_LEN], urls[LISTEN_MAX][160];
    const char *list[LISTEN_MAX + 1] = {0};
    if (datadir_open(&d, path, &e) < 0 || script_build(&d, &a->o, bundle, &e) < 0) {
        fprintf(stderr, "gifd %s: %s\n", a->command, e.text);
        return e.code == GIFD_EINVALID ? EXIT_CONFIG : cli_exit_of(e.code);
    }
    size_t n = datadir_urls(&d, urls, LISTEN_MAX);
    for (size_t i = 0; i < n; i++) list[i] = urls[i];
    datadir_join(&d, "segment", segment_path);
    struct segment *s = segment_open(segment_path, n == 0, &e);
    if (s && n == 0 && limits_open(s, &e) < 0) {
        segment_close(s);
        s = NULL;
    }
    if (!s) {
        fprintf(stderr, "gifd %s: %s\n", a->command, e.text);
        return cli_exit_of(e.code);
    }
    pid_t media = n == 0 ? begin_media(&d) : -1;
    int code = script_run(&d, bundle, list, s, a->command, a->count, a->rest);
    if (media > 0 && kill(media, SIGKILL) == 0) waitpid(media, NULL, 0);
    segment_close(s);
    return code;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static int killed_by; /* a signal that has to end the child too */

static void on_signal(int number)
{
    killed_by = number;
}

/* A child runs the script, so that the directory goes whatever becomes of it. memory: better in memory than on disk. */
static int run_on_nothing(struct asked *a, bool memory)
{
    char path[PATH_LEN];
    const char *tmp = getenv("TMPDIR");
    struct sigaction action = {.sa_handler = on_signal};
    if (!tmp || !*tmp) tmp = memory && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, sizeof path, "%s/gifd-lua-XXXXXX", tmp);
    if (!mkdtemp(path)) {
        fprintf(stderr, "gifd %s: %s: %m\n", a->command, path);
        return EXIT_FAILED;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGTERM, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        exit(run_on(path, a));
    }
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (killed_by) kill(pid, killed_by);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (pid > 0 && WIFEXITED(status)) return WEXITSTATUS(status);
    fprintf(stderr, "gifd %s: ended by %s\n", a->command, pid > 0 ? strsignal(WTERMSIG(status)) : "want of memory");
    return EXIT_FAILED;
}

static int begin(struct asked *a)
{
    log_role_set(a->command);
    log_level_set(LOG_WARN);
    signal(SIGPIPE, SIG_IGN);
    return a->o.data ? run_on(a->o.data, a) : run_on_nothing(a, false);
}

int cli_file(const char *command, const char *data, int argc, char **argv)
{
    static struct asked a;
    a = (struct asked){.command = command, .o = {.root = getenv("GIFD_ROOT"), .data = data}};
    int code = read_options(argc, argv, &a);
    return code == EXIT_OK ? begin(&a) : code;
}

/* The arguments are the command's own, but for --data where it works on one. */
static int run_command(bool stored, int argc, char **argv)
{
    static struct asked a;
    a = (struct asked){.command = argv[0], .o = {.root = getenv("GIFD_ROOT")}};
    if (stored && !(a.o.data = getenv("GIFD_DATA"))) a.o.data = "data";
    for (int i = 1; i < argc; i++) {
        if (stored && !strncmp(argv[i], "--data=", 7)) {
            a.o.data = argv[i] + 7;
        } else if (stored && !strcmp(argv[i], "--data")) {
            if (++i == argc) return usage_error(&a, "--data");
            a.o.data = argv[i];
        } else if (a.count < ARGS_MAX) {
            a.rest[a.count++] = argv[i];
        } else {
            return cli_usage(a.command, "more than %d arguments", ARGS_MAX);
        }
    }
    return begin(&a);
}

int cli_media(int argc, char **argv)
{
    return run_command(false, argc, argv);
}

int cli_verify(int argc, char **argv)
{
    return run_command(true, argc, argv);
}

/* new and test: their words are read by host Lua, but for --root. The config.lua that happens to be here, and the data
 * directory, are none of theirs. */
int cli_author(const char *command, int argc, char **argv)
{
    static struct asked a;
    a = (struct asked){.command = command, .o = {.root = getenv("GIFD_ROOT")}};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--root")) {
            if (++i == argc) return usage_error(&a, "--root");
            a.o.root = argv[i];
        } else if (a.count < ARGS_MAX) {
            a.rest[a.count++] = argv[i];
        }
    }
    log_role_set(command);
    log_level_set(LOG_CRITICAL);
    signal(SIGPIPE, SIG_IGN);
    return run_on_nothing(&a, true);
}

int cli_lua(int argc, char **argv)
{
    return cli_file("lua", getenv("GIFD_DATA"), argc, argv);
}

int cli_docs(int argc, char **argv)
{
    return cli_file("docs", NULL, argc, argv);
}
