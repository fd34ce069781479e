/* main.c: gifd's command line: one table, one function per command. */
#include "app/app.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct cli_command cli_commands[] = {
    {"serve",
     "gifd serve [--config FILE] [--data DIR] [--listen ADDR:PORT]... [--workers N] [--plugins DIR]... [--root DIR] "
     "[--dev]",
     "run the server",
     "Serves until TERM or INT, which let requests finish (a second one ends at once). HUP (or 'gifd reload') reads "
     "the\n"
     "configuration, the plugins and host Lua again; when anything is wrong, what runs goes on. USR2 puts the\n"
     "program that is now at this one's path in its place, without dropping a connection.\n"
     "Prints `ready http://ADDR:PORT` for each address; port 0 picks a free one.\n\n"
     "  --config FILE   config.lua; without it the defaults hold\n"
     "  --data DIR      where everything is kept (default: ./data, or GIFD_DATA)\n"
     "  --listen A:P    instead of the configured addresses; may be repeated\n"
     "  --workers N     worker processes (default: as configured, else one per core)\n"
     "  --plugins DIR   a folder of plugin folders; may be repeated, later ones win\n"
     "  --root DIR      read host Lua and bundled plugins from a checkout\n"
     "  --dev           reload when a file changes, and say on stdout how it went\n",
     cli_serve},
    {"reload", "gifd reload [--data DIR | --server URL --token T] [--plugins DIR]... [--json]",
     "put changed configuration, plugins and host Lua into effect",
     "Waits for the outcome: 0 when all processes serve the new generation, 1 with every reason when it was\n"
     "refused; what served then goes on.\n\n"
     "  --data DIR      of the running server (default: ./data, or GIFD_DATA)\n"
     "  --server URL    instead of --data, with --token T (or GIFD_TOKEN) of the scope admin\n"
     "  --plugins DIR   a further folder of plugin folders, from now on; may be repeated\n"
     "  --json          {\"generation\":N,...}, or "
     "{\"error\":\"refused\",\"faults\":[{\"file\",\"line\",\"message\"}]}\n",
     cli_admin},
    {"rollback", "gifd rollback [GENERATION] [--data DIR | --server URL --token T] [--json]",
     "bring back what served before",
     "The snapshot before the live one, or the named one, serves again, whatever has become of its files; under a\n"
     "new number, and until the next reload or restart reads the files. The last 8 are kept ('gifd status').\n",
     cli_admin},
    {"status", "gifd status [--data DIR | --server URL --token T] [--json]",
     "show generations, plugins and processes of a running server",
     "The live generation, those that still finish requests and what holds them, why the last reload was refused,\n"
     "plugins that are switched off and why, and every process.\n",
     cli_admin},
    {"plugin",
     "gifd plugin run FILE | enable NAME [--data DIR | --server URL --token T] [--json] |\n"
     "                   purge NAME [--data DIR] [--force]",
     "try code as a plugin's; switch a plugin on again; remove what it has stored",
     "  run      runs FILE as a plugin's code: in its environment (and print), within its budgets; then the function\n"
     "           that it returns, or the global `run`, which it may write. Exits 1 with the error on stderr\n"
     "  enable   a plugin that brings processes down three times in ten minutes is switched off; 'gifd status' says\n"
     "           why\n"
     "  purge    removes the plugin's database, its kv values with it. Refused while the running server has the\n"
     "           plugin; on a stopped one that had it last, --force is asked for\n",
     cli_plugin},
    {"check", "gifd check [--config FILE] [--plugins DIR]... [--root DIR] [--json]",
     "check a configuration and its plugins without serving",
     "Builds a generation and throws it away. Prints every fault with file, line and the nearest valid\n"
     "word, and exits 3 when there is one.\n\n"
     "  --json   {\"faults\":[{\"file\",\"line\",\"path\",\"message\",\"nearest\"}]}\n",
     cli_check},
    {"config",
     "gifd config explain KEY | diff | schema | reference [--config FILE] [--plugins DIR]... [--root DIR]\n"
     "                   [--listen ADDR:PORT] [--workers N] [--json]",
     "say what is configured, why, and what could be",
     "  explain    the value of KEY, where it comes from (a line of the file, the default, the environment, the\n"
     "             command line) and what it is for; as in: gifd config explain uploads.max_bytes\n"
     "             Exits 4 when there is no such key, with the nearest one\n"
     "  diff       each key that is not as shipped\n"
     "  schema     JSON Schema (draft 2020-12) of config.lua, with the plugins that there are\n"
     "  reference  the same for people, in Markdown\n\n"
     "  --listen, --workers   as for 'gifd serve', which they override the file for\n"
     "  --json     {\"key\",\"value\",\"origin\",\"doc\",\"type\",\"default\",\"written\"}; of diff: one line for each "
     "key\n\n"
     "Secrets are told as ***.\n",
     cli_config},
    {"up",
     "gifd up FILE... [--title T] [--tags a,b] [--description D] [--visibility V] [--server URL] [--token T] [--json]",
     "upload files and print their links",
     "Uploads each FILE and prints its URL on stdout; progress goes to stderr on a terminal.\n\n"
     "  --server URL    default http://127.0.0.1:8080, or GIFD_SERVER\n"
     "  --token T       default GIFD_TOKEN\n"
     "  --json          print the server's answer, one line per file\n\n"
     "Exits 0 when all were taken, 8 when some were, else with the reason's code (see 'gifd help exit-codes').\n",
     cli_up},
    {"token", "gifd token create --data DIR --scopes a,b [--name N] [--expires 30d] | list | revoke ID",
     "make, list and revoke API tokens",
     "Works while the server runs. `create` prints only the token; it is stored hashed and cannot be shown again.\n"
     "Scopes: admin (everything), trusted (uploads are approved), upload, read.\n",
     cli_script},
    {"keys", "gifd keys list | rotate [--kid NAME] [--secret TEXT] | revoke NAME, each with --data DIR",
     "list, rotate and revoke the keys of signed URLs",
     "A running server follows within a second.\n\n"
     "  list     name, state (signing, verifying, revoked), when it was made and changed; the newest first\n"
     "  rotate   a new key signs from now on, and its name is printed; the one before verifies what it signed\n"
     "  revoke   what NAME has signed is refused; its secret is forgotten. If it was the signing one, the next\n"
     "           URL that is signed gets a new key\n\n"
     "  --kid NAME     instead of a random name\n"
     "  --secret TEXT  instead of a random key: one that another program signs with, 16 to 256 bytes\n",
     cli_script},
    {"limits", "gifd limits show [KEY] | reset KEY | reset --all, each with --data DIR [--json]",
     "show and forget what rate limits have counted",
     "KEY is ip:ADDRESS, user:NAME, token:ID or route:\"METHOD /pattern\". Works on the memory of the running "
     "server.\n\n"
     "  show KEY    of each limit that counts KEY: what is left, when all of it is back, whether it is admitted\n"
     "  show        the limits that hold, and how full their memory is\n"
     "  reset KEY   as if KEY had never asked; --all: as if nobody had\n"
     "  --json      for programs\n",
     cli_live},
    {"jobs",
     "gifd jobs list [--state S] [--type T] [--limit N] | show ID | retry ID | cancel ID | tail ID | metrics,\n"
     "     each with --data DIR [--json]",
     "show, cancel and repeat durable work",
     "  list     the newest first, 50 of them; --type is render, ladder, judge or PLUGIN/JOB\n"
     "  show     all that is known of one, with the last 8 KiB of its log\n"
     "  retry    what has failed, was cancelled or is parked is pending again\n"
     "  cancel   what runs is stopped within a second\n"
     "  tail     follows one to its end: exit 0 when it is completed\n"
     "  metrics  how many run, wait and have run, and how long they take\n"
     "  --json   for programs, an object a line\n",
     cli_live},
    {"plugins", "gifd plugins list | graph, each with --data DIR [--json]",
     "show what plugins do, in which order, and how long it takes",
     "Of the generation that is live; numbers are since the shared memory was made.\n\n"
     "  list    each plugin with its calls, failures and time\n"
     "  graph   each hook with the plugins in their order, routes, jobs with their next time, each with its numbers\n"
     "  --json  for programs\n",
     cli_live},
    {"lua", "gifd lua [--data DIR] [--config FILE] [--plugins DIR]... [--root DIR] FILE [ARG]...",
     "run a Lua file with gifd's primitives",
     "FILE runs in host Lua: gifd.* and require are there, print writes to stdout, arg and ... are the ARGs.\n"
     "The exit code is the number that it returns, or os.exit(N); 1 after an error, which is told with file and "
     "line.\n\n"
     "  --data DIR      the data directory to work on, also beside a running server; without it an empty one, which\n"
     "                  goes when the script ends. Also taken behind FILE, unless behind --\n"
     "  --config FILE   config.lua; without it the defaults hold\n"
     "  --plugins DIR, --root DIR   as for 'gifd serve'\n",
     cli_lua},
    {"docs", "gifd docs --root CHECKOUT FOLDER", "write the reference pages and the editors' annotations",
     "Below FOLDER: docs/reference and lua/gifd/types, from the tables by which calls are checked. './dev docs' calls\n"
     "it in a checkout.\n",
     cli_docs},
    {"login", "gifd login --data DIR", "print a one-time sign-in link for the pages",
     "The link is good for 30 minutes and for one use.\n", cli_script},
    {"probe", "gifd probe FILE [--json]", "say what a media file is",
     "Type, size, frames, duration, how long each frame is shown, how often it plays, whether it is transparent.\n"
     "Exits 1 with the reason when it would be refused. Needs no server.\n",
     cli_media},
    {"ladder", "gifd ladder FILE DIR [--json]", "make all that pages, platforms and pickers ask for of a file",
     "Writes each one of the default ladder as DIR/NAME.EXT and prints its facts, and which ones cannot be and why.\n"
     "Needs no server.\n\n"
     "  --json  one object for programs\n",
     cli_media},
    {"fit", "gifd fit FILE --under SIZE [-o OUT] [--floor SSIM] [--json]", "make a GIF, WebP or film fit a size",
     "OUT (default: FILE-fit.EXT) is of the type that its name says. What fits already is copied as it is. Needs no\n"
     "server. Exits 7 when it cannot fit without falling below the floor.\n\n"
     "  --under SIZE   8MB, 256KB, 500KiB or bytes\n"
     "  --floor SSIM   0.5 to 0.999: how like the source it must stay\n",
     cli_media},
    {"render", "gifd render FILE --recipe JSON -o OUT [--json]", "make one thing of a file by a recipe",
     "JSON names what to make and how, as {\"gif\": {\"width\": 320}}; fields that are unknown or contradict each "
     "other\n"
     "are refused by name. Needs no server.\n\n"
     "  transcode  container (mp4, webm, webp), video, audio, bitrate or crf or quality, width, height, fps, from, to, "
     "loop\n"
     "  thumbnail  at, width, height, format (jpeg, png, webp)\n"
     "  gif        width, height, fps, from, to, colors, dither, lossy, budget, floor, loop\n"
     "  frames     count or times, width, height, format; OUT is a folder\n",
     cli_media},
    {"verify", "gifd verify ID... [--data DIR]", "prove that what is stored is what it should be",
     "Hashes each original again and compares it with its id, which is the beginning of its SHA-256; then makes again\n"
     "what was made of it and compares the bytes, or says that other versions made them.\n"
     "Exits 0 when all are unaltered, 1 when one is altered, 4 when there is none of that id.\n",
     cli_verify},
    {"doctor", "gifd doctor [--data DIR] [--json]", "say what on this machine keeps gifd from working well",
     "Looks at the data directory, its disk, the limit of open files, the walls around decoders and the codecs. Each\n"
     "finding is ok, warn or fail, and what is not ok ends with what mends it. Run it as the server's user.\n"
     "Exits 0 when nothing fails, 1 when something does.\n\n"
     "  --data DIR   default: ./data, or GIFD_DATA\n"
     "  --json       {\"ok\":true,\"findings\":[{\"name\",\"state\",\"text\",\"mend\"}]}\n",
     cli_doctor},
    {"version", "gifd version", "print the version", "", cli_version},
    {"help", "gifd help [TOPIC]", "explain a command", "", cli_help},
    {0},
};

static const char exit_codes[] = "  0   ok\n"
                                 "  1   failed\n"
                                 "  2   the command line is wrong\n"
                                 "  3   the configuration is wrong\n"
                                 "  4   not found\n"
                                 "  5   denied (sign in, or a wider token)\n"
                                 "  6   conflict (it exists already)\n"
                                 "  7   a limit was reached\n"
                                 "  8   some of it was done\n"
                                 "  75  try again later\n";

const struct cli_command *cli_find(const char *name)
{
    for (const struct cli_command *c = cli_commands; c->name; c++)
        if (!strcmp(c->name, name)) return c;
    return NULL;
}

int cli_usage(const char *command, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fprintf(stderr, "gifd %s: ", command);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "\nsee 'gifd help %s'\n", command);
    va_end(ap);
    return EXIT_USAGE;
}

int cli_exit_of(int code)
{
    switch (code) {
    case GIFD_OK: return EXIT_OK;
    case GIFD_ENOTFOUND: return EXIT_NOT_FOUND;
    case GIFD_EDENIED:
    case GIFD_EUNAUTHORIZED: return EXIT_DENIED;
    case GIFD_ECONFLICT: return EXIT_CONFLICT;
    case GIFD_ETOOBIG:
    case GIFD_ELIMITED: return EXIT_LIMIT;
    case GIFD_EBUSY:
    case GIFD_ETIMEOUT:
    case GIFD_ENOSPACE:
    case GIFD_EREFUSED: return EXIT_TRY_AGAIN;
    default: return EXIT_FAILED;
    }
}

int cli_version(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("gifd %s\n", GIFD_VERSION);
    return EXIT_OK;
}

/* Edits between two short words, for "did you mean". */
static size_t distance(const char *a, const char *b)
{
    size_t row[32], m = strlen(b);
    if (m >= 32) return m;
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[m];
}

static int unknown(const char *word)
{
    const struct cli_command *nearest = NULL;
    size_t best = 3;
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        size_t d = distance(word, c->name);
        if (d < best) best = d, nearest = c;
    }
    fprintf(stderr, "gifd: no command '%s'", word);
    if (nearest) fprintf(stderr, " (did you mean '%s'?)", nearest->name);
    fprintf(stderr, "\nsee 'gifd help'\n");
    return EXIT_USAGE;
}

int cli_help(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "exit-codes")) {
        fputs(exit_codes, stdout);
        return EXIT_OK;
    }
    if (argc > 1) {
        const struct cli_command *c = cli_find(argv[1]);
        if (!c) return unknown(argv[1]);
        printf("%s\n\n%s.\n%s%s", c->usage, c->summary, *c->help ? "\n" : "", c->help);
        return EXIT_OK;
    }
    printf("gifd: your media, your links.\n\n");
    for (const struct cli_command *c = cli_commands; c->name; c++) printf("  gifd %-10s %s\n", c->name, c->summary);
    printf("\n'gifd help COMMAND' explains one; 'gifd help exit-codes' lists the exit codes.\n");
    return EXIT_OK;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        cli_help(1, argv);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) name = "help";
    if (!strcmp(name, "--version")) name = "version";
    for (int i = 2; i < argc; i++)
        if (!strcmp(argv[i], "--help")) return cli_help(2, (char *[]){argv[0], argv[1]});
    const struct cli_command *c = cli_find(name);
    argv[1] = (char *)name;
    return c ? c->run(argc - 1, argv + 1) : unknown(name);
}
