/* app.h: what the roles of one server share. core/app is the only folder that sees all of core. */
#ifndef GIFD_APP_APP_H
#define GIFD_APP_APP_H

#include "base/err.h"
#include "base/segment.h"
#include "http/server.h"
#include "media/lanes.h"
#include "script/build.h"

#define GIFD_VERSION "0.1.0"
#define PATH_LEN 1024
#define LISTEN_MAX 16
#define PAIRS_MAX 32   /* certificates of all addresses */
#define SLOT_RANGE 64  /* slots of the segment that the processes of one program take: SEGMENT_SLOTS / 4 */
#define WORKERS_MAX 63 /* and the runner: SLOT_RANGE */
#define PLUGIN_DIRS_MAX 16
#define PLUGINS_MAX 128
#define PLUGIN_NAME_LEN 65

/* Exit codes of every command; docs/reference/cli.md. */
enum exit_code {
    EXIT_OK = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_CONFIG = 3,
    EXIT_NOT_FOUND = 4,
    EXIT_DENIED = 5,
    EXIT_CONFLICT = 6,
    EXIT_LIMIT = 7,
    EXIT_PARTLY = 8,
    EXIT_TRY_AGAIN = 75,
};

extern struct embedded_file embedded_files[]; /* generated; ended by path == NULL; not changed after start */

/* What the command line asks for; strings live as long as argv. */
struct serve_options {
    const char *config, *data, *root;
    const char *listen[LISTEN_MAX + 1];
    const char *plugin_dirs[PLUGIN_DIRS_MAX + 1];
    const char *tls_listen[LISTEN_MAX + 1];
    struct {
        const char *cert, *key;
        size_t listen; /* of tls_listen */
    } pairs[PAIRS_MAX];
    size_t pair_count;
    size_t plugin_dirs_given; /* by the command line; a reload may add more */
    uint32_t workers;         /* 0: as configured */
    bool dev;                 /* reload when a file changes, and say on stdout how it went */
    const char *trial;        /* run as the trial of a replacement (trial.c); NULL: serve */
    int argc;
    char **argv; /* all of it after the program's name, for a program that replaces this one */
};

/* The flat part of the checked settings, handed by the builder to the supervisor over a pipe. */
struct flat_settings {
    char digest[65];
    char bundle[PATH_LEN];
    uint32_t workers; /* 0: one per core */
    uint32_t listen_count;
    char listen[LISTEN_MAX][128];
    struct flat_listening {
        bool proxied, to_https; /* as of http_listening */
        uint32_t hsts_s;
        uint32_t tls_first, tls_count; /* of pairs */
    } how[LISTEN_MAX];
    struct tls_pair pairs[PAIRS_MAX];
    uint32_t pair_count;
    struct cidr_list trusted;
    struct http_limits http;
    struct lane_limits media;
    int32_t log_level, log_form; /* log_form -1: whatever suits */
    uint32_t log_burst;
    char log_file[512]; /* "": stderr */
    bool reload_auto;   /* when a file changes */
    uint32_t plugin_count;
    struct {
        char name[PLUGIN_NAME_LEN], version[33];
    } plugins[PLUGINS_MAX];
    uint32_t plugin_dir_count; /* of config.lua, as the builder found them */
    char plugin_dirs[PLUGIN_DIRS_MAX][PATH_LEN];
};

/* Data directory: one owner. Its generations are history.h. */
struct datadir {
    char path[PATH_LEN];
    int lock_fd;
};
int datadir_open(struct datadir *d, const char *path, struct err *e); /* makes it (0700) when missing */
/* GIFD_EBUSY with a text that names the holder. Writes our pid; kept until the process ends. */
int datadir_lock(struct datadir *d, struct err *e);
/* Writes the addresses listened on below the pid, for commands that want to name a URL. */
int datadir_publish(struct datadir *d, const char *const *urls, size_t count, struct err *e);
/* Addresses of the running server (its lock is held), as many as fit; 0 when none runs. */
size_t datadir_urls(const struct datadir *d, char urls[][160], size_t max);
void datadir_join(const struct datadir *d, const char *name, char out[PATH_LEN]);
/* Listens on DATA/name (mode 0600), in place of another that may be there. */
int datadir_socket(const struct datadir *d, const char *name, int type, int *out, struct err *e);
/* What a forked worker or runner starts with. */
struct process_context {
    const struct datadir *dir;
    const struct flat_settings *settings;
    uint64_t generation;
    const char *without; /* plugins that are switched off, a name a line */
    struct segment *segment;
    const char *const *urls;
    struct tls_tickets *tickets;
    int control_fd; /* to the supervisor */
    int wake_fd;
    const int *listen_fds; /* workers */
    size_t listen_count;
    uint32_t worker_count;
    uint32_t slot;       /* in the segment */
    uint32_t first_slot; /* of this program's processes: workers first + 0..n-1, the runner first + n */
    bool runner, dev;
};
_Noreturn void process_main(const struct process_context *c);

/* Messages between the supervisor and a process, one SOCK_SEQPACKET datagram each. */
enum control_type {
    CONTROL_READY = 1, /* process: serving */
    CONTROL_PREPARE, /* supervisor: load aside; text: the number, a space, the bundle; then a switched off plugin a line
                      */
    CONTROL_PREPARED, /* process: rc, text */
    CONTROL_COMMIT,   /* supervisor */
    CONTROL_ABANDON,  /* supervisor */
    CONTROL_DRAIN,    /* supervisor: finish and exit 0 */
    CONTROL_FAILED,   /* process: could not start; text says why */
    CONTROL_RETIRE,   /* supervisor: the same without hurry; text: "IDLE_MS TOTAL_MS" (http_server_retire) */
    CONTROL_BUILT,    /* trial: rc, text: the bundle, or the faults. rc 1: the segment is of another layout */
    CONTROL_MIGRATE,  /* supervisor */
    CONTROL_MIGRATED, /* trial: rc, text */
    CONTROL_STATUS,   /* supervisor: how are you; process: text: host_report */
};
/* Old and new programs speak this to each other: a change is a change of HANDOVER_VERSION. */
#define CONTROL_TEXT 4096
struct control_message {
    uint32_t type;
    int32_t rc;
    char text[CONTROL_TEXT];
};
int control_send(int fd, enum control_type type, int rc, const char *text);
/* 1: a message; 0: none now; -1: the other side is gone. */
int control_receive(int fd, struct control_message *m);

/* The builder as a process of its own. */
struct builder {
    int pid, fd;
    uint64_t deadline_ns;
};
#define REASONS_MAX 16384 /* the faults of a build, a line each; longer ones are cut */
struct builder_report {
    bool checks; /* a plugin of it has a check to run */
    int32_t rc;  /* GIFD_OK built; GIFD_EINVALID refused (text: the faults); else it could not be tried */
    uint32_t migrated;
    char text[REASONS_MAX];
    struct flat_settings settings;
};
/* From the files that o names, taking what has not changed from the bundle `live`; or, when bundle is not NULL, from
 * that one, which has served before. live: one that this program made, or NULL. */
int builder_start(struct builder *b, const struct datadir *d, const struct serve_options *o, const char *bundle,
                  const char *live, struct err *e);
/* 1: report filled; 0: not yet; -1: it died without one. */
int builder_poll(struct builder *b, struct builder_report *out);
int builder_migrate(struct builder *b); /* then builder_poll again for the outcome */
void builder_end(struct builder *b);    /* kills and reaps */
/* What the process does, for one that is the builder itself: builds into DATA/generations; applies a bundle's
 * migrations and runs its plugins' checks. The report's rc and text say how it went. */
void builder_make(const struct datadir *d, const struct serve_options *o, const char *live, struct builder_report *r);
int builder_apply(const struct datadir *d, struct builder_report *r);
/* A bundle's migrations, of the catalogue and of each plugin's database: all or none. Blocks. */
int migrations_apply(const struct datadir *d, const char *bundle, uint32_t *applied, struct err *e);
/* builder_check.c: GIFD_EINVALID: text gets the faults. */
int builder_check(const struct datadir *d, const char *bundle, char *text, size_t cap);
/* Fills the flat settings from the checked ones (JSON); also used by `gifd check`. */
int flat_settings_read(const char *json, struct flat_settings *out, struct err *e);

int supervisor_run(const struct serve_options *o);
int trial_run(const struct serve_options *o); /* see trial.c */
/* Flat settings of this very program, through memory that outlives an exec. */
int flat_settings_save(const struct flat_settings *f, int fd, struct err *e);
int flat_settings_restore(int fd, struct flat_settings *out, struct err *e);

/* For a forked process that does not exec: closes every descriptor but 0 to 2, the log's, and those in `keep` (-1 is
 * skipped). */
#define FDS_KEEP_MAX (LISTEN_MAX + 8)
void fds_keep_only(const int *keep, size_t count);

/* Runs one command of host Lua to its end in this process: opens the data directory's parts, loads `bundle`, waits for
 * its task. urls: NULL-terminated. segment may be NULL. Returns an exit code. */
int script_run(const struct datadir *d, const char *bundle, const char *const *urls, struct segment *segment,
               const char *command, int argc, char **argv);

/* Builds a generation into the data directory and applies its migrations, for a command that needs one. GIFD_EINVALID:
 * the faults of the configuration, in text. */
int script_build(const struct datadir *d, const struct serve_options *o, char bundle[PATH_LEN], struct err *e);

/* Command line: one entry per command (main.c), its function in cli_NAME.c. */
struct cli_command {
    const char *name;                  /* "noun", or "noun verb" */
    const char *usage, *summary;       /* usage: behind the name (usage.h) */
    const char *help;                  /* paragraphs and terms (main.c) */
    int (*run)(int argc, char **argv); /* argv[0] is the noun, argv[1] the verb; returns an enum exit_code */
    const char *section;               /* that begins here in an overview; NULL: it goes on */
};
struct cli_topic {
    const char *name, *summary, *help;
};
#define CLI_TOPICS "config, exit-codes, environment, output"
extern const struct cli_topic cli_topics[];     /* ended by name == NULL */
extern const char *const cli_common[];          /* options that mean the same everywhere, each with its meaning; NULL */
extern const struct cli_command cli_commands[]; /* ended by name == NULL */
int cli_serve(int argc, char **argv);
int cli_cert(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_config(int argc, char **argv);
int cli_script(int argc, char **argv); /* token, login: commands of host Lua */
int cli_lua(int argc, char **argv);
int cli_docs(int argc, char **argv);
/* Runs the file in argv by a command of host Lua; data: NULL for a directory that is thrown away. */
int cli_file(const char *command, const char *data, int argc, char **argv);
int cli_author(const char *command, int argc, char **argv);
int cli_live(int argc, char **argv);
int cli_log(int argc, char **argv);
int cli_up(int argc, char **argv);
int cli_plugin(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_media(int argc, char **argv); /* probe, ladder, fit, render: of files, without a server */
int cli_admin(int argc, char **argv); /* reload, rollback, status */
int cli_version(int argc, char **argv);
int cli_help(int argc, char **argv);
int cli_completion(int argc, char **argv);
/* verb NULL: the first of that noun. NULL: there is none. */
const struct cli_command *cli_find(const char *noun, const char *verb);
/* "gifd NAME: text" and "see 'gifd help NAME'" on stderr; EXIT_USAGE. */
int cli_usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int cli_exit_of(int err_code); /* an exit code for a code of err.h */

#endif
