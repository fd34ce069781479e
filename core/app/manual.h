/* manual.h: the table of commands (main.c) as people, man, Markdown and shells want it. All of it is printed from the
 * table; each returns an enum exit_code. */
#ifndef GIFD_APP_MANUAL_H
#define GIFD_APP_MANUAL_H

#include <stdbool.h>
#include <stdio.h>

int manual_overview(FILE *to); /* a line for each command */
/* A command, all verbs of a noun, or a topic; false: there is none of that name. verb may be NULL. */
bool manual_topic(FILE *to, const char *noun, const char *verb);
int manual_man(FILE *to);                           /* roff, section 1 */
int manual_markdown(FILE *to);                      /* docs/reference/cli.md */
int manual_completion(FILE *to, const char *shell); /* bash, zsh, fish; completion.c */

#endif
