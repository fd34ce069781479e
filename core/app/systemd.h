/* systemd.h: what a service manager of this kind gives and wants, by its documented environment variables; without them
 * nothing here does anything. sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3). The supervisor only. */
#ifndef GIFD_APP_SYSTEMD_H
#define GIFD_APP_SYSTEMD_H

#include <stddef.h>
#include <stdint.h>

/* Takes over the sockets at LISTEN_FDS (at a start, not after a replacement) and reads the watchdog's period. */
void systemd_begin(void);
/* The passed socket that listens on `address` ("127.0.0.1:80", "[::]:80"), non-blocking, close-on-exec, given away;
 * url as of http_listen_socket. -1: none. */
int systemd_socket(const char *address, char *url, size_t cap);
void systemd_close_rest(void); /* passed sockets that nobody wanted; says so in the log */

void systemd_ready(void);
void systemd_reloading(void); /* until systemd_ready */
void systemd_stopping(void);
void systemd_alive(void); /* each turn; tells the watchdog when its time has come */

#endif
