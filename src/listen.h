/*
 * listen.h - accepts connections and forks one short-lived instance for each, without exec.
 */
#ifndef OCSP_LISTEN_H
#define OCSP_LISTEN_H

#include "answer.h"
#include "keeper.h"

#define LISTEN_SOCKETS 32

struct listener {
	int fd[LISTEN_SOCKETS];
	int n;
	struct keeper keeper;
};

/* Takes the sockets that systemd passed (LISTEN_FDS). E_NOT_FOUND if there are none; E_DATA if there
 * are more than LISTEN_SOCKETS: clients of the others would wait for ever. */
MUST_CHECK enum err listener_take(struct listener *l);

/* Opens a socket on "ADDRESS:PORT", "[ADDRESS]:PORT" or "PORT" (then on loopback only). E_USAGE:
 * not such a text; E_IO: errno says why. */
MUST_CHECK enum err listener_open(struct listener *l, const char *where);

/* Serves until SIGTERM or SIGINT, or until ends() says so, which is asked every few seconds; then
 * waits for the instances at work. reload is called upon SIGHUP. serve_one runs in the child. */
struct listen_work {
	int max_connections, max_per_source;
	int drain_ms;
	void *context;
	void (*serve_one)(void *context, int connection);
	void (*reload)(struct listen_work *w);
	bool (*ends)(void *context);
};
MUST_CHECK enum err listener_run(struct listener *l, struct listen_work *w);

/* In an instance: has the listener read its configuration again, been told to stop, or ended, since
 * it made this one? */
bool listener_has_moved_on(void);

#endif
