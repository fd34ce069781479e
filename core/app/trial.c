/* trial.c: a program shows that it can take over, as a child of the one that it is to replace.
 *
 *   running program (replace.c)           new program: gifd serve ... --trial VERSION:CONTROL:SETTINGS
 *   fork, exec -------------------------> reads its options, configuration, plugins; builds a generation and loads it,
 *                                         as its workers will; writes its flat settings to the memory at SETTINGS
 *              <----BUILT bundle---------
 *              -----MIGRATE-------------> applies the bundle's migrations
 *              <----MIGRATED------------- ends
 *
 * Nothing of the running server has changed until here but rows that wait for the new program (migrations only add).
 * The settings are bytes whose layout only this very program knows: it reads them after the exec (takeover.c). */
#include "app/handover.h"
#include "app/services.h"
#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ORDER_MS 120000

static int load(const struct datadir *d, const char *bundle, struct err *e)
{
    struct services s;
    struct services_options o = {.dir = d, .role = "command", .wake_fd = -1, .media_running = 1};
    int rc = services_open(&s, &o, e);
    if (rc == GIFD_OK) rc = host_prepare(s.host, bundle, 0, "", e);
    services_close(&s);
    return rc;
}

/* True too when there is none yet: then it will be made in this program's layout. */
static bool segment_is_ours(const struct datadir *d)
{
    struct err e = {0};
    char path[PATH_LEN];
    datadir_join(d, "segment", path);
    struct segment *s = segment_open(path, false, &e);
    segment_close(s);
    return s || e.code == GIFD_ENOTFOUND;
}

static int wait_for_order(int control)
{
    struct pollfd p = {.fd = control, .events = POLLIN};
    struct control_message m;
    if (poll(&p, 1, ORDER_MS) != 1 || control_receive(control, &m) != 1) return -1;
    return m.type == CONTROL_MIGRATE ? 0 : -1;
}

static int on_trial(const struct serve_options *o, int control, int settings)
{
    static struct builder_report r;
    struct datadir d;
    struct err e = {0};
    if (datadir_open(&d, o->data, &e) < 0) return control_send(control, CONTROL_BUILT, e.code, e.text);
    builder_make(&d, o, NULL, &r);
    if (r.rc != GIFD_OK) return control_send(control, CONTROL_BUILT, r.rc, r.text);
    int rc = load(&d, r.settings.bundle, &e);
    if (rc == GIFD_OK) rc = flat_settings_save(&r.settings, settings, &e);
    if (rc == GIFD_OK) rc = flat_settings_restore(settings, &(struct flat_settings){0}, &e); /* as it will have to */
    if (rc != GIFD_OK) return control_send(control, CONTROL_BUILT, rc, e.text);
    if (control_send(control, CONTROL_BUILT, segment_is_ours(&d) ? 0 : 1, r.settings.bundle) < 0) return -1;
    if (wait_for_order(control) < 0) return -1;
    rc = builder_apply(&d, &r);
    return control_send(control, CONTROL_MIGRATED, rc, r.text);
}

int trial_run(const struct serve_options *o)
{
    int version, control, settings;
    if (sscanf(o->trial, "%d:%d:%d", &version, &control, &settings) != 3 || control < 3 || settings < 3 ||
        fcntl(control, F_SETFD, FD_CLOEXEC) < 0 || fcntl(settings, F_SETFD, FD_CLOEXEC) < 0)
        return cli_usage("serve", "--trial is for a running server that tries its successor");
    log_role_set("trial");
    log_level_set(LOG_WARN);
    if (version == HANDOVER_VERSION) return on_trial(o, control, settings) < 0 ? EXIT_FAILED : EXIT_OK;
    struct err e = {0};
    err_set(&e, GIFD_EUNSUPPORTED, "version %s takes over by handover version %d, not %d", GIFD_VERSION,
            HANDOVER_VERSION, version);
    control_send(control, CONTROL_BUILT, e.code, e.text);
    return EXIT_FAILED;
}
