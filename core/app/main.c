/* main.c: gifd's command line: one table, one function per command.
 *
 * The table is all that there is to know about a command. `usage` is read by usage.h: it says which options and words
 * are taken, which is checked here, before the command runs. `help` is paragraphs (lines at the margin) and terms (two
 * spaces, the term, two spaces or more, what it means; a line each, folded when shown). manual.h makes of it what
 * people, man and shells want; docs/reference/cli.md is printed from it too. */
#include "app/app.h"
#include "app/manual.h"
#include "app/usage.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DATA "[--data DIR] "
#define BUILD "[--config FILE] [--plugins DIR]... [--root DIR] "
#define RUNNING "[--data DIR | --server URL --token T] "
#define JSON "[--json]"
#define DECIDE "[KIND] ID [--reason CODE] [--notes TEXT] [--category C] [--cluster] [--based-on SCAN] " DATA JSON
#define DECIDE_HELP                                                                                                    \
    "ID is an asset's id or a share's code. Takes effect in a running server before it returns. Exits 6 when a "       \
    "person has decided already.\n\n"                                                                                  \
    "  --reason CODE  of your policy: the owner reads it\n"                                                            \
    "  --notes TEXT  for reviewers\n"                                                                                  \
    "  --cluster  the same for all that is nearly the same picture\n"                                                  \
    "  --based-on SCAN  the scan_id of the decision that you have seen\n"

const struct cli_command cli_commands[] = {
    {"serve",
     "[--config FILE] [--data DIR] [--listen ADDR:PORT]... [--tls-listen ADDR:PORT --tls-cert FILE --tls-key FILE]... "
     "[--workers N] [--plugins DIR]... [--root DIR] [--dev]",
     "run the server",
     "Serves until TERM or INT, which let requests finish (a second one ends at once). HUP (or 'gifd reload') reads "
     "the "
     "configuration, the plugins and host Lua again; when anything is wrong, what runs goes on. USR2 puts the program "
     "that is now at this one's path in its place, without dropping a connection.\n"
     "Prints `ready http://ADDR:PORT` (or https) for each address; port 0 picks a free one.\n\n"
     "  --listen ADDR:PORT  instead of the configured addresses; may be repeated\n"
     "  --tls-listen ADDR:PORT  the same with TLS, and --tls-cert and --tls-key behind it: a certificate with its "
     "chain "
     "and its key, both in PEM. A second pair serves whoever asks for a name in it, the first everybody else\n"
     "  --workers N  worker processes (default: as configured, else one per core)\n"
     "  --dev  reload when a file changes, and say on stdout how it went\n",
     cli_serve, "Serving"},
    {"reload", RUNNING "[--plugins DIR]... " JSON, "put changed configuration, plugins and host Lua into effect",
     "Waits for the outcome: 0 when all processes serve the new generation, 1 with every reason when it was refused; "
     "what served then goes on. 'gifd check' says beforehand whether it would be.\n\n"
     "  --plugins DIR  a further folder of plugin folders, from now on; may be repeated\n"
     "  --json  {\"generation\":N,...}, or {\"error\":\"refused\",\"faults\":[{\"file\",\"line\",\"message\"}]}\n",
     cli_admin, NULL},
    {"rollback", "[GENERATION] [--dry-run] " RUNNING JSON, "bring back what served before",
     "The snapshot before the live one, or the named one, serves again, whatever has become of its files; under a new "
     "number, and until the next reload or restart reads the files. The last 8 are kept ('gifd status').\n",
     cli_admin, NULL},
    {"status", RUNNING JSON, "show generations, plugins and processes of a running server",
     "The live generation, those that still finish requests and what holds them, why the last reload was refused, "
     "plugins that are switched off and why, and every process.\n",
     cli_admin, NULL},
    {"doctor", "[--config FILE] " DATA JSON, "say what on this machine keeps gifd from working well",
     "Looks at the data directory, its disk, the limit of open files, the clock, the walls around decoders, the "
     "codecs, and what the configuration says of addresses and proxies; where a server runs on the data, at what it "
     "says of itself, at whether its public address leads to it and tells it who asks, and at what chat "
     "programs are shown of its newest share. Each finding is ok, warn or fail, and what is not ok "
     "ends with what mends it. Run it as the server's user. Exits 0 when nothing fails, 1 when something does.\n\n"
     "  --config FILE  the configuration that the server is given\n"
     "  --json  {\"ok\":true,\"findings\":[{\"name\",\"state\",\"text\",\"mend\"}]}\n",
     cli_doctor, NULL},
    {"log level", "[MODULE] [LEVEL] [--for TIME] [--data DIR] " JSON, "show or change what is logged, for a while",
     "MODULE is the first word of an event: http for http.request. LEVEL is debug, info, warn, error, critical, or "
     "default for what the configuration says. All processes of the running server follow at once. Without MODULE: the "
     "levels that hold.\n\n"
     "  --for TIME  how long, such as 30s, 10m or 2h (default: 10m)\n"
     "  --json  {\"level\",\"modules\":{MODULE:{\"level\",\"seconds_left\"}}}\n",
     cli_log, NULL},
    {"check", BUILD JSON, "check a configuration and its plugins without serving",
     "Builds a generation and throws it away. Prints every fault with file, line and the nearest valid word, and exits "
     "3 "
     "when there is one.\n\n"
     "  --json  {\"faults\":[{\"file\",\"line\",\"path\",\"message\",\"nearest\"}]}\n",
     cli_check, "Configuration"},
    {"config explain", "KEY " BUILD "[--listen ADDR:PORT] [--workers N] " JSON, "say what a key is set to, and why",
     "The value of KEY, where it comes from (a line of the file, the default, the environment, the command line) and "
     "what "
     "it is for; as in: gifd config explain uploads.max_bytes. Exits 4 when there is no such key, with the nearest "
     "one. "
     "Secrets are told as ***.\n\n"
     "  --listen ADDR:PORT, --workers N  as for 'gifd serve', which they override the file for\n"
     "  --json  an object with key, value, origin, doc, type, default, written\n",
     cli_config, NULL},
    {"config diff", BUILD "[--listen ADDR:PORT] [--workers N] " JSON, "list each key that is not as shipped",
     "  --json  one object a line, as of explain\n", cli_config, NULL},
    {"config schema", BUILD, "print the JSON Schema of config.lua", "Draft 2020-12, with the plugins that there are.\n",
     cli_config, NULL},
    {"config reference", BUILD, "print every key for people, in Markdown", "", cli_config, NULL},
    {"token create", "--scopes A,B [--name N] [--account NAME] [--expires TIME] " DATA JSON, "make an API token",
     "Works while the server runs. Prints only the token; it is stored hashed and cannot be shown again.\n\n"
     "  --scopes A,B  admin (everything), moderate (decides), audit (reads the audit log), metrics (reads /metrics), "
     "trusted (uploads are "
     "approved), upload, read\n"
     "  --expires TIME  such as 30d or 12h (default: never)\n"
     "  --account NAME  whose token it is (default: the operator's)\n",
     cli_script, "People, keys and limits"},
    {"token list", DATA JSON, "list API tokens", "", cli_script, NULL},
    {"token revoke", "ID [--dry-run] " DATA JSON, "take a token back",
     "ID is the number that 'gifd token list' prints.\n", cli_script, NULL},
    {"login", "[--account NAME] [--url URL] " DATA JSON, "print a one-time sign-in link for the pages",
     "The link is good for 30 minutes and for one use.\n\n"
     "  --account NAME  whom it signs in (default: the operator)\n"
     "  --url URL  what the link begins with (default: as configured)\n",
     cli_script, NULL},
    {"cert show", "FILE [--key FILE] " JSON, "say what a certificate is for, and until when",
     "FILE: PEM, as for 'serve --tls-cert'.\n\n"
     "  --key FILE  whether that is its key, too\n",
     cli_cert, NULL},
    {"keys list", DATA JSON, "list the keys of signed URLs",
     "Name, state (signing, verifying, revoked), when it was made and changed; the newest first.\n", cli_script, NULL},
    {"keys rotate", "[--kid NAME] [--secret TEXT] [--dry-run] " DATA JSON, "sign with a new key from now on",
     "Prints the new key's name. The one before verifies what it signed. A running server follows within a second.\n\n"
     "  --kid NAME  instead of a random name\n"
     "  --secret TEXT  instead of a random key: one that another program signs with, 16 to 256 bytes\n",
     cli_script, NULL},
    {"keys revoke", "NAME [--dry-run] " DATA JSON, "refuse what a key has signed",
     "Its secret is forgotten. If it was the signing one, the next URL that is signed gets a new key. A running server "
     "follows within a second.\n",
     cli_script, NULL},
    {"limits show", "[KEY] " DATA JSON, "show what rate limits have counted",
     "KEY is ip:ADDRESS, user:NAME, token:ID or route:\"METHOD /pattern\": of each limit that counts it, what is left, "
     "when all of it is back, whether it is admitted. Without one: the limits that hold, and how full their memory is. "
     "Works on the memory of the running server.\n",
     cli_live, NULL},
    {"limits reset", "KEY | --all [--dry-run] " DATA JSON, "forget what rate limits have counted",
     "As if KEY had never asked.\n\n"
     "  --all  as if nobody had\n",
     cli_live, NULL},
    {"moderate queue", "[--kind asset|share] [--category C] [--state S] [--limit N] " DATA JSON,
     "list what waits for a reviewer, the riskiest first",
     "What is flagged, escalated or appealed; with --state also what is pending or quarantined.\n\n"
     "  --state flagged|escalated|appealed|pending|quarantined  only these\n"
     "  --limit N  how many (default: 50)\n",
     cli_live, "Moderation"},
    {"moderate show", "[KIND] ID " DATA JSON, "tell how a thing was judged and decided",
     "ID is an asset's id or a share's code.\n", cli_live, NULL},
    {"moderate approve", DECIDE, "let an asset or a share be seen", DECIDE_HELP, cli_live, NULL},
    {"moderate reject", DECIDE, "take an asset or a share down", DECIDE_HELP, cli_live, NULL},
    {"moderate quarantine", DECIDE, "take a thing aside: only reviewers see it", DECIDE_HELP, cli_live, NULL},
    {"moderate escalate", DECIDE, "put a thing first in the queue, for somebody else", DECIDE_HELP, cli_live, NULL},
    {"moderate undo", "[KIND] ID [--notes TEXT] [--cluster] [--based-on SCAN] " DATA JSON,
     "take the standing decision back",
     "The thing is as it was before.\n\n"
     "  --cluster  also what was decided with it of nearly the same pictures\n"
     "  --based-on SCAN  only if this decision still stands\n",
     cli_live, NULL},
    {"moderate stats", DATA JSON, "count what was judged, and how often people agree with judges", "", cli_live, NULL},
    {"moderate rescan", "[--dry-run] [--since TIME] [--judge NAME] [--no-wait] " DATA JSON,
     "have judges look again at what they had decided",
     "Rules have changed: each thing that judges and no person have decided is judged anew, by a job of the running "
     "server. Prints what has changed.\n\n"
     "  --dry-run  changes nothing: prints what would\n"
     "  --since TIME  only what was made since, such as 7d, 2030-01-31 or 2030-01-31T12:00:00Z\n"
     "  --judge NAME  asks this judge alone; what others have said still counts\n"
     "  --no-wait  prints the job and leaves it to itself: 'gifd jobs tail ID'\n",
     cli_live, NULL},
    {"moderate explain", "TEXT " DATA JSON, "tell what the judge of words says of a text",
     "Which rule matched where, as a title would be judged. Nothing is written; no server is needed.\n\n"
     "  --json  {\"decision\", \"category\", \"confidence\", \"matches\": [{rule, category, field, from, to, text, "
     "list}]}\n",
     cli_live, NULL},
    {"moderate hashes",
     "ACTION [FILE | ID...] [--list ban|allow] [--sha256 HEX | --pdq HEX | --asset ID] "
     "[--distance N] [--reason TEXT] [--category C] [--limit N] " DATA JSON,
     "ban or allow content by what it is or looks like",
     "ACTION is list, add, remove, import or export. What is banned is refused when it is uploaded, and what is there "
     "is rejected; what is allowed is approved "
     "whatever "
     "judges say. FILE is CSV: its first line names the columns list, kind (sha256, pdq), hash, distance, category, "
     "reason; of these hash is needed. Lines that are wrong are told with their numbers, the others count, and the "
     "exit code is 8. export writes such a file. remove takes ids as list prints them, or an --asset.\n\n"
     "  --list ban|allow  which list; import: of lines that name none\n"
     "  --sha256 HEX, --pdq HEX  add: a digest, or what a picture looks like\n"
     "  --asset ID  add: one that is here, by its digest and its looks\n"
     "  --distance N  bits of 256 in which a picture may differ, 0 to 64 (default: 31)\n"
     "  --category C  what is wrong with it (default: unknown)\n"
     "  --limit N  how many are listed (default: 50)\n",
     cli_verify, NULL},
    {"audit list",
     "[--asset ID] [--user NAME] [--moderator NAME] [--type T] [--from TIME] [--to TIME] [--limit N] " DATA JSON,
     "list what has changed, the newest first",
     "TIME is as 2030-01-31 or 2030-01-31T12:00:00Z, or how long ago: 7d.\n\n"
     "  --asset ID  what was done to an asset and to shares of it\n"
     "  --user NAME  what was done to what an account has\n"
     "  --moderator NAME  what an account did\n"
     "  --type T  such as share.create\n"
     "  --limit N  how many (default: 50)\n",
     cli_script, "Audit"},
    {"audit verify", "[--anchor ID:MAC] " DATA JSON, "prove that the audit log is as it was written",
     "Looks at every row. Exits 1 and names the first row that was changed, removed or moved. An entry that was put at "
     "the end by somebody without the key is found too, and an end that was cut off.\n\n"
     "  --anchor ID:MAC  what 'gifd audit anchor' printed once: that row must be there\n",
     cli_script, NULL},
    {"audit anchor", "[--accept] " DATA JSON, "print the end of the audit log, to be kept elsewhere",
     "A line ID:MAC and its time. Whoever has it can prove later that nothing before was rewritten, even by somebody "
     "with the key.\n\n"
     "  --accept  after an older copy of the database was put back: its end counts from now on. That is an entry too\n",
     cli_script, NULL},
    {"audit export",
     "[--format ndjson|csv] [--asset ID] [--user NAME] [--moderator NAME] [--type T] [--from TIME] [--to TIME] " DATA
         JSON,
     "write out the audit log, the oldest first", "All of it, or what the filters leave.\n", cli_script, NULL},
    {"audit report", "[--from TIME] [--to TIME] " DATA JSON, "count what was done in a time, by type and by decision",
     "The default is the last 30 days.\n", cli_script, NULL},
    {"jobs list", "[--state pending|running|completed|failed|cancelled|parked] [--type T] [--limit N] " DATA JSON,
     "list durable work, the newest first",
     "  --type T  render, ladder, judge or PLUGIN/JOB\n"
     "  --limit N  how many (default: 50)\n",
     cli_live, "Work"},
    {"jobs show", "ID " DATA JSON, "tell all that is known of a job", "Also the last 8 KiB of its log.\n", cli_live,
     NULL},
    {"jobs retry", "ID " DATA JSON, "have a job tried again",
     "What has failed, was cancelled or is parked is pending again.\n", cli_live, NULL},
    {"jobs cancel", "ID " DATA JSON, "cancel a job", "What runs is stopped within a second.\n", cli_live, NULL},
    {"jobs tail", "ID " DATA JSON, "follow a job to its end", "Exits 0 when it is completed.\n", cli_live, NULL},
    {"jobs metrics", DATA JSON, "say how many jobs run, wait and have run, and how long they take", "", cli_live, NULL},
    {"plugin list", DATA JSON, "list plugins with their calls, failures and time",
     "Of the generation that is live; numbers are since the shared memory was made.\n", cli_live, "Plugins"},
    {"plugin graph", DATA JSON, "show which plugin runs where, in which order, and how long it takes",
     "Each hook with the plugins in their order, routes, jobs with their next time, each with its numbers.\n", cli_live,
     NULL},
    {"plugin new", "NAME [--kind judge|publisher|route|job] [--dir DIR] [--root DIR]", "write a plugin that works",
     "As DIR/NAME: manifest, code, a spec that passes, a README, and what editors and luacheck need. Exits 6 when it "
     "is "
     "there already.\n\n"
     "  --kind judge|publisher|route|job  what it does first (default: judge)\n"
     "  --dir DIR  the folder of plugin folders (default: plugins)\n",
     cli_plugin, NULL},
    {"plugin test", "NAME|DIR [--filter TEXT] [--file FILE] [--record] [--root DIR] " JSON, "run a plugin's specs",
     "Those of its folder spec, inside this program, on a data directory that is thrown away. NAME stands for "
     "plugins/NAME. docs/reference/testing.md says what a spec can say.\n\n"
     "  --filter TEXT  only tests whose names have it\n"
     "  --file FILE  only this spec\n"
     "  --record  make the tapes of what other servers say anew\n"
     "  --json  {\"name\",\"ok\",\"message\",\"seconds\"}, one line a test\n",
     cli_plugin, NULL},
    {"plugin trace", "NAME " DATA JSON, "follow what a plugin does, live",
     "Calls of its parts (hooks, routes, jobs), queries and fetches, each with its time when it has ended, until "
     "Ctrl-C. "
     "What is bound to a statement, values of kv, bodies, and what is behind the ? of a URL are not told. It costs "
     "nothing while nobody follows; what "
     "comes faster than it can be told is counted.\n\n"
     "  --json  one object a line: at, kind, what, seconds, result, error, request_id\n",
     cli_live, NULL},
    {"trace tail", "[--slow TIME] [--route TEXT] [--data DIR] " JSON, "follow traces as they end, live",
     "Each request and job of the running server when it is done, with its parts: hooks, queries, fetches, media work; "
     "until Ctrl-C. What comes faster than it can be told is left out. It costs nothing while nobody follows.\n\n"
     "  --slow TIME  only what took longer, such as 250ms or 2s\n"
     "  --route TEXT  only what has TEXT in its route or path\n"
     "  --json  one object a trace: {\"spans\":[...]} as OTLP has them\n",
     cli_live, NULL},
    {"plugin run", BUILD "FILE [ARG]...", "run a file as a plugin's code",
     "In a plugin's environment (and print), within its budgets; then the function that it returns, or the global "
     "`run`, "
     "which it may write. Exits 1 with the error on stderr.\n",
     cli_plugin, NULL},
    {"plugin enable", "NAME " RUNNING JSON, "switch a plugin on again",
     "A plugin that brings processes down three times in ten minutes is switched off; 'gifd status' says why.\n",
     cli_plugin, NULL},
    {"plugin purge", "NAME [--force] [--dry-run] " DATA JSON, "remove what a plugin has stored",
     "Its database, and its kv values with it. Refused while the running server has the plugin.\n\n"
     "  --force  also on a stopped server that had it last\n",
     cli_plugin, NULL},
    {"up", "FILE... [--title T] [--tags A,B] [--description D] [--visibility V] [--server URL] [--token T] " JSON,
     "upload files and print their links",
     "Uploads each FILE and prints its URL on stdout; progress goes to stderr on a terminal. Exits 0 when all were "
     "taken, "
     "8 when some were, else with the reason's code.\n\n"
     "  --server URL  default http://127.0.0.1:8080, or GIFD_SERVER\n"
     "  --json  the server's answer, one line per file\n",
     cli_up, "Files"},
    {"probe", "FILE " JSON, "say what a media file is",
     "Type, size, frames, duration, how long each frame is shown, how often it plays, whether it is transparent. Exits "
     "1 "
     "with the reason when it would be refused. Needs no server.\n",
     cli_media, NULL},
    {"ladder", "FILE DIR " JSON, "make all that pages, platforms and pickers ask for of a file",
     "Writes each one of the default ladder as DIR/NAME.EXT and prints its facts, and which ones cannot be and why. "
     "What takes more than two minutes is given up, and with it what has more work of the same format. Needs no "
     "server.\n\n"
     "  --json  one object for programs\n",
     cli_media, NULL},
    {"fit", "FILE --under SIZE [-o OUT] [--floor SSIM] " JSON, "make a GIF, WebP or film fit a size",
     "OUT (default: FILE-fit.EXT) is of the type that its name says. What fits already is copied as it is. Needs no "
     "server. Exits 7 when it cannot fit without falling below the floor.\n\n"
     "  --under SIZE  8MB, 256KB, 500KiB or bytes\n"
     "  --floor SSIM  0.5 to 0.999: how like the source it must stay\n",
     cli_media, NULL},
    {"render", "FILE --recipe TEXT -o OUT " JSON, "make one thing of a file by a recipe",
     "TEXT is JSON that names what to make and how, as {\"gif\": {\"width\": 320}}; fields that are unknown or "
     "contradict "
     "each other are refused by name. Needs no server.\n\n"
     "  transcode  container (mp4, webm, webp), video, audio, bitrate or crf or quality, width, height, fps, from, to, "
     "loop\n"
     "  thumbnail  at, width, height, format (jpeg, png, webp)\n"
     "  gif  width, height, fps, from, to, colors, dither, lossy, budget, floor, loop\n"
     "  frames  count or times, width, height, format; OUT is a folder\n",
     cli_media, NULL},
    {"verify", "ID... " DATA JSON, "prove that what is stored is what it should be",
     "Hashes each original again and compares it with its id, which is the beginning of its SHA-256; then makes again "
     "what was made of it and compares the bytes, or says that other versions made them. Exits 0 when all are "
     "unaltered, "
     "1 when one is altered, 4 when there is none of that id.\n",
     cli_verify, NULL},
    {"unfurl", "[CODE] [--as PLATFORM,...] [--url URL] " DATA JSON, "tell what chat programs would show of a link",
     "What each program that previews links is offered for a share: title, picture, film, whether it moves there, and "
     "which of the platform's rules are broken. CODE is the share's code or its address; without it, the newest share"
     " that strangers may see.\n\n"
     "  --as PLATFORM,...  only these; a name that is none is told with those that are\n"
     "  --url URL  what addresses begin with (default: as configured)\n"
     "  --json  one object, as of GET /api/v1/shares/CODE/unfurl\n",
     cli_verify, NULL},
    {"stats top", "[views|plays|clicks|ctr|play_rate] [--limit N] " DATA JSON, "list what leads",
     "As of the moment that is told: it is found out about once a second, more seldom where that takes long.\n",
     cli_script, "Numbers"},
    {"stats show", "[CODE | ID] " DATA JSON, "views, plays and clicks of a share, an asset or all",
     "By platform, by verdict (who it was) and by the reason of the verdict.\n", cli_script, NULL},
    {"stats export", "[CODE | ID] [--format ndjson|csv] [--from TIME] [--to TIME] " DATA,
     "print each view, play and click", "The oldest first, all of them.\n", cli_script, NULL},
    {"stats verify", "[--mend] " DATA JSON, "add everything up again and compare",
     "Exits 1 when a sum is not that of its rows.\n\n  --mend  make all sums again\n", cli_script, NULL},
    {"stats reclassify", "[--since TIME] [--dry-run] " DATA JSON, "judge again who asked, by the rules of now",
     "After rules of evidence have changed: what was counted is judged again by what its asker said, and sums "
     "follow.\n\n"
     "  --since TIME  only what was counted from then on\n"
     "  --dry-run     only say how much it is\n",
     cli_script, NULL},
    {"lua", "[--data DIR] " BUILD "FILE [ARG]...", "run a Lua file with gifd's primitives",
     "FILE runs in host Lua: gifd.* and require are there, print writes to stdout, arg and ... are the ARGs. The exit "
     "code "
     "is the number that it returns, or os.exit(N); 1 after an error, which is told with file and line.\n\n"
     "  --data DIR  the data directory to work on, also beside a running server; without it an empty one, which goes "
     "when "
     "the script ends. Also taken behind FILE, unless behind --\n",
     cli_lua, "This program"},
    {"docs", "--root DIR FOLDER", "write the reference pages and the editors' annotations",
     "Below FOLDER: docs/reference and lua/gifd/types, from the tables by which calls are checked. './dev docs' calls "
     "it "
     "in a checkout.\n",
     cli_docs, NULL},
    {"help", "[TOPIC]... [--man | --markdown]", "explain a command or a topic",
     "TOPIC is a command, such as `keys` or `keys rotate`, or one of: " CLI_TOPICS ".\n\n"
     "  --man  all of it as a page for man; as in: gifd help --man | man -l -\n"
     "  --markdown  all of it as docs/reference/cli.md\n",
     cli_help, NULL},
    {"completion", "bash|zsh|fish", "print what makes a shell complete gifd's commands",
     "  bash  source <(gifd completion bash), in ~/.bashrc\n"
     "  zsh  gifd completion zsh >FOLDER/_gifd, in a FOLDER of $fpath\n"
     "  fish  gifd completion fish >~/.config/fish/completions/gifd.fish\n",
     cli_completion, NULL},
    {"version", JSON, "print the version", "", cli_version, NULL},
    {0},
};

const struct cli_topic cli_topics[] = {
    {"config", "how gifd is configured",
     "config.lua returns a table of data; each key has a default. It sees `env`, `secret` and `file` and nothing else "
     "of "
     "the machine. 'gifd check' prints every fault at once; a running server takes a change with 'gifd reload', or "
     "keeps "
     "what it has.\n"},
    {"exit-codes", "what the exit code of each command means",
     "  0  ok\n"
     "  1  failed\n"
     "  2  the command line is wrong\n"
     "  3  the configuration is wrong\n"
     "  4  not found\n"
     "  5  denied (sign in, or a wider token)\n"
     "  6  conflict (it exists already)\n"
     "  7  a limit was reached\n"
     "  8  some of it was done\n"
     "  75  try again later\n"},
    {"environment", "variables that are read",
     "  GIFD_DATA  instead of --data\n"
     "  GIFD_SERVER, GIFD_TOKEN  instead of --server and --token\n"
     "  GIFD_ROOT  instead of --root\n"
     "  NO_COLOR  no colours, when it is set to anything; there are none without a terminal either\n"
     "  TMPDIR  where commands that need no server keep what they work on\n"},
    {"output", "what goes where",
     "Data goes to stdout and talk to stderr, so that what stdout has can be piped on. With --json, stdout has one "
     "object; "
     "of a list, one object a line. Bars and colours are for terminals only.\n"
     "With --dry-run, a command says on stderr what it would do, does not do it, and exits as it would have.\n"},
    {0},
};

const char *const cli_common[] = {
    "--config FILE",
    "config.lua; without it the defaults hold",
    "--data DIR",
    "where everything is kept (default: ./data, or GIFD_DATA)",
    "--plugins DIR",
    "a folder of plugin folders; may be repeated, later ones win",
    "--root DIR",
    "read host Lua and bundled plugins from a checkout",
    "--server URL",
    "instead of --data, with a token of the scope admin",
    "--token T",
    "default GIFD_TOKEN",
    "--dry-run",
    "say what would be done, and leave it",
    "--json",
    "for programs; of a list, one object a line",
    NULL,
};

static size_t noun_length(const struct cli_command *c)
{
    return strcspn(c->name, " ");
}

static bool noun_is(const struct cli_command *c, const char *noun)
{
    size_t n = noun_length(c);
    return strlen(noun) == n && !strncmp(c->name, noun, n);
}

static const char *verb_of(const struct cli_command *c)
{
    const char *space = strchr(c->name, ' ');
    return space ? space + 1 : NULL;
}

const struct cli_command *cli_find(const char *noun, const char *verb)
{
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        const char *own = verb_of(c);
        if (noun_is(c, noun) && (!own || !verb || !strcmp(own, verb))) return c;
    }
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
    bool json = argc > 1 && !strcmp(argv[1], "--json");
    printf(json ? "{\"name\":\"gifd\",\"version\":\"%s\"}\n" : "gifd %s\n", GIFD_VERSION);
    return EXIT_OK;
}

static int unknown(const char *noun, const char *word)
{
    struct nearest near = nearest_begin(word);
    for (const struct cli_command *c = cli_commands; c->name; c++)
        if (!noun)
            nearest_try(&near, c->name, noun_length(c));
        else if (noun_is(c, noun))
            nearest_try(&near, verb_of(c), strlen(verb_of(c)));
    fprintf(stderr, "gifd%s%s: no command '%s'", noun ? " " : "", noun ? noun : "", word);
    if (near.n) fprintf(stderr, " (did you mean '%.*s'?)", (int)near.n, near.best);
    fprintf(stderr, "\nsee 'gifd help%s%s'\n", noun ? " " : "", noun ? noun : "");
    return EXIT_USAGE;
}

static int no_verb(const char *noun)
{
    const char *between = "say ";
    fprintf(stderr, "gifd %s: ", noun);
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (!noun_is(c, noun)) continue;
        fprintf(stderr, "%s%s", between, verb_of(c));
        between = (c + 1)->name && (c + 2)->name && noun_is(c + 1, noun) && noun_is(c + 2, noun) ? ", " : " or ";
    }
    fprintf(stderr, "\nsee 'gifd help %s'\n", noun);
    return EXIT_USAGE;
}

int cli_help(int argc, char **argv)
{
    const char *words[2] = {NULL, NULL};
    int count = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--man")) return manual_man(stdout);
        if (!strcmp(argv[i], "--markdown")) return manual_markdown(stdout);
        if (count < 2) words[count++] = argv[i];
    }
    if (!count) return manual_overview(stdout);
    if (manual_topic(stdout, words[0], words[1])) return EXIT_OK;
    bool known = cli_find(words[0], NULL) != NULL;
    return unknown(known ? words[0] : NULL, known ? words[1] : words[0]);
}

int cli_completion(int argc, char **argv)
{
    (void)argc;
    return manual_completion(stdout, argv[1]);
}

/* Puts the verb, which may follow options, behind its noun: {noun, verb, the rest}. -> its place; 0: there is none. */
static int find_verb(const char *noun, int argc, char **argv)
{
    struct usage u = {0};
    for (const struct cli_command *c = cli_commands; c->name; c++)
        if (noun_is(c, noun)) usage_add(&u, c->usage);
    int at = usage_word(&u, argc, argv);
    if (!at) return 0;
    char *verb = argv[at];
    memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof *argv);
    argv[1] = verb;
    return 1;
}

static int run(int argc, char **argv)
{
    const struct cli_command *c = cli_find(argv[0], NULL);
    if (!c) return unknown(NULL, argv[0]);
    int words = 1;
    if (verb_of(c)) {
        if (!find_verb(argv[0], argc, argv)) return no_verb(argv[0]);
        c = cli_find(argv[0], argv[1]);
        if (!c) return unknown(argv[0], argv[1]);
        words = 2;
    }
    struct usage u = {0};
    usage_add(&u, c->usage);
    if (c->run == cli_serve) usage_add(&u, "[--trial FD]"); /* by a running server only: trial.c */
    int code = usage_check(&u, c->name, argc - words, argv + words);
    return code == EXIT_OK ? c->run(argc, argv) : code;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        manual_overview(stderr);
        return EXIT_USAGE;
    }
    for (int i = 1; i < argc && i < 3; i++) /* one or several: people say either */
        if (!strcmp(argv[i], "plugins") && (i == 1 || !strcmp(argv[1], "help"))) argv[i] = (char *)"plugin";
    if (!strcmp(argv[1], "--version")) argv[1] = (char *)"version";
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) argv[1] = (char *)"help";
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") != 0 && strcmp(argv[i], "-h") != 0) continue;
        bool verb = i > 2 && cli_find(argv[1], argv[2]);
        return cli_help(verb ? 3 : 2, (char *[]){argv[0], argv[1], argv[2]});
    }
    return run(argc - 1, argv + 1);
}
