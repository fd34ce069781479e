/* strikes.h: which plugins have brought a process down, and which are switched off for it.
 *
 * A process that had to be killed because its loop stood still, that crashed, or that gave up, is blamed on the plugin
 * named in its slot of the segment ("plugin/what"). STRIKES of them within STRIKES_NS switch the plugin off: processes
 * load without it, its routes answer 503. That lasts, also over a restart (DATA/generations/disabled), until other
 * files are loaded, the operator reloads, or `gifd plugin enable NAME`. */
#ifndef GIFD_APP_STRIKES_H
#define GIFD_APP_STRIKES_H

#include "app/app.h"

#define STRIKES 3
#define STRIKES_NS (600ull * 1000000000)
#define DISABLED_MAX 32

struct supervisor;

struct disabled {
    size_t count;
    struct {
        char name[PLUGIN_NAME_LEN], reason[160];
    } plugin[DISABLED_MAX];
};

struct strikes {
    struct {
        char name[PLUGIN_NAME_LEN];
        uint64_t at_ns[STRIKES]; /* the last ones; 0: none */
    } of[PLUGINS_MAX];
    size_t count;
};

/* A process ended for what its slot names: blame "plugin/what" ("" is nobody). how: "killed: stood still". */
void strikes_note(struct supervisor *s, const char *process, const char *blame, const char *how);
unsigned strikes_recent(const struct strikes *k, const char *plugin, uint64_t now_ns);
void strikes_forget(struct strikes *k, const char *plugin); /* NULL: all */

const char *disabled_reason(const struct disabled *d, const char *plugin); /* NULL: it is not switched off */
bool disabled_remove(struct disabled *d, const char *plugin);
size_t disabled_text(const struct disabled *d, char *out, size_t cap); /* a name a line */
void disabled_load(const struct datadir *dir, struct disabled *d);
void disabled_save(const struct datadir *dir, const struct disabled *d); /* durable; a failure is logged */

#endif
