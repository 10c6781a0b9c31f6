/*
 * notify.h - what a service and systemd tell each other, in libc alone: sd_notify(3),
 * sd_watchdog_enabled(3), sd_listen_fds(3).
 */
#ifndef OCSP_NOTIFY_H
#define OCSP_NOTIFY_H

/* Sends "READY=1", "STATUS=…" and the like to $NOTIFY_SOCKET, a path or an abstract name ("@…").
 * Without one, or when nobody listens there, nothing happens: it is news, not work. errno is
 * preserved. */
void notify_send(const char *state);

/* Within how many milliseconds the manager wants to hear WATCHDOG=1 again (send it twice as often);
 * 0: it does not. */
int notify_watchdog_ms(void);

/* How many sockets were passed, from descriptor 3 on; they are close-on-exec from then on. 0: none,
 * or not to this process. The variables that say so are removed: ask once. */
#define NOTIFY_FIRST_FD 3
int notify_listen_fds(void);

#endif
