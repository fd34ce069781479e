/* completion.c: what makes bash, zsh and fish complete gifd's commands, printed from the table of commands. Which files
 * there are, the shell itself knows; what a server has is not asked for. */
#include "app/app.h"
#include "app/manual.h"
#include "app/usage.h"

#include <stdio.h>
#include <string.h>

#define S(s) (int)(s).n, (s).p

static const char *verb_of(const struct cli_command *c)
{
    const char *space = strchr(c->name, ' ');
    return space ? space + 1 : NULL;
}

static struct slice noun_of(const struct cli_command *c)
{
    return slice_of(c->name, strcspn(c->name, " "));
}

static bool is_first(const struct cli_command *c) /* of its noun */
{
    struct slice noun = noun_of(c);
    for (const struct cli_command *b = cli_commands; b < c; b++)
        if (slice_eq(noun_of(b), noun)) return false;
    return true;
}

enum kind { NOTHING, FILES, FOLDERS, CHOICE };

static enum kind kind_of(struct slice value)
{
    if (slice_is(value, "FILE") || slice_is(value, "OUT") || slice_is(value, "ARG")) return FILES;
    if (slice_is(value, "DIR") || slice_is(value, "FOLDER")) return FOLDERS;
    return usage_choice(value, 0).n ? CHOICE : NOTHING;
}

static void print_choices(FILE *to, struct slice words)
{
    struct slice one;
    for (size_t i = 0; (one = usage_choice(words, i)).n; i++) fprintf(to, "%s%.*s", i ? " " : "", S(one));
}

static void print_options(FILE *to, const struct usage *u)
{
    const char *between = "";
    for (size_t i = 0; i < u->count; i++) {
        if (!u->item[i].option) continue;
        fprintf(to, "%s%.*s", between, S(u->item[i].name));
        between = " ";
    }
}

/* "keys" -> "list rotate revoke" */
static void print_verbs(FILE *to, struct slice noun)
{
    const char *between = "";
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (!verb_of(c) || !slice_eq(noun_of(c), noun)) continue;
        fprintf(to, "%s%s", between, verb_of(c));
        between = " ";
    }
}

static void print_nouns(FILE *to)
{
    const char *between = "";
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (!is_first(c)) continue;
        fprintf(to, "%s%.*s", between, S(noun_of(c)));
        between = " ";
    }
}

/* ---- bash ---- */

/* What stands where `value` is wanted, as arguments of compgen. */
static void bash_value(FILE *to, struct slice value)
{
    switch (kind_of(value)) {
    case FILES: fputs("-f", to); break;
    case FOLDERS: fputs("-d", to); break;
    case CHOICE:
        fputs("-W '", to);
        print_choices(to, value);
        fputs("'", to);
        break;
    default: fputs("-W ''", to);
    }
}

static void bash_command(FILE *to, const struct cli_command *c)
{
    struct usage u = {0};
    struct slice word = SLICE("");
    usage_add(&u, c->usage);
    fprintf(to, "    '%s')\n        options='", c->name);
    print_options(to, &u);
    fputs("'\n        case $previous in\n", to);
    for (size_t i = 0; i < u.count; i++) {
        const struct usage_item *item = &u.item[i];
        if (!item->option && (!word.n || item->repeats)) word = item->name;
        if (!item->option || !item->value.n) continue;
        fprintf(to, "        %.*s) want=(", S(item->name));
        bash_value(to, item->value);
        fputs(") options= ;;\n", to);
    }
    fputs("        *) want=(", to);
    bash_value(to, word);
    fputs(") ;;\n        esac\n        ;;\n", to);
}

static void bash(FILE *to)
{
    fputs("# gifd's commands for bash: source <(gifd completion bash)\n_gifd() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} "
          "verbs=\n"
          "    local options= want=(-W '')\n    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        COMPREPLY=($(compgen -W '",
          to);
    print_nouns(to);
    fputs("' -- \"$word\"))\n        return\n    fi\n    case $command in\n", to);
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (!is_first(c) || !verb_of(c)) continue;
        fprintf(to, "    %.*s) verbs='", S(noun_of(c)));
        print_verbs(to, noun_of(c));
        fputs("' ;;\n", to);
    }
    fputs("    help) [ \"$COMP_CWORD\" -eq 2 ] && verbs='", to);
    print_nouns(to);
    for (const struct cli_topic *t = cli_topics; t->name; t++)
        if (!cli_find(t->name, NULL)) fprintf(to, " %s", t->name);
    fputs("' ;;\n    esac\n    if [ -n \"$verbs\" ]; then\n"
          "        if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
          "            COMPREPLY=($(compgen -W \"$verbs\" -- \"$word\"))\n            return\n        fi\n"
          "        command=\"$command ${COMP_WORDS[2]}\"\n    fi\n    case $command in\n",
          to);
    for (const struct cli_command *c = cli_commands; c->name; c++) bash_command(to, c);
    fputs("    esac\n    case $word in\n    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
          "    *) COMPREPLY=($(compgen \"${want[@]}\" -- \"$word\")) ;;\n    esac\n"
          "    [ -n \"$word\" ] || [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -W \"$options\"))\n"
          "}\ncomplete -o filenames -F _gifd gifd\n",
          to);
}

/* ---- zsh ---- */

/* In single quotes, in the little language of _arguments. */
static void zsh_text(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", to);
        else if (strchr(":[]\\", *text))
            fprintf(to, "\\%c", *text);
        else
            fputc(*text, to);
    }
}

static void zsh_value(FILE *to, struct slice value)
{
    fprintf(to, ":%.*s:", kind_of(value) == CHOICE ? 4 : (int)value.n, kind_of(value) == CHOICE ? "word" : value.p);
    switch (kind_of(value)) {
    case FILES: fputs("_files", to); break;
    case FOLDERS: fputs("_files -/", to); break;
    case CHOICE:
        fputc('(', to);
        print_choices(to, value);
        fputc(')', to);
        break;
    default: fputc(' ', to);
    }
}

static void zsh_arguments(FILE *to, const struct cli_command *c)
{
    struct usage u = {0};
    usage_add(&u, c->usage);
    fputs("_arguments -s", to);
    for (size_t i = 0; i < u.count; i++) {
        const struct usage_item *item = &u.item[i];
        fprintf(to, " '%s", item->repeats ? "*" : "");
        if (item->option) fprintf(to, "%.*s", S(item->name));
        if (!item->option || item->value.n) zsh_value(to, item->option ? item->value : item->name);
        fputc('\'', to);
    }
    fputs(" ;;\n", to);
}

static void zsh_described(FILE *to, const char *tag, struct slice noun)
{
    fprintf(to, "_values '%s'", tag);
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (noun.n ? !slice_eq(noun_of(c), noun) : !is_first(c)) continue;
        if (noun.n)
            fprintf(to, " '%s[", verb_of(c));
        else
            fprintf(to, " '%.*s[", S(noun_of(c)));
        if (!noun.n && verb_of(c))
            print_verbs(to, noun_of(c));
        else
            zsh_text(to, c->summary);
        fputs("]'", to);
    }
}

static void zsh(FILE *to)
{
    fputs("#compdef gifd\n# gifd's commands for zsh: gifd completion zsh >FOLDER/_gifd, in a FOLDER of $fpath\n_gifd() "
          "{\n"
          "    local -a line\n    local command\n    if (( CURRENT == 2 )); then\n        ",
          to);
    zsh_described(to, "command", SLICE(""));
    fputs("\n        return\n    fi\n    command=$words[2]\n    shift words; (( CURRENT-- ))\n    case $command in\n",
          to);
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (!is_first(c)) continue;
        fprintf(to, "    %.*s) ", S(noun_of(c)));
        if (!verb_of(c)) {
            zsh_arguments(to, c);
            continue;
        }
        fputs("\n        if (( CURRENT == 2 )); then\n            ", to);
        zsh_described(to, "verb", noun_of(c));
        fputs("\n            return\n        fi\n        command=$words[2]\n        shift words; (( CURRENT-- ))\n"
              "        case $command in\n",
              to);
        for (const struct cli_command *v = c; v->name; v++) {
            if (!slice_eq(noun_of(v), noun_of(c))) continue;
            fprintf(to, "        %s) ", verb_of(v));
            zsh_arguments(to, v);
        }
        fputs("        esac ;;\n", to);
    }
    fputs("    esac\n}\nif [ \"$funcstack[1]\" = _gifd ]; then _gifd \"$@\"; else compdef _gifd gifd; fi\n", to);
}

/* ---- fish ---- */

static void fish_text(FILE *to, const char *text)
{
    for (; *text; text++) fprintf(to, strchr("'\\", *text) ? "\\%c" : "%c", *text);
}

static void fish_options(FILE *to, const struct cli_command *c)
{
    struct usage u = {0};
    usage_add(&u, c->usage);
    for (size_t i = 0; i < u.count; i++) {
        const struct usage_item *item = &u.item[i];
        struct slice value = item->option ? item->value : item->name;
        enum kind kind = kind_of(value);
        if (!item->option && kind == NOTHING) continue;
        fprintf(to, "complete -c gifd -n '__gifd_is %s'", c->name);
        if (item->option && item->name.p[1] == '-')
            fprintf(to, " -l %.*s", S(slice_of(item->name.p + 2, item->name.n - 2)));
        if (item->option && item->name.p[1] != '-') fprintf(to, " -s %c", item->name.p[1]);
        if (item->option && value.n) fputs(kind == FILES ? " -r" : " -x", to);
        if (value.n && kind == FILES) fputs(" -F", to);
        if (value.n && kind == FOLDERS) fputs(" -a '(__fish_complete_directories (commandline -ct))'", to);
        if (value.n && kind == CHOICE) {
            fputs(" -a '", to);
            print_choices(to, value);
            fputs("'", to);
        }
        fputc('\n', to);
    }
}

static void fish(FILE *to)
{
    fputs("# gifd's commands for fish: gifd completion fish >~/.config/fish/completions/gifd.fish\n"
          "function __gifd_is\n    set -l words (commandline -opc)\n    set -l last (math (count $argv) + 1)\n"
          "    test (count $words) -ge $last; and test \"$words[2..$last]\" = \"$argv\"\nend\n"
          "function __gifd_begins\n    set -l words (commandline -opc)\n"
          "    test (count $words) -eq (math (count $argv) + 1); and test \"$words[2..]\" = \"$argv\"\nend\n"
          "complete -c gifd -f\n",
          to);
    for (const struct cli_command *c = cli_commands; c->name; c++) {
        if (is_first(c)) {
            fprintf(to, "complete -c gifd -n '__gifd_begins' -a '%.*s' -d '", S(noun_of(c)));
            if (verb_of(c))
                print_verbs(to, noun_of(c));
            else
                fish_text(to, c->summary);
            fputs("'\n", to);
        }
        if (verb_of(c)) {
            fprintf(to, "complete -c gifd -n '__gifd_begins %.*s' -a '%s' -d '", S(noun_of(c)), verb_of(c));
            fish_text(to, c->summary);
            fputs("'\n", to);
        }
        fish_options(to, c);
    }
}

int manual_completion(FILE *to, const char *shell)
{
    if (!strcmp(shell, "bash"))
        bash(to);
    else if (!strcmp(shell, "zsh"))
        zsh(to);
    else
        fish(to);
    return EXIT_OK;
}
